"""The commands that take a trained model away; like all of them, help and typos must answer at once."""

import argparse
import json
import os
import sys
from pathlib import Path

from onelayer.deliver.summary.command import summary as summary
from onelayer.explain import TRACEBACK, reported

MEAN = "of a sweep: the mean over the seeds or folds of its best run"


def predict(arguments: list[str]) -> None:
    """Write the predictions of a trained model; exit 1 where they cannot be made."""
    parser = argparse.ArgumentParser("onelayer predict", description="What a trained model says of each row.")
    parser.add_argument("run", metavar="RUN", help="folder of a run, or of a sweep for its best one")
    parser.add_argument("--mean", action="store_true", help=MEAN)
    parser.add_argument("table", metavar="TABLE", help="a .csv, .parquet or .json file, or any that training reads")
    parser.add_argument("-o", "--out", type=Path, required=True, help="a .csv, .tsv or .parquet file")
    parser.add_argument("--id", action="append", default=[], metavar="COLUMN", help="keep this column; may be repeated")
    parser.add_argument("--force", action="store_true", help="write over OUT where it is there")
    given = parser.parse_args(arguments)
    os.environ[TRACEBACK] = os.environ.get("HYDRA_FULL_ERROR", "0")
    with reported():
        from onelayer.deliver.load import load
        from onelayer.deliver.scoring import score

        scored = score(load(given.run, mean=given.mean), given.table, given.out, ids=given.id, force=given.force)
        for note in scored.notes:
            sys.stderr.write(f"{note}\n")
        sys.stdout.write(f"{given.out}: {scored.rows} rows\n")


def evaluate(arguments: list[str]) -> None:
    """Print every metric of a trained model on a table, with its interval; exit 1 where it cannot be measured."""
    parser = argparse.ArgumentParser("onelayer evaluate", description="Every metric on a table, with 95 % intervals.")
    parser.add_argument("run", metavar="RUN", help="folder of a run, or of a sweep for its best one")
    parser.add_argument("--mean", action="store_true", help=MEAN)
    parser.add_argument("table", metavar="TABLE", help="a table with the target")
    parser.add_argument("--weight", metavar="COLUMN", help="how many rows each one stands for; default: one")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples that the intervals come from; default: 0")
    given = parser.parse_args(arguments)
    os.environ[TRACEBACK] = os.environ.get("HYDRA_FULL_ERROR", "0")
    with reported():
        from onelayer.deliver import evaluation
        from onelayer.deliver.load import load

        found = evaluation.evaluate(load(given.run, mean=given.mean), given.table, weight=given.weight, seed=given.seed)
        if given.json:
            sys.stdout.write(json.dumps(evaluation.plain(found), indent=2, allow_nan=False) + "\n")
            return
        lines = [
            f"{name:<10}{one.value:>14.6g}   {one.low:.6g} to {one.high:.6g}" for name, one in found.metrics.items()
        ]
        title = f"{found.rows} rows; 95 % intervals over resamples of the rows"
        sys.stdout.write("\n".join([title, *lines, *found.notes]) + "\n")


def card(arguments: list[str]) -> None:
    """Describe a trained model in Markdown; exit 1 where there is none."""
    parser = argparse.ArgumentParser("onelayer card", description="A model card: data, metrics, coefficients, and how.")
    parser.add_argument("run", metavar="RUN", help="folder of a run, or of a sweep for its best one")
    parser.add_argument("-o", "--out", type=Path, help="a file to write; default: the screen")
    parser.add_argument("--force", action="store_true", help="write over OUT where it is there")
    given = parser.parse_args(arguments)
    os.environ[TRACEBACK] = os.environ.get("HYDRA_FULL_ERROR", "0")
    with reported():
        from onelayer.deliver.card import card as described
        from onelayer.deliver.place import written

        text = described(given.run)
        if given.out is None:
            sys.stdout.write(text)
            return
        with written(given.out, force=given.force) as partial:
            partial.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{given.out}: written\n")
