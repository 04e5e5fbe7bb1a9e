"""How much memory is free."""

from pathlib import Path

CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"))


def free_memory() -> int:
    """Return what the system would hand out without swapping, within the limit of the process's group, in bytes."""
    free = _available()
    try:
        limit, used = (path.read_text().strip() for path in CGROUP)
    except OSError:
        return free
    return free if limit == "max" else min(free, int(limit) - int(used))


def _available() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 4 * 2**30  # elsewhere than on Linux: a modest guess
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["MemAvailable"].split()[0]) * 1024
