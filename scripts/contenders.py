"""The contenders of `bench_sweep.py`, each a whole process, and what they leave behind."""

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

SCRIPTS = Path(__file__).resolve().parent
BATCH, EPOCHS = 128, 30
DATA = ["data=linear", "data.n_samples=10000", "data.n_features=100", f"data.batch_size={BATCH}"]
# (optimizer, learning rate) -> loss of all train rows at the end
Losses = dict[tuple[str, float], float]


@dataclass(frozen=True)
class Process:
    """A process that has ended well.

    Attributes:
        seconds: from its start to its end, Python's own start included.
        peak: the most memory it held, in bytes; where that is less than the benchmark's own, Linux tells the latter.
        losses: of its runs.
        training: seconds of optimizer steps, by optimizer, where it says so.
        disk: bytes of all files, where it was measured.
    """

    seconds: float
    peak: int
    losses: Losses
    training: dict[str, float]
    disk: int = 0


def run(command: Sequence[str], folder: Path) -> tuple[float, int, str]:
    """Run a Python script in a folder; return its seconds, its peak memory in bytes, and what it printed."""
    log = folder.with_suffix(".log")
    began = time.perf_counter()
    with log.open("w") as file:
        child = subprocess.Popen([sys.executable, *command], stdout=file, stderr=subprocess.STDOUT, cwd=folder)
        _, status, usage = os.wait4(child.pid, 0)  # the usage of this child alone
    taken = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}\n{log.read_text()[-4000:]}")
    return taken, usage.ru_maxrss * 1024, log.read_text()


def new_folder(parent: Path) -> Path:
    """Make a folder that nothing was deleted from: the file system would still be busy with that."""
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent))


def fused(out: Path, accelerator: str, *swept: str) -> Process:
    """Sweep with onelayer; `swept` as one types it."""
    folder = new_folder(out)
    command = [str(SCRIPTS.parent / "src" / "train.py"), "-m", *DATA, f"trainer={accelerator}"]
    command += [f"trainer.max_epochs={EPOCHS}", *swept, f"hydra.sweep.dir={folder}"]
    seconds, peak, _ = run(command, folder)
    losses: Losses = {}
    training: dict[str, float] = {}
    for path in folder.glob("*/result.json"):
        result = json.loads(path.read_text())
        (optim,) = (one.partition("=")[2] for one in result["overrides"] if one.startswith("optim="))
        loss = result["metrics"]["train/loss"]
        losses[optim, result["lr"]] = float("inf") if loss is None else loss
        training[optim] = training.get(optim, 0.0) + result["seconds"]
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Process(seconds, peak, losses, training, disk)


def idiomatic(out: Path, accelerator: str, rows: Path, optims: Iterable[str], lrs: Iterable[float]) -> Process:
    """Run idiomatic.py: one job as it is, several under Hydra's basic launcher."""
    folder = new_folder(out)
    optim, lr = ",".join(optims), ",".join(map(repr, lrs))
    where = [f"hydra.run.dir={folder}/0"]
    if "," in optim + lr:
        where = ["-m", f"hydra.sweep.dir={folder}"]
    setting = [f"data={rows}", f"accelerator={accelerator}", f"batch_size={BATCH}", f"max_epochs={EPOCHS}"]
    command = [str(SCRIPTS / "idiomatic.py"), *where, *setting, f"optim={optim}", f"lr={lr}"]
    seconds, peak, _ = run(command, folder)
    return Process(seconds, peak, _losses(json.loads(path.read_text()) for path in folder.glob("*/metrics.json")), {})


def by_hand(out: Path, accelerator: str, rows: Path, optims: Iterable[str], lrs: Iterable[float]) -> Process:
    """Run by_hand.py, the shortest loop."""
    folder = new_folder(out)
    losses, device = folder / "losses.json", "cuda" if accelerator == "gpu" else accelerator
    listed = [",".join(optims), ",".join(map(repr, lrs))]
    setting = [str(BATCH), str(EPOCHS)]
    command = [str(SCRIPTS / "by_hand.py"), str(rows), str(losses), device, *setting, *listed]
    seconds, peak, _ = run(command, folder)
    return Process(seconds, peak, _losses(json.loads(losses.read_text())), {})


def arithmetic(out: Path, accelerator: str, runs: int) -> dict[str, dict[str, float]]:
    """Run arithmetic.py; return what it found."""
    device = "cuda" if accelerator == "gpu" else accelerator
    _, _, printed = run([str(SCRIPTS / "arithmetic.py"), device, str(runs)], new_folder(out))
    found: dict[str, dict[str, float]] = json.loads(printed.splitlines()[-1])
    return found


def scikit(rows: Path, lrs: Iterable[float]) -> tuple[float, Losses]:
    """Fit scikit-learn's SGDRegressor run by run; return the seconds of all fits, and the losses of SGD.

    It steps after each row, down the slope of half the squared error: 2 * lr / batch moves the weights, over a
    batch of rows, as far as one step of lr down the slope of the batch's mean squared error.
    """
    from sklearn.linear_model import SGDRegressor

    x, y = (part.numpy() for part in torch.load(rows)["train"])
    y = y[:, 0]
    seconds, losses = 0.0, {}
    for lr in lrs:
        model = SGDRegressor(
            penalty=None,
            learning_rate="constant",
            eta0=2 * lr / BATCH,
            max_iter=EPOCHS,
            tol=None,
            shuffle=True,
            random_state=0,
        )
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.fit(x, y)
        seconds += time.perf_counter() - began
        losses["sgd", lr] = float(((model.predict(x) - y) ** 2).mean())
    return seconds, losses


def _losses(found: Iterable[dict[str, Any]]) -> Losses:
    return {(one["optim"], one["lr"]): one["train/loss"] for one in found}
