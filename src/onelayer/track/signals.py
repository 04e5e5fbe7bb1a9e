"""Ctrl-C and a termination end training after the present epoch, so that nothing is lost."""

import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from typing_extensions import override

from onelayer.errors import CutShort

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(CutShort):
    """The run was asked to stop and can be resumed; `number` is the signal that asked."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.code = 128 + number  # as a shell reports a signal: 130 for Ctrl-C, 143 for a termination


class GracefulEnd(Callback):
    """Takes the first signal as a wish to stop; the second one finds the handlers that were there before.

    Lightning would raise in the middle of an epoch instead, where a run cannot be resumed bit for bit. Results are
    written after training, so the handlers stay until `close`.

    Attributes:
        received: the signal that asked to stop; None without one.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():  # no other may handle signals
            self._before = {number: signal.signal(number, self._receive) for number in SIGNALS}

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.received is not None

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self.close()

    def close(self) -> None:
        """Put back the handlers that were there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
