"""The exact optimum of a run's own objective in float64, or why there is none; how far weights are from it.

triangle.py     QR of rows in blocks, and the rank of their columns
moments.py      rows as a triangle, of which squared losses need no more
separation.py   whether rows of classes leave a finite optimum
newton.py       the optimum of a smooth loss
result.py       `Reference`: what is known of an optimum
reference.py    `Solver`: all of these together
truth.py        `Truth`: the gap of every run of a stack
"""

from onelayer.optimum.moments import Moments
from onelayer.optimum.reference import Solver
from onelayer.optimum.result import Reference
from onelayer.optimum.truth import Solved, Truth

__all__ = ["Moments", "Reference", "Solved", "Solver", "Truth"]
