"""The exact optimum of a run's own objective, in float64.

    f(theta) = mean_i loss(y_i, x_i W + b) + l2/2 * ||W||^2

Squared loss: QR with column pivoting on centred columns (LAPACK gelsy), for ridge with sqrt(n l2 / 2) * I below.
Other losses: Newton's method with backtracking (Boyd & Vandenberghe, Convex Optimization, 9.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import lstsq
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack
from torch import Tensor

from onelayer.model.linear import logits_of, pullback
from onelayer.model.objectives import Objective

# rows * (outputs * columns)^2: the work of one Hessian, here about a second of one core
LIMIT = 2e10
ITERATIONS = 100
SECONDS = 30.0  # for the linear programme that settles a doubt about separation


@dataclass(frozen=True)
class Reference:
    """The optimum, or why there is none to compare with.

    Attributes:
        theta: (outputs, n_features [+ 1]) float64; None without a reference.
        value: the objective there; NaN without a reference.
        note: "" for a unique optimum; else what is to be known about it, or why there is none.
    """

    theta: Tensor | None
    value: float
    note: str = ""


def solve(
    x: Tensor, y: Tensor, objective: Objective, l2: float = 0.0, *, n_outputs: int = 1, bias: bool = True
) -> Reference:
    """Find the optimum.

    Args:
        x: (rows, n_features) float64.
        y: as the objective wants it, float64 or int64.
        objective: the loss.
        l2: the penalty.
        n_outputs: columns of the logits.
        bias: whether there is a free constant.
    """
    columns = x.shape[1] + bias
    size = columns if objective.quadratic else columns * n_outputs
    if len(x) * size**2 > LIMIT:
        return Reference(
            None, float("nan"), f"skipped: {len(x)} rows x {size}^2 weights is beyond the limit {LIMIT:.0e}"
        )
    if objective.quadratic:
        return _least_squares(x, y, objective, l2, bias)
    return _newton(x, y, objective, l2, bias, n_outputs)


def value(theta: Tensor, x: Tensor, y: Tensor, objective: Objective, l2: Tensor | float) -> Tensor:
    """Return the objective of (runs, outputs, columns), (runs,)."""
    return objective.loss(logits_of(theta, x), y).mean(-1) + penalty(theta, x.shape[1], l2)


def penalty(theta: Tensor, n_features: int, l2: Tensor | float) -> Tensor:
    """Return l2/2 * ||W||^2 of (runs, outputs, columns), (runs,)."""
    return 0.5 * l2 * theta[..., :n_features].square().sum((1, 2))


def second_moment(x: Tensor, bias: bool) -> Tensor:
    """Return the mean of x' x with the constant column appended, (columns, columns) float64."""
    rows = with_ones(x) if bias else x
    return rows.t() @ rows / len(x)


def with_ones(x: Tensor) -> Tensor:
    """Append the constant column."""
    return torch.cat([x, x.new_ones(len(x), 1)], 1)


def auto_lr(x: Tensor, objective: Objective, l2: Sequence[float], *, bias: bool = True) -> list[float]:
    """Return 1/L for each penalty, with L the largest curvature: the rate at which gradient descent surely descends."""
    largest = float(torch.linalg.eigvalsh(second_moment(x, bias))[-1])
    return [1.0 / (objective.curvature * largest + one) for one in l2]


def _least_squares(x: Tensor, y: Tensor, objective: Objective, l2: float, bias: bool) -> Reference:
    rows, targets = x.numpy(), y.numpy()
    n_rows, n_features = rows.shape
    x_mean = rows.mean(0) if bias else np.zeros(n_features)
    y_mean = targets.mean(0) if bias else np.zeros(targets.shape[1])
    rows, targets = rows - x_mean, targets - y_mean
    if l2:
        rows = np.vstack([rows, np.sqrt(n_rows * l2 / 2) * np.eye(n_features)])
        targets = np.vstack([targets, np.zeros((n_features, targets.shape[1]))])
    # what counts as dependent must not hang on the units of the columns
    norms = np.linalg.norm(rows, axis=0)
    norms[norms == 0] = 1.0
    weight, _, rank, _ = lstsq(rows / norms, targets, cond=1e-13, lapack_driver="gelsy")
    weight = weight / norms[:, None]
    parts = [torch.from_numpy(weight.T.copy())]
    if bias:
        parts.append(torch.from_numpy(y_mean - x_mean @ weight)[:, None])
    theta = torch.cat(parts, 1)
    note = "" if rank == n_features else f"not unique: the features have rank {rank} of {n_features}"
    return Reference(theta, float(value(theta[None], x, y, objective, l2)), note)


def _newton(x: Tensor, y: Tensor, objective: Objective, l2: float, bias: bool, n_outputs: int) -> Reference:
    n_features = x.shape[1]
    if bias and (absent := _absent(y, n_outputs)) is not None:
        return Reference(None, float("nan"), f"no finite optimum: class number {absent} has no train rows")
    columns = with_ones(x) if bias else x
    shape = (1, n_outputs, columns.shape[1])
    penalised = torch.full((columns.shape[1],), l2, dtype=x.dtype)
    penalised[n_features:] = 0.0
    theta, gradient = torch.zeros(shape, dtype=x.dtype), torch.zeros(shape, dtype=x.dtype)
    now = float(value(theta, x, y, objective, l2))
    for _ in range(ITERATIONS):
        logits = logits_of(theta, x)
        if l2 == 0 and _separates(logits[0], y):
            return _no_optimum("the classes are separated")
        pullback(x, objective.residual(logits, y) / len(x), gradient)
        gradient += penalised * theta
        hessian = _hessian(columns, objective.hessian(logits)[0], penalised)
        step = _solve(hessian, gradient.flatten()).view(shape)
        decrement = float((gradient * step).sum())
        size = 1.0
        while not (then := float(value(theta - size * step, x, y, objective, l2))) <= now - 1e-4 * size * decrement:
            size /= 2
            if size < 1e-10:
                break
        improves = size >= 1e-10
        if improves:
            theta, now = theta - size * step, then
        if not improves or decrement < 1e-13 * max(now, 1e-3):  # no step changes f in float64 any more
            if l2 > 0 or _exists(hessian, decrement, columns):
                return Reference(theta[0], now)
            recedes = _recedes(columns, y, n_outputs)
            if recedes is None:
                note = f"skipped: whether the classes are separated in part was not settled in {SECONDS} s"
                return Reference(None, float("nan"), note)
            if recedes:
                return _no_optimum("the classes are separated in part")
            rank = int(torch.linalg.matrix_rank(columns / columns.norm(dim=0).clamp(min=1e-300)))
            unique = rank == columns.shape[1]
            return Reference(theta[0], now, "" if unique else f"not unique: the columns have rank {rank}")
    return Reference(None, float("nan"), f"skipped: Newton's method did not converge in {ITERATIONS} iterations")


def _no_optimum(reason: str) -> Reference:
    return Reference(None, float("nan"), f"no finite optimum: {reason}; set model.l2 above 0")


def _hessian(columns: Tensor, curvature: Tensor, penalised: Tensor) -> Tensor:
    """Assemble the (outputs * columns)-square Hessian from the (rows, outputs, outputs) curvature of the loss."""
    n_outputs, n_columns = curvature.shape[1], columns.shape[1]
    blocks = torch.empty(n_outputs, n_columns, n_outputs, n_columns, dtype=columns.dtype)
    for k in range(n_outputs):
        for j in range(k + 1):
            block = (columns * curvature[:, k, j, None]).t() @ columns / len(columns)
            blocks[k, :, j, :] = block
            blocks[j, :, k, :] = block.t()
        blocks[k, :, k, :] += torch.diag(penalised)
    if n_outputs > 1:
        # adding the same to the weights of every class changes no probability; where no penalty decides, a
        # curvature along just these directions leaves Newton's step as it is and the matrix regular
        free = torch.diag((penalised == 0).to(columns.dtype)) / n_outputs
        blocks += free[None, :, None, :]
    return blocks.view(n_outputs * n_columns, -1)


def _solve(hessian: Tensor, gradient: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(hessian)
    if not failed:
        return torch.cholesky_solve(gradient[:, None], factor)[:, 0]
    values, vectors = torch.linalg.eigh(hessian)
    inverse = torch.where(values > 1e-13 * values[-1], 1 / values, 0.0)
    return torch.mv(vectors, inverse * torch.mv(vectors.t(), gradient))


def _margins(logits: Tensor, y: Tensor) -> Tensor:
    """Return how far each row lies on its own side, (rows,): its logit less the largest of the others."""
    if logits.shape[1] == 1:
        return torch.where(y > 0.5, logits, -logits)[:, 0]
    own = logits.gather(1, y[:, None])
    others = logits.scatter(1, y[:, None], -torch.inf).amax(1, keepdim=True)
    return (own - others)[:, 0]


def _separates(logits: Tensor, y: Tensor) -> bool:
    """Tell whether every row is on its own side: then doubling the weights always lowers the loss."""
    return bool((_margins(logits, y) > 0).all())


def _absent(y: Tensor, n_outputs: int) -> int | None:
    """Find a class without rows: its bias, which is never penalised, would fall for ever."""
    counts = torch.bincount(y.flatten().long(), minlength=max(n_outputs, 2))
    return int(counts.argmin()) if bool((counts == 0).any()) else None


def _exists(hessian: Tensor, decrement: float, columns: Tensor) -> bool:
    """Tell whether a finite optimum is certain from the curvature here.

    The loss is self-concordant in the generalised sense, with R the largest norm of a row: a Newton decrement nu with
    R * nu / sqrt(smallest eigenvalue) below 1/2 proves that the optimum lies close by (Bach, 2010, proposition 2).
    """
    smallest = float(torch.linalg.eigvalsh(hessian)[0])
    radius = float(columns.norm(dim=1).max())
    return smallest > 0 and 2 * radius * (max(decrement, 0.0) / smallest) ** 0.5 < 0.5


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
