"""A metric that is said to be undefined is so for any weights, and no other."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onelayer.data.blocks import Block
from onelayer.model.metrics import METRICS, Tally
from onelayer.model.monitor import undefined
from onelayer.model.objectives import OBJECTIVES
from tests.conftest import examples

TASKS = {"squared": None, "logistic": ("no", "yes"), "softmax": ("a", "b", "c")}


@settings(deadline=None, max_examples=examples(60))
@given(
    st.sampled_from(["squared", "logistic", "softmax"]),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 1.0, 2.0])), min_size=1, max_size=6),
    st.booleans(),
)
def test_it_is_what_the_metric_itself_comes_to(name: str, rows: list[tuple[int, float]], weighted: bool) -> None:
    objective, classes = OBJECTIVES[name], TASKS[name]
    target = torch.tensor([min(y, 1 if name == "logistic" else 2) for y, _ in rows])
    y = target if name == "softmax" else target.double()[:, None]
    weight = torch.tensor([w for _, w in rows], dtype=torch.float64) if weighted else None
    if weight is not None and not weight.any():
        weight = None
    block = Block(torch.eye(len(rows), dtype=torch.float64), y, None, len(rows), weight, weight)
    outputs = 3 if name == "softmax" else 1
    theta = torch.from_numpy(np.random.default_rng(0).normal(size=(40, outputs, len(rows) + 1)) * 3)
    names = METRICS[objective.task]
    tally = Tally(names, objective)
    tally.add(theta, block)
    for metric, values in tally.values().items():
        reason = undefined(metric, [(y, weight)], classes, "validation")
        constant = metric == "f1" and bool((values == 0).all())
        assert bool(reason) == (not values.isfinite().any() or constant), (metric, reason, values)


@pytest.mark.parametrize(
    ("metric", "target", "classes", "reason"),
    [
        ("auroc", [0.0, 0.0], ("no", "yes"), "none of the validation rows is of class 'yes'"),
        ("f1", [0.0, 0.0], ("no", "yes"), "none of the validation rows is of class 'yes'"),
        ("auroc", [1.0], ("no", "yes"), "none of the validation rows is of class 'no'"),
        ("f1", [1.0], ("no", "yes"), ""),
        ("log_loss", [1.0], ("no", "yes"), ""),
        ("r2", [3.0], None, "there is one validation row"),
        ("r2", [3.0, 3.0], None, "the target is the same in all 2 validation rows"),
        ("r2", [3.0, 4.0], None, ""),
        ("mse", [3.0], None, ""),
    ],
)
def test_the_reason_is_said(metric: str, target: list[float], classes: tuple[str, ...] | None, reason: str) -> None:
    y = torch.tensor(target)[:, None]
    assert undefined(metric, [(y, None)], classes, "validation") == reason
    # rows may come in pieces, and those that count 0 are none
    pieces = [(one[None], torch.ones(1)) for one in y] + [(y + 1, torch.zeros(len(y)))]
    assert undefined(metric, pieces, classes, "validation") == reason
