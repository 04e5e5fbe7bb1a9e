"""Run the code of a page as its reader would, in one folder, from top to bottom.

docs/contribute/docs.md is the contract.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docs.blocks import Block, PageError, blocks_of, continued
from docs.compare import difference
from docs.files import make

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 300.0  # after which a block hangs
TRAINS = re.compile(r"((?:python src/train\.py|onelayer train)\b)")
# what a page must not depend on
FOREIGN = re.compile(r"HYDRA_|ONELAYER_|PYTEST_|COLUMNS$|LINES$|TERM$|NO_COLOR$|FORCE_COLOR$|CLICOLOR|COV_")


class BlockError(AssertionError):
    """A block that did not do what the page says; the message names the line of the page."""


def chains() -> list[list[Path]]:
    """README.md and all pages of the site that have blocks to run; those that continue each other together, in order.

    Raises:
        PageError: a page continues one that is not there, or another one does so too.
    """
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    after = {continued(page): page for page in found if continued(page)}
    if unknown := after.keys() - {*found}:
        raise PageError(f"{after[unknown.pop()]}: continues a page that is not there")
    chains = []
    for page in [page for page in found if continued(page) is None and blocks_of(page)]:
        chain = [page]
        while (following := after.get(chain[-1])) is not None:
            chain.append(following)
        chains.append(chain)
    return chains


@contextmanager
def warm_process() -> Iterator[dict[str, str]]:
    """Start the process that runs the commands; give the environment in which they find it."""
    with tempfile.TemporaryDirectory(prefix="onelayer_docs_") as name:
        folder = Path(name)
        environment = {key: value for key, value in os.environ.items() if not FOREIGN.match(key)}
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment |= {"DOCS_PYTHON": sys.executable, "DOCS_SOCKET": str(folder / "socket"), "TERM": "dumb"}
        environment["PATH"] = os.pathsep.join((str(folder), str(Path(sys.executable).parent), environment["PATH"]))
        environment["PYTHONPATH"] = str(ROOT / "src")
        for command in ("python", "onelayer"):
            shim = folder / command
            client = Path(__file__).with_name("client.py")
            shim.write_text(f'#!/bin/sh\nexec "$DOCS_PYTHON" -IS "{client}" {command} "$@"\n')
            shim.chmod(0o755)
        server = [sys.executable, "-P", str(Path(__file__).with_name("warm.py")), environment["DOCS_SOCKET"]]
        with subprocess.Popen(server, env=environment, stdout=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                raise BlockError("the warm process did not start")
            try:
                yield environment
            finally:
                os.killpg(process.pid, signal.SIGKILL)


def run_page(page: Path, folder: Path, environment: dict[str, str], *, full: bool = False) -> list[tuple[Path, Path]]:
    """Run all blocks of a page in an empty folder.

    Args:
        page: a Markdown file.
        folder: where its commands run.
        environment: that of `warm_process`.
        full: as `make docs` does: nothing is shortened, and figures must have been drawn.

    Returns:
        The figures of the page, as (where it came from, where the page has it); in full alone.

    Raises:
        BlockError: a block failed, or printed something else than is shown.
    """
    figures: list[tuple[Path, Path]] = []
    with _Session(folder, environment) as session:
        for block in blocks_of(page):
            for names in block.values("files"):
                make(names.split(), folder)
            if block.kind == "figure":
                figures += [_figure(block, folder)] if full else []
            elif "" in _left_out(block):
                continue
            elif block.kind == "python":
                session.run(block)
            elif block.kind == "bash":
                _run_script(block, folder, environment, full)
            else:
                _run_console(block, folder, environment)
    return figures


def _figure(block: Block, folder: Path) -> tuple[Path, Path]:
    source, image = folder / block.values("figure")[-1], (block.page.parent / block.code).resolve()
    if not source.is_file():
        raise BlockError(f"{block.where}: the figure {source.relative_to(folder)} was not drawn")
    return source, image


def _run_script(block: Block, folder: Path, environment: dict[str, str], full: bool) -> None:
    lines = _kept(block, block.code.splitlines())
    for more in [] if full else block.values("run with"):
        lines = [TRAINS.sub(rf"\1 {more}", line) for line in lines]
    trap = """trap 'echo "exit code $? in: $BASH_COMMAND" >&2' ERR\n"""
    code, came = _bash(f"set -eu -o pipefail\n{trap}" + "\n".join(lines), block, folder, environment)
    if code:
        raise BlockError(f"{block.where}: exit code {code}\n{came}")


def _left_out(block: Block) -> list[str]:
    """The words of lines that are not run, empty for the whole block."""
    return [value.partition(":")[2].strip() for value in block.values("not run")]


def _kept(block: Block, lines: list[str]) -> list[str]:
    """The lines that are run: without those that a mark names, each of which must be there."""
    for words in _left_out(block):
        if not any(words in line for line in lines):
            raise BlockError(f"{block.where}: no line has the words of the mark: {words}")
        lines = [line for line in lines if words not in line]
    return lines


def _run_console(block: Block, folder: Path, environment: dict[str, str]) -> None:
    commands = commands_of(block)
    kept = _kept(block, [command for command, _ in commands])
    for command, shown in commands:
        if command not in kept:
            continue
        code, came = _bash(command, block, folder, environment)
        fails = any(line.startswith("error:") for line in shown.splitlines())
        if bool(code) != fails:
            raise BlockError(f"{block.where}: exit code {code} of  {command}\n{came}")
        if found := difference(shown, came):
            raise BlockError(f"{block.where}: {command}\n{found}")


def commands_of(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that is shown."""
    found: list[tuple[str, str]] = []
    for line in block.code.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif not found:
            raise BlockError(f"{block.where}: a console block begins with a command, after `$ `")
        elif found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line.removeprefix('> ')}", "")
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


def _bash(script: str, block: Block, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise BlockError(f"{block.where}: took more than {SECONDS:.0f} seconds\n{script}") from None
        said.seek(0)
        return code, said.read().decode("utf-8", "replace")


class _Session:
    """The namespace of a page's python blocks, in a copy of the warm process; begun by the first of them."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.connection: socket.socket | None = None

    def __enter__(self) -> "_Session":
        self.said = tempfile.TemporaryFile()
        return self

    def __exit__(self, *_: object) -> None:
        if self.connection is not None:
            self.lines.close()
            self.connection.close()
        self.said.close()

    def run(self, block: Block) -> None:
        if self.connection is None:
            self._begin()
        # both processes have one place in the file
        self.said.seek(0)
        self.said.truncate()
        self._send({"page": str(block.page), "line": block.line, "code": block.code})
        code = self._answer(block)
        self.said.seek(0)
        came = self.said.read().decode("utf-8", "replace")
        if code:
            raise BlockError(f"{block.where}: this python block failed\n{came}")
        if block.printed is not None and (found := difference(block.printed, came)):
            raise BlockError(f"{block.where}: {found}")

    def _begin(self) -> None:
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(SECONDS)
        self.connection.connect(self.environment["DOCS_SOCKET"])
        request = {"kind": "session", "argv": [], "cwd": str(self.folder), "environment": self.environment}
        with Path(os.devnull).open("rb") as nothing:
            streams = [nothing.fileno(), self.said.fileno(), self.said.fileno()]
            socket.send_fds(self.connection, [json.dumps(request).encode()], streams)
        self.lines = self.connection.makefile("r")
        assert self.lines.readline() == "ready\n"

    def _send(self, asked: dict[str, object]) -> None:
        assert self.connection is not None
        self.connection.sendall(f"{json.dumps(asked)}\n".encode())

    def _answer(self, block: Block) -> int:
        try:
            answer = self.lines.readline()
        except TimeoutError:
            raise BlockError(f"{block.where}: took more than {SECONDS:.0f} seconds") from None
        return int(answer or "70")
