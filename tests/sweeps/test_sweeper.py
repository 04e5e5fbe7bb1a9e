"""The sweeper within Hydra: its contract, and what it adds.

Of Hydra's contract tests for launchers and sweepers (hydra.test_utils.launcher_common_tests) all three suites run here
with the sweeper `grid` and Hydra's basic launcher; none is left out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.test_utils.launcher_common_tests import BatchedSweeperTestSuite, IntegrationTestSuite, LauncherTestSuite
from hydra.test_utils.test_utils import SweepTaskFunction
from omegaconf import DictConfig, OmegaConf

from onelayer import CONF
from tests.conftest import ROOT, Outcome
from tests.sweeps.hydras import in_an_app_with
from tests.sweeps.traces import statuses

# Hydra's suites run without version_base, where Hydra warns of its own old ways
OLD_WAYS = pytest.mark.filterwarnings("ignore:(?s).*no longer change working directory at job runtime:UserWarning")
# nor do they say what configurations may call, of which later versions warn
pytestmark = pytest.mark.filterwarnings("ignore:(?s).*(execution_whitelist|execution whitelist):UserWarning")


@OLD_WAYS
@pytest.mark.parametrize(("launcher_name", "overrides"), [("basic", ["hydra/sweeper=grid"])])
class TestAsAnySweeper(LauncherTestSuite):
    pass


@OLD_WAYS
@pytest.mark.parametrize(
    ("launcher_name", "overrides"), [("basic", ["hydra/sweeper=grid", "hydra.sweeper.max_batch_size=2"])]
)
class TestInBatches(BatchedSweeperTestSuite):
    pass


@pytest.mark.slow
@pytest.mark.parametrize(("task_launcher_cfg", "extra_flags"), in_an_app_with(sweeper="grid"))
class TestInAnAppOfItsOwn(IntegrationTestSuite):
    @pytest.fixture(autouse=True)
    def not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


@pytest.fixture
def sweep(
    hydra_restore_singletons: None, hydra_sweep_runner: Callable[..., SweepTaskFunction], tmp_path: Path
) -> Callable[..., SweepTaskFunction]:
    """Make a sweep over our configuration, with a task that takes it and Hydra's basic launcher."""
    from onelayer.compose import register_resolver
    from onelayer.terminal.overrides import run_name

    register_resolver("run_name", run_name)

    def make(task: Callable[[DictConfig], Any], *overrides: str) -> SweepTaskFunction:
        return hydra_sweep_runner(
            calling_file=None,
            calling_module="hydra.test_utils.a_module",
            task_function=task,
            config_path=str(CONF),
            config_name="train",
            overrides=[*overrides, "hydra/launcher=basic"],
            temp_dir=tmp_path / "deep" / "sweep",
        )

    return make


def returns_of(done: SweepTaskFunction) -> list[list[Any]]:
    assert done.returns is not None
    return done.returns


def overrides_of(done: SweepTaskFunction) -> list[list[list[str]]]:
    return [[list(job.overrides or []) for job in batch] for batch in returns_of(done)]


def fail_with_two(config: DictConfig) -> int:
    if config.seed == 2:
        raise RuntimeError("two")
    return int(config.seed)


def test_it_is_the_default(sweep: Callable[..., SweepTaskFunction]) -> None:
    with sweep(fail_with_two, "optim.lr=tag(log,interval(0.01,1))", "hydra.sweeper.points=3") as done:
        assert overrides_of(done) == [[["optim.lr=0.01"], ["optim.lr=0.1"], ["optim.lr=1.0"]]]


def test_a_failed_job_raises_at_the_end_of_its_batch_as_with_the_basic_sweeper(
    sweep: Callable[..., SweepTaskFunction], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        pytest.raises(RuntimeError, match="two"),
        sweep(fail_with_two, "seed=range(6)", "hydra.sweeper.max_batch_size=4"),
    ):
        pass
    made = sorted(path.name for path in (tmp_path / "deep" / "sweep").iterdir())
    assert made == ["multirun.yaml", "seed=0", "seed=1", "seed=2", "seed=3"]
    assert "Error executing job with overrides: ['seed=2']" in capfd.readouterr().err


def test_runs_that_the_basic_launcher_trains_end_in_one_table_though_one_fails(
    cli: Callable[..., Outcome], tmp_path: Path
) -> None:
    settings = ("optim=lbfgs,adam,sgd", "data.batch_size=32", "trainer.max_epochs=1", "logger=none")
    said = cli("-m", *settings, "hydra.sweeper.max_batch_size=2", "hydra/launcher=basic", "hydra.sweep.dir=s")
    assert said.code == 1
    assert statuses(tmp_path / "s") == {"failed": 1, "done": 2}
    assert said.out.count("rank") == 1


def test_the_runs_of_a_named_sweep_know_nothing_of_its_name(
    sweep: Callable[..., SweepTaskFunction], tmp_path: Path
) -> None:
    settings = ("optim=adam,rprop", "optim.lr=0.1", "seed=0")
    with sweep(lambda config: config, "sweep=optimizers", *settings) as done:
        named = [job for batch in returns_of(done) for job in batch]
        record = OmegaConf.load(tmp_path / "deep" / "sweep" / "multirun.yaml")
        assert record.hydra.overrides.task == ["sweep=optimizers", *settings]
        assert record.hydra.sweeper.grids[0].optim == "sgd,asgd"
    assert [job.overrides for job in named] == [
        ["optim=adam", "optim.lr=0.1", "optim.betas=[0.9,0.999]", "seed=0"],
        ["optim=adam", "optim.lr=0.1", "optim.betas=[0.5,0.999]", "seed=0"],
        ["optim=rprop", "optim.lr=0.1", "seed=0"],
    ]
    with sweep(lambda config: config, *settings) as done:
        plain = [job for batch in returns_of(done) for job in batch]
    assert [named[0].return_value, named[2].return_value] == [job.return_value for job in plain]
    assert named[0].hydra_cfg.hydra.runtime.choices.sweep is None


@pytest.mark.parametrize("sign", ["", pytest.param("+", marks=pytest.mark.slow)])
def test_params_may_stand_on_the_command_line(sweep: Callable[..., SweepTaskFunction], sign: str) -> None:
    params = sign + 'hydra.sweeper.params={optim:"adam,sgd",optim.lr:"0.1,0.2"}'
    with sweep(lambda config: config.optim.lr, params, "seed=3") as done:
        assert overrides_of(done) == [
            [[f"optim={optim}", f"optim.lr={lr}", "seed=3"] for optim in ("adam", "sgd") for lr in (0.1, 0.2)]
        ]
    with sweep(lambda config: config.optim.lr, "sweep=l2", "hydra.sweeper.params.optim=sgd", "model.l2=1") as done:
        assert overrides_of(done) == [[["optim=sgd", "model.l2=1"]]]


def test_grids_may_stand_on_the_command_line(sweep: Callable[..., SweepTaskFunction]) -> None:
    grids = 'hydra.sweeper.grids=[{optim:adam,optim.lr:"0.1,0.2"},{optim:sgd}]'
    with sweep(lambda config: config.optim.lr, grids) as done:
        assert overrides_of(done) == [[["optim=adam", "optim.lr=0.1"], ["optim=adam", "optim.lr=0.2"], ["optim=sgd"]]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-m", "sweep=optimizrs"), "error: sweep=optimizrs: there is no such choice; did you mean 'optimizers'?\n"),
        (("sweep=optimizers",), "error: sweep=optimizers is a sweep, and without -m there is one run only; add -m, "),
        (('hydra.sweeper.params={seed:"0,1"}',), "error: hydra.sweeper describes a sweep, and without -m"),
        (("-m", "sweep=optimizers", "optim=adamm"), "error: optim=adamm: there is no such choice; did you mean 'adam'"),
        (("-m", "sweep=l2,optimizers"), "error: sweep=l2,optimizers: name one sweep"),
        (("-m", "hydra.sweeper.points=3", "seed=0,1"), "error: hydra.sweeper.points=3 has no effect"),
        (("-m", "hydra.sweeper.points=x"), "error: Error merging override hydra.sweeper.points=x Value 'x' of type"),
        (("-m", "hydra.sweeper.pionts=3"), "error: hydra.sweeper.pionts: there is no such key"),
        (("-m", "hydra.sweeper.params.seed=0,1"), "error: Sweeping over Hydra's configuration is not supported"),
        (("-m", "optim.lr=tag(log,interval(0,1))"), "error: optim.lr=tag(log,interval(0,1)): both ends"),
        (("-m", "optim.lrr=0.1,0.2", "hydra/launcher=basic"), "error: optim.lrr: there is no such key; did you mean"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    cli: Callable[..., Outcome], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    outcome = cli(*arguments)
    assert outcome.code == 1
    assert outcome.err.startswith(said)
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_refused_sweep_leaves_a_folder_that_was_there(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    assert cli("-m", "seed=range(4,0)", "hydra.sweep.dir=old").code == 1
    assert list(old.iterdir()) == []
    (old / "notes.txt").write_text("keep me")
    assert cli("-m", "optim.lrr=1,2", "hydra.sweep.dir=old", "hydra/launcher=basic").code == 1
    assert (old / "notes.txt").read_text() == "keep me"
