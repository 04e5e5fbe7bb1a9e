"""`OneLayer` as a user of Lightning tries it: a plain Trainer, its loggers and its callbacks."""

import copy
import csv
import itertools
import logging
import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    EarlyStopping,
    LearningRateFinder,
    LearningRateMonitor,
    ModelCheckpoint,
    StochasticWeightAveraging,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

import onelayer
from onelayer import DataModule, OneLayer
from onelayer.errors import UserError
from onelayer.model.module import Predictions
from tests.conftest import Outcome, result_of

Cli = Callable[..., Outcome]
EPOCHS = 4
# what Lightning says of machines, folders and loaders
SAID = (
    *(".*does not have many workers", ".*smaller than the logging interval", "GPU available but not used"),
    *(".*exists and is not empty", ".*have no `val_dataloader`"),
)
pytestmark = [pytest.mark.filterwarnings(f"ignore:{message}") for message in SAID]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.ERROR)
    yield
    log.setLevel(level)


def tumours(**settings: Any) -> DataModule:
    """Two classes."""
    return DataModule(source="breast_cancer", **settings)


def patients(**settings: Any) -> DataModule:
    """A number."""
    return DataModule(source="diabetes", **settings)


def flowers(**settings: Any) -> DataModule:
    """Three classes."""
    return DataModule(source="iris", **settings)


def plain(epochs: int = EPOCHS, *callbacks: Callback, **settings: Any) -> Trainer:
    """A Trainer of which nothing is told but how long."""
    silent = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    checkpoints = any(isinstance(callback, ModelCheckpoint) for callback in callbacks)
    keywords = {"max_epochs": epochs, "callbacks": [*callbacks], "enable_checkpointing": checkpoints, **silent}
    return Trainer(**{"accelerator": "cpu", **keywords, **settings})


def fitted(data: DataModule, epochs: int = EPOCHS, *callbacks: Callback, **keywords: Any) -> tuple[OneLayer, Trainer]:
    model, trainer = OneLayer(**keywords), plain(epochs, *callbacks)
    trainer.fit(model, datamodule=data)
    return model, trainer


def predicted(trainer: Trainer, model: OneLayer, data: Any) -> Predictions:
    """What a model says of the one block of some rows."""
    said: Any = trainer.predict(model, data)
    assert isinstance(said[0], Predictions)
    return said[0]


def theta(model: OneLayer) -> Tensor:
    return model.linear.theta.detach().clone()


@pytest.mark.parametrize("order", list(itertools.permutations(["fit", "validate", "test", "predict"])), ids="-".join)
def test_a_trainer_may_be_asked_in_any_order(order: tuple[str, ...]) -> None:
    """At zero weights two classes cost log 2; training is the same whatever was asked before."""
    data, model, trainer = tumours(), OneLayer(l2=1e-3), plain()
    for stage in order:
        said = getattr(trainer, stage)(model, datamodule=data)
        trained = order.index(stage) > order.index("fit")
        if stage == "predict":
            assert said[0].values.shape == (1, len(data.test), 2)
            assert bool((said[0].values == 0.5).all()) != trained
        elif stage != "fit":
            name = {"validate": "val"}.get(stage, stage)
            assert said[0].keys() == {f"{name}/{one}" for one in ("loss", "log_loss", "accuracy", "f1", "auroc")}
            assert said[0][f"{name}/loss"] == pytest.approx(float(model.values[f"{name}/loss"][0]))
            assert said[0][f"{name}/loss"] < 0.3 if trained else said[0][f"{name}/loss"] == pytest.approx(math.log(2))
    assert theta(model).equal(theta(fitted(tumours(), l2=1e-3)[0]))


# overrides of train.py, and the same in Python
CASES: dict[str, tuple[list[str], Callable[..., DataModule], dict[str, Any], dict[str, Any]]] = {
    "adam": (["data=breast_cancer", "model.l2=0.01"], tumours, {}, {"l2": 0.01}),
    "auto": (["data=diabetes", "optim=sgd", "optim.lr=auto"], patients, {}, {"optimizer": "sgd", "lr": "auto"}),
    "lbfgs in float64": (
        ["data=iris", "optim=lbfgs", "data.dtype=float64"],
        flowers,
        {"batch_size": "full", "dtype": "float64"},
        {"optimizer": "lbfgs"},
    ),
    "adam in float64": (
        ["data=iris", "data.dtype=float64", "model.l2=0.1"],
        flowers,
        {"dtype": "float64"},
        {"l2": 0.1},
    ),
    "a start of its own": (
        ["data=iris", "seed=7", "model.init=torch", "optim=momentum"],
        flowers,
        {"seed": 7},
        {"optimizer": "momentum", "seed": 7, "init": "torch"},
    ),
    "a schedule": (
        ["data=diabetes", "optim=nadam", "scheduler=cosine", "data.batch_size=64"],
        patients,
        {"batch_size": 64},
        {"optimizer": "nadam", "scheduler": "cosine"},
    ),
    "a schedule of steps": (
        ["data=diabetes", "optim=sgd", "scheduler=onecycle", "scheduler.pct_start=0.5"],
        patients,
        {},
        {"optimizer": "sgd", "scheduler": "onecycle", "scheduler_args": {"pct_start": 0.5}},
    ),
    "a plateau": (
        ["data=diabetes", "optim=sgd", "optim.lr=0.2", "scheduler=plateau", "scheduler.patience=0"],
        patients,
        {},
        {"optimizer": "sgd", "lr": 0.2, "scheduler": "plateau", "scheduler_args": {"patience": 0}},
    ),
    "two layers": (
        ["data=breast_cancer", "model=two_layers", "optim=adafactor"],
        tumours,
        {},
        {"optimizer": "adafactor", "hidden": 16, "init": "torch"},
    ),
    "a link": (["data=breast_cancer", "model.link=probit"], tumours, {}, {"link": "probit"}),
}


@pytest.mark.parametrize("case", CASES)
def test_weights_are_those_of_train_py_to_the_last_bit(cli: Cli, tmp_path: Path, case: str) -> None:
    """Those of the last epoch, and the best ones that Lightning's own ModelCheckpoint has kept."""
    overrides, rows, settings, keywords = CASES[case]
    said = cli(*overrides, "logger=none", f"trainer.max_epochs={EPOCHS}", f"hydra.run.dir={tmp_path / 'run'}")
    assert said.code == 0, said.err
    best = ModelCheckpoint(tmp_path, monitor="val/loss")
    model, _ = fitted(rows(**settings), EPOCHS, best, **keywords)
    assert list(model.state_dict()) == ["linear.theta"]
    for ours, theirs in (("last", None), ("best", best.best_model_path)):
        file = torch.load(tmp_path / "run" / "checkpoints" / f"{ours}.ckpt", weights_only=True)
        other = model.state_dict() if theirs is None else torch.load(theirs, weights_only=True)["state_dict"]
        assert file["state_dict"]["linear.theta"].equal(other["linear.theta"]), ours
    metrics = result_of(tmp_path / "run")["metrics"]
    for name in ("train/loss", "train/objective", "train/gap"):
        if metrics.get(name) is not None:
            assert float(model.values[name][0]) == pytest.approx(metrics[name], rel=1e-6), name


def test_weights_are_those_of_a_loop_in_plain_torch_over_the_same_batches() -> None:
    data = patients(batch_size=32, normalize_target="standard", dtype="float64")
    model, _ = fitted(data, 5, optimizer="adam", lr=0.02, l2=0.1, seed=3, init="torch")
    torch.manual_seed(3)
    layer = torch.nn.Linear(10, 1, dtype=torch.float64)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
    for epoch in range(5):
        blocks: Any = data.train_dataloader().dataset
        blocks.epoch = lambda epoch=epoch: epoch
        for x, y, _ in blocks[0].batches():
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(layer(x), y) + 0.05 * layer.weight.square().sum()
            torch.autograd.backward(loss)
            optimizer.step()
    (ours,) = theta(model)
    torch.testing.assert_close(ours[:, :10], layer.weight.detach(), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(ours[:, 10], layer.bias.detach(), rtol=1e-9, atol=1e-12)


def test_metrics_are_what_callbacks_and_loggers_see(tmp_path: Path) -> None:
    loggers = [CSVLogger(tmp_path, "csv"), TensorBoardLogger(tmp_path, "board")]
    model, trainer = OneLayer(l2=0.01), plain(logger=loggers, log_every_n_steps=1)
    trainer.fit(model, datamodule=patients())
    names = {f"val/{name}" for name in ("loss", "mse", "mae", "r2")}
    names |= {f"train/{name}" for name in ("loss", "objective", "gap", "rel_gap")}
    assert trainer.callback_metrics.keys() == names
    assert trainer.global_step == EPOCHS  # Lightning's batch is a block
    with (tmp_path / "csv" / "version_0" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    board = EventAccumulator(str(tmp_path / "board" / "version_0"))
    board.Reload()
    for name in names:
        column = [float(row[name]) for row in rows if row[name]]
        drawn = [event.value for event in board.Scalars(name)]
        assert len(column) == len(drawn) == EPOCHS
        assert column[-1] == pytest.approx(float(model.values[name][0]), rel=1e-6)
        np.testing.assert_allclose(drawn, column, rtol=1e-6)
    gaps = [event.value for event in board.Scalars("train/gap")]
    assert gaps == sorted(gaps, reverse=True)
    assert "optimizer: adam" in (tmp_path / "csv" / "version_0" / "hparams.yaml").read_text()


def test_a_stack_says_each_run_and_the_best_of_them() -> None:
    rates = np.geomspace(0.01, 0.3, 3)
    model, trainer = fitted(tumours(), optimizer=["adam", "sgd", "adam"], lr=rates, l2=0.01)
    seen = trainer.callback_metrics
    for name, best in (("val/loss", min), ("train/gap", min), ("val/accuracy", max)):
        each = [float(seen[f"{name}/{run}"]) for run in range(3)]
        assert float(seen[name]) == best(each)
        assert each == pytest.approx(model.values[name].tolist())
    (tested,) = trainer.test(model, datamodule=tumours())
    assert tested["test/auroc"] == max(tested[f"test/auroc/{run}"] for run in range(3))
    for run, (optimizer, lr) in enumerate(zip(["adam", "sgd", "adam"], rates, strict=True)):
        alone, _ = fitted(tumours(), optimizer=optimizer, lr=float(lr), l2=0.01)
        torch.testing.assert_close(model.linear.theta[run], alone.linear.theta[0], rtol=1e-4, atol=1e-5)


def test_early_stopping_stops_where_patience_does(cli: Cli, tmp_path: Path) -> None:
    said = cli("data=diabetes", "optim.lr=20", "patience=3", "trainer.max_epochs=200", "logger=none")
    assert said.code == 0, said.err
    stopping = EarlyStopping("val/loss", patience=3, min_delta=0.0)
    model, trainer = fitted(patients(), 200, stopping, lr=20.0)
    result = result_of(tmp_path)
    assert result["status"] == "stopped"
    assert trainer.current_epoch == result["epochs"]
    assert float(model.values["val/loss"][0]) > float(stopping.best_score)


@pytest.mark.parametrize(
    "keywords",
    [
        {"optimizer": "adam", "l2": 0.01},
        {"optimizer": "momentum", "scheduler": "exponential", "scheduler_args": {"interval": "step"}},
        {"optimizer": "radam", "scheduler": "plateau", "scheduler_args": {"patience": 0}},
        {"optimizer": ["adam", "asgd", "adafactor"], "lr": [0.1, 0.01, 0.1]},
    ],
    ids=lambda keywords: str(keywords["optimizer"]),
)
def test_resumed_equals_uninterrupted(tmp_path: Path, keywords: dict[str, Any]) -> None:
    """Weights to the last bit; callbacks go on, too."""

    def callbacks(folder: str) -> tuple[EarlyStopping, ModelCheckpoint]:
        best = ModelCheckpoint(tmp_path / folder, monitor="val/loss", save_last=True, save_top_k=2)
        return EarlyStopping("val/loss", patience=50), best

    whole, once = fitted(patients(), 6, *callbacks("whole"), **keywords)
    _, half = fitted(patients(), 3, *callbacks("half"), **keywords)
    model, again = OneLayer(**keywords), plain(6, *callbacks("half"))
    again.fit(model, datamodule=patients(), ckpt_path=tmp_path / "half" / "last.ckpt")
    assert (half.current_epoch, again.current_epoch) == (3, 6)
    assert theta(model).equal(theta(whole))
    assert again.callback_metrics == once.callback_metrics
    stopped, best = again.callbacks[0], again.checkpoint_callback  # type: ignore[attr-defined]
    assert isinstance(best, ModelCheckpoint)
    assert stopped.wait_count == once.callbacks[0].wait_count  # type: ignore[attr-defined]
    assert sorted(best.best_k_models.values()) == sorted(once.checkpoint_callback.best_k_models.values())  # type: ignore[union-attr]


def test_a_checkpoint_needs_neither_data_nor_trust(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path, monitor="val/loss", save_weights_only=True)
    keywords = {"optimizer": ["adam", "sgd"], "lr": np.array([0.1, 0.01]), "bias": False}
    model, trainer = fitted(flowers(), EPOCHS, best, **keywords)
    torch.load(best.best_model_path, weights_only=True)
    loaded = OneLayer.load_from_checkpoint(best.best_model_path)
    assert dict(loaded.hparams) == dict(model.hparams)
    assert loaded.hparams["lr"] == [0.1, 0.01]
    x = torch.randn(5, 4)
    assert loaded(x).shape == (2, 5, 3)
    data = flowers()
    data.setup()
    (said,) = plain().test(loaded, data.test_dataloader(), verbose=False)
    (tested,) = trainer.test(model, datamodule=data, ckpt_path="best", verbose=False)
    assert {name: said[name] for name in said} == {name: tested[name] for name in said}
    before = theta(loaded)
    plain(1).fit(loaded, datamodule=flowers())
    assert not theta(loaded).equal(before)  # weights go on, the optimizers begin anew


def test_checkpoints_of_train_py_are_loaded(cli: Cli, tmp_path: Path) -> None:
    settings = ("data=diabetes", "trainer.max_epochs=3", "logger=none")
    assert cli("-m", *settings, "optim=adam,sgd", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=${optim.name}").code == 0
    data = patients()
    data.setup()
    for run, name in enumerate(("Adam", "SGD")):
        folder = tmp_path / "sweep" / name
        model = OneLayer.load_from_checkpoint(folder / "checkpoints" / "best.ckpt")
        assert model.hparams["optimizer"] == [name], run
        said = predicted(plain(), model, data.test_dataloader())
        (chunk,) = data.test.chunks()
        x = data.prepared.x_scale.undo(chunk.x.numpy())
        np.testing.assert_allclose(said.values[0, :, 0], onelayer.load(folder).predict(x), rtol=1e-5)
        last = OneLayer.load_from_checkpoint(folder / "checkpoints" / "last.ckpt")
        assert last.linear.theta.shape == model.linear.theta.shape == (1, 1, 11)


def test_predictions_are_in_the_units_of_the_target() -> None:
    scaled, unscaled = patients(), patients(normalize_target="none")
    trained = fitted(scaled, 200, lr=0.1)
    for (model, trainer), data in ((trained, scaled), (fitted(unscaled, 1), unscaled)):
        said = predicted(trainer, model, data)
        wanted = said.logits.double().numpy() * data.prepared.y_scale.scale + data.prepared.y_scale.shift
        np.testing.assert_array_equal(said.values.numpy(), wanted)
    said = predicted(trained[1], trained[0], scaled)
    (chunk,) = unscaled.test.chunks()
    assert float((said.values[0, :, 0] - chunk.y[:, 0]).abs().mean()) < 60  # of a disease that spreads over 25 to 346
    model, trainer = fitted(flowers(), 20, lr=[0.1, 0.2])
    said = predicted(trainer, model, flowers())
    torch.testing.assert_close(said.values, said.logits.double().softmax(-1))


@pytest.mark.parametrize("stage", ["fit", "test", "predict"])
def test_a_trainer_without_our_data_says_what_to_pass(stage: str) -> None:
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(3, 2), torch.zeros(3)))
    with pytest.raises(UserError, match=rf"call trainer.{stage}\(model, datamodule=DataModule\(...\)\)"):
        getattr(plain(), stage)(OneLayer(), loader)


def test_what_does_not_fit_is_one_sentence() -> None:
    model, _ = fitted(patients(), 1)
    with pytest.raises(UserError, match="the model has task=regression and the data have task=binary; make a new"):
        plain().fit(model, datamodule=tumours())
    with pytest.raises(UserError, match=r"Trainer.precision='64-true'. contradicts the data, which are float32"):
        plain(precision="64-true").fit(OneLayer(), datamodule=patients())
    with pytest.raises(UserError, match="no test rows"):
        plain().test(fitted(patients(test=0), 1)[0], datamodule=patients(test=0))
    with pytest.raises(UserError, match="a regression run has no such metric; did you mean 'val/mse'"):
        plain().fit(OneLayer(monitor="val/mce"), datamodule=patients())
    with pytest.raises(UserError, match=r"LBFGS .* goes astray on minibatches; set batch_size=full"):
        plain().fit(OneLayer(optimizer="lbfgs"), datamodule=patients())
    with pytest.raises(UserError, match=r"^optimizer_args\.beta: Adam has no such argument; did you mean 'betas'"):
        plain().fit(OneLayer(optimizer_args={"beta": 1}), datamodule=patients())
    with pytest.raises(UserError, match=r"^lr=auto is 1/L, the step of gradient descent, and says nothing for Adam"):
        plain().fit(OneLayer(lr="auto"), datamodule=patients())


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"optimizer": "adm"}, "optimizer='adm': there is no such optimizer; did you mean 'adam'?"),
        ({"optimizer": ["adam", "sgd"], "lr": [1, 2, 3]}, "lr has 3 values and optimizer has 2; give lists of one"),
        ({"lr": -1}, "lr=-1: must be greater than 0"),
        ({"lr": []}, "lr=[]: there is no run; give a value for each"),
        ({"optimizer_args": {"lr": 1}}, "optimizer_args={'lr': 1}: 'lr' is a keyword of its own; set lr"),
        (
            {"scheduler": "cosine", "scheduler_args": {"name": "StepLR"}},
            "'name' is a keyword of its own; set scheduler",
        ),
        ({"l2": "much"}, "l2='much': must be a valid number"),
        ({"seed": -1}, "seed=-1: must be greater than or equal to 0"),
        ({"init": "ones"}, "init='ones': must be 'zeros', 'normal' or 'torch'"),
        ({"init_std": 0.1}, "init_std has no effect with init=zeros; set init=normal"),
        ({"scheduler": "cosin"}, "scheduler='cosin': there is no such scheduler; did you mean 'cosine'?"),
        ({"scheduler_args": {"gamma": 0.1}}, "has no effect without scheduler"),
        (
            {"hidden": 3, "init": "torch", "lr": "auto"},
            "lr=auto is 1/L, but with hidden=3 the curvature has no bound L",
        ),
        ({"bias": "no"}, "bias='no': must be True or False"),
        ({"reference": 0}, "reference=0: must be True or False"),
        ({"hidden": 2.5}, "hidden=2.5: must be an integer above 0, or None"),
        ({"hidden": 0}, "hidden=0: must be an integer above 0, or None"),
        ({"monitor": None}, "monitor=None: must be the name of a metric"),
        ({"objective": "logistc"}, "objective='logistc': there is no such objective; did you mean 'logistic'?"),
        ({"link": "probi"}, "link='probi': there is no such link; did you mean 'probit'?"),
        ({"hidden": 3}, "3 hidden units that start alike would stay alike; set init=torch or normal"),
    ],
)
def test_keywords_are_checked_at_once(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as raised:
        OneLayer(**keywords)
    assert message in str(raised.value)


def test_what_stops_an_optimizer_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(optimizer: torch.optim.Optimizer) -> None:
        raise RuntimeError("the step broke")

    monkeypatch.setattr(torch.optim.ASGD, "step", broken)
    with pytest.raises(RuntimeError, match="the step broke"):
        fitted(patients(), optimizer=["adam", "asgd"])


class Stop(Callback):
    """Ends a training in the middle."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error, self.threads = error, 0

    def on_train_batch_end(self, *args: object) -> None:
        self.threads = torch.get_num_threads()
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("error", [None, ValueError("stop"), KeyboardInterrupt()], ids=repr)
def test_small_steps_have_one_thread_which_is_given_back_however_they_end(error: BaseException | None) -> None:
    before, stop = torch.get_num_threads(), Stop(error)
    torch.set_num_threads(2)
    try:
        if error is None:
            fitted(patients(), 1, stop)
        else:
            with pytest.raises((ValueError, SystemExit)):  # Lightning's answer to Ctrl-C
                fitted(patients(), 1, stop)
        assert (stop.threads, torch.get_num_threads()) == (1, 2)
    finally:
        torch.set_num_threads(before)


def test_a_second_fit_goes_on_from_the_weights_with_new_optimizers() -> None:
    model, _ = fitted(patients(), 2, lr=0.5, scheduler="cosine")
    first = theta(model)
    plain(2).fit(model, datamodule=patients())
    assert not theta(model).equal(first)
    assert model.schedule.rates() == pytest.approx([0.0])
    other = OneLayer(lr=0.5, scheduler="cosine")
    data = patients()
    data.setup()
    other.attach(data)
    other.linear.theta.data.copy_(first)
    plain(2).fit(other, datamodule=patients())
    assert theta(other).equal(theta(model))


def test_without_a_reference_there_is_no_gap() -> None:
    model, trainer = fitted(patients(), 1, reference=False)
    assert model.truth is not None
    assert model.truth.references[0].note == "skipped: reference=False"
    assert not any("gap" in name for name in trainer.callback_metrics)


def test_a_metric_that_costs_much_is_measured_each_epoch_where_it_is_named() -> None:
    assert "val/auroc" not in fitted(tumours(), 1)[1].callback_metrics
    assert "val/auroc" in fitted(tumours(), 1, monitor="val/auroc")[1].callback_metrics


def test_learning_rates_are_logged_run_by_run(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    stack = OneLayer(lr=[0.1, 0.01], scheduler="StepLR", scheduler_args={"step_size": 1, "gamma": 0.5})
    plain(2, LearningRateMonitor(logging_interval="epoch"), logger=logger).fit(stack, datamodule=tumours())
    with (Path(logger.log_dir) / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["lr-Blocks/0"]]
    assert [float(row["lr-Blocks/0"]) for row in rows] == [0.1, 0.05]
    assert [float(row["lr-Blocks/1"]) for row in rows] == [0.01, 0.005]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["deep", "pickle"])
@pytest.mark.parametrize("keywords", [{}, {"optimizer": ["sgd", "adam"], "l2": 0.1, "scheduler": "cosine"}])
def test_copies_go_on_as_what_they_are_copies_of(copied: Callable[[Any], Any], keywords: dict[str, Any]) -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    data, model = DataModule(X=x, y=x.sum(1)), OneLayer(**keywords)
    fresh, again = copied(data), copied(model)
    plain().fit(model, datamodule=data)
    plain().fit(again, datamodule=fresh)
    assert torch.equal(model.linear.theta, again.linear.theta)
    later = copied(model)
    plain().fit(model, datamodule=data)
    plain().fit(later, datamodule=copied(data))
    assert torch.equal(model.linear.theta, later.linear.theta)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"limit_train_batches": 2},
            r"Trainer\(limit_train_batches=2\) has no effect: .* a block of all rows; leave it",
        ),
        ({"limit_val_batches": 3}, r"Trainer\(limit_val_batches=3\) has no effect"),
        ({"overfit_batches": 1}, r"Trainer\(overfit_batches=1\) has no effect"),
        ({"val_check_interval": 0.5}, r"Trainer\(val_check_interval=0.5\) has no effect"),
        ({"callbacks": [LearningRateFinder()]}, "^LearningRateFinder works on a model that Lightning optimizes"),
        ({"callbacks": [StochasticWeightAveraging(0.1)]}, "^StochasticWeightAveraging works on a model that"),
    ],
)
def test_what_a_trainer_cannot_do_here_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plain(**settings).fit(OneLayer(), datamodule=patients())


def test_a_trainer_may_try_itself_out() -> None:
    plain(fast_dev_run=2).fit(OneLayer(), datamodule=patients())
    plain(limit_val_batches=0).fit(OneLayer(), datamodule=patients())


def test_weights_are_not_used_on_rows_of_another_scaling(tmp_path: Path) -> None:
    model, trainer = fitted(patients())
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    for trained in (model, OneLayer.load_from_checkpoint(tmp_path / "last.ckpt")):
        for other in (patients(split_seed=7), patients(normalize="minmax"), patients(normalize_target="none")):
            with pytest.raises(UserError, match="these data are scaled by other train rows than those of the model"):
                plain().test(trained, datamodule=other)
        plain().test(trained, datamodule=patients(batch_size=7), verbose=False)
        plain(1).fit(trained, datamodule=patients(split_seed=7))  # goes on with other rows
        plain().test(trained, datamodule=patients(split_seed=7), verbose=False)


def test_a_training_goes_on_with_the_settings_it_had(tmp_path: Path) -> None:
    _, trainer = fitted(patients(), 1, lr=[0.1, 0.2])
    trainer.save_checkpoint(path := tmp_path / "last.ckpt")
    for keywords, message in (
        ({"lr": [0.1, 0.3]}, r"lr=\[0.1, 0.3\], but the checkpoint was trained with lr=\[0.1, 0.2\]; resume with the"),
        (
            {"lr": [0.1, 0.2], "optimizer": "sgd"},
            "optimizer='sgd', but the checkpoint was trained with optimizer='adam",
        ),
        ({"lr": 0.1}, "the checkpoint holds 2 runs, and this model has 1"),
    ):
        with pytest.raises(UserError, match=message):
            plain(2).fit(OneLayer(**keywords), datamodule=patients(), ckpt_path=path)
    plain(2).fit(OneLayer(lr=(0.1, 0.2)), datamodule=patients(), ckpt_path=path)
    with pytest.raises(UserError, match="the checkpoint holds 2 runs, and this model has 1"):
        OneLayer.load_from_checkpoint(path, lr=0.1)
    other = OneLayer.load_from_checkpoint(path, lr=[0.1, 0.3])
    plain(2).fit(other, datamodule=patients())


def test_a_cast_is_refused_as_it_would_have_no_effect() -> None:
    with pytest.raises(UserError, match=r"OneLayer was cast to torch.float64 and the data are torch.float32; set"):
        plain().fit(OneLayer().double(), datamodule=patients())
    model, trainer = fitted(patients(dtype="float64"))
    trainer.test(model.double(), datamodule=patients(dtype="float64"), verbose=False)


def test_loaders_of_others_are_refused_by_a_model_that_was_trained() -> None:
    model, trainer = fitted(patients())
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(3, 10), torch.zeros(3)))
    with pytest.raises(UserError, match=r"this loader yields a list; give datamodule=DataModule\(...\) instead"):
        trainer.test(model, loader)


def test_a_run_that_diverges_says_so_once() -> None:
    with pytest.warns(UserWarning, match=r"OneLayer: run 1 \(SGD, lr=1e\+06\) has diverged") as warned:
        fitted(patients(), optimizer="sgd", lr=[0.01, 1e6])
    assert sum("diverged" in str(one.message) for one in warned) == 1
