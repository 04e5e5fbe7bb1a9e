"""What a user can get wrong: one sentence with a remedy, an exit code, and nothing left behind."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra._internal.utils import get_args_parser

from onelayer.terminal.overrides import LONGEST_NAME, run_name
from onelayer.terminal.usage import TRAIN_FLAGS
from tests.conftest import Outcome, only_run

Cli = Callable[..., Outcome]
QUICK = "trainer.max_epochs=2"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["optim=adamm"], "optim=adamm: there is no such choice; did you mean 'adam'?"),
        (["optim=adam,sgd"], "optim=adam,sgd: several values are a sweep, with a run for each; add -m"),
        (["optim.lr=0.1,0.01"], "optim.lr=0.1,0.01: several values are a sweep, with a run for each; add -m"),
        (["seed=range(3)"], "seed=range(3): several values are a sweep, with a run for each; add -m"),
        (["optim.betas=0.9,0.99"], "optim.betas=0.9,0.99: a list is written optim.betas=[0.9,0.99]"),
        (["data.city=Rome", "-p", "data", "--cfg", "job"], "data.city: there is no such key"),
        (["+seed=1"], "+seed: there is such a key already; leave out the sign +"),
        (["--resolve"], "The --resolve flag can only be used in conjunction with --cfg"),
        (["=1"], "Config group override must be a string or a list"),
        (["-sc", "x"], "Expecting one subcommand from"),
        (["optm=adam"], "optm: there is no such key; did you mean 'optim'?"),
        (["optim.lrr=0.1"], "optim.lrr: there is no such key; did you mean 'optim.lr'?"),
        (["lr=0.1"], "lr: there is no such key; did you mean 'optim.lr'?"),
        (["batch_size=3"], "batch_size: there is no such key; did you mean 'data.batch_size'?"),
        (["data=linear", "data.n_sample=9"], "data.n_sample: there is no such key; did you mean 'data.n_samples'?"),
        (["optim.nesterov=true"], "optim.nesterov: there is no such key"),
        (["optim.lr=abc"], "optim.lr=abc: must be a valid number or 'auto'"),
        (["optim.betas=[0.9"], "optim.betas=[0.9: no viable alternative"),
        (["foo"], "foo: "),
        (["+data.foo=ä b?,c"], "+data.foo=ä b?,c: there is a sign in it that needs quotes"),
        (["optim.betas=[0.9,1.5]"], "optim: Adam refused its arguments: Invalid beta parameter at index 1: 1.5"),
        (["task=binary"], "task=binary: the target 'progression' is a number, not a class"),
        (["resume=nowhere"], "resume=nowhere: no run directory there"),
        (["hydra.run.dir=/proc/no/where"], "/proc/no: No such file or directory"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    cli: Cli, tmp_path: Path, arguments: list[str], said: str
) -> None:
    outcome = cli(*arguments)
    assert outcome.code == 1
    assert outcome.err.startswith(f"error: {said}"), outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_flag_that_there_is_not_is_one_sentence(cli: Cli) -> None:
    assert cli("--multirn", "seed=0,1") == Outcome(
        2, "", "error: there is no flag --multirn; did you mean '--multirun'?\n"
    )
    flags = {one for action in get_args_parser()._actions for one in action.option_strings if one.startswith("--")}
    assert flags == set(TRAIN_FLAGS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("trainer=gpu")
    assert (outcome.code, list(tmp_path.iterdir())) == (1, [])
    assert (
        outcome.err == "error: trainer.accelerator=gpu: torch finds no such device on this machine; use trainer=cpu\n"
    )


def test_a_finished_run_is_never_overwritten(cli: Cli, tmp_path: Path) -> None:
    cli(QUICK, f"hydra.run.dir={tmp_path / 'mine'}")
    before = {path: path.read_bytes() for path in (tmp_path / "mine").rglob("*") if path.is_file()}
    outcome = cli("optim=sgd", f"hydra.run.dir={tmp_path / 'mine'}")
    assert outcome.code == 1
    assert "already holds a run; choose another hydra.run.dir" in outcome.err
    assert {path: path.read_bytes() for path in (tmp_path / "mine").rglob("*") if path.is_file()} == before


def test_a_users_files_survive_a_refused_run(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    assert cli("task=binary", f"hydra.run.dir={tmp_path / 'mine'}").code == 1
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


RESUMED = [
    ([], "has 2 epochs already; set a larger trainer.max_epochs"),
    (["trainer.max_epochs=4", "optim.lr=0.5"], "optim.lr was 0.01 there and is 0.5 here; set optim.lr=0.01"),
    (["trainer.max_epochs=4", "data=linear"], "data.source was diabetes there and is linear here"),
    (
        ["trainer.max_epochs=4", "trainer.check_val_every_n_epoch=2"],
        "trainer.check_val_every_n_epoch was 1 there and is 2",
    ),
    (["trainer.max_epochs=4", "seed=3"], "seed was 0 there and is 3 here"),
]


def test_resuming_with_another_configuration_is_refused(cli: Cli, tmp_path: Path) -> None:
    cli(QUICK, f"hydra.run.dir={tmp_path / 'first'}")
    for arguments, said in RESUMED:
        outcome = cli(f"resume={tmp_path / 'first'}", *arguments)
        assert outcome.code == 1
        assert said in outcome.err
        assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_resuming_on_other_data_is_refused(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from onelayer.data.sources import scikit

    cli(QUICK, f"hydra.run.dir={tmp_path / 'first'}")
    monkeypatch.setattr("onelayer.data.sources.SOURCES", {"diabetes": lambda: _shifted(scikit.diabetes())})
    outcome = cli(f"resume={tmp_path / 'first'}", "trainer.max_epochs=4")
    assert (outcome.code, "that run was trained on other data" in outcome.err) == (1, True)


def _shifted(table: object) -> object:
    from dataclasses import replace

    return replace(table, target=table.target + 1e3 * (table.target > 100))  # type: ignore[type-var, attr-defined]


def test_resuming_a_diverged_run_is_refused(cli: Cli, tmp_path: Path) -> None:
    cli("optim=sgd", "optim.lr=1e6", f"hydra.run.dir={tmp_path / 'first'}")
    outcome = cli(f"resume={tmp_path / 'first'}", "trainer.max_epochs=400")
    assert "that run diverged at epoch" in outcome.err


def test_a_run_without_its_checkpoint_cannot_be_resumed(cli: Cli, tmp_path: Path) -> None:
    cli(QUICK)
    run = only_run(tmp_path)
    shutil.rmtree(run / "checkpoints")
    assert "no checkpoints/last.ckpt there" in cli(f"resume={run}", "trainer.max_epochs=4").err


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["optim=adam", "seed=0"], "optim=adam,seed=0"),
        ([], "run"),
        (["data.path=/a/b"], None),
        (["x=" + "y" * 400], None),
        (["data.target=" + "列" * 100], None),
        (["data.path='sold, 2024.csv'"], None),
    ],
)
def test_a_run_of_a_sweep_is_named_after_its_overrides(overrides: list[str], name: str | None) -> None:
    found = run_name(overrides)
    assert name is None or found == name
    assert "/" not in found
    assert len(found.encode()) <= LONGEST_NAME
    assert found == run_name(overrides)
    assert name is not None or found != run_name([*overrides, "z=1"])
