"""Standard errors and fit statistics against NIST's certified values and 40-digit optima of binary models."""

import json
from typing import Any

import numpy as np
import pytest

from onelayer.deliver.inference import Rows, binary
from onelayer.deliver.inference.rows import Array
from tests.deliver.optima import fitted, fitted_binary
from tests.reference_data import DATA, needs_data

pytestmark = needs_data
CERTIFIED = ("Longley", "NoInt1", "Norris", "Pontius", "Wampler1", "Wampler2", "Wampler3")
BINARY = ("menarche", "menarche_expanded", "ucla_admissions", "mass_birthwt")
LINKS = ("logit", "probit", "cloglog", "cauchit")


def read(file: str) -> Any:
    return np.genfromtxt(DATA / file, delimiter=",", names=True)


def known(file: str) -> dict[str, Any]:
    return dict(json.loads((DATA / file).read_text()))


def certified_rows(name: str) -> tuple[Rows, dict[str, Any]]:
    card, table = known(f"nist/{name}.json"), read(f"nist/{name}.csv")
    columns = [table[column] for column in card["columns"][:-1]]
    if card["model"]["kind"] == "polynomial":
        columns = [columns[0] ** power for power in range(1, card["model"]["degree"] + 1)]
    bias = card["model"]["intercept"]
    ones = [np.ones(len(table))] if bias else []
    return Rows.of(np.column_stack(ones + columns), table["y"], constant=0 if bias else None), card


@pytest.mark.parametrize("name", CERTIFIED)
def test_nist(name: str) -> None:
    rows, card = certified_rows(name)
    reference, possible = card["reference"][0], card["verification"]["float64_correct_digits_min_over_params"]
    table = fitted(rows)
    expected = np.array([float(number) for number in reference["params"].values()])
    # as many as numpy's QR of the columns keeps, which their condition rules; data rounded to float64 have 13.1 left,
    # and the order of sums, which differs between processors, moves the last of them
    digits = min(12.5, possible["numpy_qr"])
    np.testing.assert_allclose(table.coef, expected, rtol=10**-digits)
    np.testing.assert_allclose(table.stats["r_squared"], float(reference["r_squared"]), rtol=1e-13)
    if float(reference["residual_sd"]) == 0:
        # NIST certifies errors of zero; what is left is rounding, and said to be
        assert table.stats["sigma"] < 1e-15 * float(np.abs(next(rows.pieces()).y).max())
        assert "perfect fit" in table.cautions[0]
        return
    errors = [float(number) for number in reference["std_err"].values()]
    np.testing.assert_allclose(table.std_err, errors, rtol=1e-12)
    np.testing.assert_allclose(table.stats["sigma"], float(reference["residual_sd"]), rtol=1e-12)
    np.testing.assert_allclose(table.stats["f_statistic"], float(reference["anova"]["F"]), rtol=1e-12)
    np.testing.assert_allclose(table.stats["rss"], float(reference["anova"]["ss_residual"]), rtol=1e-12)
    assert table.stats["df_residual"] == int(reference["anova"]["df_residual"])
    assert table.stats["f_df1"] == int(reference["anova"]["df_regression"])
    assert table.cautions == ()


def binary_rows(name: str) -> tuple[Rows, dict[str, Any]]:
    card, table = known(f"glm/{name.removesuffix('_expanded')}.json"), read(f"glm/{name}.csv")
    ones, weight = np.ones(len(table)), None
    if name == "menarche":
        x, y, weight = [ones, table["Age"]], table["Menarche"] / table["Total"], table["Total"]
    elif name == "menarche_expanded":
        x, y = [ones, table["Age"]], table["y"]
    elif name == "ucla_admissions":
        x, y = [ones, table["gre"], table["gpa"], *(table["rank"] == k for k in (2, 3, 4))], table["admit"]
    else:
        race, visits = [table["race"] == k for k in (2, 3)], [table["ftv"] == 1, table["ftv"] >= 2]
        numbers = [ones, table["age"], table["lwt"]]
        x = [*numbers, *race, table["smoke"], table["ptl"] > 0, table["ht"], table["ui"], *visits]
        y = table["low"]
    return Rows.of(np.column_stack(x), y, weight, names=card["design_columns"], constant=0), card


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("name", BINARY)
def test_glm(name: str, link: str) -> None:
    rows, card = binary_rows(name)
    (reference,) = (one for one in card["reference"] if one["kind"] == "computed" and one["link"] == link)

    def numbers(key: str) -> Array:
        return np.array([float(reference[key][column]) for column in rows.names])

    expected, observed = fitted_binary(rows, link=link), fitted_binary(rows, link=link, information="observed")
    np.testing.assert_allclose(expected.coef, numbers("params"), rtol=1e-13)
    np.testing.assert_allclose(expected.std_err, numbers("std_err"), rtol=1e-13)
    np.testing.assert_allclose(observed.std_err, numbers("std_err_observed_information"), rtol=1e-13)
    single = name.endswith("_expanded")  # rows of one trial each, of which the file knows the deviance alone
    suffix = "_01" if single else ""
    for key in ("deviance", "null_deviance"):
        np.testing.assert_allclose(expected.stats[key], float(reference[key + suffix]), rtol=1e-12)
    plain = float(reference["llf_without_binomial_coefficients"])
    aic = 2 * len(rows.names) - 2 * plain if single else float(reference["aic_R"])
    np.testing.assert_allclose(expected.stats["aic"], aic, rtol=1e-12)
    null = float(reference["null_deviance_01"])
    np.testing.assert_allclose(expected.stats["mcfadden"], 1 + 2 * plain / null, rtol=1e-11)
    # under cloglog, the girls of 17.58 years have a fitted probability that is 1 but for 1e-18
    sure = ["0 or 1 within 1e-10"] if link == "cloglog" and "menarche" in name else []
    assert len(expected.cautions) == len(sure)
    assert all(words in said for words, said in zip(sure, expected.cautions, strict=True))


def test_the_last_digits_do_not_depend_on_where_they_are_looked_for() -> None:
    rows, _ = binary_rows("ucla_admissions")
    exact = fitted_binary(rows, link="probit").coef
    for factor in (1 - 1e-3, 1 + 1e-6, 1 + 1e-12):
        again = binary(rows, exact * factor, link="probit", exact=True)
        np.testing.assert_allclose(again.coef, exact, rtol=1e-12)


def test_trained_to_a_few_digits() -> None:
    """Coefficients of float32 are near enough for the table to hold; those of an early stop are not."""
    rows, _ = binary_rows("mass_birthwt")
    best = fitted_binary(rows)
    near = binary(rows, best.coef.astype(np.float32).astype(np.float64))
    assert near.cautions == ()
    np.testing.assert_allclose(near.std_err, best.std_err, rtol=1e-6)
    (said,) = binary(rows, 0.9 * best.coef).cautions
    assert said.startswith("not at the optimum: the coefficients are 0.")
