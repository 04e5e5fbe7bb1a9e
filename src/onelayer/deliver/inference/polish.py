"""The exact optimum in float64."""

from functools import partial

import numpy as np

from onelayer.deliver.inference.ascent import climb
from onelayer.deliver.inference.basis import Basis
from onelayer.deliver.inference.likelihood import visit
from onelayer.deliver.inference.linear import checked, optimum
from onelayer.deliver.inference.links import LINKS, Link
from onelayer.deliver.inference.rows import Array, Rows


def polish(rows: Rows, *, link: str = "identity", start: Array | None = None) -> Array:
    """Return the coefficients (columns,) of the unpenalised optimum; 0 for aliased columns.

    Args:
        rows: x, y and weights, passed over several times.
        link: "identity" for least squares, or that of a binary model.
        start: (columns,), where to go from, which only a binary model has a use for; None: zero.

    Raises:
        ValueError: there is no such link, or the rows make no sense.
    """
    basis = Basis.fit(rows)
    if link == "identity":
        coef = basis.back @ optimum(basis)
        if rows.constant is not None:
            coef[rows.constant] += basis.y_shift
        return np.asarray(coef)
    begin = np.zeros(len(basis.kept)) if start is None else basis.scaled(checked(start, rows))
    return np.asarray(basis.back @ climb(partial(visit, basis, link_of(link)), begin).b)


def link_of(link: str) -> Link:
    """Find a link by its name.

    Raises:
        ValueError: there is none.
    """
    if link not in LINKS:
        raise ValueError(f"link={link!r} is none of {', '.join(LINKS)}")
    return LINKS[link]
