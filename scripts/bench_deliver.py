"""A trained model at work: a million rows through `onelayer predict`, one row in Python, and what help costs."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from data_csv import COLUMNS, ROWS, write
from machine import write_page

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
import onelayer

ROUNDS, CALLS, STARTS = 5, 2000, 7
RATIO, MEMORY, HELP, ONE_ROW = 1.5, 1.0, 0.5, 1.0  # wanted: times duckdb, GiB, seconds, milliseconds
SCRIPTS = Path(__file__).resolve().parent
TRAIN = SCRIPTS.parent / "src" / "train.py"


def child(*arguments: object) -> tuple[float, str]:
    """Run `deliver_once.py`; return its seconds and what it printed."""
    command = [sys.executable, str(SCRIPTS / "deliver_once.py"), *map(str, arguments)]
    began = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - began, done


def trained(folder: Path, table: Path) -> Path:
    """Train for an epoch on a thousand of the rows."""
    few = folder / "few.csv"
    with table.open() as file:
        few.write_text("".join(next(file) for _ in range(1001)))
    settings = ("data=table", f"data.path={few}", "data.target=y", "trainer.max_epochs=1", "logger=none")
    subprocess.run(
        [sys.executable, TRAIN, *settings, f"hydra.run.dir={folder / 'run'}"], check=True, capture_output=True
    )
    return folder / "run"


def median(values: list[float]) -> float:
    return statistics.median(values)


def large(folder: Path) -> list[str]:
    """A million rows against duckdb, whole processes in turn."""
    table = folder / "rows.csv"
    write(table)
    run = trained(folder, table)
    contenders = {
        "duckdb, reads and rewrites": ("duckdb", table, folder / "copy.csv"),
        "onelayer predict, CSV": ("onelayer", "predict", run, table, "-o", folder / "scored.csv"),
        "onelayer predict, Parquet": ("onelayer", "predict", run, table, "-o", folder / "scored.parquet"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    peaks: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(ROUNDS + 1):
        for name, arguments in contenders.items():
            Path(arguments[-1]).unlink(missing_ok=True)
            taken, printed = child(*arguments)
            if round_:  # the first one warms up
                seconds[name].append(taken)
                peaks[name].append(int(printed.split()[-1]) / 2**30)
    base, ours = seconds["duckdb, reads and rewrites"], seconds["onelayer predict, CSV"]
    ratio = median([a / b for a, b in zip(ours, base, strict=True)])
    peak = max(peaks["onelayer predict, CSV"])
    return [
        f"## {ROWS:,} rows x {COLUMNS} columns",
        "",
        f"A CSV file of {table.stat().st_size / 2**20:.0f} MiB. duckdb copies it into another CSV file; onelayer "
        f"writes a prediction for each row. Whole processes in turn, after one round to warm up; {ROUNDS} rounds.",
        "",
        "| | seconds, median | min - max | peak memory, GiB |",
        "|---|---|---|---|",
        *(
            f"| {name} | {median(taken):.2f} | {min(taken):.2f} - {max(taken):.2f} | {max(peaks[name]):.2f} |"
            for name, taken in seconds.items()
        ),
        "",
        "| | found | wanted | met |",
        "|---|---|---|---|",
        f"| seconds, in those of duckdb, median | {ratio:.2f} | at most {RATIO} | {met(ratio <= RATIO)} |",
        f"| peak memory, GiB | {peak:.2f} | below {MEMORY} | {met(peak < MEMORY)} |",
    ]


def small(run: Path) -> list[str]:
    """One row, and how long a process takes before it answers."""
    model = onelayer.load(run)
    row = dict.fromkeys(model.columns, 0.5)
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        model.predict(row)
        taken.append((time.perf_counter() - began) * 1e3)
    helps = [child("onelayer", "predict", "--help")[0] for _ in range(STARTS)]
    loads = [child("load", run)[0] for _ in range(STARTS)]
    loaded = child("load", run)[1].split()
    heavy = sorted({"torch", "lightning", "hydra"} & {*loaded})
    one, answer, load = median(taken), median(helps), median(loads)
    return [
        "## One row",
        "",
        f"`onelayer.load(run).predict(row)` with {len(model.columns)} columns by name, {CALLS:,} calls after loading; "
        f"whole processes otherwise, the interpreter's own start included, {STARTS} of each.",
        "",
        "| | found, median | wanted | met |",
        "|---|---|---|---|",
        f"| one row, ms | {one:.3f} | below {ONE_ROW:g} | {met(one < ONE_ROW)} |",
        f"| `onelayer predict --help`, s | {answer:.2f} | within {HELP} | {met(answer <= HELP)} |",
        f"| `onelayer.load(run)` in a new process, s | {load:.2f} | | |",
        f"| imported by then of torch, lightning, hydra | {', '.join(heavy) or 'none'} | none | {met(not heavy)} |",
    ]


def met(so: bool) -> str:
    return "yes" if so else "no"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [*large(folder), "", *small(folder / "run")]
    write_page("deliver", "A trained model at work", "python scripts/bench_deliver.py", "\n".join(lines))


if __name__ == "__main__":
    main()
