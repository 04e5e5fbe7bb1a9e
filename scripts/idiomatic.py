"""What one writes with Hydra and Lightning to train one regression a job: python scripts/idiomatic.py [-m] data=...

`bench_sweep.py` compares a sweep of it with a sweep of onelayer.
"""

import json
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Regression(LightningModule):
    """Least squares by one linear layer that starts at zero.

    Args:
        n_features: columns of x.
        optim: arguments of Hydra's instantiate, without the parameters and lr.
        lr: learning rate.
    """

    def __init__(self, n_features: int, optim: DictConfig, lr: float) -> None:
        super().__init__()
        self.model = nn.Linear(n_features, 1)
        nn.init.zeros_(self.model.weight)
        nn.init.zeros_(self.model.bias)
        self.loss_of, self.optim, self.lr = nn.MSELoss(), optim, lr

    def training_step(self, batch: Any, index: int) -> Tensor:
        """Log and return the loss of a batch."""
        loss: Tensor = self.loss_of(self.model(batch[0]), batch[1])
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        """Log the loss of a batch."""
        self.log("val/loss", self.loss_of(self.model(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        """Build the optimizer of the configuration."""
        return instantiate(self.optim, self.parameters(), lr=self.lr)


@hydra.main(version_base="1.3", config_path=".", config_name="idiomatic")
def main(config: DictConfig) -> None:
    """Train one job; leave the loss of all train rows at its end in metrics.json."""
    seed_everything(config.seed)
    folder = Path(HydraConfig.get().runtime.output_dir)
    rows = torch.load(config.data)
    train, val = (TensorDataset(*rows[part]) for part in ("train", "val"))
    module = Regression(rows["train"][0].shape[1], config.optimizers[config.optim], config.lr)
    trainer = Trainer(
        accelerator=config.accelerator,
        max_epochs=config.max_epochs,
        logger=TensorBoardLogger(folder),
        callbacks=[ModelCheckpoint(folder / "checkpoints")],
        enable_progress_bar=False,
    )
    trainer.fit(
        module,
        DataLoader(train, config.batch_size, shuffle=True),
        DataLoader(val, config.batch_size),
    )
    with torch.no_grad():
        loss = module.loss_of(module.model(rows["train"][0]), rows["train"][1])
    metrics = {"optim": config.optim, "lr": config.lr, "train/loss": float(loss)}
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")


if __name__ == "__main__":
    main()
