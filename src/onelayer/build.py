"""From a specification to the objects that train it; beyond here classes take typed keywords."""

from collections.abc import Callable

import torch

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.data.prepare import Prepared
from onelayer.prepared import load_table, prepare_data

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def build_data(spec: RunSpec, lent: Callable[[], Prepared] | None = None) -> DataModule:
    """Cut rows into batches; None: those that the specification names are read and prepared."""
    return DataModule(
        lent() if lent else prepare_data(spec, load_table(spec)),
        again=lent,
        batch_size=spec.data.batch_size,
        shuffle=spec.data.shuffle,
        order_seed=spec.seed,
        dtype=DTYPES[spec.data.dtype],
    )
