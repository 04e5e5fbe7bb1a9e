"""What all tests share: configurations composed as users write them, the command line in process, and real data."""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onelayer.config import RunSpec
    from onelayer.data.module import DataModule
    from onelayer.data.parts import Part
    from onelayer.data.prepare import AnyPart, Prepared
    from onelayer.data.table import Table

ROOT = Path(__file__).resolve().parents[1]
OPTIMIZERS = sorted(path.stem for path in (ROOT / "conf" / "optim").glob("*.yaml"))


# the same examples each time; HYPOTHESIS_PROFILE=default draws others
settings.register_profile("same", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
LEFT_OUT = pytest.StashKey[int]()
# whose files have costly fixtures in common
TOGETHER = ("tests/docs/", "tests/report/")


def examples(number: int) -> int:
    """Return how many examples a property is held to: as many, or ONELAYER_EXAMPLES times as many."""
    return number * int(os.environ.get("ONELAYER_EXAMPLES", "1"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the tests of a file to one worker, so that what they share is made once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return next((folder for folder in TOGETHER if file.startswith(folder)), file)

    return ByFile(config, log)


def pytest_deselected(items: list[pytest.Item]) -> None:
    config = items[0].config
    config.stash[LEFT_OUT] = config.stash.get(LEFT_OUT, 0) + len(items)
    if hasattr(config, "workeroutput"):  # in a worker, which says so to the process that reports
        config.workeroutput["left_out"] = config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    number = config.stash.get(LEFT_OUT, 0)
    if number and config.option.markexpr == "not slow":
        terminalreporter.write_line(f"{number} slow tests are left out; make test-slow runs them")


@pytest.fixture(scope="session", autouse=True)
def modules_are_no_garbage() -> Iterator[None]:
    """Whatever was imported stays; to look through it at each collection takes longer than most tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def clean_hydra() -> Iterator[None]:
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.singleton import Singleton
    from hydra.version import VersionBase

    GlobalHydra.instance().clear()
    Singleton._instances.pop(VersionBase, None)  # Hydra's own tests expect that nobody has set it
    yield
    GlobalHydra.instance().clear()


def composed(*overrides: str) -> dict[str, Any]:
    """A configuration as `python src/train.py` composes it, as plain containers.

    Hydra composes the choices from groups, once for all tests that make the same ones; values are set as it sets them.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    choices: list[str] = []
    values: dict[str, Any] = {}
    for text, override in zip(overrides, OverridesParser.create().parse_overrides([*overrides]), strict=True):
        key = override.key_or_group
        plain = override.type is not None and override.type.name == "CHANGE" and override.package is None
        if plain and "/" not in key and not key.startswith("hydra.") and not (ROOT / "conf" / key).is_dir():
            values[key] = override.value()
        else:
            choices.append(text)
    config = OmegaConf.create(_chosen(*choices))
    OmegaConf.set_struct(config, True)
    try:
        for key, value in values.items():
            OmegaConf.update(config, key, value, merge=True)
    except OmegaConfBaseException:
        _chosen(*overrides)  # so that the mistake is told as Hydra tells it
        raise
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


@cache
def _chosen(*choices: str) -> dict[str, Any]:
    from onelayer.compose import compose_train

    return compose_train(choices, resolve=False)


def trained_run(directory: Path, *overrides: str, **data: Any) -> Path:
    """Train a run without the command line, which takes longer than a small run, and leave the same directory.

    Args:
        directory: of the run; it is made.
        overrides: choices such as data=table, and values such as model.l2=0.1.
        data: values of `data`.
    """
    import yaml

    from onelayer.config import RunSpec
    from onelayer.run import train
    from onelayer.track.results import Run

    config = composed(*overrides)
    config["data"] |= data
    (directory / ".hydra").mkdir(parents=True)
    for name, content in (("config", config), ("overrides", [*overrides])):
        (directory / ".hydra" / f"{name}.yaml").write_text(yaml.safe_dump(content))
    train(Run(RunSpec.from_config(config), directory, overrides))
    return directory


def load(source: str, **args: Any) -> "Table":
    """The rows of a source that holds them in memory."""
    from onelayer.data.sources import load as load_any
    from onelayer.data.table import Table

    found = load_any(source, **args)
    assert isinstance(found, Table)
    return found


def rows_of(part: "AnyPart") -> "Part":
    """The rows of a part that holds them in memory."""
    from onelayer.data.parts import Part

    assert isinstance(part, Part)
    return part


# what `data_of` asks for where it is not told
PLAINLY: dict[str, Any] = {
    **{"val": 0.15, "test": 0.15, "split_seed": 0, "split_shuffle": True, "stratify": False, "split_by": None},
    **{"folds": None, "fold": None, "repeats": 1, "class_weight": None, "encode": None},
    **{"normalize": "standard", "normalize_target": "none", "batch_size": "full", "shuffle": True, "dtype": "float32"},
}


def data_of(table: Any, **keywords: Any) -> "DataModule":
    """A table or a stream, prepared and in batches; messages call keys as a configuration does."""
    from onelayer.data.module import DataModule

    data = DataModule(table=table, **{**PLAINLY, **keywords}, by_configuration=True)
    data.setup()
    return data


def data_by(spec: "RunSpec") -> "DataModule":
    """The data of a run, as training makes them."""
    from onelayer.data.module import DataModule

    data = DataModule(**spec.data_keywords())
    data.setup()
    return data


def table_by(spec: "RunSpec") -> "Table":
    """The table of a run, which is held in memory."""
    return load(spec.data.source, by=spec.data.split.by, task=spec.task, **spec.data.args)


def prepared_of(spec: "RunSpec") -> "Prepared":
    """The rows of a run, without the checks of batches and precision."""
    from onelayer.data.preparation import Preparation
    from onelayer.data.prepare import prepare
    from onelayer.data.sources import load as load_any

    table = load_any(spec.data.source, by=spec.data.split.by, task=spec.task, **spec.data.args)
    return prepare(table, Preparation.of(spec.data))


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def close_logs() -> None:
    """Close the files that runs of this process log to, which a process closes at its end."""
    import logging

    for handler in list(logging.getLogger().handlers):
        if isinstance(handler, logging.FileHandler):
            logging.getLogger().removeHandler(handler)
            handler.close()


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run `train` with arguments, in process and in an empty folder."""
    from onelayer.cli import train

    def run(*arguments: str) -> Outcome:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        capfd.readouterr()
        try:
            train()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            close_logs()
        said = capfd.readouterr()
        return Outcome(code, said.out, said.err)

    return run


def only_run(folder: Path) -> Path:
    """The one run directory below a folder."""
    (result,) = folder.rglob("result.json")
    return result.parent


def result_of(folder: Path) -> dict[str, Any]:
    """The one result below a folder; bare NaN is no JSON and refused."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    text = (only_run(folder) / "result.json").read_text()
    result: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return result


def reference_data(name: str) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """A CSV of numbers with the JSON beside it, from the folder that ONELAYER_DATA names."""
    path = Path(os.environ.get("ONELAYER_DATA", ROOT.parent / "shared" / "data")) / name
    if not path.with_suffix(".csv").exists():
        pytest.skip(f"no {path.with_suffix('.csv')}; set ONELAYER_DATA to the folder of reference data")
    rows = np.loadtxt(path.with_suffix(".csv"), delimiter=",", skiprows=1)
    return rows, json.loads(path.with_suffix(".json").read_text())
