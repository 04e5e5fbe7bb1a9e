"""Tables of linear models against closed forms, scipy and O(n^2) formulas."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.datasets import load_diabetes

from onelayer.deliver.inference import Rows, Table, least_squares
from onelayer.deliver.inference.robust import Robust
from onelayer.deliver.inference.rows import Array
from tests.conftest import examples
from tests.deliver.optima import best, fitted

ROBUST: tuple[Robust, ...] = ("HC0", "HC1", "HC2", "HC3")


def problem(seed: int = 0, n: int = 40, features: int = 3) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(5, 2, (n, features))])
    y = x @ np.arange(1.0, features + 2) + rng.normal(size=n) * x[:, 1]
    return x, y, rng.integers(1, 5, n).astype(float)


def hat_formulas(x: Array, score: Array, information: Array) -> dict[str, Array]:
    """HC0 to HC3 written out with (rows, rows) matrices."""
    n, k = x.shape
    bread = np.linalg.inv(x.T @ np.diag(information) @ x)
    leverage = np.diag(np.diag(np.sqrt(information)) @ x @ bread @ x.T @ np.diag(np.sqrt(information)))
    omega = {
        "HC0": score**2,
        "HC1": score**2 * n / (n - k),
        "HC2": score**2 / (1 - leverage),
        "HC3": score**2 / (1 - leverage) ** 2,
    }
    return {name: bread @ x.T @ np.diag(one) @ x @ bread for name, one in omega.items()}


def test_one_feature_is_linregress() -> None:
    x, y, _ = problem(features=1)
    table, known = fitted(Rows.of(x, y, constant=0)), stats.linregress(x[:, 1], y)
    np.testing.assert_allclose(table.coef, [known.intercept, known.slope], rtol=1e-12)
    np.testing.assert_allclose(table.std_err, [known.intercept_stderr, known.stderr], rtol=1e-12)
    np.testing.assert_allclose(table.p[1], known.pvalue, rtol=1e-10)
    np.testing.assert_allclose(table.stats["f_p"], known.pvalue, rtol=1e-10)
    np.testing.assert_allclose(table.stats["r_squared"], known.rvalue**2, rtol=1e-12)
    reach = stats.t.ppf(0.95, 38) * table.std_err
    narrow = fitted(Rows.of(x, y, constant=0), level=0.9)
    np.testing.assert_allclose([narrow.low, narrow.high], [table.coef - reach, table.coef + reach], rtol=1e-12)
    assert table.kind == "t"
    assert table.odds_ratio is None


@pytest.mark.parametrize("constant", [0, None])
def test_closed_forms_under_weights(constant: int | None) -> None:
    x, y, weight = problem()
    x = x if constant == 0 else x[:, 1:]
    n, k = x.shape
    table = fitted(Rows.of(x, y, weight, constant=constant))
    bread = np.linalg.inv(x.T @ np.diag(weight) @ x)
    coef = bread @ x.T @ (weight * y)
    residual = y - x @ coef
    rss, middle = weight @ residual**2, weight @ y / weight.sum() if constant == 0 else 0.0
    tss = weight @ (y - middle) ** 2
    covariance = rss / (n - k) * bread
    np.testing.assert_allclose(table.coef, coef, rtol=1e-10)
    np.testing.assert_allclose(table.covariance, covariance, rtol=1e-10)
    np.testing.assert_allclose(table.std_err, np.sqrt(np.diag(covariance)), rtol=1e-10)
    np.testing.assert_allclose(table.p, 2 * stats.t.sf(np.abs(table.statistic), n - k), rtol=1e-9)
    model = k - (constant == 0)
    # each row is normal with the variance sigma^2 / weight, at the maximum of the likelihood
    logs = stats.norm.logpdf(residual, scale=np.sqrt(rss / n / weight)).sum()
    expected = {
        "r_squared": 1 - rss / tss,
        "adj_r_squared": 1 - (rss / (n - k)) / (tss / (n - (constant == 0))),
        "f_statistic": (tss - rss) / model / (rss / (n - k)),
        "log_likelihood": logs,
        "aic": 2 * (k + 1) - 2 * logs,
        "bic": np.log(n) * (k + 1) - 2 * logs,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(table.stats[name], value, rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(
        table.stats["f_p"], stats.f.sf(expected["f_statistic"], model, n - k), rtol=1e-8, atol=1e-300
    )
    root = np.sqrt(weight)[:, None] * x
    np.testing.assert_allclose(
        table.stats["condition_number"], np.linalg.cond(root / np.linalg.norm(root, axis=0)), rtol=1e-9
    )


@pytest.mark.parametrize("robust", ROBUST)
def test_robust(robust: Robust) -> None:
    x, y, weight = problem()
    table = fitted(Rows.of(x, y, weight, constant=0), robust=robust)
    expected = hat_formulas(x, weight * (y - x @ table.coef), weight)[robust]
    np.testing.assert_allclose(table.covariance, expected, rtol=1e-9)
    np.testing.assert_allclose(table.std_err, np.sqrt(np.diag(expected)), rtol=1e-9)
    assert table.estimator == robust
    slopes, inner = table.coef[1:], expected[1:, 1:]
    f = slopes @ np.linalg.solve(inner, slopes) / len(slopes)
    df = table.stats["f_df2"]
    np.testing.assert_allclose(table.stats["f_statistic"], f, rtol=1e-8)
    np.testing.assert_allclose(table.stats["f_p"], stats.f.sf(f, len(slopes), df), rtol=1e-6)


@pytest.mark.parametrize(
    ("robust", "f", "p"),
    [
        ("HC0", 188.80053189036144, 1.4618417916107574e-78),
        ("HC1", 187.09192979180898, 4.473717019751751e-78),
        ("HC2", 186.4447185755929, 6.844226321074974e-78),
        ("HC3", 184.10827960137678, 3.198370492812571e-77),
    ],
)
def test_robust_f_is_that_of_statsmodels(robust: Robust, f: float, p: float) -> None:
    """statsmodels 0.15.0, OLS(y, X).fit(cov_type=robust, use_t=True): fvalue, f_pvalue."""
    x, y = load_diabetes(return_X_y=True, scaled=False)
    table = fitted(Rows.of(np.column_stack([np.ones(len(y)), x[:, [2, 3, 8]]]), y, constant=0), robust=robust)
    assert table.stats["f_statistic"] == pytest.approx(f, rel=1e-9)
    assert table.stats["f_p"] == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize("robust", [None, *ROBUST])
def test_frequencies_are_repeated_rows(robust: Robust | None) -> None:
    x, y, weight = problem()
    repeated = np.repeat(np.arange(len(y)), weight.astype(int))
    one = fitted(Rows.of(x, y, weight, constant=0, weights="frequency"), robust=robust)
    other = fitted(Rows.of(x[repeated], y[repeated], constant=0), robust=robust)
    same(one, other)
    for name, value in other.stats.items():
        np.testing.assert_allclose(one.stats[name], value, rtol=1e-9, err_msg=name)


def same(one: Table, other: Table, rtol: float = 1e-9) -> None:
    for name in ("coef", "std_err", "statistic", "low", "high"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, err_msg=name)


def test_chunks_are_the_rows_together() -> None:
    x, y, weight = problem(n=300)

    def chunks() -> Iterator[tuple[Array, Array, None, Array]]:
        for start in range(0, 300, 7):
            some = slice(start, start + 7)
            yield x[some].astype(np.float32).astype(float), y[some], None, weight[some]

    pieces = Rows(chunks, ("a", "b", "c", "d"), 0)
    whole = Rows.of(x.astype(np.float32), y, weight, names=pieces.names, constant=0)
    same(fitted(pieces, robust="HC3"), fitted(whole, robust="HC3"))


def test_weight_zero_is_no_row() -> None:
    x, y, weight = problem()
    weight[::3] = 0.0
    used = weight > 0
    one, other = (
        fitted(Rows.of(x, y, weight, constant=0)),
        fitted(Rows.of(x[used], y[used], weight[used], constant=0)),
    )
    same(one, other)
    assert one.stats == pytest.approx(other.stats)


@given(seed=st.integers(0, 1000), exponent=st.integers(-6, 6), shift=st.floats(-1e3, 1e3))
@settings(max_examples=examples(20), deadline=None)
def test_units_and_order_do_not_matter(seed: int, exponent: int, shift: float) -> None:
    """A column in other units has its coefficient and error in other units; the others keep theirs, whatever order."""
    x, y, _ = problem(seed)
    base = fitted(Rows.of(x, y, constant=0), robust="HC3")
    order, rows = np.random.default_rng(seed).permutation(4), np.random.default_rng(seed).permutation(len(y))
    moved = x.copy()
    moved[:, 2] = (x[:, 2] + shift) * 10.0**exponent
    constant = int(np.flatnonzero(order == 0)[0])
    table = fitted(Rows.of(moved[rows][:, order], y[rows], constant=constant), robust="HC3")
    factor = np.array([1, 10.0**-exponent, 1])
    back = np.argsort(order)
    np.testing.assert_allclose(table.coef[back][1:], (base.coef[1:] * factor[[0, 1, 2]]), rtol=1e-8)
    np.testing.assert_allclose(table.std_err[back][1:], (base.std_err[1:] * factor), rtol=1e-8)
    np.testing.assert_allclose(table.statistic[back][1:], base.statistic[1:], rtol=1e-8)
    assert table.stats["r_squared"] == pytest.approx(base.stats["r_squared"], rel=1e-10)


def test_aliased_columns() -> None:
    """They have no errors, and what they carry of given coefficients goes over to the columns that are kept."""
    x, y, _ = problem()
    more = np.column_stack([x, x[:, 1] - 2 * x[:, 3], np.full(len(y), 7.0)])
    names = ("one", "a", "b", "c", "mixed", "seven")
    rows, base = Rows.of(more, y, names=names, constant=0), fitted(Rows.of(x, y, constant=0))
    table = fitted(rows)
    np.testing.assert_allclose(table.coef, [*base.coef, 0, 0], rtol=1e-10)
    np.testing.assert_allclose(table.std_err, [*base.std_err, np.nan, np.nan], rtol=1e-10)
    assert table.stats["rank"] == 4
    assert table.stats["condition_number"] > 1e14
    (said,) = table.cautions
    assert said.startswith("rank-deficient: aliased with columns before them are 'mixed', 'seven';")
    given = np.linalg.lstsq(more, y)[0]  # the shortest solution, of the same logits
    other = least_squares(rows, given)
    same(replace(other, low=table.low, high=table.high), table)
    assert other.cautions == table.cautions


def test_cautions() -> None:
    x, y, _ = problem()
    rows = Rows.of(x, y, constant=0)
    coef = best(rows)
    off = least_squares(rows, coef + np.array([0, 0.1, 0, 0]))
    (said,) = off.cautions
    distance = np.linalg.norm(x[:, 1] * 0.1) / off.stats["sigma"]
    assert said.startswith(f"not at the optimum: the coefficients are {distance:.3g} standard errors from it")
    (said,) = least_squares(rows, 0.5 * coef, l2=0.1).cautions
    assert said.startswith("penalised: l2 = 0.1")
    few = fitted(Rows.of(x[:3], y[:3], constant=0))
    assert any(said == "fewer rows than columns: 3 rows for 4 columns" for said in few.cautions)
    assert np.isnan(few.std_err).all()
    alone = x.copy()
    alone[:, 3] = np.arange(len(y)) == 4
    full = fitted(Rows.of(alone, y, constant=0), robust="HC3")
    assert full.cautions == ("HC3 is not defined: 1 rows have the leverage 1",)
    assert np.isnan(full.std_err).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": np.ones(5)}, "x has the shape"),
        ({"y": np.ones(3)}, "have the shapes"),
        ({"x": np.full((5, 2), np.nan)}, "not finite"),
        ({"constant": 1}, "'x1' holds other numbers than 1"),
        ({"weight": -np.ones(5)}, "negative"),
        ({"weight": np.zeros(5)}, "no rows of positive weight"),
    ],
)
def test_nonsense_is_refused(change: dict[str, object], words: str) -> None:
    given: dict[str, object] = {"x": np.arange(10.0).reshape(5, 2), "y": np.arange(5.0), "constant": None}
    with pytest.raises(ValueError, match=words):
        least_squares(Rows.of(**(given | change)), np.zeros(2))  # type: ignore[arg-type]
    good = Rows.of(np.arange(10.0).reshape(5, 2), np.arange(5.0), constant=None)
    with pytest.raises(ValueError, match="level=95"):
        least_squares(good, np.zeros(2), level=95)
    with pytest.raises(ValueError, match="robust='HC9'"):
        least_squares(good, np.zeros(2), robust="HC9")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="coef has the shape"):
        least_squares(good, np.ones(3))


@pytest.mark.parametrize("robust", [None, *ROBUST])
def test_bases_are_left_out_before_others(robust: Robust | None) -> None:
    """A category with a column for each level beside a constant, and the same without its base."""
    x, y, weight = problem()
    levels = (np.arange(len(y))[:, None] % 3 == np.arange(3)).astype(float)
    wide = np.column_stack([x[:, :1], levels, x[:, 1:]])
    one = fitted(Rows.of(wide, y, weight, constant=0, bases=[1]), robust=robust)
    other = fitted(Rows.of(np.delete(wide, 1, 1), y, weight, constant=0), robust=robust)
    np.testing.assert_allclose(np.delete(one.coef, 1), other.coef, rtol=1e-9)
    np.testing.assert_allclose(np.delete(one.std_err, 1), other.std_err, rtol=1e-9)
    assert one.stats == pytest.approx(other.stats, rel=1e-9)
    assert (one.aliased, one.cautions) == ((1,), ())
    # coefficients that add up differently but give the same fit become those relative to the base
    moved = one.coef + np.array([-2.0, 2, 2, 2, *np.zeros(3)])
    np.testing.assert_allclose(least_squares(Rows.of(wide, y, weight, constant=0, bases=[1]), moved).coef, one.coef)
    # without a constant, the levels stand for it, and there is no base to leave out
    free = fitted(Rows.of(wide[:, 1:], y, weight, constant=None, bases=[0]), robust=robust)
    assert free.aliased == ()
    np.testing.assert_allclose(free.coef[1] - free.coef[0], one.coef[2], rtol=1e-8)


def test_counts_and_precision_together() -> None:
    """A row may stand for several observations of a variance of their own."""
    x, y, counts = problem()
    precision = np.random.default_rng(1).random(len(y)) + 0.5
    repeated = np.repeat(np.arange(len(y)), counts.astype(int))
    one = fitted(Rows(lambda: [(x, y, counts, precision)], ("a", "b", "c", "d"), 0), robust="HC1")
    other = fitted(Rows.of(x[repeated], y[repeated], precision[repeated], constant=0), robust="HC1")
    same(one, other)
    assert one.stats == pytest.approx(other.stats, rel=1e-9)
