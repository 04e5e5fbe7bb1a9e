"""A report without a sweep: figures, tables and facts, with every sign in them that HTML could take for its own."""

import io

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from onelayer.report.drawn import Drawn, Listing, Point
from onelayer.report.page.answer import Answer
from onelayer.report.page.answer import Figure as Large

ODD = "a<b> & \"c\" 'd' </script><script>alert(1)</script>"
INK = "#010101"
COLOURS = {"adam": "#0072b2", "sgd": "#d55e00", "lbfgs": "#009e73"}


def svg_of(figure: Figure) -> str:
    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "x"}):
        FigureCanvasSVG(figure).print_svg(file)  # type: ignore[no-untyped-call]
    return file.getvalue().replace(INK, "currentColor")


def curves(name: str, title: str) -> Drawn:
    """Three curves and a marker, all to be pointed at."""
    with rc_context({"text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK}):
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot(facecolor="none")
        figure.patch.set_alpha(0)
        axes.spines[:].set_color(INK)
        x = np.arange(1, 101)
        points = []
        for place, (optim, colour) in enumerate(COLOURS.items()):
            (line,) = axes.plot(x, np.exp(-x / (10 + 10 * place)) + 1e-4 * (place + 1), color=colour, label=optim)
            line.set_gid(f"line-{optim}")
            points.append(Point(f"line-{optim}", f"optim={optim}\ngap {1e-4 * (place + 1):g}"))
        (marker,) = axes.plot([50], [0.5], "o", color="#cc79a7", markersize=9)
        marker.set_gid("marker")
        points.append(Point("marker", f"a marker of {ODD}"))
        axes.set(yscale="log", xlabel="epochs", ylabel="gap to the optimum")
        axes.legend(frameon=False)
        caption = "The lower, the nearer to the exact optimum; point at a curve to see which run it is."
        return Drawn(name, title, caption, svg_of(figure), tuple(points))


def runs(count: int) -> Listing:
    """A row for each run: words, numbers as text, numbers of all sizes, holes, and what HTML might misread."""
    rng = np.random.default_rng(0)
    columns = (
        *("rank", "status", "optim", "optim.lr", "seed", "val/loss", "test/loss", "train/gap", "epochs", "seconds"),
        *("directory", ODD, "command"),
    )
    rows = []
    for number in range(count):
        optim, lr = list(COLOURS)[number % 3], ("0.1", "0.01", "1e-3", "0.5")[number // 3 % 4]
        bad = number % 17 == 16
        loss = None if bad else float(rng.lognormal(0, 1))
        gap = None if loss is None else loss * 10.0 ** -float(rng.integers(0, 9))
        told = f"optim={optim},optim.lr={lr},seed={number}"
        rows.append(
            (
                *(None if bad else number + 1, "diverged" if bad else "done", optim, lr, number, loss),
                *(None if loss is None else loss * 1.1, gap, 100 if not bad else 1, float(rng.uniform(0.1, 0.2))),
                *(told, ODD if number == 3 else None, f"python src/train.py {told.replace(',', ' ')} data='x <y>.csv'"),
            )
        )
    return Listing("runs", "Runs", "One row for each run, as in its result.json.", columns, tuple(rows))


FAILED = Listing("failed", "Failed runs", "", ("directory", "error"), ((ODD, "no such file"),))
NONE = Listing("none", "Runs without an end", "Those that were cut short.", ("directory",), ())
FACTS = {
    "data": "linear, 300 rows × 10 columns; 210 train, 45 validation, 45 test",
    "versions": "python 3.11.7, onelayer 0.1.0, torch 2.13.0+cpu",
    "machine": f"2 cores {ODD}",
    "commands": "\n".join(f"python src/train.py -m optim=adam,sgd seed={n}" for n in range(3)),
}
ANSWER = Answer(
    "optim=adam optim.lr=0.1",
    (
        "It has the lowest val/loss of 40 configurations: 0.41235 ± 0.0031 over 3 seeds.",
        "The next one, optim=sgd optim.lr=0.5, is 0.0021 behind, with a 95% interval of 0.0004 to 0.0038 over 3 pairs: "
        "the two are told apart.",
        "On the test rows, which chose nothing, test/loss is 0.45012 ± 0.004.",
        f"Of 120 runs, 113 done, 7 diverged. {ODD}",
    ),
    (
        Large("val/loss", "0.41235", 0.41234567891),
        Large("test/loss", "0.45012", 0.4501234567),
        Large("runs", "120", 120),
    ),
    f"python src/train.py optim=adam optim.lr=0.1 seed=2 data=table data.path='{ODD}'",
)


def drawn() -> list[Drawn]:
    return [
        curves("gap-epochs", "Gap to the optimum against epochs"),
        curves("gap-seconds", f"Against seconds {ODD}"),
        curves("profile", "Performance profile"),
        Drawn("coefficients", "Coefficients", "The model has 784 columns; there is no room for them.", "", ()),
    ]


def listings(count: int = 120) -> list[Listing]:
    return [runs(count), FAILED, NONE]
