"""Going on from another run's last.ckpt."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelayer.config import RunSpec
from onelayer.errors import UserError
from onelayer.filenames import LAST, RESULT
from onelayer.stored_config import stored_spec

# what a resumed run may set anew; everything else must be as it was
FREE: dict[str, Any] = dict.fromkeys(("resume", "patience", "checkpoint_seconds", "logger"), True)
FREE["trainer"] = {"accelerator", "devices", "max_epochs", "max_time", "enable_progress_bar"}


def last_checkpoint(spec: RunSpec) -> Path | None:
    """Return the checkpoint to go on from; None without `resume`."""
    return None if spec.resume is None else Path(spec.resume) / LAST


def refuse_resume(spec: RunSpec, data_hash: str) -> None:
    """Refuse to go on where that would be another training.

    Raises:
        UserError: there is no checkpoint, or it belongs to another configuration, other data, or a run that has ended.
    """
    if spec.resume is None:
        return
    import torch

    directory, path = Path(spec.resume), Path(spec.resume) / LAST
    if not path.is_file():
        raise UserError(f"resume={spec.resume}: no {LAST} there; that run failed or ended before its first checkpoint")
    refuse_other(spec, stored_spec(directory))
    state: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    tracked = state["callbacks"]["Tracker"]
    if tracked["data_hash"] != data_hash:
        raise UserError(f"resume={spec.resume}: that run was trained on other data")
    judged = tracked["judge"]
    done = max(judged["epochs"])
    if "diverged" in judged["status"]:
        raise UserError(f"resume={spec.resume}: that run diverged at epoch {done}; start anew with a smaller optim.lr")
    unfinished = done == spec.trainer.max_epochs and not (directory / RESULT).exists()
    if done >= spec.trainer.max_epochs and not unfinished:
        raise UserError(f"resume={spec.resume}: that run has {done} epochs already; set a larger trainer.max_epochs")
    waited = int(judged["waited"].max())
    if "stopped" in judged["status"] and spec.patience is not None and waited >= spec.patience:
        raise UserError(f"resume={spec.resume}: that run stopped after {waited} validations in vain; raise patience")


def refuse_other(spec: RunSpec, stored: RunSpec) -> None:
    """Refuse to go on with another configuration.

    Raises:
        UserError: naming the first key that differs.
    """
    then, now = stored.model_dump(exclude=FREE), spec.model_dump(exclude=FREE)
    for key, before, after in differences(then, now):
        raise UserError(f"resume={spec.resume}: {key} was {before} there and is {after} here; set {key}={before}")
    if spec.scheduler.name == "OneCycleLR" and spec.trainer.max_epochs != stored.trainer.max_epochs:
        raise UserError(
            f"resume={spec.resume}: its one cycle was laid out for {stored.trainer.max_epochs} epochs; "
            "it cannot go on to another trainer.max_epochs"
        )


def differences(then: Any, now: Any, key: str = "") -> list[tuple[str, Any, Any]]:
    """List the keys in which two trees differ, with both values."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        found = []
        for name in dict.fromkeys([*then, *now]):
            found += differences(then.get(name), now.get(name), f"{key}.{name}" if key else str(name))
        return found
    return [] if then == now else [(key, then, now)]
