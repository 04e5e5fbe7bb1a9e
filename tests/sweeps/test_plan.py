"""Which runs share a stack, and what is said of it."""

from pathlib import Path

import pytest

from onelayer.config import RunSpec
from onelayer.sweeps.plan import Job, Stack, described, plan
from onelayer.track.results import Run
from tests.conftest import composed, data_of, load


def job(number: int, *overrides: str, full: bool = False, kind: str = "SGD") -> Job:
    spec = RunSpec.from_config(composed(*overrides))
    data = data_of(load("iris"), batch_size="full" if full else 32)
    return Job(Run(spec, Path(f"/sweep/{number}"), overrides), number, data, kind)


def numbers(stacks: list[Stack]) -> list[list[int]]:
    return [[job.number for job in stack.jobs] for stack in stacks]


def planned(*jobs: Job, limit: int = 1000) -> list[list[int]]:
    return numbers(plan(jobs, lambda spec: limit))


@pytest.mark.parametrize(
    "overrides",
    [
        ["optim.lr=0.3"],
        ["optim=sgd"],
        ["optim.weight_decay=0.1"],
        ["model.l2=0.1"],
        ["model.init=normal", "model.init_std=0.3"],
        ["scheduler=cosine"],
        ["patience=3"],
        ["model.l2=0", "optim.lr=1"],
    ],
    ids=" ".join,
)
def test_runs_that_differ_in_this_share_a_stack(overrides: list[str]) -> None:
    assert planned(job(0), job(1, *overrides)) == [[0, 1]]


@pytest.mark.parametrize(
    "overrides",
    [
        ["data=linear"],
        ["data.split.seed=1"],
        ["data.batch_size=16"],
        ["data.dtype=float64"],
        ["data.normalize=none"],
        ["model.bias=false"],
        ["model.link=probit"],
        ["trainer.max_epochs=3"],
        ["trainer.check_val_every_n_epoch=2"],
        ["monitor=val/mae"],
        ["seed=1"],
    ],
    ids=" ".join,
)
def test_runs_that_differ_in_this_do_not(overrides: list[str]) -> None:
    assert planned(job(0), job(1, *overrides)) == [[0], [1]]


def test_seeds_share_a_stack_where_they_rule_no_order() -> None:
    assert planned(job(0, full=True), job(1, "seed=1", full=True)) == [[0, 1]]
    assert planned(job(0, "data.shuffle=false"), job(1, "seed=1", "data.shuffle=false")) == [[0, 1]]
    # the full batch by its name, and by as many rows as there are
    named, counted = job(0, "data.batch_size=full", full=True), job(1, "data.batch_size=308", full=True)
    assert planned(named, counted) == [[0, 1]]


def test_runs_of_one_kind_of_optimizer_are_neighbours() -> None:
    jobs = [job(number, f"seed={number // 4}", kind=["SGD", "Adam"][number % 2]) for number in range(8)]
    assert planned(*jobs) == [[1, 3, 0, 2], [5, 7, 4, 6]]


def test_a_stack_that_is_too_large_is_cut_into_equal_parts() -> None:
    jobs = [job(number) for number in range(7)]
    assert planned(*jobs, limit=3) == [[0, 1, 2], [3, 4, 5], [6]]
    assert planned(*jobs, limit=6) == [[0, 1, 2, 3], [4, 5, 6]]
    assert planned(*jobs, limit=1) == [[number] for number in range(7)]


def test_the_plan_says_what_keeps_runs_apart() -> None:
    few = [job(0), job(1, "optim.lr=0.3"), job(2, "seed=1"), job(3, "seed=1", "optim.lr=0.3")]
    assert described(plan(few[:2], lambda spec: 9)) == ["2 runs in 1 stack"]
    assert described(plan(few[:1], lambda spec: 9)) == ["1 run in 1 stack"]
    assert described(plan(few, lambda spec: 9)) == ["4 runs in 2 stacks, which differ in seed"]
    assert described(plan(few[:2], lambda spec: 1)) == [
        "2 runs in 2 stacks, cut by the memory they need",
        "  alone:   (the stack is full)",
        "  alone: optim.lr=0.3  (the stack is full)",
    ]
    lines = described(plan([*few[:3], job(4, "trainer.max_epochs=7")], lambda spec: 9))
    assert lines == [
        "4 runs in 3 stacks, which differ in trainer.max_epochs, seed",
        "  alone: seed=1  (seed=1 rules the order of the batches)",
        "  alone: trainer.max_epochs=7  (no other run has trainer.max_epochs=7)",
    ]
    # a full batch has no order that a seed would rule
    batches = [job(0), job(1, "seed=1"), job(2, "data.batch_size=full", full=True)]
    assert described(plan(batches, lambda spec: 9))[0] == "3 runs in 3 stacks, which differ in data.batch_size, seed"
    # two others share one of its values each, and none both
    mixed = [
        job(0, "data.split.seed=1"),
        job(1, "data.split.seed=1", "trainer.max_epochs=7"),
        job(2, "trainer.max_epochs=7"),
        job(3),
    ]
    assert described(plan([*mixed, job(4)], lambda spec: 9))[2] == (
        "  alone: data.split.seed=1 trainer.max_epochs=7  "
        "(no other run has trainer.max_epochs=7 with data.split.seed=1)"
    )
