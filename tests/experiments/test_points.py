"""Three points: the numbers of the tutorials, recomputed in float64, to the digits that are listed."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.experiments.conftest import Example

FOUR = {"x0": [4.0]}


def test_the_scan_is_the_parabola_of_the_loss(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    said = cli("-m", "experiment=scan", "logger=none", f"hydra.sweep.dir={tmp_path / 'scan'}")
    assert said.code == 0, said.err
    with (tmp_path / "scan" / "leaderboard.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = sorted((float(row["model.init"]), float(row["train/loss"])) for row in rows)
    assert [weight for weight, _ in found] == [place / 10 for place in range(41)]
    for weight, loss in found:
        assert loss == pytest.approx((weight - 2) ** 2 * 14 / 3, rel=1e-12, abs=1e-30)
    assert found[0][1] == pytest.approx(18.666667, abs=5e-7)
    assert found[-1][1] == pytest.approx(18.666667, abs=5e-7)
    assert min(found, key=lambda one: one[1]) == (2.0, 0.0)
    assert {row["status"] for row in rows} == {"done"}


@pytest.mark.parametrize(
    ("before", "cost"),
    [(0, 4.666666666666667), (1, 3.8362074074074086), (9, 0.7999529948031382), (99, 1.752432687141379e-08)],
)
def test_the_cost_of_gradient_descent_before_an_update(example: Example, before: int, cost: float) -> None:
    assert example("gradient_descent", before).metrics["train/loss"] == pytest.approx(cost, rel=1e-12)


def test_gradient_descent_arrives_near_two(example: Example) -> None:
    run = example("gradient_descent")
    assert run.weights == pytest.approx([1.9999444396553017, 0.0], rel=1e-14)
    assert run.model.predict(FOUR).tolist() == pytest.approx([7.999777758621207], rel=1e-14)


@pytest.mark.parametrize(
    ("after", "weight", "digits"),
    [
        (1, 1.260688, 1e-14),
        (2, 1.453417766656, 1e-13),
        (10, 1.9512159834655312, 1e-14),
        (100, 1.9999999999999236, 1e-15),
    ],
)
def test_a_step_for_each_point_in_order(example: Example, after: int, weight: float, digits: float) -> None:
    assert example("stochastic_gradient_descent", after).weights[0] == pytest.approx(weight, rel=digits)


def test_a_summed_loss_is_a_mean_with_a_larger_step(example: Example) -> None:
    """Losses before updates 0 and 99, three rows summed; each run goes on from the one before."""
    start = example("linear_sum_loss", 0)
    assert 3 * start.metrics["train/loss"] == pytest.approx(56.0, rel=1e-15)
    late = example("linear_sum_loss", 99, resume=start)
    assert 3 * late.metrics["train/loss"] == pytest.approx(0.05579122635654209, rel=1e-12)
    end = example("linear_sum_loss", resume=late)
    assert end.weights == pytest.approx([1.842755708416974, 0.3574532349878466], rel=1e-13)
    assert end.model.predict(FOUR).tolist() == pytest.approx([7.728476068655742], rel=1e-13)


def test_hours_of_learning(example: Example) -> None:
    start, late = example("hours", 0), example("hours", 999)
    assert 3 * start.metrics["train/loss"] == pytest.approx(2.0794415416798357, rel=1e-15)
    assert 3 * late.metrics["train/loss"] == pytest.approx(1.0463300349999878, rel=1e-13)
    end = example("hours", resume=late)
    assert end.weights == pytest.approx([1.1989504504868795, -2.896431788385911], rel=1e-13)
    assert end.model.predict_proba(FOUR)[0, 1] == pytest.approx(0.8698202069917875, rel=1e-13)
    assert end.model.predict({"x0": [1.0, 4.0]}).tolist() == ["0", "1"]
