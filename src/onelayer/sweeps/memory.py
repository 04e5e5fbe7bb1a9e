"""How many runs fit into memory together."""

from math import prod

import torch

from onelayer.config import RunSpec
from onelayer.data.module import DataModule
from onelayer.devices import free_bytes
from onelayer.model.linear import architecture_of
from onelayer.model.optimizers import adapter_named
from onelayer.track.history import points
from onelayer.track.path import paths_that_fit

# copies of a run's weights: theta, gradient, update, up to four moments, best weights, and their use in float64
COPIES = 16
TAGS = 16  # curves of a run
SHARE = 0.5  # of what is free; the rest is for the data, the measuring and everybody else


def runs_that_fit(data: DataModule, spec: RunSpec) -> int:
    """Return how many runs like this one may train as one stack.

    What counts is their weights with the state of the optimizer, the logits of a batch, with what a hidden layer makes
    of it, and its curves; the logits of a validation do not, since they are measured a few runs at a time.
    """
    size = torch.empty((), dtype=data.dtype).element_size()
    architecture = architecture_of(data.n_features, data.n_outputs, spec.model.bias, spec.model.hidden)
    columns = prod(architecture.shape)
    copies = COPIES + adapter_named(spec.optim.name).more_copies(spec.optim.args)
    logits = 4 * data.batch_size * architecture.width  # with residual and loss
    curves = TAGS * points(spec.trainer.max_epochs) * 4
    free = free_bytes(spec.trainer.accelerator, spec.trainer.devices)
    fitting = int(SHARE * free / (size * (copies * columns + logits) + curves))
    if spec.logger.weights:
        fitting = min(fitting, paths_that_fit(columns, size, spec.trainer.max_epochs))
    return max(1, fitting)
