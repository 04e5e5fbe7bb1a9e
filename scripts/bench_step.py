"""Microseconds an optimizer step: onelayer, a loop written by hand, and stock Lightning.

All three train the same rows in one process, in turn, so that a noisy machine disturbs them alike.
"""

import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from by_hand import train
from machine import write_page
from onelayer.compose import compose_train
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.threads import few_threads
from onelayer.track.curves import Curves
from onelayer.track.judge import Judge
from onelayer.track.overview import Overview
from onelayer.track.progress import EpochBar
from onelayer.track.tracker import Tracker
from onelayer.training import stack_of, trainer_of

EPOCHS, BATCH, ROUNDS = 30, 128, 7
OPTIMIZERS = {"sgd": ("SGD", 0.05), "adam": ("Adam", 0.01)}


def spec_of(optim: str) -> RunSpec:
    overrides = [
        "data=linear",
        "data.n_samples=10000",
        "data.n_features=100",
        f"data.batch_size={BATCH}",
        f"optim={optim}",
        f"optim.lr={OPTIMIZERS[optim][1]}",
        f"trainer.max_epochs={EPOCHS}",
        "trainer.enable_progress_bar=false",
    ]
    plain = compose_train(overrides)
    return RunSpec.from_config(plain)


def onelayer(spec: RunSpec, data: DataModule, folder: Path) -> Callable[[], float]:
    """As users run it: validation, curves, reference, best weights and checkpoints."""
    module = stack_of([spec])
    module.attach(data, max_epochs=EPOCHS)
    with EpochBar(EPOCHS, shown=False) as bar:
        tracker = Tracker(
            Judge(spec.monitor, [None]),
            names=["run"],
            validates=True,
            path=folder / "last.ckpt",
            checkpoint_seconds=spec.checkpoint_seconds,
            data_hash="",
            curves=Curves([folder], "live"),
            overview=Overview(None, spec.monitor),
            bar=bar,
        )
        trainer = trainer_of(spec, tracker, max_epochs=EPOCHS)

    def fit() -> float:
        with few_threads(module.work(data.batch_size)):
            trainer.fit(module, data)
            tracker.save(trainer)
        return float(module.values["train/loss"][0])

    return fit


class Stock(LightningModule):
    """The regression of any Lightning tutorial."""

    def __init__(self, n_features: int, optim: str) -> None:
        super().__init__()
        self.model = torch.nn.Linear(n_features, 1)
        torch.nn.init.zeros_(self.model.weight)
        torch.nn.init.zeros_(self.model.bias)
        self.optim, self.loss_of = optim, torch.nn.MSELoss()

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss: torch.Tensor = self.loss_of(self.model(batch[0]), batch[1])
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val/loss", self.loss_of(self.model(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        name, lr = OPTIMIZERS[self.optim]
        optimizer: torch.optim.Optimizer = getattr(torch.optim, name)(self.parameters(), lr=lr)
        return optimizer


def stock(optim: str, data: DataModule, folder: Path) -> Callable[[], float]:
    """TensorDataset, DataLoader, self.log, TensorBoard, a checkpoint an epoch: Lightning as it comes."""
    (train_block,), (val_block,) = data.measured("train"), data.measured("val")
    train, val = (TensorDataset(block.x, block.y) for block in (train_block, val_block))
    module = Stock(data.n_features, optim)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        logger=TensorBoardLogger(folder),
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loaders = DataLoader(train, BATCH, shuffle=True), DataLoader(val, BATCH)

    def fit() -> float:
        trainer.fit(module, *loaders)
        with torch.no_grad():
            (block,) = data.measured("train")
            return float(module.loss_of(module.model(block.x), block.y))

    return fit


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    lines = [
        "| optimizer | | us a step, median | min - max | against by hand | final train loss |",
        "|---|---|---|---|---|---|",
    ]
    verdicts = []
    for optim in OPTIMIZERS:
        spec = spec_of(optim)
        data = DataModule(**spec.data_keywords())
        data.setup("fit")
        (block,) = data.measured("train")
        x, y = block.x, block.y
        name, lr = OPTIMIZERS[optim]
        steps = EPOCHS * data.steps_per_epoch
        times: dict[str, list[float]] = {"onelayer": [], "by hand": [], "stock Lightning": []}
        losses = {}
        for round_ in range(ROUNDS + 1):
            with tempfile.TemporaryDirectory() as folder:
                contenders: dict[str, Callable[[], float]] = {
                    "onelayer": onelayer(spec, data, Path(folder)),
                    "by hand": partial(train, x, y, BATCH, EPOCHS, getattr(torch.optim, name), {"lr": lr}),
                    "stock Lightning": stock(optim, data, Path(folder)),
                }
                for contender, fit in contenders.items():
                    if contender == "stock Lightning" and round_ > 3:
                        continue  # seconds a round; three say enough
                    began = time.perf_counter()
                    losses[contender] = fit()
                    if round_:  # the first round warms up
                        times[contender].append((time.perf_counter() - began) / steps * 1e6)
        pairs = [a / b for a, b in zip(times["onelayer"], times["by hand"], strict=True)]
        for contender, taken in times.items():
            middle = statistics.median(taken)
            ratio = middle / statistics.median(times["by hand"])
            lines.append(
                f"| {optim} | {contender} | {middle:.0f} | {min(taken):.0f} - {max(taken):.0f} | {ratio:.2f} | "
                f"{losses[contender]:.6f} |"
            )
        faster = statistics.median(times["stock Lightning"]) / statistics.median(times["onelayer"])
        verdicts.append(
            f"- {optim}: onelayer takes {statistics.median(pairs):.2f} times the loop by hand (median of {ROUNDS} "
            f"pairs; at most 1.2 is wanted), stock Lightning {faster:.1f} times onelayer (at least 5 is wanted)."
        )
    setting = (
        f"`data=linear data.n_samples=10000 data.n_features=100`, of which {len(x)} train rows, batch {BATCH}, "
        f"float32, {EPOCHS} epochs, {steps} steps. onelayer and stock Lightning validate every epoch, write "
        "TensorBoard curves and checkpoints; the loop by hand does nothing but train.\n"
    )
    write_page(
        "step",
        "Time of one optimizer step",
        "python scripts/bench_step.py",
        "\n".join([setting, *lines, "", *verdicts]),
    )


if __name__ == "__main__":
    main()
