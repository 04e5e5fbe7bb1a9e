"""Measures against brute force, and against the papers that they are from."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from onelayer.report.leaderboard import Mean
from onelayer.report.measures import band, carried, expected_best, interval, median, profile, ratios, time_to

NUMBERS = st.lists(st.floats(-100, 100), min_size=1, max_size=5)
CURVE = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(NUMBERS, st.integers(1, 4), st.booleans())
def test_expected_best_is_the_mean_over_all_draws(values: list[float], budget: int, higher: bool) -> None:
    best = max if higher else min
    draws = [best(draw) for draw in itertools.product(values, repeat=budget)]
    (found,) = expected_best(values, np.array([budget]), higher=higher)
    assert found == pytest.approx(sum(draws) / len(draws), abs=1e-9)


@given(CURVE, st.floats(0, 1))
def test_time_to_a_target_is_the_cost_at_the_first_value_that_is_there(values: list[float], target: float) -> None:
    cost = np.arange(len(values)) * 3
    wanted = next((3 * place for place, value in enumerate(values) if value <= target), math.inf)
    assert time_to(target, cost, np.array(values)) == wanted


def test_the_median_time_is_one_that_a_run_took_and_half_the_runs_must_arrive() -> None:
    assert median([3.0, 1.0, 2.0]) == 2.0
    assert median([1.0, 2.0]) == 2.0
    assert median([1.0, 2.0, math.inf]) == 2.0
    assert median([1.0, math.inf]) == math.inf


@given(st.lists(CURVE, min_size=1, max_size=4), st.data())
def test_a_band_holds_the_quantiles_of_what_runs_had_last(curves: list[list[float]], data: st.DataObject) -> None:
    costs = [np.cumsum(data.draw(st.lists(st.integers(1, 5), min_size=len(one), max_size=len(one)))) for one in curves]
    at, levels = band([(cost, np.array(one)) for cost, one in zip(costs, curves, strict=True)])
    assert at.min() == max(cost[0] for cost in costs)
    assert at.max() == max(cost[-1] for cost in costs)
    for place, spent in enumerate(at):
        had = [
            [value for when, value in zip(cost, one, strict=True) if when <= spent][-1]
            for cost, one in zip(costs, curves, strict=True)
        ]
        np.testing.assert_allclose(levels[:, place], np.quantile(had, [0.2, 0.5, 0.8]))


def test_before_its_first_cost_a_run_has_no_value() -> None:
    np.testing.assert_array_equal(
        carried(np.array([0, 1, 2, 9]), np.array([1, 3]), np.array([5, 7])), [np.nan, 5, 5, 7]
    )


@given(st.lists(st.lists(st.floats(1, 50) | st.just(math.inf), min_size=3, max_size=3), min_size=1, max_size=4))
def test_a_profile_counts_problems_solved_within_so_many_times_the_best(costs: list[list[float]]) -> None:
    table = np.array(costs)
    ratio = ratios(table)
    for solver, mine in enumerate(ratio):
        factors, shares = profile(mine)
        for factor in (1.0, 1.5, 4.0, 60.0):
            solved = [
                own <= factor * best * (1 + 1e-12)
                for own, best in zip(table[solver], table.min(0), strict=True)
                if math.isfinite(best)
            ]
            reached = shares[np.searchsorted(factors, factor * (1 + 1e-12), side="right") - 1] if len(factors) else 0.0
            reached = reached if len(factors) and factors[0] <= factor * (1 + 1e-12) else 0.0
            assert reached == pytest.approx(sum(solved) / table.shape[1])


def test_the_best_solver_of_a_problem_has_the_ratio_one_and_nobody_has_where_none_arrived() -> None:
    found = ratios(np.array([[2.0, math.inf, 0.0], [6.0, math.inf, 5.0]]))
    np.testing.assert_array_equal(found, [[1.0, math.inf, 1.0], [3.0, math.inf, math.inf]])


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=9, unique=True))
def test_an_interval_is_that_of_the_t_test(values: list[float]) -> None:
    found = interval(Mean.of(values), len(values))
    wanted = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found == pytest.approx((wanted.low, wanted.high), abs=1e-7)
    assert interval(Mean.of(values[:1]), 1) is None
