"""The plane, or the line, in the space of all weights over which a landscape is drawn."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelayer.artefact import INTERCEPT
from onelayer.errors import UserError, did_you_mean
from onelayer.threads import one_thread

Array = NDArray[Any]
FLAT = 1e-9  # a second direction that is so much shorter than the first one is rounding


@dataclass(frozen=True)
class Plane:
    """``origin + sum_d at_d * directions_d``.

    Attributes:
        origin: (outputs, columns).
        directions: (d, outputs, columns) with d 1 or 2, orthonormal.
        labels: of the axes, one for each direction.
        note: what it is, a sentence without its stop.
    """

    origin: Array
    directions: Array
    labels: tuple[str, ...]
    note: str

    def weights(self, at: Array) -> Array:
        """Return the weights (n, outputs, columns) at places (n, d)."""
        theta: Array = self.origin + np.tensordot(at, self.directions, 1)
        return theta

    def project(self, theta: Array) -> Array:
        """Return the places (n, d) nearest to weights (n, outputs, columns)."""
        flat = (theta - self.origin).reshape(len(theta), -1)
        return flat @ self.directions.reshape(len(self.directions), -1).T


def parse_names(text: str) -> tuple[str, ...]:
    """Split names at commas; one that has a comma itself stands in double quotes.

    Raises:
        UserError: there is no name.
    """
    try:
        names = tuple(next(csv.reader([text], skipinitialspace=True), ()))
    except csv.Error as error:
        raise UserError(f"--weights {text!r}: names cannot be read from that ({error})") from None
    if not names:
        raise UserError("--weights '': name one weight, or two; without --weights the main directions are drawn")
    return names


def plane_of_weights(chosen: Sequence[str], names: Sequence[str], base: Array, *, scaled: bool, where: str) -> Plane:
    """Return the plane of two weights, or the line of one.

    Args:
        chosen: their names.
        names: of all weights, in the order of `base` flattened.
        base: (outputs, columns), where all other weights stay.
        scaled: whether they are weights of scaled features.
        where: what `base` is.

    Raises:
        UserError: a name that there is not, one twice, or more than two.
    """
    if not 1 <= len(chosen) <= 2 or len(set(chosen)) < len(chosen):
        raise UserError(f"--weights {','.join(chosen)}: name one weight, or two different ones, such as {_pair(names)}")
    for name in chosen:
        if name not in names:
            hint = did_you_mean(name, names) or f"; there are {', '.join(names[:6])}{', ...' * (len(names) > 6)}"
            raise UserError(f"--weights {name}: there is no such weight{hint}")
    places = [list(names).index(name) for name in chosen]
    flat, directions = base.flatten(), np.zeros((len(places), base.size))
    flat[places] = 0.0  # so that a place is the weight itself
    directions[np.arange(len(places)), places] = 1.0
    others = f"; all other weights are {where}" if len(names) > len(chosen) else ""
    return Plane(
        flat.reshape(base.shape),
        directions.reshape(-1, *base.shape),
        tuple(_label(name, scaled=scaled) for name in chosen),
        f"The {'plane' if len(places) == 2 else 'line'} of {' and '.join(chosen)}{others}",
    )


@one_thread()
def plane_of_paths(theta: Array, base: Array, *, scaled: bool, where: str) -> Plane:
    """Return the plane of the two main directions of paths, or the line of the only one.

    The directions are the first principal components of all points together (Li, Xu, Taylor, Studer & Goldstein,
    Visualizing the loss landscape of neural nets, 2018, section 7).

    Args:
        theta: (points, outputs, columns).
        base: (outputs, columns), through which it goes.
        scaled: whether they are weights of scaled features.
        where: what `base` is.

    Raises:
        UserError: the points are all the same.
    """
    flat = theta.reshape(len(theta), -1)
    _, spread, rows = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    if not spread[0] > 0:
        raise UserError("no weight moved, so there is no main direction; name weights with --weights")
    count = 2 if len(spread) > 1 and spread[1] > FLAT * spread[0] else 1
    rows = rows[:count]
    # the sign is free: the largest component is positive
    rows = rows * np.sign(rows[np.arange(count), np.abs(rows).argmax(axis=1)])[:, None]
    shares = np.square(spread[:count]) / np.square(spread).sum()
    words = ("first", "second") if count == 2 else ("only",)
    labels = tuple(f"{word} main direction ({100 * one:.3g} %)" for word, one in zip(words, shares, strict=True))
    of = "of scaled features" if scaled else "of features"
    what = "plane of the two main directions" if count == 2 else "line of the only direction"
    note = f"The {what} of all paths among weights {of}, through {where.removeprefix('at ')}"
    return Plane(
        base, rows.reshape(-1, *base.shape), labels, f"{note}; it holds {100 * shares.sum():.4g} % of their variance"
    )


def _label(name: str, *, scaled: bool) -> str:
    if name.endswith(INTERCEPT):
        return name
    return f"weight of {name}, scaled" if scaled else f"weight of {name}"


def _pair(names: Sequence[str]) -> str:
    return ",".join(names[:2])
