"""The end of runs: final numbers, the delivered model, checkpoints, figures, and last of all result.json."""

import hashlib
import json
import os
import platform
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import lightning
import numpy as np
import sklearn
import torch
from lightning.pytorch import Trainer
from torch import Tensor

import onelayer
from onelayer.artefact import Artefact
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.filenames import BEST, LAST, MODEL
from onelayer.model.module import SHAPE, OneLayer
from onelayer.track.curves import Curves
from onelayer.track.history import History
from onelayer.track.hparams import VERDICT, settings, verdict
from onelayer.track.judge import Judge
from onelayer.track.overview import Overview
from onelayer.track.path import Paths, refuse_too_large
from onelayer.track.rundir import plain, resume_argument, write_result
from onelayer.track.signals import GracefulEnd, Interrupted
from onelayer.track.stored import read_curves
from onelayer.track.summary import announced, announced_reference
from onelayer.track.tensorboard import EventWriter
from onelayer.track.tracker import KEYWORDS, Bar, Tracker, save_atomically, take_checkpoint
from onelayer.track.verdict import Result as Result
from onelayer.track.verdict import conclusion, measured

# what does not change the numbers of a run
IRRELEVANT = ("logger", "resume", "checkpoint_seconds")

# in the header of the model already; and the clock, by which no two equal models would be equal
BESIDE = ("best_epoch", "data_hash", "versions", "seconds")
# rows in a figure
DRAWN = 10_000
# what `load_from_checkpoint` needs of a file of weights alone
WEIGHTS = ("epoch", "global_step", "pytorch-lightning_version", "state_dict", SHAPE, KEYWORDS)


@dataclass(frozen=True)
class Run:
    """One run: what it says, where it writes, and the overrides that made it."""

    spec: RunSpec
    directory: Path
    overrides: tuple[str, ...] = ()

    @cached_property
    def config_hash(self) -> str:
        """Hash of everything in its specification that changes its numbers."""
        return config_hash(self.spec)


class Observer(Protocol):
    """Is told how the runs of a stack fare, and says which of them are worth pictures."""

    def say(self, run: Run, *lines: str) -> None:
        """Write lines into the log of a run."""

    def ended(self, run: Run, result: Result) -> None:
        """Take the result of a run, which is on disk by now."""

    def failed(self, run: Run, error: Exception) -> None:
        """Take what stopped a run; raise it where nothing else goes on."""

    def shows(self, run: Run, result: Result) -> bool:
        """Whether curves that were kept are written for this run."""

    def draws(self, run: Run, result: Result) -> bool:
        """Whether a figure is drawn for this run."""


class Results:
    """Follows a stack, and writes down its runs as they end; see `onelayer.training.Sink`.

    ``train/*`` are measured where training ended; ``val/*`` and ``test/*`` with the best weights, which `model/` holds.

    Args:
        runs: of the stack.
        observer: is told of every run.
        bar: shows the progress.
        path: of the stack's checkpoint while it trains.
        checkpoint: one to go on from.
        curves: how event files are written.
        folder: where the curves of all its runs are written; None: with the only run.
        overview: write those of the stack as a whole there, too.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        observer: Observer,
        bar: Bar,
        *,
        path: Path,
        checkpoint: Path | None = None,
        curves: Literal["live", "kept", "none"] = "none",
        folder: Path | None = None,
        overview: bool = False,
    ) -> None:
        self._runs, self._observer, self._bar, self._path = list(runs), observer, bar, path
        self._curves, self._folder, self._overview = curves, folder, overview
        self._versions, self._end = versions(), GracefulEnd()
        self.checkpoint, self.callbacks = checkpoint, [self._end]

    @contextmanager
    def tracking(self, module: OneLayer, data: DataModule) -> Iterator[Tracker]:
        """Announce the runs, and open what their curves are written to.

        Raises:
            Interrupted: the stack was asked to stop when all was written.
        """
        runs, spec, top = self._runs, self._runs[0].spec, self._path.parent.parent
        self._data, self._module = data, module
        assert module.truth is not None
        paths = _paths(spec, module, self.checkpoint)
        for run, reference, optimizer in zip(runs, module.truth.references, module.settings, strict=True):
            lines = announced(run.spec, data, module.objective.name, optimizer.lr)
            self._observer.say(run, *lines, announced_reference(reference))
        history = History(
            [Path(os.path.relpath(run.directory, top)).as_posix() for run in runs],
            self._folder or top,
            steps_per_epoch=data.steps_per_epoch,
            every=spec.trainer.check_val_every_n_epoch,
        )
        if spec.resume is not None:  # such a run is alone; a checkpoint of one that had not ended knows better
            for curve in read_curves(Path(spec.resume), [Path()]).values():
                history.begin(curve)
        with (
            closing(self._end),
            closing(Curves([run.directory for run in runs], self._curves, history)) as curves,
            closing(Overview(self._folder if self._overview else None, spec.monitor)) as overview,
        ):
            self._tracker = Tracker(
                Judge(spec.monitor, [run.spec.patience for run in runs]),
                self,
                names=[identity(run, top) for run in runs],
                validates=len(data.val) > 0,
                path=self._path,
                checkpoint_seconds=spec.checkpoint_seconds,
                data_hash=data.data_hash,
                curves=curves,
                overview=overview,
                bar=self._bar,
                paths=paths,
            )
            yield self._tracker
        if self._end.received:
            raise Interrupted(self._end.received, "interrupted when all was written")

    def trained(self, trainer: Trainer) -> None:
        """Save where the stack was asked to stop before its end.

        Raises:
            Interrupted: it was.
        """
        epochs = max(self._tracker.judge.epochs)
        if self._end.received and bool(self._module.active.any()) and epochs < trainer.max_epochs:  # type: ignore[operator]
            self._tracker.save(trainer)
            where = resume_argument(self._path.parent.parent)
            raise Interrupted(self._end.received, f"interrupted after epoch {epochs}; go on with {where}")

    def write(self, runs: Sequence[int], checkpoint: Mapping[str, Any]) -> None:
        """Write down some runs.

        Args:
            runs: rising indices into the present stack.
            checkpoint: of the stack.
        """
        judge = self._tracker.judge
        ended = [run for run in runs if judge.status[run] != "failed"]
        if ended:
            self._write(ended, checkpoint)
        for run in [run for run in runs if judge.status[run] == "failed"]:
            self._observer.failed(self._runs[run], self._module.failures[run])

    def _write(self, ended: Sequence[int], checkpoint: Mapping[str, Any]) -> None:
        """Measure and write down runs that have not failed."""
        judge = self._tracker.judge
        try:
            self._tracker.curves.ended(ended, [judge.epochs[run] for run in ended])
        except OSError as error:
            for run in ended:
                self._observer.failed(self._runs[run], error)
            return
        best = judge.best_theta[ended].to(self._module.linear.theta)
        values = measured(ended, self._module, best, self._data)
        columns = {name: value.tolist() for name, value in values.items()}
        checkpoint = _on_cpu(take_checkpoint(checkpoint, ended))
        # the best first, for an observer that has pictures for these only
        waiting: deque[tuple[Run, Result, Future[None]]] = deque()
        failed: list[tuple[Run, Exception]] = []
        # the disk takes its time to confirm a result; the next run is written meanwhile
        with ThreadPoolExecutor(1) as disk:
            for index in judge.ranked(values):
                run = ended[index]
                metrics = {name: column[index] for name, column in columns.items()}
                try:
                    result = self._finish(run, metrics, best[index], take_checkpoint(checkpoint, [index]))
                except Exception as error:
                    failed.append((self._runs[run], error))
                    continue
                directory = self._runs[run].directory
                waiting.append((self._runs[run], result, disk.submit(write_result, directory, result)))
                while waiting and waiting[0][2].done():
                    failed += self._tell(*waiting.popleft())
        while waiting:
            failed += self._tell(*waiting.popleft())
        for one, reason in failed:  # after those that ended, for it may stop the sweep
            self._observer.failed(one, reason)

    def keep(self, runs: Sequence[int]) -> None:
        """Drop all but some runs, rising indices."""
        self._runs = [self._runs[run] for run in runs]

    def _tell(self, run: Run, result: Result, written: Future[None]) -> list[tuple[Run, Exception]]:
        """Tell that a run has ended; return it with the reason where its result could not be written."""
        error = written.exception()
        if error is None:
            self._observer.ended(run, result)
        return [(run, error)] if isinstance(error, Exception) else []

    def _finish(self, index: int, metrics: Mapping[str, float], best: Tensor, checkpoint: Mapping[str, Any]) -> Result:
        """Write everything but the result."""
        run, module, judge = self._runs[index], self._module, self._tracker.judge
        result: Result = {
            **conclusion(index, metrics, run.spec, self._data, module, self._tracker),
            "overrides": list(run.overrides),
            "config_hash": run.config_hash,
            "trained_with": None,
            "data_hash": self._tracker.data_hash,
            "target_hash": self._data.prepared.target_hash,
            "versions": self._versions,
        }
        self._deliver(run, result, best, module.l2[index])
        save_atomically(checkpoint, run.directory / LAST)
        # a copy: of a view, the whole stack would be written
        weights = {
            **{name: checkpoint[name] for name in WEIGHTS if name in checkpoint},
            "state_dict": {"linear.theta": best[None].cpu().clone()},
        }
        save_atomically(weights, run.directory / BEST)
        shown = self._observer.shows(run, result)
        if self._tracker.paths is not None:
            self._tracker.paths.end(index, judge.epochs[index], module.linear.theta[index], run.directory)
        diverged = result["status"] == "diverged"
        writer = self._tracker.curves.end(index, judge.epochs[index], shown=shown, diverged=diverged)
        if writer is not None:
            if run.spec.logger.figures and not diverged and self._observer.draws(run, result):
                self._draw(writer, best, judge.epochs[index], judge.best_epoch[index])
            row = settings(run.spec, run.overrides, result)
            writer.hparams(row, verdict(result), judge.epochs[index], failed=diverged)
            writer.close()
        return result

    def _deliver(self, run: Run, result: Result, best: Tensor, l2: float) -> None:
        data, prepared = self._data, self._data.prepared
        # without bias, a layer's is zero
        *hidden, (weight, bias) = (
            (weight.numpy(), (weight.new_zeros(len(weight)) if bias is None else bias).numpy())
            for weight, bias in self._module.architecture.layers(best.cpu())
        )
        hidden_weight, hidden_bias = hidden[0] if hidden else (None, None)
        Artefact(
            weight=weight,
            bias=bias,
            hidden_weight=hidden_weight,
            hidden_bias=hidden_bias,
            x_shift=prepared.x_scale.shift,
            x_scale=prepared.x_scale.scale,
            y_shift=prepared.y_scale.shift,
            y_scale=prepared.y_scale.scale,
            encoder=prepared.encoder,
            header={
                "objective": self._module.objective.name,
                "task": data.task,
                "target": prepared.target_name,
                "classes": list(prepared.classes) if prepared.classes else None,
                "link": self._module.objective.link.name,
                "missing": [str(one) for one in run.spec.data.args.get("missing", ())],
                "origin": prepared.origin.to_json(),
                "l2": l2,
                "best_epoch": result["best_epoch"],
                "data_hash": result["data_hash"],
                "training": plain({key: value for key, value in result.items() if key not in BESIDE}),
                "versions": result["versions"],
            },
        ).save(run.directory / MODEL)

    def _draw(self, writer: EventWriter, best: Tensor, epoch: int, chosen: int) -> None:
        from onelayer.track.figures import draw, to_png

        data, objective, prepared = self._data, self._module.objective, self._data.prepared
        parts: tuple[Literal["train", "val", "test"], ...] = ("test", "val", "train")
        name = next(name for name in parts if len(getattr(data, name)))
        block = data.transfer_batch_to_device(next(iter(data.measured(name))), best.device, 0)
        logits = self._module.architecture.logits(best[None], block.x)[:, :DRAWN]
        prediction = objective.predict(logits)[0].double().cpu().numpy()
        target = block.y[:DRAWN].cpu().double().numpy().reshape(len(prediction), -1)
        if not objective.of_classes:
            prediction, target = prepared.y_scale.undo(prediction), prepared.y_scale.undo(target)
        title = f"{prepared.target_name}, {name} rows, weights of epoch {chosen}"
        figure = draw(prediction, target[:, 0], prepared.classes, title)
        tag = f"{VERDICT}/{name}/{'predictions' if objective.of_classes else 'residuals'}"
        writer.image(tag, *to_png(figure), epoch)


def _paths(spec: RunSpec, module: OneLayer, checkpoint: Path | None) -> Paths | None:
    """Return what keeps the weights of each epoch, where that is asked for."""
    if not spec.logger.weights:
        return None
    theta = module.linear.theta
    refuse_too_large(len(theta), theta[0].numel(), theta.element_size(), spec.trainer.max_epochs)
    paths = Paths()
    if spec.resume is not None:
        paths.begin(Path(spec.resume), checkpoint)
    return paths


def _on_cpu(tree: Any) -> Any:
    """Fetch all tensors at once; run by run it would be a wait for each."""
    if isinstance(tree, Tensor):
        return tree.cpu()
    if isinstance(tree, Mapping):
        return {key: _on_cpu(value) for key, value in tree.items()}
    return [_on_cpu(value) for value in tree] if isinstance(tree, list) else tree


def config_hash(spec: RunSpec) -> str:
    """Hash of everything in a specification that changes its numbers."""
    plain = spec.model_dump(exclude=set(IRRELEVANT))
    plain["trainer"].pop("enable_progress_bar")
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]


def identity(run: Run, folder: Path) -> str:
    """Name a run within a folder, so that another configuration in the same directory is another run."""
    return f"{os.path.relpath(run.directory, folder)} {run.config_hash}"


def versions() -> dict[str, str]:
    """Name what the numbers were computed with."""
    found = {module.__name__: str(module.__version__) for module in (onelayer, torch, lightning, np, sklearn)}
    return {"python": platform.python_version(), **found}
