"""Selecting runs from the saved state of a stack: what they would have saved as a stack of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

# what torch's schedulers list by parameter group; other lists in their state are none of it
BY_GROUP = {"base_lrs", "_last_lr", "min_lrs"}


def take_stack(state: Mapping[str, Any], runs: Sequence[int]) -> dict[str, Any]:
    """Select runs, rising indices, from what `OneLayer.stack_state` returned."""
    return {
        "optimizers": take_optimizers(state["optimizers"], runs),
        "schedule": take_schedule(state["schedule"], runs),
        "active": state["active"][runs],
        "seconds": state["seconds"][runs],
    }


def take_keywords(keywords: Mapping[str, Any], runs: Sequence[int]) -> dict[str, Any]:
    """Select runs from the keywords of `OneLayer`, of which lists have a value for each run."""
    return {
        name: [value[run] for run in runs] if isinstance(value, list) else value for name, value in keywords.items()
    }


def take_optimizers(states: Sequence[Mapping[str, Any]], runs: Sequence[int]) -> list[dict[str, Any]]:
    """Select runs from the states of a stack's optimizers; one that is left without runs goes.

    Args:
        states: of each optimizer, in order.
        runs: rising indices into the stack.
    """
    taken: list[dict[str, Any]] = []
    start = 0
    for state in states:
        rows = [run - start for run in runs if start <= run < start + state["runs"]]
        start += state["runs"]
        if not rows:
            continue
        if "separate" in state:
            taken.append({"runs": len(rows), "separate": [state["separate"][row] for row in rows]})
            continue
        shared = state["shared"]
        # what belongs to a run lies in its row; a count of steps has no rows
        moments = {name: _rows(value, rows) for name, value in shared["state"].get(0, {}).items()}
        picked = {**shared, "state": {0: moments} if moments else {}}
        taken.append({"runs": len(rows), "shared": picked})
    return taken


def take_schedule(states: Sequence[Mapping[str, Any]], runs: Sequence[int]) -> list[dict[str, Any]]:
    """Select runs from the state of a stack's schedule.

    Args:
        states: as `Schedule.state_dict` returned them.
        runs: rising indices into the stack.
    """
    place = {run: index for index, run in enumerate(runs)}
    taken: list[dict[str, Any]] = []
    for state in states:
        kept = [(place[r], c) for r, c in zip(state["runs"], state["columns"], strict=True) if r in place]
        if not kept:
            continue
        columns = list(dict.fromkeys(column for _, column in kept))
        curve = state["curve"]
        if len(curve["schedulers"]) > 1:
            curve = {name: [items[column] for column in columns] for name, items in curve.items()}
        elif curve["schedulers"]:
            curve = _take_columns(curve, columns)
        renumbered = [columns.index(column) for _, column in kept]
        taken.append({"runs": [run for run, _ in kept], "columns": renumbered, "curve": curve})
    return sorted(taken, key=lambda one: one["runs"][0])  # as a schedule of these runs alone would order them


def _take_columns(curve: Mapping[str, Any], columns: Sequence[int]) -> dict[str, Any]:
    """Select parameter groups from the states of one carrier and its scheduler."""
    (carrier,), (scheduler,) = curve["carriers"], curve["schedulers"]
    groups = [{**carrier["param_groups"][column], "params": [new]} for new, column in enumerate(columns)]
    by_group = {name: [value[column] for column in columns] for name, value in scheduler.items() if name in BY_GROUP}
    return {"carriers": [{**carrier, "param_groups": groups}], "schedulers": [{**scheduler, **by_group}]}


def _rows(value: Any, rows: Sequence[int]) -> Any:
    return value[rows] if isinstance(value, Tensor) and value.ndim else value
