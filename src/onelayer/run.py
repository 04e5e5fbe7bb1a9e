"""The pipeline of a run: spec -> data -> stack -> fit -> results."""

import logging
from typing import Literal

from onelayer.build import build_data, refuse_missing_device
from onelayer.filenames import LAST
from onelayer.resume import checkpoint_of
from onelayer.track.progress import EpochBar
from onelayer.track.results import Result, Results, Run
from onelayer.track.signals import Interrupted
from onelayer.training import train_stack

log = logging.getLogger("onelayer")


class SingleRunObserver:
    """Observes the only run there is: its lines go to the log, what stops it is raised."""

    def __init__(self) -> None:
        self.result: Result = {}

    def say(self, run: Run, *lines: str) -> None:
        """Log some lines."""
        for line in lines:
            log.info(line)

    def ended(self, run: Run, result: Result) -> None:
        """Keep the result."""
        self.result = result

    def failed(self, run: Run, error: Exception) -> None:
        """Raise what stopped the run."""
        raise error

    def shows(self, run: Run, result: Result) -> bool:
        """One run is worth its curves."""
        return True

    def draws(self, run: Run, result: Result) -> bool:
        """One run is worth its figure."""
        return True


def train(run: Run) -> Result:
    """Train a run, which is a stack of one, and write it down.

    Raises:
        UserError: something that only the data or the machine could show to be wrong.
        Interrupted: after Ctrl-C or a termination, with last.ckpt saved.
    """
    spec, observer = run.spec, SingleRunObserver()
    refuse_missing_device(spec)
    data = build_data(spec)
    checkpoint = None if spec.resume is None else checkpoint_of(spec, data.data_hash)
    mode: Literal["live", "none"] = "live" if spec.logger.tensorboard else "none"
    with EpochBar(spec.trainer.max_epochs, shown=spec.trainer.enable_progress_bar) as bar:
        try:
            sink = Results([run], observer, bar, path=run.directory / LAST, checkpoint=checkpoint, curves=mode)
            train_stack([spec], data, sink)
        except Interrupted:
            if not observer.result:
                raise
    return observer.result
