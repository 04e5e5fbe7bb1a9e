"""The best run of a report: its model, its coefficients, and what it says of rows that it was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onelayer.artefact import INTERCEPT, Artefact
from onelayer.config import RunSpec
from onelayer.deliver.model import Model
from onelayer.deliver.source import table_again
from onelayer.errors import UserError
from onelayer.filenames import MODEL
from onelayer.stored_config import stored_spec

Array = NDArray[Any]
# rows that did not train, the best first
STAGES = ("test", "val", "train")
# numbers in a table that is read again for a report; of a larger one it would take minutes
LARGEST = 10**8


class Answers(NamedTuple):
    """What a model says of rows, and what is true of them.

    Attributes:
        stage: test, val, or train where there are no others.
        value: (rows,), numbers in original units; of classes, the place of the one that is most probable.
        probability: (rows, classes); None for numbers.
        target: (rows,), numbers in original units, or the places of classes.
    """

    stage: str
    value: Array
    probability: Array | None
    target: Array


@dataclass(frozen=True)
class Winner:
    """The best run.

    Attributes:
        run: its directory.
        artefact: its model.
        spec: what it was asked to do.
    """

    run: Path
    artefact: Artefact
    spec: RunSpec

    @property
    def task(self) -> str:
        """Regression, binary or multiclass."""
        return str(self.artefact.header["task"])

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none of a number."""
        return tuple(self.artefact.header["classes"] or ())

    @property
    def refusal(self) -> str | None:
        """Why its rows are not read again; None where they are."""
        rows = sum((self.artefact.header["training"].get("rows") or {}).values())
        if rows * len(self.artefact.columns) <= LARGEST:
            return None
        return f"{rows} rows x {len(self.artefact.columns)} features are more than a report reads again"

    @cached_property
    def answers(self) -> Answers | str:
        """What it says of the rows that did not train; a sentence where they are gone."""
        if self.refusal is not None:
            return self.refusal
        try:
            return _answers(self)
        except UserError as error:
            return str(error)

    @cached_property
    def coefficients(self) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """Its coefficients in original units, with their errors where the rows of training can be read, and doubts.

        With a hidden layer there are none, which is said as the only doubt.
        """
        from onelayer.deliver.summary.coefficients import delivered_coefficients
        from onelayer.deliver.summary.show import plain
        from onelayer.deliver.summary.summarise import NO_COEFFICIENTS, summarise

        if self.artefact.hidden is not None:
            return [], (NO_COEFFICIENTS,)
        try:
            if self.refusal is not None:
                raise UserError(self.refusal)
            told = plain(summarise(self.run))
            return list(told["coefficients"]), tuple(told["cautions"])
        except UserError as error:
            doubt = f"no standard errors: {error}"
        found = delivered_coefficients(self.artefact)
        rows = [
            {**({"class": self.classes[output]} if len(found) > 1 else {}), "name": name, "coefficient": float(value)}
            for output, numbers in enumerate(found)
            for name, value in zip((INTERCEPT, *self.artefact.columns), numbers, strict=True)
        ]
        return rows, (doubt,)


def winner_of(run: Path) -> Winner | str:
    """Read the model of a run; a sentence where there is none."""
    try:
        return Winner(run, Artefact.load(run / MODEL), stored_spec(run))
    except UserError as error:
        return str(error)


def _answers(winner: Winner) -> Answers:
    """Predict the rows of the part that is furthest from training.

    Raises:
        UserError: the rows are no longer where or what they were.
    """
    import torch

    from onelayer.data.preparation import Preparation
    from onelayer.data.prepare import prepare
    from onelayer.linalg import logits_of

    artefact = winner.artefact
    prepared = prepare(table_again(winner.run, winner.spec), Preparation.of(winner.spec.data))
    if prepared.data_hash != artefact.header["data_hash"]:
        raise UserError(f"the rows that {winner.run} was trained on are no longer those of training")
    stage = next(name for name in STAGES if len(getattr(prepared, name)))
    layers = [torch.from_numpy(np.column_stack(one).astype(np.float64))[None] for one in artefact.layers]
    logits: list[Array] = []
    target: list[Array] = []
    for chunk in getattr(prepared, stage).chunks():
        found = logits_of(layers[0], chunk.x)[0]
        for theta in layers[1:]:
            found = logits_of(theta, found.relu())[0]
        logits.append(found.numpy())
        target.append(chunk.y.numpy().reshape(len(chunk.y), -1)[:, 0])
    said = Model(artefact).of_logits(np.concatenate(logits) * artefact.y_scale + artefact.y_shift)
    truth = np.concatenate(target)
    if said.probability is None:
        return Answers(stage, said.value, None, truth * artefact.y_scale[0] + artefact.y_shift[0])
    return Answers(stage, said.probability.argmax(axis=1), said.probability, truth.astype(np.int64))


def shortened(names: Sequence[str], longest: int = 22) -> list[str]:
    """Cut names that are too long for an axis."""
    return [name if len(name) <= longest else f"{name[: longest - 1]}…" for name in names]
