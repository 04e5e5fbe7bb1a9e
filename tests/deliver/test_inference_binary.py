"""Tables of binary models against finite differences, scipy.optimize and O(n^2) formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from sklearn.datasets import load_diabetes

from onelayer.deliver.inference import Rows, binary
from onelayer.deliver.inference.binary_likelihood import LIKELIHOODS
from onelayer.deliver.inference.robust import Robust
from onelayer.deliver.inference.rows import Array
from tests.conftest import examples
from tests.deliver.optima import best, fitted_binary, reference
from tests.deliver.test_inference_linear import ROBUST, hat_formulas, same


def problem(seed: int = 0, n: int = 120) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(50, 10, n), rng.normal(0, 0.01, n)])
    y = (rng.random(n) < special.expit(x @ [-2.5, 0.05, 40])).astype(float)
    return x, y, rng.integers(1, 5, n).astype(float)


@pytest.mark.parametrize("link", LIKELIHOODS)
def test_optimum_and_observed_information(link: str) -> None:
    """Against a numerical optimum, and the finite differences of the score of the whole likelihood there."""
    x, y, weight = problem()
    functions = LIKELIHOODS[link]
    table = fitted_binary(Rows.of(x, y, weight, constant=0), link=link, information="observed")

    def score(b: Array) -> Array:
        return np.asarray((weight * functions.score(x @ b, y)) @ x)

    def loss(b: Array) -> float:
        z = x @ (b / scale)
        return -float(weight @ np.where(y == 1, functions.log_mean(z), functions.log_rest(z)))

    scale = np.array([1.0, 50.0, 0.01])
    found = optimize.minimize(loss, np.zeros(3), method="Nelder-Mead", options={"maxiter": 2000, "fatol": 1e-12})
    assert -table.stats["log_likelihood"] <= found.fun + 1e-9
    assert -table.stats["log_likelihood"] == pytest.approx(found.fun, abs=1e-4)
    np.testing.assert_allclose(score(table.coef) * scale, 0, atol=1e-9)
    steps = np.diag(1e-5 / scale)
    information = np.array([(score(table.coef - h) - score(table.coef + h)) / (2 * h.max()) for h in steps])
    np.testing.assert_allclose(np.linalg.inv(table.covariance), information, rtol=1e-4)
    assert table.cautions == ()
    assert (table.link.name, table.estimator) == (link, "observed")


@pytest.mark.parametrize("robust", ROBUST)
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_robust(link: str, robust: Robust) -> None:
    x, y, weight = problem()
    table = fitted_binary(Rows.of(x, y, weight, constant=0), link=link, robust=robust)
    z = x @ table.coef
    score, information = weight * LIKELIHOODS[link].score(z, y), weight * LIKELIHOODS[link].expected(z)
    expected = hat_formulas(x, score, information)[robust]
    np.testing.assert_allclose(table.covariance, expected, rtol=1e-7)
    np.testing.assert_allclose(table.std_err, np.sqrt(np.diag(expected)), rtol=1e-7)
    slopes, inner = table.coef[1:], expected[1:, 1:]
    np.testing.assert_allclose(table.stats["wald_chisq"], slopes @ np.linalg.solve(inner, slopes), rtol=1e-6)
    assert table.stats["wald_df"] == len(slopes)


def test_a_robust_test_of_the_whole_fit_is_that_of_statsmodels() -> None:
    """statsmodels 0.15.0, GLM(y, X, Binomial()).fit(cov_type="HC0").wald_test of all but the constant."""
    x, y = load_diabetes(return_X_y=True, scaled=False)
    rows = Rows.of(np.column_stack([np.ones(len(y)), x[:, [2, 3, 8]]]), (y > 140).astype(float), constant=0)
    table = fitted_binary(rows, robust="HC0")
    assert table.stats["wald_chisq"] == pytest.approx(111.33163955168833, rel=1e-6)
    assert table.stats["wald_p"] == pytest.approx(5.6720580336591475e-24, rel=1e-4)
    assert "wald_chisq" not in fitted_binary(rows).stats


def test_two_by_two_table() -> None:
    """One binary feature: the odds ratio and its error have closed forms (Agresti, 2013, 3.1)."""
    counts = np.array([12.0, 30.0, 25.0, 9.0])  # of (x, y) = (0, 1), (0, 0), (1, 1), (1, 0)
    x, y = np.array([[1, 0], [1, 0], [1, 1], [1, 1]]), np.array([1, 0, 1, 0])
    table = fitted_binary(Rows.of(x, y, counts, constant=0, weights="frequency"), level=0.9)
    ratio, error = counts[2] * counts[1] / (counts[3] * counts[0]), np.sqrt((1 / counts).sum())
    assert table.odds_ratio is not None
    middle, low, high = table.odds_ratio
    reach = np.exp(stats.norm.ppf(0.95) * error)
    np.testing.assert_allclose([middle[1], low[1], high[1]], [ratio, ratio / reach, ratio * reach], rtol=1e-12)
    np.testing.assert_allclose(table.std_err[1], error, rtol=1e-12)
    np.testing.assert_allclose(table.p[1], 2 * stats.norm.sf(np.log(ratio) / error), rtol=1e-10)
    n = counts.sum()
    null = special.xlogy([37, 39], np.array([37, 39]) / n).sum()
    fit = special.xlogy(counts, counts / np.repeat([42, 34], 2)).sum()
    expected = {
        "n": n,
        "df_residual": n - 2,
        "log_likelihood": fit,
        "deviance": -2 * fit,
        "null_deviance": -2 * null,
        "lr_chisq": 2 * (fit - null),
        "lr_p": stats.chi2.sf(2 * (fit - null), 1),
        "mcfadden": 1 - fit / null,
        "aic": 4 - 2 * fit,
        "bic": 2 * np.log(n) - 2 * fit,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(table.stats[name], value, rtol=1e-10, err_msg=name)


def test_trials_are_rows_put_together() -> None:
    """Shares of counted trials have the coefficients and errors of single trials, and the saturated deviance."""
    x, hits, trials = np.column_stack([np.ones(6), np.arange(6)]), np.array([0, 1, 3, 5, 4, 9]), np.full(6, 9)
    grouped = fitted_binary(Rows.of(x, hits / trials, trials, constant=0))
    outcomes = np.concatenate([np.repeat([1, 0], [h, 9 - h]) for h in hits])
    single = fitted_binary(Rows.of(np.repeat(x, 9, axis=0), outcomes, constant=0))
    same(grouped, single)
    mean = special.expit(x @ grouped.coef)
    logs = stats.binom.logpmf(hits, trials, mean).sum()
    np.testing.assert_allclose(grouped.stats["log_likelihood"], logs, rtol=1e-12)
    np.testing.assert_allclose(
        grouped.stats["deviance"], 2 * (stats.binom.logpmf(hits, trials, hits / trials).sum() - logs), rtol=1e-11
    )
    assert grouped.stats["mcfadden"] == pytest.approx(single.stats["mcfadden"], rel=1e-12)
    assert grouped.cautions == single.cautions == ()
    (said,) = fitted_binary(Rows.of(x, np.linspace(0.1, 0.8, 6), constant=0)).cautions
    assert said.startswith("targets between 0 and 1 are no shares")


@given(
    seed=st.integers(0, 50),
    exponent=st.integers(-6, 6),
    shift=st.floats(-1e3, 1e3),
    link=st.sampled_from(list(LIKELIHOODS)),
)
@settings(max_examples=examples(15), deadline=None)
def test_units_and_order_do_not_matter(seed: int, exponent: int, shift: float, link: str) -> None:
    x, y, weight = problem(seed)
    base, order = (
        fitted_binary(Rows.of(x, y, weight, constant=0), link=link),
        np.random.default_rng(seed).permutation(len(y)),
    )
    moved = x[order][:, ::-1].copy()
    moved[:, 1] = (moved[:, 1] + shift) * 10.0**exponent
    table = fitted_binary(Rows.of(moved, y[order], weight[order], constant=2), link=link)
    factor = np.array([1, 10.0**-exponent])
    np.testing.assert_allclose(table.coef[:2], base.coef[:0:-1] * factor, rtol=1e-7)
    np.testing.assert_allclose(table.std_err[:2], base.std_err[:0:-1] * factor, rtol=1e-7)
    assert table.stats["deviance"] == pytest.approx(base.stats["deviance"], rel=1e-11)


@pytest.mark.parametrize("link", LIKELIHOODS)
def test_rare_ones_are_not_separated(link: str) -> None:
    x = np.column_stack([np.ones(4), [0, 0, 1, 1]])
    rows = Rows.of(x, np.array([1, 0, 1, 0]), np.array([2, 2e6, 7, 2e6]), constant=0, weights="frequency")
    table = fitted_binary(rows, link=link)
    assert table.cautions == ()
    np.testing.assert_allclose(
        np.exp(LIKELIHOODS[link].log_mean(x[::2] @ table.coef)), [2 / 2000002, 7 / 2000007], rtol=1e-9
    )


def test_aliased_and_null_model() -> None:
    x, y, _ = problem()
    base = fitted_binary(Rows.of(x, y, constant=0))
    table = fitted_binary(Rows.of(np.column_stack([x, x[:, 1] + x[:, 2]]), y, constant=0))
    np.testing.assert_allclose(table.coef, [*base.coef, 0], rtol=1e-9)
    np.testing.assert_allclose(table.std_err, [*base.std_err, np.nan], rtol=1e-9)
    assert table.cautions[0].startswith("rank-deficient: aliased with columns before them are 'x3'")
    through_zero = fitted_binary(Rows.of(x[:, 1:], y, constant=None))
    assert through_zero.stats["null_deviance"] == pytest.approx(2 * len(y) * np.log(2))
    assert through_zero.stats["lr_df"] == 2


def test_nonsense_is_refused() -> None:
    x, y, _ = problem()
    with pytest.raises(ValueError, match="not within"):
        binary(Rows.of(x, y + 1, constant=0), np.zeros(3))
    with pytest.raises(ValueError, match="link='loglog' is none of"):
        binary(Rows.of(x, y, constant=0), np.zeros(3), link="loglog")
    with pytest.raises(ValueError, match="information='fisher'"):
        binary(Rows.of(x, y, constant=0), np.zeros(3), information="fisher")  # type: ignore[arg-type]


def test_the_higher_of_two_optima() -> None:
    """Under cauchit these rows have a second maximum, which is lower and has a table without a doubt in it."""
    x = np.array([-1.86, 13.76, -87.27, -0.66, -0.24, -30.98, 15.16, 4.93])
    rows = Rows.of(np.column_stack([np.ones(8), x]), [0, 1, 1, 0, 0, 0, 1, 0], constant=0)
    start, functions = np.array([-3.0, 3.0]), LIKELIHOODS["cauchit"]
    z, y = np.column_stack([np.ones(8), x]), np.array([0, 1, 1, 0, 0, 0, 1, 0])
    lower = optimize.minimize(
        lambda b: -np.where(y == 1, functions.log_mean(z @ b), functions.log_rest(z @ b)).sum(), start
    )
    local = binary(rows, lower.x, link="cauchit", exact=True)
    assert local.cautions == ()
    high = fitted_binary(rows, link="cauchit")
    assert high.stats["log_likelihood"] > local.stats["log_likelihood"] + 0.4
    for begin in (start, lower.x, high.coef):
        np.testing.assert_allclose(best(rows, "cauchit", start=begin), high.coef, rtol=1e-7)


def test_where_the_likelihood_is_not_concave_it_is_said() -> None:
    x, y, _ = problem()
    rows = Rows.of(x, y, constant=0)
    top = fitted_binary(rows, link="cauchit")
    assert top.cautions == ()
    said = binary(rows, -5 * top.coef, link="cauchit").cautions
    assert any(one.startswith("not concave: under cauchit") for one in said)
    assert not any(one.startswith("not concave") for one in binary(rows, -5 * top.coef).cautions)


def test_where_there_is_no_optimum_the_table_says_why_and_nothing_of_its_consequences() -> None:
    """A level of one class alone, given what training may end with, and what makes all probabilities 0 or 1."""
    level = np.repeat([0.0, 1.0], 20)
    rows = Rows.of(np.column_stack([np.ones(40), level]), np.where(level == 1, 1.0, np.arange(40) % 2), constant=0)
    why = reference(rows, "logit").note
    assert why.startswith("no finite optimum: ")
    for coef in ([0.0, 3.0], [0.0, 50.0], [800.0, 800.0]):
        assert binary(rows, np.array(coef), no_optimum=why).cautions == (
            f"separated: {why}; standard errors of what would grow without end mean nothing",
        )
    cautions = binary(rows, np.array([800.0, 800.0])).cautions
    assert [said.partition(":")[0] for said in cautions] == ["not at the optimum", "singular"]
