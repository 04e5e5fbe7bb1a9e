"""Standard errors, tests and fit statistics of linear, binary and multinomial models, from arrays alone.

Coefficients are given; whether there is an optimum, and where, is for `onelayer.optimum` to say. With `exact`, they are
those of the optimum but for their last digits, and get these by steps of Newton's method.

rows = Rows.of(x, y, names=names, constant=0)  # or Rows(chunks, names, constant) for rows that come in pieces
table = least_squares(rows, coef, exact=True)
table = binary(rows, coef, link="probit")
tables = multinomial(rows, coef)
"""

from onelayer.deliver.inference.binary import binary
from onelayer.deliver.inference.linear import least_squares
from onelayer.deliver.inference.multinomial import multinomial
from onelayer.deliver.inference.rows import Rows
from onelayer.deliver.inference.table import Table

__all__ = ["Rows", "Table", "binary", "least_squares", "multinomial"]
