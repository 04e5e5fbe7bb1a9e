"""The exact optimum of a run's own objective, in float64.

    f(theta) = mean_i loss(y_i, x_i W + b) + l2/2 * ||W||^2

Squared loss: from the triangle of the rows (`moments`), by QR with column pivoting (LAPACK gelsy), for ridge with
sqrt(n l2 / 2) * I below. Other losses: Newton's method. Both pass over the rows and never hold all of them.
Where the loss is not convex, the reference is the optimum that Newton's method finds from zero weights.
"""

from collections.abc import Sequence
from functools import cached_property, partial

import numpy as np
import torch
from scipy.linalg import lstsq
from torch import Tensor

from onelayer.linalg import logits_of, pullback, total
from onelayer.optimum.moments import Moments
from onelayer.optimum.newton import newton
from onelayer.optimum.result import Reference
from onelayer.optimum.separation import NO_OPTIMUM, absent
from onelayer.optimum.triangle import ALIASED, Array, independent
from onelayer.protocols import Loss, Part
from onelayer.threads import one_thread

# rows * (outputs * columns)^2: the work of one Hessian, here about a second of one core
LIMIT = 2e10
# weights of several classes: where no penalty makes sure of an optimum, looking for one takes minutes beyond
UNSURE = 700


class Solver:
    """Finds optima of objectives on the same rows; what they share is computed once.

    Args:
        part: the rows.
        objective: the loss.
        n_outputs: columns of the logits.
        bias: whether there is a free constant.
        classes: their names, for what is told; none: they are numbered.
    """

    def __init__(
        self,
        part: Part,
        objective: Loss,
        *,
        n_outputs: int = 1,
        bias: bool = True,
        classes: Sequence[str] | None = None,
    ) -> None:
        self.part, self.objective, self.n_outputs, self.bias = part, objective, n_outputs, bias
        self.classes = classes

    @cached_property
    def moments(self) -> Moments:
        """Of the rows; about zero without a bias."""
        found = Moments.of(self.part, with_y=self.objective.quadratic)
        return found if self.bias else found.about_zero()

    @one_thread()
    def solve(self, l2: float, *, start: Tensor | None = None, patient: bool = False) -> Reference:
        """Find the optimum under a penalty.

        Args:
            l2: the penalty.
            start: (outputs, columns); where the loss is not convex, go from there, too, and take the lower optimum.
            patient: however long it takes.
        """
        columns = self.part.n_features + self.bias
        size = columns if self.objective.quadratic else columns * self.n_outputs
        if len(self.part) * size**2 > LIMIT and not patient:
            work = f"{len(self.part)} rows x {size}^2 weights is beyond the limit {LIMIT:.0e}"
            why = f"skipped: {work}; there would be one of fewer columns"
            return Reference(None, note=why)
        if self.objective.quadratic:
            return self._least_squares(l2)
        of_classes = self.objective.of_classes
        if self.bias and of_classes and (missing := absent(self.part, self.n_outputs)) is not None:
            name = missing if self.classes is None else f"'{self.classes[missing]}'"
            return Reference(None, note=f"{NO_OPTIMUM}: class {name} has no train rows")
        if l2 == 0 and self.n_outputs > 1 and size > UNSURE and not patient:
            why = f"skipped: without model.l2, {size} weights are beyond the limit {UNSURE}; with it there would be one"
            return Reference(None, note=why)
        minimum = partial(newton, self.part, l2=l2, n_outputs=self.n_outputs, bias=self.bias, rank=self._rank)
        unsure = l2 == 0 and of_classes  # which alone can be separated
        if unsure and not self.objective.self_concordant:
            # has an optimum on the same rows, and can be certified
            canonical = minimum(self.objective.canonical, unsure=True)
            if canonical.theta is None:
                return canonical
            unsure = False
        found = minimum(self.objective, unsure=unsure)
        if start is None or self.objective.convex or found.theta is None:
            return found
        other = minimum(self.objective, unsure=False, start=start)
        return other if other.theta is not None and other.value < found.value else found

    @one_thread()
    def auto_lr(self, l2: Sequence[float]) -> list[float]:
        """Return 1/L for each penalty, with L the largest curvature: gradient descent surely descends at this rate."""
        largest = self._largest()
        return [1.0 / (self.objective.curvature * largest + one) for one in l2]

    @one_thread()
    def at_zero(self) -> float:
        """Return the objective at zero weights."""
        if self.objective.quadratic and "moments" in vars(self):
            moments = self.moments
            spread = np.square(moments.projected).sum() + np.square(moments.rest).sum()
            return float(spread / moments.n_rows + np.square(moments.y_mean).sum())
        theta = torch.zeros(1, self.n_outputs, self.part.n_features + self.bias, dtype=torch.float64)
        losses = ((self.objective.loss(logits_of(theta, rows.x), rows.y), rows.weight) for rows in self.part.chunks())
        return sum(float(total(loss, weight)) for loss, weight in losses) / len(self.part)

    def _rank(self) -> int:
        return self.moments.rank + self.bias

    def _largest(self) -> float:
        columns = self.part.n_features + self.bias
        if len(self.part) * columns**2 <= LIMIT:
            return self.moments.largest(bias=self.bias)
        from scipy.sparse.linalg import LinearOperator, eigsh

        def product(v: Array) -> Array:
            found = np.zeros(columns)
            weight, bias = v.ravel()[: self.part.n_features], v.ravel()[self.part.n_features :].sum()
            for rows in self.part.chunks():
                z = torch.mv(rows.x, torch.from_numpy(weight.copy())) + bias
                z = z if rows.weight is None else z * rows.weight
                found[: self.part.n_features] += torch.mv(rows.x.t(), z).numpy()
                found[self.part.n_features :] += float(z.sum())
            return found / len(self.part)

        operator = LinearOperator((columns, columns), matvec=product, dtype=np.float64)
        # from a vector that is no eigenvector by chance, the same each time
        start = np.random.default_rng(0).standard_normal(columns)
        return float(eigsh(operator, k=1, which="LA", return_eigenvectors=False, v0=start)[0])

    def _least_squares(self, l2: float) -> Reference:
        moments = self.moments
        n_features = len(moments.x_mean)
        rows, targets = moments.triangle, moments.projected
        if l2:
            rows = np.concatenate([rows, np.sqrt(moments.n_rows * l2 / 2) * np.eye(n_features)])
            targets = np.concatenate([targets, np.zeros((n_features, targets.shape[1]))])
        # what counts as dependent must not hang on the units of the columns
        norms = np.linalg.norm(rows, axis=0)
        norms[norms == 0] = 1.0
        # the penalty's share of a column is its own
        certain = l2 > 0 and bool((np.sqrt(moments.n_rows * l2 / 2) > ALIASED * norms).all())
        rank = n_features if certain else len(independent(rows))
        # of several solutions, gelsy gives the shortest
        cond = ALIASED if rank < n_features else np.finfo(np.float64).tiny
        weight, *_ = lstsq(rows / norms, targets, cond=cond, lapack_driver="gelsy")
        weight = weight / norms[:, None]
        parts = [weight.T]
        if self.bias:
            parts.append((moments.y_mean - moments.x_mean @ weight)[:, None])
        residual = targets - rows @ weight
        left = np.linalg.norm(residual) ** 2 + np.linalg.norm(moments.rest) ** 2
        note = "" if rank == n_features else f"not unique: the features have rank {rank} of {n_features}"
        cosines = np.abs((rows / norms).T @ residual) / np.sqrt(max(float(left), np.finfo(np.float64).tiny))
        certificate = float(cosines.max(initial=0.0))
        return Reference(torch.from_numpy(np.concatenate(parts, 1)), float(left) / moments.n_rows, note, certificate)


def gradient(theta: Tensor, part: Part, objective: Loss, l2: float) -> Tensor:
    """Return the gradient of the objective by theta (1, outputs, columns), of its shape."""
    result, share = torch.zeros_like(theta), torch.zeros_like(theta)
    for rows in part.chunks():
        residual = objective.residual(logits_of(theta, rows.x), rows.y)
        if rows.weight is not None:
            residual *= rows.weight[:, None]
        pullback(rows.x, residual, share)
        result += share
    result /= len(part)
    result[..., : part.n_features] += l2 * theta[..., : part.n_features]
    return result


def penalty(theta: Tensor, n_features: int, l2: Tensor | float) -> Tensor:
    """Return l2/2 * ||W||^2 of (runs, outputs, columns), (runs,)."""
    return 0.5 * l2 * theta[..., :n_features].square().sum((1, 2))
