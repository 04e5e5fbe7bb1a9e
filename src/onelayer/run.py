"""The pipeline of a run: spec -> data -> stack -> fit -> results."""

import logging
from typing import Literal

from onelayer.check import check_run
from onelayer.data.module import DataModule
from onelayer.filenames import LAST
from onelayer.optimum import Solved
from onelayer.resume import last_checkpoint
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
        UserError: the run cannot be trained as it says; see `check_run`.
        Interrupted: after Ctrl-C or a termination, with last.ckpt saved.
    """
    spec, observer = run.spec, SingleRunObserver()
    check_run(spec)
    data, solved = DataModule(**spec.data_keywords()), Solved()
    data.setup("fit")
    check_run(spec, data, solved=solved)
    checkpoint = last_checkpoint(spec)
    mode: Literal["live", "none"] = "live" if spec.logger.tensorboard else "none"
    with EpochBar(spec.trainer.max_epochs, shown=spec.trainer.enable_progress_bar) as bar:
        try:
            sink = Results([run], observer, bar, path=run.directory / LAST, checkpoint=checkpoint, curves=mode)
            train_stack([spec], data, sink, solved=solved)
        except Interrupted:
            if not observer.result:
                raise
    return observer.result
