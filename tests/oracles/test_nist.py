"""NIST's certified least squares through `data=table`: as many digits as float64 QR of the raw columns reaches."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.oracles.user_path import ALL_ROWS, coefficients, optimum, prepared, quoted
from tests.reference_data import DATA, needs_data

pytestmark = needs_data
SETS = ("Longley", "NoInt1", "Norris", "Pontius", "Wampler1", "Wampler2", "Wampler3")


def digits(found: list[float], certified: dict[str, str]) -> float:
    """The fewest correct digits of any parameter, -log10 of its relative error; 15 where nothing is wrong."""
    errors = [
        abs((Decimal(one) - Decimal(exact)) / Decimal(exact))
        for one, exact in zip(found, certified.values(), strict=True)
    ]
    return min(15.0 if error == 0 else -float(error.log10()) for error in errors)


def source(name: str, model: dict[str, Any]) -> str:
    """The columns; powers of x are made by SQL, in float64."""
    file = DATA / "nist" / f"{name}.csv"
    if model["kind"] != "polynomial":
        return f"data.path={file}"
    powers = ", ".join(f"x::double ** {power} as x{power}" for power in range(1, model["degree"] + 1))
    return f"data.query={quoted(f'''select {powers}, y from '{file}' ''')}"


@pytest.mark.parametrize("name", SETS)
def test_certified_digits(name: str) -> None:
    """How many digits can be asked for is the smaller of two figures of the JSON: what numpy's QR reaches, and what
    the exact solution has left once the data are rounded to float64. Here they are rounded twice more, when they are
    scaled and when the solution is scaled back: half a digit is theirs.
    """
    known = json.loads((DATA / "nist" / f"{name}.json").read_text())
    bias = known["model"]["intercept"]
    asked = ["data=table", source(name, known["model"]), "data.target=y", "data.normalize_target=none", *ALL_ROWS]
    if not bias:  # a line through zero; what is shifted to its mean would go through another point
        asked.append("data.normalize=none")
    data = prepared(*asked)
    found = optimum(data, bias=bias)
    assert found.note == ""
    weight, constant = coefficients(data, found, bias=bias)
    reached = digits([*([float(constant[0])] if bias else []), *map(float, weight[0])], known["reference"][0]["params"])
    possible = known["verification"]
    qr = possible["float64_correct_digits_min_over_params"]["numpy_qr"]
    rounded = possible["exact_on_float64_rounded_data_digits_vs_certified"]["xy_rounded"]
    assert reached >= min(qr, rounded) - 0.5
