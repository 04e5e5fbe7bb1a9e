"""How far every run of a stack is from the optimum of its own objective."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from onelayer.linalg import Piece, logits_of, pieces, total
from onelayer.optimum.reference import Solver, penalty
from onelayer.optimum.result import Reference
from onelayer.protocols import LogitMap

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
        solver: knows the train rows, the objective and its optima.
        l2: the penalty of each run.
        architecture: how weights give logits; None: by the one layer that the solver knows the optimum of.
        known: (outputs, columns), the weights that made the data, where they are known.
        solved: references that are known of these rows; those found now are added.

    Attributes:
        references: the optimum of each run.
        start: the objective at zero weights, (1,).
    """

    def __init__(
        self,
        solver: Solver,
        l2: Sequence[float],
        *,
        architecture: LogitMap | None = None,
        known: Tensor | None = None,
        solved: Solved | None = None,
    ) -> None:
        self.part, self.objective, self.known = solver.part, solver.objective, known
        self.architecture = architecture or _OneLayer(solver.part.n_features, solver.n_outputs)
        solved = {} if solved is None or self.architecture.unsolved else solved
        problems = [(solver.objective.name, one, solver.n_outputs, solver.bias) for one in l2]
        for problem in problems:
            if problem not in solved:
                unsolved = self.architecture.unsolved
                solved[problem] = Reference(None, note=unsolved) if unsolved else solver.solve(problem[1])
        self.references: list[Reference] = [solved[problem] for problem in problems]
        self._l2 = torch.tensor(l2, dtype=torch.float64)
        self._best = torch.tensor([reference.value for reference in self.references], dtype=torch.float64)
        found = [reference.theta for reference in self.references if reference.theta is not None]
        self.start = torch.tensor([solver.at_zero()], dtype=torch.float64)
        self._optimum: Tensor | None = None
        if self.objective.quadratic and len(found) == len(self.references):
            self._optimum = torch.stack(found)
            moments = solver.moments
            # centred: moments about zero of columns far from it would lose the digits that their spread needs
            self._mean = torch.from_numpy(moments.x_mean)
            self._root = torch.from_numpy(moments.triangle / moments.n_rows**0.5)

    @property
    def unmeasured(self) -> bool:
        """Whether zero weights are the optimum of a run, so that there is no way to it to measure."""
        return bool((self.start - self._best <= ROUNDING * self.start).any())

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
        charge = 0.5 * self._l2 * self.architecture.squared_norm(theta)
        if self._optimum is not None:
            gap = self._squared_gap(theta - self._optimum)
            objective = self._best + gap
            # a rounding of the last digit must not show as a negative loss
            loss = (objective - charge).clamp(min=0.0)
        else:
            loss = self._loss(theta)
            objective = loss + charge
            gap = objective - self._best
            gap = torch.where(gap.abs() <= ROUNDING * objective, 0.0, gap)
        values = {"loss": loss, "objective": objective, "gap": gap, "rel_gap": gap / (self.start - self._best)}
        if self.known is not None:
            error, scale = theta - self.known, self.known
            if self.objective.link.per_class:  # only differences between classes show in the probabilities
                error, scale = error - error.mean(1, keepdim=True), scale - scale.mean(0)
            values["weight_error"] = error.norm(dim=(1, 2)) / scale.norm()
        return values

    def _loss(self, theta: Tensor) -> Tensor:
        """Return the mean loss of (runs, outputs, columns), (runs,), a few runs at a time."""
        sums = torch.zeros_like(theta[:, 0, 0])
        for rows in self.part.chunks(theta.device):
            for piece in pieces(Piece(rows.x, rows.y, rows.weight)):
                few = torch.split(theta, max(1, CHUNK // (len(piece.y) * self.architecture.width)))
                logits = (self.architecture.logits(one, piece.x) for one in few)
                sums += torch.cat([total(self.objective.loss(one, piece.y), piece.weight) for one in logits])
        return sums / len(self.part)

    def _squared_gap(self, away: Tensor) -> Tensor:
        """Return the gap at some distance from the optimum, (runs,): the mean of squared outputs, and the penalty."""
        n_features = self.part.n_features
        weight, bias = away[..., :n_features], away[..., n_features:].sum(-1)
        spread = (weight @ self._root.t()).square().sum((1, 2))
        level = (weight @ self._mean + bias).square().sum(1)
        return spread + level + penalty(away, n_features, self._l2)

    def _to(self, device: torch.device) -> None:
        if self._l2.device == device:
            return
        for name, item in vars(self).items():
            if isinstance(item, Tensor):
                setattr(self, name, item.to(device))


@dataclass(frozen=True)
class _OneLayer:
    """What the solver knows the optimum of: outputs that are linear in x."""

    n_features: int
    width: int
    unsolved = ""

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        return logits_of(theta, x)

    def squared_norm(self, theta: Tensor) -> Tensor:
        return theta[..., : self.n_features].square().sum((-2, -1))
