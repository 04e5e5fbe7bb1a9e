"""One figure at the end of a run: how well it predicts."""

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[np.float64]
TENTHS = 10
POINTS: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 3.5, "markeredgewidth": 0, "alpha": 0.6}


def draw(prediction: Array, target: Array, classes: tuple[str, ...] | None, title: str) -> Figure:
    """Draw the figure that fits the target.

    Args:
        prediction: (rows, outputs), the mean or the probabilities; of two classes that of the second, or both.
        target: (rows,), the number or the class.
        classes: names of the classes; None of a number.
        title: which rows these are.
    """
    figure = Figure(figsize=(9, 4))
    FigureCanvasAgg(figure)
    # room for numbers of six digits; a layout engine would draw everything twice
    figure.subplots_adjust(left=0.1, right=0.97, bottom=0.14, top=0.83, wspace=0.3)
    figure.suptitle(title)
    if classes is None:
        _residuals(figure, prediction[:, 0], target)
    elif prediction.shape[1] == 1:
        _roc_and_calibration(figure, prediction[:, 0], target)
    else:
        _confusion(figure, prediction.argmax(1), target, classes)
    return figure


def to_png(figure: Figure) -> tuple[bytes, tuple[int, int]]:
    """Return a figure as PNG with its (width, height) in pixels."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    width, height = (int(inches * 100) for inches in figure.get_size_inches())
    return buffer.getvalue(), (width, height)


def calibration(positive: NDArray[Any], truth: NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """Return mean prediction, observed share and number of rows for tenths of them, by rising prediction.

    Args:
        positive: (rows,), probabilities.
        truth: (rows,), what came of them.
    """
    order = np.argsort(positive, kind="stable")
    parts = [part for part in np.array_split(order, TENTHS) if len(part)]
    return [(float(positive[part].mean()), float(truth[part].mean()), len(part)) for part in parts]


def _residuals(figure: Figure, prediction: Array, target: Array) -> None:
    left, right = figure.subplots(1, 2)
    ends = [min(prediction.min(), target.min()), max(prediction.max(), target.max())]
    left.plot(ends, ends, color="0.6", linewidth=1)
    left.plot(target, prediction, **POINTS)
    left.set(xlabel="true", ylabel="predicted", title="predicted against true")
    right.axhline(0, color="0.6", linewidth=1)
    right.plot(prediction, target - prediction, **POINTS)
    right.set(xlabel="predicted", ylabel="true - predicted", title="residuals")


def _roc_and_calibration(figure: Figure, probability: Array, target: Array) -> None:
    from sklearn.metrics import roc_curve

    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    if len(np.unique(target)) == 2:
        false_positive, true_positive, _ = roc_curve(target, probability)
        left.plot(false_positive, true_positive)
    left.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    right.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    predicted, observed, _ = zip(*calibration(probability, target == 1), strict=True)
    right.plot(predicted, observed, marker="o")
    right.set(xlabel="predicted probability", ylabel="observed share", title="calibration (tenths of the rows)")


def _confusion(figure: Figure, predicted: NDArray[np.int64], target: Array, classes: tuple[str, ...]) -> None:
    figure.set_layout_engine("constrained")  # names of classes may be long
    axes = figure.subplots(1, 1)
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (target.astype(int), predicted), 1)
    axes.imshow(counts, cmap="Blues")
    for row, column in np.ndindex(*counts.shape):
        shade = "white" if counts[row, column] > counts.max() / 2 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=shade, fontsize=8)
    axes.set_xticks(range(len(classes)), classes, rotation=45 if max(map(len, classes)) > 3 else 0)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted", ylabel="true", title="confusion matrix")
