"""Every number of a report says what it is, and one number has one value wherever it stands."""

import json
import math
import re
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from scipy.stats import ttest_1samp

from onelayer.report.command import write_page
from onelayer.report.figures import best, diagnostics, heat, links, parallel, response
from onelayer.report.figures.canvas import INK, Painted
from onelayer.report.gather import Gathered, gather
from onelayer.report.listings import runs
from onelayer.report.page.answer import answer
from onelayer.report.tables import markdown
from onelayer.report.winner import Winner
from tests.sweeps.sweeps import NAN, end_run

# by the mean adam at 0.1 is best, by a single run sgd at 0.1
LOSSES = {("adam", "0.1"): (1.0, 1.1), ("sgd", "0.1"): (0.5, 2.0), ("adam", "1"): (3.0, 4.0), ("sgd", "1"): (NAN, NAN)}
WINNER = "optim=adam optim.lr=0.1"
SAID = f"val/loss 1.0500 ± {stdev((1.0, 1.1)):.2g} (mean ± standard deviation of 2 runs)"


@pytest.fixture
def seeds(tmp_path: Path) -> Gathered:
    for (optim, lr), losses in LOSSES.items():
        for seed, loss in enumerate(losses):
            status = "diverged" if math.isnan(loss) else "done"
            end_run(tmp_path, f"optim={optim}", f"optim.lr={lr}", f"seed={seed}", status=status, loss=loss)
    return gather([tmp_path])


def labels(painted: Painted) -> list[str]:
    return [point.label for point in painted.drawn.points]


def test_the_best_configuration_is_the_bold_line_and_has_one_value_everywhere(seeds: Gathered) -> None:
    told = answer(seeds.board)
    assert told.winner == WINNER
    sentence = told.sentences[0].replace("\N{NO-BREAK SPACE}", " ")
    assert sentence == f"It has the lowest val/loss of 4 configurations: {SAID.removeprefix('val/loss ')}."
    lines = parallel.draw(seeds)
    assert lines.figure is not None
    (drawn,) = [one for one in lines.figure.axes[0].collections if isinstance(one, LineCollection)]
    bold = int(np.argmax(drawn.get_linewidth()))
    assert labels(lines)[bold] == f"{WINNER}: {SAID}"
    assert "Not drawn: 1 of which runs diverged" in lines.drawn.caption
    assert labels(heat.draw(seeds)[0])[0] == f"{WINNER}: {SAID}"
    ends = ttest_1samp([1.0, 1.1], 0.0).confidence_interval(0.95)
    wanted = f"{WINNER}: {SAID}, 95 % interval of the mean {ends.low:.5g} to {ends.high:.5g}"
    assert wanted in labels(best.draw(seeds))
    assert f"1.0500 ±{stdev((1.0, 1.1)):.2g}" in markdown(seeds.board, "a")


def test_no_mean_is_called_after_a_single_run(seeds: Gathered) -> None:
    for painted in (*heat.draw(seeds), parallel.draw(seeds)):
        assert not any("seed=" in label for label in labels(painted))
        assert "the mean over its repetitions" in painted.drawn.caption
    dots = labels(response.draw_rate(seeds))
    assert "adam, learning rate 0.1: val/loss 1.0000 (optim=adam optim.lr=0.1 seed=0), the best of 2 runs, " in dots[0]
    assert dots[0].endswith("median 1.0500")
    assert answer(seeds.board).again == "Train the best of its 2 runs again, val/loss 1.0000"


def test_single_runs_are_no_means(tmp_path: Path) -> None:
    for optim in ("adam", "sgd"):
        for lr in ("0.1", "0.2"):
            end_run(tmp_path, f"optim={optim}", f"optim.lr={lr}", loss=float(lr))
    found = gather([tmp_path])
    for painted in (*heat.draw(found), parallel.draw(found), response.draw_rate(found)):
        assert not any("the mean" in one or "±" in one for one in (*labels(painted), painted.drawn.caption))


@pytest.mark.parametrize("monitor", ["val/loss", "val/accuracy"])
def test_the_best_is_bright_in_a_map_and_in_the_colour_of_text_among_lines(tmp_path: Path, monitor: str) -> None:
    values = {("adam", "0.1"): 0.1, ("adam", "1"): 0.4, ("sgd", "0.1"): 0.5, ("sgd", "1"): 0.9}
    for (optim, lr), value in values.items():
        end_run(tmp_path, f"optim={optim}", f"optim.lr={lr}", monitor=monitor, metrics={monitor: value})
    found = gather([tmp_path])
    (square,) = heat.draw(found)
    assert square.figure is not None
    (cells,) = [one for one in square.figure.axes[0].collections if isinstance(one, PolyCollection)]
    light = np.asarray(cells.get_facecolor())[:, :3] @ (0.299, 0.587, 0.114)
    assert (np.diff(light) < 0).all()  # cells are in the order of the leaderboard
    lines = parallel.draw(found).drawn
    assert f"stroke: {INK}" not in lines.svg
    assert "stroke: currentColor" in lines.svg


def test_links_have_the_means_of_the_leaderboard(tmp_path: Path) -> None:
    for link, losses in {"logit": (0.5, 0.7), "probit": (0.4, 0.6)}.items():
        for seed, loss in enumerate(losses):
            end_run(tmp_path, f"model.link={link}", f"seed={seed}", loss=loss)
    (painted,) = links.draw(gather([tmp_path]))
    assert f"probit: val/loss 0.50000 ± {stdev((0.4, 0.6)):.2g} (mean ± standard deviation of 2 runs)" in " ".join(
        labels(painted)
    )


def test_the_gap_and_the_coefficients_say_which_weights_they_are_of(numbers: Path, of_numbers: Gathered) -> None:
    row = of_numbers.board.best
    assert row is not None
    results = [json.loads((numbers / run.directory / "result.json").read_text()) for run in row.runs]
    first, gaps = results[0], [one["metrics"]["train/gap"] for one in results]
    told = answer(of_numbers.board, first)
    text = " ".join(told.sentences)
    assert f"After its last epoch it was on average {fmean(gaps):.3g} above the exact optimum" in text
    chosen = f"epoch {first['best_epoch']} of {first['epochs']}"
    assert f"val/loss chose, train/* of those after the last epoch; {chosen} was chosen in its best run." in text
    assert {one.name: one.of for one in told.figures} == {
        "val/loss": "of the weights chosen, mean of 2 runs",
        "test/loss": "of the weights chosen, mean of 2 runs",
        "train/rel_gap": "after the last epoch, mean of 2 runs",
        "runs": "",
    }
    page = (write_page([numbers], numbers.parent / "page")).read_text()
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert sum(f"seed={first['seed']}, weights of {chosen}" in one for one in captions) == 2
    table = runs(of_numbers)
    epochs = {row[table.columns.index("directory")]: row[table.columns.index("best_epoch")] for row in table.rows}
    assert epochs[row.best.directory.as_posix()] == first["best_epoch"]


def test_figures_of_the_winner_have_the_metrics_of_its_result(cancer: Path, of_cancer: Gathered) -> None:
    assert of_cancer.board.best is not None
    record = of_cancer.board.best.best
    metrics = json.loads((cancer / record.directory / "result.json").read_text())["metrics"]
    painted = diagnostics.draw(of_cancer)
    (area,) = re.findall(r"area ([\d.]+);", painted.drawn.caption)
    assert float(area) == pytest.approx(metrics["test/auroc"], abs=1e-3)
    assert isinstance(of_cancer.winner, Winner)
    answers = of_cancer.winner.answers
    assert not isinstance(answers, str)
    assert (answers.value == answers.target).mean() == pytest.approx(metrics["test/accuracy"], abs=1e-6)
    assert of_cancer.winning in painted.drawn.caption


def test_a_number_that_no_axis_reaches_costs_no_report(tmp_path: Path) -> None:
    for lr in ("0.1", "1", "1e300", "1e-300"):
        for optim in ("adam", "sgd"):
            end_run(tmp_path / "a", f"optim={optim}", f"optim.lr={lr}", "model.l2=1e-320", loss=1.0)
    assert write_page([tmp_path / "a"]).exists()
    assert " Not drawn: learning rate 1e-300, 1e300." in response.draw_rate(gather([tmp_path / "a"])).drawn.caption


def test_the_head_says_what_is_reported(tmp_path: Path) -> None:
    for folder, optims in {"a": ["adam"], "b": ["adam", "sgd"]}.items():
        for optim in optims:
            end_run(tmp_path / folder, f"optim={optim}", loss=1.0)
    heads = {"a run": ["a"], "a sweep": ["b"], "2 sweeps": ["a", "b"]}
    for head, folders in heads.items():
        page = write_page([tmp_path / one for one in folders], tmp_path / head)
        assert f'<p class="kind">Report of {head}</p>' in page.read_text()
