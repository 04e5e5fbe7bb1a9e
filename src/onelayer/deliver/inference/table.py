"""The table of coefficients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from onelayer.deliver.inference.basis import Basis
from onelayer.deliver.inference.rows import Array
from onelayer.links import IDENTITY, Link

NO_INFORMATION = "singular: at these coefficients some directions bear no information, so there are no standard errors"
EXTREME = 1e-10  # a probability that is as near to 0 or 1 is taken for it
PROBABILITIES = "fitted probabilities"
FAR = 1e-2  # standard errors from the optimum, beyond which the first digits of the table are touched


@dataclass(frozen=True)
class Table:
    """Coefficients in original units, one per column, and how well they are known.

    Attributes:
        names: of the columns.
        coef: (columns,); 0 for an aliased column, with what it carried in the coefficients of the others.
        std_err: (columns,); NaN for an aliased column, or where it is not defined.
        statistic: (columns,), coef / std_err.
        p: (columns,), two-sided.
        low, high: (columns,), Wald interval.
        covariance: (columns, columns) of coef, that std_err is the root diagonal of.
        estimator: of the covariance: "classical" (least squares), "expected" or "observed" information, or "HC0" to
            "HC3".
        kind: distribution of the statistic, "t" with `stats["df_residual"]` degrees of freedom, or "z".
        level: of the interval.
        link: what the logits say.
        stats: of the fit, by R's terms.
        cautions: sentences that say why the table does not hold, or not quite; empty where it does.
        aliased: indices of the columns that are combinations of others.
    """

    names: tuple[str, ...]
    coef: Array
    std_err: Array
    statistic: Array
    p: Array
    low: Array
    high: Array
    covariance: Array
    estimator: str
    kind: Literal["t", "z"]
    level: float
    link: Link
    stats: Mapping[str, float]
    cautions: tuple[str, ...]
    aliased: tuple[int, ...] = ()

    @property
    def odds_ratio(self) -> tuple[Array, Array, Array] | None:
        """Odds ratios with their interval, (columns,) each; None where coefficients are no log-odds."""
        if not self.link.is_log_odds:
            return None
        with np.errstate(over="ignore"):
            return np.exp(self.coef), np.exp(self.low), np.exp(self.high)


def tabulate(
    basis: Basis,
    b: Array,
    root: Array,
    *,
    estimator: str,
    kind: Literal["t", "z"],
    level: float,
    link: Link,
    stats: Mapping[str, float],
    cautions: tuple[str, ...],
) -> Table:
    """Fill the table.

    Args:
        basis: the scaled columns.
        b: (kept,), the coefficients of those.
        root: (kept, any), with root root' the covariance of b.
        estimator: of the covariance.
        kind: distribution of the statistic.
        level: of the interval.
        link: of the model.
        stats: of the fit.
        cautions: sentences.

    Raises:
        ValueError: the level is not within (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level} is not between 0 and 1")
    width, kept = len(basis.shift), np.array(basis.kept, dtype=np.intp)
    coef = basis.back @ b
    if basis.rows.constant is not None:
        coef[basis.rows.constant] += basis.y_shift if link is IDENTITY else 0.0
    whole = basis.back @ root
    covariance = np.full((width, width), np.nan)
    covariance[np.ix_(kept, kept)] = (whole @ whole.T)[np.ix_(kept, kept)]
    std_err = np.full(width, np.nan)
    std_err[kept] = np.linalg.norm(whole[kept], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = coef / std_err
    if kind == "t":
        df = stats["df_residual"] if stats["df_residual"] > 0 else np.nan
        p, reach = 2 * stdtr(df, -np.abs(statistic)), stdtrit(df, (1 + level) / 2)
    else:
        p, reach = 2 * ndtr(-np.abs(statistic)), ndtri((1 + level) / 2)
    return Table(
        names=basis.rows.names,
        coef=coef,
        std_err=std_err,
        statistic=statistic,
        p=p,
        low=coef - reach * std_err,
        high=coef + reach * std_err,
        covariance=covariance,
        estimator=estimator,
        kind=kind,
        level=level,
        link=link,
        stats=stats,
        cautions=cautions,
        aliased=tuple(basis.aliased),
    )


def separated(no_optimum: str) -> str:
    """Say what it means that there is no finite optimum, given why."""
    return f"separated: {no_optimum}; standard errors of what would grow without end mean nothing"


def extreme_rows(count: int, ends: str) -> str:
    """Say what rows that are fitted without a doubt mean, where classes are not separated (Hauck & Donner, 1977)."""
    return (
        f"{PROBABILITIES} are {ends} within {EXTREME:g} in {count} rows, which hardly inform on coefficients: the "
        "statistics of large ones are too small"
    )


def general_cautions(basis: Basis, l2: float, distance: float) -> list[str]:
    """Say what any table may suffer from.

    Args:
        basis: the scaled columns.
        l2: the penalty.
        distance: how many standard errors the coefficients are from the optimum, as Newton's decrement tells.
    """
    said = []
    names, width = basis.rows.names, len(basis.meant)
    if l2 > 0:
        said.append(
            f"penalised: l2 = {l2:g} shrinks the coefficients, and standard errors, tests and intervals are those of "
            "an unpenalised fit, so they do not hold"
        )
    elif distance > FAR:
        said.append(
            f"not at the optimum: the coefficients are {distance:.3g} standard errors from it, all columns taken "
            "together"
        )
    if lost := [j for j in basis.aliased if j in basis.meant]:
        called = ", ".join(f"'{names[j]}'" for j in lost)
        said.append(
            f"rank-deficient: aliased with columns before them are {called}; their coefficients are taken as 0 and "
            "have no standard error"
        )
    if basis.n < width:
        said.append(f"fewer rows than columns: {basis.n:g} rows for {width} columns")
    return said
