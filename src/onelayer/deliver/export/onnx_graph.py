"""ONNX with the preprocessing inside.

Each raw column is an input [N, 1] by the table's name: double for numbers, truths (0, 1) and parts of dates, NaN where
missing; string for categories, empty where missing, and otherwise as reading leaves a text: without spaces around it,
and of a number its shortest form, 1 and not 1.0. More than 100 columns that are all numbers are one input ``X``
[N, columns] instead, in the order of training, and so are those of a sparse table. Outputs: ``prediction`` [N], double
or string, and of classes ``probability`` [N, classes]. Rows that `predict` refuses get NaN and an empty class.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelayer.data.encode.design import Design, Levels, Numbers
from onelayer.data.encode.layout import REFUSED
from onelayer.deliver.export.inputs import Input, inputs_of, is_matrix, notes_of, places_of
from onelayer.deliver.export.onnx_builder import Graph, Value
from onelayer.deliver.export.rows import Rows
from onelayer.deliver.export.target import Target
from onelayer.deliver.model import Model, Predictions
from onelayer.links import BinaryLink

OPSET, ML_OPSET, IR = 21, 3, 10  # onnxruntime runs these from 1.18 on
PREDICTION, PROBABILITY, MATRIX = "prediction", "probability", "X"
METADATA = "onelayer"
Array = NDArray[Any]


def write(model: Model, path: Path, record: Mapping[str, Any]) -> None:
    """Write one file without external data, checked in full."""
    import onnx

    graph = Graph(taken=[one.name for one in _inputs(model)])
    logits = _logits(graph, model, _design(graph, model))
    outputs = _outputs(graph, model, logits)
    made = graph.model(outputs, opset=OPSET, ml_opset=ML_OPSET, ir=IR, doc=__doc__ or "")
    said = {
        "inputs": None if is_matrix(model.artefact.encoder) else [one._asdict() for one in _inputs(model)],
        "columns": list(model.columns),
        "classes": None if model.classes is None else list(model.classes),
        "link": model.artefact.header["link"],
        **record,
    }
    onnx.helper.set_model_props(made, {METADATA: json.dumps(said, allow_nan=False)})
    onnx.checker.check_model(made, full_check=True)
    path.write_bytes(made.SerializeToString())


def predict(path: Path, rows: Rows) -> Predictions:
    """Run the file with onnxruntime on the CPU."""
    from onelayer.deliver.export.needed import needed

    session = needed("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])
    said = json.loads(session.get_modelmeta().custom_metadata_map[METADATA])
    if said["inputs"] is None:
        given = {MATRIX: np.ascontiguousarray(rows.frame.numbers)}
    else:
        given = {one["name"]: _values(Input(**one), rows) for one in said["inputs"]}
    value, *probability = session.run(None, given)
    return Predictions(value, probability[0] if probability else None)


def notes(model: Model) -> tuple[str, ...]:
    """Say what goes in where it is not as in the table."""
    return notes_of(model.artefact, _inputs(model), "the inputs are", "''")


def _inputs(model: Model) -> tuple[Input, ...]:
    return inputs_of(model.artefact.encoder, taken=(PREDICTION, PROBABILITY, MATRIX))


def _values(one: Input, rows: Rows) -> Array:
    if one.kind == "category":
        return np.array([text or "" for text in rows.texts(one.column)], dtype=object)[:, None]
    return np.ascontiguousarray(rows.numbers(one.column, one.part)[:, None])


def _design(graph: Graph, model: Model) -> Value:
    """Return the design matrix [N, n_features], NaN in rows that are refused."""
    artefact = model.artefact
    if is_matrix(artefact.encoder):
        return _matrix(graph, artefact.encoder.designs)
    given = {(one.column, one.part): one for one in _inputs(model)}
    blocks: list[Value] = []
    feature = 0
    for design in artefact.encoder.designs:
        if isinstance(design, Levels):
            text = graph.input(given[design.name, None].name, "string", 1)
            width = sum(1 for _ in design.features())
            if width:  # a category of one level that is dropped has none
                blocks.append(_category(graph, text, places_of(artefact, design, feature), feature, width))
            feature += width
            continue
        parts = design.parts if design.role == "date" else (None,)
        numbers = graph.joined([graph.input(given[design.name, part].name, "double", 1) for part in parts])
        holes = numbers.is_nan()
        fill = [np.nan] * design.width if design.fill is None else design.fill
        blocks.append(graph.where(holes, graph.constant(np.array([fill])), numbers))
        if design.indicator:
            first = graph.op("Slice", holes, *(graph.constant(np.array([one])) for one in (0, 1, 1)))
            blocks.append(graph.cast(first, "double"))
        feature += design.width + design.indicator
    return graph.joined(blocks)


def _matrix(graph: Graph, designs: Sequence[Design]) -> Value:
    """Return the design matrix of columns that enter side by side."""
    numbers = [one for one in designs if isinstance(one, Numbers)]
    given = graph.input(MATRIX, "double", len(numbers))
    fill = np.array([[np.nan if one.fill is None else one.fill[0] for one in numbers]])
    if np.isnan(fill).all():
        return given
    holes = given.is_nan()
    filled = graph.where(holes, graph.constant(fill), given)
    indicated = np.flatnonzero([one.indicator for one in numbers])
    if not len(indicated):
        return filled
    flags = graph.cast(graph.op("Gather", holes, graph.constant(indicated), axis=1), "double")
    # a flag stands behind its number
    order = np.argsort(np.concatenate([np.arange(len(numbers)), indicated + 0.5]))
    return graph.op("Gather", graph.joined([filled, flags]), graph.constant(order), axis=1)


def _category(graph: Graph, text: Value, places: Any, first: int, width: int) -> Value:
    """Return zeros and ones [N, width]."""
    texts = list(places.texts)
    place = graph.op(
        "LabelEncoder",
        text,
        domain="ai.onnx.ml",
        keys_strings=texts,
        values_int64s=[places.texts[one] for one in texts],
        default_int64=places.unseen,
    )
    flags = graph.cast(graph.op("Equal", place, graph.constant(np.arange(first, first + width)[None])), "double")
    if not places.refuses:
        return flags
    refused = graph.op("Equal", place, graph.constant(np.array([[REFUSED]])))
    return graph.where(refused, graph.constant(np.array([[np.nan]])), flags)


def _logits(graph: Graph, model: Model, design: Value) -> Value:
    """Return [N, outputs] double: scaled and multiplied in double, rounded to the precision of the weights."""
    one = model.artefact
    kind = {"float32": "float", "float64": "double"}[str(one.weight.dtype)]
    scaled = (design - graph.constant(one.x_shift[None])) / graph.constant(one.x_scale[None])
    rounded = graph.cast(graph.cast(scaled, kind), "double")
    for place, (weight, bias) in enumerate(one.layers):
        # a ReLU as onnxruntime has it in double precision; NaN stays NaN
        given = graph.where(graph.op("Less", rounded, 0.0), 0.0, rounded) if place else rounded
        factor = graph.constant(np.ascontiguousarray(weight.T.astype(np.float64)))
        # no MatMul: onnxruntime would fuse it with the scaling of a single feature, whose factor it holds in float32
        sums = graph.op("Gemm", given, factor, graph.constant(bias.astype(np.float64)))
        rounded = graph.cast(graph.cast(sums, kind), "double")
    return rounded


def _outputs(graph: Graph, model: Model, logits: Value) -> Sequence[tuple[Value, str, str, tuple[int, ...]]]:
    """Return each output with its name, type and widths."""
    one = model.artefact
    if model.classes is None:
        value = logits * graph.constant(one.y_scale[None]) + graph.constant(one.y_shift[None])
        return [(graph.op("Squeeze", value, graph.constant(np.array([1]))), PREDICTION, "double", ())]
    if isinstance(one.link, BinaryLink):
        probability = graph.joined(one.link.export(logits, graph))
    else:
        probability = graph.op("Softmax", logits, axis=1)
    best = graph.op("ArgMax", probability, axis=1, keepdims=0)
    label = graph.op("Gather", graph.texts(model.classes), best)
    refused = graph.op("ReduceSum", probability, graph.constant(np.array([1])), keepdims=0).is_nan()
    said = graph.where(refused, graph.texts([""]), label)
    return [(said, PREDICTION, "string", ()), (probability, PROBABILITY, "double", (len(model.classes),))]


TARGET = Target(
    file="model.onnx",
    packages=("onnx", "onnxruntime"),
    write=write,
    predict=predict,
    notes=notes,
    facts={"opset": OPSET},
)
