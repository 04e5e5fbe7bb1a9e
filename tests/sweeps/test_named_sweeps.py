"""The sweeps that have a name in conf/sweep."""

from typing import Any

import pytest
from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import OmegaConf

from onelayer import CONF
from onelayer.compose import register_resolver
from onelayer.sweeps.grid import Job, config_of_jobs, sweep_jobs
from onelayer.terminal.overrides import run_name
from tests.conftest import OPTIMIZERS

SWEEPS = sorted(path.stem for path in (CONF / "sweep").glob("*.yaml"))


def named_sweep(loader: ConfigLoader, name: str, *arguments: str, points: int) -> tuple[Any, list[Job]]:
    """What jobs of a named sweep are composed by, and the jobs, with few points."""
    overrides = [f"sweep={name}", *arguments, "hydra/launcher=basic"]
    master = loader.load_configuration("train", overrides, RunMode.MULTIRUN)
    plain = OmegaConf.to_container(master.hydra.sweeper)
    assert isinstance(plain, dict)
    made = sweep_jobs(
        [f"sweep={name}", *arguments], params=plain["params"], grids=plain["grids"], points=points, loader=loader
    )
    return config_of_jobs(master, loader), made


@pytest.mark.parametrize("name", SWEEPS)
def test_every_job_of_a_named_sweep_is_valid(loader: ConfigLoader, name: str) -> None:
    from onelayer.check import check_run
    from onelayer.config import RunSpec
    from onelayer.model.optimizers import refuse_minibatches
    from onelayer.sweeps.compose import Composer

    register_resolver("run_name", run_name)
    master, made = named_sweep(loader, name, points=2)
    assert made
    compose = Composer(loader, master)
    for number, job in enumerate(made):
        spec = RunSpec.from_config(compose(job, number).resolved)
        check_run(spec)
        refuse_minibatches(spec.optim.name, 1 if spec.data.batch_size == "full" else 2)


def test_the_optimizers_sweep_has_every_optimizer_around_its_default(loader: ConfigLoader) -> None:
    master, made = named_sweep(loader, "optimizers", points=3)
    assert sorted({override for job in made for override in job if override.startswith("optim=")}) == [
        f"optim={name}" for name in OPTIMIZERS
    ]
    for name in OPTIMIZERS:
        default = OmegaConf.select(loader.load_sweep_config(master, [f"optim={name}"]), "optim.lr")
        rates = [float(one[9:]) for job in made if f"optim={name}" in job for one in job if one.startswith("optim.lr=")]
        assert sorted(set(rates))[1:2] in ([], [default])


def test_seeds_multiply_a_named_sweep(loader: ConfigLoader) -> None:
    alone = named_sweep(loader, "optimizers", points=4)[1]
    seeded = named_sweep(loader, "optimizers", "seed=0,1,2", "trainer.max_epochs=50", points=4)[1]
    assert seeded == [[*job, f"seed={seed}", "trainer.max_epochs=50"] for job in alone for seed in range(3)]
