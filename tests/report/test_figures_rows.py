"""Figures of rows of the leaderboard, and of the winner, against what they stand for."""

from statistics import fmean

import numpy as np
import pytest

from onelayer.report.figures import coefficients
from onelayer.report.figures.best import best_rows
from onelayer.report.figures.heat import Side, cells
from onelayer.report.gather import Gathered
from onelayer.track.figures import calibration


def test_best_rows_are_the_first_of_the_leaderboard_with_their_means(of_cancer: Gathered) -> None:
    found = best_rows(of_cancer)
    assert sorted(found) == ["adam", "lbfgs", "sgd"]
    means = [its.value for row in found.values() if (its := row.mean("val/loss"))]
    assert means == sorted(means)
    for (name, _), mean in zip(found.items(), means, strict=True):
        every: dict[str, list[float]] = {}
        for record in of_cancer.records:
            if of_cancer.optimizer(record) == name:
                loss = record.metrics["val/loss"]
                assert loss is not None
                every.setdefault(record.overrides["optim.lr"], []).append(loss)
        assert mean == pytest.approx(min(map(fmean, every.values())))


def test_a_cell_of_a_map_is_the_best_mean_there(of_numbers: Gathered) -> None:
    rate, l2 = (next(one for one in of_numbers.swept if one.key == key) for key in ("optim.lr", "model.l2"))
    found = cells(of_numbers, Side.of(rate), Side.of(l2))
    assert found.keys() == {(x, y) for x in range(3) for y in range(2)}
    for (x, y), cell in found.items():
        means = []
        for name in of_numbers.names:
            mine = [
                record
                for record in of_numbers.records
                if record.overrides["optim.lr"] == rate.values[x]
                and record.overrides["model.l2"] == l2.values[y]
                and of_numbers.optimizer(record) == name
            ]
            values = [of_numbers.value(record) for record in mine]
            if all(value is not None for value in values):
                means.append(fmean(value for value in values if value is not None))
        assert cell.mean == (pytest.approx(min(means)) if means else None)


def test_many_numbers_share_the_places_of_an_axis() -> None:
    from onelayer.report.gather import Swept

    values = [f"{10 ** (-4 + place / 25):.6g}" for place in range(101)]
    side = Side.of(Swept.of("optim.lr", values))
    assert len(side.labels) == 12
    assert [float(one) for one in side.labels] == pytest.approx(np.geomspace(1e-4, 1, 25)[1::2], rel=0.06)
    places = [side.places[key] for key in sorted(side.places)]  # type: ignore[type-var]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, 11)


def test_calibration_agrees_with_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(0)
    positive = rng.permutation(np.linspace(0.01, 0.99, 200))
    truth = rng.random(200) < positive
    found = calibration(positive, truth)
    observed, predicted = calibration_curve(truth, positive, n_bins=10, strategy="quantile")
    np.testing.assert_allclose([share for share, *_ in found], predicted, atol=0.01)
    np.testing.assert_allclose([seen for _, seen, _ in found], observed, atol=0.06)


def test_coefficients_say_what_they_add_to(of_numbers: Gathered, of_cancer: Gathered) -> None:
    assert "adds to the prediction" in coefficients.draw(of_numbers).drawn.caption
    assert "adds to the log-odds" in coefficients.draw(of_cancer).drawn.caption
