"""Small problems are solved on one thread: torch's, and those of the libraries under numpy and scipy."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import scipy.linalg  # noqa: F401  # brings its own library
import torch
from threadpoolctl import ThreadpoolController

from onelayer.data.parts import Part
from onelayer.model.objectives import OBJECTIVES
from onelayer.optimum.reference import Solver
from onelayer.report.landscape.plane import plane_of_paths
from onelayer.threads import SMALL, few_threads, one_thread
from tests.optimum.test_reference import OUTPUTS, TARGETS, X

BLAS = ThreadpoolController().select(user_api="blas")


def used() -> set[int]:
    """How many threads torch and the libraries would take now."""
    return {torch.get_num_threads(), *(library.num_threads for library in BLAS.lib_controllers)}


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with BLAS.limit(limits=2):
        assert used() == {2}
        yield
        assert used() == {2}
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_one_thread_within_one_thread() -> None:
    with one_thread():
        with one_thread():
            assert used() == {1}
        assert used() == {1}


@pytest.mark.usefixtures("two_threads")
def test_who_asks_meanwhile_leaves_the_process_as_it_was() -> None:
    began, end = Event(), Event()

    def ask() -> None:
        with one_thread():
            began.set()
            assert end.wait(60)

    other = Thread(target=ask)
    with one_thread():
        other.start()
        assert began.wait(60)
        assert used() == {1}
    assert used() == {2}
    end.set()
    other.join()
    assert used() == {2}


@pytest.mark.usefixtures("two_threads")
def test_large_steps_have_all_threads() -> None:
    with few_threads(SMALL - 1):
        assert used() == {1}
    with few_threads(SMALL):
        assert used() == {2}


@dataclass(frozen=True)
class Watched(Part):
    """Notes how many threads there are whenever its rows are passed over."""

    seen: list[set[int]] = field(default_factory=list)

    def chunks(self, device: torch.device | None = None) -> Any:
        self.seen.append(used())
        return super().chunks(device)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize(
    "ask", [lambda solver: solver.solve(0.1), Solver.at_zero, lambda solver: solver.auto_lr([0.0])]
)
def test_the_reference(name: str, ask: Callable[[Solver], Any]) -> None:
    part = Watched(X, TARGETS[name])
    ask(Solver(part, OBJECTIVES[name], n_outputs=OUTPUTS[name]))
    assert part.seen
    assert all(one == {1} for one in part.seen)


@pytest.mark.usefixtures("two_threads")
def test_main_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, svd = list[set[int]](), np.linalg.svd

    def watched(*args: Any, **kwargs: Any) -> Any:
        seen.append(used())
        return svd(*args, **kwargs)

    monkeypatch.setattr(np.linalg, "svd", watched)
    theta = np.random.default_rng(0).normal(size=(9, 1, 5))
    plane_of_paths(theta, theta[-1], scaled=True, where="at the end")
    assert seen == [{1}]


def test_moments_are_the_same_to_the_last_bit_each_time() -> None:
    """In a process that may take two threads, each of which would sum in an order of its own."""
    program = """
import torch
from onelayer.data.parts import Part
from onelayer.optimum import Moments

x = torch.randn(7000, 100, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
print(len({Moments.of(Part(x, x[:, :1])).triangle.tobytes() for _ in range(30)}))
"""
    threads = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **threads}, check=True
    )
    assert ended.stdout.strip() == "1"
