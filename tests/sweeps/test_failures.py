"""A bad run costs nothing but itself; what can be known to be wrong is said before the first run starts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from onelayer.model.objectives.squared import Squared
from tests.conftest import Outcome
from tests.sweeps.traces import CLOSE, results, same, same_run, same_sweep, statuses, tree

Cli = Callable[..., Outcome]
QUICK = ("logger=none", "trainer.max_epochs=3", "data.batch_size=full", "data.dtype=float64")


def raising(lr: float, step: Callable[..., Any]) -> Callable[..., Any]:
    """A step of a torch optimizer that breaks at one learning rate."""

    def broken(self: torch.optim.Optimizer, closure: Any = None) -> Any:
        if self.param_groups[0]["lr"] == lr:
            raise RuntimeError("the step broke")
        return step(self, closure)

    return broken


@pytest.mark.parametrize("good", [18, pytest.param(100, marks=pytest.mark.slow)])
def test_a_bad_run_among_many_good_ones(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: int) -> None:
    rates = ",".join(f"{n / 1000}" for n in range(51 - good // 2, 52 + good // 2))
    settings = ("-m", "optim=asgd", f"optim.lr={rates}", *QUICK)
    assert cli(*settings, "hydra.sweep.dir=good").code == 0
    with monkeypatch.context() as broken:
        broken.setattr(torch.optim.ASGD, "step", raising(0.05, torch.optim.ASGD.step))
        said = cli(*settings, "hydra.sweep.dir=bad")
    assert said.code == 1
    assert "Traceback" not in said.err + said.out
    assert statuses(tmp_path / "bad") == {"done": good, "failed": 1}
    (name,) = (name for name, result in results(tmp_path / "bad").items() if result["status"] == "failed")
    assert "optim.lr=0.05" in name
    result = results(tmp_path / "bad")[name]
    assert result["error"] == "RuntimeError('the step broke')"
    assert f"optim.lr={0.05}" in result["overrides"]
    log = (tmp_path / "bad" / name / "train.log").read_text()
    assert "failed: optim=asgd optim.lr=0.05" in log
    assert "Traceback" in log
    assert "RuntimeError: the step broke" in log
    assert said.out.count("the step broke") >= 2  # at once, and in the table at the end
    others = [other for other in results(tmp_path / "good") if other != name]
    for other in others[::9]:
        same_run(tmp_path / "bad" / other, tmp_path / "good" / other, CLOSE["float64"])
    found, wanted = results(tmp_path / "bad"), results(tmp_path / "good")
    for other in others:
        same(found[other]["metrics"], wanted[other]["metrics"], CLOSE["float64"], other)
    before = tree(tmp_path / "bad")
    again = cli(*settings, "hydra.sweep.dir=bad")
    assert again.code == 0, again.err
    assert f"{good} of {good + 1} runs had ended before" in again.out
    changed = {path for path, content in tree(tmp_path / "bad").items() if before.get(path) != content}
    assert {path.partition("/")[0] for path in changed} <= {
        name,
        "leaderboard.csv",
        "leaderboard.md",
        "multirun.yaml",
        "stacks",  # one more, with the curves of that run
        "train.log",
    }
    same_run(tmp_path / "bad" / name, tmp_path / "good" / name, CLOSE["float64"])


def test_a_directory_that_cannot_be_made_is_that_runs_failure(cli: Cli, tmp_path: Path) -> None:
    settings = ("-m", "optim=sgd", "optim.lr=0.1,0.2,0.3", *QUICK)
    cli(*settings, "hydra.sweep.dir=good")
    names = list(results(tmp_path / "good"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / names[1]).write_text("in the way")
    said = cli(*settings, "hydra.sweep.dir=bad")
    assert said.code == 1
    assert "failed: optim=sgd optim.lr=0.2" in said.out
    assert list(results(tmp_path / "bad")) == [names[0], names[2]]
    for name in (names[0], names[2]):
        same_run(tmp_path / "bad" / name, tmp_path / "good" / name, CLOSE["float64"])
    assert (tmp_path / "bad" / names[1]).read_text() == "in the way"


def test_a_stack_that_stops_is_tried_in_halves(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the memory does not suffice after all."""
    settings = (
        "-m",
        "optim=sgd,momentum",
        "optim.lr=0.1,0.2,0.3,0.01",
        *QUICK,
        "logger=tensorboard",
        "logger.figures=false",
    )
    cli(*settings, "hydra.sweep.dir=good")
    residual = Squared.residual

    def small(self: Squared, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if len(logits) > 3:
            raise MemoryError("too many runs")
        return residual(self, logits, y)

    monkeypatch.setattr(Squared, "residual", small)
    said = cli(*settings, "hydra.sweep.dir=halves")
    assert said.code == 0, said.err
    same_sweep(tmp_path / "halves", tmp_path / "good", CLOSE["float64"])


def test_a_run_that_no_half_can_train_fails_alone(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from onelayer.model.module import OneLayer

    step = OneLayer.training_step

    def broken(self: OneLayer, block: Any, index: int) -> None:
        if any(one.lr == 0.3 for one in self.settings):
            raise ZeroDivisionError("what nobody foresaw")
        step(self, block, index)

    monkeypatch.setattr(OneLayer, "training_step", broken)
    said = cli("-m", "optim=sgd", "optim.lr=0.1,0.2,0.3,0.01,0.05", *QUICK, "hydra.sweep.dir=sweep")
    assert said.code == 1
    assert statuses(tmp_path / "sweep") == {"done": 4, "failed": 1}
    assert not list((tmp_path / "sweep").rglob("*.ckpt.*"))
    assert not list((tmp_path / "sweep" / ".stacks").glob("*"))


def test_fail_fast_stops_at_the_first_and_says_how_to_go_on(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("-m", "optim=asgd", "optim.lr=0.1,0.2,0.03", "seed=0,1", *QUICK, "hydra.sweep.dir=sweep")
    with monkeypatch.context() as broken:
        broken.setattr(torch.optim.ASGD, "step", raising(0.2, torch.optim.ASGD.step))
        said = cli(*settings, "hydra.launcher.fail_fast=true")
    assert said.code == 1
    assert statuses(tmp_path / "sweep") == {"failed": 1}
    assert "stopped at the first failure: 5 of 6 runs have not ended; go on with" in said.out
    said = cli(*settings)
    assert said.code == 0, said.err
    assert statuses(tmp_path / "sweep") == {"done": 6}


def test_a_diverged_run_is_no_failure(cli: Cli, tmp_path: Path) -> None:
    said = cli("-m", "optim=sgd", "optim.lr=0.1,1e30", *QUICK, "hydra.launcher.fail_fast=true", "hydra.sweep.dir=sweep")
    assert said.code == 0, said.err
    assert statuses(tmp_path / "sweep") == {"diverged": 1, "done": 1}


BAD = [
    (("optim.lr=0.1,oops",), "optim.lr=oops: must be"),
    (("+optim.betta=0.1,0.2",), "optim.betta: "),
    (("data=diabetes,linear", "data.split.val=0.9,0.1"), ""),
    (("data.source=diabetes,diabtes",), "did you mean 'diabetes'"),
]


@pytest.mark.parametrize(("settings", "reason"), BAD, ids=lambda one: str(one)[:40])
def test_a_bad_job_is_refused_before_any_starts(
    cli: Cli, tmp_path: Path, settings: tuple[str, ...], reason: str
) -> None:
    said = cli("-m", *settings, "hydra.sweep.dir=sweep")
    assert said.code == 1
    assert reason in said.err
    assert "jobs cannot be trained" in said.err
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_every_bad_job_is_listed_and_the_others_may_go_on(cli: Cli, tmp_path: Path) -> None:
    settings = ("-m", "optim=adam,sgd", "optim.lr=0.1,oops", "seed=0,-1", *QUICK, "hydra.sweep.dir=sweep")
    said = cli(*settings)
    assert said.code == 1
    assert "6 of 8 jobs cannot be trained:" in said.err
    for overrides in ("optim=adam optim.lr=oops seed=0", "optim=sgd optim.lr=0.1 seed=-1"):
        assert overrides in said.err
    assert list(tmp_path.iterdir()) == []
    said = cli(*settings, "hydra.launcher.skip_invalid=true")
    assert said.code == 0, said.err
    assert "6 of 8 jobs cannot be trained:" in said.out
    assert statuses(tmp_path / "sweep") == {"done": 2}
    said = cli("-m", "optim.lr=oops,-1", "hydra.launcher.skip_invalid=true", "hydra.sweep.dir=none")
    assert said.code == 1
    assert "2 of 2 jobs cannot be trained:" in said.err
    assert "there is no other to go on with" in said.err
    assert not (tmp_path / "none").exists()


def test_two_runs_with_one_directory_are_refused(cli: Cli, tmp_path: Path) -> None:
    said = cli("-m", "seed=0,1", "optim=sgd,adam", *QUICK, "hydra.sweep.subdir=${optim.name}")
    assert said.code == 1
    assert "2 of 4 jobs cannot be trained:" in said.err
    assert "is taken by another run; let hydra.sweep.subdir name all that differs" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("trainer.max_epochs=5",), "trainer.max_epochs was 3 there and is 5 here; choose another hydra.sweep.dir"),
        pytest.param(
            ("data.n_samples=300",),
            "data.n_samples was 200 there and is 300 here; choose another hydra.sweep.dir",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_was_made_from_another_configuration_is_not_touched(
    cli: Cli, tmp_path: Path, change: tuple[str, ...], said: str
) -> None:
    settings = ("-m", "optim.lr=0.1,0.2", *QUICK, "data=linear", "data.n_samples=200")
    place = ("hydra.sweep.dir=sweep", "hydra.sweep.subdir=${optim.lr}")
    assert cli(*settings, *place).code == 0
    before = tree(tmp_path / "sweep")
    refused = cli(*settings, *change, *place)
    assert refused.code == 1
    assert refused.err.count(said) == 1
    assert "(and 1 more for the same reason)" in refused.err
    after = tree(tmp_path / "sweep")
    assert {path: after[path] for path in before if path != "multirun.yaml"} == {
        path: content for path, content in before.items() if path != "multirun.yaml"
    }
    assert after.keys() == before.keys()


def test_results_of_other_data_or_another_format_are_refused(cli: Cli, tmp_path: Path) -> None:
    settings = ("-m", "optim.lr=0.1,0.2", *QUICK, "hydra.sweep.dir=sweep")
    cli(*settings)
    path = sorted((tmp_path / "sweep").glob("*/result.json"))[0]
    result = json.loads(path.read_text())
    for change, said in (
        ({"data_hash": "other"}, "that run was trained on other data"),
        ({"format": 0}, "result format 0, this version writes 1"),
    ):
        path.write_text(json.dumps(result | change))
        before = path.read_text()
        refused = cli(*settings)
        assert refused.code == 1
        assert said in refused.err
        assert path.read_text() == before
    path.write_text(json.dumps(result))
    for each in (tmp_path / "sweep").glob("*/result.json"):
        each.write_text(each.read_text().replace(result["data_hash"], "other"))
    refused = cli(*settings)
    assert refused.err.count("\n") == 1
    assert "that run was trained on other data; choose another hydra.sweep.dir (and 1 more for" in refused.err
    for each in (tmp_path / "sweep").glob("*/result.json"):
        each.write_text(each.read_text().replace('"other"', f'"{result["data_hash"]}"'))
    path.write_text(json.dumps(result)[:100])
    assert "1 of 2 runs had ended before" in cli(*settings).out  # torn by a power cut, so trained again
    path.write_text(json.dumps(result))
    assert cli(*settings).code == 0


def test_a_sweep_is_not_extended_with_a_table_that_has_changed(cli: Cli, tmp_path: Path) -> None:
    """Neither by other runs on its rows nor by another fold of them; other data that are named are other data."""
    x = np.arange(60.0)[:, None]
    settings = ("-m", *QUICK, "data=embeddings", "data.path=t.npz", "data.folds=3", "hydra.sweep.dir=sweep")

    def table(factor: float, name: str = "t.npz") -> None:
        np.savez(tmp_path / name, X=x, y=factor * x[:, 0] + 0.25 * (x[:, 0] % 7))

    table(2.5)
    assert cli(*settings, "data.fold=0,1", "optim.lr=0.1").code == 0
    before = tree(tmp_path / "sweep")
    table(2.75)
    for more in (("data.fold=0,1", "optim.lr=0.2"), ("data.fold=2", "optim.lr=0.1")):
        refused = cli(*settings, *more)
        assert refused.code == 1
        assert "that run was trained on other data, though its settings say the same of them" in refused.err
        assert tree(tmp_path / "sweep") == before
    table(2.5)
    table(2.75, "u.npz")
    assert cli(*settings, "data.fold=2", "optim.lr=0.1").code == 0
    other = cli(*settings, "data.path=u.npz", "data.fold=0", "optim.lr=0.1")
    assert other.code == 0, other.err
    assert "the runs saw 2 different data, which do not compare" in other.out


def test_what_does_not_change_the_numbers_may_change(cli: Cli, tmp_path: Path) -> None:
    settings = ("-m", "optim.lr=0.1,0.2", *QUICK, "hydra.sweep.subdir=${optim.lr}", "hydra.sweep.dir=sweep")
    cli(*settings)
    said = cli(*settings, "checkpoint_seconds=9", "logger.figures=false", "optim.lr=0.1,0.2,0.3")
    assert said.code == 0, said.err
    assert "2 of 3 runs had ended before" in said.out
    assert statuses(tmp_path / "sweep") == {"done": 3}
