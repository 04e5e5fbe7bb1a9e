"""How much of the machine's float32 rate a stack uses: python scripts/arithmetic.py DEVICE RUNS.

Prints JSON: operations a second of `products` and of `stacks`, and the seconds of a `step` of these. A step of a run
needs two products with its batch, the outputs and the gradient: 4 * rows * features operations. What else a step does
(residuals, the optimizer, drawing the batch) counts as time and not as useful operations.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from onelayer.compose import compose_train
from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.training import stack_of

BATCH, ROUNDS, SQUARE = 128, 15, 2048
OPTIMIZERS = ("sgd", "adam")


def specs_of(optim: str, runs: int) -> list[RunSpec]:
    overrides = ["data=linear", "data.n_samples=10000", "data.n_features=100", f"data.batch_size={BATCH}"]
    plain = compose_train([*overrides, f"optim={optim}"])
    spec = RunSpec.from_config(plain)
    rates = torch.logspace(-4, -1, runs).tolist()
    return [spec.model_copy(update={"optim": spec.optim.model_copy(update={"lr": lr})}) for lr in rates]


def epoch(specs: list[RunSpec], data: DataModule, device: torch.device) -> Callable[[], object]:
    """Return what trains one more epoch of a stack, as Lightning would have it done."""
    module = stack_of(specs)
    module.attach(data, max_epochs=1)
    module.to(device).on_fit_start()
    block = data.transfer_batch_to_device(next(iter(data.train_dataloader())), device, 0)
    return lambda: module.training_step(block, 0)


def product(rows: int, inner: int, columns: int, device: torch.device) -> Callable[[], object]:
    a, b = (torch.randn(shape, device=device) for shape in ((rows, inner), (inner, columns)))
    out = torch.empty(rows, columns, device=device)
    return lambda: torch.mm(a, b, out=out)


def main() -> None:
    device, runs = torch.device(sys.argv[1]), int(sys.argv[2])
    data = DataModule(**specs_of("sgd", 1)[0].data_keywords())
    data.setup("fit")
    features = data.n_features
    shapes = {
        f"{m} x {k} times {k} x {n}": (m, k, n)
        for m, k, n in ((BATCH, features, runs), (runs, BATCH, features), (SQUARE, SQUARE, SQUARE))
    }
    # name -> operations of a call, and the call
    works = {name: (2 * m * k * n, product(m, k, n, device)) for name, (m, k, n) in shapes.items()}
    for optim in OPTIMIZERS:
        works[optim] = (4 * len(data.train) * features * runs, epoch(specs_of(optim, runs), data, device))
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(ROUNDS + 1):
        for name, (_, call) in works.items():
            repeats = 1 if name in OPTIMIZERS else 10
            began = time.perf_counter()
            for _ in range(repeats):
                call()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if round_:  # the first round warms up
                seconds[name].append((time.perf_counter() - began) / repeats)
    rates = {name: work / statistics.median(seconds[name]) for name, (work, _) in works.items()}
    print(
        json.dumps(
            {
                "products": {name: rates[name] for name in shapes},
                "stacks": {optim: rates[optim] for optim in OPTIMIZERS},
                "step": {optim: statistics.median(seconds[optim]) / data.steps_per_epoch for optim in OPTIMIZERS},
            }
        )
    )


if __name__ == "__main__":
    main()
