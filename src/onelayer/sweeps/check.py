"""The rows of the runs of a sweep, and whether these can be trained, before any run starts."""

import logging

from onelayer.check import Answers, check_run
from onelayer.config import RunSpec
from onelayer.data.cache import PreparedCache
from onelayer.data.module import DataModule
from onelayer.memory import free_memory
from onelayer.model.optimizers import OptimizerSettings
from onelayer.optimum import Solved

log = logging.getLogger("onelayer")


class Checker:
    """Checks the runs of a sweep, asks each question once, and keeps what memory allows of their data.

    Attributes:
        solved: references that were found on the way, by the hash of the rows.
    """

    def __init__(self) -> None:
        self.solved: dict[str, Solved] = {}
        self._answers = Answers()
        self._cache = PreparedCache(free_memory() // 4)  # the rest is for training, and everybody else

    def __call__(self, spec: RunSpec) -> tuple[DataModule, str]:
        """Check a run; return its rows, each run's in its own order, and the kind of its optimizer.

        Raises:
            UserError: it cannot be trained as it says, or its rows cannot be read, or not split as asked.
        """
        check_run(spec, answers=self._answers)
        data = self._answers(self._read, f"{spec.data.model_dump_json()} {spec.task}", spec=spec)
        check_run(spec, data, answers=self._answers, solved=self.solved.setdefault(data.data_hash, {}))
        kind = self._answers(OptimizerSettings.of, spec.optim.name, 1.0, spec.optim.args).kind
        return data.ordered_by(spec.seed), kind

    def _read(self, key: str, *, spec: RunSpec) -> DataModule:
        """Return the data of a run; runs of one key share it."""
        data = DataModule(**spec.data_keywords(), cache=self._cache)
        data.setup("fit")
        log.debug(f"{spec.data.source}: rows {data.data_hash}")  # hashed once, for every order of them
        return data
