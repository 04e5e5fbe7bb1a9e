"""Composed jobs are held equal to what Hydra's own launcher makes of the same overrides, with the files they leave."""

from pathlib import Path
from typing import Any

import pytest
from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from onelayer.sweeps.compose import Composer
from tests.conftest import examples
from tests.sweeps.hydras import Sweep


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """One sweep for many tests, as a sweep has many jobs: none may leave a trace in the next."""
    return Sweep("optim=adam,sgd", "hydra.mode=MULTIRUN", f"hydra.sweep.dir={tmp_path_factory.mktemp('sweep')}")


KEYS = ["seed", "task", "monitor", "optim.lr", "optim.betas", "model.l2", "data.split.val", "data.batch_size"]
KEYS += ["trainer.max_epochs", "scheduler.name", "scheduler.T_max", "scheduler", "data.split", "optim.betas.0"]
KEYS += ["nope", "optim.nope", "data.split.val.nope", "new.section.key"]
GROUPS = [
    "optim=sgd",
    "optim=lbfgs",
    "optim=momentum",
    "data=iris",
    "scheduler=cosine",
    "model=logistic",
    "logger=none",
]
GROUPS += ["optim=nope", "nope=adam", "~logger", "~scheduler=none", "~data=iris", "+optim=adam", "+optim@second=sgd"]
GROUPS += ["optim@second=sgd", "++optim=adam", "optim=[adam,sgd]", "optim=3", "optim=", "hydra/job_logging=none"]
VALUES = [
    "null",
    "true",
    "''",
    "[]",
    "{}",
    "[1,[2.5,null],'a b']",
    "{a:1,b:{c:[]}}",
    "{lr:7}",
    "???",
    "1e-3",
    "nan",
    "-0.0",
]
VALUES += [
    "'a,b'",
    "'a=b'",
    "'0.1'",
    "'true'",
    "'null'",
    "a b",
    "1,2",
    "range(3)",
    "[${seed}]",
    "${optim.lr}",
    "${nope}",
]
VALUES += [
    "'${seed} of ${data.split.val}'",
    "${hydra:job.num}",
    "${hydra.job.num}",
    "${oc.env:PATH}",
    "${now:%Y}",
    "full",
]
VALUES += ["'\\\\${seed}'", "'a\\b'", "'${'", "${trainer}", "${.name}", "[", "int(2.5)", "ü", "0x10", "1_000", "-3", ""]
quoted = st.text(st.characters(exclude_categories=["C"], exclude_characters="\\'$"), max_size=12).map("'{}'".format)
values = st.one_of(st.sampled_from(VALUES), quoted, st.integers().map(str), st.floats().map(str))
plain_change = st.builds("{}={}".format, st.sampled_from(KEYS), values)
other_change = st.builds("{}{}={}".format, st.sampled_from(["+", "++", "~"]), st.sampled_from(KEYS), values)
deletion = st.sampled_from(KEYS).map("~{}".format)
job_overrides = st.tuples(
    st.lists(st.sampled_from(GROUPS), max_size=1), st.lists(plain_change | other_change | deletion, max_size=3)
).flatmap(lambda parts: st.permutations([*parts[0], *parts[1]]))


@settings(max_examples=examples(6), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(overrides=job_overrides, number=st.integers(0, 5000))
def test_random_jobs_equal_hydras(sweep: Sweep, overrides: list[str], number: int) -> None:
    sweep.check(*overrides, number=number)
    # the next job often differs in its last override
    sweep.check(*overrides[:-1], number=number + 1)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        pytest.param(["optim=adam", "optim.lr=0.01", "model.l2=0"], marks=pytest.mark.slow),
        pytest.param(["optim.lr=0.1", "optim.lr=0.2", "optim.lr=0.3"], marks=pytest.mark.slow),
        ["optim=sgd", "optim.lr=1", "optim=adam"],
        pytest.param(["optim.lr=0.5", "optim=sgd"], marks=pytest.mark.slow),
        pytest.param(["~optim.lr", "optim.lr=1"], marks=pytest.mark.slow),
        ["~optim.lr", "+optim.lr=1", "optim.lr=2"],
        pytest.param(["+optim.new=1", "optim.new=2", "seed=3"], marks=pytest.mark.slow),
        ["seed=3", "+optim.new=${seed}", "seed=4"],
        pytest.param(["model.l2=${optim.lr}", "optim.lr=7"], marks=pytest.mark.slow),
        ["scheduler=cosine", "trainer.max_epochs=7", "scheduler.T_max=9"],
        ["scheduler=cosine", "trainer.max_epochs=${seed}", "seed=9"],
        pytest.param(["scheduler=cosine", "trainer.max_epochs=[1]"], marks=pytest.mark.slow),
        pytest.param(["seed=${seed}"], marks=pytest.mark.slow),
        ["optim.betas=0.9", "optim.betas=[0.1,0.2]", "optim.betas.1=3"],
        ["data.split={val:5}", "data.split.val=6"],
        pytest.param(["data.split=null", "data.split.val=6"], marks=pytest.mark.slow),
        ["trainer=${model}", "trainer.l2=6"],
        ["data=iris,wine"],
        ["model.l2=0,1", "nope=3"],
        pytest.param(["hydra.job.chdir=true", "optim.lr=3"], marks=pytest.mark.slow),
        ["hydra={job:{chdir:true}}"],
        ["hydra.sweep.subdir=${optim.name}_${optim.lr}", "optim=sgd", "optim.lr=3"],
    ],
    ids=" ".join,
)
def test_order_and_repetition_count_as_for_hydra(sweep: Sweep, overrides: list[str]) -> None:
    before = repr(sweep.compose(["optim=adam", "optim.lr=0.01"], 0))
    sweep.check(*overrides, number=3)
    assert repr(sweep.compose(["optim=adam", "optim.lr=0.01"], 0)) == before


@pytest.mark.parametrize(
    "first",
    [
        ["trainer.max_epochs=[3]"],
        pytest.param(["+new=${trainer}"], marks=pytest.mark.slow),
        pytest.param(["model.l2=${now:%Y}"], marks=pytest.mark.slow),
        ["+new=${hydra:job.num}"],
        pytest.param([], marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_the_values_of_a_job_end_with_it(sweep: Sweep, first: list[str]) -> None:
    for last in (["seed=5", "optim.betas=null"], ["optim.lr=[1,2]"], []):
        sweep.check("scheduler=cosine", *first, *last)


def test_a_refused_job_leaves_the_composer_usable(sweep: Sweep) -> None:
    for bad in (["optim=nope"], ["optim.nope=1"], ["optim.lr=[", "seed=1"], ["seed=${nope}"], ["seed=1,2"]):
        for _ in range(2):
            with pytest.raises((HydraException, OmegaConfBaseException)):
                sweep.compose(bad, 0)
    assert sweep.compose(["optim=adam", "seed=1"], 0).resolved["seed"] == 1


def test_what_a_caller_changes_stays_in_that_job(sweep: Sweep) -> None:
    given = ["scheduler=cosine", "optim.betas=[0.1,0.2]", "seed=5", "monitor=train/loss"]
    first = sweep.compose(given, 0)  # by Hydra, from which others are made
    untouched = repr(first)
    for tree in (first.config, first.resolved):
        tree["optim"]["betas"].append(3)
        tree["data"].clear()
    first.hydra["overrides"]["task"].clear()
    first.hydra["job"].clear()
    assert repr(sweep.compose(given, 0)) == untouched


class CountingLoader:
    """Notes each composition of a job."""

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader = loader
        self.composed: list[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        self.composed.append(sweep_overrides)
        return self.loader.load_sweep_config(master_config, sweep_overrides)


def test_of_jobs_that_differ_in_plain_values_one_is_composed(sweep: Sweep) -> None:
    loader: Any = CountingLoader(sweep.loader)
    compose = Composer(loader, sweep.master)
    refused = 0
    for number, (lr, optim) in enumerate((lr, optim) for lr in range(1, 20) for optim in ("adam", "sgd", "nope")):
        given = [f"optim={optim}", f"optim.lr={lr}", f"+optim.new={lr}", "~data.shuffle", "model.l2=${optim.lr}"]
        try:
            compose(given, number)
        except HydraException:
            refused += 1
        try:
            compose([f"optim.nope={lr}", *given[2:]], number)
        except HydraException:
            refused += 1
    assert refused == 19 + 3 * 19
    assert [overrides[0] for overrides in loader.composed] == ["optim=adam", "optim.nope=1", "optim=sgd", "optim=nope"]


@settings(max_examples=examples(4), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(overrides=job_overrides, others=st.lists(values, min_size=3, max_size=3))
def test_jobs_that_are_alike_equal_hydras(sweep: Sweep, overrides: list[str], others: list[str]) -> None:
    """The same keys with other values, which may be of another kind."""
    sweep.check(*overrides)
    keys = [one.partition("=")[0] if "=" in one and one not in GROUPS else None for one in overrides]
    replaced = iter(others)
    sweep.check(*(one if key is None else f"{key}={next(replaced)}" for key, one in zip(keys, overrides, strict=True)))


@pytest.mark.parametrize(
    "overrides",
    [
        ["hydra.job.config.override_dirname.exclude_keys=[optim.lr]", "hydra.job.config.override_dirname.kv_sep='-'"],
        pytest.param(["hydra.job.config.override_dirname.item_sep='${monitor}'"], marks=pytest.mark.slow),
        ["hydra.job.env_copy=[PATH]", "+hydra.job.env_set.A=b", "hydra.job.name=other"],
        pytest.param(["hydra.output_subdir=here/and/there", "hydra.verbose=[a,b]"], marks=pytest.mark.slow),
        ["hydra.sweeper.params={optim.lr: '1,2'}", "hydra.job.chdir=true", "hydra/job_logging=none"],
    ],
    ids=" ".join,
)
def test_hydras_own_settings_hold(tmp_path: Path, overrides: list[str]) -> None:
    sweep = Sweep(f"hydra.sweep.dir={tmp_path}", *overrides)
    sweep.check("optim=adam", "optim.lr=0.5", "monitor=train/loss", number=2)


def test_configurations_of_other_folders_can_be_swept(tmp_path: Path) -> None:
    (tmp_path / "conf" / "optim").mkdir(parents=True)
    (tmp_path / "conf" / "extra").mkdir()
    (tmp_path / "conf" / "optim" / "mine.yaml").write_text("name: SGD\nlr: ${seed}\n")
    (tmp_path / "conf" / "extra" / "one.yaml").write_text("a: [1, {b: '${optim.lr}'}]\n")
    sweep = Sweep(f"hydra.searchpath=[{tmp_path}/conf]", f"hydra.sweep.dir={tmp_path}/sweep")
    assert sweep.check("optim=mine", "+extra=one", "seed=4") is not None
    assert sweep.check("optim=mine", "+extra=two", "seed=4") is None
