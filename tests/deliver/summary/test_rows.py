"""Which rows a table is of, and what they count: weights, streams, splits, sparse rows, no constant."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from onelayer.deliver.summary.summarise import summarise
from tests.deliver.summary.runs import Train, design, logit, trained


def test_rows_stand_for_several(train: Train, frame: pd.DataFrame) -> None:
    run = train("number", "data.sample_weight=times", dropped="share")
    found, (x, _) = summarise(run, polish=True), design(frame)
    repeated = np.repeat(np.arange(300), frame["times"])
    x, y = x[repeated], frame["number"].to_numpy()[repeated]
    b, rss, *_ = np.linalg.lstsq(x, y)
    df = len(y) - x.shape[1]
    errors = np.sqrt(rss / df * np.diag(np.linalg.inv(x.T @ x)))
    (table,) = found.tables
    kept = ~np.isnan(table.std_err)
    np.testing.assert_allclose(table.coef[kept], b, rtol=1e-8)
    np.testing.assert_allclose(table.std_err[kept], errors, rtol=1e-8)
    assert (table.stats["n"], table.stats["df_residual"]) == (len(y), df)
    assert table.kind == "t"
    assert found.cautions == ()
    assert "each for so many rows" in found.notes[0]


def test_weights_of_classes_are_no_likelihood(train: Train, frame: pd.DataFrame) -> None:
    """With a sandwich, errors are those of the weighted estimating equations, whatever costs sum up to."""
    run = train("yes", "data.class_weight={yes: 5}", "data.sample_weight=share", dropped="times")
    plain, robust = summarise(run, polish=True), summarise(run, polish=True, robust="HC0")
    (x, _), y = design(frame), (frame["yes"] == "yes").to_numpy(float)
    share, cost = frame["share"].to_numpy(), np.where(y == 1, 5.0, 1.0)
    b = logit(x, y, share * cost)
    p = special.expit(x @ b)
    bread = np.linalg.inv((x.T * (share * cost * p * (1 - p))) @ x)
    meat = (x.T * (share * (cost * (y - p)) ** 2)) @ x
    (table,) = robust.tables
    kept = ~np.isnan(table.std_err)
    np.testing.assert_allclose(table.coef[kept], b, rtol=1e-7)
    np.testing.assert_allclose(table.std_err[kept], np.sqrt(np.diag(bread @ meat @ bread)), rtol=1e-7)
    assert table.stats["n"] == pytest.approx(share.sum())
    assert plain.cautions[0].endswith("standard errors do not hold: add --robust HC0")
    assert "standard errors do not hold" not in robust.cautions[0]
    assert robust.cautions[1].startswith("weights: data.sample_weight has numbers that are not whole")


@pytest.mark.parametrize("target", ["number", "yes"])
def test_a_stream_has_the_table_of_rows_in_memory(train: Train, target: str) -> None:
    weights = ("data.sample_weight=share", *(("data.class_weight=balanced",) if target == "yes" else ()))
    stream = ("data.stream=true", "data.block_rows=160", "optim=adam")
    one, other = (summarise(train(target, *weights, *more, dropped="times"), polish=True) for more in ((), stream))
    for here, there in zip(one.tables, other.tables, strict=True):
        assert here.names == there.names
        np.testing.assert_allclose(here.coef, there.coef, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(here.std_err, there.std_err, rtol=1e-7)
        assert here.stats == pytest.approx(there.stats, rel=1e-8)
    assert one.cautions == other.cautions


def test_train_rows_alone_are_summarised(train: Train, frame: pd.DataFrame) -> None:
    by = ("data.split.val=0.2", "data.split.test=0.1", "data.split.stratify=true")
    one, folds = (
        summarise(train("yes", *by), polish=True),
        summarise(train("yes", *by, "data.folds=3", "data.fold=1"), polish=True),
    )
    assert (one.tables[0].stats["n"], folds.tables[0].stats["n"]) == (210, 180)


def test_without_a_bias_the_constant_is_what_scaling_makes_of_it(train: Train, frame: pd.DataFrame) -> None:
    """Columns and target are less their means: least squares is that with a constant, but for what it counts."""
    found = summarise(train("number", "model.bias=false"), polish=True)
    (x, names), y = design(frame), frame["number"].to_numpy()
    b, rss, *_ = np.linalg.lstsq(x, y)
    (table,) = found.tables
    kept = [place for place in range(len(table.names)) if place not in table.aliased]
    assert [table.names[place] for place in kept] == names[1:]
    np.testing.assert_allclose(table.coef[kept], b[1:], rtol=1e-8)
    assert table.stats["rss"] == pytest.approx(rss[0], rel=1e-10)
    assert table.stats["df_residual"] == 300 - len(b) + 1
    assert found.notes == ("model.bias=false: there is no constant where columns are at what scaling shifted them by",)
    trained_to = summarise(train("number", "model.bias=false"))
    assert "(" in trained_to.notes[0]


def test_sparse_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) * (rng.random((200, 3)) < 0.6)
    y = (rng.random(200) < special.expit(x @ [1, -1, 0.5])).astype(int)
    lines = [
        f"{one} " + " ".join(f"{j + 1}:{v!r}" for j, v in enumerate(map(float, row)) if v)
        for one, row in zip(y, x, strict=True)
    ]
    (tmp_path / "rows.txt").write_text("\n".join(lines) + "\n")
    run = trained(tmp_path, "data=libsvm", "data.path=rows.txt", "hydra.run.dir=run") / "run"  # a path from there
    (table,) = summarise(run, polish=True).tables
    columns = np.column_stack([np.ones(200), x])
    np.testing.assert_allclose(table.coef, logit(columns, y.astype(float), np.ones(200)), rtol=1e-9)
