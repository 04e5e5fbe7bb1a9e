"""From what a user types to the numbers that the oracles know."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelayer.config import RunSpec
from onelayer.data.prepare import Prepared
from onelayer.data.preprocess import original_coefficients
from onelayer.model.objectives import choose_objective
from onelayer.optimum import Reference, Solver
from tests.conftest import composed, prepared_of

Array = NDArray[Any]
ALL_ROWS = ("data.split.val=0", "data.split.test=0")
# torch's own tolerances leave 1e-9 of the objective
EXACT = (
    *("optim=lbfgs", "optim.tolerance_change=0", "optim.tolerance_grad=1e-12"),
    *("data.dtype=float64", "data.batch_size=full", "monitor=train/objective", "logger=none"),
)


def quoted(text: object) -> str:
    """A value as Hydra's grammar wants it where it has blanks, quotes or brackets."""
    escaped = str(text).replace("\\'", "\\\\'").replace("'", "\\'")
    return f"'{escaped}'"


def prepared(*overrides: str) -> Prepared:
    """The rows that a command line names, split, encoded and scaled."""
    spec = RunSpec.from_config(composed(*overrides))
    return prepared_of(spec)


def optimum(data: Prepared, l2: float = 0.0, *, bias: bool = True) -> Reference:
    """The optimum that a run on these rows is judged by."""
    solver = Solver(data.train, choose_objective("auto", data.task), n_outputs=data.n_outputs, bias=bias)
    return solver.solve(l2)


def coefficients(data: Prepared, found: Reference, *, bias: bool = True) -> tuple[Array, Array]:
    """Weights (outputs, features) and constants (outputs,) of an optimum, in the units of the table."""
    assert found.theta is not None, found.note
    theta = found.theta.numpy()
    constant = theta[:, -1] if bias else np.zeros(len(theta))
    return original_coefficients(theta[:, : data.n_features], constant, data.x_scale, data.y_scale)


def design(data: Prepared) -> Array:
    """The train rows as they were before scaling, (rows, features)."""
    (chunk,) = data.train.chunks()
    return data.x_scale.undo(chunk.x.numpy())


def target(data: Prepared) -> Array:
    """The target of the train rows in its own units, (rows,)."""
    (chunk,) = data.train.chunks()
    return data.y_scale.undo(chunk.y.numpy())[:, 0]
