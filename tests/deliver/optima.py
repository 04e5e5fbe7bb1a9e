"""Where `onelayer.optimum` finds the optimum of rows that a table is made of."""

from typing import Any

import numpy as np
import torch

from onelayer.data.parts import Part
from onelayer.deliver.inference import Rows, Table, binary, least_squares, multinomial
from onelayer.deliver.inference.rows import Array
from onelayer.model.objectives import BINARY, OBJECTIVES
from onelayer.optimum import Reference, Solver


def reference(rows: Rows, link: str, classes: int = 1, start: Array | None = None) -> Reference:
    """The unpenalised optimum, by outputs and columns, the constant last."""
    pieces = [np.concatenate(each) for each in zip(*rows.pieces(), strict=True)]
    x, y, weight = pieces[0], pieces[1], pieces[2] * pieces[3]
    features = [j for j in range(x.shape[1]) if j != rows.constant]
    objective = BINARY[link] if link in BINARY else OBJECTIVES[{"identity": "squared"}.get(link, link)]
    target = torch.from_numpy(y.astype(np.int64) if link == "softmax" else y[:, None])
    part = Part(torch.from_numpy(x[:, features].copy()), target, torch.from_numpy(weight / weight.mean()))
    solver = Solver(part, objective, n_outputs=classes, bias=rows.constant is not None)
    if start is None:
        return solver.solve(0.0)
    order = features if rows.constant is None else [*features, rows.constant]
    return solver.solve(0.0, start=torch.from_numpy(start[None, order]))


def best(rows: Rows, link: str = "identity", classes: int = 1, start: Array | None = None) -> Array:
    """Its coefficients, (columns,), of several classes (classes - 1, columns) less those of the first."""
    found = reference(rows, link, classes, start)
    assert found.theta is not None, found.note
    theta = found.theta.numpy()
    coef = theta if rows.constant is None else np.insert(theta[:, :-1], rows.constant, theta[:, -1], axis=1)
    return np.asarray(coef[1:] - coef[0] if link == "softmax" else coef[0])


def fitted(rows: Rows, **options: Any) -> Table:
    """The table of least squares at the optimum."""
    return least_squares(rows, best(rows), exact=True, **options)


def fitted_binary(rows: Rows, link: str = "logit", **options: Any) -> Table:
    """The table of a binary model at the optimum."""
    return binary(rows, best(rows, link), link=link, exact=True, **options)


def fitted_multinomial(rows: Rows, classes: int, **options: Any) -> tuple[Table, ...]:
    """The tables of several classes at the optimum."""
    return multinomial(rows, best(rows, "softmax", classes), exact=True, **options)
