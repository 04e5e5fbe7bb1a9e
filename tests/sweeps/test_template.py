"""Run directories, clocks and typed values: what a choice of config groups does with them, Hydra does."""

from dataclasses import dataclass
from enum import Enum
from itertools import count
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore

from onelayer.compose import register_resolver
from tests.sweeps.hydras import Sweep


@pytest.mark.parametrize(
    "subdir",
    [
        "${hydra.job.num}",
        "${optim.name}",
        "${optim.name}/lr ${optim.lr}_${seed}_${optim.foreach}",
        "${scheduler.T_max}",
        "${hydra.job.override_dirname}",
        "${hydra:job.num}_${hydra.job.id}",
        "../plain/./text",
        "${oc.select:optim.nope,nothing}",
        "${run_name:${hydra.overrides.task}}_${seed}",
        "${oc.dict.keys:${hydra.overrides.task}}",
        "${hydra.runtime.output_dir}",
        "${optim.nope}",
        "${optim.betas}",
        "${nope:${hydra.overrides.task}}",
    ],
)
def test_the_run_directory_is_hydras(tmp_path: Path, subdir: str) -> None:
    sweep = Sweep(f"hydra.sweep.subdir='{subdir}'", f"hydra.sweep.dir={tmp_path}/${{data.source}}")
    sweep.check("scheduler=cosine", "optim.lr=0.1", "trainer.max_epochs=5", number=7)


def test_the_clock_is_read_once_for_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = Sweep("+at=${now:%f}")
    read = str(sweep.master.at)
    for number in range(2):
        job = sweep.check("+at=${now:%f}", f"seed={number}")
        assert job is not None
        assert job.resolved["at"] == read
        assert job.directory.parent == tmp_path / sweep.master.hydra.sweep.dir


def test_what_a_run_reads_for_itself_is_read_for_each(tmp_path: Path) -> None:
    ticks = count()
    register_resolver("tick", lambda *_: f"run {next(ticks)}", use_cache=True)
    for subdir in ("${tick:}", "${tick:${hydra.overrides.task}}"):
        sweep = Sweep(f"hydra.sweep.subdir='{subdir}'", f"hydra.sweep.dir={tmp_path}")
        names = [sweep.compose(["+name=${tick:}", f"seed={seed}"], seed).directory.name for seed in range(3)]
        assert len(set(names)) == 3


class Color(Enum):
    RED = 1
    BLUE = 2


@dataclass
class Typed:
    color: Color = Color.RED
    lr: float = 0.1
    twice: float = 0.2
    steps: int = 3


def test_typed_configurations_convert_and_refuse_as_for_hydra(tmp_path: Path) -> None:
    ConfigStore.instance().store(name="typed", node=Typed)
    ConfigStore.instance().store(name="typed_section", node={"section": Typed, "n": 1, "open": {"a": 1}})
    (tmp_path / "main.yaml").write_text("defaults: [typed_section, _self_]\nsection: {twice: '${n}'}\n")
    for name in ("typed", "main"):
        sweep = Sweep(
            f"hydra.sweep.dir={tmp_path}/{name}", "hydra.sweep.subdir=${hydra.job.num}", folder=tmp_path, name=name
        )
        for number, job in enumerate(["lr=3", "color=BLUE", "lr=abc", "steps=2.5", "nope=1"]):
            sweep.check(job, number=2 * number)
            sweep.check(f"section.{job}", "n=5", number=2 * number + 1)
        sweep.check("open.a=2", "n=null", number=20)
