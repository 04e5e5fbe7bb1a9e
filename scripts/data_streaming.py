"""Rows that stream from disk, against the same training in memory on a part that fits.

As a script it trains once and prints the seconds of each stage.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
from lightning.pytorch import Callback, LightningModule, Trainer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from contenders import new_folder, run
from onelayer.compose import compose_train
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.sources import load
from onelayer.model.metrics import metrics_of
from onelayer.threads import few_threads
from onelayer.training import stack_of

ROWS, PART, COLUMNS, RUNS, BATCH, ROUNDS = 20_000_000, 2_000_000, 20, 64, 1024, 3
MEMORY, SHARE = 2.0, 60
STAGES = ("read", "statistics", "reference", "steps of the epoch", "validation", "measuring train, val and test rows")
# what there is before the first step, and what one more epoch would take
BEFORE, EPOCH = STAGES[:3], STAGES[3:5]
TRAIN = str(Path(__file__).resolve().parents[1] / "src" / "train.py")
RATES = [10 ** (-4 + 3 * place / (RUNS - 1)) for place in range(RUNS)]


def write(path: Path, rows: int) -> None:
    """Write evenly spread float32 as Parquet; the target is a sum of the columns, and noise."""
    spread = "CAST(hash({0}, {1}) / 18446744073709551616 AS FLOAT)"
    features = ", ".join(f"{spread.format('row', place)} AS x{place}" for place in range(COLUMNS))
    target = " + ".join(f"x{place} * {place % 7 - 3}" for place in range(COLUMNS))
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        connection.execute(
            f"COPY (SELECT * EXCLUDE (row), CAST({target} + {spread.format('row', -1)} AS FLOAT) AS y "
            f"FROM (SELECT {features}, row FROM range({rows}) AS made(row))) TO '{path}' "
            "(FORMAT parquet, COMPRESSION uncompressed)"
        )


def overrides(path: Path, *, stream: bool) -> list[str]:
    return [
        "data=table",
        f"data.path={path}",
        "data.target=y",
        f"data.stream={str(stream).lower()}",
        f"data.batch_size={BATCH}",
        "optim=sgd",
        "trainer.max_epochs=1",
        "logger=none",
    ]


class Clock(Callback):
    """Notes when the steps of an epoch begin and end, and when validation does."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.marks.append(time.perf_counter())

    on_validation_start = on_validation_end = on_train_epoch_start


def train(path: Path, *, stream: bool) -> dict[str, Any]:
    """Train all runs for an epoch, stage by stage; return the seconds of each, and the rows that trained."""
    composed = compose_train(overrides(path, stream=stream))
    specs = [RunSpec.from_config(composed | {"optim": composed["optim"] | {"lr": lr}}) for lr in RATES]
    spec, marks, clock = specs[0], [time.perf_counter()], Clock()
    table = load(spec.data.source, by=spec.data.split.by, task=spec.task, **spec.data.args)
    marks.append(time.perf_counter())
    data = DataModule(table=table, **spec.data_keywords(with_source=False))
    data.setup("fit")
    marks.append(time.perf_counter())
    module = stack_of(specs)
    module.attach(data, max_epochs=1)
    marks.append(time.perf_counter())
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        callbacks=[clock],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    with few_threads(module.work(data.batch_size)):
        trainer.fit(module, data)
        began = time.perf_counter()
        for stage in ("train", "val", "test"):
            names = metrics_of(data.task, data.prepared.streams)
            module.measure(stage, data.measured(stage), names, module.linear.theta.data)
        ended = time.perf_counter()
    start, steps, validated = clock.marks
    seconds = [*(b - a for a, b in pairwise(marks)), steps - start, validated - steps]
    return {"rows": len(data.train), "seconds": dict(zip(STAGES, [*seconds, ended - began], strict=True))}


def report() -> list[str]:
    """Measure, and return a section of the page."""
    found: dict[str, list[dict[str, Any]]] = {"part, memory": [], "part, stream": [], "all, stream": []}
    peaks: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        every, part = Path(folder) / "all.parquet", Path(folder) / "part.parquet"
        write(every, ROWS)
        write(part, PART)
        size = every.stat().st_size
        for round_ in range(ROUNDS):  # in turn, so that a noisy machine disturbs all alike
            for name in found:
                if name == "all, stream" and round_:
                    continue
                path = every if name.startswith("all") else part
                command = [__file__, str(path), name.partition(", ")[2]]
                _, peak, said = run(command, new_folder(Path(folder)))
                found[name].append(json.loads(said.splitlines()[-1]))
                peaks[name] = max(peak, peaks.get(name, 0))
        sweep = new_folder(Path(folder))
        swept = ["-m", *overrides(every, stream=True), f"optim.lr={','.join(map(repr, RATES))}"]
        whole, peaks["sweep"], _ = run([TRAIN, *swept, f"hydra.sweep.dir={sweep}"], sweep)
    return _page(found, peaks, whole, size)


def _page(found: dict[str, list[dict[str, Any]]], peaks: dict[str, int], whole: float, size: int) -> list[str]:
    names = {
        "part, memory": f"in memory, {PART:,} rows",
        "part, stream": f"streamed, {PART:,} rows",
        "all, stream": f"streamed, {ROWS:,} rows",
    }
    seconds = {name: {stage: _middle(its, (stage,)) for stage in STAGES} for name, its in found.items()}
    lines = [
        "## More rows than memory",
        "",
        f"{ROWS:,} rows x {COLUMNS} columns of float32 and a target, Parquet, {size / 2**30:.2f} GiB, one epoch of "
        f"{RUNS} SGD runs in a stack, batches of {BATCH}; beside it a file of {PART:,} such rows, streamed and in "
        f"memory, {ROUNDS} processes each, in turn. Reading is the copy into a database on disk, in memory the fetch; "
        "statistics are those of encoding, scaling and split; the reference is the exact optimum; all metrics of all "
        "rows are measured once at the end.",
        "",
        f"| seconds, median | {' | '.join(names.values())} |",
        f"|---|{'---|' * len(names)}",
    ]
    lines += [f"| {stage} | {' | '.join(f'{seconds[name][stage]:.2f}' for name in names)} |" for stage in STAGES]
    lines += [f"| peak memory of the process, MiB | {' | '.join(f'{peaks[name] / 2**20:.0f}' for name in names)} |"]
    rates = {
        "train rows a second, steps of the epoch": STAGES[3:4],
        "the same, with validation": EPOCH,
        "the same, with all that comes before": (*BEFORE, *EPOCH),
        "the same, everything": STAGES,
    }
    shares = {}
    for said, stages in rates.items():
        speed = {name: its[0]["rows"] / _middle(its, stages) for name, its in found.items()}
        shares[said] = speed["all, stream"] / speed["part, memory"] * 100
        lines.append(f"| {said}, thousands | {' | '.join(f'{speed[name] / 1e3:.0f}' for name in names)} |")
    peak, steps = peaks["sweep"] / 2**30, next(iter(shares))
    return [
        *lines,
        "",
        f"The sweep of {RUNS} runs on {ROWS:,} rows as one types it, `python src/train.py -m ... data.stream=true`, "
        f"took {whole:.0f} s from its start to its leaderboard.",
        "",
        "| | found | wanted | met |",
        "|---|---|---|---|",
        f"| peak memory of that sweep, GiB | {peak:.2f} | below {MEMORY:g} | {'yes' if peak < MEMORY else 'no'} |",
        f"| streamed against in memory: {steps}, % | {shares[steps]:.0f} | at least {SHARE} | "
        f"{'yes' if shares[steps] >= SHARE else 'no'} |",
        *(f"| {said}, % | {share:.0f} | | |" for said, share in shares.items() if said != steps),
    ]


def _middle(processes: Sequence[dict[str, Any]], stages: Sequence[str]) -> float:
    return statistics.median(float(sum(one["seconds"][stage] for stage in stages)) for one in processes)


if __name__ == "__main__":
    print(json.dumps(train(Path(sys.argv[1]), stream=sys.argv[2] == "stream")))
