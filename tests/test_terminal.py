"""What people see: on a terminal, in a pipe, and in the help of each command."""

import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from onelayer.cli import main
from onelayer.terminal.completion import candidates
from onelayer.terminal.usage import COMMANDS
from tests.conftest import Outcome
from tests.processes import FORKS, live

pytestmark = FORKS
Cli = Callable[..., Outcome]
FOREIGN = re.compile("lightning|torch|hydra|warning|matplotlib", re.IGNORECASE)
PATIENCE = 120  # seconds, of a busy machine
QUICK = ("trainer.max_epochs=2", "logger=none")


@dataclass(frozen=True)
class Seen:
    """What a command left on a terminal."""

    code: int
    raw: bytes
    columns: int

    @property
    def lines(self) -> list[str]:
        """The rows of the screen, as a terminal draws what was written to it."""
        rows, at, column = [""], 0, 0
        for sign in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|.", self.raw.decode(), re.DOTALL):
            if sign == "\r":
                column = 0
            elif sign == "\n" or (column == self.columns and sign[0] != "\x1b"):
                at, column = at + 1, 0 if sign != "\n" else column
                rows += [""] * (at == len(rows))
            if sign.endswith("A") and sign[0] == "\x1b":
                at -= int(sign[2:-1])
            elif sign == "\x1b[2K":
                rows[at] = ""
            elif sign[0] not in "\x1b\r\n":
                rows[at] = f"{rows[at]:<{column}}"[:column] + sign + rows[at][column + 1 :]
                column += 1
        return [row.rstrip() for row in rows]


def on_terminal(
    folder: Path, *arguments: str, columns: int = 80, out: Path | None = None, stop_at: str | None = None, **env: str
) -> Seen:
    """Run `onelayer` in a copy of this process on a terminal of its own; Ctrl-C is typed when something is seen."""
    number, terminal = pty.fork()
    if number == 0:

        def on_it() -> None:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
            os.environ.pop("COLUMNS", None)
            os.environ.update({"TERM": "xterm-256color", "HYDRA_FULL_ERROR": "0"} | env)
            if out is not None:
                os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT), 1)
            main()

        live(on_it, ["onelayer", *arguments], folder)
    raw, until = b"", time.monotonic() + PATIENCE
    while True:
        if not select.select([terminal], [], [], PATIENCE)[0] or time.monotonic() > until:
            os.kill(number, signal.SIGKILL)
            pytest.fail(f"it has not ended after {raw[-1000:]!r}")
        try:
            raw += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if stop_at is not None and re.search(
            stop_at, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw.decode(errors="ignore"))
        ):
            os.write(terminal, b"\x03")
            stop_at = None
    os.close(terminal)
    return Seen(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), raw, columns)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sweeps and the table that the examples of the help name."""
    # copies of this process need not wait for these
    import onelayer.inspection
    import onelayer.run  # noqa: F401

    folder = tmp_path_factory.mktemp("user")
    rows = [f"{n},{n % 5 + 1},{'ab'[n % 2]},{10.5 * (n % 5) + 3 * (n % 2) + 0.1 * (n % 7)}" for n in range(60)]
    (folder / "new.csv").write_text("\n".join(["id,rooms,town,price", *rows]) + "\n")
    table = ("data=table", "data.path=new.csv", "data.target=price", "data.drop=[id]", "data.batch_size=full")
    for name, swept in (("lr_study", "optim.lr=0.1,0.01"), ("l2_study", "model.l2=0,0.1")):
        done = on_terminal(folder, "train", "-m", *table, swept, *QUICK, f"hydra.sweep.dir=outputs/{name}")
        assert done.code == 0, done.lines
    return folder


def ended() -> int | str | None:
    """Run the command line; return its exit code."""
    try:
        main()
    except SystemExit as stop:
        return stop.code
    return 0


@pytest.fixture
def run(study: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Run a line of help, with the shell's quotes and without what it would do with the output."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def line(text: str) -> str:
        monkeypatch.chdir(study)
        monkeypatch.setattr(sys, "argv", shlex.split(text))
        with redirect_stdout(StringIO()) as said:
            code = ended()
        assert not code, text
        return said.getvalue()

    return line


def test_a_pipe_gets_plain_lines_each_once_and_none_that_is_not_ours(cli: Cli) -> None:
    run = cli("trainer.max_epochs=1")  # with TensorBoard and its figure
    sweep = cli("-m", "optim=adam,sgd", "optim.lr=0.1,1e30", *QUICK, "hydra.sweep.dir=study")
    one_by_one = cli("-m", "seed=0", *QUICK, "hydra/launcher=basic")
    for outcome in (run, sweep, one_by_one):
        assert (outcome.code, outcome.err) == (0, "")
        assert not re.search(r"[\x1b\r\t ]\n|[\x1b\r]", outcome.out)
        assert not FOREIGN.search(outcome.out), outcome.out
    for outcome in (run, sweep):
        lines = [line for line in outcome.out.splitlines() if line]
        assert len(lines) == len({*lines}), outcome.out
    assert "diverged" in sweep.out


def test_on_a_terminal_lines_end_between_words_and_the_bar_is_gone(study: Path) -> None:
    seen = on_terminal(study, "train", "trainer.max_epochs=40", "logger=none", "hydra.run.dir=outputs/seen")
    assert seen.code == 0, seen.lines
    assert "━" in seen.raw.decode()
    assert not [line for line in seen.lines if "━" in line]
    text = " ".join(line.strip() for line in seen.lines)
    log = (study / "outputs" / "seen" / "train.log").read_text().splitlines()
    for line in log:
        assert line.partition(" onelayer: ")[2].replace("  ", " ") in text.replace("  ", " ")
    assert sum(line.startswith(("diabetes:", "exact", "done")) for line in seen.lines) == len(log) == 3


def test_after_ctrl_c_in_a_narrow_terminal_nothing_is_left_of_the_bar(study: Path) -> None:
    run = ("train", "trainer.max_epochs=1000000", "logger=none", "hydra.run.dir=outputs/cut")
    seen = on_terminal(study, *run, columns=40, stop_at="epoch +[1-9]")
    assert seen.code == 130, seen.lines
    assert not [line for line in seen.lines if "━" in line or line.startswith("epoch")], seen.lines
    assert "interrupted after epoch" in " ".join(seen.lines)


def test_where_only_standard_error_is_a_terminal_the_lines_go_to_the_file(study: Path) -> None:
    out = study / "out.txt"
    seen = on_terminal(study, "train", *QUICK, "hydra.run.dir=outputs/half", out=out)
    assert seen.code == 0, seen.lines
    lines = out.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["diabetes:", "exact", "done"]
    assert "".join(seen.lines) == ""


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("command", ["leaderboard outputs/lr_study", "inspect new.csv", "leaderboard nowhere at all"])
def test_tables_and_errors_fit_the_terminal(study: Path, command: str, columns: int) -> None:
    seen = on_terminal(study, *shlex.split(command), columns=columns)
    words = {word for line in on_terminal(study, *shlex.split(command), columns=400).lines for word in line.split()}
    for line in seen.lines:
        assert len(line) <= columns
        # but for the command, which the terminal breaks: it is there to be copied
        numbers = [] if re.search("=|^[^ ]", line) else re.findall(r"(?<= )-?\d[\d.]*(?:e[+-]?\d+)?(?= |$)", line)
        assert words.issuperset(numbers), line


def test_a_terminal_without_colours_gets_none(study: Path) -> None:
    for command in (["leaderboard", "outputs/lr_study"], ["leaderboard"], ["train", *QUICK, "hydra.run.dir=outputs/d"]):
        assert b"\x1b" not in on_terminal(study, *command, TERM="dumb").raw
    assert b"\x1b[3" not in on_terminal(study, "leaderboard", NO_COLOR="1").raw
    assert b"\x1b[31merror:" in on_terminal(study, "leaderboard").raw


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_examples_and_they_run(study: Path, run: Callable[[str], str], command: str) -> None:
    said = run(f"onelayer {command} --help")
    shown = [line.strip() for line in said.partition("\nExamples\n")[2].splitlines() if line.startswith("  ")]
    commands = [line.replace("python src/train.py", "onelayer train") for line in shown if not line.startswith("#")]
    assert len(commands) >= 2
    if command not in ("train", "landscape"):  # choices of a group are one line
        assert max(map(len, said.splitlines())) <= 80
    for line in [] if command in ("landscape", "report") else commands:  # what draws has tests of its own
        if line.startswith('eval "$('):
            line = line[8:-2]
        line = re.sub(r" (> [\w.]+|\| source)$", "", line)
        if line.startswith("onelayer train"):
            line += " --cfg job" if " -m " not in f"{line} " else f" {' '.join(QUICK)}"
        if "sweep=" in line:
            line += " optim=sgd hydra.sweeper.points=2"
        run(f"{line} --force" if " -o " in line and "report" not in line else line)


def test_completion_knows_commands_flags_keys_and_choices(run: Callable[[str], str]) -> None:
    def of(line: str) -> list[str]:
        return candidates(line, lambda words: print(run(shlex.join(["onelayer", *words]))))

    assert of("onelayer le") == ["leaderboard "]
    assert [one.strip() for one in of("onelayer ")] == [*COMMANDS, "--help", "--version"]
    assert of("onelayer predict outputs/lr_study new.csv --f") == ["--force "]
    assert of("onelayer predict out") == []  # the shell completes files


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("onelayer lead", ["leaderboard "]),
        ("onelayer train -m optim=adag", ["optim=adagrad"]),
        ("onelayer train optim=lbfgs optim.max_i", ["optim.max_iter="]),
    ],
)
def test_tab_in_bash_completes(line: str, found: list[str]) -> None:
    script = (
        f'eval "$(onelayer completion bash)"; COMP_LINE={shlex.quote(line)}; COMP_POINT={len(line)}\n'
        '_onelayer; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", script], env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert (done.stdout.splitlines(), done.stderr) == (found, "")


@pytest.mark.parametrize(
    ("command", "flag", "meant"),
    [("predict", "--outt", "--out"), ("export", "--too", "--to"), ("leaderboard", "--sortt=x", "--sort")],
)
def test_a_flag_that_there_is_not_has_a_nearest_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, flag: str, meant: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["onelayer", command, "run", flag, "x"])
    with pytest.raises(SystemExit, match="2"):
        main()
    name = flag.partition("=")[0]
    said = (
        f"error: onelayer {command}: there is no flag {name}; did you mean '{meant}'?; see onelayer {command} --help\n"
    )
    assert capsys.readouterr().err == said
