"""From rows to the table of `onelayer summary`: trained a little, asked for as a user does, and written out."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special

from onelayer.deliver.inference.rows import Array
from tests.conftest import Outcome, trained_run

Summarised = Callable[..., Outcome]
Train = Callable[..., Path]
NUMBERS = ["a", "b", "c", "truth"]
# a few steps, whatever they reach: --polish does the rest
SHORT = ("logger=none", "optim=lbfgs", "trainer.max_epochs=1", "data.split.val=0", "data.split.test=0")


def trained(folder: Path, *arguments: str) -> Path:
    """Train in a folder as the command line does; what it is called, `hydra.run.dir` or `hydra.sweep.dir` says."""
    from onelayer.cli import train

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HYDRA_FULL_ERROR", "0")
        patch.setattr(sys, "argv", ["train.py", *SHORT, *arguments])
        train()
    return folder


def trained_soon(directory: Path, *arguments: str, **values: Any) -> Path:
    """Train without the command line; the values are those of `data`."""
    return trained_run(directory, *SHORT, *arguments, **values)


def said(command: Summarised, *arguments: str | Path) -> dict[str, Any]:
    """What `--json` prints; bare NaN is no JSON and refused."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    done = command(*arguments, "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out, parse_constant=refuse)
    return found


def estimated(found: dict[str, Any], key: str) -> list[float]:
    """A column of the table, without the rows of bases."""
    return [row[key] for row in found["coefficients"] if row["role"] == "estimated"]


def design(frame: pd.DataFrame) -> tuple[Array, list[str]]:
    """The columns that R's model.matrix would have: the first level of each category is its base."""
    columns, names = [np.ones(len(frame)), *(frame[one].to_numpy(float) for one in NUMBERS)], ["(intercept)", *NUMBERS]
    city = frame["city"].fillna("<missing>")
    for name, values, levels in (
        ("city", city, ["Lima", "Oslo", "Rome", "<missing>"]),
        ("port", frame["port"], ["y", "z"]),
    ):
        columns += [(values == level).to_numpy(float) for level in levels]
        names += [f"{name}={level}" for level in levels]
    return np.column_stack(columns), names


def logit(x: Array, y: Array, weight: Array) -> Array:
    """The optimum by Newton's method."""
    b = np.zeros(x.shape[1])
    for _ in range(30):
        p = special.expit(x @ b)
        b = b + np.linalg.solve((x.T * (weight * p * (1 - p))) @ x, x.T @ (weight * (y - p)))
    return b
