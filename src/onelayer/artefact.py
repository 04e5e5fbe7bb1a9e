"""The delivered model: weights and preprocessing in one folder, without a pickle.

    model/model.safetensors    weight, bias, and the scaling of features and target
    model/model.json           columns, classes, objective, versions, and the hash of the tensors

Loading one runs no code.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from onelayer.errors import UserError

FORMAT = 1
TENSORS = "model.safetensors"
HEADER = "model.json"
Array = NDArray[Any]


@dataclass(frozen=True)
class Artefact:
    """A trained model with its preprocessing.

    Attributes:
        weight: (outputs, n_features), for scaled features.
        bias: (outputs,), zero where the model has none.
        x_shift, x_scale: (n_features,), features enter as ``(x - x_shift) / x_scale``.
        y_shift, y_scale: (outputs,), a regression's result is ``y * y_scale + y_shift``.
        header: columns, target, classes, task, objective, l2, metrics, versions, hashes.
    """

    weight: Array
    bias: Array
    x_shift: Array
    x_scale: Array
    y_shift: Array
    y_scale: Array
    header: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the folder at once or not at all; what a power cut tears, `load` finds out by the hash."""
        names = ("weight", "bias", "x_shift", "x_scale", "y_shift", "y_scale")
        data = save({name: np.ascontiguousarray(getattr(self, name)) for name in names})
        header = {"format": FORMAT, **self.header, "sha256": hashlib.sha256(data).hexdigest()}
        partial = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)  # left by a killed process of the same number
        partial.mkdir(parents=True)
        text = json.dumps(header, indent=2, allow_nan=False) + "\n"
        (partial / TENSORS).write_bytes(data)
        (partial / HEADER).write_text(text, encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> "Artefact":
        """Read a folder.

        Raises:
            UserError: it is not there, not whole, or of another format.
        """
        try:
            header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
            data = (folder / TENSORS).read_bytes()
        except (OSError, ValueError) as error:
            raise UserError(f"{folder}: no model can be read there ({error})") from None
        if header.get("format") != FORMAT:
            raise UserError(f"{folder}: model format {header.get('format')}, this version reads {FORMAT}")
        if header.pop("sha256", None) != hashlib.sha256(data).hexdigest():
            raise UserError(f"{folder}: {TENSORS} is not the file that {HEADER} was written for")
        return cls(**load(data), header=header)

    def logits(self, x: Array) -> Array:
        """Map rows in original units, (rows, n_features), to (rows, outputs)."""
        scaled = ((x - self.x_shift) / self.x_scale).astype(self.weight.dtype)
        logits: Array = scaled @ self.weight.T + self.bias
        return logits
