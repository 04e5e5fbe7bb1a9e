"""Models with weights that nobody trained, and what their exports say of raw rows when their users run them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from onelayer.artefact import Artefact
from onelayer.data.encode import Encoder
from onelayer.deliver.export.exporting import TARGETS
from onelayer.deliver.export.needed import needed
from onelayer.deliver.export.parity import ALLOWED
from onelayer.deliver.model import Model, Predictions

Array = NDArray[Any]
onnxruntime, skops_io = needed("onnxruntime"), needed("skops.io")  # they have no types
MISSING = ("NA", "?")
RECORD: Mapping[str, Any] = {"versions": {"onelayer": "0"}}


def model_of(
    encoder: Encoder,
    classes: tuple[str, ...] | None,
    link: str,
    dtype: str = "float64",
    *,
    seed: int = 0,
    scales: tuple[Array, Array] | None = None,
) -> Model:
    """A model with random weights, whose logits are of the size of 1."""
    rng = np.random.default_rng(seed)
    outputs = len(classes) if classes and link == "softmax" else 1
    features = encoder.n_features
    shift, scale = scales or (rng.normal(size=features), rng.uniform(0.5, 2, features))
    weight = rng.normal(size=(outputs, features)) * 3 / np.sqrt(features)
    spread = classes is None
    artefact = Artefact(
        weight.astype(dtype),
        rng.normal(size=outputs).astype(dtype),
        shift,
        scale,
        np.full(outputs, 20.0 * spread),
        np.full(outputs, 3.0 if spread else 1.0),
        encoder,
        {
            "objective": "any",
            "task": "regression" if classes is None else "binary" if outputs == 1 else "multiclass",
            "target": "goal",
            "classes": None if classes is None else list(classes),
            "link": link,
            "missing": list(MISSING),
            "origin": {},
            "l2": 0.0,
            "best_epoch": 1,
            "data_hash": "0",
            "training": {},
            "versions": {},
        },
    )
    return Model(artefact)


def said_by_onnx(model: Model, frame: pd.DataFrame, path: Path) -> Predictions:
    """Feed columns by the names of the inputs: doubles, and texts that are empty where missing."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = {}
    for one in session.get_inputs():
        if one.type == "tensor(string)":
            given[one.name] = frame[one.name].astype(object).where(frame[one.name].notna(), "").to_numpy()[:, None]
        elif one.name == "X" and one.shape[1] > 1:
            given[one.name] = frame.to_numpy(float)
        else:
            given[one.name] = numbers_of(frame, one.name)[:, None]
    found = dict(zip([one.name for one in session.get_outputs()], session.run(None, given), strict=True))
    return Predictions(found["prediction"], found.get("probability"))


def said_by_torch(model: Model, frame: pd.DataFrame, path: Path) -> Predictions:
    """Feed the design matrix, and name the classes as the file does."""
    extra = {"onelayer.json": ""}
    program = torch.export.load(path, extra_files=extra).module()
    found = program(torch.from_numpy(design_of(model, frame))).numpy()
    classes = json.loads(extra["onelayer.json"])["classes"]
    if classes is None:
        return Predictions(found, None)
    return Predictions(np.array(classes)[found.argmax(1)], found)


def said_by_sklearn(model: Model, frame: pd.DataFrame, path: Path) -> Predictions:
    """Load without trusting anything; texts and numbers as pandas holds them, dates by their parts."""
    assert skops_io.get_untrusted_types(file=path) == []
    made = skops_io.load(path)
    parts = {one["name"] for one in made.onelayer_["inputs"] if one["part"] is not None}
    given: Any = frame.assign(**{name: numbers_of(frame, name) for name in parts})
    if not hasattr(made["encode"], "feature_names_in_"):
        given = frame.to_numpy(float)
    return Predictions(made.predict(given), made.predict_proba(given) if model.classes else None)


def said_by_sql(model: Model, frame: pd.DataFrame, path: Path) -> Predictions:
    """Run the text on a table that is called input."""
    with duckdb.connect() as connection:
        connection.register("given", frame)
        connection.execute("CREATE TABLE input AS SELECT * FROM given")
        found = connection.execute(path.read_bytes().decode()).df()
    outputs = found.iloc[:, frame.shape[1] :]
    if model.classes is None:
        return Predictions(outputs.iloc[:, 0].to_numpy(), None)
    return Predictions(outputs.iloc[:, 0].to_numpy(), outputs.iloc[:, 1:].to_numpy(float))


SAID = {"onnx": said_by_onnx, "torch": said_by_torch, "sklearn": said_by_sklearn, "sql": said_by_sql}


def hold(to: str, model: Model, frame: pd.DataFrame, folder: Path, wanted: Predictions) -> Path:
    """Write an export and hold it to what `predict` says of a frame."""
    path = folder / TARGETS[to].file
    TARGETS[to].write(model, path, RECORD)
    same(SAID[to](model, frame, path), wanted, model)
    return path


def predictions(model: Model, frame: pd.DataFrame) -> Predictions:
    """What `predict` says of a frame."""
    return Predictions(model.predict(frame), None if model.classes is None else model.predict_proba(frame))


def numbers_of(frame: pd.DataFrame, name: str) -> Array:
    """A column of numbers or truths, or a part of a date, as ONNX and scikit-learn want it."""
    column, _, part = name.rpartition(".")
    found = frame[name if name in frame else column]
    if name not in frame:
        found = found.dt.isocalendar().day - 1 if part == "weekday" else getattr(found.dt, part)
    return np.asarray(found.to_numpy(dtype=float, na_value=np.nan))


def design_of(model: Model, frame: pd.DataFrame) -> Array:
    """What the encoder of the model makes of a frame."""
    from onelayer.data.tables.fetch import fetch_frame
    from onelayer.data.tables.opening import open_rows
    from onelayer.deliver.reading import readings_of

    rows = open_rows(frame=frame, missing=MISSING)
    return model.artefact.encoder.apply(fetch_frame(rows, readings_of(rows, model.artefact.encoder)))


def same(found: Predictions, wanted: Predictions, model: Model) -> None:
    """Hold predictions to others, by the precision of the model."""
    tolerance = ALLOWED[str(model.artefact.weight.dtype)]
    if wanted.probability is None:
        np.testing.assert_allclose(
            found.value, wanted.value, rtol=tolerance, atol=tolerance * model.artefact.y_scale[0]
        )
        return
    assert found.probability is not None
    np.testing.assert_allclose(found.probability, wanted.probability, rtol=0, atol=tolerance)
    assert list(found.value) == list(wanted.value)
