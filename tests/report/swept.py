"""Sweeps that are trained once for all tests of reports."""

import logging
import sys
from pathlib import Path

import pytest

CANCER = (
    *("data=breast_cancer", "data.batch_size=full", "model.l2=0.01", "model.init=normal", "trainer.max_epochs=40"),
    *("optim=adam,sgd,lbfgs", "optim.lr=choice(0.03,1)", "seed=0,1,2"),
)
# with 1e9 all diverge; with patience some stop before the others
NUMBERS = (
    *("data=linear", "data.n_samples=200", "data.noise=3", "patience=4", "trainer.max_epochs=30"),
    *("optim=sgd,momentum", "optim.lr=choice(1e-3,0.1,1e9)", "model.l2=0,0.1", "seed=0,1"),
)


def train(*arguments: str) -> None:
    """Run `train` in this process."""
    from hydra.core.global_hydra import GlobalHydra

    from onelayer import cli

    GlobalHydra.instance().clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train.py", *arguments])
        try:
            cli.train()
        finally:
            for handler in list(logging.getLogger().handlers):
                if isinstance(handler, logging.FileHandler):
                    logging.getLogger().removeHandler(handler)
                    handler.close()


def sweep(folder: Path, *arguments: str) -> Path:
    """Train a sweep in a folder."""
    train("-m", *arguments, "logger=none", f"hydra.sweep.dir={folder}")
    return folder
