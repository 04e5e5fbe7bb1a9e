"""The weights of each epoch: the same in any stack, over an interruption, and as torch itself would have them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from onelayer.config import RunSpec
from onelayer.errors import UserError
from onelayer.filenames import TRAJECTORY
from onelayer.report.landscape.chosen import Array
from onelayer.track.history import is_kept
from onelayer.track.path import (
    MEMBER,
    Paths,
    WeightPath,
    is_recorded,
    read_path,
    refuse_too_large,
    take_paths,
)
from onelayer.track.results import config_hash
from onelayer.track.tracker import save_atomically
from tests.conftest import Outcome, composed, data_by, rows_of
from tests.sweeps.traces import results

Cli = Callable[..., Outcome]
DATA = ("data=linear", "data.n_samples=80", "data.n_features=3", "data.batch_size=full", "data.dtype=float64")
QUIET = ("logger=none", "logger.weights=true")


def path_of(run: Path) -> WeightPath:
    found = read_path(run)
    assert found is not None
    return found


def weights(run: int, epoch: int) -> Tensor:
    return torch.tensor([[1000.0 * run + epoch, -epoch]])


def followed(folder: Path, ends: dict[int, int], break_at: int | None = None) -> None:
    """Follow runs until each ends; those that go on are kept; perhaps with a kill between."""
    paths, present = Paths(), list(ends)
    for epoch in range(max(ends.values()) + 1):
        if epoch == break_at:  # on from a checkpoint, of these runs alone
            state = take_paths(paths.state_dict(), range(len(present)))
            paths = Paths()
            paths.load_state_dict(state)
        paths.add(epoch, torch.stack([weights(run, epoch) for run in present]))
        for place, run in enumerate(present):
            if ends[run] == epoch:
                (folder / str(run)).mkdir(parents=True)
                paths.end(place, epoch, weights(run, epoch), folder / str(run))
        staying = [place for place, run in enumerate(present) if ends[run] > epoch]
        if staying and len(staying) < len(present):
            paths.keep(staying)
            present = [present[place] for place in staying]


@pytest.mark.parametrize("break_at", [None, 3, 140])
def test_a_run_has_the_same_path_in_any_stack(tmp_path: Path, break_at: int | None) -> None:
    ends = {0: 0, 1: 1, 2: 130, 3: 131, 4: 300}
    followed(tmp_path, ends, break_at)
    for run, last in ends.items():
        path = path_of(tmp_path / str(run))
        assert path.epochs.tolist() == [epoch for epoch in range(last) if is_kept(epoch)] + [last]
        assert path.epochs.dtype == np.int32
        np.testing.assert_array_equal(path.theta, np.stack([weights(run, epoch) for epoch in path.epochs.tolist()]))


def by_torch(optimizer: str, overrides: tuple[str, ...], epochs: int) -> Array:
    """A plain loop over the same rows, (epochs + 1, 1, columns)."""
    spec = RunSpec.from_config(composed(*overrides, f"optim={optimizer}"))
    part = rows_of(data_by(spec).train)
    theta = nn.Parameter(torch.full((part.n_features + 1,), 0.5, dtype=torch.float64))
    with torch.no_grad():
        theta[-1] = 0.0
    step: torch.optim.Optimizer = (
        torch.optim.SGD([theta], lr=0.05) if optimizer == "sgd" else torch.optim.Adam([theta], lr=0.05)
    )
    rows = [theta.detach().clone()]
    for _ in range(epochs):
        step.zero_grad()
        loss = (part.x @ theta[:-1] + theta[-1] - part.y[:, 0]).square().mean() + 0.05 * theta[:-1].square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        step.step()
        rows.append(theta.detach().clone())
    return torch.stack(rows)[:, None].numpy()


def test_paths_are_those_of_a_plain_torch_loop(cli: Cli, tmp_path: Path) -> None:
    same = (*DATA, "model.l2=0.1", "model.init=0.5", "trainer.max_epochs=25", "monitor=train/loss")
    rates = "optim.lr=choice(0.05,1e9)"  # of each optimizer another one that diverges at once, or does not
    said = cli("-m", *same, "optim=sgd,adam", rates, *QUIET, "hydra.sweep.dir=s", "hydra.sweep.subdir=${hydra.job.num}")
    assert said.code == 0, said.err
    statuses = [one["status"] for one in results(tmp_path / "s").values()]
    assert statuses.count("diverged") >= 1
    for number, optimizer in ((0, "sgd"), (2, "adam")):
        path = path_of(tmp_path / "s" / str(number))
        assert path.epochs.tolist() == list(range(26))
        np.testing.assert_allclose(path.theta, by_torch(optimizer, same, 25), rtol=1e-9, atol=1e-12)
        last = torch.load(tmp_path / "s" / str(number) / "checkpoints" / "last.ckpt", weights_only=True)
        np.testing.assert_array_equal(path.theta[-1], last["state_dict"]["linear.theta"][0].numpy())


def test_a_run_alone_has_the_path_that_it_has_in_a_stack(cli: Cli, tmp_path: Path) -> None:
    overrides = (*DATA[:3], "data.batch_size=16", "trainer.max_epochs=7", "model.init=torch", *QUIET)
    cli("-m", *overrides, "optim=sgd,adam,rmsprop", "hydra.sweep.dir=s", "hydra.sweep.subdir=${hydra.job.num}")
    cli(*overrides, "optim=rmsprop", "hydra.run.dir=alone")
    found, wanted = path_of(tmp_path / "s" / "2"), path_of(tmp_path / "alone")
    assert found.theta.dtype == np.float32
    np.testing.assert_array_equal(found.epochs, wanted.epochs)
    np.testing.assert_allclose(found.theta, wanted.theta, rtol=1e-5, atol=1e-6)


def test_a_run_that_goes_on_has_its_path_from_the_start(cli: Cli, tmp_path: Path) -> None:
    first = 131  # an epoch that is not kept when more follow
    cli(*DATA, *QUIET, f"trainer.max_epochs={first}", "hydra.run.dir=begun")
    said = cli("resume=begun", "trainer.max_epochs=136", "hydra.run.dir=ended")
    assert said.code == 0, said.err
    cli(*DATA, *QUIET, "trainer.max_epochs=136", "hydra.run.dir=whole")
    found, wanted = path_of(tmp_path / "ended"), path_of(tmp_path / "whole")
    np.testing.assert_array_equal(found.epochs, wanted.epochs)
    np.testing.assert_array_equal(found.theta, wanted.theta)


def test_what_was_trained_without_is_refused_in_one_sentence(cli: Cli, tmp_path: Path) -> None:
    sweep = ("-m", *DATA, "optim=sgd,adam", "trainer.max_epochs=2", "logger=none", "hydra.sweep.dir=s")
    cli(*sweep, "hydra.sweep.subdir=${hydra.job.num}")
    assert not list(tmp_path.rglob(TRAJECTORY))
    again = cli(*sweep, "logger.weights=true", "hydra.sweep.subdir=${hydra.job.num}")
    assert (again.code, again.err) == (
        1,
        "error: s: 2 of its runs have ended without logger.weights=true, so that no path was kept of them; "
        "set logger.weights=false, or choose another hydra.sweep.dir\n",
    )
    more = cli("resume=s/0", "logger.weights=true", "trainer.max_epochs=4", "hydra.run.dir=more")
    assert (more.code, more.err) == (
        1,
        "error: resume=s/0: no path was kept of that run; set logger.weights=false, or train it again\n",
    )
    assert not (tmp_path / "more").exists()


def test_a_checkpoint_tells_whether_paths_are_in_it(tmp_path: Path) -> None:
    for members, recorded in (({MEMBER: {"epochs": [0]}, "names": []}, True), ({"names": []}, False)):
        save_atomically({"members": members}, tmp_path / "last.ckpt")
        assert is_recorded(tmp_path / "last.ckpt") is recorded


def test_weights_that_are_kept_change_no_number() -> None:
    specs = [RunSpec.from_config(composed(f"logger.weights={kept}")) for kept in ("true", "false")]
    assert config_hash(specs[0]) == config_hash(specs[1])


def test_what_no_memory_holds_is_refused() -> None:
    with pytest.raises(UserError, match=r"^logger.weights=true: 1000 x 100000 weights at 1\d\d epochs are \d+\.\d GiB"):
        refuse_too_large(1000, 10 * 10_000, 4, 100)
    refuse_too_large(1000, 11, 4, 10_000)


def test_a_file_that_is_torn_is_one_sentence(tmp_path: Path) -> None:
    WeightPath(np.arange(3, dtype=np.int32), np.zeros((3, 1, 2))).write(tmp_path)
    assert path_of(tmp_path).theta.shape == (3, 1, 2)
    (tmp_path / TRAJECTORY).write_bytes((tmp_path / TRAJECTORY).read_bytes()[:-8])
    with pytest.raises(UserError, match=r"weights.safetensors: it holds no path of weights"):
        read_path(tmp_path)
