"""Multinomial logit against the binary table, finite differences, and repeated rows."""

import numpy as np
import pytest
from scipy import optimize, special, stats
from sklearn.datasets import load_diabetes

from onelayer.deliver.inference import Rows, multinomial
from onelayer.deliver.inference.robust import Robust
from onelayer.deliver.inference.rows import Array
from tests.deliver.optima import fitted_binary, fitted_multinomial, reference


def problem(classes: int = 3, n: int = 200) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(classes)
    x = np.column_stack([np.ones(n), rng.normal(50, 10, n), rng.normal(0, 0.01, n)])
    z = np.column_stack([x @ [1 - k, 0.03 * k, 40 * k - 30] for k in range(classes)])
    y = (z + rng.gumbel(size=z.shape)).argmax(1).astype(float)
    return x, y, rng.integers(1, 5, n).astype(float)


def log_likelihood(b: Array, x: Array, y: Array, weight: Array) -> float:
    logits = np.column_stack([np.zeros(len(x)), x @ b.reshape(-1, x.shape[1]).T])
    return float(weight @ special.log_softmax(logits, axis=1)[np.arange(len(y)), y.astype(int)])


def score(b: Array, x: Array, y: Array, weight: Array) -> Array:
    logits = np.column_stack([np.zeros(len(x)), x @ b.reshape(-1, x.shape[1]).T])
    own = y[:, None] == np.arange(logits.shape[1])
    return np.asarray((((own - special.softmax(logits, axis=1)) * weight[:, None]).T @ x)[1:].ravel())


@pytest.mark.parametrize("robust", [None, "HC0", "HC1"])
@pytest.mark.parametrize("bias", [True, False])
def test_two_classes_are_binary(robust: Robust | None, bias: bool) -> None:
    x, y, weight = problem(2)
    x, constant = (x, 0) if bias else (x[:, 1:], None)
    rows = Rows.of(x, y, weight, constant=constant, weights="frequency")
    (one,), other = fitted_multinomial(rows, 2, robust=robust, level=0.9), fitted_binary(rows, robust=robust, level=0.9)
    for key in ("coef", "std_err", "statistic", "p", "low", "high", "covariance"):
        np.testing.assert_allclose(getattr(one, key), getattr(other, key), rtol=1e-8, err_msg=key)
    for key, value in one.stats.items():
        np.testing.assert_allclose(value, other.stats[key], rtol=1e-10, err_msg=key)
    assert one.cautions == other.cautions == ()
    assert one.estimator == other.estimator


@pytest.mark.parametrize("classes", [3, 5])
def test_optimum_and_information(classes: int) -> None:
    """The score is that of finite differences and vanishes; covariance is the inverse of its differences."""
    x, y, weight = problem(classes)
    tables = fitted_multinomial(Rows.of(x, y, weight, constant=0), classes)
    b = np.concatenate([one.coef for one in tables])
    unit = np.tile([1.0, 50.0, 0.01], classes - 1)
    slope = optimize.approx_fprime(1.1 * b * unit, lambda c: log_likelihood(c / unit, x, y, weight), 1e-6)
    np.testing.assert_allclose(score(1.1 * b, x, y, weight) / unit, slope, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(score(b, x, y, weight) / unit, 0, atol=1e-8)
    steps = np.diag(1e-5 / unit)
    differences = [(score(b - h, x, y, weight) - score(b + h, x, y, weight)) / (2 * h.max()) for h in steps]
    covariance = np.linalg.inv(np.array(differences))
    for k, table in enumerate(tables):
        own = slice(3 * k, 3 * k + 3)
        np.testing.assert_allclose(table.covariance, covariance[own, own], rtol=1e-4)
        np.testing.assert_allclose(table.std_err, np.sqrt(np.diag(covariance))[own], rtol=1e-5)
        np.testing.assert_allclose(table.p, 2 * stats.norm.sf(np.abs(table.statistic)), rtol=1e-10)
    counts = np.bincount(y.astype(int), weight)
    null, fit = special.xlogy(counts, counts / weight.sum()).sum(), log_likelihood(b, x, y, weight)
    found = tables[0].stats
    assert found["log_likelihood"] == pytest.approx(fit, rel=1e-12)
    assert found["lr_chisq"] == pytest.approx(2 * (fit - null), rel=1e-10)
    assert (found["rank"], found["lr_df"]) == (3 * (classes - 1), 2 * (classes - 1))
    assert found["aic"] == pytest.approx(6 * (classes - 1) - 2 * fit, rel=1e-12)


def test_robust_is_the_sandwich_written_out() -> None:
    x, y, weight = problem(3)
    tables = fitted_multinomial(Rows.of(x, y, weight, constant=0, weights="frequency"), 3, robust="HC0")
    b, ones = np.concatenate([one.coef for one in tables]), np.ones(1)
    each = np.array([score(b, x[i : i + 1], y[i : i + 1], ones) for i in range(len(y))])
    p = special.softmax(np.column_stack([np.zeros(len(x)), x @ b.reshape(2, 3).T]), axis=1)[:, 1:]
    information = np.zeros((6, 6))
    for row, one, count in zip(x, p, weight, strict=True):
        information += count * np.kron(np.diag(one) - np.outer(one, one), np.outer(row, row))
    bread = np.linalg.inv(information)
    errors = np.sqrt(np.diag(bread @ (each.T * weight) @ each @ bread))
    np.testing.assert_allclose(np.concatenate([one.std_err for one in tables]), errors, rtol=1e-7)
    slopes = [place for place in range(6) if place % 3]
    inner = (bread @ (each.T * weight) @ each @ bread)[np.ix_(slopes, slopes)]
    assert tables[0].stats["wald_chisq"] == pytest.approx(b[slopes] @ np.linalg.solve(inner, b[slopes]), rel=1e-7)
    assert tables[0].stats["wald_df"] == 4


def test_a_robust_test_of_the_whole_fit_is_that_of_statsmodels() -> None:
    """statsmodels 0.15.0, MNLogit(y, X).fit(cov_type="HC0"): b' V^-1 b of all but the constants."""
    x, y = load_diabetes(return_X_y=True, scaled=False)
    rows = Rows.of(np.column_stack([np.ones(len(y)), x[:, [2, 3, 8]]]), np.digitize(y, [100, 200]), constant=0)
    table, _ = fitted_multinomial(rows, 3, robust="HC0")
    assert table.stats["wald_chisq"] == pytest.approx(122.23006261713738, rel=1e-6)


def test_counts_are_repeated_rows_and_bases_are_left_out() -> None:
    x, y, weight = problem(3)
    levels = np.arange(len(y))[:, None] % 3 == np.arange(3)
    wide = np.column_stack([x, levels])
    repeated = np.repeat(np.arange(len(y)), weight.astype(int))
    one = fitted_multinomial(Rows.of(wide, y, weight, constant=0, weights="frequency", bases=[3]), 3, robust="HC1")
    other = fitted_multinomial(Rows.of(np.delete(wide, 3, 1)[repeated], y[repeated], constant=0), 3, robust="HC1")
    for here, there in zip(one, other, strict=True):
        np.testing.assert_allclose(np.delete(here.std_err, 3), there.std_err, rtol=1e-8)
        assert here.stats == pytest.approx(there.stats, rel=1e-8)
        assert (here.aliased, here.cautions) == ((3,), ())
    # coefficients of all levels are the same model as those relative to the base
    full = np.array([[table.coef[0] + 0.3, *table.coef[1:3], -0.3, *table.coef[4:] - 0.3] for table in one])
    again = multinomial(Rows.of(wide, y, weight, constant=0, weights="frequency", bases=[3]), full)
    np.testing.assert_allclose([table.coef for table in again], [table.coef for table in one], atol=1e-9)


def test_what_does_not_hold() -> None:
    x, y, _ = problem(3)
    best = np.array([one.coef for one in fitted_multinomial(Rows.of(x, y, constant=0), 3)])
    (said,) = multinomial(Rows.of(x, y, constant=0), 0.9 * best)[0].cautions
    assert said.startswith("not at the optimum")
    apart = np.digitize(x[:, 1], [45, 55]).astype(float)
    why = reference(Rows.of(x, apart, constant=0), "softmax", 3).note
    (said,) = multinomial(Rows.of(x, apart, constant=0), best, no_optimum=why)[0].cautions
    assert said.startswith("separated: no finite optimum: the classes are separated")
    (*_, said) = multinomial(Rows.of(x, y, constant=0), 1e6 * best)[0].cautions
    assert said.startswith("singular: ")
    rare = Rows.of(np.ones((4, 1)), np.array([0, 0, 1, 2]), np.array([1e9, 1e9, 2, 3]), constant=0, weights="frequency")
    assert fitted_multinomial(rare, 3)[0].cautions == ()
    with pytest.raises(ValueError, match="is neither HC0 nor HC1"):
        multinomial(Rows.of(x, y, constant=0), best, robust="HC3")
    with pytest.raises(ValueError, match="not the number of one"):
        multinomial(Rows.of(x, y + 0.5, constant=0), best)
    with pytest.raises(ValueError, match="coef has the shape"):
        multinomial(Rows.of(x, y, constant=0), best[:, :1])
