"""A `torch.export` program of the encoded features; no TorchScript.

It takes the design matrix, float64 (rows, n_features), encoded but not scaled, and returns numbers in original units
(rows,), or the probability of each class (rows, classes). The file ``onelayer.json`` inside it names the features and
the classes: ``extra = {"onelayer.json": ""}; torch.export.load(path, extra_files=extra)``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onelayer.artefact import Artefact
from onelayer.data.encode import Encoder
from onelayer.deliver.export.rows import Rows
from onelayer.deliver.export.target import Target
from onelayer.deliver.model import Model, Predictions
from onelayer.links import BinaryLink
from onelayer.links.operations import ArrayOperations

EXTRA = "onelayer.json"


def write(model: Model, path: Path, record: Mapping[str, Any]) -> None:
    """Trace the model for any number of rows, and save it."""
    import torch

    artefact = model.artefact
    example = torch.from_numpy(np.stack([artefact.x_shift, artefact.x_shift + artefact.x_scale]).astype(np.float64))
    rows = torch.export.Dim("rows")
    program = torch.export.export(_module(artefact), (example,), dynamic_shapes=({0: rows},))
    said = {
        "encoding": artefact.encoder.to_json(),
        "features": list(model.artefact.columns),
        "classes": None if model.classes is None else list(model.classes),
        "link": artefact.header["link"],
        **record,
    }
    torch.export.save(program, path, extra_files={EXTRA: json.dumps(said, allow_nan=False)})


def predict(path: Path, rows: Rows) -> Predictions:
    """Load the file, and run it on the rows as it says that they are encoded."""
    import torch

    extra = {EXTRA: ""}
    program = torch.export.load(path, extra_files=extra)
    said = json.loads(extra[EXTRA])
    design = Encoder.from_json(said["encoding"]).apply(rows.frame)
    found = program.module()(torch.from_numpy(np.ascontiguousarray(design))).numpy()
    if said["classes"] is None:
        return Predictions(found, None)
    return Predictions(np.array(said["classes"])[found.argmax(axis=1)], found)


def notes(model: Model) -> tuple[str, ...]:
    """Say what goes in."""
    return (f"the program takes {model.artefact.encoder.n_features} encoded features, named in its {EXTRA}",)


def _module(artefact: Artefact) -> Any:
    import torch

    link, operations = artefact.link, ArrayOperations(torch)

    class OneLayer(torch.nn.Module):
        """Scale, multiply, and say what the logits mean."""

        def __init__(self) -> None:
            super().__init__()
            for name in ("x_shift", "x_scale", "y_shift", "y_scale"):
                self.register_buffer(name, torch.from_numpy(np.array(getattr(artefact, name))))
            for place, (weight, bias) in enumerate(artefact.layers):
                self.register_buffer(f"weight{place}", torch.from_numpy(np.array(weight)))
                self.register_buffer(f"bias{place}", torch.from_numpy(np.array(bias)))

        def forward(self, x: Any) -> Any:
            logits = (x - self.x_shift) / self.x_scale
            for place in range(len(artefact.layers)):
                given = torch.relu(logits) if place else logits
                weight, bias = getattr(self, f"weight{place}"), getattr(self, f"bias{place}")
                # a layer's numbers are rounded as in training; sums are double
                sums = given.to(weight.dtype).double() @ weight.double().T + bias.double()
                logits = sums.to(weight.dtype).double()
            if artefact.header["classes"] is None:
                return (logits * self.y_scale + self.y_shift)[:, 0]
            if isinstance(link, BinaryLink):
                return torch.cat(link.export(logits, operations), dim=1)
            return torch.softmax(logits, dim=1)

    return OneLayer().eval()


TARGET = Target(file="model.pt2", packages=("torch",), write=write, predict=predict, notes=notes)
