"""Runs that cannot differ: one of them is trained, the others take over what it left."""

import math
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from onelayer.artefact import Artefact
from onelayer.filenames import BEST, CURVES, LAST, MODEL, TRAJECTORY
from onelayer.sweeps.plan import Job
from onelayer.track.hparams import settings
from onelayer.track.results import Observer, Result, Run
from onelayer.track.rundir import read_result, write_result
from onelayer.track.stored import Curve
from onelayer.track.tensorboard import retell
from onelayer.whole import whole


def equal_jobs(jobs: Sequence[Job], known: Iterable[Job] = ()) -> dict[int, list[Job]]:
    """Find the jobs that need no training, because at most their seed differs from another's and changes nothing there.

    Args:
        jobs: to be trained.
        known: others, which have ended or are in training.

    Returns:
        The number of a job, of `known` before the first of `jobs` -> those of `jobs` that are equal to it.
    """
    first: dict[tuple[str, str], Job] = {}
    for job in known:
        first.setdefault(_numbers(job), job)
    equal: dict[int, list[Job]] = {}
    for job in jobs:
        trained = first.setdefault(_numbers(job), job)
        if trained is not job:
            equal.setdefault(trained.number, []).append(job)
    return equal


def _numbers(job: Job) -> tuple[str, str]:
    """Return what is equal for runs that leave the same."""
    spec = job.run.spec
    if spec.resume is not None or spec.is_random(job.data.steps_per_epoch):
        return str(job.number), ""
    return spec.model_copy(update={"seed": 0}).model_dump_json(), job.data.data_hash


def take_over(run: Run, trained: Run, folder: Path, curve: Curve | None, observer: Observer, *, live: bool) -> Result:
    """Write down a run with the numbers of an equal one.

    Args:
        run: its directory is there, without events.
        trained: has ended.
        folder: of the sweep.
        curve: of `trained`; None where it has none.
        observer: takes the first line of its log, and says whether it is worth curves and a figure.
        live: every run of the sweep has curves.

    Returns:
        The result, which is on disk by now.

    Raises:
        OSError: a file cannot be read or written.
        UserError: the model of `trained` cannot be read.
    """
    result: Result = read_result(trained.directory)
    result["metrics"] = {name: math.nan if value is None else value for name, value in result["metrics"].items()}
    own = {
        "overrides": list(run.overrides),
        "config_hash": run.config_hash,
        "seed": run.spec.seed,
        "trained_with": result.get("trained_with") or Path(os.path.relpath(trained.directory, folder)).as_posix(),
    }
    result |= own
    observer.say(run, f"the seed changes nothing here: trained once, as {own['trained_with']}")
    artefact = Artefact.load(trained.directory / MODEL)
    header = {**artefact.header, "training": {**artefact.header["training"], **own}}
    replace(artefact, header=header).save(run.directory / MODEL)
    for name in (LAST, BEST, TRAJECTORY):
        if (trained.directory / name).exists():
            (run.directory / name).parent.mkdir(exist_ok=True)
            with whole(run.directory / name) as partial:
                shutil.copyfile(trained.directory / name, partial)
    if curve is not None:
        curve.alone().write(run.directory / CURVES)
    shown, drawn = observer.shows(run, result), observer.draws(run, result)
    if run.spec.logger.tensorboard:
        row = settings(run.spec, run.overrides, result)
        retell(trained.directory, run.directory, row, curves=live or shown, figure=drawn)
    write_result(run.directory, result)
    return result
