"""A summary for the eye, and as plain containers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from onelayer.artefact import INTERCEPT
from onelayer.deliver.inference import Table
from onelayer.deliver.summary.summarise import Summary
from onelayer.terminal.table import Column, print_table

SHORT_NAME = 20  # characters to which the column of names may shrink
ESTIMATORS = {
    "classical": "classical standard errors",
    "expected": "standard errors from the expected information",
    "observed": "standard errors from the observed information",
}


def show(summary: Summary, console: Console) -> None:
    """Print what is doubtful first, then the tables, the fit as a whole, and notes."""
    for line in headlines(summary):
        console.print(Text(line))
    for caution in summary.cautions:
        console.print(Text(f"caution: {caution}", style="yellow"))
    for table, modelled in zip(summary.tables, summary.modelled, strict=True):
        if summary.link.per_class and summary.classes is not None:
            console.print(Text(f"\n{modelled} against {summary.classes[0]}", style="bold"))
        _show_coefficients(summary, table, console)
    _show_odds_ratios(summary, summary.tables[0], console)
    for line in (
        *fit_lines(summary.tables[0].stats, summary.tables[0].estimator),
        *base_lines(summary),
        *summary.notes,
    ):
        console.print(Text(line))


def headlines(summary: Summary) -> list[str]:
    """Say what the tables are of."""
    table, target = summary.tables[0], summary.target
    if summary.classes is None:
        what = f"{target}, least squares"
    elif summary.link.per_class:
        what = f"{target}, multinomial logit"
    else:
        what = f"probability of {target} = {summary.classes[1]}, {summary.link.name}"
    goal = f"optimum under l2 = {summary.l2:g}" if summary.l2 else "optimum"
    of = "as trained" if summary.best_epoch is None else f"of epoch {summary.best_epoch}"
    weights = f"weights {of} ({summary.status} after {summary.epochs} epochs)"
    if summary.polished:
        weights = f"polished: weights at the exact {goal}"
        if np.isfinite(summary.distance.gap):
            weights += f"; the model's are {summary.distance.gap:.3g} above it"
    errors = ESTIMATORS.get(table.estimator, f"robust standard errors, {table.estimator}")
    n, rank = (_count(table.stats[name]) for name in ("n", "rank"))
    return [f"{what}; {n} train rows, {rank} coefficients", weights, errors]


def fit_lines(stats: Mapping[str, float], estimator: str) -> Iterator[str]:
    """Yield the statistics of the whole fit, in lines of less than 80 characters.

    Args:
        stats: of a table.
        estimator: of its covariance, which tests go by where it is robust.
    """
    robust = "" if estimator in ESTIMATORS else f", by {estimator}"
    s = {name: f"{value:.5g}" for name, value in stats.items()}
    s |= {name: _count(stats[name]) for name in ("df_residual", "f_df1", "f_df2", "lr_df", "wald_df") if name in stats}
    if "r_squared" in stats:
        yield f"residual standard error {s['sigma']} on {s['df_residual']} degrees of freedom"
        yield f"R2 {s['r_squared']}, adjusted {s['adj_r_squared']}"
        if stats["f_df1"]:
            yield f"F({s['f_df1']}, {s['f_df2']}) = {s['f_statistic']}, p {_p(stats['f_p'])}{robust}"
    else:
        rest = f" on {s['df_residual']} degrees of freedom" if "df_residual" in s else ""
        yield f"deviance {s['deviance']}{rest}, of the null model {s['null_deviance']}"
        if "wald_df" in stats:  # under robust standard errors
            if stats["wald_df"]:
                yield f"Wald chi2({s['wald_df']}) = {s['wald_chisq']}, p {_p(stats['wald_p'])}{robust}"
        elif stats["lr_df"]:
            yield f"likelihood ratio chi2({s['lr_df']}) = {s['lr_chisq']}, p {_p(stats['lr_p'])}"
        yield f"McFadden's pseudo-R2 {s['mcfadden']}"
    yield f"log-likelihood {s['log_likelihood']}, AIC {s['aic']}, BIC {s['bic']}"
    yield f"condition number {s['condition_number']}"


def base_lines(summary: Summary) -> list[str]:
    """Say what levels of categories are compared with."""
    bases = ", ".join(summary.bases.values())
    return [f"levels are relative to {bases}"] if bases else []


def plain(summary: Summary) -> dict[str, Any]:
    """Return everything as containers of texts and numbers; None for what is not defined."""
    table = summary.tables[0]
    found = {
        "run": str(summary.run),
        "target": summary.target,
        "classes": None if summary.classes is None else list(summary.classes),
        "link": summary.link.name,
        "l2": summary.l2,
        "polished": summary.polished,
        "training": {
            "status": summary.status,
            "epochs": summary.epochs,
            "objective": summary.distance.objective,
            "gap": summary.distance.gap,
            "gradient_norm": summary.distance.gradient,
            "note": summary.distance.note,
        },
        "estimator": table.estimator,
        "statistic": table.kind,
        "level": table.level,
        "coefficients": [
            row
            for one, modelled in zip(summary.tables, summary.modelled, strict=True)
            for row in _rows(summary, one, modelled)
        ],
        "stats": dict(table.stats),
        "bases": dict(summary.bases),
        "cautions": list(summary.cautions),
        "notes": list(summary.notes),
    }
    return {key: _finite(value) for key, value in found.items()}


def _rows(summary: Summary, table: Table, modelled: str | None) -> Iterator[dict[str, Any]]:
    bases = summary.bases.values()
    for place, name in enumerate(table.names):
        role = "estimated" if place not in table.aliased else "base" if name in bases else "aliased"
        row: dict[str, Any] = {"class": modelled} if summary.link.per_class else {}
        row |= {"name": name, "role": role, "coefficient": float(table.coef[place])}
        for key in ("std_err", "statistic", "p", "low", "high"):
            row[key] = float(getattr(table, key)[place])
        if table.odds_ratio is not None:
            keys = ("odds_ratio", "odds_low", "odds_high")
            row |= {key: float(one[place]) for key, one in zip(keys, table.odds_ratio, strict=True)}
        yield row


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else value


def _show_coefficients(summary: Summary, table: Table, console: Console) -> None:
    rows, styles = [], []
    for place, name in _shown(summary, table):
        aliased = place in table.aliased
        styles.append("dim" if aliased else "")
        if aliased:
            rows.append((name, "aliased", *[""] * 5))
            continue
        numbers: list[tuple[float, Callable[[float], str]]] = [
            (table.coef[place], _number),
            (table.std_err[place], _short),
            (table.statistic[place], lambda one: f"{one:.3f}" if abs(one) < 1e4 else _short(one)),
            (table.p[place], _p),
            (table.low[place], _short),
            (table.high[place], _short),
        ]
        rows.append((name, *("-" if np.isnan(one) else write(float(one)) for one, write in numbers)))
    headers = ("", "coefficient", "std. error", table.kind, "p", *_ends(table))
    print_table(_columns(headers, rows, (None, None, 50, 30, 40, 20, 20)), console, styles)


def _show_odds_ratios(summary: Summary, table: Table, console: Console) -> None:
    if table.odds_ratio is None:
        return
    rows = [
        (name, *("-" if np.isnan(one[place]) else _short(one[place]) for one in table.odds_ratio))
        for place, name in _shown(summary, table)
        if place not in table.aliased and name != INTERCEPT
    ]
    if rows:
        print_table(_columns(("", "odds ratio", *_ends(table)), rows, (None, None, 20, 20)), console)


def _columns(headers: Sequence[str], rows: Sequence[Sequence[str]], weights: Sequence[int | None]) -> list[Column]:
    """Numbers are never broken, names may go to a second line."""
    columns = zip(headers, zip(*rows, strict=True), weights, strict=True)
    names, *numbers = [Column(header, cells, weight) for header, cells, weight in columns]
    return [replace(names, numeric=False, least=SHORT_NAME), *numbers]


def _shown(summary: Summary, table: Table) -> Iterator[tuple[int, str]]:
    """Yield the columns but for the bases, which are named below."""
    bases = set(summary.bases.values())
    for place, name in enumerate(table.names):
        if place not in table.aliased or name not in bases:
            yield place, name


def _ends(table: Table) -> tuple[str, str]:
    tail = 50 * (1 - table.level)
    return f"{tail:.4g} %", f"{100 - tail:.6g} %"


def _count(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() else f"{value:.8g}"


def _number(value: float) -> str:
    return f"{value:#.5g}".rstrip(".")


def _short(value: float) -> str:
    return f"{value:#.4g}".rstrip(".")


def _p(value: float) -> str:
    return "<1e-300" if value < 1e-300 else f"{value:#.3g}".rstrip(".")
