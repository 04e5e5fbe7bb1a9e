"""How far every run of a stack is from the optimum of its own objective."""

from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor

from onelayer.model.linear import logits_of
from onelayer.model.objectives import Objective
from onelayer.model.reference import Reference, penalty, second_moment, solve, value

# the objective is a mean of rounded numbers: a smaller difference is none
ROUNDING = 8 * torch.finfo(torch.float64).eps

# by objective, penalty, outputs and bias
Solved = dict[tuple[str, float, int, bool], Reference]
# logits at a time: those of thousands of runs on many rows would not fit
CHUNK = 2**23


class Truth:
    """Measures the train rows for all runs, in float64 whatever the runs train in.

    ``gap = f(theta) - f*`` and ``rel_gap = gap / (f(0) - f*)``: 1 at zero weights, 0 at the optimum. Squared loss has

        f(theta) - f* = 1/2 (theta - theta*)' H (theta - theta*)

    exactly, with H the Hessian of the objective. This needs no pass over the rows, and keeps its digits near the
    optimum, where the difference of two losses has none left.

    Args:
        x: (rows, n_features) float64, the train rows.
        y: their target, as the objective wants it.
        objective: the loss.
        l2: the penalty of each run.
        n_outputs: columns of the logits.
        bias: whether theta has a bias column.
        known: (outputs, columns), the weights that made the data, where they are known.
        solved: references that are known of these rows; those found now are added.

    Attributes:
        references: the optimum of each run.
        start: the objective at zero weights, (1,).
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        objective: Objective,
        l2: Sequence[float],
        *,
        n_outputs: int = 1,
        bias: bool = True,
        known: Tensor | None = None,
        solved: Solved | None = None,
    ) -> None:
        self.x, self.y, self.objective, self.known = x, y, objective, known
        solved = {} if solved is None else solved
        problems = [(objective.name, one, n_outputs, bias) for one in l2]
        for problem in problems:
            if problem not in solved:
                solved[problem] = solve(x, y, objective, problem[1], n_outputs=n_outputs, bias=bias)
        self.references: list[Reference] = [solved[problem] for problem in problems]
        self._l2 = torch.tensor(l2, dtype=torch.float64)
        self._best = torch.tensor([reference.value for reference in self.references], dtype=torch.float64)
        found = [reference.theta for reference in self.references if reference.theta is not None]
        self.start = value(x.new_zeros(1, n_outputs, x.shape[1] + bias), x, y, objective, 0.0)
        self._optimum: Tensor | None = None
        if objective.quadratic and len(found) == len(self.references):
            self._optimum = torch.stack(found)
            # centred: the second moment of columns far from zero would lose the digits that their spread needs
            self._mean = x.mean(0)
            self._covariance = second_moment(x - self._mean, bias=False)

    def take(self, runs: Sequence[int]) -> "Truth":
        """Return the same truth for some of the runs."""
        taken = copy(self)
        taken.references = [self.references[run] for run in runs]
        taken._l2, taken._best = self._l2[runs], self._best[runs]
        taken._optimum = None if self._optimum is None else self._optimum[runs]
        return taken

    def measure(self, theta: Tensor) -> dict[str, Tensor]:
        """Measure (runs, outputs, columns).

        Returns:
            (runs,) for each of ``loss``, ``objective``, ``gap``, ``rel_gap``, NaN where there is no reference; and
            where the weights that made the data are known, ``weight_error``, the relative distance to them.
        """
        # Apple's GPU has no float64
        device = torch.device("cpu") if theta.device.type == "mps" else theta.device
        theta = theta.to(device).double()
        self._to(device)
        charge = penalty(theta, self.x.shape[1], self._l2)
        if self._optimum is not None:
            gap = self._squared_gap(theta - self._optimum)
            objective = self._best + gap
            # a rounding of the last digit must not show as a negative loss
            loss = (objective - charge).clamp(min=0.0)
        else:
            loss = torch.cat([self.objective.loss(logits_of(few, self.x), self.y).mean(-1) for few in self._few(theta)])
            objective = loss + charge
            gap = objective - self._best
            gap = torch.where(gap.abs() <= ROUNDING * objective, 0.0, gap)
        values = {"loss": loss, "objective": objective, "gap": gap, "rel_gap": gap / (self.start - self._best)}
        if self.known is not None:
            error, scale = theta - self.known, self.known
            if self.objective.task == "multiclass":  # only differences between classes show in the probabilities
                error, scale = error - error.mean(1, keepdim=True), scale - scale.mean(0)
            values["weight_error"] = error.norm(dim=(1, 2)) / scale.norm()
        return values

    def _few(self, theta: Tensor) -> Sequence[Tensor]:
        """Cut (runs, outputs, columns) so that the logits of each part fit into memory."""
        return torch.split(theta, max(1, CHUNK // (len(self.x) * theta.shape[1])))

    def _squared_gap(self, away: Tensor) -> Tensor:
        """Return the gap at some distance from the optimum, (runs,): the mean of squared outputs, and the penalty."""
        weight, bias = away[..., : self.x.shape[1]], away[..., self.x.shape[1] :].sum(-1)
        spread = ((weight @ self._covariance) * weight).sum((1, 2))
        level = (weight @ self._mean + bias).square().sum(1)
        return spread + level + penalty(away, self.x.shape[1], self._l2)

    def _to(self, device: torch.device) -> None:
        if self.x.device == device:
            return
        for name, item in vars(self).items():
            if isinstance(item, Tensor):
                setattr(self, name, item.to(device))
