"""Sweeps whose runs kept their paths, trained once."""

from pathlib import Path

import pytest

from tests.report.swept import sweep

KEEP = ("logger.weights=true", "data.split.val=0", "data.split.test=0", "hydra.sweep.subdir=${hydra.job.num}")
# two weights, whose paths bend
HILLS = (
    *("data=linear", "data.n_samples=60", "data.n_features=2", "data.rho=0.9", "data.weight=[2,-1]", "data.bias=0"),
    *("model.bias=false", "data.batch_size=full", "data.dtype=float64", "monitor=train/objective"),
    *("optim=sgd,adam,momentum", "optim.lr=choice(0.1)", "trainer.max_epochs=30"),
)
CANCER = ("data=breast_cancer", "model.l2=0.01", "monitor=train/loss", "optim=sgd,adam", "trainer.max_epochs=5")


@pytest.fixture(scope="package")
def hills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep(tmp_path_factory.mktemp("landscape") / "hills", *HILLS, *KEEP)


@pytest.fixture(scope="package")
def cancer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep(tmp_path_factory.mktemp("landscape") / "cancer", *CANCER, *KEEP)


@pytest.fixture(scope="package")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep(
        tmp_path_factory.mktemp("landscape") / "scan",
        "experiment=scan",
        "hydra.sweeper.points=5",
        "logger.weights=false",
    )


@pytest.fixture(scope="package")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    few = ("experiment=two_layers", "optim=adam,momentum", "optim.lr=choice(0.1)", "trainer.max_epochs=20")
    return sweep(tmp_path_factory.mktemp("landscape") / "layers", *few, *KEEP)
