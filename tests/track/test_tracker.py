"""Every run of a stack is followed for itself: best weights, patience, divergence."""

import logging
from pathlib import Path

import pytest
import torch

from onelayer.config import RunSpec
from onelayer.track.curves import Curves
from onelayer.track.judge import Judge
from onelayer.track.overview import Overview
from onelayer.track.progress import EpochBar
from onelayer.track.tracker import Tracker
from onelayer.training import stack_of, trainer_of
from tests.conftest import composed, data_by

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def trained(folder: Path, rates: list[float], *overrides: str) -> tuple[Tracker, torch.Tensor]:
    """Train one stack, a run for each learning rate, and keep all of them in it."""
    specs = [RunSpec.from_config(composed(f"optim.lr={rate}", "data.batch_size=full", *overrides)) for rate in rates]
    data = data_by(specs[0])
    module = stack_of(specs)
    module.attach(data, max_epochs=specs[0].trainer.max_epochs)
    tracker = Tracker(
        Judge(specs[0].monitor, [spec.patience for spec in specs]),
        names=[str(rate) for rate in rates],
        validates=len(data.val) > 0,
        path=folder / "last.ckpt",
        checkpoint_seconds=1e9,
        data_hash="",
        curves=Curves([], "none"),
        overview=Overview(None, specs[0].monitor),
        bar=EpochBar(specs[0].trainer.max_epochs, shown=False),
    )
    trainer_of(specs[0], tracker, max_epochs=specs[0].trainer.max_epochs).fit(module, data)
    tracker.judge.finish(module, specs[0].trainer.max_epochs)
    return tracker, module.linear.theta.detach()


SGD = ("optim=sgd", "trainer.max_epochs=60")


def test_statuses_are_each_runs_own(tmp_path: Path) -> None:
    tracker, theta = trained(tmp_path, [0.1, 1e3, 1e-3], *SGD, "patience=5")
    assert tracker.judge.status == ["stopped", "diverged", "done"]
    assert tracker.judge.epochs[0] < 60
    assert tracker.judge.epochs[1] < 5
    assert tracker.judge.epochs[2] == 60
    assert theta[0].isfinite().all()


def test_a_stack_ends_as_its_runs_would_alone(tmp_path: Path) -> None:
    rates = [0.1, 1e3, 1e-3, 0.03]
    together, _ = trained(tmp_path, rates, *SGD, "patience=5")
    for run, rate in enumerate(rates):
        alone, _ = trained(tmp_path, [rate], *SGD, "patience=5")
        assert alone.judge.status[0] == together.judge.status[run]
        assert alone.judge.epochs[0] == together.judge.epochs[run]
        assert alone.judge.best_epoch[0] == together.judge.best_epoch[run]
        torch.testing.assert_close(alone.judge.best_theta[0], together.judge.best_theta[run], rtol=1e-5, atol=1e-6)


def test_a_stack_in_which_all_have_ended_ends(tmp_path: Path) -> None:
    tracker, _ = trained(tmp_path, [1e3, 1e4], *SGD)
    assert tracker.judge.status == ["diverged", "diverged"]
    assert max(tracker.judge.epochs) < 60


def test_the_best_weights_are_those_of_the_best_epoch(tmp_path: Path) -> None:
    """The same training, ended at the best epoch, ends with the weights that were kept."""
    tracker, _ = trained(tmp_path, [0.1], *SGD)
    (epoch,) = tracker.judge.best_epoch
    assert 0 < epoch < 60
    _, theta = trained(tmp_path, [0.1], *SGD, f"trainer.max_epochs={epoch}")
    assert tracker.judge.best_theta.equal(theta)


@pytest.mark.parametrize("monitor", ["val/r2", "train/loss", "train/gap"])
def test_other_metrics_can_choose(tmp_path: Path, monitor: str) -> None:
    tracker, _ = trained(tmp_path, [0.1], *SGD, f"monitor={monitor}")
    assert tracker.judge.best_epoch == [
        60 if monitor.startswith("train") else trained(tmp_path, [0.1], *SGD)[0].judge.best_epoch[0]
    ]


def test_without_validation_rows_the_last_weights_are_kept(tmp_path: Path) -> None:
    tracker, theta = trained(tmp_path, [0.1], *SGD, "data.split.val=0")
    assert tracker.judge.best_epoch == [60]
    assert tracker.judge.best_theta.equal(theta)


@pytest.mark.parametrize("more", [(), ("patience=3",), ("scheduler=plateau", "scheduler.patience=0")], ids=str)
def test_a_monitor_without_a_value_neither_stops_nor_slows_a_run_nor_chooses_its_weights(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    """r2 of one row is undefined; the training is that which nothing watches."""
    undefined, theta = trained(tmp_path, [0.1, 0.01], *SGD, "monitor=val/r2", "data.split.val=1", *more)
    _, free = trained(tmp_path, [0.1, 0.01], *SGD, "data.split.val=1")
    assert undefined.judge.status == ["done", "done"]
    assert undefined.judge.best_epoch == [60, 60]
    assert undefined.judge.best_theta.equal(theta)
    assert theta.equal(free)


@pytest.mark.parametrize(("monitor", "best"), [("val/loss", 0), ("val/r2", 1)])
def test_the_bar_shows_the_run_that_is_best(tmp_path: Path, monitor: str, best: int) -> None:
    tracker, _ = trained(tmp_path, [0.1, 0.01], *SGD, "trainer.max_epochs=1", f"monitor={monitor}")
    values = {
        "train/objective": torch.tensor([3.0, 2.0, torch.nan]),
        "val/loss": torch.tensor([0.3, 0.5, torch.nan]),
        "val/r2": torch.tensor([0.5, 0.7, torch.nan]),
    }
    module = type("Measured", (), {"values": values})()
    shown = tracker._headline(module)
    objective = pytest.approx(float(values["train/objective"][best]))
    assert shown == {"objective": objective, monitor: pytest.approx(float(values[monitor][best]))}


def test_frozen_runs_no_longer_wait(tmp_path: Path) -> None:
    tracker, _ = trained(tmp_path, [0.1, 1e-3], *SGD, "patience=5")
    assert tracker.judge.status == ["stopped", "done"]
    assert tracker.judge._waited.tolist() == [5, 0]
