"""What is said beside the numbers: cautions, the shape on the screen, and what a user gets wrong."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from onelayer.deliver.summary import design as design_module
from onelayer.deliver.summary.summarise import summarise
from onelayer.errors import UserError
from onelayer.optimum import reference, separation
from onelayer.terminal import console
from tests.conftest import result_of
from tests.data.streaming.tables import saved
from tests.deliver.summary.runs import Summarised, Train, said, trained_soon


def test_columns_that_say_the_same_are_named(folder: Path, frame: pd.DataFrame) -> None:
    """The indicators of two columns with the same holes; and more columns than rows."""
    holes = frame.assign(d=frame["c"] * 2 + frame["a"] ** 2, e=frame["a"])
    holes.loc[::7, ["c", "d"]] = np.nan
    saved(holes[["a", "c", "d", "e", "yes"]], folder / "holes.parquet")
    path = ("data=table", f"data.path={folder}/holes.parquet", "data.target=yes", "data.encode.indicator=true")
    found = summarise(trained_soon(folder / "holes", *path), polish=True)
    assert found.cautions == (
        "rank-deficient: aliased with columns before them are 'd=<missing>', 'e'; their coefficients are taken as 0 "
        "and have no standard error",
    )
    found = summarise(trained_soon(folder / "few", *path, "data.split.test=296", "optim=adam"))
    assert any(one == "fewer rows than columns: 4 rows for 5 columns" for one in found.cautions)


def test_separated(folder: Path, frame: pd.DataFrame) -> None:
    saved(frame.assign(sure=frame["yes"] + frame["port"])[["a", "sure", "yes"]], folder / "sure.parquet")
    run = trained_soon(folder / "sure", "data=table", f"data.path={folder}/sure.parquet", "data.target=yes")
    why = result_of(run)["reference"]["note"]
    assert why.startswith("no finite optimum: ")
    for polish in (False, True):
        found = summarise(run, polish=polish)
        assert (found.distance.note, found.polished, found.separated) == (why, False, True)
        first, *others = found.cautions
        assert first.startswith(f"separated: {why}; ")
        assert not any("fitted probabilities" in one for one in others)  # which would ask what has been said


@pytest.mark.parametrize("target", ["number", "yes", "kind"])
def test_polishing_takes_the_time_that_training_does_not(
    train: Train, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A problem beyond the limit of references has a table as trained, and one at the optimum."""
    run = train(target)
    usual = summarise(run, polish=True)
    monkeypatch.setattr(reference, "LIMIT", 0)
    assert summarise(run).distance.note.startswith("skipped: 300 rows x ")
    patient = summarise(run, polish=True)
    assert (patient.polished, patient.distance.note) == (True, usual.distance.note)
    for one, other in zip(patient.tables, usual.tables, strict=True):
        np.testing.assert_array_equal(one.coef, other.coef)


def test_nothing_is_polished_where_it_is_not_known_whether_there_is_an_optimum(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Classes that a sum of two columns separates, but for rows where it is zero."""
    u, v = (np.tile(each.ravel(), 3) for each in np.meshgrid(np.arange(-3.0, 4), np.arange(-3.0, 4)))
    yes = np.where(u + v == 0, np.arange(len(u)) % 2, u + v > 0).astype(int)
    saved(pd.DataFrame({"u": u, "v": v, "yes": yes}), folder / "sum.parquet")
    monkeypatch.setattr(separation, "PROGRAMME", 0)
    run = trained_soon(folder / "sum", "data=table", f"data.path={folder}/sum.parquet", "data.target=yes")
    why = "skipped: whether the classes are separated in part was not settled, with 147 rows"
    assert summarise(run).distance.note == why
    with pytest.raises(UserError) as refused:
        summarise(run, polish=True)
    assert str(refused.value) == f"{run}: --polish has no exact optimum; {why}"


def test_several_classes_are_told_from_the_first(train: Train, summary: Summarised) -> None:
    run = train("kind")
    found = said(summary, run, "--polish")
    assert [row["class"] for row in found["coefficients"][:: len(found["coefficients"]) // 2]] == ["low", "middle"]
    shown = summary(run, "--polish").out
    assert "low against high" in shown
    assert "middle against high" in shown
    assert "odds ratio" not in shown
    refused = summary(run, "--robust", "HC3")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "error: --robust HC3 is not defined for several classes; use HC0 or HC1\n"


@pytest.mark.parametrize("target", ["number", "yes", "kind"])
@pytest.mark.parametrize("width", ["80", "200"])
def test_it_is_readable(
    train: Train, summary: Summarised, target: str, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "PLAIN_WIDTH", int(width))
    done = summary(train(target), "--polish")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= int(width)
    assert ("odds ratio" in done.out) == (target == "yes")
    for part in (
        "polished: weights at the exact optimum",
        "std. error",
        "97.5 %",
        "condition number",
        "AIC",
        "city=Rome",
    ):
        assert part in done.out
    assert "levels are relative to city=Bonn, port=x" in done.out
    assert ("adjusted" in done.out) == (target == "number")
    assert "weights of epoch 1 (done after 1 epochs)" in summary(train(target)).out


def test_what_a_user_gets_wrong(train: Train, folder: Path, frame: pd.DataFrame, summary: Summarised) -> None:
    run = train("yes")

    def refused(*arguments: str | Path) -> str:
        done = summary(*arguments)
        assert (done.code, done.out) == (1, "")
        assert done.err.count("\n") == 1
        return done.err

    assert "give a share between 0 and 1" in refused(run, "--level", "95")
    assert "there is no such folder" in refused(folder / "nowhere")
    shutil.copytree(run / "model", folder / "away" / "model")
    assert "give the whole directory of the run" in refused(folder / "away")
    moved = folder / "t.parquet"
    try:
        saved(frame.assign(a=frame["a"] + 1), moved)
        assert "are no longer those of training; put back the table" in refused(run)
        saved(frame.drop(columns="yes"), moved)
        assert "cannot be read again" in refused(run)
        moved.unlink()
        assert "cannot be read again" in refused(run)
    finally:
        saved(frame, moved)
    assert summary(run).code == 0


def test_a_run_that_diverged(folder: Path, summary: Summarised) -> None:
    path = ("data=table", f"data.path={folder}/t.parquet", "data.target=number", "data.drop=[yes,kind,times,share]")
    run = trained_soon(folder / "away2", *path, "optim=sgd", "optim.lr=1.0e+6", "trainer.max_epochs=20")
    assert result_of(run)["status"] == "diverged"
    done = summary(run)
    assert (done.code, done.err) == (
        1,
        f"error: {run}: the run diverged, so its weights are no fit; train with a lower optim.lr, or --polish\n",
    )
    assert summary(run, "--polish").code == 0


def test_too_wide(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design_module, "WIDEST", 10)
    with pytest.raises(UserError, match="13 coefficients are too many for their covariances"):
        summarise(train("yes"))
