"""How many runs fit into memory together."""

from pathlib import Path

import torch

from onelayer.data.module import TableDataModule

# copies of a run's weights: theta, gradient, update, up to four moments, best weights, and their use in float64
COPIES = 16
SHARE = 0.5  # of what is free; the rest is for the data, the measuring and everybody else
CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"))


def runs_that_fit(data: TableDataModule, accelerator: str) -> int:
    """Return how many runs may train as one stack: weights, optimizer state, and logits of a batch and of a measuring.

    Args:
        data: what they see.
        accelerator: where they train.
    """
    size = torch.empty((), dtype=data.dtype).element_size()
    columns = data.n_features + 1
    weights = COPIES * columns * data.n_outputs * size
    # logits, residual and loss of a batch; the measuring cuts itself into parts
    logits = 4 * data.batch_size * data.n_outputs * size
    return max(1, int(SHARE * free_bytes(accelerator) / (weights + logits)))


def free_bytes(accelerator: str) -> int:
    """Return the free memory of the device, in bytes."""
    if accelerator in ("gpu", "cuda", "auto") and torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    free = _available()
    try:
        limit, used = (path.read_text().strip() for path in CGROUP)
    except OSError:
        return free
    return free if limit == "max" else min(free, int(limit) - int(used))


def _available() -> int:
    """Return what the system could hand out without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 4 * 2**30  # elsewhere than on Linux: a modest guess
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["MemAvailable"].split()[0]) * 1024
