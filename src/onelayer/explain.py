"""From an exception to the one sentence that a user needs."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from onelayer import CONF
from onelayer.errors import CutShort, UserError, did_you_mean, is_full
from onelayer.terminal.console import nobody_reads, warn

TRACEBACK = "ONELAYER_TRACEBACK"


@contextmanager
def reported() -> Iterator[None]:
    """Turn an error that the user can mend into one sentence on stderr and exit code 1."""
    try:
        yield
        sys.stdout.flush()
    except CutShort as stop:
        warn(str(stop))
        raise SystemExit(stop.code) from None
    except BrokenPipeError:
        nobody_reads()
        raise SystemExit(1) from None
    except Exception as error:
        mendable = isinstance(error, UserError | OSError) or _is_of_the_configuration(error)
        if not mendable or os.environ.get(TRACEBACK) == "1":
            raise
        if isinstance(error, OSError) and is_full(error) and error.filename is None:  # all other files have names
            error.filename = "standard output"
            nobody_reads()
        lines = sentence(error).splitlines()
        warn("\n".join(line if line.startswith(" ") else f"error: {line}" for line in lines))
        raise SystemExit(1) from None


def _is_of_the_configuration(error: BaseException) -> bool:
    """Say whether an error is one of what composes configurations, or was raised there."""
    # by their names: who composes none does not wait for these libraries
    modules = [one.__module__ for one in type(error).__mro__]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    modules += [str(trace.tb_frame.f_globals.get("__name__"))] if trace is not None else []
    return not {one.partition(".")[0] for one in modules}.isdisjoint(("hydra", "omegaconf", "antlr4", "yaml"))


def sentence(error: BaseException) -> str:
    """Say what is wrong, where, and what to do."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        where = "" if error.filename is None else f"{error.filename}: "
        hint = "make room there, or choose another folder" if is_full(error) else "choose another folder or file"
        return f"{where}{error.strerror}; {hint}"
    from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException

    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        hint = did_you_mean(choice, error.options) or f"; there are {', '.join(error.options)}"
        return f"{group}={choice}: there is no such choice{hint}"
    if isinstance(error, OverrideParseException):
        # from 1.4 on Hydra counts the arguments first
        reason = re.sub(r"Error when parsing index: .*\n", "", str(error)).strip().partition("\n")[0]
        if reason.startswith("Lexer"):  # the name of an exception and nothing more
            reason = "there is a sign in it that needs quotes, as in key='a b'"
        if re.fullmatch(r"[\w.]+", error.override):
            return f"{error.override}: that is no argument; write {error.override}=..., or see --help"
        return f"{error.override}: {reason} (quote the whole argument where the shell would change it)"
    if isinstance(error, ConfigCompositionException):
        swept = re.match(r"(Ambiguous value for argument|Sweep parameters) '(.+?)'( requires|$)", _first_line(error))
        if swept is not None:
            return _several(swept[2])
        there = re.search(r"Could not append to config. An item is already at '([^']+)'", str(error))
        if there is not None:
            return f"+{there[1]}: there is such a key already; leave out the sign +"
        key = re.search(r"Could not (?:override|delete|append to config)[^']*'([^'@]+)", str(error))
        if key is not None and "no default" not in str(error):
            return f"{key[1]}: there is no such key{_nearest(key[1]) or _of_the_default(key[1])}"
        return " ".join(_first_line(part) for part in (error, error.__cause__) if part is not None)
    return _first_line(error)


def _several(argument: str) -> str:
    """Say what several values are where there is one run."""
    key, _, values = argument.partition("=")
    if isinstance(_known_values().get(key.lstrip("+")), list):
        return f"{argument}: a list is written {key}=[{values}]"
    if sys.argv[0].endswith("inspect"):
        return f"{argument}: it has one value; put it in quotes where there is a comma in it"
    return f"{argument}: several values are a sweep, with a run for each; add -m"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _nearest(key: str) -> str:
    """Look for a key whose last name is the same, then for one beside it, then anywhere, that is spelled alike."""
    known = list(_known_values())
    parent, _, leaf = key.rpartition(".")
    same_leaf = [one for one in known if one.rpartition(".")[2] == leaf]
    if len(same_leaf) == 1:
        return f"; did you mean '{same_leaf[0]}'?"
    siblings = [one.rpartition(".")[2] for one in known if one.rpartition(".")[0] == parent]
    hint = did_you_mean(leaf, siblings)
    return hint.replace("'", f"'{parent}.", 1) if hint and parent else hint


def _of_the_default(key: str) -> str:
    """Say why a key that a swept choice has is refused: Hydra sets plain values on the default choice first."""
    group = key.partition(".")[0]
    swept = any(argument.startswith(f"{group}=") and "," in argument for argument in sys.argv[1:])
    in_sweep = any(argument in ("-m", "--multirun") for argument in sys.argv[1:])
    return f" in the default {group}; write {key}=choice(...) to set it in each job" if swept and in_sweep else ""


def _known_values() -> dict[str, Any]:
    """Return all keys of the configuration with their values, for the groups that the command line chose."""
    from hydra.core.global_hydra import GlobalHydra

    from onelayer.compose import compose_train

    def walk(tree: dict[Any, Any], above: str) -> Iterator[tuple[str, Any]]:
        for name, value in tree.items():
            yield f"{above}{name}", value
            if isinstance(value, dict):
                yield from walk(value, f"{above}{name}.")

    choices = {f"{path.parent.name}={path.stem}": path.parent.name for path in sorted(CONF.glob("*/*.yaml"))}
    chosen = [argument for argument in sys.argv[1:] if argument in choices]
    GlobalHydra.instance().clear()
    return dict.fromkeys(choices.values()) | dict(walk(compose_train(chosen, resolve=False), ""))
