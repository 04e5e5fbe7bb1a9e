"""One thing that `bench_deliver.py` measures, in a process that imports nothing else."""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from machine import peak_memory


def by_duckdb(table: str, out: str) -> None:
    """Read and rewrite the file."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM read_csv('{table}')) TO '{out}' (FORMAT csv, HEADER)")


def command(*arguments: str) -> None:
    """Run `onelayer` as from a shell."""
    from onelayer.cli import main

    sys.argv = ["onelayer", *arguments]
    main()


def load(run: str) -> None:
    """Load a model, and name what was imported for it."""
    import onelayer

    onelayer.load(run)
    print(" ".join(sys.modules))


ONCE: dict[str, Callable[..., None]] = {"duckdb": by_duckdb, "onelayer": command, "load": load}

if __name__ == "__main__":
    ONCE[sys.argv[1]](*sys.argv[2:])
    print(peak_memory())
