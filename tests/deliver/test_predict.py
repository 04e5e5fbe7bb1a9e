"""Predictions for a table: what the training code would say of the same rows, whatever the table looks like."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import torch
from lightning import Trainer
from sklearn.datasets import load_breast_cancer

import onelayer
from onelayer.config import RunSpec
from onelayer.deliver.load import load
from onelayer.errors import UserError
from onelayer.links import LINKS
from onelayer.model.module import OneLayer
from onelayer.model.objectives import choose_objective
from tests.conftest import ROOT, Outcome, composed, data_by, trained_run
from tests.data.streaming.tables import invented, saved

BASE = ("data=table", "data.path=t.parquet", "data.split.val=0", "data.split.test=0", "logger=none")
TARGETS = {"number": "regression", "yes": "binary", "kind": "multiclass"}
Cli = Callable[..., Outcome]
Predict = Callable[..., Outcome]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    frame = invented(300)
    frame.insert(0, "id", [f"00{row}" for row in range(len(frame))])
    return frame


@pytest.fixture(scope="module", params=TARGETS)
def trained(
    request: pytest.FixtureRequest, frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder of a run on all columns but the other targets, and its target."""
    from onelayer.cli import train

    folder, target = tmp_path_factory.mktemp("run"), str(request.param)
    saved(frame, folder / "t.parquet")
    others = [name for name in TARGETS if name != target]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HYDRA_FULL_ERROR", "0")
        drop = f"data.drop=[{','.join([*others, 'weight', 'id'])}]"
        epochs = "trainer.max_epochs=3"
        patch.setattr(sys, "argv", ["train.py", *BASE, f"data.target={target}", drop, epochs, "hydra.run.dir=run"])
        train()
    return folder, target


@pytest.fixture
def predict(command: Callable[..., Outcome]) -> Predict:
    return partial(command, "predict")


def read(path: Path) -> pd.DataFrame:
    with duckdb.connect() as connection:
        every = f"read_csv('{path}', all_varchar=true)" if path.suffix == ".csv" else f"'{path}'"
        return connection.execute(f"SELECT * FROM {every}").df()


def wanted(folder: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> np.ndarray[Any, Any]:
    """What the training code says of its train rows: numbers in original units, or probabilities."""
    monkeypatch.chdir(folder)
    others = [name for name in TARGETS if name != target]
    drop = f"data.drop=[{','.join([*others, 'weight', 'id'])}]"
    data = data_by(RunSpec.from_config(composed(*BASE, f"data.target={target}", drop)))
    module = OneLayer.load_from_checkpoint(folder / "run" / "checkpoints" / "best.ckpt")
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
    said: Any = trainer.predict(module, data.measured("train"))
    logits, values = said[0].logits[0].numpy(), said[0].values[0].numpy()
    # what a product of matrices says is the same but for the last digits
    whole = module(next(iter(data.measured("train"))).x)[0].numpy()
    np.testing.assert_allclose(whole, logits, rtol=1e-4, atol=1e-6)
    found: np.ndarray[Any, Any] = values
    return found


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_train_rows_are_predicted_as_training_had_them(
    trained: tuple[Path, str], predict: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    folder, target = trained
    done = predict(folder / "run", folder / "t.parquet", "-o", f"scored.{form}", "--id", "id")
    assert (done.code, done.out) == (0, f"scored.{form}: 300 rows\n"), done.err
    scored = read(tmp_path / f"scored.{form}")
    assert list(scored["id"]) == [f"00{row}" for row in range(300)]
    expected = wanted(folder, target, monkeypatch)
    if target == "number":
        assert list(scored["prediction"].astype(float)) == list(expected[:, 0])
        return
    model = load(folder / "run")
    classes = model.classes
    assert classes is not None
    probability = np.stack([scored[f"probability_{name}"].astype(float) for name in classes], 1)
    np.testing.assert_array_equal(probability, expected)
    assert list(scored["prediction"]) == [classes[place] for place in probability.argmax(1)]


def test_columns_may_stand_in_any_order_among_others(
    trained: tuple[Path, str], frame: pd.DataFrame, predict: Predict, tmp_path: Path
) -> None:
    folder, target = trained
    other = frame.drop(columns=[target])[frame.columns.drop(target)[::-1]].assign(more="text")
    saved(other, tmp_path / "other.parquet")
    assert predict(folder / "run", folder / "t.parquet", "-o", "one.parquet").code == 0
    assert predict(folder / "run", tmp_path / "other.parquet", "-o", "other_scored.parquet").code == 0
    pd.testing.assert_frame_equal(read(tmp_path / "one.parquet"), read(tmp_path / "other_scored.parquet"))


def test_a_csv_says_the_same_as_the_parquet_file(
    trained: tuple[Path, str], frame: pd.DataFrame, predict: Predict, tmp_path: Path
) -> None:
    folder, _ = trained
    frame.assign(single=frame["single"].astype(float)).to_csv(tmp_path / "t.csv", index=False)
    assert predict(folder / "run", folder / "t.parquet", "-o", "one.csv", "--id", "id").code == 0
    done = predict(folder / "run", "t.csv", "-o", "other.csv", "--id", "id")
    assert done.code == 0, done.err
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "other.csv").read_text()  # 00 in front of an id included


def test_words_that_name_a_table_may_stand_before_and_after_flags(
    trained: tuple[Path, str], frame: pd.DataFrame, predict: Predict, tmp_path: Path
) -> None:
    folder, _ = trained
    frame.to_csv(tmp_path / "t.csv", index=False, encoding="utf-16")
    for place, words in enumerate((("encoding=utf-16", "-o"), ("-o",))):
        after = () if place == 0 else ("data.encoding=utf-16",)
        assert predict(folder / "run", "t.csv", *words, f"{place}.csv", *after).code == 0
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()


def test_values_at_hand_frames_and_files_say_the_same(trained: tuple[Path, str], frame: pd.DataFrame) -> None:
    folder, target = trained
    model = onelayer.load(folder / "run")
    given = model.predict(frame)
    few = frame.iloc[:40]
    for rows in (few, few.iloc[:1]):
        values = {name: [None if pd.isna(one) else one for one in rows[name]] for name in model.columns}
        found = model.predict(values)
        if target == "number":
            np.testing.assert_allclose(found, given[: len(rows)], rtol=1e-6)
        else:
            assert list(found) == list(given[: len(rows)])
    if target == "number":
        with pytest.raises(UserError, match="'number' is a number, which has no probabilities; use predict"):
            model.predict_proba(frame)
    else:
        np.testing.assert_allclose(model.predict_proba(frame).sum(1), 1, rtol=1e-6)


REFUSED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a column is missing": (
        lambda one: one.rename(columns={"truth": "truths"}),
        "the model needs the column 'truth', which is not there; did you mean 'truths'?",
    ),
    "several are": (lambda one: one.drop(columns=["a", "b"]), "needs the columns 'a', 'b', which are not there"),
    "texts for numbers": (
        lambda one: one.assign(b=["x", *map(str, range(len(one) - 1))]),
        "column 'b' was numeric in training: 'x' in row 1 is no number",
    ),
    "dates for numbers": (lambda one: one.assign(b=one["when"]), "column 'b' was numeric in training, and holds"),
    "numbers for dates": (lambda one: one.assign(when=1.5), "column 'when' was date in training, and holds double"),
    "infinity": (lambda one: one.assign(b=np.inf), "column 'b' is inf"),
    "no rows": (lambda one: one.iloc[:0], "the table has no rows"),
}


@pytest.mark.parametrize("trained", ["yes"], indirect=True)
@pytest.mark.parametrize("case", REFUSED)
def test_a_table_that_does_not_fit_is_refused_by_name_and_nothing_is_written(
    trained: tuple[Path, str], frame: pd.DataFrame, predict: Predict, tmp_path: Path, case: str
) -> None:
    folder, _ = trained
    change, sentence = REFUSED[case]
    saved(change(frame), tmp_path / "other.parquet")
    done = predict(folder / "run", "other.parquet", "-o", "scored.csv")
    assert done.code == 1
    assert sentence in done.err
    assert done.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["other.parquet"]


@pytest.mark.parametrize("trained", ["yes"], indirect=True)
def test_levels_that_training_did_not_have_are_counted(
    trained: tuple[Path, str], frame: pd.DataFrame, predict: Predict, tmp_path: Path
) -> None:
    folder, _ = trained
    cities = frame["city"].where(frame.index % 100 != 0, "Atlantis")
    saved(frame.assign(city=cities), tmp_path / "other.parquet")
    done = predict(folder / "run", "other.parquet", "-o", "scored.csv")
    assert done.code == 0
    filled, levels = done.err.splitlines()
    holes = [f"{name} ({int(frame[name].isna().sum())} rows, become " for name in ("a", "single", "when")]
    assert filled.startswith("without a number: ")
    assert all(hole in filled for hole in holes)
    assert levels == "levels that no train row has: city (3 rows, as none of them)"


@pytest.mark.parametrize("trained", ["yes"], indirect=True)
@pytest.mark.parametrize("table", ["t.parquet", "t*.parquet", "."])
def test_a_table_is_never_written_over_by_its_predictions(
    trained: tuple[Path, str], predict: Predict, tmp_path: Path, table: str
) -> None:
    folder, _ = trained
    content = (folder / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(content)
    done = predict(folder / "run", table, "-o", "t.parquet", "--force")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "t.parquet: that is the table itself, whose other columns would be lost" in done.err
    assert (tmp_path / "t.parquet").read_bytes() == content


def test_a_run_that_diverged_says_so(cli: Cli, predict: Predict, command: Cli, tmp_path: Path) -> None:
    saved(invented(100)[["b", "number"]], tmp_path / "t.parquet")
    settings = ("data=table", "data.path=t.parquet", "data.target=number", "optim=sgd", "optim.lr=1e6", "logger=none")
    assert cli(*settings, "hydra.run.dir=run").code == 0
    said = "the run diverged; the weights are those from before, which no training has improved\n"
    assert predict("run", "t.parquet", "-o", "scored.csv").err == said
    assert command("evaluate", "run", "t.parquet").err == said
    assert predict("run", "none.csv", "-o", "more.csv").err.startswith("error: none.csv: there is no such file")


def test_a_file_that_is_there_stays_unless_it_is_said(
    trained: tuple[Path, str], predict: Predict, tmp_path: Path
) -> None:
    folder, _ = trained
    (tmp_path / "scored.csv").write_text("mine")
    arguments = (folder / "run", folder / "t.parquet", "-o")
    assert "choose another name with -o, or write over it with --force" in predict(*arguments, "scored.csv").err
    assert (tmp_path / "scored.csv").read_text() == "mine"
    assert predict(*arguments, "scored.csv", "--force").code == 0
    assert (tmp_path / "scored.csv").read_text() != "mine"
    assert "write a file that ends in .csv, .tsv, .parquet" in predict(*arguments, "scored.xlsx").err
    assert "there is no folder" in predict(*arguments, "nowhere/scored.csv").err
    assert "--id nmae: " in predict(*arguments, "more.csv", "--id", "nmae").err
    (tmp_path / "folder.csv").mkdir()
    for force in ((), ("--force",)):
        done = predict(*arguments, "folder.csv", *force)
        assert (done.code, done.err) == (1, "error: folder.csv: that is a folder; choose another name with -o\n")


def test_the_best_run_of_a_sweep_is_loaded_by_its_folder(cli: Cli, tmp_path: Path) -> None:
    assert cli("-m", "optim.lr=1e-9,0.1", "trainer.max_epochs=3", "logger=none", "hydra.sweep.dir=sweep").code == 0
    (run,) = (tmp_path / "sweep").glob("*optim.lr=0.1*")
    best, other = load(tmp_path / "sweep"), load(run)
    assert (best.artefact.weight == other.artefact.weight).all()
    assert best.artefact.header["training"]["lr"] == 0.1
    (tmp_path / "sweep" / "leaderboard.csv").unlink()
    with pytest.raises(UserError, match="a sweep without a leaderboard; choose the best of what has ended with"):
        load(tmp_path / "sweep")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="neither a run nor a sweep"):
        load(tmp_path / "empty")
    with pytest.raises(UserError, match="there is no such folder"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("link", LINKS)
def test_a_link_travels_with_the_model(tmp_path: Path, link: str) -> None:
    settings = ("data=breast_cancer", f"model.link={link}", "trainer.max_epochs=2", "logger=none")
    model = load(trained_run(tmp_path / "run", *settings))
    x = load_breast_cancer().data[:50]
    z = torch.from_numpy(model.artefact.logits(x))[None]
    wanted = choose_objective("auto", "binary", link).predict(z)[0].numpy()
    np.testing.assert_allclose(model.predict_proba(x)[:, 1:], wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("target", ["number", "kind"])
def test_a_mean_over_folds_is_that_of_their_predictions(
    cli: Cli, frame: pd.DataFrame, tmp_path: Path, target: str
) -> None:
    saved(frame, tmp_path / "t.parquet")
    drop = ",".join([*(name for name in TARGETS if name != target), "weight", "id"])
    swept = ("data.folds=3", "data.fold=0,1,2", "optim.lr=0.1,1e-9", "trainer.max_epochs=3", "logger=none")
    arguments = ("data=table", "data.path=t.parquet", f"data.target={target}", f"data.drop=[{drop}]")
    assert cli("-m", *arguments, *swept, "hydra.sweep.dir=sweep").code == 0
    runs = [run.parent for run in (tmp_path / "sweep").glob("*/result.json")]
    members = [one for one in map(load, runs) if one.artefact.header["training"]["lr"] == 0.1]
    assert len(members) == 3
    mean = load(tmp_path / "sweep", mean=True)
    assert len(mean.members) == 3
    if target == "number":
        np.testing.assert_allclose(mean.predict(frame), np.mean([one.predict(frame) for one in members], 0), rtol=1e-5)
        return
    # of logits: the geometric mean of probabilities, up to their sum
    product = np.exp(np.mean([np.log(one.predict_proba(frame)) for one in members], 0))
    np.testing.assert_allclose(mean.predict_proba(frame), product / product.sum(1, keepdims=True), rtol=1e-5)
    result = next(run for run in runs if load(run).artefact.header["training"]["lr"] == 0.1) / "result.json"
    text = result.read_text()
    hashed = json.loads(text)["target_hash"]
    result.write_text(text.replace(hashed, "other"))  # as of a table that has changed between the folds
    with pytest.raises(UserError, match=r"other data than .*, so that there is no mean of them"):
        load(tmp_path / "sweep", mean=True)
    result.write_text(text)
    (tmp_path / "alone").mkdir()
    runs[0].rename(tmp_path / "alone" / "run")
    with pytest.raises(UserError, match="no other run differs from"):
        load(tmp_path / "alone" / "run", mean=True)


@pytest.mark.parametrize("trained", ["yes"], indirect=True)
def test_predicting_imports_neither_torch_nor_what_trains(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    code = (
        "import sys; from onelayer.cli import main; "
        "sys.argv[1:] = ['predict', 'run', 't.parquet', '-o', 'x.csv', '--force']; main(); "
        "print([name for name in ('torch', 'lightning', 'hydra', 'sklearn', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["x.csv: 300 rows", "[]"]
