"""Values at hand are what the same values in a table are: the same predictions, or refused as well."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from onelayer.data.encode import Encoder
from onelayer.data.encode.design import Levels, Numbers
from onelayer.deliver.model import Model
from onelayer.errors import UserError
from tests.deliver.exports import MISSING, model_of

ENCODER = Encoder(
    (
        Numbers("num", "numeric", fill=(0.3,), indicator=True),
        Numbers("truth", "boolean", fill=(0.4,), indicator=True),
        Levels("sex", ("female", "male"), missing=True),
        Levels("zip", ("0.10000000149011612", "1", "2", "true"), missing=True),
        Numbers("when", "date", parts=("year", "month", "day", "weekday", "hour"), fill=(2000.0, 1.0, 2.0, 3.0, 4.0)),
    )
)
USUAL: dict[str, Any] = {"num": 1.5, "truth": True, "sex": "male", "zip": "2", "when": datetime(2020, 2, 29, 13)}
EAST = timezone(timedelta(hours=5))
SAME: dict[str, tuple[str, Any]] = {
    "a text": ("sex", "female"),
    "an empty text": ("sex", ""),
    "spaces alone": ("sex", " \t"),
    "a spelling of missing": ("sex", MISSING[0]),
    "another with spaces": ("sex", f" {MISSING[1]}\n"),
    "a padded text": ("sex", " male"),
    "None": ("sex", None),
    "pandas' NA": ("sex", pd.NA),
    "a new level": ("sex", "other"),
    "an integer level": ("zip", 1),
    "a level that is a float": ("zip", 1.0),
    "a decimal level": ("zip", Decimal("1.00")),
    "a level in single precision": ("zip", np.float32(0.1)),
    "a level that is a truth": ("zip", True),
    "a level that is missing": ("zip", np.nan),
    "a text that spells a missing number": ("num", MISSING[0]),
    "an empty text for a number": ("num", ""),
    "a number as a text": ("num", " 2.5"),
    "NaN": ("num", np.nan),
    "NA for a number": ("num", pd.NA),
    "a decimal": ("num", Decimal("0.25")),
    "a yes": ("truth", "Yes"),
    "a truth that is one": ("truth", 1.0),
    "a truth that is missing": ("truth", "NA"),
    "NA for a truth": ("truth", pd.NA),
    "no time": ("when", pd.NaT),
    "a time of numpy": ("when", np.datetime64("1969-12-31T23:59:59.5")),
    "a time elsewhere": ("when", datetime(2020, 1, 1, 3, 30, tzinfo=EAST)),
}
REFUSED: dict[str, tuple[str, Any, str]] = {
    "infinity": ("num", np.inf, "column 'num' is inf in row 1"),
    "an infinite text": ("num", "-inf", "column 'num' is '-inf' in row 1"),
    "an integer beyond float64": ("num", 10**400, "column 'num' is 1000"),
    "a text for a number": ("num", "many", "column 'num' was numeric in training, and 'many' in row 1 is no number"),
    "an underscore": ("num", "1_2", "'1_2' in row 1 is no number"),
    "a truth of 2": ("truth", 2, "'truth' was boolean in training, and 2 in row 1 is neither true, yes, 1"),
    "a truth of a half": ("truth", 0.5, "0.5 in row 1 is neither"),
    "a truth that is maybe": ("truth", "maybe", "'maybe' in row 1 is neither"),
    "a number for a date": ("when", 3.0, "column 'when' was date in training, and 3.0 in row 1 is no date"),
}


@pytest.fixture(scope="module")
def model() -> Model:
    """Its logits are small, so that whatever a value is read as can be seen in the probabilities."""
    parts = {"year": (2000, 20), "month": (6, 4), "day": (15, 9), "weekday": (3, 2), "hour": (12, 7)}
    moments = [parts.get(str(one.part), (0, 1)) for one in ENCODER.features]
    shift, scale = np.array(moments, np.float64).T
    return model_of(ENCODER, ("no", "yes"), "logit", scales=(shift, scale))


def framed(name: str, value: Any) -> pd.DataFrame:
    one = {key: pd.Series([value if key == name else usual]) for key, usual in USUAL.items()}
    return pd.DataFrame(one).astype({"num": "Float64"} if name == "num" and value is pd.NA else {})


@pytest.mark.parametrize("case", SAME)
def test_a_mapping_says_what_a_frame_says(model: Model, case: str) -> None:
    name, value = SAME[case]
    wanted = model.predict_proba(framed(name, value))
    assert wanted.min() > 1e-3
    for given in (value, [value], pd.Series([value]), np.array([value], dtype=object)):
        np.testing.assert_array_equal(model.predict_proba(USUAL | {name: given}), wanted)


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_frame_is_refused_for_a_mapping_is_refused_for_too(model: Model, case: str) -> None:
    name, value, sentence = REFUSED[case]
    with pytest.raises(UserError, match=sentence):
        model.predict_proba(USUAL | {name: value})
    if not isinstance(value, int) or abs(value) < 2**63:
        with pytest.raises(UserError, match=f"'{name}'"):
            model.predict_proba(framed(name, value))


SEVERAL: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "series": pd.Series,
    "series with other labels": lambda one: pd.Series(one, index=range(7, 7 + len(one))),
    "nullable series": lambda one: pd.Series(one).convert_dtypes(),
}


@pytest.mark.parametrize("form", SEVERAL)
def test_several_values_come_in_any_sequence(model: Model, form: str) -> None:
    frame = pd.concat([framed("sex", "male"), framed("sex", "female"), framed("num", 7.0)], ignore_index=True)
    given = {name: SEVERAL[form](frame[name].tolist()) for name in frame}
    np.testing.assert_array_equal(model.predict_proba(given), model.predict_proba(frame))


@pytest.mark.parametrize(
    "value", [{0: 1.5}, {1.5}, np.ones((1, 1)), pd.DataFrame({"num": [1.5]})], ids=["dict", "set", "matrix", "frame"]
)
def test_what_has_no_order_or_more_than_one_is_no_column(model: Model, value: Any) -> None:
    with pytest.raises(UserError, match=r"'num' is a .*; give a value, or a list of values, one for each row"):
        model.predict(USUAL | {"num": value})


@pytest.mark.parametrize("name", USUAL)
def test_a_list_within_a_list_is_no_value(model: Model, name: str) -> None:
    with pytest.raises(UserError, match=rf"column '{name}' was .* \[1\.0\] in row 1 is "):
        model.predict(USUAL | {name: [[1.0]]})


NUMBERS = Encoder((Numbers("num", "numeric", fill=(0.3,)), Numbers("truth", "boolean", fill=(0.4,))))


def test_an_array_is_refused_for_what_a_frame_is_refused_for() -> None:
    model = model_of(NUMBERS, ("no", "yes"), "logit")
    x = np.array([[1.5, 1], [np.nan, 0], [2, np.nan]])
    frame = pd.DataFrame(x, columns=["num", "truth"])
    np.testing.assert_array_equal(model.predict_proba(x), model.predict_proba(frame))
    masked = np.ma.masked_equal(x, 2)
    np.testing.assert_array_equal(model.predict_proba(masked), model.predict_proba(frame.replace(2, np.nan)))
    for bad, sentence in (
        (np.where(x == 1.5, -np.inf, x), "column 'num' is -inf in row 1; only finite numbers can be used"),
        (np.where(x == 0, 2, x), "column 'truth' was boolean in training, and 2.0 in row 2 is neither"),
        (x.astype(str), "the array holds <U32, where numbers are needed"),
        (x + 1j, "the array holds complex128, where numbers are needed"),
        (np.array([["a", 1]], dtype=object), "the array holds object, where numbers are needed"),
        (x[:, :1], r"the model has 2 columns, but rows of shape \(3, 1\) came"),
    ):
        with pytest.raises(UserError, match=sentence):
            model.predict(bad)
