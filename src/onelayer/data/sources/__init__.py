"""Data sources by name. A new one is a small file with a function that returns a `Table`, and one line here."""

from collections.abc import Callable, Mapping
from typing import Any

from onelayer.data.checked import call
from onelayer.data.sources import embeddings, images, libsvm, openml, points, scikit, synthetic, table
from onelayer.data.streaming.stream import Stream
from onelayer.data.table import Table, Task
from onelayer.errors import UserError, did_you_mean

SOURCES: Mapping[str, Callable[..., Table | Stream]] = {
    "diabetes": scikit.diabetes,
    "breast_cancer": scikit.breast_cancer,
    "iris": scikit.iris,
    "wine": scikit.wine,
    "digits": scikit.digits,
    "make_regression": scikit.make_regression,
    "linear": synthetic.linear,
    "logistic": synthetic.logistic,
    "softmax": synthetic.softmax,
    "points": points.points,
    "table": table.table,
    "libsvm": libsvm.libsvm,
    "mnist": images.mnist,
    "cifar10": images.cifar10,
    "openml": openml.openml,
    "embeddings": embeddings.embeddings,
}
# sources that fetch their rows from elsewhere at their first use
REMOTE = frozenset({"openml"})


def load(source: str, *, by: str | None = None, task: Task | None = None, **args: Any) -> Table | Stream:
    """Return the table of a source, its arguments checked against the source's signature.

    Args:
        source: its name.
        by: the column that `data.split.by` goes by.
        task: what the target is to be read as; None: as it looks.
        **args: what else the source takes.

    Raises:
        UserError: an unknown source, argument or value.
    """
    function = function_of(source)
    if "task" in function.__annotations__:
        args["task"] = task
    if "by" in function.__annotations__:
        args["by"] = by
    elif by is not None:
        raise UserError(f"data.split.by={by}: data={source} has no columns to split by; leave it null")
    table: Table | Stream = call(function, source, **args)
    return table.as_task(task)


def function_of(source: str) -> Callable[..., Table | Stream]:
    """Return the function of a source.

    Raises:
        UserError: there is no such source.
    """
    if source not in SOURCES:
        raise UserError(f"data.source={source}: there is no such source{did_you_mean(source, SOURCES)}")
    return SOURCES[source]
