"""The exact optimum against scikit-learn, NIST's certified digits, and random perturbations."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import optimize
from sklearn import datasets
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from torch import Tensor

from onelayer.data.parts import Part
from onelayer.data.preprocess import original_coefficients
from onelayer.data.table import Table
from onelayer.links import IDENTITY
from onelayer.model.objectives import OBJECTIVES, Objective
from onelayer.optimum import Reference, Solver, separation
from onelayer.optimum.reference import gradient
from tests.conftest import data_of, reference_data
from tests.optimum.values import value as value_of

rng = np.random.default_rng(0)
X = torch.from_numpy(rng.normal(size=(80, 4)))
NUMBER = torch.from_numpy(rng.normal(3, 2, size=(80, 1)))
BINARY = (X[:, :1] + torch.from_numpy(rng.logistic(size=(80, 1))) > 0).double()
CLASS = (X[:, :3] + torch.from_numpy(rng.gumbel(size=(80, 3)))).argmax(1)
TARGETS = {"squared": NUMBER, "logistic": BINARY, "softmax": CLASS}
OUTPUTS = {"squared": 1, "logistic": 1, "softmax": 3}
every_objective = pytest.mark.parametrize("name", OBJECTIVES)


def solve(
    x: Tensor, y: Tensor, objective: Objective, l2: float = 0.0, *, n_outputs: int = 1, bias: bool = True
) -> Reference:
    return Solver(Part(x, y), objective, n_outputs=n_outputs, bias=bias).solve(l2)


def value(theta: Tensor, x: Tensor, y: Tensor, objective: Objective, l2: float) -> Tensor:
    return value_of(theta, Part(x, y), objective, l2)


def optimum(name: str, l2: float, bias: bool = True) -> Tensor:
    reference = solve(X, TARGETS[name], OBJECTIVES[name], l2, n_outputs=OUTPUTS[name], bias=bias)
    assert reference.theta is not None, reference.note
    return reference.theta


def digits(found: NDArray[np.float64], certified: NDArray[np.float64]) -> float:
    """Correct digits, as NIST counts them: the log relative error of the worst coefficient."""
    return float(-np.log10(np.max(np.abs(found - certified) / np.abs(certified)) + 1e-17))


@pytest.mark.parametrize(("name", "wanted"), [("Norris", 11), ("Longley", 10)])
def test_least_squares_has_nists_certified_digits(name: str, wanted: int) -> None:
    rows, card = reference_data(f"nist/{name}")
    params = next(entry["params"] for entry in card["reference"] if entry["kind"] == "certified")
    certified = np.array([float(params[f"B{k}"]) for k in range(rows.shape[1])])
    table = Table(rows[:, :-1], rows[:, -1], tuple(f"x{k}" for k in range(rows.shape[1] - 1)))
    data = data_of(table, val=0, test=0, dtype="float64")
    theta = Solver(data.train, OBJECTIVES["squared"]).solve(0.0).theta
    assert theta is not None
    scales = data.prepared.x_scale, data.prepared.y_scale
    weight, bias = original_coefficients(theta[:, :-1].numpy(), theta[:, -1].numpy(), *scales)
    assert digits(np.concatenate([bias, weight[0]]), certified) >= wanted


@pytest.mark.parametrize("bias", [True, False])
def test_least_squares_is_linear_regression(bias: bool) -> None:
    expected = LinearRegression(fit_intercept=bias).fit(X, NUMBER[:, 0])
    theta = optimum("squared", 0.0, bias)[0]
    np.testing.assert_allclose(theta[:4], expected.coef_, rtol=1e-11)
    if bias:
        np.testing.assert_allclose(theta[4], expected.intercept_, rtol=1e-11)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("l2", [1e-4, 0.1, 10.0])
def test_ridge_is_scikit_learns_with_alpha_n_l2_over_2(l2: float, bias: bool) -> None:
    expected = Ridge(alpha=80 * l2 / 2, fit_intercept=bias, solver="svd").fit(X, NUMBER[:, 0])
    theta = optimum("squared", l2, bias)[0]
    np.testing.assert_allclose(theta[:4], expected.coef_, rtol=1e-10)
    if bias:
        np.testing.assert_allclose(theta[4], expected.intercept_, rtol=1e-10)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("l2", [0.0, 1e-3, 0.1])
@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_classification_is_scikit_learns_with_c_one_over_n_l2(name: str, l2: float, bias: bool) -> None:
    c = np.inf if l2 == 0 else 1 / (80 * l2)
    model = LogisticRegression(C=c, fit_intercept=bias, solver="newton-cg", tol=1e-12, max_iter=10_000)
    expected = model.fit(X, TARGETS[name].flatten())
    theta = optimum(name, l2, bias)
    # only differences between classes show in the probabilities; without a penalty they are all there is
    centre = theta.mean(0) if name == "softmax" else torch.zeros(())
    found, coef = theta - centre, expected.coef_ - (expected.coef_.mean(0) if name == "softmax" else 0)
    np.testing.assert_allclose(found[:, :4], coef, rtol=1e-6, atol=1e-8)
    if bias:
        constant = expected.intercept_ - (expected.intercept_.mean() if name == "softmax" else 0)
        np.testing.assert_allclose(found[:, 4], constant, rtol=1e-6, atol=1e-8)


@every_objective
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_no_perturbation_improves_the_optimum(name: str, l2: float) -> None:
    theta = optimum(name, l2)
    best = value(theta[None], X, TARGETS[name], OBJECTIVES[name], l2)
    scales = torch.logspace(-6, 0, 100, dtype=torch.float64)[:, None, None]
    nearby = theta + scales * torch.from_numpy(rng.normal(size=(100, *theta.shape)))
    values = value(nearby, X, TARGETS[name], OBJECTIVES[name], l2)
    assert (values >= best * (1 - 1e-14)).all()  # sums over 80 rows round


@every_objective
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("bias", [True, False])
def test_the_certificate_is_what_vanishes_at_an_optimum(name: str, l2: float, bias: bool) -> None:
    """The norm of the gradient; of least squares, the cosine of residuals and a column, the penalty below both."""
    target, objective = TARGETS[name], OBJECTIVES[name]
    part = Part(X, target)
    reference = Solver(part, objective, n_outputs=OUTPUTS[name], bias=bias).solve(l2)
    assert reference.theta is not None
    assert 0 <= reference.certificate < 1e-13
    slope = gradient(reference.theta[None], part, objective, l2)
    assert float(slope.norm()) < 1e-12
    if name != "squared":
        np.testing.assert_allclose(reference.certificate, float(slope.norm()), rtol=0.1, atol=1e-15)
    assert np.isnan(solve(X, torch.ones_like(BINARY), OBJECTIVES["logistic"]).certificate)


@pytest.mark.parametrize(("name", "link"), [("squared", lambda p: p), ("logistic", lambda p: np.log(p / (1 - p)))])
def test_the_bias_alone_is_the_link_of_the_mean(name: str, link: object) -> None:
    """Under an overwhelming penalty only the bias, which is never penalised, is left."""
    theta = optimum(name, 1e12)
    assert callable(link)
    np.testing.assert_allclose(theta[0, 4], link(float(TARGETS[name].mean())), rtol=1e-6)


@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_separated_classes_have_no_finite_optimum(name: str) -> None:
    target = (X[:, :1] > 0).double() if name == "logistic" else X[:, :3].argmax(1)
    reference = solve(X, target, OBJECTIVES[name], 0.0, n_outputs=OUTPUTS[name])
    assert reference.theta is None
    assert reference.note.startswith("no finite optimum: the classes are separated;")
    assert solve(X, target, OBJECTIVES[name], 0.01, n_outputs=OUTPUTS[name]).theta is not None


@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_classes_separated_in_part_have_no_finite_optimum(name: str) -> None:
    """A column that is 1 in some rows of one class, and 0 elsewhere: its weight grows for ever."""
    flag = ((TARGETS[name].flatten() == 1) & (torch.arange(80) % 4 == 0)).double()[:, None]
    reference = solve(torch.cat([X, flag], 1), TARGETS[name], OBJECTIVES[name], 0.0, n_outputs=OUTPUTS[name])
    assert reference.theta is None
    assert reference.note.startswith("no finite optimum: the classes are separated in part")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_a_column_that_parts_a_class_settles_it_without_a_programme(
    name: str, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A level of one class alone, whose weight grows for ever, with and without rows that count nothing."""
    monkeypatch.setattr(optimize, "linprog", lambda *_, **__: pytest.fail("a linear programme was solved"))
    flag = ((TARGETS[name].flatten() == 1) & (torch.arange(80) % 4 == 0)).double()[:, None]
    weight = torch.ones(80, dtype=torch.float64)
    flag[(TARGETS[name].flatten() == 0).nonzero()[0]], weight[(TARGETS[name].flatten() == 0).nonzero()[0]] = 1.0, 0.0
    part = Part(torch.cat([X, flag], 1), TARGETS[name], weight / weight.mean())
    found = Solver(part, OBJECTIVES[name], n_outputs=OUTPUTS[name], bias=bias).solve(0.0)
    assert found.note.startswith("no finite optimum: the classes are separated in part")


def test_separation_in_part_is_seen_without_any_large_margin() -> None:
    """Two cells, each without one of three classes: the margins between the others stay small for ever."""
    cell = torch.tensor([0.0, 0.0, 1.0, 1.0] * 10, dtype=torch.float64)[:, None]
    target = torch.tensor([0, 1, 0, 2] * 10)
    reference = solve(cell, target, OBJECTIVES["softmax"], 0.0, n_outputs=3)
    assert reference.note.startswith("no finite optimum: the classes are separated in part")


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_units_of_the_columns_decide_nothing(name: str) -> None:
    units = torch.tensor([1e7, 1e-7, 1.0, 1e3], dtype=torch.float64)
    reference = solve(X * units, TARGETS[name], OBJECTIVES[name], 0.0, n_outputs=OUTPUTS[name])
    expected = solve(X, TARGETS[name], OBJECTIVES[name], 0.0, n_outputs=OUTPUTS[name])
    assert reference.note == ""
    np.testing.assert_allclose(reference.value, expected.value, rtol=1e-9)


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_a_class_without_train_rows_has_no_finite_optimum(l2: float) -> None:
    for name, target in (("logistic", torch.ones_like(BINARY)), ("softmax", CLASS.clamp(max=1))):
        reference = solve(X, target, OBJECTIVES[name], l2, n_outputs=OUTPUTS[name])
        assert reference.theta is None
        assert "has no train rows" in reference.note


def test_breast_cancer_and_digits_are_separated_and_iris_is_in_part() -> None:
    for loader, name, outputs in (("breast_cancer", "logistic", 1), ("digits", "softmax", 10), ("iris", "softmax", 3)):
        x, y = getattr(datasets, f"load_{loader}")(return_X_y=True)
        x = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
        target = torch.from_numpy(y) if name == "softmax" else torch.from_numpy(y)[:, None].double()
        reference = solve(torch.from_numpy(x), target, OBJECTIVES[name], 0.0, n_outputs=outputs)
        assert reference.note.startswith("no finite optimum"), loader


@every_objective
def test_dependent_features_have_an_optimum_that_is_not_unique(name: str) -> None:
    twice = torch.cat([X, X[:, :1]], 1)
    reference = solve(twice, TARGETS[name], OBJECTIVES[name], 0.0, n_outputs=OUTPUTS[name])
    assert reference.note.startswith("not unique")
    alone = value(optimum(name, 0.0)[None], X, TARGETS[name], OBJECTIVES[name], 0.0)
    np.testing.assert_allclose(reference.value, float(alone), rtol=1e-12)
    assert solve(twice, TARGETS[name], OBJECTIVES[name], 0.1, n_outputs=OUTPUTS[name]).note == ""


def test_too_large_a_problem_is_skipped_with_its_reason() -> None:
    reference = solve(torch.zeros(3, 100_000, dtype=torch.float64), torch.zeros(3, 1).double(), OBJECTIVES["squared"])
    assert reference.theta is None
    assert reference.note.startswith("skipped: 3 rows x 100001^2 weights is beyond the limit 2e+10; there would be one")


@every_objective
def test_auto_lr_is_the_largest_rate_at_which_descent_is_sure(name: str) -> None:
    l2 = 0.1
    objective, target = OBJECTIVES[name], TARGETS[name]
    (lr,) = Solver(Part(X, target), objective, n_outputs=OUTPUTS[name]).auto_lr([l2])
    columns = torch.cat([X, torch.ones(80, 1, dtype=torch.float64)], 1)
    penalty = torch.tensor([l2] * 4 + [0.0], dtype=torch.float64)
    theta = torch.zeros(1, OUTPUTS[name], 5, dtype=torch.float64)
    before = float(value(theta, X, target, objective, l2))
    for _ in range(50):
        residual = objective.residual((theta[0] @ columns.t()).t()[None], target)[0]
        theta = theta - lr * (residual.t() @ columns / 80 + penalty * theta)
        now = float(value(theta, X, target, objective, l2))
        assert now <= before * (1 + 1e-14)
        before = now


@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_levels_that_sum_to_one_leave_the_optimum_certain(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One-hot columns beside a bias are dependent: this alone must not call for a linear programme."""
    level = torch.arange(80) % 3
    x = torch.cat([X, torch.eye(3, dtype=torch.float64)[level]], 1)
    monkeypatch.setattr(separation, "PROGRAMME", 0)
    reference = solve(x, TARGETS[name], OBJECTIVES[name], 0.0, n_outputs=OUTPUTS[name])
    assert reference.note == "not unique: the columns have rank 7 of 8"
    fewer = solve(x[:, :-1], TARGETS[name], OBJECTIVES[name], 0.0, n_outputs=OUTPUTS[name])
    np.testing.assert_allclose(reference.value, fewer.value, rtol=1e-12)


class LogCosh(Objective):
    """A robust loss of a number, such as somebody may add."""

    name, task, link, of_classes, curvature = "log_cosh", "regression", IDENTITY, False, 1.0

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return torch.log(torch.cosh(logits - target)).sum(-1)

    def residual(self, logits: Tensor, target: Tensor) -> Tensor:
        return torch.tanh(logits - target)

    def hessian(self, logits: Tensor, target: Tensor) -> Tensor:
        return torch.diag_embed(torch.cosh(logits - target) ** -2)

    def predict(self, logits: Tensor) -> Tensor:
        return logits


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_another_loss_of_a_number_is_solved_like_by_scipy(l2: float, bias: bool) -> None:
    found = solve(X, NUMBER, LogCosh(), l2, bias=bias)
    columns = np.column_stack([X.numpy(), np.ones(len(X))])[:, : 4 + bias]

    def objective(theta: NDArray[np.float64]) -> float:
        loss = np.log(np.cosh(columns @ theta - NUMBER[:, 0].numpy())).mean()
        return float(loss + l2 / 2 * np.square(theta[:4]).sum())

    wanted = optimize.minimize(objective, np.zeros(4 + bias), tol=1e-12)
    assert found.theta is not None, found.note
    assert found.note == ""
    np.testing.assert_allclose(found.theta[0].numpy(), wanted.x, atol=1e-5)
    assert found.value <= wanted.fun + 1e-12
