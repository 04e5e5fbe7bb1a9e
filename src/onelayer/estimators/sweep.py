"""Sweeps in memory: every combination of parameters, trained as stacks and judged on rows that did not train."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.base import clone

from onelayer.check import Answers, check_run
from onelayer.config import RunSpec
from onelayer.data.cache import PreparedCache
from onelayer.data.module import DataModule
from onelayer.data.preparation import Preparation
from onelayer.data.spec import BATCHES
from onelayer.data.split import Split, split_rows
from onelayer.data.table import Array, Table
from onelayer.errors import UserError
from onelayer.estimators.asked import check_defined, check_judge, check_model, combinations_of, estimator_of
from onelayer.estimators.base import objective_of, seed_of
from onelayer.estimators.board import Row, Sweep
from onelayer.estimators.memory import FittedRun, MemoryResults
from onelayer.estimators.ranking import board_of, row_of
from onelayer.estimators.rows import data_of, preparation_of, split_of
from onelayer.estimators.settings import InputError, in_our_words, spec_of
from onelayer.model.optimizers import OptimizerSettings
from onelayer.optimum import Solved
from onelayer.sweeps.memory import runs_that_fit
from onelayer.sweeps.plan import Job, Stack, plan
from onelayer.track.results import Run
from onelayer.training import train_or_halve, train_stack

FOLDS = 5


@dataclass(frozen=True)
class Asked:
    """One combination, checked as far as it can be without rows.

    Attributes:
        number: its place.
        said: what the grid says of it.
        parameters: all of them.
        spec: the run they ask for.
    """

    number: int
    said: Mapping[str, Any]
    parameters: Mapping[str, Any]
    spec: RunSpec


@dataclass(frozen=True)
class Fold:
    """Rows that train, and rows that judge.

    Attributes:
        number: from 0; None where the rows that choose the best epoch judge too.
        train: rows that train, or choose the best epoch.
        judged: rows that judge, none of `train`.
        made: how rows are prepared, with the references that are known of them, by what makes them differ.
        cache: holds these rows.
        batches: the same rows as they are cut.
    """

    number: int | None
    train: Array
    judged: Array
    made: dict[str, tuple[Preparation, Solved]] = field(default_factory=dict)
    cache: PreparedCache = field(default_factory=PreparedCache)
    batches: dict[str, DataModule] = field(default_factory=dict)


def sweep(
    X: Any,
    y: Any,
    *,
    grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]],
    model: Literal["auto", "linear", "logistic", "softmax"] = "auto",
    folds: int | None = None,
    sample_weight: Any = None,
    monitor: str = "val/loss",
    reference: bool = False,
    verbose: bool = False,
    **parameters: Any,
) -> Sweep:
    """Train every combination of parameters, fused into as few stacks as can be, and fit the best one on all rows.

    Args:
        X: (rows, n_features) numbers: an array, a pandas or polars frame, or a sparse matrix.
        y: (rows,), the target.
        grid: a list of values for each parameter of the estimator; a list of grids is their union.
        model: auto takes text, truths and two numbers as classes, other numbers as a quantity.
        folds: each run is trained as often, and judged by the mean over the fold that was left out, of classes in
            their shares. None: 5; with `val`, the rows that choose the best epoch judge too.
        sample_weight: (rows,), how many rows each one stands for; None: one.
        monitor: what the runs are judged by: val/ and a metric such as loss, accuracy, auroc, r2 or mae.
        reference: solve the objective of every run exactly, too, and show how far each ended from its optimum. The
            best model is always judged so.
        verbose: print each stack.
        **parameters: what all runs share, by the names of the estimator, such as ``max_epochs=20``.

    Raises:
        ValueError: one sentence: what is wrong with the rows, or with which combination; nothing was trained.
    """
    estimator = estimator_of(model, y, parameters)
    try:
        combinations = list(combinations_of(grid, estimator, parameters))
        table, labels = estimator._table(X, y, sample_weight)
        check_model(model, table)
        check_judge(monitor, table)
        answers = Answers()
        asked = _checked(combinations, estimator.get_params(deep=False), table, answers)
        parts = list(_folds(table, folds, asked))
        if parts[0].number is None:
            check_defined(monitor, table, [split_of(table, asked[0].spec.data.split.val).val], "validation")
        else:
            check_defined(monitor, table, (fold.judged for fold in parts), "left-out")
        runs: list[Row] = []
        for fold in parts:
            jobs = _jobs(asked, fold, table, labels, answers)
            for stack in plan(jobs, lambda job: runs_that_fit(job.data, job.run.spec)):
                for job, found in _trained(stack, fold, reference):
                    runs.append(row_of(combinations[job.number], job.number, fold.number, found))
                if verbose:
                    where = "" if fold.number is None else f"fold {fold.number}: "
                    print(f"{where}{len(stack.jobs)} runs trained")
    except UserError as error:
        raise in_our_words(error) from None
    runs.sort(key=lambda run: (run["combination"], run["fold"] or 0))
    board, best = board_of(runs, combinations, monitor)
    if best is None:
        return Sweep(board, tuple(runs), monitor)
    winner = clone(estimator).set_params(**{**combinations[best], "random_state": asked[best].spec.seed})
    return Sweep(board, tuple(runs), monitor, (combinations[best], winner.fit(X, y, sample_weight)))


def _checked(
    combinations: Sequence[Mapping[str, Any]], shared: Mapping[str, Any], table: Table, answers: Answers
) -> list[Asked]:
    """Check every combination before there are rows.

    Raises:
        InputError: see `_refuse`.
    """
    seed, task = seed_of(shared["random_state"]), objective_of(table)
    checked, wrong = [], dict[str, str]()
    for number, said in enumerate(combinations):
        parameters = {
            **shared,
            **said,
            "random_state": seed_of(said["random_state"]) if "random_state" in said else seed,
        }
        try:
            spec = spec_of(parameters, objective=task, rows=f"{parameters.get('class_weight')}")
            check_run(spec, answers=answers)
        except UserError as error:
            wrong.setdefault(str(in_our_words(error)), f"{said}")
            continue
        checked.append(Asked(number, said, parameters, spec))
    _refuse(wrong)
    return checked


def _refuse(wrong: Mapping[str, str]) -> None:
    """Refuse combinations that cannot be trained.

    Raises:
        InputError: a line for each reason, with the first combination that it is wrong with.
    """
    if wrong:
        raise InputError("\n".join(f"{reason}  (first in {said})" for reason, said in wrong.items()))


def _folds(table: Table, folds: int | None, asked: Sequence[Asked]) -> Iterator[Fold]:
    parts = {one.spec.data.split.val for one in asked}
    if folds is None and parts != {0}:
        if len(parts) > 1:
            raise InputError("val differs between combinations, which would be judged by other rows; give folds")
        rows = np.arange(len(table))
        yield Fold(None, rows, rows[:0])
        return
    count = FOLDS if folds is None else folds
    if isinstance(count, bool) or not isinstance(count, int):
        raise InputError(f"folds={folds!r}: expected a number of folds, such as 5")
    labels = None if table.classes is None else table.target
    if labels is not None and (fewest := int(np.bincount(labels).min())) < count:
        raise InputError(f"folds={count} needs as many rows of each class, but one has {fewest}; lower folds")
    for number in range(max(count, 1)):
        train_rows, judged, _ = split_rows(len(table), val=0, test=0, labels=labels, folds=count, fold=number)
        yield Fold(number, train_rows, judged)


def _jobs(asked: Sequence[Asked], fold: Fold, table: Table, labels: Array | None, answers: Answers) -> list[Job]:
    """Find the rows that each combination sees in a fold, and check it by them, before any is trained.

    Raises:
        InputError: see `_refuse`.
    """
    jobs, wrong = [], dict[str, str]()
    for candidate in asked:
        spec = candidate.spec
        try:
            data = _data_of(candidate, fold, table, labels)
            check_run(spec, data, answers=answers)
        except UserError as error:
            wrong.setdefault(str(in_our_words(error)), f"{candidate.said}")
            continue
        kind = answers(OptimizerSettings.of, spec.optim.name, 1.0, spec.optim.args).kind
        jobs.append(Job(Run(spec, Path()), candidate.number, data.ordered_by(spec.seed), kind))
    _refuse(wrong)
    return jobs


def _data_of(asked: Asked, fold: Fold, table: Table, labels: Array | None) -> DataModule:
    """Return the rows that a combination sees in a fold; those that see the same share it."""
    spec = asked.spec
    made = _rows_of(spec)
    if made not in fold.made:
        # as an estimator splits the rows that it is given
        some = Table(np.empty((len(fold.train), 0)), table.target[fold.train], (), classes=table.classes)
        inner = split_of(some, spec.data.split.val)
        split = Split(fold.train[inner.train], fold.train[inner.val], fold.judged)
        fold.made[made] = preparation_of(spec, asked.parameters, labels, split), {}
    cut = f"{made} {spec.data.batch_size} {spec.data.dtype}"
    if cut not in fold.batches:
        fold.batches[cut] = data_of(spec, table, fold.made[made][0], fold.cache)
    return fold.batches[cut]


def _rows_of(spec: RunSpec) -> str:
    """Say what decides which rows a run sees, and how."""
    return f"{spec.data.model_dump_json(exclude=set(BATCHES))} {spec.model.bias}"


def _trained(stack: Stack, fold: Fold, reference: bool) -> Iterator[tuple[Job, FittedRun | Exception]]:
    """Train a stack, or its halves where something stops all of it; yield each run with how it ended."""
    specs = [job.run.spec for job in stack.jobs]
    sink, solved = MemoryResults(specs), fold.made[_rows_of(specs[0])][1]
    halves = train_or_halve(
        range(len(specs)),
        lambda _: train_stack(specs, stack.jobs[0].data, sink, reference=reference, solved=solved),
        has_ended=sink.results.__contains__,
        failed=sink.results.__setitem__,
    )
    for number, result in sink.results.items():
        yield stack.jobs[number], result
    for half in halves:
        yield from _trained(Stack(tuple(stack.jobs[number] for number in half), stack.key), fold, reference)
