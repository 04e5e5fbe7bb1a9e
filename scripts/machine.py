"""Where a benchmark ran, and how its page is written."""

import platform
from datetime import UTC, datetime
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"


def machine() -> str:
    import torch  # whoever wants to know the peak memory alone would hold it too

    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return (
        f"{cpu}, {torch.get_num_threads()} threads, {platform.system()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}"
    )


def peak_memory() -> int:
    """Return the most memory that this process has held, in bytes; what its parent held does not count."""
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def write_page(name: str, title: str, command: str, body: str) -> None:
    PAGES.mkdir(parents=True, exist_ok=True)
    text = f"# {title}\n\n`{command}`, {datetime.now(UTC):%Y-%m-%d}, on {machine()}.\n\n{body}\n"
    (PAGES / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
