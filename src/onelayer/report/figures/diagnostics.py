"""What the winner says of rows that did not train: residuals; ROC and calibration; confusion."""

from typing import Any

import matplotlib as mpl
import numpy as np

from onelayer.links import BinaryLink
from onelayer.report.figures.canvas import COLOURS, GREY, INK, Canvas, Painted, nothing
from onelayer.report.figures.names import name_places
from onelayer.report.gather import Gathered
from onelayer.report.winner import Answers, shortened
from onelayer.track.figures import calibration

NAME, TITLE = "diagnostics", "The winner on rows that it was not trained on"
TRAINED = "The winner on the rows that it was trained on"
# rows that are drawn as dots
DRAWN = 1500
FEW = 60  # of these


def draw(gathered: Gathered) -> Painted:
    """Draw what fits the task."""
    winner = gathered.winner
    if isinstance(winner, str):
        return nothing(NAME, TITLE, f"There is no winner: {winner}.")
    answers = winner.answers
    if isinstance(answers, str):
        return nothing(NAME, TITLE, f"There are no predictions: {answers}.")
    if answers.probability is None:
        return _residuals(answers, gathered.winning, str(winner.artefact.header["target"]))
    if isinstance(winner.artefact.link, BinaryLink):
        return _ranking(answers, gathered.winning, winner.classes)
    return _confusion(answers, gathered.winning, winner.classes)


def _title(answers: Answers) -> str:
    return TRAINED if answers.stage == "train" else TITLE


def _residuals(answers: Answers, winning: str, target: str) -> Painted:
    canvas = Canvas(NAME, (1.0, 1.0), 3.4)
    left, right = canvas.all
    some = np.linspace(0, len(answers.target) - 1, min(DRAWN, len(answers.target))).astype(int)
    truth, said = answers.target[some], answers.value[some]
    dots: dict[str, Any] = {"marker": "o", "linestyle": "none", "markeredgewidth": 0, "alpha": 0.75}
    dots["markersize"] = 4 if len(some) > FEW else 6
    ends = [float(min(truth.min(), said.min())), float(max(truth.max(), said.max()))]
    left.plot(ends, ends, color=GREY, linewidth=1)
    left.plot(truth, said, color=COLOURS[0], **dots)
    left.set(xlabel=f"true {shortened([target], 16)[0]}", ylabel="predicted")
    right.axhline(0, color=GREY, linewidth=1)
    right.plot(said, truth - said, color=COLOURS[0], **dots)
    right.set(xlabel="predicted", ylabel="true − predicted")
    for axes in canvas.all:
        axes.locator_params(nbins=5)
    caption = (
        f"{len(answers.target)} {answers.stage} rows by {winning}. Left: dots on the line are predicted as they are. "
        "Right: residuals without a shape mean that a line is enough; a bow or a fan means that it is not."
    )
    return canvas.drawn(_title(answers), caption)


def _ranking(answers: Answers, winning: str, classes: tuple[str, ...]) -> Painted:
    from sklearn.metrics import roc_auc_score, roc_curve

    assert answers.probability is not None
    positive, truth = answers.probability[:, 1], answers.target == 1
    canvas = Canvas(NAME, (1.0, 1.0), 3.4)
    left, right = canvas.all
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    area = "not defined: one class only"
    if 0 < truth.sum() < len(truth):
        wrong, hit, _ = roc_curve(truth, positive)
        (line,) = left.plot(wrong, hit, color=COLOURS[0])
        area = f"{roc_auc_score(truth, positive):.4g}"
        canvas.point(line, f"area under the curve {area}")
    left.set(xlabel="false positive rate", ylabel="true positive rate")
    right.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    for share, seen, rows in calibration(positive, truth):
        said = f"{rows} rows: predicted {share:.3g} on average, observed {seen:.3g}"
        canvas.dots([share], [seen], [said], right, color=COLOURS[0], marker="o")
    right.set(xlabel="predicted probability", ylabel=f"observed share of {shortened([classes[1]], 14)[0]}")
    caption = (
        f"{len(truth)} {answers.stage} rows by {winning}. Left: ROC of '{classes[1]}', area {area}; the nearer to the "
        "upper left corner, the better. Right: calibration by tenths of the rows; dots on the line are probabilities "
        "to trust."
    )
    return canvas.drawn(_title(answers), caption)


def _confusion(answers: Answers, winning: str, classes: tuple[str, ...]) -> Painted:
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (answers.target.astype(int), answers.value.astype(int)), 1)
    canvas = Canvas(NAME, height=max(4.2, min(7.0, 1.8 + 0.44 * len(classes))))
    axes = canvas.axes
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    shades = mpl.colormaps["viridis"]
    places = [(column, line) for line, column in np.ndindex(*counts.shape)]
    colours = [shades(shares[line, column]) for column, line in places]
    squares = canvas.boxes(
        places,
        colours,
        [
            f"{counts[line, column]} rows of '{classes[line]}' predicted as '{classes[column]}'"
            for column, line in places
        ],
    )
    squares.set(edgecolor=GREY, linewidth=0.4)
    if len(classes) <= 12:
        for (column, line), colour in zip(places, colours, strict=True):
            canvas.write(column, line, str(counts[line, column]), colour)
    names = shortened(classes, 14)
    name_places(axes.xaxis, names)
    name_places(axes.yaxis, names)
    axes.set(xlabel="predicted", ylabel="true", ylim=(len(classes) - 0.5, -0.5), xlim=(-0.5, len(classes) - 0.5))
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.tick_params(length=0, labelcolor=INK)
    hits = int(np.trace(counts))
    caption = (
        f"{len(answers.target)} {answers.stage} rows by {winning}, {hits} of them predicted right. A line is a true "
        "class; the brighter a cell, the larger its share of that class; all is well on the diagonal."
    )
    return canvas.drawn(_title(answers), caption)
