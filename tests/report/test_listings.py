"""Tables and files of a report: their numbers are those of the result files, to the last digit."""

import json
import math
import shlex
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from onelayer.deliver.summary.summarise import summarise
from onelayer.report.drawn import Listing
from onelayer.report.facts import facts as facts_of
from onelayer.report.figures.canvas import Painted
from onelayer.report.gather import Gathered, gather
from onelayer.report.listings import NOT, tables
from onelayer.report.race import racers
from onelayer.report.write import write_files


@pytest.fixture(scope="module")
def of_both(of_cancer: Gathered, of_numbers: Gathered) -> list[tuple[Gathered, dict[str, Listing]]]:
    return [(one, {table.name: table for table in tables(one)}) for one in (of_cancer, of_numbers)]


def rows_of(listing: Listing) -> list[dict[str, Any]]:
    return [dict(zip(listing.columns, row, strict=True)) for row in listing.rows]


def result(gathered: Gathered, directory: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((gathered.top / directory / "result.json").read_text())
    return found


def test_every_run_is_listed_with_the_numbers_of_its_result(
    of_both: list[tuple[Gathered, dict[str, Listing]]],
) -> None:
    for gathered, found in of_both:
        rows = rows_of(found["runs"])
        assert len(rows) == len(list(gathered.top.glob("*/result.json"))) == len({row["directory"] for row in rows})
        for row in rows:
            told = result(gathered, row["directory"])
            assert {name: row[name] for name in told["metrics"]} == told["metrics"]
            for name in ("status", "epochs", "evaluations", "seconds"):
                assert row[name] == told[name]
            for override in told["overrides"]:
                key, _, value = override.partition("=")
                if key in found["runs"].columns:
                    assert str(row[key]) == value or float(row[key]) == float(value)
            assert shlex.split(row["command"])[2:] == told["overrides"]


def test_the_best_of_each_optimizer_has_the_mean_of_its_seeds(
    of_both: list[tuple[Gathered, dict[str, Listing]]],
) -> None:
    gathered, found = of_both[0]
    for row in rows_of(found["best"]):
        losses = [
            result(gathered, one["directory"])["metrics"]["val/loss"]
            for one in rows_of(found["runs"])
            if f"optim={one['optim']} optim.lr={one['optim.lr']}" == row["setting"]
        ]
        assert len(losses) == row["runs"] == 3
        assert row["val/loss"] == pytest.approx(statistics.fmean(losses), rel=1e-12)
        assert row["val/loss_std"] == pytest.approx(statistics.stdev(losses))
        half = 4.302652729911275 * statistics.stdev(losses) / math.sqrt(3)  # t of 2
        assert (row["low"], row["high"]) == pytest.approx((row["val/loss"] - half, row["val/loss"] + half))


def test_time_to_target_is_the_median_over_seeds_or_did_not_converge(
    of_both: list[tuple[Gathered, dict[str, Listing]]],
) -> None:
    gathered, found = of_both[0]
    rows = rows_of(found["targets"])
    assert [row["target"] for row in rows[::3]] == [f"relative gap {one}" for one in (0.01, 0.001, 0.0001)]
    assert {type(row["epochs"]) for row in rows} == {int, str}
    for row in rows:
        racer = next(one for one in racers(gathered) if one.setting == row["setting"])
        reached = []
        for record in racer.row.runs:
            epochs, gap = gathered.curves[record.directory].points("train/rel_gap")
            reached.append(
                next((int(e) for e, g in zip(epochs, gap, strict=True) if g <= float(row["target"][13:])), 0)
            )
        assert row["reached by"] == f"{np.count_nonzero(reached)} of 3"
        assert row["epochs"] == (sorted(reached)[1] if np.count_nonzero(reached) > 1 else NOT)
    assert all(row["epochs"] == NOT for row in rows_of(of_both[1][1]["targets"]))


def test_runs_that_diverged_are_listed_with_their_commands(
    of_both: list[tuple[Gathered, dict[str, Listing]]],
) -> None:
    gathered, found = of_both[1]
    rows = rows_of(found["failures"])
    assert len(rows) == sum(record.status == "diverged" for record in gathered.records) == 8
    assert all("optim.lr=1" in row["command"] and "diverged at epoch" in row["why"] for row in rows)
    assert of_both[0][1]["failures"].rows == ()


def test_coefficients_are_those_of_the_summary(of_both: list[tuple[Gathered, dict[str, Listing]]]) -> None:
    for gathered, found in of_both:
        assert not isinstance(gathered.winner, str)
        (table,) = summarise(gathered.winner.run).tables
        rows = rows_of(found["coefficients"])
        assert [row["name"] for row in rows] == list(table.names)
        assert [row["coefficient"] for row in rows] == table.coef.tolist()
        assert [row["std_err"] for row in rows] == table.std_err.tolist()


def test_facts_say_how_the_numbers_came_to_be(cancer: Path) -> None:
    facts = facts_of(gather([cancer]))
    assert facts["runs"] == "18: 18 done"
    said = shlex.split(facts["commands of the sweep"])
    assert said[:3] == ["python", "src/train.py", "-m"]
    assert {"optim.lr=choice(0.03,1)", "data=breast_cancer", f"hydra.sweep.dir={cancer}"} <= set(said)
    assert "30 features" in facts["data"]
    assert "397 train, 86 val, 86 test rows" in facts["data"]
    assert "torch" in facts["versions"]
    assert facts["device"] == "cpu"


def test_figures_and_tables_are_files(of_cancer: Gathered, painted: list[list[Painted]], tmp_path: Path) -> None:
    out = tmp_path / "report"
    write_files(of_cancer, painted[0][:3], out)
    told = json.loads((out / "data.json").read_text())
    assert len(told["tables"]["runs"]["rows"]) == 18
    listed = tables(of_cancer)
    assert {name: table["rows"] for name, table in told["tables"].items()} == {
        table.name: [list(row) for row in table.rows] for table in listed
    }
    names = {one["name"] for one in told["figures"]}
    assert {path.name for path in (out / "figures").iterdir()} == {
        f"{n}.{form}" for n in names for form in ("svg", "png")
    }
    for path in (out / "figures").glob("*.png"):
        with Image.open(path) as picture:
            assert picture.width == 960
            assert len(picture.convert("RGB").getcolors(2**24) or ()) > 10  # not blank
    assert [path.name for path in out.rglob(".*")] == []
    (out / "data.json").write_text('{"generator": "onelayer ')  # torn by a power cut
    write_files(of_cancer, painted[0][:3], out)
    assert json.loads((out / "data.json").read_text()) == told
