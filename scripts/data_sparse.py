"""An epoch over sparse rows for a stack of SGD runs, against scikit-learn's SGDClassifier run by run.

As a script it trains an epoch once, so that its peak memory can be told.
"""

import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, load_npz, save_npz

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from contenders import new_folder, run
from machine import peak_memory
from onelayer.compose import compose_train
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.table import Table
from onelayer.model.module import OneLayer
from onelayer.threads import few_threads
from onelayer.training import stack_of

ROWS, COLUMNS, FILLED, RUNS, ROUNDS = 50_000, 60_000, 100, 64, 5
RATES = np.geomspace(1e-3, 1.0, RUNS)
CASES = {
    "SGD": ["optim=sgd"],  # in every round, the others once
    "SGD, batches of 1024": ["optim=sgd", "data.batch_size=1024"],
    "SGD, l2=1e-4": ["optim=sgd", "model.l2=1e-4"],
    "Adam": ["optim=adam"],
}


def made() -> csr_array:
    """Make rows."""
    rng = np.random.default_rng(0)
    at = np.sort(rng.integers(0, COLUMNS, (ROWS, FILLED)), axis=1).ravel().astype(np.int32)
    starts = np.arange(0, ROWS * FILLED + 1, FILLED, dtype=np.int32)
    x = csr_array((rng.standard_normal(at.size), at, starts), shape=(ROWS, COLUMNS))
    x.sum_duplicates()
    return x


def table(x: csr_array) -> Table:
    """Let a plane part them into two classes."""
    y = (x @ np.random.default_rng(1).standard_normal(COLUMNS) > 0).astype(np.int64)
    return Table(x, y, tuple(f"x{place}" for place in range(COLUMNS)), classes=("no", "yes"))


def stack(rows: Table, rates: np.ndarray[Any, Any], overrides: list[str]) -> tuple[DataModule, OneLayer]:
    """Return a stack with a run for each learning rate; all rows train."""
    whole = ["data=libsvm", "data.path=none", "data.split.val=0", "data.split.test=0"]
    plain = compose_train([*whole, *overrides])
    spec = RunSpec.from_config(plain)
    specs = [spec.model_copy(update={"optim": spec.optim.model_copy(update={"lr": float(lr)})}) for lr in rates]
    data = DataModule(table=rows, **spec.data_keywords(with_source=False))
    data.setup("fit")
    module = stack_of(specs)
    module.attach(data, max_epochs=spec.trainer.max_epochs)
    module.on_fit_start()
    return data, module


def epoch(data: DataModule, module: OneLayer) -> float:
    """Train one, in so many threads as training takes; return the seconds."""
    with few_threads(module.work(data.batch_size)):
        began = time.perf_counter()
        for block in data.train_dataloader():
            module.training_step(block, 0)
        return time.perf_counter() - began


def by_scikit(rows: Table) -> float:
    """Fit each learning rate; return the seconds."""
    from sklearn.linear_model import SGDClassifier

    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rate in RATES:
            model = SGDClassifier(
                loss="log_loss", alpha=1e-4, max_iter=1, tol=None, learning_rate="constant", eta0=rate, random_state=0
            )
            model.fit(rows.features, rows.target)
    return time.perf_counter() - began


def report() -> list[str]:
    """Measure, and return a section of the page."""
    x = made()
    rows = table(x)
    stacks = {name: stack(rows, RATES, overrides) for name, overrides in CASES.items()}
    stacks["SGD, 1 run"] = stack(rows, RATES[:1], CASES["SGD"])
    taken: dict[str, list[float]] = {name: [] for name in stacks}
    fits = []
    for round_ in range(ROUNDS + 1):  # in turn, so that a noisy machine disturbs all alike
        once = by_scikit(rows)
        seconds = {name: epoch(*one) for name, one in stacks.items() if name == "SGD" or round_ == ROUNDS}
        if round_:  # the first one warms up
            fits.append(once)
            for name, one in seconds.items():
                taken[name].append(one)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.npz"
        save_npz(file, x, compressed=False)
        peaks = [
            int(run([__file__, what, str(file)], new_folder(Path(folder)))[2].split()[-1]) for what in ("rows", "stack")
        ]
    ratio = statistics.median(ours / theirs for ours, theirs in zip(taken["SGD"], fits, strict=True))
    lines = [
        "## Sparse rows",
        "",
        f"{ROWS:,} rows x {COLUMNS:,} columns, {FILLED} random ones of each row filled with normal numbers, two "
        "classes. "
        f"onelayer: one epoch of a stack of {RUNS} runs with as many learning rates, float32, batches of 128 where "
        f"nothing else is said, as `conf/data/libsvm.yaml` has it. scikit-learn: {RUNS} fits of "
        "`SGDClassifier(loss='log_loss', alpha=1e-4, max_iter=1, tol=None, learning_rate='constant')`, which steps "
        f"after each row. In turn, after one round to warm up; {ROUNDS} rounds.",
        "",
        "| | seconds, median | min - max | in scikit-learn's |",
        "|---|---|---|---|",
    ]
    for name, found in {f"scikit-learn, {RUNS} fits": fits, **taken}.items():
        share = statistics.median(one / theirs for one, theirs in zip(found, fits[-len(found) :], strict=True))
        spread = f"{min(found):.2f} - {max(found):.2f}" if len(found) > 1 else ""
        lines.append(f"| {name} | {statistics.median(found):.2f} | {spread} | {share:.2f} |")
    return [
        *lines,
        "",
        f"At its peak, preparing the rows and training the {RUNS} SGD runs takes {(peaks[1] - peaks[0]) / 2**20:.0f} "
        f"MiB more than reading the rows, which have {(x.data.nbytes + x.indices.nbytes) / 2**20:.0f} MiB; the weights "
        f"have {RUNS * (COLUMNS + 1) * 4 / 2**20:.0f} MiB.",
        "",
        "Where all runs of a stack are SGD without momentum, the rows of a batch move the weights of the columns that "
        "occur in them alone; a penalty adds two passes over all weights. With another optimizer all weights and its "
        "state move at every step: several passes that cost more than the products, and are fewer with larger batches.",
        "",
        "| | found | wanted | met |",
        "|---|---|---|---|",
        f"| an epoch of {RUNS} SGD runs, in {RUNS} fits of scikit-learn: median of the rounds | {ratio:.2f} | "
        f"below 1 | {'yes' if ratio < 1 else 'no'} |",
    ]


if __name__ == "__main__":
    read = table(load_npz(sys.argv[2]))
    if sys.argv[1] == "stack":
        epoch(*stack(read, RATES, CASES["SGD"]))
    print(peak_memory())
