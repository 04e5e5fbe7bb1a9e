"""Data sources by name. A new one is a small file with a function that returns a `Table`, and one line here."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError, validate_call

from onelayer.data.sources import scikit, synthetic
from onelayer.data.table import Table
from onelayer.errors import UserError, did_you_mean

SOURCES: Mapping[str, Callable[..., Table]] = {
    "diabetes": scikit.diabetes,
    "breast_cancer": scikit.breast_cancer,
    "iris": scikit.iris,
    "wine": scikit.wine,
    "digits": scikit.digits,
    "linear": synthetic.linear,
    "logistic": synthetic.logistic,
    "softmax": synthetic.softmax,
}


def load(source: str, **args: Any) -> Table:
    """Return the table of a source, its arguments checked against the source's signature.

    Raises:
        UserError: an unknown source, argument or value.
    """
    if source not in SOURCES:
        raise UserError(f"data.source={source}: there is no such source{did_you_mean(source, SOURCES)}")
    function = SOURCES[source]
    try:
        return validate_call(config=ConfigDict(strict=True))(function)(**args)
    except ValidationError as error:
        reasons = []
        for entry in error.errors():
            name = str(entry["loc"][0])
            if entry["type"] == "unexpected_keyword_argument":
                known = function.__annotations__.keys() - {"return"}
                reasons.append(f"data.{name}: data={source} has no such key{did_you_mean(name, known)}")
            else:
                reasons.append(f"data.{name}={entry['input']}: {entry['msg'].replace('Input should be', 'must be')}")
        raise UserError("\n".join(reasons)) from None
