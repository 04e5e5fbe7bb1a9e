"""What cannot be trained is refused alone, in a sweep, by an estimator and a plain Trainer, in the same sentence."""

from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from lightning.pytorch import Trainer
from omegaconf import OmegaConf
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from onelayer.check import Answers, check_run
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.errors import UserError, rename_keys
from onelayer.estimators.classifier import OneLayerClassifier
from onelayer.estimators.regressor import OneLayerRegressor
from onelayer.estimators.settings import in_our_words
from onelayer.estimators.sweep import sweep
from onelayer.model.module import OneLayer
from onelayer.model.settings import NAMES as NAMES_OF_KEYWORDS
from onelayer.run import train
from onelayer.sweeps.jobs import Jobs
from onelayer.terminal.overrides import run_name
from onelayer.track.results import Run
from tests.conftest import composed
from tests.sweeps.conftest import loader as loader

CANCER, IRIS = "data=breast_cancer", "data=iris"
# a target of zeros
FLAT = ("data=linear", "data.n_features=1", "data.weight=[0]", "data.bias=0.0", "data.noise=0.0")
ROWS = {"data=diabetes": load_diabetes, CANCER: load_breast_cancer, IRIS: load_iris}
MODELS: dict[str, Literal["linear", "logistic", "softmax"]] = {
    "data=diabetes": "linear",
    CANCER: "logistic",
    IRIS: "softmax",
}
# overrides, how the sentence begins, and the parameters of an estimator that say the same; {} where it has none such
BAD: list[tuple[list[str], str, dict[str, Any]]] = [
    (["optim.lr=0.0"], "optim.lr=0.0: must be greater than 0", {"lr": 0.0}),
    (["model.l2=-1.0"], "model.l2=-1.0: must be greater than or equal to 0", {"l2": -1.0}),
    (["data.normalize=max"], "data.normalize=max: must be 'standard', 'minmax', ", {"normalize": "max"}),
    (["data.dtype=float16"], "data.dtype=float16: must be 'float32' or 'float64'", {"dtype": "float16"}),
    (["data.split.val=0", "patience=5"], "patience=5 watches val/loss, which data.split.val=0 leaves", {"patience": 5}),
    (
        ["optim.betas=[0.9,1.5]"],
        "optim: Adam refused its arguments: Invalid beta",
        {"optim": "adam", "optim_args": {"betas": [0.9, 1.5]}},
    ),
    (
        ["optim.betas=0.9"],
        "optim.betas=0.9: expected something like (0.9, 0.999)",
        {"optim": "adam", "optim_args": {"betas": 0.9}},
    ),
    (
        ["+optim.beta=0.9"],
        "optim.beta: Adam has no such argument; did you mean 'betas'?",
        {"optim": "adam", "optim_args": {"beta": 0.9}},
    ),
    (
        ["optim.maximize=true"],
        "optim.maximize=true: onelayer minimises the objective",
        {"optim": "adam", "optim_args": {"maximize": True}},
    ),
    (
        ["optim=sgd", "optim.dampening=0.5"],
        "optim.dampening=0.5 has no effect without optim.momentum",
        {"optim": "sgd", "optim_args": {"dampening": 0.5}},
    ),
    (
        ["optim.lr=auto"],
        "optim.lr=auto is 1/L, the step of gradient descent, and says nothing for Adam",
        {"optim": "adam", "lr": "auto"},
    ),
    (
        ["optim=sgd", "optim.lr=auto", CANCER, "model.link=cloglog"],
        "optim.lr=auto is 1/L, but with model.link=cloglog the curvature has no bound",
        {"optim": "sgd", "lr": "auto", "link": "cloglog"},
    ),
    (
        [IRIS, "model.link=probit"],
        "model.link=probit is for a binary target, but the task is multiclass",
        {"link": "probit"},
    ),
    (
        ["optim=lbfgs", "data.batch_size=10"],
        "LBFGS compares the gradients of successive",
        {"optim": "lbfgs", "batch_size": 10},
    ),
    (
        ["optim=rprop", "data.batch_size=10"],
        "Rprop compares the gradients of successive",
        {"optim": "rprop", "batch_size": 10},
    ),
    (["optim.name=Muon"], "optim.name=Muon does not fit a one-layer model: it updates matrices only", {}),
    (
        ["optim=rprop", "scheduler=cosine"],
        "Rprop reads optim.lr at its first step only, so a scheduler has no effect",
        {},
    ),
    (["scheduler.name=Foo"], "scheduler.name=Foo: there is no such scheduler", {}),
    (["scheduler=step", "scheduler.step_size=0"], "scheduler StepLR refused its arguments", {}),
    (["scheduler=onecycle", "scheduler.pct_start=2.0"], "scheduler OneCycleLR refused its arguments", {}),
    (["data.folds=3"], "data.folds=3 needs data.fold, the one that validates, from 0 to 2", {}),
    (["data.folds=3", "data.fold=3"], "data.fold=3: with data.folds=3 it must be from 0 to 2", {}),
    (["model.objective=softmax"], "model.objective=softmax fits a multiclass target, but the task is regression", {}),
    ([IRIS, "model=linear"], "model.objective=squared fits a regression target, but the task is multiclass", {}),
    (["data.split.val=0.6", "data.split.test=0.5"], "data.split: val=0.6 and test=0.5 take 266 + 221 of 442 rows", {}),
    (["monitor=val/accuracy"], "monitor=val/accuracy: a regression run has no such metric", {}),
    (["monitor=val/r2", "data.split.val=0"], "monitor=val/r2: there are no validation rows; set data.split.val", {}),
    (["monitor=val/r2", "data.split.val=1"], "monitor=val/r2 has no value: there is one validation row; set", {}),
    (
        [CANCER, "monitor=val/auroc", "data.split.val=1", "data.split.stratify=false"],
        "monitor=val/auroc has no value: none of the validation rows is of class '",
        {},
    ),
    (["monitor=train/weight_error"], "monitor=train/weight_error: the true weights of data=diabetes are not known", {}),
    (
        ["monitor=train/weight_error", "data=linear", "model=two_layers"],
        "monitor=train/weight_error: no true weights are known of model.hidden=16 units",
        {},
    ),
    (["monitor=train/weight_error", *FLAT], "monitor=train/weight_error has no value: the true weights are all 0", {}),
    (["monitor=train/gap", CANCER], "monitor=train/gap: there is nothing to measure it against (no finite optimum", {}),
    (["monitor=train/rel_gap", *FLAT], "monitor=train/rel_gap has no value: zero weights are the optimum already", {}),
    (["resume=nowhere"], "resume=nowhere: no checkpoints/last.ckpt there", {}),
]
# overrides, keywords of OneLayer that say the same, and the batch size of its data
LIBRARY: list[tuple[list[str], dict[str, Any], int]] = [
    (["optim.betas=[0.9,1.5]"], {"optimizer_args": {"betas": [0.9, 1.5]}}, 32),
    (["+optim.beta=0.9"], {"optimizer_args": {"beta": 0.9}}, 32),
    (["optim.lr=auto"], {"lr": "auto"}, 32),
    (
        ["optim=sgd", "optim.lr=auto", CANCER, "model.link=cloglog"],
        {"optimizer": "sgd", "lr": "auto", "link": "cloglog"},
        32,
    ),
    (["optim=lbfgs", "data.batch_size=10"], {"optimizer": "lbfgs"}, 10),
    (["optim.name=Muon"], {"optimizer": "Muon"}, 32),
    (["optim=rprop", "scheduler=cosine"], {"optimizer": "rprop", "scheduler": "cosine"}, 400),
    (["scheduler=step", "scheduler.step_size=0"], {"scheduler": "step", "scheduler_args": {"step_size": 0}}, 32),
    (["model.objective=softmax"], {"objective": "softmax"}, 32),
    (["monitor=val/accuracy"], {"monitor": "val/accuracy"}, 32),
]
NAMES = [" ".join(overrides) for overrides, _, _ in BAD]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a single run says of each."""
    folder, said = tmp_path_factory.mktemp("alone"), {}
    for name, (overrides, _, _) in zip(NAMES, BAD, strict=True):
        with pytest.raises(UserError) as error:
            train(Run(RunSpec.from_config(composed(*overrides)), folder))
        said[name] = str(error.value)
    assert not any(folder.iterdir())
    return said


def test_each_is_refused_in_one_sentence(alone: dict[str, str]) -> None:
    for name, (_, beginning, _) in zip(NAMES, BAD, strict=True):
        assert alone[name].startswith(beginning)
        assert "\n" not in alone[name]


def test_a_sweep_refuses_what_is_refused_alone(loader: ConfigLoader, alone: dict[str, str], tmp_path: Path) -> None:
    OmegaConf.register_new_resolver("run_name", run_name, replace=True)
    master = loader.load_configuration("train", [f"hydra.sweep.dir={tmp_path}"], run_mode=RunMode.MULTIRUN)
    jobs = Jobs(loader, master, [overrides for overrides, _, _ in BAD], 0, skip_invalid=True)
    assert jobs.valid == []
    for name, sentence in alone.items():
        assert f"  {sentence}\n      {name}" in jobs.refusal


@pytest.mark.parametrize(
    ("overrides", "parameters"), [(overrides, parameters) for overrides, _, parameters in BAD if parameters]
)
def test_an_estimator_and_its_sweep_refuse_it_in_the_same_sentence(
    alone: dict[str, str], overrides: list[str], parameters: dict[str, Any]
) -> None:
    data = next((override for override in overrides if override in ROWS), "data=diabetes")
    x, y = ROWS[data](return_X_y=True)
    estimator = OneLayerRegressor if data == "data=diabetes" else OneLayerClassifier
    wanted = str(in_our_words(UserError(alone[" ".join(overrides)])))
    with pytest.raises(ValueError, match=r"\w") as fitted:
        estimator(**parameters).fit(x, y)
    assert str(fitted.value) == wanted
    with pytest.raises(ValueError, match=r"\w") as swept:
        sweep(x, y, model=MODELS[data], grid={name: [value] for name, value in parameters.items()}, folds=3)
    assert str(swept.value) == f"{wanted}  (first in {parameters})"


@pytest.mark.parametrize(("overrides", "keywords", "batch_size"), LIBRARY)
def test_a_plain_trainer_refuses_it_in_the_same_sentence(
    alone: dict[str, str], overrides: list[str], keywords: dict[str, Any], batch_size: int
) -> None:
    source = "breast_cancer" if CANCER in overrides else "diabetes"
    trainer = Trainer(max_epochs=1, logger=False, enable_progress_bar=False, enable_checkpointing=False)
    with pytest.raises(UserError) as error:
        trainer.fit(OneLayer(**keywords), datamodule=DataModule(source=source, batch_size=batch_size))
    assert str(error.value) == rename_keys(alone[" ".join(overrides)], NAMES_OF_KEYWORDS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_device_is_refused_before_anything_is_read() -> None:
    spec = RunSpec.from_config(composed("trainer=gpu", "data=table", "data.path=nowhere.csv", "data.target=y"))
    with pytest.raises(UserError, match=r"^trainer\.accelerator=gpu: torch finds no such device"):
        check_run(spec)


def test_each_question_is_asked_once() -> None:
    asked: list[tuple[str, int]] = []

    def rule(name: str, number: int) -> int:
        asked.append((name, number))
        if number < 0:
            raise UserError(f"{name}={number}: must not be below 0")
        return number

    answers = Answers()
    assert [answers(rule, "a", number) for number in (1, 2, 1, 1)] == [1, 2, 1, 1]
    for _ in range(2):
        with pytest.raises(UserError, match=r"^a=-1: must not be below 0$"):
            answers(rule, "a", -1)
    assert asked == [("a", 1), ("a", 2), ("a", -1)]
