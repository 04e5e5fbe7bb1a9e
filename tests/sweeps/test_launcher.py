"""The launcher within Hydra.

Of Hydra's contract tests for launchers (hydra.test_utils.launcher_common_tests) both suites run here with the launcher
`fused`, none is left out. Their task functions know nothing of stacks, so the launcher runs them one by one.
`BatchedSweeperTestSuite` is about sweepers; see test_sweeper.py.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.singleton import Singleton
from hydra.experimental.callback import Callback
from hydra.experimental.callbacks import LogJobReturnCallback
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite, LauncherTestSuite
from hydra.version import VersionBase

from tests.conftest import ROOT, Outcome
from tests.sweeps.hydras import in_an_app_with
from tests.sweeps.traces import results

# Hydra's suites run without version_base, where Hydra warns of its own old ways
OLD_WAYS = pytest.mark.filterwarnings("ignore:(?s).*no longer change working directory at job runtime:UserWarning")


@OLD_WAYS
@pytest.mark.parametrize(
    ("launcher_name", "overrides"),
    # with the sweeper of test_sweeper.py, which has the suite of its own there
    [("fused", []), pytest.param("fused", ["hydra/sweeper=grid"], marks=pytest.mark.slow)],
)
class TestAsAnyLauncher(LauncherTestSuite):
    @pytest.fixture(autouse=True)
    def without_version_base(self, hydra_restore_singletons: None) -> None:
        Singleton._instances.pop(VersionBase, None)  # other tests have set it


@pytest.mark.slow
@pytest.mark.parametrize(("task_launcher_cfg", "extra_flags"), in_an_app_with(launcher="fused"))
class TestInAnAppOfItsOwn(IntegrationTestSuite):
    @pytest.fixture(autouse=True)
    def not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


def test_batches_of_the_sweeper_make_one_sweep(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    settings = ("-m", "optim=sgd", "optim.lr=0.1,0.2,0.3,0.4,0.5", "trainer.max_epochs=2", "logger=none")
    said = cli(*settings, "hydra.sweeper.max_batch_size=2", "hydra.sweep.dir=sweep")
    assert said.code == 0, said.err
    assert len(results(tmp_path / "sweep")) == 5
    assert said.out.count("rank") == 1
    assert said.out.endswith("sweep: leaderboard.csv, leaderboard.md and the runs\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hydra.launcher.max_runs=3",), "error: hydra.launcher.max_runs: there is no such key"),
        (("hydra.launcher.fail_fast=perhaps",), "fail_fast=perhaps"),
        (
            ("optim=sgd,momentum", "optim.momentum=0.9"),
            "in the default optim; write optim.momentum=choice(...) to set it",
        ),
        pytest.param(
            ("+hydra.callbacks.log._target_=hydra.experimental.callbacks.LogJobReturnCallback",),
            "hydra.callbacks: LogJobReturnCallback waits for single jobs to start or end; add hydra/launcher=basic",
            marks=pytest.mark.skipif(
                LogJobReturnCallback.on_job_end is Callback.on_job_end, reason="from Hydra 1.4 on it does nothing"
            ),
        ),
        (("hydra.job.chdir=true",), "error: hydra.job.chdir=true: runs that train together share a working directory"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    cli: Callable[..., Outcome], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    outcome = cli("-m", "seed=0,1", *arguments)
    assert outcome.code == 1
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_each_batch_is_checked_when_its_turn_comes(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    settings = ("-m", "optim=adam,lbfgs,sgd", "data.batch_size=32", "trainer.max_epochs=1", "logger=none")
    batches = (*settings, "hydra.sweeper.max_batch_size=1")
    said = cli(*batches, "hydra.sweep.dir=refused")
    assert said.code == 1
    assert "1 of 1 jobs cannot be trained" in said.err
    assert said.out.count("rank") == 1  # the table of what had been trained by then
    said = cli(*batches, "hydra.launcher.skip_invalid=true", "hydra.sweep.dir=skipped")
    assert said.code == 0, said.err
    assert len(results(tmp_path / "skipped")) == 2


@pytest.mark.parametrize("sweeper", ["grid", "basic"])
def test_both_sweepers_reach_the_launcher(cli: Callable[..., Outcome], tmp_path: Path, sweeper: str) -> None:
    said = cli("-m", f"hydra/sweeper={sweeper}", "seed=0,1", "trainer.max_epochs=1", "logger=none", "hydra.sweep.dir=s")
    assert said.code == 0, said.err
    assert "2 runs in 2 stacks" in said.out
    assert len(results(tmp_path / "s")) == 2


def test_runs_of_a_sweep_go_on_from_a_run(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    """Each run goes on where the other one was, and equals the one that goes on by itself."""
    settings = ("logger=none", "optim=adam", "data.dtype=float64")
    cli(*settings, "trainer.max_epochs=4", "hydra.run.dir=first")
    alone = cli("resume=first", "trainer.max_epochs=9", "hydra.run.dir=alone/run")
    assert alone.code == 0, alone.err
    said = cli("-m", "resume=first", "trainer.max_epochs=6,9", "hydra.sweep.dir=sweep")
    assert said.code == 0, said.err
    (wanted,) = results(tmp_path / "alone").values()
    longest = [result for name, result in results(tmp_path / "sweep").items() if result["epochs"] == 9]
    assert [result["metrics"] for result in longest] == [wanted["metrics"]]
