"""The row of a run in TensorBoard's HParams tab: what was asked for, and how it ended."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from onelayer.config import RunSpec
from onelayer.flat import flat
from onelayer.terminal.overrides import key_of

Setting = bool | float | str
# keys that change no number of a run
IRRELEVANT = ("logger", "resume", "checkpoint_seconds", "trainer.enable_progress_bar", "hydra")
# the group of the numbers that a run ended with: after train/ and val/, so that TensorBoard opens the curves first
VERDICT = "verdict"


def settings(spec: RunSpec, overrides: Sequence[str], result: Mapping[str, Any]) -> dict[str, Setting]:
    """Return what tells a run from others: what was typed for it, and of the rest what everybody asks for.

    A sweep's values are typed, so they are all here; what nobody chose would be a column of equal values each.

    Args:
        spec: of the run.
        overrides: as in result.json.
        result: how it ended; a learning rate ``auto`` is the number that it came to.

    Returns:
        Keys as users type them -> numbers and truths as such, anything else as it was typed.
    """
    known = flat(spec.model_dump())
    found: dict[str, Setting] = {
        "data": spec.data.source,
        "optim": spec.optim.name.lower(),  # where it was not typed: as torch's class is called
        "model.l2": spec.model.l2,
        "seed": spec.seed,
    }
    for override in overrides:
        key, typed = key_of(override), override.partition("=")[2]
        if override.startswith("~") or any(key == one or key.startswith(f"{one}.") for one in IRRELEVANT):
            continue
        value = known.get(key)
        found[key] = value if isinstance(value, bool | int | float) else typed
    return {**found, "optim.lr": result["lr"], "status": result["status"]}


def verdict(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that a run ended with, by tag; those that are not finite are left out.

    Of a run that diverged these are its epochs alone: beside a loss of 1e19 no difference of others can be seen.
    """
    metrics = {} if result["status"] == "diverged" else result["metrics"]
    numbers = {**metrics, "epochs": result["epochs"]}
    return {f"{VERDICT}/{name}": value for name, value in numbers.items() if math.isfinite(value)}
