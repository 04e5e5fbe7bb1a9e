"""Runs that cannot differ: one is trained, and each has all that it would have had."""

import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from onelayer.artefact import Artefact
from onelayer.sweeps import launch
from onelayer.sweeps.equal import equal_jobs
from onelayer.sweeps.plan import Job
from onelayer.track.results import Results, Run
from tests.conftest import Outcome
from tests.processes import FORKS, ended, killed, started
from tests.sweeps.sweeps import board_of
from tests.sweeps.test_failures import raising
from tests.sweeps.test_plan import job
from tests.sweeps.traces import CLOSE, checkpoint, curves, events, files, history, lines, results, same, statuses, tree

Cli = Callable[..., Outcome]
FULL = (
    *("data=linear", "data.n_samples=60", "data.batch_size=full", "data.dtype=float64", "trainer.max_epochs=5"),
    "hydra.sweep.subdir=seed${seed}-${optim.name}-${optim.lr}",
)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The overrides of each run that is trained, in order."""
    found: list[str] = []

    class Noting(Results):
        def __init__(self, runs: Sequence[Run], *others: Any, **named: Any) -> None:
            found.extend(" ".join(run.overrides) for run in runs)
            super().__init__(runs, *others, **named)

    monkeypatch.setattr(launch, "Results", Noting)
    return found


def numbers(equal: dict[int, list[Job]]) -> dict[int, list[int]]:
    return {first: [job.number for job in others] for first, others in equal.items()}


def test_runs_are_equal_where_the_seed_draws_nothing() -> None:
    seeds = [job(number, f"seed={number}", full=True) for number in range(3)]
    assert numbers(equal_jobs(seeds)) == {0: [1, 2]}
    assert numbers(equal_jobs(seeds[:2], [seeds[2]])) == {2: [0, 1]}
    assert equal_jobs([], seeds) == {}
    drawn = [job(number, f"seed={number}", "model.init=normal", full=True) for number in range(3)]
    assert equal_jobs(drawn) == {}
    assert equal_jobs([job(number, f"seed={number}") for number in range(2)]) == {}
    ordered = [job(number, f"seed={number}", "data.shuffle=false") for number in range(2)]
    assert numbers(equal_jobs(ordered)) == {0: [1]}
    # what leaves something else behind is no equal, though its numbers are
    for other in ("optim.lr=0.3", "logger=none", "logger.weights=true"):
        assert equal_jobs([seeds[0], job(4, other, "seed=4", full=True)]) == {}


def test_equal_runs_are_trained_once_and_have_all_that_they_would_have_had(
    cli: Cli, tmp_path: Path, trained: list[str]
) -> None:
    overrides = ("-m", *FULL, "seed=0,1,2", "optim.lr=0.1,1e9", "logger.weights=true")
    wanted = cli(*overrides, "hydra/launcher=basic", "hydra.sweep.dir=basic")
    said = cli(*overrides, "hydra.sweep.dir=once")
    assert (said.code, wanted.code) == (0, 0), said.err
    assert len(trained) == 2
    assert all("seed=0" in one for one in trained)
    assert "2 runs in 1 stack\n4 more runs differ from another in the seed alone, which changes nothing" in said.out
    assert "alone were trained once, and count once" in said.out
    assert "1 of 3" in said.out
    basic, once = results(tmp_path / "basic"), results(tmp_path / "once")
    assert list(basic) == list(once)
    assert statuses(tmp_path / "once") == {"diverged": 3, "done": 3}
    for name, found in once.items():
        ours, alone, first = tmp_path / "once" / name, tmp_path / "basic" / name, name
        if found["seed"]:
            first = name.replace(f"seed{found['seed']}", "seed0")
            assert found["trained_with"] == first
            assert lines(ours)[0].endswith(f"the seed changes nothing here: trained once, as {first}")
        else:
            assert found["trained_with"] is None
        assert basic[name]["trained_with"] is None
        assert not found["random"]
        # to the bit what was trained
        own = ("overrides", "config_hash", "seed", "trained_with")
        assert {key: value for key, value in found.items() if key not in own} == {
            key: value for key, value in once[first].items() if key not in own
        }
        one, other = Artefact.load(ours / "model"), Artefact.load(tmp_path / "once" / first / "model")
        x = np.random.default_rng(0).normal(size=(9, len(one.columns)))
        np.testing.assert_array_equal(one.logits(x), other.logits(x))
        for file in ("model/model.safetensors", "weights.safetensors"):
            assert (ours / file).read_bytes() == (tmp_path / "once" / first / file).read_bytes()
        for part in ("last", "best"):
            same(checkpoint(ours, part), checkpoint(tmp_path / "once" / first, part), 0.0, f"{name} {part}")
        # and to rounding what it would have been by itself, as which it is known
        for key in ("overrides", "config_hash", "seed", "status", "epochs", "best_epoch", "metrics", "lr", "data_hash"):
            same(found[key], basic[name][key], CLOSE["float64"], f"{name} {key}")
        assert one.header["training"]["overrides"] == found["overrides"]
        assert files(ours) == files(alone)
        same(events(ours), events(alone), 1e-5, f"{name} events")
        same(history(ours), history(alone), 1e-5, f"{name} curves")


def test_a_further_seed_trains_nothing(cli: Cli, tmp_path: Path, trained: list[str]) -> None:
    settings = ("-m", *FULL, "optim.lr=0.1,0.01", "hydra.sweep.dir=sweep")
    assert cli(*settings, "seed=0", "logger=none").code == 0
    assert len(trained) == 2
    # the second time with the numbers of one that took them over, and with a logger that has nothing to take over
    for seeds, logger in (("seed=0,1", "logger=none"), ("seed=2,1", "logger.figures=false")):
        said = cli(*settings, seeds, logger)
        assert said.code == 0, said.err
        assert "2 of 4 runs had ended before" in said.out
        assert "2 more runs differ from another in the seed alone" in said.out
    assert len(trained) == 2
    found = results(tmp_path / "sweep")
    assert len(found) == 6
    for name, result in found.items():
        first = name.replace(f"seed{result['seed']}", "seed0")
        assert result["metrics"] == found[first]["metrics"]
        assert result["trained_with"] == (first if result["seed"] else None)
        assert (f"trained once, as {first}\n" in (tmp_path / "sweep" / name / "train.log").read_text()) == (
            name != first
        )
        assert history(tmp_path / "sweep" / name) == history(tmp_path / "sweep" / first)


def test_what_a_kill_left_undone_is_taken_over_at_the_next_start(cli: Cli, tmp_path: Path, trained: list[str]) -> None:
    settings = ("-m", *FULL, "seed=0,1,2", "logger.figures=false", "hydra.sweep.dir=sweep")
    assert cli(*settings).code == 0
    names, before = list(results(tmp_path / "sweep")), tree(tmp_path / "sweep")
    first, second, third = (tmp_path / "sweep" / name for name in names)
    (second / "result.json").unlink()  # killed before it was written
    (third / "result.json").unlink()  # and in the midst of events, of another process
    (events_of_it,) = third.glob("events.*")
    events_of_it.rename(third / "events.out.tfevents.0000000001.elsewhere.1")
    (third / "model" / "model.json").unlink()
    said = cli(*settings)
    assert said.code == 0, said.err
    assert "1 of 3 runs had ended before" in said.out
    assert len(trained) == 1
    before, after = (
        {path: one for path, one in files_then.items() if path.startswith(tuple(names)) and "train.log" not in path}
        for files_then in (before, tree(tmp_path / "sweep"))
    )
    assert before.keys() == after.keys()
    unlike = {path.rpartition("/")[2] for path in before if before[path] != after[path]}
    assert {name.partition(".")[0] for name in unlike} <= {"events", "curves"}  # whose metadata have no order
    assert history(first) == history(second) == history(third)
    assert curves(first) == curves(second) == curves(third) != {}


@FORKS
def test_a_killed_sweep_goes_on_with_the_run_that_was_trained(cli: Cli, tmp_path: Path) -> None:
    cli("-m", *FULL, "seed=0", "hydra.sweep.dir=warm")
    settings = (
        *("-m", *FULL, "optim=sgd", "optim.lr=1e9,0.1", "trainer.max_epochs=1000000", "logger=none"),
        *("checkpoint_seconds=0.05", "hydra.sweep.dir=cut"),
    )
    number = started([*settings, "seed=0,1"], tmp_path)
    while not list(tmp_path.glob("cut/.stacks/[!.]*.ckpt")):
        assert ended(number, 0.05) is None, (tmp_path / "said.txt").read_text()
    assert killed(number, signal.SIGKILL) == -signal.SIGKILL
    assert statuses(tmp_path / "cut") == {"diverged": 1}  # the other one is still to be written
    (path,) = tmp_path.glob("cut/.stacks/[!.]*.ckpt")

    def epochs() -> int:
        state = torch.load(path, weights_only=True)
        (name,) = state["members"]["names"]
        assert "seed0" in name
        return int(max(state["callbacks"]["Tracker"]["judge"]["epochs"]))

    before = epochs()
    number = started([*settings, "seed=1,0"], tmp_path)  # in whatever order
    while epochs() <= before:
        assert ended(number, 0.05) is None, (tmp_path / "said.txt").read_text()
    assert killed(number, signal.SIGINT) == 128 + signal.SIGINT
    said = (tmp_path / "said.txt").read_text()
    assert "1 runs go on from the checkpoint of their stack" in said
    assert "2 more runs differ from another in the seed alone" in said
    assert "2 of 4 runs have not ended" in said
    assert statuses(tmp_path / "cut") == {"diverged": 2}
    one, other = results(tmp_path / "cut").values()
    assert [one["trained_with"], one["metrics"]] == [None, other["metrics"]]


def test_what_stops_a_run_stops_its_equals_until_the_next_start(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("-m", *FULL, "optim=asgd", "optim.lr=0.1,0.05", "seed=0,1,2", "logger=none", "hydra.sweep.dir=sweep")
    with monkeypatch.context() as broken:
        broken.setattr(torch.optim.ASGD, "step", raising(0.05, torch.optim.ASGD.step))
        said = cli(*settings)
    assert said.code == 1
    assert statuses(tmp_path / "sweep") == {"done": 3, "failed": 3}
    assert "failed: 2 more for this reason: RuntimeError('the step broke')" in said.out
    said = cli(*settings)
    assert said.code == 0, said.err
    assert statuses(tmp_path / "sweep") == {"done": 6}


def test_what_is_left_of_a_run_suffices(cli: Cli, tmp_path: Path) -> None:
    settings = ("-m", *FULL, "logger=none", "hydra.sweep.dir=sweep")
    cli(*settings, "seed=0")
    (only,) = (tmp_path / "sweep").glob("seed0*")
    for name in ("last", "best"):
        (only / "checkpoints" / f"{name}.ckpt").unlink()  # by somebody who needs room
    said = cli(*settings, "seed=0,1")
    assert said.code == 0, said.err
    (only / "model" / "model.json").write_text("{}")  # torn: it is trained again, the other one stays
    said = cli(*settings, "seed=0,1,2")
    assert said.code == 0, said.err
    assert "1 of 3 runs had ended before" in said.out
    found = [json.loads(path.read_text())["metrics"] for path in (tmp_path / "sweep").glob("*/result.json")]
    assert found[0] == found[1] == found[2]


def test_a_large_sweep_has_as_many_curves_as_were_asked_for(cli: Cli, tmp_path: Path) -> None:
    settings = ("-m", *FULL, "optim.lr=0.1,0.01", "seed=0,1", "logger.max_live_runs=3", "logger.max_figures=1")
    said = cli(*settings, "hydra.sweep.dir=sweep")
    assert said.code == 0, said.err
    directories = [tmp_path / "sweep" / name for name in results(tmp_path / "sweep")]
    assert sum(bool(curves(directory)) for directory in directories) == 3
    assert sum(any(isinstance(value, list) for _, _, value in events(one)) for one in directories) == 1
    for directory in directories:
        (row,) = (value for tag, _, value in events(directory) if tag == "_hparams_/session_start_info")
        seed = results(tmp_path / "sweep")[directory.name]["seed"]
        assert f'key: "seed"\n    value {{\n      number_value: {seed}' in row
    (best,) = {row.runs[0].metrics["val/loss"] for row in board_of(tmp_path / "sweep").rows[:1]}
    assert best == min(result["metrics"]["val/loss"] for result in results(tmp_path / "sweep").values())
