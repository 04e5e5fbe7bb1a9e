"""Worked examples: presets as they compose, trained in process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

import onelayer
from onelayer.config import RunSpec
from onelayer.deliver.model import Model
from onelayer.run import train
from onelayer.track.results import Run
from tests.conftest import composed


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    folder: Path
    result: dict[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        metrics: dict[str, float] = self.result["metrics"]
        return metrics

    @property
    def model(self) -> Model:
        return onelayer.load(self.folder)

    @property
    def weights(self) -> list[float]:
        """The weights of the first output, and then its bias, as the model sees its columns."""
        artefact: Any = self.model.artefact
        return [*artefact.weight[0].tolist(), float(artefact.bias[0])]


Example = Callable[..., Done]


@pytest.fixture
def example(tmp_path: Path) -> Example:
    """Run a preset for some epochs, perhaps on from a run before, with other values of `data`."""
    done: list[Done] = []

    def run(name: str, epochs: int | None = None, *, resume: Done | None = None, **data: Any) -> Done:
        config = composed(f"experiment={name}")
        config["data"] |= {key: value for key, value in data.items() if key != "split"}
        config["data"]["split"] |= data.get("split", {})
        config["logger"] |= {"tensorboard": False, "figures": False}
        config["resume"] = None if resume is None else str(resume.folder)
        if epochs is not None:
            config["trainer"]["max_epochs"] = epochs
        folder = tmp_path / f"{name}{len(done)}"
        (folder / ".hydra").mkdir(parents=True)
        OmegaConf.save(config, folder / ".hydra" / "config.yaml")
        done.append(Done(folder, train(Run(RunSpec.from_config(config), folder))))
        return done[-1]

    return run
