"""From the parameters of an estimator to the specification of a run, checked by the same rules."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onelayer.config import RunSpec
from onelayer.errors import UserError, did_you_mean, rename_keys
from onelayer.model.presets import preset, preset_names

# what errors call a key, and what the estimators call it
NAMES = {
    "data.target=y": "y",
    "data.split.val": "val",
    "data.batch_size": "batch_size",
    "data.normalize_target": "normalize_target",
    "data.normalize": "normalize",
    "data.dtype": "dtype",
    "data.sample_weight": "sample_weight",
    "data.folds": "folds",
    "model.l2": "l2",
    "model.bias": "bias",
    "model.link": "link",
    "model.init": "init",
    "optim.lr": "lr",
    "trainer.max_epochs": "max_epochs",
    "trainer.accelerator": "accelerator",
    "trainer": "accelerator",
    "optim": "optim_args",
    "seed": "random_state",
}
MONITOR = "val/loss"


class InputError(UserError, ValueError):
    """What scikit-learn's tools expect to be raised: a `ValueError` that is a sentence for the user."""


def optimizer_defaults(name: str) -> dict[str, Any]:
    """Return the class of `torch.optim` and its arguments, as conf/optim/<name>.yaml has them.

    Raises:
        InputError: there is no such file.
    """
    known = preset_names("optim")
    if name not in known:
        raise InputError(f"optim={name!r}: there is no such optimizer{did_you_mean(str(name), known) or _list(known)}")
    return dict(preset("optim", name))


def spec_of(parameters: Mapping[str, Any], *, objective: str, rows: str = "") -> RunSpec:
    """Return the run that an estimator's parameters ask for.

    Args:
        parameters: of the estimator; `class_weight`, which goes by labels, and what trains nothing are left aside.
        objective: squared, logistic or softmax.
        rows: names what else makes the rows of two runs differ.

    Raises:
        InputError: one sentence for each parameter that is of the wrong kind, or has no effect beside the others.
    """
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in parameters.items()}
    optim = optimizer_defaults(plain["optim"])
    more = plain["optim_args"] or {}
    if not isinstance(more, Mapping):
        raise InputError(f"optim_args={more!r}: expected arguments of the optimizer, such as {{'momentum': 0.9}}")
    for name in ("name", "lr"):
        if name in more:
            raise InputError(f"optim_args={more!r}: '{name}' is a parameter of its own; set {_own(name)}")
    optim |= dict(more)
    if plain["lr"] is not None:
        optim["lr"] = plain["lr"]
    config = {
        "seed": plain["random_state"],
        "task": None,
        "monitor": MONITOR,
        "patience": plain["patience"],
        "checkpoint_seconds": 1e9,
        "resume": None,
        "data": {
            "source": "memory",
            "rows": rows,
            "split": {"val": plain["val"], "test": 0, "seed": 0, "shuffle": True, "stratify": False, "by": None},
            "folds": None,
            "fold": None,
            "repeats": 1,
            "class_weight": None,
            "normalize": plain["normalize"],
            "normalize_target": plain.get("normalize_target", "none"),
            "batch_size": plain["batch_size"],
            "shuffle": True,
            "dtype": plain["dtype"],
        },
        "model": {
            "objective": objective,
            "link": plain.get("link", "logit"),
            "l2": plain["l2"],
            "bias": plain["bias"],
            "init": plain["init"],
            "init_std": None,
        },
        "optim": optim,
        "scheduler": {"name": None},
        "trainer": {
            "accelerator": plain["accelerator"],
            "devices": 1,
            "precision": None,
            "max_epochs": plain["max_epochs"],
            "max_time": None,
            "check_val_every_n_epoch": 1,
            "deterministic": False,
            "enable_progress_bar": False,
        },
        "logger": {"tensorboard": False, "figures": False, "max_live_runs": 0, "max_figures": 0},
    }
    try:
        spec = RunSpec.from_config(config)
    except UserError as error:
        raise in_our_words(error) from None
    if spec.trainer.max_epochs == 0:  # a run may measure its start; what is fitted has been trained
        raise InputError("max_epochs=0: must be greater than 0")
    return spec


def in_our_words(error: UserError) -> InputError:
    """Call the keys of a configuration what the estimators call them."""
    if isinstance(error, InputError):
        return error
    return InputError(rename_keys(str(error), NAMES))


def _own(name: str) -> str:
    return "optim" if name == "name" else name


def _list(known: Sequence[str]) -> str:
    return f"; there are {', '.join(known)}"
