"""What an earlier start of the same sweep left: runs that have ended, and stacks that were in training."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from onelayer.artefact import Artefact
from onelayer.errors import UserError
from onelayer.filenames import MODEL, RESULT, STACK_CHECKPOINTS
from onelayer.report.groups import DataSettings, data_settings
from onelayer.report.records import parsed, runs_below
from onelayer.resume import differences
from onelayer.stored_config import stored_spec
from onelayer.sweeps.plan import Job, Stack, shared_key
from onelayer.track.results import Run, identity
from onelayer.track.rundir import FORMAT, read_result
from onelayer.track.tracker import save_atomically, take_checkpoint


def earlier_result(run: Run, data_hash: str) -> dict[str, Any] | None:
    """Read the result of a run if it has ended as it would end now; None where it has to be trained.

    Raises:
        UserError: what lies there was made from another configuration, from other data, or by another version.
    """
    path = run.directory / RESULT
    if not path.exists():
        return None
    hint = "choose another hydra.sweep.dir"
    try:
        result = read_result(run.directory)
        ended_as = result["status"]
    except (ValueError, KeyError):
        return None  # torn by a power cut
    if result.get("format") != FORMAT:
        raise UserError(f"{path}: result format {result.get('format')}, this version writes {FORMAT}; {hint}")
    if ended_as == "failed":
        return None
    if result.get("config_hash") != run.config_hash:
        raise UserError(f"{run.directory}: {_change(run)}; {hint}")
    if result.get("data_hash") != data_hash:
        raise UserError(f"{run.directory}: that run was trained on other data; {hint}")
    try:
        Artefact.load(run.directory / MODEL)
    except UserError:
        return None  # torn by a power cut, or taken away
    return result


def refuse_other_data(folder: Path, jobs: Sequence[Job]) -> None:
    """Refuse jobs where the folder holds runs, ended or in training, that were told the same of their data, now others.

    Args:
        folder: of the sweep.
        jobs: of which any may have been trained before.

    Raises:
        UserError: names such a run; whatever lies there stays as it is.
    """
    before: dict[tuple[str, DataSettings], dict[str | None, Path]] = {}
    records = {record.directory: record for record in runs_below(folder)}
    for record in records.values():
        for kind, of_rows, stored_hash in (("rows", True, record.data_hash), ("target", False, record.target_hash)):
            if stored_hash is not None:
                settings = data_settings(record.overrides, of_rows=of_rows)
                before.setdefault((kind, settings), {}).setdefault(stored_hash, record.directory)
    for path in sorted((folder / STACK_CHECKPOINTS).glob("*")):
        checkpoint = _read(path)
        for name in () if checkpoint is None else checkpoint["members"]["names"]:
            assert checkpoint is not None
            waiting = records.get(Path(name.rpartition(" ")[0]))
            if waiting is not None:
                its = before.setdefault(("rows", data_settings(waiting.overrides)), {})
                its.setdefault(checkpoint["callbacks"]["Tracker"]["data_hash"], waiting.directory)
    for job in jobs:
        overrides = parsed(job.run.overrides)
        for kind, now in (("rows", job.data.data_hash), ("target", job.data.target_hash)):
            known = before.get((kind, data_settings(overrides, of_rows=kind == "rows")), {})
            if known and now not in known:
                raise UserError(
                    f"{folder / next(iter(known.values()))}: that run was trained on other data, though its settings "
                    "say the same of them; bring the data back to go on, or choose another hydra.sweep.dir"
                )


def _change(run: Run) -> str:
    """Name what is different from the configuration in a run directory."""
    try:
        then = stored_spec(run.directory)
    except UserError:
        return "that run was made from another configuration"
    for key, before, after in differences(then.model_dump(), run.spec.model_dump()):
        return f"{key} was {before} there and is {after} here"
    return "that run was made by another version"


def interrupted_stacks(folder: Path, jobs: Sequence[Job]) -> list[Stack]:
    """Find stacks that were in training, cut down to the runs that have not ended.

    Args:
        folder: of the sweep.
        jobs: those that are to be trained.

    Returns:
        The stacks with the checkpoints to go on from. One that nobody waits for any more is removed.
    """
    waiting = {identity(job.run, folder): job for job in jobs}
    found: list[Stack] = []
    for path in sorted((folder / STACK_CHECKPOINTS).glob("*")):
        checkpoint = _read(path)
        if checkpoint is None:
            path.unlink()
            continue
        tracked, names = checkpoint["callbacks"]["Tracker"], checkpoint["members"]["names"]
        rows = [
            row
            for row, (name, status) in enumerate(zip(names, tracked["judge"]["status"], strict=True))
            if status == "running" and name in waiting and waiting[name].data.data_hash == tracked["data_hash"]
        ]
        if not rows:
            # it may belong to another batch of the sweep
            if all((folder / name.rpartition(" ")[0] / RESULT).exists() for name in names):
                path.unlink()
            continue
        if len(rows) < len(names):
            save_atomically(take_checkpoint(checkpoint, rows), path)
        members = tuple(waiting.pop(names[row]) for row in rows)
        found.append(Stack(members, shared_key(members[0]), path, max(tracked["judge"]["epochs"])))
    return found


def _read(path: Path) -> dict[str, Any] | None:
    """Read a stack's checkpoint; None for one that a kill or a power cut left in pieces, or of another version."""
    if path.name.startswith("."):  # was being written
        return None
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (EOFError, RuntimeError, UnpicklingError):
        return None
    return checkpoint if checkpoint.get("members", {}).get("format") == FORMAT else None


def stack_path(folder: Path, jobs: Iterable[Job]) -> Path:
    """Return where the checkpoint of a stack lies while it trains."""
    names = "\n".join(sorted(identity(job.run, folder) for job in jobs))
    return folder / STACK_CHECKPOINTS / f"{sha256(names.encode()).hexdigest()[:16]}.ckpt"
