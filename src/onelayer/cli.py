"""The commands. Nothing heavy is imported here: help, completion and typos must answer at once."""

import io
import logging
import os
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from onelayer import CONF, __version__
from onelayer.errors import UserError, did_you_mean
from onelayer.explain import TRACEBACK, reported
from onelayer.filenames import OVERRIDES
from onelayer.signals import ended_by_signals
from onelayer.terminal.console import say, warn
from onelayer.terminal.overrides import is_override, key_of, overrides_last, quoted, run_name, with_quotes
from onelayer.terminal.parser import unknown_flags
from onelayer.terminal.usage import COMMANDS, TRAIN_FLAGS, inspect_usage, usage

if TYPE_CHECKING:
    from omegaconf import DictConfig


def train() -> None:
    """Run what the command line says; exit 0 when it ended, 1 or 2 when it could not."""
    import hydra

    from onelayer.compose import main_options, register_resolver

    # Hydra hands exceptions on only under this setting; what the user asked for is kept beside it
    asked = os.environ[TRACEBACK] = os.environ.get("HYDRA_FULL_ERROR", "0")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    logging.raiseExceptions = False  # a log that has no room on the disk is on the screen too
    register_resolver("run_name", run_name)
    try:
        with ended_by_signals(), reported():
            for flag in unknown_flags(sys.argv[1:], TRAIN_FLAGS):
                warn(f"error: there is no flag {flag}{did_you_mean(flag, TRAIN_FLAGS) or '; see --help'}")
                sys.exit(2)
            sys.argv[1:] = with_resumed(overrides_last(with_quotes(sys.argv[1:])))
            started = hydra.main(**main_options(), config_path=str(CONF), config_name="train")(task)
            if {"-h", "--help", "--hydra-help"}.isdisjoint(sys.argv[1:]):
                try:
                    started()
                except Exception as error:
                    from onelayer.preflight import Preflight

                    Preflight.unstarted(error)
                    raise
                return
            with redirect_stdout(io.StringIO()) as said, suppress(SystemExit):
                started()
            say(said.getvalue().rstrip())
    finally:
        os.environ["HYDRA_FULL_ERROR"] = asked


def task(config: "DictConfig") -> float | None:
    """Train one run; Hydra calls this, and our launcher and sweeper know by it that the jobs are runs of ours."""
    from onelayer.job import job

    return job(config)


def with_resumed(arguments: list[str]) -> list[str]:
    """Put the overrides of a resumed run before those given now, so that `resume=DIR` alone says it all.

    Raises:
        UserError: the directory is not that of a run.
    """
    given = set(map(key_of, arguments))
    directory = next((a.partition("=")[2] for a in arguments if a.startswith("resume=")), "null")
    if directory in ("", "null"):
        return arguments
    from onelayer.stored_config import stored_overrides

    plain = str(Path(directory.strip("'\"")).expanduser())  # a shell does not after the sign =
    before = stored_overrides(Path(plain))
    if before is None:
        raise UserError(f"resume={plain}: no run directory there (it has no {OVERRIDES})")
    kept = [override for override in before if key_of(override) not in given]
    # the name of a run of a sweep has signs in it that Hydra would read
    given_now = [f"resume={quoted(plain)}" if one.startswith("resume=") else one for one in arguments]
    flags = [one for one in given_now if not is_override(one)]
    return flags + kept + given_now[len(flags) :]


def inspect(arguments: list[str]) -> None:
    """Print what is understood of a table; exit 1 where it cannot be read."""
    if {"-h", "--help"} & {*arguments}:
        sys.stdout.write(inspect_usage())
        return
    if not arguments:
        warn("error: onelayer inspect: FILE is missing; see onelayer inspect --help")
        sys.exit(2)
    given = list(arguments)
    if not is_override(given[0]):
        given[0] = f"path={given[0]}"
    overrides = with_quotes(["data=table", *(f"data.{one.removeprefix('data.')}" for one in given)])
    sys.argv = ["onelayer inspect", *overrides]  # errors look there for what was chosen
    from onelayer.compose import compose_train
    from onelayer.inspection import show_table
    from onelayer.terminal.console import stdout_console

    show_table(compose_train(overrides), stdout_console())


def main() -> None:
    """Dispatch the console command `onelayer`."""
    command = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if command == "train":
        sys.argv[:2] = ["onelayer train"]
        train()
        return
    os.environ[TRACEBACK] = os.environ.get("HYDRA_FULL_ERROR", "0")
    with ended_by_signals(), reported():
        _dispatch(command)


def _run(arguments: list[str]) -> None:
    sys.argv[1:] = arguments
    main()


def _dispatch(command: str) -> None:
    if command == "inspect":
        inspect(sys.argv[2:])
    elif command in ("predict", "evaluate", "summary", "export", "card"):
        from onelayer.deliver import commands

        getattr(commands, command)(sys.argv[2:])
    elif command in ("leaderboard", "report"):
        from onelayer.report import command as reporting

        getattr(reporting, command)(sys.argv[2:])
    elif command == "landscape":
        from onelayer.report.landscape.command import landscape

        landscape(sys.argv[2:])
    elif command in ("-h", "--help"):
        sys.stdout.write(usage())
    elif command == "completion":
        from onelayer.terminal.completion import completion

        completion(sys.argv[2:], _run)
    elif command == "--version":
        sys.stdout.write(f"{__version__}\n")
    else:
        hint = did_you_mean(command, COMMANDS) or "; see onelayer --help"
        warn(f"error: onelayer {command}: there is no such command{hint}")
        sys.exit(2)
