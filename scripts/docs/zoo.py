"""Draws the figures and writes the tables of docs/learn/optimizers.md; trains its sweep where it is not given one.

python scripts/docs/zoo.py [FOLDER OF THE SWEEP]
"""

import inspect
import math
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))
from onelayer.estimators.settings import optimizer_defaults  # noqa: E402
from onelayer.model.adapters import SharedOptimizer, adapter_of  # noqa: E402
from onelayer.report.figures.canvas import STYLE, Powers  # noqa: E402
from onelayer.report.records import read_sweep  # noqa: E402
from onelayer.track.stored import read_curves  # noqa: E402

PAGE, IMAGES = ROOT / "docs" / "learn" / "optimizers.md", ROOT / "docs" / "images" / "zoo"
ORDER = (
    *("sgd", "momentum", "nesterov", "asgd", "adagrad", "rmsprop", "adadelta", "adafactor"),
    *("adam", "amsgrad", "adamw", "nadam", "radam", "adamax", "rprop", "lbfgs"),
)
# correlation of neighbouring features -> what it does to the problem, its colour and dash
PROBLEMS: Mapping[str, tuple[str, str, Any]] = {
    "0": ("well conditioned", "#4477AA", "-"),
    "0.95": ("ill conditioned", "#EE6677", (0, (4, 1.2))),
}
DRAWS = ("0", "1", "2")
PROBLEM = (
    *("data=linear", "data.split.val=0", "data.split.test=0", "data.batch_size=full", "data.dtype=float64"),
    *("monitor=train/rel_gap", "trainer.max_epochs=100", "logger=none"),
)
SWEEP = (
    *("-m", "optim=glob(*)", "optim.lr=tag(log,interval(1e-4,10))", "hydra.sweeper.points=26"),
    *(f"data.rho={','.join(PROBLEMS)}", f"data.seed={','.join(DRAWS)}", *PROBLEM),
)
# how torch computes, not what: onelayer refuses those of them that would do nothing here
SWITCHES = ("foreach", "fused", "capturable", "differentiable", "maximize")
HYPHEN = "\u2011"  # at which no line is broken
GAP, FLOOR = "train/rel_gap", 1e-16  # a float64 holds sixteen digits
Rates = Mapping[float, Mapping[str, "End"]]  # learning rate -> draw of the data -> where it ended


class End(NamedTuple):
    """Where a run ended: its relative gap, infinite where it diverged."""

    gap: float
    directory: Path


class Best(NamedTuple):
    """The learning rate with the smallest median gap; of those at the floor, the one nearest to that of conf/optim."""

    lr: float
    gap: float


def ends(sweep: Path) -> dict[tuple[str, str], dict[float, dict[str, End]]]:
    """Return where each run ended, by (optimizer, rho), learning rate and draw of the data."""
    found: dict[tuple[str, str], dict[float, dict[str, End]]] = {}
    for record in read_sweep(sweep):
        its = record.overrides
        gap = record.metrics.get(GAP) if record.status == "done" else None
        rates = found.setdefault((its["optim"], its["data.rho"]), {})
        rates.setdefault(float(its["optim.lr"]), {})[its["data.seed"]] = End(
            math.inf if gap is None else gap, record.directory
        )
    return {key: dict(sorted(rates.items())) for key, rates in found.items()}


def median(draws: Mapping[str, End]) -> float:
    return statistics.median(end.gap for end in draws.values())


def best(name: str, rates: Rates) -> Best:
    usual = optimizer_defaults(name)["lr"]
    found = (Best(lr, median(draws)) for lr, draws in rates.items())
    return min(found, key=lambda one: (max(one.gap, FLOOR), abs(math.log(one.lr / usual))))


def panels(xlabel: str) -> tuple[Figure, dict[str, Axes]]:
    """Return a figure with a panel of equal axes for each optimizer."""
    with mpl.rc_context({**STYLE, "font.size": 12, "xtick.labelsize": 11, "ytick.labelsize": 11}):
        figure = Figure(figsize=(8, 8.6), layout="constrained", facecolor="white")
        grid = figure.subplots(4, 4, sharex=True, sharey=True)
        axes = dict(zip(ORDER, grid.flat, strict=True))
        for name, one in axes.items():
            one.set(xscale="log", yscale="log", ylim=(FLOOR / 3, 30))
            one.set_title(name, fontsize=13, loc="left", pad=4)
            one.tick_params(which="minor", length=0)
            for axis in (one.xaxis, one.yaxis):
                axis.set_major_formatter(Powers())
                axis.set_minor_formatter(Powers(minor_thresholds=(0, 0)))
            one.set_yticks([1, 1e-4, 1e-8, 1e-12, 1e-16])
        figure.supxlabel(xlabel, fontsize=12)
        figure.supylabel("relative gap to the exact optimum", fontsize=12)
    return figure, axes


def draw_sensitivity(found: Mapping[tuple[str, str], Rates]) -> Figure:
    figure, axes = panels("learning rate")
    for (name, rho), rates in found.items():
        _, color, dash = PROBLEMS[rho]
        there = {lr: median(draws) for lr, draws in rates.items()}
        finite = {lr: gap for lr, gap in there.items() if gap < math.inf}
        axes[name].plot(
            list(finite), np.clip(list(finite.values()), FLOOR, None), color=color, linestyle=dash, linewidth=1.8
        )
        lost = [lr for lr, gap in there.items() if gap == math.inf]
        axes[name].plot(lost, [7.0 if rho == "0" else 1.8] * len(lost), "x", color=color, markersize=4.5)
        axes[name].set_xticks([1e-4, 1e-2, 1])
    for name, one in axes.items():
        one.axvline(optimizer_defaults(name)["lr"], color="#8a8a8a", linewidth=1, linestyle=":", zorder=0)
    more = [
        Line2D([], [], color="#010101", marker="x", linestyle="none", label="diverged"),
        Line2D([], [], color="#8a8a8a", linestyle=":", label="lr of conf/optim"),
    ]
    _legend(figure, more)
    return figure


def draw_gaps(sweep: Path, found: Mapping[tuple[str, str], Rates]) -> Figure:
    figure, axes = panels("epochs: one step each, of lbfgs up to 20")
    for (name, rho), rates in found.items():
        _, color, dash = PROBLEMS[rho]
        directories = [end.directory for end in rates[best(name, rates).lr].values()]
        curves = [curve.points(GAP) for curve in read_curves(sweep, directories).values()]
        assert len(curves) == len(DRAWS)
        epochs = curves[0][0]
        middle = np.median([gap for _, gap in curves], axis=0)
        axes[name].plot(
            epochs[epochs > 0],
            np.clip(middle[epochs > 0], FLOOR, None),
            color=color,
            linestyle=dash,
            linewidth=1.8,
        )
        axes[name].set_xticks([1, 10, 100])
    _legend(figure, [])
    return figure


def _legend(figure: Figure, more: Iterable[Any]) -> None:
    lines = [
        Line2D([], [], color=color, linestyle=dash, linewidth=1.8, label=text)
        for text, color, dash in PROBLEMS.values()
    ]
    with mpl.rc_context(STYLE):
        figure.legend(handles=[*lines, *more], loc="outside upper left", ncols=4, fontsize=12)


def save(figure: Figure, name: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(IMAGES / f"{name}.svg", metadata={"Date": None, "Creator": None})


def arguments_table() -> str:
    """Return what each file of conf/optim says, and what of it torch would have said otherwise."""
    lines = [
        "| optim= | torch.optim | moves | lr | other arguments | torch's defaults, where others |",
        "|---|---|---|---|---|---|",
    ]
    for name in ORDER:
        its = optimizer_defaults(name)
        kind = its.pop("name")
        cls = getattr(torch.optim, kind)
        signature = inspect.signature(cls).parameters
        lr = its.pop("lr")
        shown = {key: value for key, value in its.items() if key not in SWITCHES}
        torchs = {key: signature[key].default for key in ("lr", *shown)}
        others = {key: value for key, value in torchs.items() if not same(value, {"lr": lr, **shown}[key])}
        moves = "all runs at once" if issubclass(adapter_of(cls), SharedOptimizer) else "each run alone"
        lines.append(f"| {name} | {kind} | {moves} | {text(lr)} | {said(shown)} | {said(others)} |")
    return "\n".join(lines)


def same(one: Any, other: Any) -> bool:
    one, other = (list(value) if isinstance(value, tuple) else value for value in (one, other))
    return bool(one == other)


def said(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"`{key}={text(value)}`" for key, value in arguments.items())


def text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(text, value))}]"
    return value if isinstance(value, str) else f"{float(value):g}"


def results_table(found: Mapping[tuple[str, str], Rates]) -> str:
    """Return the best learning rate of each optimizer on each problem, and how far it came."""
    lines = [
        "| optim= | best lr, well conditioned | gap | best lr, ill conditioned | gap |",
        "|---|---|---|---|---|",
    ]
    for name in ORDER:
        cells = []
        for rho in PROBLEMS:
            lr, gap = best(name, found[name, rho])
            said = "below 1e-16" if gap < FLOOR else f"{gap:.1e}".replace("e-0", "e-")
            cells += [f"{lr:.3g}", said.replace("-", HYPHEN)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def replaced(page: str, name: str, table: str) -> str:
    """Put a table between its two comments."""
    start, end = f"<!-- zoo: {name} -->", f"<!-- end of {name} -->"
    pattern = rf"(?<={re.escape(start)}\n\n).*?(?=\n\n{re.escape(end)})"
    new, count = re.subn(pattern, lambda _: table, page, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{PAGE} needs one {start}, an empty line, the table, an empty line and {end}")
    return new


def train(folder: Path) -> None:
    command = [sys.executable, str(ROOT / "src" / "train.py"), *SWEEP, f"hydra.sweep.dir={folder}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        sweep = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary) / "zoo"
        if len(sys.argv) == 1:
            train(sweep)
        found = ends(sweep)
        save(draw_sensitivity(found), "sensitivity")
        save(draw_gaps(sweep, found), "gaps")
    page = PAGE.read_text("utf-8")
    page = replaced(page, "arguments", arguments_table())
    page = replaced(page, "results", results_table(found))
    PAGE.write_text(page, "utf-8")
    print(results_table(found))


if __name__ == "__main__":
    main()
