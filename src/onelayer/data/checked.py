"""Call a function with values that a user wrote, checked against its signature."""

from collections.abc import Callable
from typing import Any

from pydantic import ConfigDict, ValidationError, validate_call

from onelayer.errors import UserError, did_you_mean


def call(function: Callable[..., Any], source: str, **args: Any) -> Any:
    """Call a function of a source with arguments of the configuration, checked against its signature.

    Raises:
        UserError: an unknown argument or value.
    """
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
