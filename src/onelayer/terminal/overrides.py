"""Overrides as people type them: where flags may stand, and which values Hydra would read as something else.

What is quoted, and `choice(...)`, is Hydra's own to read. SQL, paths, columns and weights of classes have signs in them
for which its grammar has another use, or none; each value of theirs that Hydra would not read as it is typed is quoted.
"""

import re
from collections.abc import Sequence
from hashlib import sha256

# keys of data whose values are texts, names of columns, signs, and weights by the names of classes
QUERY, WEIGHTS = "query", "class_weight"
NOTATION = ("decimal", "thousands", "date_format", "comment")
TEXTS = (QUERY, "path", "labels", "data_home", "target", "split.by", "sample_weight", WEIGHTS, *NOTATION)
# a quote inside a word is an apostrophe
QUOTED = r"""(?<!\w)(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
OPENING, CLOSING = "([{", ")]}"
LONGEST_NAME = 120  # bytes


def overrides_last(arguments: list[str]) -> list[str]:
    """Let flags stand anywhere: `data=wine -m seed=0,1`, which argparse alone would refuse."""
    return [one for one in arguments if not is_override(one)] + [one for one in arguments if is_override(one)]


def is_override(argument: str) -> bool:
    """Say whether an argument sets or takes away a key."""
    return bool(re.match(r"[+~]{0,2}[\w./@:]+=|~\w", argument))


def key_of(override: str) -> str:
    """Return the key that an override sets or takes away."""
    return override.partition("=")[0].lstrip("+~")


def is_sweep(arguments: list[str]) -> bool:
    """Say whether a command line asks for a sweep."""
    return not {"-m", "--multirun"}.isdisjoint(arguments)


def with_quotes(arguments: list[str]) -> list[str]:
    """Quote SQL, paths, columns and weights of classes for Hydra.

    With -m a comma parts the values of a sweep, as Hydra parts them: not within quotes or brackets, nor after a
    backslash, and never in SQL.
    """
    sweeps = is_sweep(arguments)
    return [_with_quotes(one, sweeps) for one in arguments]


def quoted(text: str) -> str:
    """Quote a value so that Hydra reads it as it is."""
    return text if re.fullmatch(r"[\w./~-]+", text, re.ASCII) else _in_quotes(text)


def run_name(overrides: Sequence[str]) -> str:
    """Name the folder of one run of a sweep after its overrides; a short hash where the name would not do."""
    name = ",".join(overrides)
    plain = re.sub(r"[^\w=,.+~@-]", "_", name)
    letters = plain.encode(errors="replace")  # by which file systems measure a name
    if plain == name and 0 < len(letters) <= LONGEST_NAME:
        return name
    start = letters[: LONGEST_NAME - 9].decode(errors="ignore")
    return f"{start}-{sha256(name.encode(errors='surrogateescape')).hexdigest()[:8]}" if name else "run"


def _in_quotes(text: str) -> str:
    # Hydra takes backslashes as they are, but for those before a quote or the end
    escaped = re.sub(r"(\\*)('|\Z)", lambda before: 2 * before[1] + ("\\'" if before[2] else ""), text)
    return f"'{escaped}'"


def _with_quotes(argument: str, sweeps: bool) -> str:
    given = re.fullmatch(rf"(\+{{0,2}}data\.({'|'.join(map(re.escape, TEXTS))})=)(.+)", argument, re.DOTALL)
    if given is None:
        return argument
    start, key, value = given.groups()
    if re.fullmatch(r"\W", value):  # data.decimal=, is a sign, of which nothing is parted
        return start + _in_quotes(value)
    values = _parted(value)
    if key == WEIGHTS:
        braces = rf"(?<!\$)\{{(?:{QUOTED}|[^{{}}])*\}}"
        return start + ",".join(
            one if re.fullmatch(QUOTED, one) else re.sub(braces, lambda weights: _in_quotes(weights[0]), one)
            for one in values
        )
    if all(re.fullmatch(QUOTED, one, re.DOTALL) for one in values):
        return argument
    values = values if sweeps and key != QUERY else [value]
    return start + ",".join(_as_typed(one, escapes=key != QUERY) for one in values)


def _parted(value: str) -> list[str]:
    """Part a value at its commas, but for those within quotes or brackets, and those after a backslash."""
    parts, depth = [""], 0
    for sign in re.findall(rf"{QUOTED}|\\.|.", value, re.DOTALL):
        depth += (sign in OPENING) - (sign in CLOSING)
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def _as_typed(value: str, *, escapes: bool) -> str:
    """Return a value in quotes, unless Hydra reads it as it stands, or it is quoted or a function's call.

    Args:
        value: as it was typed.
        escapes: a backslash before a comma only keeps that from parting values.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if re.fullmatch(QUOTED, value, re.DOTALL):
        return value
    value = value.replace(r"\,", ",") if escapes else value
    try:
        override = OverridesParser.create().parse_override(f"key={value}")
    except HydraException:
        return _in_quotes(value)
    is_call = re.fullmatch(r"[a-z]+\(.*\)", value, re.DOTALL) is not None
    return value if is_call or override.value() in (None, value) else _in_quotes(value)
