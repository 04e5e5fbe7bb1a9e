"""The objective of runs on their train rows, which are read again, and its optimum."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from onelayer.artefact import INTERCEPT, Artefact
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import prepare
from onelayer.deliver.source import table_again
from onelayer.deliver.summary.coefficients import objective_of
from onelayer.errors import UserError
from onelayer.model.linear import architecture_of
from onelayer.optimum.reference import Solver
from onelayer.optimum.truth import Truth
from onelayer.stored_config import stored_spec

Array = NDArray[Any]


class Ground:
    """The objective over all weights, in float64.

    Args:
        run: the directory of one of the runs.
        artefact: its model.

    Attributes:
        names: of each weight, in the order of the flattened weights; of several classes, class:feature. With a hidden
            layer they have none.
        scaled: whether features were.
        optimum: (outputs, columns); None where it is not known.
        lowest: the objective there; NaN where it is not known.
        note: what is to be known about the optimum, or why there is none.
        quadratic: whether no pass over the rows is needed.
        work: multiplications for one value.

    Raises:
        UserError: the rows are no longer where or what they were.
    """

    def __init__(self, run: Path, artefact: Artefact) -> None:
        spec = stored_spec(run)
        prepared = prepare(table_again(run, spec), Preparation.of(spec.data))
        if prepared.data_hash != artefact.header["data_hash"]:
            raise UserError(f"the rows that {run} was trained on are no longer those of training; put them back")
        outputs, bias, objective = prepared.n_outputs, spec.model.bias, objective_of(artefact)
        architecture = architecture_of(prepared.n_features, outputs, bias, spec.model.hidden)
        solver = Solver(prepared.train, objective, n_outputs=outputs, bias=bias)
        self._truth = Truth(solver, [artefact.header["l2"]], architecture=architecture)
        (reference,) = self._truth.references
        self.optimum = None if reference.theta is None else reference.theta.numpy()
        self.lowest, self.note = reference.value, reference.note
        self.scaled = not prepared.x_scale.changes_nothing
        self.quadratic = objective.quadratic and self.optimum is not None
        self.work = len(prepared.train) * architecture.shape[0] * architecture.shape[1]
        each = [*artefact.columns, *([INTERCEPT] if bias else [])]
        classes = prepared.classes if prepared.classes is not None and outputs > 1 else None
        self.names = tuple(f"{one}:{name}" for one in classes for name in each) if classes else tuple(each)
        if spec.model.hidden is not None:
            self.names = ()

    def measure(self, theta: Array) -> tuple[Array, Array]:
        """Return the objective of (n, outputs, columns), and how far it is above the optimum, (n,) each.

        The latter is NaN where the optimum is not known; near it, it has digits that a difference would have lost.
        """
        # every weight of the grid is a run: Truth measures as many as there are against the one penalty
        with torch.no_grad():
            found = self._truth.measure(torch.from_numpy(np.ascontiguousarray(theta)))
        return found["objective"].numpy(), found["gap"].numpy()
