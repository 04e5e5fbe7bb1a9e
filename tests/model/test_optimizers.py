"""Every optimizer's configuration is complete, reaches the optimum, and refuses what would have no effect."""

from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer

from onelayer.errors import UserError
from onelayer.links import LINKS
from onelayer.model.linear import Linear
from onelayer.model.module import OneLayer
from onelayer.model.objectives import BINARY, OBJECTIVES, Objective
from onelayer.model.optimizers import OptimizerSettings, build_optimizers, check_optimizer, refuse_minibatches
from tests.conftest import OPTIMIZERS, data_of, load
from tests.model.problems import configured

# the others are there after 1000
EPOCHS = {"lbfgs": 100, "rprop": 100, "asgd": 2000, "nadam": 2000, "radam": 2000, "sgd": 2000}


@pytest.mark.parametrize("source", ["linear", "logistic", "softmax"])
@pytest.mark.parametrize("optim", OPTIMIZERS)
def test_every_configuration_reaches_the_optimum(optim: str, source: str) -> None:
    objective = OBJECTIVES["squared" if source == "linear" else source]
    assert rel_gap(optim, source, objective, EPOCHS.get(optim, 1000)) <= 1e-6


@pytest.mark.parametrize(
    ("optim", "link"),
    [
        *((optim, "probit") for optim in ("adafactor", "adam", "momentum", "rprop")),
        *(("lbfgs", link) for link in LINKS),
    ],
)
def test_other_links_are_trained_like_the_logit(optim: str, link: str) -> None:
    assert rel_gap(optim, "logistic", BINARY[link], EPOCHS.get(optim, 1000)) <= 1e-6


def rel_gap(optim: str, source: str, objective: Objective, epochs: int) -> float:
    """What is left after some epochs of the configured learning rate, falling as a cosine, on the full batch.

    200 rows, 5 features, l2 = 0.1.
    """
    table = load(
        source,
        n_samples=200,
        n_features=5,
        n_informative=None,
        noise=0.1,
        rho=0.3,
        seed=0,
        **({"n_classes": 3} if source == "softmax" else {}),
    )
    data = data_of(table, val=0, test=0, normalize_target="standard" if source == "linear" else "none", dtype="float64")
    name, lr, args = configured(optim)
    # sign-like steps need a falling rate to end, and RAdam, once it has arrived, steps by rounding alone; Rprop has no
    # rate after its start; the others keep theirs
    falls = name in ("RMSprop", "NAdam", "RAdam", "Adafactor")
    named = objective.name in OBJECTIVES
    module = OneLayer(
        optimizer=name,
        lr=lr,
        optimizer_args=args,
        l2=0.1,
        scheduler="CosineAnnealingLR" if falls else None,
        scheduler_args={"T_max": epochs} if falls else None,
        objective=objective.name if named else "auto",
        link="logit" if named else objective.link.name,
    )
    module.tracked = True
    module.attach(data, max_epochs=epochs)
    module.on_fit_start()
    (block,) = data.train_dataloader()
    for _ in range(epochs):
        module.training_step(block, 0)
        if falls:
            module.schedule.advance("epoch")
            module._refresh_lr()
    module.measure_train()
    return float(module.values["train/rel_gap"])


def test_neighbours_of_equal_class_and_arguments_share_one_optimizer() -> None:
    adam = OptimizerSettings.of("Adam", 0.1, {"betas": [0.9, 0.99]})
    other = OptimizerSettings.of("Adam", 0.1, {"betas": [0.8, 0.99]})
    quick = OptimizerSettings.of("Adam", 0.9, {"betas": [0.9, 0.99], "weight_decay": 0.1})
    sgd = OptimizerSettings.of("SGD", 0.1, {})
    theta = torch.zeros(5, 1, 3)
    built = build_optimizers([adam, quick, other, sgd, sgd], theta, theta.clone(), Linear(2, 1, True))
    assert [rows for rows, _ in built] == [slice(0, 2), slice(2, 3), slice(3, 5)]


@pytest.mark.parametrize("optim", OPTIMIZERS)
def test_every_argument_of_the_class_is_written_out(optim: str) -> None:
    import inspect

    name, _, args = configured(optim)
    known = inspect.signature(getattr(torch.optim, name)).parameters.keys() - {"params", "lr"}
    assert args.keys() == known
    assert args.get("weight_decay", 0.0) == 0.0


@pytest.mark.parametrize("name", ["LBFGS", "Rprop"])
def test_minibatches_are_refused_where_the_full_batch_is_assumed(name: str) -> None:
    refuse_minibatches(name, steps_per_epoch=1)
    with pytest.raises(UserError, match=r"set data\.batch_size=full"):
        refuse_minibatches(name, steps_per_epoch=2)


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("Muon", {}, "does not fit a one-layer model: it updates matrices only"),
        ("SparseAdam", {}, "it takes sparse gradients"),
        ("Adm", {}, "did you mean 'Adam'"),
        ("Adam", {"beta": [0.9, 0.9]}, "optim.beta: Adam has no such argument; did you mean 'betas'"),
        ("Adam", {"betas": 0.9}, "optim.betas=0.9: expected something like"),
        ("Adam", {"betas": [0.9, 1.5]}, "Adam refused its arguments: Invalid beta parameter"),
        ("Adam", {"amsgrad": "yes"}, "optim.amsgrad=yes: expected something like False"),
        ("Adam", {"weight_decay": "much"}, "optim.weight_decay=much"),
        ("Adam", {"fused": 3}, "optim.fused=3"),
        ("SGD", {"nesterov": True}, "Nesterov momentum requires a momentum"),
        ("SGD", {"dampening": 0.5}, "has no effect without optim.momentum"),
        ("ASGD", {"t0": 10.0}, "optim.t0=10.0 has no effect"),
        ("Adam", {"decoupled_weight_decay": True}, "has no effect with optim.weight_decay=0"),
        ("Adam", {"maximize": True}, "onelayer minimises"),
        ("Rprop", {"weight_decay": 0.1}, "optim.weight_decay: Rprop has no such argument"),
        ("LBFGS", {"line_search_fn": "wolfe"}, "torch knows strong_wolfe and null"),
        ("Adafactor", {"eps": [None]}, "optim.eps"),
    ],
)
def test_arguments_that_are_wrong_or_without_effect_are_refused(name: str, args: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said.replace("(", r"\(")):
        check_optimizer(name, 0.1, args)


def test_lightning_runs_the_same_steps() -> None:
    """The trainer calls training_step once an epoch, and nothing in between touches the weights."""
    data = data_of(load("diabetes"), val=0, test=0, batch_size=32, normalize_target="standard")
    fitted = OneLayer(optimizer="Adam", lr=0.01)
    Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        limit_val_batches=0,
    ).fit(fitted, data)
    by_hand = OneLayer(optimizer="Adam", lr=0.01)
    by_hand.tracked = True
    by_hand.attach(data, max_epochs=3)
    by_hand.on_fit_start()
    for epoch in range(3):
        blocks = data.train_dataloader().dataset
        blocks.epoch = lambda epoch=epoch: epoch
        by_hand.training_step(blocks[0], 0)
    assert fitted.linear.theta.equal(by_hand.linear.theta)
