"""TensorBoard event files, written without a thread or a queue: one event an epoch holds all its scalars."""

import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import google_crc32c
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_BLOB_SEQUENCE, DATA_CLASS_TENSOR, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar import metadata as custom_scalars
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.metadata import (
    SESSION_END_INFO_TAG,
    SESSION_START_INFO_TAG,
    create_summary_metadata,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.image import metadata as images

from onelayer.filenames import EVENTS
from onelayer.track.hparams import VERDICT
from onelayer.whole import naming, whole

FLUSH_SECONDS = 1.0


def trim(directory: Path, last: int | None) -> None:
    """Take out of a run's event files what was written after a step, or everything: it will come again.

    Args:
        directory: of the run.
        last: the step to keep, with all before it; None keeps none.
    """
    for path in sorted(directory.glob(f"{EVENTS}*")):
        kept = [] if last is None else [record for record, step in _records(path) if step <= last]
        if len(kept) <= 1:  # the version of the file alone
            path.unlink()
            continue
        with whole(path) as partial:
            partial.write_bytes(b"".join(_framed(record) for record in kept))


def retell(
    source: Path, directory: Path, settings: Mapping[str, bool | float | str], *, curves: bool, figure: bool
) -> None:
    """Write the events of a run for another one that differs in its settings alone.

    Args:
        source: directory of the run; without events nothing is written.
        directory: of the other one.
        settings: of the other one, by name.
        curves: with what was measured each epoch, and not only how it ended.
        figure: with the figure.
    """
    told: list[bytes] = []
    paths = sorted(source.glob(f"{EVENTS}*"))
    for path in paths:
        for record, _ in _records(path):
            event = Event.FromString(record)
            value = next(iter(event.summary.value), None)
            if value is None:  # the version of the file
                wanted = not told
            elif value.tag in (SESSION_START_INFO_TAG, SESSION_END_INFO_TAG):
                wanted = True
                if value.tag == SESSION_START_INFO_TAG:
                    event.summary.CopyFrom(hparams_pb(dict(settings)))
            elif value.metadata.plugin_data.plugin_name == images.PLUGIN_NAME:
                wanted = figure
            else:
                wanted = curves or value.tag.startswith(f"{VERDICT}/")
            if wanted:
                told.append(_framed(event.SerializeToString()))
    if paths:
        with whole(directory / paths[0].name) as partial:
            partial.write_bytes(b"".join(told))


def _framed(record: bytes) -> bytes:
    """Frame a record: its length, a checksum of that, the bytes, a checksum of those.

    tensorboard's own writer computes the checksums byte by byte in Python, which took longer than all the rest.
    """
    length = struct.pack("<Q", len(record))
    return b"".join((length, _checksum(length), record, _checksum(record)))


def _checksum(data: bytes) -> bytes:
    """CRC-32C, masked as in tensorflow/core/lib/hash/crc32c.h, since a checksum of checksums is of little use."""
    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _records(path: Path) -> Iterator[tuple[bytes, int]]:
    """Yield every whole record with its step; a kill may have left half of one at the end."""
    data, at = path.read_bytes(), 0
    while at + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        record = data[at + 12 : at + 12 + length]
        at += 12 + length + 4
        if at > len(data):
            return
        yield record, Event.FromString(record).step


class EventWriter:
    """Writes one run's event file.

    Args:
        directory: where the file goes; it is made at once, so TensorBoard sees the run from its start.
    """

    def __init__(self, directory: Path) -> None:
        name = f"{EVENTS}{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
        self._path = directory / name
        self._file = self._path.open("ab")
        self._flushed = time.monotonic()
        self._write(Event(file_version="brain.Event:2"))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Write all scalars of one step."""
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        self._write(Event(summary=summary, step=step))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def image(
        self, tag: str, png: bytes, size: tuple[int, int], step: int, *, title: str = "", caption: str = ""
    ) -> None:
        """Write a PNG of (width, height) pixels; without a title it is called by its tag."""
        # the older Summary.Image would lose title and caption in TensorBoard's data server
        metadata = images.create_summary_metadata(title, caption)
        metadata.data_class = DATA_CLASS_BLOB_SEQUENCE
        self._strings(tag, [str(size[0]).encode(), str(size[1]).encode(), png], metadata, step)

    def layout(self, layout: Layout, step: int) -> None:
        """Write what stands together in Custom Scalars; TensorBoard unites those of all runs."""
        metadata = custom_scalars.create_summary_metadata()
        metadata.data_class = DATA_CLASS_TENSOR
        self._strings(custom_scalars.CONFIG_SUMMARY_TAG, [layout.SerializeToString()], metadata, step)

    def hparams(
        self, settings: Mapping[str, bool | float | str], metrics: Mapping[str, float], step: int, *, failed: bool
    ) -> None:
        """Fill the HParams tab: the settings of this run with the numbers it ended with.

        No list of columns is written. TensorBoard makes it from all runs that it finds, those that differ first; a
        list would be that of one sweep, and hide what only others have where a folder of several is opened.

        Args:
            settings: by name.
            metrics: by tag.
            step: the epoch in which it ended.
            failed: how it is shown.
        """
        self._write(Event(summary=hparams_pb(dict(settings)), step=step))
        self.scalars(metrics, step)
        status = Status.Value("STATUS_FAILURE" if failed else "STATUS_SUCCESS")
        end = SessionEndInfo(status=status, end_time_secs=time.time())
        metadata = create_summary_metadata(HParamsPluginData(session_end_info=end))
        value = Summary.Value(tag=SESSION_END_INFO_TAG, metadata=metadata)
        self._write(Event(summary=Summary(value=[value]), step=step))

    def flush(self) -> None:
        """Hand everything to the file system."""
        with naming(self._path):
            self._file.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush and close."""
        with naming(self._path):
            self._file.close()

    def _strings(self, tag: str, strings: Sequence[bytes], metadata: SummaryMetadata, step: int) -> None:
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(strings))] if len(strings) > 1 else [])
        tensor = TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=strings)
        self._write(Event(summary=Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)]), step=step))

    def _write(self, event: Any) -> None:
        event.wall_time = time.time()
        with naming(self._path):
            self._file.write(_framed(event.SerializeToString()))
