"""From a CSV file to the first training step, against duckdb reading the same file.

As a script it does one of the two once, so that its peak memory can be told.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from contenders import new_folder, run
from machine import peak_memory
from onelayer.compose import compose_train
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.sources import load
from onelayer.training import stack_of

ROWS, COLUMNS, ROUNDS = 1_000_000, 50, 5
WANTED = 1.5
STAGES = ("read", "split, encode, scale, hash", "reference", "first epoch's order, first step")
Seconds = list[float]


def write(path: Path) -> None:
    """Write normal numbers with six decimals; the last column is a sum of the others, and noise."""
    normal = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"
    features = [f"x{place}" for place in range(COLUMNS - 1)]
    target = " + ".join(f"{name} * {place % 7 - 3}" for place, name in enumerate(features))
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SELECT setseed(0.5)")  # the same file each time
        made = ", ".join(f"round({normal}, 6) AS {name}" for name in features)
        connection.execute(f"CREATE TABLE made AS SELECT {made} FROM range({ROWS})")
        connection.execute(f"COPY (SELECT *, round({target} + random(), 6) AS y FROM made) TO '{path}' (HEADER)")


def by_duckdb(path: Path) -> Seconds:
    """Read the file into a table of a new connection."""
    began = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT * FROM read_csv('{path}')")
        return [time.perf_counter() - began]


def by_onelayer(path: Path) -> Seconds:
    """Go to the end of the first optimizer step; return the seconds of each stage."""
    overrides = ["data=table", f"data.path={path}", "data.target=y", "optim=sgd"]
    plain = compose_train(overrides)
    spec = RunSpec.from_config(plain)
    marks = [time.perf_counter()]
    table = load(spec.data.source, by=spec.data.split.by, task=spec.task, **spec.data.args)
    marks.append(time.perf_counter())
    data = DataModule(table=table, **spec.data_keywords(with_source=False))
    data.setup("fit")
    marks.append(time.perf_counter())
    module = stack_of([spec])
    module.attach(data, max_epochs=spec.trainer.max_epochs)
    module.on_fit_start()
    marks.append(time.perf_counter())
    (block,) = data.train_dataloader()
    module.training_step(block._replace(order=block.order[: data.batch_size]), 0)
    marks.append(time.perf_counter())
    return [after - before for before, after in pairwise(marks)]


CONTENDERS: dict[str, Callable[[Path], Seconds]] = {"duckdb": by_duckdb, "onelayer": by_onelayer}


def report() -> list[str]:
    """Measure, and return a section of the page."""
    wall: dict[str, list[Seconds]] = {name: [] for name in CONTENDERS}
    cpu: dict[str, Seconds] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write(path)
        size = path.stat().st_size
        for round_ in range(ROUNDS + 1):  # in turn, so that a noisy machine disturbs both alike
            for name, contender in CONTENDERS.items():
                began = time.process_time()
                taken = contender(path)
                if round_:  # the first one warms up
                    wall[name].append(taken)
                    cpu[name].append(time.process_time() - began)
        peaks = {
            name: int(run([__file__, name, str(path)], new_folder(Path(folder)))[2].split()[-1])
            for name in ("none", *CONTENDERS)
        }
    total = {name: [sum(one) for one in taken] for name, taken in wall.items()}
    ratio = statistics.median(a / b for a, b in zip(total["onelayer"], total["duckdb"], strict=True))
    work = statistics.median(a / b for a, b in zip(cpu["onelayer"], cpu["duckdb"], strict=True))
    matrix = ROWS * (COLUMNS - 1) * 8
    lines = [
        "## CSV to the first training step",
        "",
        f"{ROWS:,} rows x {COLUMNS} columns of numbers with six decimals, {size / 2**20:.0f} MiB; one of them is the "
        "target. duckdb: `create table t as select * from read_csv(...)` in a new connection. onelayer: from the call "
        "that reads to the end of the first optimizer step, with roles, split, encoding, scaling, hash and the exact "
        f"reference; imports not counted. Both in one process, in turn, after one round to warm up; {ROUNDS} rounds.",
        "",
        "| | seconds, median | min - max | CPU seconds, median | peak memory above the imports, MiB |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {statistics.median(total[name]):.2f} | {min(total[name]):.2f} - {max(total[name]):.2f} | "
        f"{statistics.median(cpu[name]):.2f} | {(peaks[name] - peaks['none']) / 2**20:.0f} |"
        for name in CONTENDERS
    ]
    stages = [statistics.median(taken) for taken in zip(*wall["onelayer"], strict=True)]
    lines += ["", "| stage of onelayer | seconds, median |", "|---|---|"]
    lines += [f"| {stage} | {taken:.2f} |" for stage, taken in zip(STAGES, stages, strict=True)]
    memory = (peaks["onelayer"] - peaks["none"]) / matrix
    return [
        *lines,
        "",
        f"The peak is {memory:.1f} times the matrix of features in float64 ({matrix / 2**20:.0f} MiB).",
        "",
        "| | found | wanted | met |",
        "|---|---|---|---|",
        f"| seconds, in those of duckdb: median of the rounds | {ratio:.2f} | at most {WANTED} | "
        f"{'yes' if ratio <= WANTED else 'no'} |",
        f"| CPU seconds, in those of duckdb | {work:.2f} | | |",
    ]


if __name__ == "__main__":
    chosen = sys.argv[1]
    if chosen in CONTENDERS:
        CONTENDERS[chosen](Path(sys.argv[2]))
    print(peak_memory())
