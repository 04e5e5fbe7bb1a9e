"""The optimum of a smooth convex objective by Newton's method with backtracking (Boyd & Vandenberghe, 9.5)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack
from torch import Tensor

from onelayer.model.linear import logits_of, pullback
from onelayer.model.moments import dense_pieces
from onelayer.model.objectives import Objective
from onelayer.model.rows import Part

ITERATIONS = 100
SECONDS = 30.0  # for the linear programme that settles a doubt about separation
PROGRAMME = 2**24  # numbers of a linear programme; a larger one is not tried
CURVED = 1e-13  # an eigenvalue of a Hessian that is a smaller share of the largest may be but rounding


@dataclass(frozen=True)
class Optimum:
    """Where Newton's method ended.

    Attributes:
        theta: (outputs, columns) float64; None where no optimum was found.
        value: the objective there.
        note: "" for a unique optimum; else what is to be known about it, or why there is none.
    """

    theta: Tensor | None
    value: float = float("nan")
    note: str = ""


@dataclass(frozen=True)
class _Point:
    """What a pass over the rows tells about some weights.

    Attributes:
        theta: (1, outputs, columns).
        value: the objective.
        gradient: (1, outputs, columns).
        hessian: (outputs * columns)-square.
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
    part: Part, objective: Objective, l2: float, *, n_outputs: int, bias: bool, rank: Callable[[], int]
) -> Optimum:
    """Minimise ``mean loss + l2/2 ||W||^2``.

    Args:
        part: the rows.
        objective: the loss.
        l2: the penalty.
        n_outputs: columns of the logits.
        bias: whether there is a free constant.
        rank: of the columns of x, the constant one included; asked for where no penalty decides.
    """
    if bias and (absent := _absent(part, n_outputs)) is not None:
        return Optimum(None, note=f"no finite optimum: class number {absent} has no train rows")
    n_columns = part.n_features + bias
    penalised = torch.full((n_columns,), l2, dtype=torch.float64)
    penalised[part.n_features :] = 0.0

    def visit(theta: Tensor) -> _Point:
        return _visit(theta, part, objective, penalised)

    at = visit(torch.zeros(1, n_outputs, n_columns, dtype=torch.float64))
    for _ in range(ITERATIONS):
        if l2 == 0 and at.separates:
            return _receding("the classes are separated")
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
            if l2 > 0:
                return Optimum(at.theta[0], at.value)
            # where columns are dependent, so many directions change no logit, and no optimum hangs on them
            known = rank()
            flat = (n_columns - known) * max(1, n_outputs - 1)
            if _exists(hessian, decrement, at.radius, flat):
                return Optimum(at.theta[0], at.value, _about(known, n_columns))
            return _doubtful(at, part, n_outputs, bias, known)
    return Optimum(None, note=f"skipped: Newton's method did not converge in {ITERATIONS} iterations")


def _about(rank: int, n_columns: int) -> str:
    return "" if rank == n_columns else f"not unique: the columns have rank {rank}"


def _doubtful(at: _Point, part: Part, n_outputs: int, bias: bool, rank: int) -> Optimum:
    """Settle whether an optimum exists where the curvature does not say so."""
    unsettled = "skipped: whether the classes are separated in part was not settled"
    n_columns = at.theta.shape[2]
    if len(part) * n_columns * n_outputs > PROGRAMME:
        return Optimum(None, note=f"{unsettled}, with {len(part)} rows")
    pieces = []
    for x, y, weight in dense_pieces(part, n_columns):
        counts = slice(None) if weight is None else weight > 0  # a row that counts nothing bounds nothing
        pieces.append((_with_ones(torch.from_numpy(x[counts]), bias), torch.from_numpy(y[counts])))
    columns, targets = torch.cat([x for x, _ in pieces]), torch.cat([y for _, y in pieces])
    recedes = _recedes(columns, targets, n_outputs)
    if recedes is None:
        return Optimum(None, note=f"{unsettled} in {SECONDS} s")
    if recedes:
        return _receding("the classes are separated in part")
    return Optimum(at.theta[0], at.value, _about(rank, n_columns))


def _receding(reason: str) -> Optimum:
    return Optimum(None, note=f"no finite optimum: {reason}; set model.l2 above 0")


def _visit(theta: Tensor, part: Part, objective: Objective, penalised: Tensor) -> _Point:
    """Pass over the rows once, for everything that a step of Newton's method asks."""
    n_outputs, n_columns = theta.shape[1:]
    bias = n_columns > part.n_features
    loss, gradient = 0.0, torch.zeros_like(theta)
    blocks = torch.zeros(n_outputs, n_columns, n_outputs, n_columns, dtype=theta.dtype)
    margin, radius = float("inf"), 0.0
    for x_, y_, weight_ in dense_pieces(part, n_columns * (2 + n_outputs)):
        x, y = torch.from_numpy(x_), torch.from_numpy(y_)
        weight = x.new_ones(len(x)) if weight_ is None else torch.from_numpy(weight_)
        logits = logits_of(theta, x)
        loss += float(objective.loss(logits, y)[0] @ weight)
        share = torch.zeros_like(theta)
        pullback(x, objective.residual(logits, y).mul_(weight[:, None]), share)
        gradient += share
        columns = _with_ones(x, bias)
        curvature = objective.hessian(logits)[0] * weight[:, None, None]
        for k in range(n_outputs):
            for j in range(k + 1):
                blocks[k, :, j, :] += (columns * curvature[:, k, j, None]).t() @ columns
        margin = min(margin, float(_margins(logits[0], y)[weight > 0].min()) if bool((weight > 0).any()) else margin)
        radius = max(radius, float(columns.norm(dim=1).max()))
    n_rows = len(part)
    blocks /= n_rows
    for k in range(n_outputs):
        for j in range(k):
            blocks[j, :, k, :] = blocks[k, :, j, :].t()
        blocks[k, :, k, :] += torch.diag(penalised)
    if n_outputs > 1:
        # adding the same to the weights of every class changes no probability; where no penalty decides, a
        # curvature along just these directions leaves Newton's step as it is and the matrix regular
        free = torch.diag((penalised == 0).to(theta.dtype)) / n_outputs
        blocks += free[None, :, None, :]
    return _Point(
        theta=theta,
        value=loss / n_rows + 0.5 * float((penalised * theta.square()).sum()),
        gradient=gradient / n_rows + penalised * theta,
        hessian=blocks.view(n_outputs * n_columns, -1),
        separates=margin > 0,
        radius=radius,
    )


def _with_ones(x: Tensor, bias: bool) -> Tensor:
    return torch.cat([x, x.new_ones(len(x), 1)], 1) if bias else x


def _solve(hessian: Tensor, gradient: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(hessian)
    if not failed:
        return torch.cholesky_solve(gradient[:, None], factor)[:, 0]
    values, vectors = torch.linalg.eigh(hessian)
    inverse = torch.where(values > CURVED * values[-1], 1 / values, 0.0)
    return torch.mv(vectors, inverse * torch.mv(vectors.t(), gradient))


def _margins(logits: Tensor, y: Tensor) -> Tensor:
    """Return how far each row lies on its own side, (rows,): its logit less the largest of the others."""
    if logits.shape[1] == 1:
        return torch.where(y > 0.5, logits, -logits)[:, 0]
    own = logits.gather(1, y[:, None])
    others = logits.scatter(1, y[:, None], -torch.inf).amax(1, keepdim=True)
    return (own - others)[:, 0]


def _absent(part: Part, n_outputs: int) -> int | None:
    """Find a class without rows: its bias, which is never penalised, would fall for ever."""
    counts = torch.zeros(max(n_outputs, 2), dtype=torch.float64)
    for chunk in part.chunks():
        counts += torch.bincount(chunk.y.flatten().long(), chunk.weight, minlength=len(counts))
    return int(counts.argmin()) if bool((counts == 0).any()) else None


def _exists(hessian: Tensor, decrement: float, radius: float, flat: int) -> bool:
    """Tell whether a finite optimum is certain from the curvature here.

    The loss is self-concordant in the generalised sense, with R the largest norm of a row: a Newton decrement nu with
    R * nu / sqrt(smallest eigenvalue) below 1/2 proves that the optimum lies close by (Bach, 2010, proposition 2).
    Directions that change no logit, `flat` of them, have no curvature anywhere and take no part in this.
    """
    smallest, largest = torch.linalg.eigvalsh(hessian)[[flat, -1]].tolist()
    return bool(smallest > CURVED * largest and 2 * radius * (max(decrement, 0.0) / smallest) ** 0.5 < 0.5)


def _recedes(columns: Tensor, y: Tensor, n_outputs: int) -> bool | None:
    """Look for a direction in which no row's loss rises and some row's falls for ever (Konis, 2007).

    A linear programme: the largest sum of margins under margins >= 0 and weights within [-1, 1]. None where the
    solver found no answer in time.
    """
    rows = (columns / columns.abs().amax(0).clamp(min=1e-300)).numpy()
    if n_outputs == 1:
        margins = csr_array(np.where(y.numpy() > 0.5, rows, -rows))
    else:
        own = np.eye(n_outputs)[y.numpy()]
        pairs = [own - np.eye(n_outputs)[k] for k in range(n_outputs)]
        margins = vstack(
            [csr_array((pair[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)) for pair in pairs], format="csr"
        )
    bounds = np.zeros(margins.shape[0])
    options = {"time_limit": SECONDS}
    found = linprog(-margins.sum(0), A_ub=-margins, b_ub=bounds, bounds=(-1, 1), method="highs", options=options)
    if found.status != 0:
        return None
    # the solver lets a constraint slip by 1e-7; a real direction moves some margin by far more
    return bool((margins @ found.x).max() > 1e-4)
