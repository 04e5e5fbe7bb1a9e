"""Curves of every run on disk: the same in any stack, complete whenever a run leaves it, and whole after a kill."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from onelayer.config import RunSpec
from onelayer.filenames import CURVES
from onelayer.track.history import History, is_kept, points, take_history
from onelayer.track.stored import Block, Curve, join, read_curves
from tests.conftest import Outcome, composed, data_by, examples, result_of, rows_of
from tests.sweeps.traces import results

Cli = Callable[..., Outcome]


def value(run: int, epoch: int) -> float:
    return 1000.0 * run + epoch


def followed(folder: Path, ends: dict[int, int], *, every: int = 1, break_at: int | None = None) -> History:
    """Follow runs until each ends, as a stack does: it keeps those that go on; perhaps with a kill between."""
    history = History([str(run) for run in ends], folder, steps_per_epoch=3, every=every)
    present = list(ends)
    for epoch in range(max(ends.values()) + 1):
        if epoch == break_at:  # from a checkpoint, which knows no runs that have ended
            state = history.state_dict()
            history = History([str(run) for run in present], folder, steps_per_epoch=3, every=every)
            history.load_state_dict(state)
        moved = [place for place, run in enumerate(present) if ends[run] >= epoch]
        measured = {"train/loss": torch.tensor([value(run, epoch) for run in present], dtype=torch.float64)}
        if epoch and epoch % every == 0:
            measured["val/loss"] = torch.tensor([-value(run, epoch) for run in present])
        history.add(epoch, moved, measured)
        ended = [place for place, run in enumerate(present) if ends[run] == epoch]
        if ended:
            history.write(ended, [epoch] * len(ended))
        staying = [place for place, run in enumerate(present) if ends[run] > epoch]
        if ended and staying and len(ended) * 3 >= len(present):
            history.keep(staying)
            present = [present[place] for place in staying]
    return history


def curves_of(folder: Path, ends: dict[int, int], **how: int) -> dict[int, Curve]:
    stack = folder / "stacks" / "s"
    followed(stack, ends, **how).close()
    assert [path.name for path in stack.iterdir()] == [CURVES]
    found = read_curves(folder, [Path(str(run)) for run in ends])
    return {run: found[Path(str(run))] for run in ends}


def test_every_epoch_is_kept_at_first_and_then_64_for_each_doubling() -> None:
    kept = [epoch for epoch in range(100_001) if is_kept(epoch)]
    assert kept[:129] == list(range(129))
    for power in range(7, 16):
        assert sum(2**power <= epoch < 2 ** (power + 1) for epoch in kept) == 64
    for epochs in (1, 100, 128, 129, 1000, 100_000):
        assert sum(epoch <= epochs for epoch in kept) <= points(epochs) + 1


@settings(max_examples=examples(8), deadline=None)  # files are slow at times
@given(st.lists(st.integers(1, 300), min_size=1, max_size=4), st.integers(1, 7), st.none() | st.integers(1, 200))
def test_a_run_has_the_same_curve_alone_and_in_a_stack_that_was_killed(
    tmp_path_factory: pytest.TempPathFactory, lasts: list[int], every: int, break_at: int | None
) -> None:
    ends = dict(enumerate(lasts))
    how = {"every": every} | ({"break_at": break_at} if break_at is not None and break_at <= max(lasts) else {})
    together = curves_of(tmp_path_factory.mktemp("stack"), ends, **how)
    for run, last in ends.items():
        epochs, losses = together[run].points("train/loss")
        wanted = [e for e in range(last) if is_kept(e) or (e % every == 0 and is_kept(e // every))] + [last]
        assert epochs.tolist() == wanted
        assert losses.tolist() == [value(run, epoch) for epoch in wanted]
        validated, _ = together[run].points("val/loss") if every <= max(lasts) else (np.zeros(0), None)
        assert validated.tolist() == [epoch for epoch in wanted if epoch and epoch % every == 0]
        alone = curves_of(tmp_path_factory.mktemp("alone"), {run: last}, every=every)[run]
        np.testing.assert_array_equal(alone.points("train/loss"), (epochs, losses))


def test_runs_that_ended_are_on_disk_before_their_stack_has(tmp_path: Path) -> None:
    followed(tmp_path / "stacks" / "s", {0: 5, 1: 9, 2: 200})  # and nobody closes
    assert len(list((tmp_path / "stacks" / "s").iterdir())) == 3
    found = read_curves(tmp_path, [Path("0"), Path("2"), Path("3")])
    assert found.keys() == {Path("0"), Path("2")}
    assert found[Path("0")].points("train/loss")[0].tolist() == list(range(6))


def test_of_a_run_that_was_trained_again_the_later_curve_counts() -> None:
    blocks = [
        Block(("a", "b"), np.array([0, 1]), np.array([2, 2]), {"x": np.full((3, 2), 1.0, np.float32)}),
        Block(("b",), np.array([0]), np.array([1]), {"x": np.full((2, 1), 7.0, np.float32)}),
    ]
    joined = join(blocks)
    first, second = (Curve(joined, joined.runs.index(run)) for run in "ab")
    assert [one.tolist() for one in first.points("x")] == [[0, 1, 2], [1, 1, 1]]
    assert [one.tolist() for one in second.points("x")] == [[0, 1], [7, 7]]


def test_a_file_that_is_torn_is_none(tmp_path: Path) -> None:
    followed(tmp_path / "stacks" / "s", {0: 5}).close()
    path = tmp_path / "stacks" / "s" / CURVES
    path.write_bytes(path.read_bytes()[:-40])
    assert read_curves(tmp_path, [Path("0")]) == {}


def test_selecting_runs_of_a_state_is_selecting_their_columns(tmp_path: Path) -> None:
    state = followed(tmp_path, {0: 9, 1: 9, 2: 9}).state_dict()
    assert take_history(state, [0, 2])["rows"].shape[-1] == 2


def test_a_run_that_was_alone_has_its_curve_in_its_directory_whatever_the_logger(cli: Cli, tmp_path: Path) -> None:
    said = cli("data=linear", "trainer.max_epochs=5", "logger=none", "hydra.run.dir=run")
    assert said.code == 0, said.err
    curve = read_curves(tmp_path, [Path("run")])[Path("run")]
    assert [one.tolist() for one in read_curves(tmp_path / "run", [Path()])[Path()].points("lr")] == [
        one.tolist() for one in curve.points("lr")
    ]
    told = result_of(tmp_path)
    assert curve.points("train/gap")[1][-1] == pytest.approx(told["metrics"]["train/gap"], rel=1e-6)
    assert told["evaluations"] == told["steps"] == 5 * 6


def test_a_sweep_that_ends_in_pieces_has_all_its_curves(cli: Cli, tmp_path: Path) -> None:
    """A run that is taken away is trained again, in a stack of its own."""
    sweep = ("-m", "data=linear", "optim=sgd", "optim.lr=0.1,0.01,1e9", "patience=2", "trainer.max_epochs=20")
    cli(*sweep, "logger=none", "hydra.sweep.dir=sweep")
    names = [Path(name) for name in results(tmp_path / "sweep")]
    before = read_curves(tmp_path / "sweep", names)
    (tmp_path / "sweep" / names[1] / "result.json").unlink()
    assert cli(*sweep, "logger=none", "hydra.sweep.dir=sweep").code == 0
    assert len(list((tmp_path / "sweep" / "stacks").iterdir())) == 2
    after = read_curves(tmp_path / "sweep", names)
    for name in names:
        np.testing.assert_allclose(after[name].points("train/loss"), before[name].points("train/loss"), rtol=1e-6)


def test_a_run_that_goes_on_has_its_curve_from_the_start(cli: Cli, tmp_path: Path) -> None:
    first = 131  # an epoch that is not kept when more follow
    settings = ("data=linear", "data.n_samples=60", "data.batch_size=full", "logger=none")
    cli(*settings, f"trainer.max_epochs={first}", "hydra.run.dir=begun")
    cli("resume=begun", "logger=none", "trainer.max_epochs=136", "hydra.run.dir=ended")
    cli(*settings, "trainer.max_epochs=136", "hydra.run.dir=whole")
    curves = read_curves(tmp_path, [Path("ended"), Path("whole")])
    for tag in ("train/loss", "val/loss", "evaluations"):
        found, wanted = (curves[Path(name)].points(tag) for name in ("ended", "whole"))
        np.testing.assert_array_equal(found, wanted)


def test_gradients_of_lbfgs_are_counted_as_torch_asks_for_them(cli: Cli, tmp_path: Path) -> None:
    overrides = ("data=breast_cancer", "optim=lbfgs", "model.l2=0.01", "data.dtype=float64", "trainer.max_epochs=4")
    said = cli(*overrides, "logger=none", "hydra.run.dir=run")
    assert said.code == 0, said.err
    spec = RunSpec.from_config(composed(*overrides))
    part = rows_of(data_by(spec).train)
    theta = nn.Parameter(torch.zeros(part.n_features + 1, dtype=torch.float64))
    optimizer = torch.optim.LBFGS([theta], lr=float(spec.optim.lr), **spec.optim.args)
    asked = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(part.x @ theta[:-1] + theta[-1], part.y[:, 0])
        objective = loss + 0.5 * 0.01 * theta[:-1].square().sum()
        objective.backward()  # type: ignore[no-untyped-call]
        asked.append(1)
        return objective

    counts = [0]
    for _ in range(4):
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        counts.append(len(asked))
    curve = read_curves(tmp_path, [Path("run")])[Path("run")]
    assert curve.points("evaluations")[1].tolist() == counts
    assert json.loads((tmp_path / "run" / "result.json").read_text())["evaluations"] == counts[-1]
