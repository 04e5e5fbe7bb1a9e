"""Standard errors, tests and fit statistics of linear, binary and multinomial models, from arrays alone.

rows = Rows.of(x, y, names=names, constant=0)  # or Rows(chunks, names, constant) for rows that come in pieces
table = least_squares(rows)
table = binary(rows, link="probit", coef=trained)
tables = multinomial(rows, 3)
coef = polish(rows, link="probit")
"""

from onelayer.deliver.inference.binary import binary
from onelayer.deliver.inference.linear import least_squares
from onelayer.deliver.inference.multinomial import multinomial
from onelayer.deliver.inference.polish import polish
from onelayer.deliver.inference.rows import Rows
from onelayer.deliver.inference.table import Table

__all__ = ["Rows", "Table", "binary", "least_squares", "multinomial", "polish"]
