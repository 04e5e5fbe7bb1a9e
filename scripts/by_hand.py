"""The shortest loop one would write for a sweep, run after run.

python scripts/by_hand.py ROWS OUT DEVICE BATCH EPOCHS OPTIMS LRS

Index batches, nothing logged; OUT gets the loss of all train rows at the end of each run. OPTIMS and LRS are lists
with commas, and every combination is trained.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import yaml


def train(
    x: torch.Tensor, y: torch.Tensor, batch: int, epochs: int, cls: type[torch.optim.Optimizer], args: dict[str, Any]
) -> float:
    """Train one run; return the loss of all train rows at its end.

    Args:
        x: (rows, n_features).
        y: (rows, 1).
        batch: rows a step.
        epochs: passes over the rows.
        cls: of the optimizer.
        args: of the optimizer, lr among them.
    """
    model = torch.nn.Linear(x.shape[1], 1, device=x.device)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    optimizer = cls(model.parameters(), **args)
    loss_of = torch.nn.MSELoss()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(x), device=x.device), batch):
            optimizer.zero_grad()
            loss = loss_of(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return float(loss_of(model(x), y))


def main() -> None:
    rows, out, device, batch, epochs, optims, lrs = sys.argv[1:]
    torch.set_num_threads(1)  # no slower at this size, and much faster on a machine that others use too
    x, y = (part.to(device) for part in torch.load(rows)["train"])
    optimizers = yaml.safe_load(Path(__file__).with_name("idiomatic.yaml").read_text())["optimizers"]
    losses = []
    for optim in optims.split(","):
        args = dict(optimizers[optim])
        cls = getattr(torch.optim, args.pop("_target_").rpartition(".")[2])
        for lr in map(float, lrs.split(",")):
            torch.manual_seed(0)
            loss = train(x, y, int(batch), int(epochs), cls, {"lr": lr, **args})
            losses.append({"optim": optim, "lr": lr, "train/loss": loss})
    Path(out).write_text(json.dumps(losses), encoding="utf-8")


if __name__ == "__main__":
    main()
