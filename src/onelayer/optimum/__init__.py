"""The exact optimum of a run's own objective in float64, or why there is none; how far weights are from it.

moments.py      the rows as a triangle, which squared losses need no more of
separation.py   whether rows of classes leave a finite optimum
newton.py       the optimum of a smooth loss
reference.py    `Solver`: all of these together
truth.py        `Truth`: the gap of every run of a stack
"""

from onelayer.optimum.moments import Moments
from onelayer.optimum.reference import Reference, Solver
from onelayer.optimum.truth import Solved, Truth

__all__ = ["Moments", "Reference", "Solved", "Solver", "Truth"]
