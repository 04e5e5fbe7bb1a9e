"""Seconds for 200 logistic configurations in 5 folds: onelayer.sweep and scikit-learn's GridSearchCV; and for one fit.

All of them run in one process, in turn, so that a noisy machine disturbs them alike.
"""

import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from machine import write_page
from onelayer.estimators.classifier import OneLayerClassifier
from onelayer.estimators.sweep import sweep

ROUNDS, EPOCHS, FITS = 5, 100, 20
PENALTIES = np.logspace(-4, 1, 200)
X, Y = load_breast_cancer(return_X_y=True)
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)
GRIDS: Mapping[str, Any] = {
    "4 optimizers x 5 lr x 10 l2": {
        "optim": ["sgd", "momentum", "adam", "adamw"],
        "lr": [0.3, 0.1, 0.03, 0.01, 0.003],
        "l2": np.logspace(-4, 1, 10),
    },
    "adam, lr 0.1, 200 l2": {"optim": ["adam"], "lr": [0.1], "l2": PENALTIES},
    "lbfgs, 200 l2": {"optim": ["lbfgs"], "l2": PENALTIES},
}
SEARCH = "GridSearchCV, 200 C"


def swept(grid: Mapping[str, Any]) -> float:
    found = sweep(X, Y, grid=grid, folds=5, max_epochs=EPOCHS)
    assert len(found.runs) == 1000
    return float(found.leaderboard[0]["val/loss"])


def searched() -> float:
    """As anyone would write it; C = 1 / (n l2), with n the rows that train."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    grid = {"logisticregression__C": 1 / (0.8 * len(Y) * PENALTIES)}
    return -float(GridSearchCV(pipeline, grid, cv=FOLDS, scoring="neg_log_loss").fit(X, Y).best_score_)


def fitted(model: Any) -> float:
    for _ in range(FITS):
        model.fit(X, Y)
    return float(model.score(X, Y))


def measure(
    contenders: Mapping[str, Callable[[], float]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    found: dict[str, float] = {}
    for round_ in range(rounds + 1):
        for name, run in contenders.items():
            began = time.perf_counter()
            found[name] = run()
            if round_:  # the first round warms up
                times[name].append(time.perf_counter() - began)
    return times, found


def main() -> None:
    warnings.filterwarnings("ignore")
    contenders: dict[str, Callable[[], float]] = {name: partial(swept, grid) for name, grid in GRIDS.items()}
    times, found = measure({**contenders, SEARCH: searched}, ROUNDS)
    lines = ["| | seconds, median | min - max | GridSearchCV takes | best log-loss |", "|---|---|---|---|---|"]
    for name, taken in times.items():
        ratio = statistics.median(b / a for a, b in zip(taken, times[SEARCH], strict=True))
        which = name if name == SEARCH else f"onelayer.sweep, {name}"
        lines.append(
            f"| {which} | {statistics.median(taken):.2f} | {min(taken):.2f} - {max(taken):.2f} | {ratio:.2f} x | "
            f"{found[name]:.4f} |"
        )
    fits, scores = measure(
        {
            "OneLayerClassifier(l2=0.01)": partial(fitted, OneLayerClassifier(l2=0.01)),
            "OneLayerClassifier(l2=0.01, reference=False)": partial(
                fitted, OneLayerClassifier(l2=0.01, reference=False)
            ),
            "StandardScaler, LogisticRegression": partial(
                fitted, make_pipeline(StandardScaler(), LogisticRegression(C=1 / (0.01 * len(Y))))
            ),
        },
        ROUNDS,
    )
    lines += ["", "| one fit | ms, median | accuracy |", "|---|---|---|"]
    lines += [
        f"| {name} | {statistics.median(taken) / FITS * 1e3:.1f} | {scores[name]:.4f} |" for name, taken in fits.items()
    ]
    setting = (
        f"breast_cancer, {len(Y)} rows x {X.shape[1]} features, 5 folds, 200 configurations: 1000 runs of {EPOCHS} "
        f"epochs each, and the best one on all rows; {ROUNDS} rounds. A sweep measures loss, log-loss, accuracy, f1 "
        "and auroc of each run, GridSearchCV the log-loss.\n"
    )
    said = (
        "\nThe runs of first-order optimizers are one stack a fold. torch's L-BFGS looks at one run at a time, so "
        "there nothing is fused; it ends within 1e-10 of the optimum where LogisticRegression's tolerance is 1e-4.\n"
    )
    write_page(
        "estimators",
        "Sweeps and fits in memory",
        "python scripts/bench_estimators.py",
        "\n".join([setting, *lines, said]),
    )


if __name__ == "__main__":
    main()
