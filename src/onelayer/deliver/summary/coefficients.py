"""Weights of the scaled problem as coefficients in original units, and how far they are from the optimum."""

from dataclasses import dataclass

import numpy as np
import torch

from onelayer.artefact import Artefact
from onelayer.data.preprocess import Scale, original_coefficients
from onelayer.data.table import Array
from onelayer.model.objectives import BINARY, OBJECTIVES, Objective
from onelayer.optimum import Solver, Truth
from onelayer.optimum.reference import gradient
from onelayer.protocols import Part


@dataclass(frozen=True)
class Distance:
    """How far delivered weights are from the optimum of their own objective.

    Attributes:
        objective: its value, with the penalty.
        gap: that less the optimum's; NaN where this is not known.
        gradient: the norm of the gradient by the weights of scaled features.
        optimum: (outputs, n_features [+ 1]), of scaled features; None where there is none, or it is not known.
        note: what is to be known about it; "" for a unique optimum.
    """

    objective: float
    gap: float
    gradient: float
    optimum: Array | None
    note: str


def theta_of(artefact: Artefact, *, bias: bool) -> Array:
    """Return the delivered weights (outputs, n_features [+ 1]), float64."""
    weight = artefact.weight.astype(np.float64)
    return np.column_stack([weight, artefact.bias.astype(np.float64)]) if bias else weight


def coefficients(theta: Array, artefact: Artefact, *, bias: bool) -> tuple[Array, Array]:
    """Map weights of scaled features to original units.

    Args:
        theta: (outputs, n_features [+ 1]).
        artefact: knows the scaling of features and target.
        bias: whether the last column is one.

    Returns:
        (outputs, [1 +] n_features), the constant first; and (outputs,), the constant where features are zero, which
        without a bias follows from the scaling.
    """
    n_features = len(artefact.x_shift)
    scaled = theta[:, -1] if bias else np.zeros(len(theta))
    x, y = Scale(artefact.x_shift, artefact.x_scale), Scale(artefact.y_shift, artefact.y_scale)
    weight, constant = original_coefficients(theta[:, :n_features], scaled, x, y)
    return np.column_stack([constant, weight]) if bias else weight, constant


def delivered_coefficients(artefact: Artefact) -> Array:
    """Return the coefficients of a delivered model in original units, (outputs, 1 + n_features), the constant first."""
    return coefficients(theta_of(artefact, bias=True), artefact, bias=True)[0]


def objective_of(artefact: Artefact) -> Objective:
    """Return what a model was trained to minimise."""
    link = artefact.header["link"]
    return BINARY[link] if link in BINARY else OBJECTIVES[artefact.header["objective"]]


def distance_of(part: Part, theta: Array, artefact: Artefact, *, bias: bool, polish: bool = False) -> Distance:
    """Measure weights on the rows that they were trained on.

    Args:
        part: the rows.
        theta: (outputs, n_features [+ 1]), of scaled features.
        artefact: knows the objective and its penalty.
        bias: whether the last column of theta is one.
        polish: look for the optimum however long it takes, and where there may be several, from these weights, too.
    """
    objective, l2 = objective_of(artefact), float(artefact.header["l2"])
    solver = Solver(part, objective, n_outputs=len(theta), bias=bias, classes=artefact.header["classes"])
    weights = torch.from_numpy(theta)[None]
    start = weights[0] if polish and np.isfinite(theta).all() else None
    reference = solver.solve(l2, start=start, patient=polish)
    truth = Truth(solver, [l2], solved={(objective.name, l2, len(theta), bias): reference})
    measured = {name: float(value) for name, value in truth.measure(weights).items()}
    return Distance(
        objective=measured["objective"],
        gap=measured["gap"],
        gradient=float(gradient(weights, part, objective, l2).norm()),
        optimum=None if reference.theta is None else reference.theta.numpy(),
        note=reference.note,
    )
