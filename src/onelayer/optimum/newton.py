"""The optimum of a smooth objective by Newton's method with backtracking (Boyd & Vandenberghe, 9.5).

Where the loss is not convex and its Hessian not positive definite, a step goes by the expected Hessian instead (Fisher
scoring), which always descends; what is found is then a local optimum, the one that is reached from zero weights.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from onelayer.linalg import logits_of, pullback
from onelayer.optimum.moments import dense_pieces
from onelayer.optimum.result import Reference
from onelayer.optimum.separation import CURVED, margins, receding, surely_exists, why_none
from onelayer.protocols import Loss, Part

ITERATIONS = 100
LOCAL = "local: the loss is not convex"


@dataclass(frozen=True)
class _Point:
    """What a pass over the rows tells about some weights.

    Attributes:
        theta: (1, outputs, columns).
        value: the objective.
        gradient: (1, outputs, columns).
        hessian: (outputs * columns)-square; the expected one where the loss is not convex here.
        separates: whether every row is on its own side: then doubling the weights always lowers the loss.
        radius: the largest norm of a row.
    """

    theta: Tensor
    value: float
    gradient: Tensor
    hessian: Tensor
    separates: bool
    radius: float


def newton(
    part: Part,
    objective: Loss,
    l2: float,
    *,
    n_outputs: int,
    bias: bool,
    rank: Callable[[], int],
    unsure: bool,
    start: Tensor | None = None,
) -> Reference:
    """Minimise ``mean loss + l2/2 ||W||^2``.

    Args:
        part: the rows.
        objective: the loss.
        l2: the penalty.
        n_outputs: columns of the logits.
        bias: whether there is a free constant.
        rank: of the columns of x, the constant one included; asked for where no penalty decides.
        unsure: whether classes may be separated; then the loss must be self-concordant, so that this can be certified.
        start: (outputs, columns), where to begin; None: at zero.
    """
    n_columns = part.n_features + bias
    penalised = torch.full((n_columns,), l2, dtype=torch.float64)
    penalised[part.n_features :] = 0.0

    def visit(theta: Tensor) -> _Point:
        return _visit(theta, part, objective, penalised)

    at = visit(torch.zeros(1, n_outputs, n_columns, dtype=torch.float64) if start is None else start[None])
    for _ in range(ITERATIONS):
        if unsure and at.separates:
            return Reference(None, note=receding("the classes are separated"))
        step = _solve(at.hessian, at.gradient.flatten()).view(at.theta.shape)
        decrement = float((at.gradient * step).sum())
        settled = decrement < 1e-13 * max(at.value, 1e-3)  # no step changes f in float64 any more
        size = 1.0
        while not (then := visit(at.theta - size * step)).value <= at.value - 1e-4 * size * decrement:
            size /= 2
            if size < 1e-10 or settled:
                break
        hessian = at.hessian
        # where f is flat to its last digit, the weights still have half of theirs to gain: the gradient tells
        nearer = settled and bool(then.gradient.norm() < at.gradient.norm())
        improves = nearer or then.value <= at.value - 1e-4 * size * decrement
        if improves:
            at = then
        if settled or not improves:
            known = n_columns if l2 > 0 else rank()
            # where columns are dependent, so many directions change no logit, and no optimum hangs on them
            flat = (n_columns - known) * max(1, n_outputs - 1)
            if unsure and not surely_exists(hessian, decrement, at.radius, flat):
                why = why_none(part, n_outputs, bias)
                if why:
                    return Reference(None, note=why)
            notes = [LOCAL] * (not objective.convex)
            notes += [f"not unique: the columns have rank {known} of {n_columns}"] * (known < n_columns)
            return Reference(at.theta[0], at.value, "; ".join(notes), float(at.gradient.norm()))
    return Reference(None, note=f"skipped: Newton's method did not converge in {ITERATIONS} iterations")


def _visit(theta: Tensor, part: Part, objective: Loss, penalised: Tensor) -> _Point:
    """Pass over the rows once, for everything that a step of Newton's method asks."""
    n_outputs, n_columns = theta.shape[1:]
    bias = n_columns > part.n_features
    loss, gradient = 0.0, torch.zeros_like(theta)
    kinds = (objective.hessian,) if objective.convex else (objective.hessian, objective.information)
    blocks = torch.zeros(len(kinds), n_outputs, n_columns, n_outputs, n_columns, dtype=theta.dtype)
    margin, radius = float("inf"), 0.0
    for x_, y_, weight_ in dense_pieces(part, n_columns * (2 + n_outputs)):
        x, y = torch.from_numpy(x_), torch.from_numpy(y_)
        weight = x.new_ones(len(x)) if weight_ is None else torch.from_numpy(weight_)
        logits = logits_of(theta, x)
        loss += float(objective.loss(logits, y)[0] @ weight)
        share = torch.zeros_like(theta)
        pullback(x, objective.residual(logits, y).mul_(weight[:, None]), share)
        gradient += share
        columns = torch.cat([x, x.new_ones(len(x), 1)], 1) if bias else x
        for matrix, kind in zip(blocks, kinds, strict=True):
            curvature = kind(logits, y)[0] * weight[:, None, None]
            for k in range(n_outputs):
                for j in range(k + 1):
                    matrix[k, :, j, :] += (columns * curvature[:, k, j, None]).t() @ columns
        margin = min(margin, float(margins(logits[0], y)[weight > 0].min()) if bool((weight > 0).any()) else margin)
        radius = max(radius, float(columns.norm(dim=1).max()))
    n_rows = len(part)
    blocks /= n_rows
    for k in range(n_outputs):
        for j in range(k):
            blocks[:, j, :, k, :] = blocks[:, k, :, j, :].transpose(1, 2)
        blocks[:, k, :, k, :] += torch.diag(penalised)
    if n_outputs > 1:
        # adding the same to the weights of every class changes no probability; where no penalty decides, a
        # curvature along just these directions leaves Newton's step as it is and the matrix regular
        free = torch.diag((penalised == 0).to(theta.dtype)) / n_outputs
        blocks += free[None, :, None, :]
    return _Point(
        theta=theta,
        value=loss / n_rows + 0.5 * float((penalised * theta.square()).sum()),
        gradient=gradient / n_rows + penalised * theta,
        hessian=_descending(*blocks.view(len(kinds), n_outputs * n_columns, -1)),
        separates=margin > 0,
        radius=radius,
    )


def _descending(observed: Tensor, expected: Tensor | None = None) -> Tensor:
    """Return the observed Hessian where it has no negative curvature beyond rounding, else the expected one."""
    if expected is None:
        return observed
    # the units of the columns must not decide
    unit = expected.diagonal().sqrt()
    unit = torch.where(unit > 0, unit, 1.0)
    smallest, largest = torch.linalg.eigvalsh(observed / unit / unit[:, None])[[0, -1]].tolist()
    return observed if smallest > -CURVED * largest else expected


def _solve(hessian: Tensor, gradient: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(hessian)
    if not failed:
        return torch.cholesky_solve(gradient[:, None], factor)[:, 0]
    values, vectors = torch.linalg.eigh(hessian)
    inverse = torch.where(values > CURVED * values[-1], 1 / values, 0.0)
    return torch.mv(vectors, inverse * torch.mv(vectors.t(), gradient))
