"""The files of a run's directory are those that Hydra writes, byte for byte."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from onelayer.sweeps.hydra_files import to_yaml, write_hydra_files
from tests.conftest import Outcome
from tests.sweeps.hydras import FILES, Sweep


def test_the_files_are_those_of_a_sweep_from_the_command_line(cli: Callable[..., Outcome], tmp_path: Path) -> None:
    # refused before training, which is all the same to the files
    arguments = ["optim=adam,sgd", "seed=-1,-2", "scheduler=cosine", "hydra.sweep.dir=sweep", "hydra/launcher=basic"]
    assert cli("-m", *arguments).code == 1
    sweep = Sweep("optim=adam,sgd", "seed=-1,-2", "scheduler=cosine", *arguments[3:], "hydra.mode=MULTIRUN")
    jobs = [[f"optim={optim}", f"seed={seed}", "scheduler=cosine"] for optim in ("adam", "sgd") for seed in (-1, -2)]
    for number, job in enumerate(jobs):
        composed = sweep.compose(job, number)
        folder = composed.directory / ".hydra"
        hydras = {name: (folder / name).read_text() for name in FILES}
        write_hydra_files(composed)
        assert {name: (folder / name).read_text() for name in FILES} == hydras
    assert len(list((tmp_path / "sweep").glob("*/.hydra"))) == len(jobs)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$"), max_size=100) | st.sampled_from(
    [
        "yes",
        "a=b",
        "/",
        "null=",
        "long " * 40,
        "a\n b\n",
        "?",
        "- a",
        "x" * 140,
        "1e5",
        "0",
        "4095",
        "007",
        "=",
        "n/a",
        "<<",
        "~",
        "2001-01-01",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=12
)


@settings(deadline=None)
@given(st.dictionaries(texts | st.integers(), trees, max_size=4) | st.lists(texts, max_size=4))
def test_yaml_equals_omegaconfs(tree: Any) -> None:
    assert to_yaml(tree) == OmegaConf.to_yaml(OmegaConf.create(tree))


def test_files_go_where_hydra_writes_them_or_nowhere(tmp_path: Path) -> None:
    write_hydra_files(Sweep("hydra.output_subdir=null", f"hydra.sweep.dir={tmp_path}").compose(["seed=1"], 0))
    assert [path.name for path in tmp_path.rglob("*")] == ["seed=1"]
    named = Sweep("hydra.output_subdir=${hydra.job.name}_${seed}", f"hydra.sweep.dir={tmp_path}").compose(["seed=2"], 0)
    write_hydra_files(named)
    assert sorted(path.name for path in (tmp_path / "seed=2" / "train_2").iterdir()) == sorted(FILES)
