"""How many threads do the arithmetic.

Of small problems, several wait for each other longer than they work, above all on a busy machine: a decomposition of
650 columns, which takes one thread a twentieth of a second, has taken two of them nine seconds.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from threading import RLock
from typing import Any

import torch

# multiplications of a step: below, a second thread costs more than it brings
SMALL = 16_000_000
# these numbers are those of the process: who changes them first gives them back, who comes meanwhile changes nothing
_CHANGED = RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch, and what numpy and scipy solve with, to one thread for a while."""
    with ExitStack() as after:
        if _CHANGED.acquire(blocking=False):
            after.callback(_CHANGED.release)
            after.callback(torch.set_num_threads, torch.get_num_threads())
            after.enter_context(_libraries("blas").limit(limits=1))
            torch.set_num_threads(1)
        yield


def one_thread_here() -> None:
    """Keep what the calling thread computes to one thread: OpenMP, unlike torch and BLAS, counts for each by itself.

    `torch.set_num_threads` would do the same, and exchange a pool that is the whole process's.
    """
    for library in _libraries("openmp").lib_controllers:
        library.set_num_threads(1)


def few_threads(work: int) -> AbstractContextManager[None]:
    """Keep to one thread for steps of so many multiplications, where these are few."""
    return one_thread() if work < SMALL else nullcontext()


class Threads:
    """Keeps to one thread from one call to another, where a `with` cannot stand."""

    def __init__(self) -> None:
        self._held = ExitStack()

    def limit(self, work: int) -> None:
        """Keep to one thread for steps of so many multiplications, where these are few, until `release`."""
        self.release()
        self._held.enter_context(few_threads(work))

    def release(self) -> None:
        """Give back what is held; nothing where nothing is."""
        self._held.close()


@cache
def _libraries(user_api: str) -> Any:
    import scipy.linalg  # noqa: F401  # brings a library of its own, which must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api=user_api)
