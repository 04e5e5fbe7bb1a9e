"""Compare what two checkouts leave behind for the same commands, to the last digit.

    python scripts/same_results.py OTHER [NAME ...]

Runs each case (`same_cases.py`) here and in OTHER, by the interpreter that runs this script and the `src/` and
`conf/` of either checkout, on one thread. Then compares all that the cases left: results, leaderboards, curves, events,
weights, logs, reports, and what `onelayer predict`, `evaluate`, `summary`, `card` and `export` say of the runs. Clocks,
versions, paths and the inside of checkpoints may differ (`outcomes.py`). Each other difference is printed, and the exit
code is 1 then.
"""

import argparse
import gc
import importlib
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from outcomes import differences, outcome
from same_cases import CASES, Step, estimators

HERE = Path(__file__).resolve().parents[1]
# imported once, before copies of the process run the commands: these cost more than most commands
HEAVY = (
    *("lightning.pytorch", "torchmetrics.functional", "sklearn.linear_model", "sklearn.datasets", "scipy.stats"),
    *("hydra", "pydantic", "duckdb", "matplotlib.figure", "tensorboard.compat.proto.event_pb2", "rich.table"),
)
ENVIRONMENT = {
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")},
    **{"PYTHONHASHSEED": "0", "TZ": "UTC", "COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1", "HYDRA_FULL_ERROR": "0"},
}
LONGEST = 300  # seconds of a step
SHOWN = 12


def run_case(checkout: Path, name: str, folder: Path) -> None:
    """Run the steps of a case in a folder, each in a copy of this process; write down how they ended."""
    folder.mkdir(parents=True)
    for file, text in CASES[name].files.items():
        (folder / file).write_text(text())
    ends = []
    for number, step in enumerate(CASES[name].steps):
        child = os.fork()
        if not child:
            _become(checkout, step, folder, _named(number, step))
        ends.append({"command": " ".join(step.words), "code": _end(child, step, folder)})
    (folder / "steps.json").write_text(json.dumps(ends))


def _named(number: int, step: Step) -> str:
    return f"step{number}.{Path(step.words[0]).stem}"


def _end(child: int, step: Step, folder: Path) -> int:
    """Return the exit code of a process; it is killed where its step says so, and when it takes too long."""
    until = time.monotonic() + LONGEST
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until or (step.killed_at and any(folder.glob(step.killed_at))):
            os.kill(child, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        time.sleep(0.005)


def _become(checkout: Path, step: Step, folder: Path, name: str) -> NoReturn:
    """Spend what is left of this process on a step."""
    code = 70
    try:
        os.chdir(folder)
        for number, file in ((0, os.devnull), (1, f"{name}.out"), (2, f"{name}.err")):
            os.dup2(os.open(file, os.O_RDWR | os.O_CREAT, 0o644), number)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.argv = [*step.words]
        if step.words[0] == "onelayer":
            scripts = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["scripts"]
            module, _, function = scripts["onelayer"].partition(":")
            getattr(importlib.import_module(module), function)()
        elif step.words[0] == "estimators":
            estimators()
        else:
            runpy.run_path(str(checkout / step.words[0]), run_name="__main__")
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def work(checkout: Path, names: Sequence[str], folder: Path) -> None:
    """Run cases by the source of a checkout, as the interpreter that PYTHONPATH shows it to."""
    source = checkout / "src"
    # another checkout may be installed into this environment
    others = [one for one in sys.path if (Path(one) / "onelayer" / "__init__.py").is_file()]
    sys.path[:] = [str(source), *(one for one in sys.path if one not in others)]
    for name in HEAVY:
        importlib.import_module(name)
    package = importlib.import_module("onelayer")
    assert Path(str(package.__file__)).is_relative_to(source), f"{package.__file__} is not of {checkout}"
    gc.collect()
    gc.freeze()
    for name in names:
        run_case(checkout, name, folder / name)
    os._exit(0)  # what is frozen would be reported as leaks


def compare(names: Sequence[str], there: Path, here: Path, masks: Mapping[str, str]) -> int:
    """Print how each case ended; return the number of those that did not end alike."""
    unlike = 0
    for name in names:
        failed = [(side, step) for side in (there, here) for step in _failed(name, side / name)]
        values = [outcome(folder / name, masks, CASES[name].free) for folder in (there, here)]
        found = list(differences(*values))
        unlike += bool(found or failed)
        print(f"{name:12} {len(values[1]):6} values  {f'{len(found)} differ' if found else 'equal'}")
        for side, step in failed:
            print(f"    failed {'there' if side == there else 'here'}: {step}")
        for key, before, after in found[:SHOWN]:
            print(f"    {key}: {before} there, {after} here")
        if len(found) > SHOWN:
            print(f"    and {len(found) - SHOWN} more")
    return unlike


def _failed(name: str, folder: Path) -> list[str]:
    """Return the steps of a case that ended otherwise than they should have, with the last line of what they said."""
    found = []
    ends = json.loads((folder / "steps.json").read_text())
    for number, (step, end) in enumerate(zip(CASES[name].steps, ends, strict=True)):
        if end["code"] != (-signal.SIGKILL if step.killed_at else 0):
            said = (folder / f"{_named(number, step)}.err").read_text().strip().splitlines()[-1:]
            found.append(f"{end['command']}: exit code {end['code']} {' '.join(said)}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"cases, default all: {', '.join(CASES)}")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="leave what the cases left in FOLDER/a (OTHER) and FOLDER/b (here)"
    )
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.names or list(CASES)
    if wrong := [name for name in names if name not in CASES]:
        parser.error(f"{wrong[0]}: there is no such case; one of {', '.join(CASES)}")
    if arguments.work:
        work(arguments.other, names, arguments.work)
        return 0
    checkouts = {"a": arguments.other.resolve(), "b": HERE}
    root = Path(tempfile.mkdtemp(prefix="same_")) if arguments.keep is None else arguments.keep.resolve()
    try:
        workers = [
            subprocess.Popen(
                [sys.executable, __file__, str(checkout), *names, "--work", str(root / side)],
                env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(checkout / "src")},
            )
            for side, checkout in checkouts.items()
        ]
        if sum(abs(worker.wait()) for worker in workers):
            return 1
        masks = {str(root / side): "FOLDER" for side in checkouts} | {
            str(one): "CHECKOUT" for one in checkouts.values()
        }
        unlike = compare(names, root / "a", root / "b", masks)
    finally:
        if arguments.keep is None:
            shutil.rmtree(root, ignore_errors=True)
    print(f"{unlike} of {len(names)} cases differ" if unlike else f"{len(names)} cases are equal")
    return bool(unlike)


if __name__ == "__main__":
    sys.exit(main())
