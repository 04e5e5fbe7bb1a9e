"""Reading, sparse rows, and rows that stream: what the data side costs beside the arithmetic."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import data_csv
import data_sparse
import data_streaming
from machine import write_page


def main() -> None:
    # a section in a process of its own: Linux tells a child that it held as much memory as the one that started it
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as apart:
        sections = [apart.submit(part.report).result() for part in (data_csv, data_sparse, data_streaming)]
    lines = [line for section in sections for line in (*section, "")]
    write_page("data", "Time and memory of data", "python scripts/bench_data.py", "\n".join(lines).rstrip())


if __name__ == "__main__":
    main()
