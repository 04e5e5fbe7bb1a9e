"""A pipeline of scikit-learn's own classes and nothing of onelayer, saved with skops without an untrusted type.

It takes a pandas frame with the columns of the table by name: texts for categories, numbers for the rest, None or NaN
where missing; a date by its parts, such as ``when.year``. A text is as reading leaves it: without spaces around it, and
of a number its shortest form, 1 and not 1.0; one that is missing may be empty too. More than 100 columns that are all
numbers, and those of a sparse table, are an array (rows, columns) instead, in the order of training. It computes in
double precision, whatever the model was trained in.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onelayer.artefact import Artefact
from onelayer.data.encode.design import Levels
from onelayer.data.encode.layout import REFUSED
from onelayer.deliver.export.inputs import Input, Places, inputs_of, is_matrix, notes_of, places_of
from onelayer.deliver.export.needed import needed
from onelayer.deliver.export.rows import Rows
from onelayer.deliver.export.target import Target
from onelayer.deliver.model import Model, Predictions
from onelayer.errors import UserError

RECORD = "onelayer_"
Array = NDArray[Any]


def check(model: Model) -> None:
    """Refuse a hidden layer, and a link that no classifier of scikit-learn has.

    Raises:
        UserError: it is one.
    """
    link = model.artefact.link
    if model.artefact.hidden is not None:
        raise UserError("the pipeline is of linear models, which have no hidden layer; export --to onnx or torch")
    if link.sklearn_factor is None:
        raise UserError(f"scikit-learn has no classifier with the link {link.name}; export --to onnx, torch or sql")


def write(model: Model, path: Path, record: Mapping[str, Any]) -> None:
    """Build the pipeline and save it, with the record as its attribute `onelayer_`."""
    from sklearn.pipeline import Pipeline

    encode, weight, bias = _encoding(model.artefact)
    made = Pipeline([("encode", encode), ("model", _linear(model, weight, bias))])
    setattr(made, RECORD, {"inputs": [one._asdict() for one in _inputs(model)], **record})
    needed("skops.io").dump(made, path)


def predict(path: Path, rows: Rows) -> Predictions:
    """Load the file without trusting anything, and run it."""
    made = needed("skops.io").load(path, trusted=[])
    given: Any = rows.frame.numbers
    if hasattr(made["encode"], "feature_names_in_"):
        inputs = [Input(**one) for one in getattr(made, RECORD)["inputs"]]
        given = needed("pandas").DataFrame({one.name: _values(one, rows) for one in inputs})
    value = made.predict(given)
    return Predictions(value, made.predict_proba(given) if hasattr(made, "predict_proba") else None)


def notes(model: Model) -> tuple[str, ...]:
    """Say what goes in where it is not as in the table."""
    return notes_of(model.artefact, _inputs(model), "the columns are", "None, NaN or ''")


def _inputs(model: Model) -> tuple[Input, ...]:
    return inputs_of(model.artefact.encoder)


def _values(one: Input, rows: Rows) -> Array:
    return rows.texts(one.column) if one.kind == "category" else rows.numbers(one.column, one.part)


class _Block(NamedTuple):
    """Some columns, what makes features of them, and the weights of these.

    Attributes:
        transformer: not fitted.
        columns: of the frame, or places in the array, with a value that it can be fitted to; that of an earlier block
            goes first.
        weight: (outputs, features of the transformer).
        constant: (outputs,), to add.
        places: of the design columns that a scaler in it scales to.
    """

    transformer: Any
    columns: dict[Any, Any]
    weight: Array
    constant: Array
    places: list[int]


def _encoding(artefact: Artefact) -> tuple[Any, Array, Array]:
    """Return a fitted transformer of a frame, and (outputs, features) weights and (outputs,) constants for it."""
    from sklearn.compose import ColumnTransformer

    blocks = _blocks(artefact)
    row = {name: [value] for block in reversed(blocks.values()) for name, value in block.columns.items()}
    made = ColumnTransformer([(name, block.transformer, [*block.columns]) for name, block in blocks.items()])
    made.fit(
        np.array([row[place] for place in sorted(row)]).T
        if is_matrix(artefact.encoder)
        else needed("pandas").DataFrame(row)
    )
    for name, block in blocks.items():
        if block.places:
            scaler = made.named_transformers_[name]["scale"]
            scaler.mean_, scaler.scale_ = artefact.x_shift[block.places], artefact.x_scale[block.places]
            scaler.var_ = scaler.scale_**2
    weight = np.concatenate([block.weight for block in blocks.values()], axis=1)
    return made, weight, artefact.bias.astype(np.float64) + sum(block.constant for block in blocks.values())


def _blocks(artefact: Artefact) -> dict[str, _Block]:
    matrix = is_matrix(artefact.encoder)
    inputs = enumerate(inputs_of(artefact.encoder))
    given: dict[tuple[str, str | None], Any] = {
        (one.column, one.part): place if matrix else one.name for place, one in inputs
    }
    filled: dict[Any, tuple[int, float]] = {}
    whole: dict[Any, tuple[int, float]] = {}
    indicated: dict[Any, int] = {}
    found: dict[str, _Block] = {}
    feature = 0
    for number, design in enumerate(artefact.encoder.designs):
        if isinstance(design, Levels):
            width = sum(1 for _ in design.features())
            if width:  # a category of one level that is dropped says nothing
                places = places_of(artefact, design, feature)
                name = given[design.name, None]
                found[f"category {number + 1}"] = _category(artefact, name, places, range(feature, feature + width))
            feature += width
            continue
        parts = design.parts if design.role == "date" else (None,)
        for place, part in enumerate(parts):
            group, fill = (whole, 0.0) if design.fill is None else (filled, design.fill[place])
            group[given[design.name, part]] = feature + place, fill
        feature += design.width
        if design.indicator:
            indicated[given[design.name, parts[0]]] = feature
            feature += 1
    if filled:
        found["numbers"] = _numbers(artefact, filled, fill=True)
    if whole:
        found["complete numbers"] = _numbers(artefact, whole, fill=False)
    if indicated:
        found["missing"] = _indicators(artefact, indicated)
    return found


def _numbers(artefact: Artefact, columns: Mapping[Any, tuple[int, float]], *, fill: bool) -> _Block:
    from sklearn.impute import KNNImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    places = [place for place, _ in columns.values()]
    # the nearest of one row is that row, so its values fill the holes; SimpleImputer would do the same, but keeps a
    # numpy.dtype, which skops does not trust
    steps = [("fill", KNNImputer(n_neighbors=1))] if fill else []
    return _Block(
        Pipeline([*steps, ("scale", StandardScaler())]),
        {name: value for name, (_, value) in columns.items()},
        artefact.weight[:, places].astype(np.float64),
        np.zeros(len(artefact.bias)),
        places,
    )


def _indicators(artefact: Artefact, columns: Mapping[Any, int]) -> _Block:
    from sklearn.impute import MissingIndicator
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    # the scaler changes nothing, but for truths beside None, which become numbers beside NaN
    numbers = StandardScaler(with_mean=False, with_std=False)
    made = Pipeline([("numbers", numbers), ("missing", MissingIndicator(features="all"))])
    places = [*columns.values()]
    zeros, ones = _added(artefact, 0.0, places), _added(artefact, 1.0, places)
    return _Block(made, dict.fromkeys(columns, 0.0), ones - zeros, zeros.sum(axis=1), [])


def _category(artefact: Artefact, name: str, places: Places, features: range) -> _Block:
    """Give each text that training knows a column; an unknown one has zeros in all, which the constant stands for."""
    from sklearn.preprocessing import OneHotEncoder

    # None and NaN are different texts to scikit-learn
    all_texts = [*places.texts.items(), (None, places.missing), (np.nan, places.missing)]
    texts = {text: place for text, place in all_texts if place != REFUSED}
    refuses = places.unseen == REFUSED

    def added(place: int) -> Array:
        flags = np.array([float(one == place) for one in features])
        found: Array = _added(artefact, flags, [*features]).sum(axis=1)
        return found

    base = np.zeros(len(artefact.bias)) if refuses else added(places.unseen)
    encoder = OneHotEncoder(categories=[[*texts]], handle_unknown="error" if refuses else "ignore")
    weight = np.stack([added(place) - base for place in texts.values()], axis=1)
    return _Block(encoder, {name: next(iter(texts))}, weight, base, [])


def _added(artefact: Artefact, values: Any, places: Sequence[int]) -> Array:
    """Return what values of some design columns add to the outputs, (outputs, columns)."""
    scaled = (values - artefact.x_shift[places]) / artefact.x_scale[places]
    found: Array = scaled * artefact.weight[:, places].astype(np.float64)
    return found


def _linear(model: Model, weight: Array, bias: Array) -> Any:
    """Return a linear or logistic regression with given weights (outputs, features) and constants (outputs,)."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    one = model.artefact
    if model.classes is None:
        made: Any = LinearRegression()
        made.coef_ = weight[0] * one.y_scale[0]
        made.intercept_ = float(bias[0] * one.y_scale[0] + one.y_shift[0])
    else:
        made = LogisticRegression()
        if len(weight) == 2:  # softmax of two is logistic of their difference
            weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
        factor = one.link.sklearn_factor
        made.coef_, made.intercept_ = factor * weight, factor * bias
        made.classes_ = np.array(model.classes)
    made.n_features_in_ = weight.shape[1]
    return made


TARGET = Target(
    file="model.skops",
    packages=("scikit-learn", "skops", "pandas"),
    imported={"scikit-learn": "sklearn"},
    write=write,
    predict=predict,
    check=check,
    notes=notes,
)
