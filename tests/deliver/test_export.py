"""Exports of models that are hard to write down: dates, odd names, pooled and refused levels, links, many columns."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onelayer.data.encode import Encoder, EncodeSettings
from onelayer.data.encode.design import Levels, Numbers
from onelayer.data.frame import Column, Frame
from onelayer.data.tables.fetch import fetch_frame
from onelayer.data.tables.opening import open_rows
from onelayer.data.tables.roles import Said
from onelayer.data.tables.understanding import understand
from onelayer.deliver.export.exporting import TARGETS
from onelayer.deliver.export.invented import with_invented
from onelayer.deliver.export.needed import needed
from onelayer.deliver.export.parity import ALLOWED, largest_difference
from onelayer.deliver.model import Model
from onelayer.errors import UserError
from onelayer.links import LINKS
from tests.conftest import examples
from tests.deliver.exports import RECORD, SAID, hold, model_of, predictions, same

onnxruntime, skops_io = needed("onnxruntime"), needed("skops.io")  # they have no types
KINDS: dict[str, tuple[tuple[str, ...] | None, str]] = {
    "number": (None, "identity"),
    "two classes": (("no", 'it\'s\n"yes"'), "logit"),
    "two of softmax": (("0", "1"), "softmax"),
    "three classes": (("a", "B", "prediction"), "softmax"),
}
SETTINGS = {
    "plain": EncodeSettings(),
    "indicator": EncodeSettings(indicator=True, drop_first=True, impute="median"),
    "pooled": EncodeSettings(min_count=12, max_levels=3, impute="constant", fill=-3.0),
    "pooled and dropped": EncodeSettings(min_count=12, drop_first=True, indicator=True),
    "refused": EncodeSettings(unseen="error"),
}


def table(rows: int = 120) -> pd.DataFrame:
    """Numbers, truths, dates with and without an hour, and levels; each with holes but one."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"size": rng.normal(1000, 1, rows), "age": rng.normal(size=rows) * 20})
    frame["truth"] = pd.Series(rng.random(rows) < 0.4, dtype=object)
    frame["when"] = pd.Timestamp("1960-02-29") + pd.to_timedelta(rng.integers(0, 2 * 10**9, rows), unit="s")
    frame["day"] = frame["when"].dt.normalize() + pd.Timedelta(days=500)
    frame["city"] = rng.choice(["Rome", "Oslo", "it's", 'a "b"', "zwölf"], rows, p=[0.4, 0.3, 0.2, 0.05, 0.05])
    frame["one"] = "same"
    for name, share in (("age", 0.2), ("truth", 0.2), ("when", 0.1), ("city", 0.2)):
        frame[name] = frame[name].where(pd.Series(rng.random(rows) > share), None)
    return frame


def frame_of(table: pd.DataFrame) -> Frame:
    rows = open_rows(frame=table.assign(goal=range(len(table))), missing=("NA", "?"))
    return fetch_frame(rows, understand(rows, Said(target="goal")).readings)


@cache
def usual(how: str) -> tuple[Encoder, Frame]:
    return encoded(table(), SETTINGS[how])


def encoded(table: pd.DataFrame, how: EncodeSettings) -> tuple[Encoder, Frame]:
    frame = frame_of(table)
    return Encoder.fit(frame, how), frame


def check(to: str, model: Model, frame: Frame, folder: Path) -> None:
    """Hold an export to what `predict` says of the rows and of invented ones."""
    target, rows = TARGETS[to], with_invented(frame, model)
    target.check(model)
    target.write(model, folder / target.file, RECORD)
    largest_difference(target.predict(folder / target.file, rows), model.of_frame(rows.frame), model, to)


@pytest.mark.parametrize("how", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_becomes_of_a_column_is_exported(kind: str, how: str, tmp_path: Path) -> None:
    encoder, frame = usual(how)
    turn = [*KINDS].index(kind) + [*SETTINGS].index(how)
    model = model_of(encoder, *KINDS[kind], [*ALLOWED][turn % 2])
    for to in ("onnx", "sklearn", "sql"):
        check(to, model, frame, tmp_path)
    if how == "pooled and dropped":
        new = table().assign(city=lambda one: one["city"].where(one.index % 5 > 0, "Atlantis"))
        wanted = predictions(model, new)
        for to in ("onnx", "sklearn", "sql"):
            same(SAID[to](model, new, tmp_path / TARGETS[to].file), wanted, model)


def test_rows_that_predict_refuses_are_not_guessed(tmp_path: Path) -> None:
    """ONNX and SQL cannot refuse a row; scikit-learn can."""
    encoder, frame = usual("refused")
    new = table(5).assign(city=["Rome", "Atlantis", "Oslo", "Rome", "Rome"])
    for kind in KINDS:
        model = model_of(encoder, *KINDS[kind])
        with pytest.raises(UserError, match="the level 'Atlantis' is not among what the train rows hold"):
            model.predict(new)
        for to in ("onnx", "sql"):
            check(to, model, frame, tmp_path)
            found = SAID[to](model, new, tmp_path / TARGETS[to].file)
            if found.probability is None:
                assert np.isnan(found.value).tolist() == [False, True, False, False, False]
                continue
            assert np.isnan(found.probability).all(1).tolist() == [False, True, False, False, False]
            assert pd.isna(found.value[1]) or found.value[1] == ""
        check("sklearn", model, frame, tmp_path)
        with pytest.raises(ValueError, match="unknown categories"):
            SAID["sklearn"](model, new, tmp_path / "model.skops")


@pytest.mark.parametrize("link", LINKS)
def test_links_are_exported(link: str, tmp_path: Path) -> None:
    """Far out too: the weights make logits from 1e-3 to 1e4."""
    model = model_of(Encoder((Numbers("x", "numeric", fill=(0.0,)),)), ("no", "yes"), link)
    frame = pd.DataFrame({"x": np.concatenate([-np.geomspace(1e-3, 1e4, 200), np.geomspace(1e-3, 1e4, 200)])})
    wanted = predictions(model, frame)
    assert wanted.probability is not None
    assert (wanted.probability[:, 0] < 1e-20).any() or LINKS[link].inverse(np.array(-100.0)) > 1e-20  # tails are long
    for to in ("onnx", "sql", "torch") if link in ("probit", "cloglog") else ("onnx", "sql"):
        found = SAID[to](model, frame, hold(to, model, frame, tmp_path, wanted)).probability
        assert found is not None
        np.testing.assert_allclose(found, wanted.probability, rtol=1e-9, atol=1e-290)
    if link in ("logit", "tanh"):
        hold("sklearn", model, frame, tmp_path, wanted)
        return
    with pytest.raises(UserError, match=f"no classifier with the link {link}; export --to onnx, torch or sql"):
        TARGETS["sklearn"].check(model)


ODD = (
    "prediction",
    "probability",
    "X",
    "when.year",
    "_0",
    "_1",
    "a=b",
    '"',
    "new\nline",
    "it's",
    "-- x",
    "input",
    "logits",
    "",
)


def test_columns_may_be_called_anything(tmp_path: Path) -> None:
    names = [one for one in ODD if one]
    rng = np.random.default_rng(0)
    odd = pd.DataFrame({name: rng.normal(size=40) for name in names})
    odd["read"] = rng.choice(["p", "q"], 40)
    odd["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(40), unit="D")
    encoder, frame = encoded(odd, EncodeSettings())
    for kind in KINDS:
        model = model_of(encoder, *KINDS[kind])
        for to in ("onnx", "torch", "sklearn", "sql") if kind == "number" else ("onnx", "sql"):
            check(to, model, frame, tmp_path)
    assert TARGETS["onnx"].notes(model) == (
        "a category enters as the text that it is, without spaces around it (a number as 1, not 1.0), '' where "
        "missing: the inputs are read",
        "a date enters by its parts, a number each (weekday: 0 is Monday): the inputs are when.year (2), when.month, "
        "when.day, when.weekday, when.hour",
        "names that were taken already: the inputs are 'prediction (2)', 'probability (2)', 'X (2)', 'when.year (2)'",
    )


@settings(max_examples=examples(6), deadline=None)
@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        min_size=2,
        max_size=4,
        unique_by=str.casefold,
    ),
    levels=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), max_size=6, unique=True
    ),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    pooled=st.integers(0, 3),
)
def test_names_and_levels_may_be_any_text(
    names: list[str],
    levels: list[str],
    flags: tuple[bool, bool, bool],
    pooled: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    missing, dropped, indicator = flags
    # as reading leaves them
    levels = sorted({one.strip(" \t\r\n") for one in levels} - {"", "NA", "?"}) or ["a"]
    folder = tmp_path_factory.mktemp("names")
    category = Levels(names[0], tuple(levels[pooled:]), tuple(levels[:pooled]), missing, dropped)
    numbers = [Numbers(name, "numeric", fill=(0.5,), indicator=indicator) for name in names[1:]]
    encoder = Encoder((category, *numbers))
    rng = np.random.default_rng(0)
    columns = (Column(names[0], "category", tuple(levels)), *(Column(name) for name in names[1:]))
    codes = rng.integers(-1, len(levels), (20, 1)).astype(np.int32)
    frame = Frame(columns, rng.normal(size=(20, len(numbers))), codes)
    model = model_of(encoder, ("no", "yes"), "logit")
    for to in ("onnx", "sklearn", "sql"):
        check(to, model, frame, folder)


def test_names_that_differ_in_capital_letters_alone_have_no_sql(tmp_path: Path) -> None:
    model = model_of(Encoder.plain(("age", "Age")), None, "identity")
    with pytest.raises(UserError, match="columns 'age' and 'Age' differ in capital letters alone"):
        TARGETS["sql"].check(model)
    check("onnx", model, Frame.of_numbers(np.eye(2), ("age", "Age")), tmp_path)


@pytest.mark.parametrize("how", ["sparse", "filled", "indicated"])
def test_many_numbers_are_one_input(how: str, tmp_path: Path) -> None:
    x, names = np.random.default_rng(0).normal(size=(50, 101)), tuple(f"pixel {one}" for one in range(101))
    encoder = Encoder.plain(names)
    if how != "sparse":
        x[x > 1.5] = np.nan
        x[:, 50:] = np.nan_to_num(x[:, 50:])
        encoder = Encoder.fit(Frame.of_numbers(x, names), EncodeSettings(indicator=how == "indicated"))
        assert encoder.n_features == 101 + sum(one.indicator for one in encoder.designs if isinstance(one, Numbers))
    model, frame = model_of(encoder, ("a", "b"), "softmax", "float32"), pd.DataFrame(x, columns=names)
    wanted = predictions(model, frame)
    for to in ("onnx", "sklearn", "sql"):
        hold(to, model, frame, tmp_path, wanted)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert [(one.name, one.shape, one.type) for one in session.get_inputs()] == [("X", ["N", 101], "tensor(double)")]
    assert TARGETS["onnx"].notes(model) == ("the 101 columns enter side by side, in the order of training",)


def test_an_onnx_file_says_what_it_is(tmp_path: Path) -> None:
    encoder, _ = encoded(table(), EncodeSettings())
    model = model_of(encoder, ("no", "yes"), "logit")
    TARGETS["onnx"].write(model, tmp_path / "model.onnx", {"opset": 21, **RECORD})
    made = onnx.load(tmp_path / "model.onnx")
    assert [(one.domain, one.version) for one in made.opset_import] == [("", 21), ("ai.onnx.ml", 3)]
    assert "NaN where\nmissing; string for categories" in made.doc_string
    (said,) = [json.loads(one.value) for one in made.metadata_props]
    assert (said["columns"], said["classes"], said["link"]) == ([*model.columns], ["no", "yes"], "logit")
    assert [one.name for one in made.graph.input] == [one["name"] for one in said["inputs"]]
    assert [one["kind"] for one in said["inputs"]] == [*["numeric"] * 2, "boolean", *["date"] * 10, "category"]
    assert not any(one.external_data for one in made.graph.initializer)


def test_a_pipeline_is_of_scikit_learn_alone(tmp_path: Path) -> None:
    encoder, _ = encoded(table(), EncodeSettings(indicator=True))
    TARGETS["sklearn"].write(model_of(encoder, None, "identity"), tmp_path / "model.skops", RECORD)
    assert skops_io.get_untrusted_types(file=tmp_path / "model.skops") == []
    made = skops_io.load(tmp_path / "model.skops")
    assert made.onelayer_["versions"] == RECORD["versions"]
    # what a user may have in a frame: truths as truths, holes as None or as NaN
    frame = table().drop(columns=["when", "day"]).astype({"truth": "boolean"})
    parts = {one["name"]: 1.0 for one in made.onelayer_["inputs"] if one["part"]}
    other = frame.assign(truth=frame["truth"].astype(object).where(frame["truth"].notna(), None))
    other["city"] = other["city"].astype(object).where(other["city"].notna(), np.nan)
    np.testing.assert_array_equal(made.predict(frame.assign(**parts)), made.predict(other.assign(**parts)))
