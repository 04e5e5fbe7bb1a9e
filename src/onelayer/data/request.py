"""From the keywords of `DataModule` to what they ask for: which rows, and how they are made ready."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from functools import cached_property, partial
from os import PathLike, fspath
from typing import Any

import numpy as np
from pydantic import ValidationError

from onelayer.config_errors import sentences
from onelayer.data.cache import PreparedCache
from onelayer.data.checked import call
from onelayer.data.defaults import merged, section_of
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared, prepare
from onelayer.data.sources import SOURCES, function_of, load
from onelayer.data.sources.python_arrays import arrays, is_frame
from onelayer.data.sources.table import table_of
from onelayer.data.spec import BATCHES, SPLIT, DataSpec
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Table, Task
from onelayer.errors import UserError, did_you_mean

# what messages call the keys of a configuration, by what the keywords call them
NAMES = {
    **{f"data.{name}": name for function in SOURCES.values() for name in function.__annotations__},
    **{f"data.{key}": key for key in DataSpec.model_fields},
    **{f"data.split.{key}": name for key, name in SPLIT.items()},
    **{f"data={name}": f"source={name}" for name in SOURCES},
}


@dataclass(frozen=True)
class Request:
    """Rows that are asked for.

    Attributes:
        data: the section `data` of a configuration, checked.
        task: what the target is read as; None: as it looks.
        read: reads the table.
        table_key: tells tables apart.
        where: the rows come from, in words.
        preparation: how they are prepared; None: as `data` says.
    """

    data: DataSpec
    task: Task | None
    read: Callable[[], Table | Stream]
    table_key: Hashable
    where: str
    preparation: Preparation | None = None

    def prepared(self, cache: PreparedCache) -> Prepared:
        """Return the rows, read and prepared where the cache does not hold them.

        Raises:
            UserError: they cannot be read, or not be prepared so.
        """
        return cache.get(self._key, lambda: prepare(self.table(cache), self.preparation or Preparation.of(self.data)))

    def table(self, cache: PreparedCache) -> Table | Stream:
        """Return the table, read where the cache does not hold it.

        Raises:
            UserError: it cannot be read.
        """
        return cache.table(self.table_key, self.read)

    @cached_property
    def _key(self) -> Hashable:
        if self.preparation is not None:
            return self.table_key, Identity(self.preparation)
        return self.table_key, self.data.model_dump_json(exclude=set(BATCHES))


class Identity:
    """Objects as a key: equal to themselves alone, and kept alive with it."""

    def __init__(self, *objects: object) -> None:
        self._objects = objects

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self._ids == other._ids

    def __hash__(self) -> int:
        return hash(self._ids)

    @property
    def _ids(self) -> tuple[int, ...]:
        return tuple(map(id, self._objects))


def source_request(
    source: str,
    task: Task | None,
    keywords: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    complete: bool,
) -> Request:
    """Return what is asked for of a source that is called by its name.

    Args:
        source: the name of a file in conf/data; where the keywords are complete, of the function.
        task: what the target is read as; None: as it looks.
        keywords: of the section, by the names of `DataModule`; None: as the configuration of the source says.
        options: of the source.
        complete: the keywords are all there is, and None is what they say.

    Raises:
        UserError: keywords that are unknown or of the wrong kind.
    """
    base = {"source": source} if complete else section_of(source)
    if not complete:  # else the source says so itself, by its key
        _refuse_unknown(options, function_of(base["source"]), f"source={source}")
    data = _checked({**_section(base, keywords, complete=complete), **_plain(options)})
    read = partial(load, data.source, by=data.split.by, task=task, **data.args)
    return Request(data, task, read, f"{data.source} {data.args} {data.split.by} {task}", f"source={source}")


def frame_request(
    table: Any, task: Task | None, keywords: Mapping[str, Any], options: Mapping[str, Any], *, complete: bool
) -> Request:
    """Return what is asked for of a frame, or of a table that was read already; see `source_request`.

    Raises:
        UserError: keywords that are unknown or of the wrong kind.
    """
    ready = isinstance(table, Table | Stream)
    _refuse_unknown(options, (lambda: None) if ready else table_of, "table=")
    base = {} if complete else _without_options(section_of("table"))
    data = _checked({**_section(base, keywords, complete=complete), "source": "table"})
    options = {**_plain(options), "by": data.split.by}
    read = partial(_read_frame, table, task, {} if ready else options)
    return Request(data, task, read, (Identity(table), str(options), task), "table=")


def array_request(
    X: Any,
    y: Any,
    sample_weight: Any,
    task: Task | None,
    keywords: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Request:
    """Return what is asked for of arrays, or of a frame whose target stands beside it; see `source_request`.

    Raises:
        UserError: keywords that are unknown or of the wrong kind.
    """
    _refuse_unknown(options, table_of if is_frame(X) else (lambda: None), "X=")
    by = keywords["split_by"]
    keywords = {**keywords, "split_by": None}
    data = _checked({**_section(_without_options(section_of("table")), keywords, complete=False), "source": "table"})
    read = partial(_read_arrays, X, y, sample_weight=sample_weight, by=by, task=task, **_plain(options))
    return Request(data, task, read, (Identity(X, y, sample_weight, by), str(options), task), "X=")


# functions of the module, since a data module is pickled with what it reads by
def _read_frame(table: Any, task: Task | None, options: Mapping[str, Any]) -> Table | Stream:
    ready = isinstance(table, Table | Stream)
    rows: Table | Stream = table if ready else call(table_of, "table", frame=table, task=task, **options)
    return rows.as_task(task)


def _read_arrays(X: Any, y: Any, *, task: Task | None, **options: Any) -> Table:
    return arrays(X, y, task=task, **options).as_task(task)


def plain(value: Any) -> Any:
    """Return a value in the plain containers that a checkpoint may hold."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, PathLike):
        return fspath(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain(value) for key, value in options.items()}


def _without_options(section: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key in DataSpec.model_fields}


def _section(base: Mapping[str, Any], keywords: Mapping[str, Any], *, complete: bool) -> dict[str, Any]:
    """Return a section with what the keywords say."""
    own = {key: plain(value) for key, value in keywords.items() if complete or value is not None}
    split = {key: own.pop(name) for key, name in SPLIT.items() if name in own}
    return merged(base, {**own, "split": split})


def _checked(section: Mapping[str, Any]) -> DataSpec:
    try:
        return DataSpec.model_validate(section)
    except ValidationError as error:
        raise UserError("\n".join(f"data.{sentence}" for sentence in sentences(error, section, DataSpec))) from None


def _refuse_unknown(options: Mapping[str, Any], function: Callable[..., Any], where: str) -> None:
    """Refuse keywords that nobody knows."""
    known = function.__annotations__.keys() - {"return", "frame", "by", "task"}
    for name in options.keys() - known:
        hint = did_you_mean(name, [*known, *DataSpec.model_fields, *SPLIT.values(), "seed", "task", "predict"])
        raise UserError(f"{name}={options[name]!r}: {where} has no such keyword{hint}")
