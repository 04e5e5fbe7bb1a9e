"""Every export of every reference table says what `predict` says, of raw rows and of invented ones."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from onelayer.config import RunSpec
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared, prepare
from onelayer.deliver.export.exporting import TARGETS
from onelayer.deliver.export.invented import with_invented
from onelayer.deliver.export.parity import ALLOWED, largest_difference
from onelayer.deliver.export.rows import Rows, rows_of
from onelayer.deliver.model import Model
from tests.conftest import composed, table_by
from tests.deliver.exports import RECORD, SAID, model_of, predictions, same
from tests.reference_data import DATA, needs_data

pytestmark = needs_data
# two tables have missing values, so that columns that say so are tried with them
OPTIONS: dict[str, tuple[str, ...]] = {
    "auto_mpg": ("data.encode.indicator=true", "data.encode.drop_first=true"),
    "banknote": (),
    "boston": (),
    "california_housing": ("data.encode.drop_first=true", "data.encode.impute=median"),
    "islr_default": (),
    "penguins": ("data.target=species",),
    "titanic_train": ("data.encode.indicator=true", "data.encode.min_count=100"),
    "winequality_white": (),
}


@cache
def prepared(name: str) -> tuple[Prepared, Any]:
    target = json.loads((DATA / "tabular" / f"{name}.json").read_text())["target"]
    path = f"data.path={DATA}/tabular/{name}.csv"
    spec = RunSpec.from_config(composed("data=table", path, f"data.target={target}", *OPTIONS[name]))
    table = table_by(spec)
    return prepare(table, Preparation.of(spec.data)), table


@cache
def raw(name: str) -> pd.DataFrame:
    """The file as pandas users read it."""
    return pd.read_csv(DATA / "tabular" / f"{name}.csv", na_values=["?"])


def model(name: str, dtype: str) -> Model:
    data = prepared(name)[0]
    classes = data.classes
    link = "identity" if classes is None else "softmax" if len(classes) > 2 else "logit"
    return model_of(data.encoder, classes, link, dtype, scales=(data.x_scale.shift, data.x_scale.scale))


def rows(name: str, one: Model) -> Rows:
    frame, raw = rows_of(prepared(name)[1], 500)
    return with_invented(frame, one, raw)


# each table in one precision; the others, and there no module of torch, which takes longest to trace, at length
EXPORTS = [
    pytest.param(name, dtype, marks=[pytest.mark.slow] if (table + number) % 2 else [])
    for table, name in enumerate(OPTIONS)
    for number, dtype in enumerate(ALLOWED)
]


@pytest.mark.parametrize(("name", "dtype"), EXPORTS)
def test_an_export_of_a_table_says_what_predict_says(name: str, dtype: str, tmp_path: Path) -> None:
    one = model(name, dtype)
    checked = rows(name, one)
    assert len(checked) > checked.real + len(one.columns)
    said, wanted = predictions(one, raw(name).iloc[::10]), one.of_frame(checked.frame)
    for to, target in TARGETS.items():
        path = tmp_path / target.file
        if to == "torch" and dtype != list(ALLOWED)[list(OPTIONS).index(name) % 2]:
            continue  # to trace a module and to load it takes longer than all the rest
        target.write(one, path, {**RECORD, "types": checked.types})
        if dtype == "float64" and to != "torch":
            same(SAID[to](one, raw(name).iloc[::10], path), said, one)
        found = largest_difference(target.predict(path, checked), wanted, one, to)
        assert found < {"float32": 1e-6, "float64": 1e-14}[dtype]


def test_a_csv_file_is_predicted_by_a_database_without_anything_else(tmp_path: Path) -> None:
    one = model("titanic_train", "float64")
    TARGETS["sql"].write(one, tmp_path / "model.sql", RECORD)
    path = DATA / "tabular" / "titanic_train.csv"
    statement = (tmp_path / "model.sql").read_text().replace("FROM input\n", f"FROM read_csv('{path}') AS input\n")
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT probability_1 FROM ({statement}) ORDER BY PassengerId").fetchnumpy()
    np.testing.assert_allclose(found["probability_1"], one.predict_proba(raw("titanic_train"))[:, 1], rtol=1e-12)
