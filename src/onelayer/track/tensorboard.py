"""TensorBoard event files, written without a thread or a queue: one event an epoch holds all its scalars."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG, create_summary_metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.record_writer import RecordWriter

FLUSH_SECONDS = 1.0


class EventWriter:
    """Writes one run's event file.

    Args:
        directory: where the file goes; it is made at once, so TensorBoard sees the run from its start.
    """

    def __init__(self, directory: Path) -> None:
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
        self._file = (directory / name).open("ab")
        self._records = RecordWriter(self._file)
        self._flushed = time.monotonic()
        self._write(Event(file_version="brain.Event:2"))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Write all scalars of one step."""
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        self._write(Event(summary=summary, step=step))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def image(self, tag: str, png: bytes, size: tuple[int, int], step: int) -> None:
        """Write a PNG of (width, height) pixels."""
        image = Summary.Image(encoded_image_string=png, width=size[0], height=size[1], colorspace=4)
        self._write(Event(summary=Summary(value=[Summary.Value(tag=tag, image=image)]), step=step))

    def hparams(self, settings: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Fill the HParams tab: the settings of this run with the numbers it ended with.

        No list of columns is written: TensorBoard then makes it from all runs it finds, whose settings may differ.
        """
        plain = {key: value if isinstance(value, bool | int | float) else str(value) for key, value in settings.items()}
        self._write(Event(summary=hparams_pb(plain)))
        self.scalars(metrics, 0)
        end = SessionEndInfo(status=Status.Value("STATUS_SUCCESS"), end_time_secs=time.time())
        metadata = create_summary_metadata(HParamsPluginData(session_end_info=end))
        self._write(Event(summary=Summary(value=[Summary.Value(tag=SESSION_END_INFO_TAG, metadata=metadata)])))

    def flush(self) -> None:
        """Hand everything to the file system."""
        self._file.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush and close."""
        self._file.close()

    def _write(self, event: Any) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())
