"""The surface is the objective, computed by other means; the places of paths are projections."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import log_expit

from onelayer.errors import UserError
from onelayer.model.linear import StackedLinear
from onelayer.report.landscape.chosen import choose
from onelayer.report.landscape.film import FRAMES, frames
from onelayer.report.landscape.picture import LEVELS, levels, marks
from onelayer.report.landscape.plane import parse_names, plane_of_paths, plane_of_weights
from onelayer.report.landscape.scene import FINEST, Scene, survey
from onelayer.track.path import read_path
from tests.conftest import load

Array = NDArray[Any]
L2 = 0.01  # of the sweep of breast_cancer


def grid(scene: Scene) -> Array:
    """(places, d), in the order of the heights."""
    return np.stack(np.meshgrid(*scene.axes), axis=-1).reshape(-1, len(scene.axes))


def rows(source: str, **args: Any) -> tuple[Array, Array]:
    """All rows, standardised by numpy; they all train."""
    table = load(source, **args)
    x: Any = table.features
    return (x - x.mean(axis=0)) / x.std(axis=0), table.target


def test_of_least_squares_the_surface_is_its_second_order_expansion(hills: Path) -> None:
    """f = f* + 1/2 (w - w*)' H (w - w*), with H and w* by numpy."""
    scene = survey(choose([hills]))
    given = {"n_samples": 60, "n_features": 2, "n_informative": None, "noise": 0.1, "rho": 0.9, "seed": 0}
    x, y = rows("linear", **given, weight=[2.0, -1.0], bias=0.0)
    best: Array
    best, rest, *_ = np.linalg.lstsq(x, y)
    away = grid(scene) - best
    hessian = 2 * x.T @ x / len(x)
    wanted = 0.5 * np.einsum("ni,ij,nj->n", away, hessian, away)
    assert scene.heights.shape == (FINEST, FINEST)
    np.testing.assert_allclose(scene.heights.ravel(), wanted, rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(scene.heights.ravel() + scene.lowest, np.square(x @ grid(scene).T - y[:, None]).mean(0))
    assert scene.lowest == pytest.approx(float(rest[0]) / len(x))
    assert scene.optimum is not None
    np.testing.assert_allclose(scene.optimum, best)
    assert scene.plane.labels == ("weight of x0, scaled", "weight of x1, scaled")


def test_of_two_weights_a_path_is_its_own_place(hills: Path) -> None:
    scene = survey(choose([hills]))
    for trace, places in zip(scene.traces, scene.places, strict=True):
        path = read_path(trace.directory)
        assert path is not None
        np.testing.assert_array_equal(places, path.theta[:, 0])
        assert (places[0] == 0).all()
        low, high = (np.array([axis[end] for axis in scene.axes]) for end in (0, -1))
        assert ((places > low) & (places < high)).all()
    assert not any("projected" in one for one in scene.caption)


def logistic(theta: Array) -> Array:
    """The objective of (n, columns)."""
    x, y = rows("breast_cancer")
    logits = x @ theta[:, :-1].T + theta[:, -1]
    loss = -(y[:, None] * log_expit(logits) + (1 - y[:, None]) * log_expit(-logits))
    return np.asarray(loss.mean(axis=0) + 0.5 * L2 * np.square(theta[:, :-1]).sum(axis=1))


@pytest.mark.parametrize("weights", [(), ("mean radius", "(intercept)")], ids=["main directions", "two weights"])
def test_of_logistic_regression_the_surface_is_its_objective(cancer: Path, weights: tuple[str, ...]) -> None:
    scene = survey(choose([cancer]), weights)
    some = slice(0, None, 61)
    theta = scene.plane.weights(grid(scene)[some])[:, 0]
    np.testing.assert_allclose(scene.heights.ravel()[some] + scene.lowest, logistic(theta), rtol=1e-9)
    assert scene.optimum is not None
    at = scene.plane.weights(scene.optimum[None])[:, 0]
    assert logistic(at)[0] == pytest.approx(scene.lowest, rel=1e-12)
    # at the optimum no small step leads down
    steps = np.random.default_rng(0).normal(scale=1e-3, size=(50, at.shape[1]))
    assert (logistic(at + steps) > scene.lowest).all()
    if weights:
        names = load("breast_cancer").columns
        assert not np.delete(scene.plane.directions[:, 0], [names.index("mean radius"), len(names)], axis=1).any()
        assert scene.plane.labels == ("weight of mean radius, scaled", "(intercept)")


def test_main_directions_are_those_of_numpy(cancer: Path) -> None:
    scene = survey(choose([cancer]))
    points = np.concatenate([trace.theta[:, 0] for trace in scene.traces])
    centred = points - points.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)  # their covariance; no SVD
    flat = scene.plane.directions[:, 0]
    np.testing.assert_allclose(flat @ flat.T, np.eye(2), atol=1e-12)
    for direction, vector in zip(flat, vectors.T[::-1], strict=False):
        assert abs(direction @ vector) == pytest.approx(1.0, abs=1e-9)
    share = values[::-1][:2].sum() / values.sum()
    assert f"it holds {100 * share:.4g} % of their variance" in " ".join(scene.caption)
    origin = scene.plane.origin[0]
    for trace, places in zip(scene.traces, scene.places, strict=True):
        np.testing.assert_allclose(places, (trace.theta[:, 0] - origin) @ flat.T, atol=1e-12)
    assert scene.optimum is not None
    np.testing.assert_allclose(scene.optimum, [0.0, 0.0], atol=1e-12)


@given(st.integers(1, 3), st.integers(2, 5), st.integers(3, 9), st.integers(0, 99))
def test_a_place_of_a_plane_is_projected_to_itself(outputs: int, columns: int, points: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    theta = chance.normal(size=(points, outputs, columns))
    plane = plane_of_paths(theta, chance.normal(size=(outputs, columns)), scaled=True, where="at the exact optimum")
    at = chance.normal(size=(7, 2))
    np.testing.assert_allclose(plane.project(plane.weights(at)), at, atol=1e-12)
    # no other plane through the mean holds more of the points
    away = theta - theta.mean(axis=0)
    other, _ = np.linalg.qr(chance.normal(size=(outputs * columns, 2)))
    held = np.square(away.reshape(points, -1) @ plane.directions.reshape(2, -1).T).sum()
    assert held >= np.square(away.reshape(points, -1) @ other).sum() - 1e-9


def test_paths_along_a_line_have_one_direction_and_without_a_step_none() -> None:
    line = np.linspace(0, 1, 5)[:, None, None] * np.ones((1, 1, 3))
    plane = plane_of_paths(line, np.zeros((1, 3)), scaled=False, where="at the exact optimum")
    assert plane.labels == ("only main direction (100 %)",)
    np.testing.assert_allclose(plane.project(line)[:, 0], np.sqrt(3) * np.linspace(0, 1, 5))
    with pytest.raises(UserError, match=r"^no weight moved, .* name weights with --weights$"):
        plane_of_paths(line[:1], np.zeros((1, 3)), scaled=False, where="")


def test_weights_are_named_as_they_are() -> None:
    assert parse_names('age, "a, b"') == ("age", "a, b")
    names, base = ("a:age", "a:(intercept)", "b:age", "b:(intercept)"), np.arange(4.0).reshape(2, 2)
    plane = plane_of_weights(("b:age", "a:(intercept)"), names, base, scaled=False, where="elsewhere")
    np.testing.assert_array_equal(plane.weights(np.array([[7.0, 8.0]])), [[[0, 8], [7, 3]]])
    assert plane.labels == ("weight of b:age", "a:(intercept)")
    assert plane.note.endswith("all other weights are elsewhere")


def test_a_scan_is_a_curve_with_its_runs_as_points(scan: Path) -> None:
    """Of y = 2 x at 1, 2, 3 the loss is 14/3 (w - 2)^2."""
    scene = survey(choose([scan]))
    (w,) = scene.axes
    np.testing.assert_allclose(scene.heights + scene.lowest, 14 / 3 * np.square(w - 2), atol=1e-12)
    assert sorted(float(places[0, 0]) for places in scene.places) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert all(trace.is_point for trace in scene.traces)
    assert scene.plane.labels == ("weight of x0",)
    assert "f* = 0 at the exact optimum" in scene.caption[0]


def test_of_two_layers_the_surface_is_their_loss(layers: Path) -> None:
    """Exclusive or, by a hidden ReLU layer, in the order of torch's parameters."""
    scene = survey(choose([layers]))
    x, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.0, 1, 1, 0])
    places = grid(scene)[::397]
    stack = StackedLinear(len(places), 2, 1, hidden=8, dtype=torch.float64)
    stack.theta.copy_(torch.from_numpy(scene.plane.weights(places)))
    first, second = ([np.asarray(one) for one in layer] for layer in stack.architecture.layers(stack.theta.data))
    hidden = np.maximum(np.einsum("rhp,np->rnh", first[0], x) + first[1][:, None], 0)
    logits = np.einsum("rnh,roh->rn", hidden, second[0]) + second[1]
    wanted = -(y * log_expit(logits) + (1 - y) * log_expit(-logits)).mean(axis=1)
    np.testing.assert_allclose(scene.heights.ravel()[::397] + scene.lowest, wanted, rtol=1e-9)
    assert scene.optimum is None
    assert scene.heights.min() >= 0
    assert "with a hidden layer the objective is not convex" in scene.caption[0]
    with pytest.raises(UserError, match=r"^--weights x0: with a hidden layer weights have no names; leave it out$"):
        survey(choose([layers]), ("x0",))


def test_lines_are_the_same_multiple_of_each_other() -> None:
    found = levels(np.array([[0.0, np.nan, 1e-9], [1.0, 100.0, np.inf]]))
    assert len(found) == LEVELS
    np.testing.assert_allclose(found[1:] / found[:-1], found[1] / found[0])
    assert (found[0], found[-1]) == (pytest.approx(1e-3), pytest.approx(100.0))


def test_epochs_of_an_animation_are_even_on_a_logarithmic_axis() -> None:
    assert frames(5) == [0, 1, 2, 3, 4, 5]
    many = frames(10_000)
    assert (many[:4], many[-1]) == ([0, 1, 2, 3], 10_000)
    assert len(many) <= FRAMES
    steps = np.diff(np.log(np.array(many[20:]) + 1.0))
    assert steps.max() < 1.2 * steps.min()
    assert marks(np.array([0, 1, 2, 3, 4, 5, 8, 10])) == [0, 1, 2, 4, 6]
