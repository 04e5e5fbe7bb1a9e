"""The command `onelayer summary`; help and typos must answer at once."""

import argparse
import json
import os
import sys

from onelayer.explain import TRACEBACK, reported


def summary(arguments: list[str]) -> None:
    """Print the coefficients of a run with standard errors and tests; exit 1 where there is no such table."""
    parser = argparse.ArgumentParser(
        "onelayer summary", description="Coefficients in original units with standard errors, tests and intervals."
    )
    parser.add_argument("run", metavar="RUN", help="folder of a run, or of a sweep for its best one")
    parser.add_argument("--polish", action="store_true", help="take the weights to the exact optimum first")
    parser.add_argument(
        "--robust",
        choices=("HC0", "HC1", "HC2", "HC3"),
        help="standard errors that hold under unequal variances; default: those of the model",
    )
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals; default: 0.95")
    parser.add_argument("--json", action="store_true", help="as one JSON object, with all digits")
    given = parser.parse_args(arguments)
    os.environ[TRACEBACK] = os.environ.get("HYDRA_FULL_ERROR", "0")
    with reported():
        from onelayer.deliver.summary.show import plain, show, stdout_console
        from onelayer.deliver.summary.summarise import summarise

        found = summarise(given.run, polish=given.polish, robust=given.robust, level=given.level)
        if given.json:
            sys.stdout.write(json.dumps(plain(found), indent=2, allow_nan=False) + "\n")
        else:
            show(found, stdout_console())
