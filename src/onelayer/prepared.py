"""From a specification to the rows that it names."""

from onelayer.config import RunSpec
from onelayer.data.encode import EncodeSettings
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared, prepare
from onelayer.data.sources import load
from onelayer.data.streaming.prepare import prepare_stream
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Table


def load_table(spec: RunSpec) -> Table | Stream:
    """Read the rows from their source."""
    return load(spec.data.source, by=spec.data.split.by, task=spec.task, **spec.data.args).as_task(spec.task)


def preparation_of(spec: RunSpec) -> Preparation:
    """Return how a run makes its rows ready."""
    data = spec.data
    return Preparation(
        val=data.split.val,
        test=data.split.test,
        split_seed=data.split.seed,
        split_shuffle=data.split.shuffle,
        stratify=data.split.stratify,
        folds=data.folds,
        fold=data.fold,
        repeats=data.repeats,
        normalize=data.normalize,
        normalize_target=data.normalize_target,
        class_weight=data.class_weight,
        encode=EncodeSettings() if data.encode is None else EncodeSettings(**data.encode.model_dump()),
    )


def prepare_data(spec: RunSpec, table: Table | Stream) -> Prepared:
    """Split, encode, scale and weigh."""
    how = preparation_of(spec)
    return prepare(table, how) if isinstance(table, Table) else prepare_stream(table, how)
