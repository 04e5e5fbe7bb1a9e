"""The delivered model: weights and preprocessing in one folder, without a pickle.

    model/model.safetensors    weights and biases, and the scaling of features and target
    model/model.json           encoding, target, classes, objective, versions, and the hash of both files

Loading one runs no code.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from onelayer.data.encode import Encoder
from onelayer.data.encode.statistics import blocks
from onelayer.data.frame import Frame
from onelayer.data.tables.origin import Origin
from onelayer.errors import UserError
from onelayer.filenames import MODEL_HEADER, MODEL_TENSORS
from onelayer.links import BY_TASK, Link
from onelayer.whole import naming

# 3 knew no hidden layer, 4 not how the table is written
FORMAT, READ = 5, (3, 4, 5)
PRINTED = r"-?(0|[1-9]\d*)(\.\d+)?"
LACKS = {1: "how columns were encoded", 2: "how a missing value is spelled"}
# the end of the header: the hash of all of it that stands before, and of the tensors
# what the bias is called where each weight has the name of its feature
INTERCEPT = "(intercept)"
SEAL, END = ',\n  "sha256": "', '"\n}\n'
# o: outputs, p: features, h: hidden units; `layers` are the linear ones, the first one sees the features
SCALES = {"x_shift": "p", "x_scale": "p", "y_shift": "o", "y_scale": "o"}
SHAPES = {"weight": "op", "bias": "o", **SCALES}
HIDDEN_SHAPES = {"hidden_weight": "hp", "hidden_bias": "h", "weight": "oh", "bias": "o", **SCALES}
Array = NDArray[Any]

TEXT, NUMBER = (str,), (int, float)
# what the header says besides the format, the encoding and the hash
FIELDS: Mapping[str, tuple[type, ...]] = {
    "objective": TEXT,
    "task": TEXT,
    "target": TEXT,
    "classes": (list, type(None)),
    "link": TEXT,
    "missing": (list,),
    "origin": (dict,),
    "l2": NUMBER,
    "best_epoch": (int, type(None)),
    "data_hash": TEXT,
    "training": (dict,),
    "versions": (dict,),
}
# and of its training, beside other things, which the card and the summary read
TRAINING: Mapping[str, tuple[type, ...]] = {
    "status": TEXT,
    "epochs": (int,),
    "lr": NUMBER,
    "seed": (int,),
    "monitor": TEXT,
    "metrics": (dict,),
    "reference": (dict,),
    "rows": (dict,),
    "overrides": (list,),
    "config_hash": TEXT,
}


@dataclass(frozen=True)
class Artefact:
    """A trained model with its preprocessing.

    Attributes:
        weight: (outputs, n_features), for encoded and scaled features; with a hidden layer (outputs, hidden units).
        bias: (outputs,), zero where the model has none.
        x_shift, x_scale: (n_features,), features enter as ``(x - x_shift) / x_scale``.
        y_shift, y_scale: (outputs,), a regression's result is ``y * y_scale + y_shift``.
        encoder: from the columns of a table to features.
        hidden_weight, hidden_bias: (hidden units, n_features), (hidden units,); None where there is no hidden layer.
        header: objective, task, target, classes; link, from logits to what the model says; missing, spellings of a
            missing value in the table; origin, how that table is written; l2, best_epoch, data_hash; training, what
            result.json says of the run; versions.
    """

    weight: Array
    bias: Array
    x_shift: Array
    x_scale: Array
    y_shift: Array
    y_scale: Array
    encoder: Encoder
    header: dict[str, Any]
    hidden_weight: Array | None = None
    hidden_bias: Array | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the features."""
        return self.encoder.columns

    @cached_property
    def origin(self) -> Origin:
        """How the table is written that the model was trained on."""
        return Origin.from_json(self.header["origin"])

    @property
    def link(self) -> Link:
        """What the logits say."""
        return BY_TASK[self.header["task"]][self.header["link"]]

    @property
    def layers(self) -> tuple[tuple[Array, Array], ...]:
        """Weights and biases of the linear layers, from the features to the logits; between two there is a ReLU."""
        last = (self.weight, self.bias)
        if self.hidden_weight is None or self.hidden_bias is None:
            return (last,)
        return ((self.hidden_weight, self.hidden_bias), last)

    @property
    def hidden(self) -> int | None:
        """How many hidden units there are; None where there is no such layer, and the model is linear."""
        return None if self.hidden_bias is None else len(self.hidden_bias)

    def save(self, folder: Path) -> None:
        """Write the folder at once or not at all; what a power cut tears, `load` finds out by the hash."""
        _check_header(self.header)
        names = SHAPES if self.hidden is None else HIDDEN_SHAPES
        data = save({name: np.ascontiguousarray(getattr(self, name)) for name in names})
        # a line for each field: of 60,000 columns an indented form would be slow and long
        fields = {key: json.dumps(value, allow_nan=False) for key, value in {"format": FORMAT, **self.header}.items()}
        fields["encoding"] = self.encoder.text
        said = "{\n" + ",\n".join(f'  "{key}": {text}' for key, text in fields.items())
        partial = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)  # left by a killed process of the same number
        with naming(folder, partial):
            try:
                partial.mkdir(parents=True)
                (partial / MODEL_TENSORS).write_bytes(data)
                (partial / MODEL_HEADER).write_bytes((said + SEAL + _hash(said, data) + END).encode())
                if folder.exists():
                    shutil.rmtree(folder)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> "Artefact":
        """Read a folder.

        Raises:
            UserError: it is not there, not whole, or of another format.
        """
        try:
            text = (folder / MODEL_HEADER).read_bytes().decode()
            header = json.loads(text, parse_constant=_refuse_constant)
            data = (folder / MODEL_TENSORS).read_bytes()
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{folder}: no model can be read there ({error})") from None
        found = header.pop("format", None) if isinstance(header, dict) else None
        if found not in READ:
            lacks = LACKS.get(found) if isinstance(found, int) else None
            older = f", which does not say {lacks}; train it again" if lacks else ""
            raise UserError(f"{folder}: model format {found}, this version reads {FORMAT}{older}")
        said, _, seal = text.rpartition(SEAL)
        if seal != _hash(said, data) + END:
            raise UserError(
                f"{folder}: {MODEL_TENSORS} and {MODEL_HEADER} are no model as it was written; one of them was changed"
            )
        try:
            del header["sha256"]
            if found < 5:
                # these took the classes of numbers for what is printed of them
                header["origin"] = {"typed": all(re.fullmatch(PRINTED, str(one)) for one in header["classes"] or ["?"])}
            encoder = Encoder.from_json(header.pop("encoding", None))
            _check_header(header)
            tensors = load(data)
            _check_tensors(tensors, encoder.n_features)
            _check_outputs(header, len(tensors["bias"]))
        except (UserError, SafetensorError, KeyError) as error:
            raise UserError(f"{folder}: the model cannot be understood: {error}") from None
        return cls(**tensors, encoder=encoder, header=header)

    def logits(self, x: Frame | Any) -> Array:
        """Map rows to (rows, outputs).

        Args:
            x: a frame of the table's columns; or (rows, n_features) as they are before scaling, dense or sparse.

        Returns:
            In the precision of the weights; in float64 where a row goes beyond that precision.

        Raises:
            UserError: the columns are not those of the model, or a number is too large for float64, too.
        """
        features = self.encoder.apply(x) if isinstance(x, Frame) else x
        if features.shape[1:] != self.x_shift.shape:
            raise UserError(f"the model has {len(self.x_shift)} features, but rows of shape {features.shape} came")
        with np.errstate(over="ignore", invalid="ignore"):
            logits = self._logits(features, self.weight.dtype)
            lost = ~np.isfinite(logits).all(axis=1)
            if lost.any():  # single precision ends at 3.4e38, and numbers of a table at 1.8e308
                logits = logits.astype(np.float64)
                logits[lost] = self._logits(features[lost], np.dtype(np.float64))
        if not np.isfinite(logits).all():
            row = features[int((~np.isfinite(logits).all(axis=1)).argmax())]
            sizes = np.abs(row if isinstance(row, np.ndarray) else row.toarray().ravel()) / self.x_scale
            place = int(sizes.argmax())
            raise UserError(
                f"column '{self.columns[place]}' holds {sizes[place] * self.x_scale[place]:g}, too large to compute "
                "with; leave the row out, or divide the column by a power of ten and train again"
            )
        return logits

    def _logits(self, features: Any, dtype: np.dtype[Any]) -> Array:
        """Map encoded rows to (rows, outputs), as a model of some precision does."""
        layers = [(weight.astype(dtype), bias.astype(dtype)) for weight, bias in self.layers]
        if isinstance(features, np.ndarray):
            scaled = ((features - self.x_shift) / self.x_scale).astype(dtype)
            logits = logits_in_order(scaled, *layers[0])
        else:
            # sparse: the scaling goes into the weights, so that zeros stay zeros
            weight, bias = layers[0]
            weight = weight / self.x_scale
            logits = (features @ weight.T + (bias - weight @ self.x_shift)).astype(dtype)
        for layer in layers[1:]:
            logits = logits_in_order(np.maximum(logits, 0), *layer)
        return logits


def logits_in_order(x: Array, weight: Array, bias: Array) -> Array:
    """Map (rows, n_features) to (rows, outputs), summed in float64 from the first column to the last.

    A product of matrices sums in an order that depends on how many rows there are, and on the machine; a row that is
    predicted alone must be what it is among others, to the last bit.

    Args:
        x: scaled features.
        weight: (outputs, n_features).
        bias: (outputs,).
    """
    wide, logits = weight.astype(np.float64), np.empty((len(x), len(weight)))
    for rows in blocks(*x.shape):
        part = x[rows].astype(np.float64)
        for output, one in enumerate(wide):
            logits[rows, output] = np.add.accumulate(part * one, axis=1)[:, -1]
    return (logits + bias).astype(weight.dtype)


def _hash(said: str, data: bytes) -> str:
    digest = hashlib.sha256(said.encode())
    digest.update(data)
    return digest.hexdigest()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _check_header(header: Mapping[str, Any]) -> None:
    _check_kinds(header, FIELDS, "")
    _check_kinds(header["training"], TRAINING, "training.")
    metrics = header["training"]["metrics"]
    _check_kinds(metrics, dict.fromkeys(metrics, (*NUMBER, type(None))), "training.metrics.")
    if header["l2"] < 0:
        raise UserError(f"{MODEL_HEADER}: l2={header['l2']!r:.80} must not be below 0")
    if header["task"] not in BY_TASK:
        raise UserError(f"{MODEL_HEADER}: task={header['task']!r:.80} is none that this version knows")
    if header["link"] not in BY_TASK[header["task"]]:
        raise UserError(f"{MODEL_HEADER}: link={header['link']!r:.80} is none that this version knows for such a task")
    for key in header:
        if key not in FIELDS:
            raise UserError(f"{MODEL_HEADER}: there is no such field as '{key}'")
    Origin.from_json(header["origin"])
    texts = [*(header["classes"] or ()), *header["missing"], *header["versions"].values()]
    if not all(isinstance(one, str) for one in texts):
        raise UserError(f"{MODEL_HEADER}: classes, missing and versions must hold texts")


def _check_kinds(said: Mapping[str, Any], fields: Mapping[str, tuple[type, ...]], within: str) -> None:
    for key, kinds in fields.items():
        if key not in said:
            raise UserError(f"{MODEL_HEADER}: '{within}{key}' is missing")
        if not isinstance(said[key], kinds) or isinstance(said[key], bool):
            raise UserError(f"{MODEL_HEADER}: {within}{key}={said[key]!r:.80} is of the wrong kind")
        if isinstance(said[key], int | float) and not abs(said[key]) <= sys.float_info.max:
            raise UserError(f"{MODEL_HEADER}: {within}{key}={said[key]!r:.80} is no finite number")


def _check_outputs(header: Mapping[str, Any], outputs: int) -> None:
    classes = header["classes"] or []
    wanted = {"regression": (0, 1), "binary": (2, 1), "multiclass": (len(classes), len(classes))}[header["task"]]
    if (len(set(classes)), outputs) != wanted or not outputs:
        raise UserError(f"a {header['task']} model of {outputs} outputs cannot have the classes {classes!r:.80}")


def _check_tensors(tensors: Mapping[str, Array], features: int) -> None:
    shapes = HIDDEN_SHAPES if "hidden_bias" in tensors else SHAPES
    if set(tensors) != set(shapes):
        raise UserError(f"{MODEL_TENSORS}: expected {', '.join(shapes)}, found {', '.join(sorted(tensors))}")
    hidden = tensors["hidden_bias"].size if "hidden_bias" in tensors else 1
    sizes = {"o": tensors["bias"].size, "p": features, "h": hidden}
    if not hidden:
        raise UserError(f"{MODEL_TENSORS}: the hidden layer has no units")
    for name, dimensions in shapes.items():
        wanted = tuple(sizes[one] for one in dimensions)
        found = tensors[name]
        if found.shape != wanted or found.dtype not in (np.float32, np.float64):
            raise UserError(f"{MODEL_TENSORS}: {name} is {found.dtype} {found.shape}, expected numbers {wanted}")
    for name in shapes:
        if not np.isfinite(tensors[name]).all() or (name.endswith("scale") and not (tensors[name] > 0).all()):
            raise UserError(f"{MODEL_TENSORS}: {name} must be finite{' and above 0' * name.endswith('scale')}")
