"""Reading, sparse rows, and rows that stream: what the data side costs beside the arithmetic."""

import data_csv
import data_sparse
import data_streaming
from machine import write_page


def main() -> None:
    lines = [line for part in (data_csv, data_sparse, data_streaming) for line in (*part.report(), "")]
    write_page("data", "Time and memory of data", "python scripts/bench_data.py", "\n".join(lines).rstrip())


if __name__ == "__main__":
    main()
