"""A model card: what it says is what the run says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import onelayer
from onelayer.deliver.summary.show import plain
from onelayer.deliver.summary.summarise import summarise
from tests.conftest import Outcome, result_of
from tests.data.streaming.tables import invented, saved

Cli = Callable[..., Outcome]
OF_TRAINING = ("gap", "rel_gap", "objective", "weight_error")
SETTINGS = ("data=table", "data.path=t.parquet", "trainer.max_epochs=2", "logger=none")


def rows_of(card: str, section: str) -> dict[str, list[str]]:
    """The tables of a section, by their first column."""
    text = card.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return {first.strip().replace("\\", ""): [one.strip() for one in rest] for first, *rest in lines}


def said_of(row: list[str], table: dict[str, list[str]]) -> list[tuple[str, str]]:
    """The stage and the text of each number in a row of the metrics; none of the line of titles."""
    return [(stage, one) for stage, one in zip(table[""], row, strict=True) if one not in (stage, "-")]


@pytest.mark.parametrize("target", ["number", "yes", "kind"])
def test_a_card_says_what_the_run_says(cli: Cli, command: Cli, tmp_path: Path, target: str) -> None:
    saved(invented(300)[["a", "city", "truth", "when", target]], tmp_path / "t.parquet")
    assert cli(*SETTINGS, f"data.target={target}", "hydra.run.dir=run").code == 0
    told = command("card", "run")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"# {target}: ")
    result = result_of(tmp_path / "run")
    metrics = rows_of(told.out, "Metrics")
    measured = {name: value for name, value in result["metrics"].items() if name.partition("/")[2] not in OF_TRAINING}
    shown = {f"{stage}/{metric}": float(one) for metric, row in metrics.items() for stage, one in said_of(row, metrics)}
    assert shown == pytest.approx(measured, rel=1e-4)
    gap, chosen = result["metrics"]["train/gap"], result["best_epoch"]
    above = rows_of(told.out, "Training").get("above the exact optimum")
    assert above == (None if gap is None else [f"{gap:.3g} after epoch 2"])
    of = f"train is of the weights after epoch 2, val and test of this model's, those of epoch {chosen}."
    assert (of in told.out) == (chosen < 2)
    data = rows_of(told.out, "Data")
    assert data["rows"] == ["210 train, 45 val, 45 test"]
    assert data["hash of the rows"] == [result["data_hash"]]
    assert data["city"] == ["Bonn, Lima, Oslo, Rome", "is a level", "5"]
    estimated = [one for one in plain(summarise(tmp_path / "run"))["coefficients"] if one["role"] == "estimated"]
    lines = told.out.partition("## Coefficients")[2].partition("\n## ")[0].splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == 1 + len(estimated)
    # the command that it ends with makes the same run again
    (again,) = re.findall(r"^onelayer train (.*)$", told.out, re.MULTILINE)
    assert cli(*again.split(), "hydra.run.dir=again").code == 0
    assert result_of(tmp_path / "again")["metrics"] == result["metrics"]


def test_without_the_rows_of_training_coefficients_stand_alone(cli: Cli, command: Cli, tmp_path: Path) -> None:
    frame = invented(200)[["a", "b", "number"]]
    saved(frame, tmp_path / "t.parquet")
    assert cli(*SETTINGS, "data.target=number", "hydra.run.dir=run").code == 0
    (tmp_path / "t.parquet").unlink()
    told = command("card", "run")
    assert (told.code, told.err) == (0, "")
    assert "- coefficients have no standard errors: the rows that run was trained on cannot be read again" in told.out
    found = {name: float(value) for name, (value,) in rows_of(told.out, "Coefficients").items() if name}
    model = onelayer.load(tmp_path / "run")
    at = {name: float(model.predict({"a": 0.0, "b": 0.0} | {name: 1.0})[0]) for name in ("a", "b")}
    nothing = float(model.predict({"a": 0.0, "b": 0.0})[0])
    assert found["(intercept)"] == pytest.approx(nothing, rel=1e-4)
    assert found["a"] == pytest.approx(at["a"] - nothing, rel=1e-3)
    assert found["b"] == pytest.approx(at["b"] - nothing, rel=1e-3)


def test_a_card_is_written_as_a_whole_and_over_nothing(cli: Cli, command: Cli, tmp_path: Path) -> None:
    saved(invented(200)[["a", "b", "yes"]], tmp_path / "t.parquet")
    sweep = ("-m", "seed=0,1,2", "hydra.sweep.dir=study")
    assert cli(*SETTINGS, "data.target=yes", *sweep).code == 0
    assert command("card", "study", "-o", "card.md").out == "card.md: written\n"
    said = "One of a sweep of 3 runs; a run chosen by val/loss looks better there than it is."
    assert said in (tmp_path / "card.md").read_text()
    refused = command("card", "study", "-o", "card.md")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "card.md: the file is there already; choose another name with -o, or write over it" in refused.err
    runs = sorted(one.parent for one in (tmp_path / "study").glob("*/result.json"))
    assert [command("card", run, "-o", "card.md", "--force").code for run in runs] == [0, 0, 0]
    assert "seed=2" in (tmp_path / "card.md").read_text()


def test_a_card_says_which_rows_were_given(cli: Cli, command: Cli, tmp_path: Path) -> None:
    frame = invented(200)[["a", "b", "number"]]
    for name, rows in (("t", frame[:150]), ("v", frame[150:170]), ("test", frame[170:])):
        saved(rows, tmp_path / f"{name}.parquet")
    asked = ("data.target=number", "data.test_path=test.parquet")
    assert cli(*SETTINGS, *asked, "hydra.run.dir=run").code == 0
    data = rows_of(command("card", "run").out, "Data")
    assert data["rows"] == ["127 train, 23 val, 30 test"]
    assert (data["given with the data"], data["split"]) == (["test rows of test.parquet"], ["shuffled"])
    assert cli(*SETTINGS, *asked, "data.val_path=v.parquet", "hydra.run.dir=all").code == 0
    data = rows_of(command("card", "all").out, "Data")
    assert data["given with the data"] == ["val rows of v.parquet, test rows of test.parquet"]
    assert "split" not in data
    assert command("summary", "all").code == 0  # the train rows are found again
