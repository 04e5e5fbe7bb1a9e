"""The commands that take a trained model away; like all of them, help and typos must answer at once."""

import argparse
import json
import sys
from pathlib import Path

from onelayer.terminal.console import say, warn
from onelayer.terminal.parser import Parser

MEAN = "of a sweep: the mean over the seeds or folds of its best run"


def whole(text: str) -> int:
    """Read a number from 0 up."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 up")
    return int(text)


def _add_table(parser: Parser) -> None:
    """Add what names a table, by the words of training."""
    parser.add_argument(
        "table",
        nargs="*",
        metavar="TABLE",
        help="a file of any kind that training reads, and KEY=VALUE where it is written otherwise than the one of "
        "training: encoding, names, skip_rows, comment, missing, of arrays features, labels; or query=SELECT instead",
    )
    parser.add_argument("--query", metavar="SELECT", help="the same as query=SELECT")


def _query(given: argparse.Namespace) -> list[str]:
    return [] if given.query is None else [f"query={given.query}"]


def _mention(path: str | Path) -> None:
    """Say that another run of a sweep than its first one is taken."""
    from onelayer.deliver.choice import read_choice

    choice = read_choice(Path(path).expanduser())
    if choice is not None:
        warn(f"note: {choice.said}")


def predict(arguments: list[str]) -> None:
    """Write the predictions of a trained model; exit 1 where they cannot be made."""
    shown = {
        "onelayer predict outputs/lr_study new.csv -o scored.csv": "by the best run of a sweep",
        "onelayer predict outputs/lr_study new.csv -o scored.parquet --id id": "keeps a column",
        "onelayer predict outputs/lr_study new.csv encoding=latin-1 -o scored.csv": "in another encoding",
    }
    parser = Parser("predict", "What a trained model says of each row.", shown)
    parser.add_argument("run", metavar="RUN", help="folder of a run, or of a sweep for its best one")
    parser.add_argument("--mean", action="store_true", help=MEAN)
    _add_table(parser)
    parser.add_argument("-o", "--out", type=Path, required=True, help="a .csv, .tsv or .parquet file")
    parser.add_argument("--id", action="append", default=[], metavar="COLUMN", help="keep this column; may be repeated")
    parser.add_argument("--force", action="store_true", help="write over OUT where it is there")
    given = parser.parse_intermixed_args(arguments)
    _mention(given.run)
    from onelayer.deliver.load import load
    from onelayer.deliver.opening import Named
    from onelayer.deliver.scoring import score

    table = Named.parse([*given.table, *_query(given)])
    model = load(given.run, mean=given.mean)
    scored = score(model, table, given.out, ids=given.id, force=given.force)
    for note in (*model.doubts, *scored.notes):
        warn(note)
    say(f"{given.out}: {scored.rows} rows")


def evaluate(arguments: list[str]) -> None:
    """Print every metric of a trained model on a table, with its interval; exit 1 where it cannot be measured."""
    shown = {
        "onelayer evaluate outputs/lr_study new.csv": "every metric",
        "onelayer evaluate outputs/lr_study new.csv --json > metrics.json": "for a program",
    }
    parser = Parser("evaluate", "Every metric on a table, with 95 % intervals.", shown)
    parser.add_argument("run", metavar="RUN", help="folder of a run, or of a sweep for its best one")
    parser.add_argument("--mean", action="store_true", help=MEAN)
    _add_table(parser)
    parser.add_argument("--weight", metavar="COLUMN", help="how many rows each one stands for; default: one")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="N", help="of the resamples that the intervals come from; default: 0"
    )
    given = parser.parse_intermixed_args(arguments)
    _mention(given.run)
    from onelayer.deliver import evaluation
    from onelayer.deliver.load import load
    from onelayer.deliver.opening import Named

    table = Named.parse([*given.table, *_query(given)])
    model = load(given.run, mean=given.mean)
    found = evaluation.evaluate(model, table, weight=given.weight, seed=given.seed)
    for doubt in model.doubts:
        warn(doubt)
    if given.json:
        sys.stdout.write(json.dumps(evaluation.plain(found), indent=2, allow_nan=False) + "\n")
        return
    lines = [f"{name:<10}{one.value:>14.6g}   {one.low:.6g} to {one.high:.6g}" for name, one in found.metrics.items()]
    title = f"{found.rows} rows; 95 % intervals over resamples of the rows"
    say("\n".join([title, *lines, *found.notes]))


def summary(arguments: list[str]) -> None:
    """Print the coefficients of a run with standard errors and tests; exit 1 where there is no such table."""
    shown = {
        "onelayer summary outputs/lr_study": "of the best run, as it was trained",
        "onelayer summary outputs/lr_study --polish --robust HC3": "at the exact optimum",
    }
    parser = Parser("summary", "Coefficients in original units with standard errors, tests and intervals.", shown)
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
    _mention(given.run)
    from onelayer.deliver.summary.show import plain, show
    from onelayer.deliver.summary.summarise import summarise
    from onelayer.terminal.console import stdout_console

    found = summarise(given.run, polish=given.polish, robust=given.robust, level=given.level)
    if given.json:
        sys.stdout.write(json.dumps(plain(found), indent=2, allow_nan=False) + "\n")
    else:
        show(found, stdout_console())


EXPORT = """Write a trained model as one file that another program runs.

  onnx      raw columns in, preprocessing inside, run by onnxruntime
  torch     a torch.export program of the encoded features
  sklearn   a pipeline of scikit-learn, saved with skops; takes a pandas frame
  sql       a SELECT for duckdb, PostgreSQL and others

The file is compared with predict on rows of the run, and is not written where
it differs.
"""


def export(arguments: list[str]) -> None:
    """Export a trained model; exit 1 where that cannot be done, or where the file would say something else."""
    shown = {
        "onelayer export outputs/lr_study --to onnx": "into the folder of the best run",
        "onelayer export outputs/lr_study --to sql -o model.sql": "a SELECT",
    }
    parser = Parser("export", EXPORT, shown)
    parser.add_argument("run", metavar="RUN", help="folder of a run, or of a sweep for its best one")
    parser.add_argument("--to", required=True, choices=("onnx", "torch", "sklearn", "sql"))
    parser.add_argument("-o", "--out", type=Path, help="default: RUN/export/model.onnx, .pt2, .skops or .sql")
    parser.add_argument("--table", help="check on rows of this table; default: the table that the run was trained on")
    parser.add_argument("--force", action="store_true", help="write over OUT where it is there")
    given = parser.parse_args(arguments)
    _mention(given.run)
    from onelayer.deliver.export import exporting

    done = exporting.export(given.run, given.to, out=given.out, table=given.table, force=given.force)
    for note in done.notes:
        warn(note)
    record = done.record
    opset = f"opset {record['opset']}, " if "opset" in record else ""
    invented = f" ({record['invented_rows']} of them invented)" if record["invented_rows"] else ""
    say(
        f"{done.path}: {opset}{record['rows']} rows{invented}, largest difference "
        f"{record['largest_difference']:.1e} ({record['allowed']:g} allowed)"
    )


def card(arguments: list[str]) -> None:
    """Describe a trained model in Markdown; exit 1 where there is none."""
    shown = {
        "onelayer card outputs/lr_study": "on the screen",
        "onelayer card outputs/lr_study -o card.md": "as a file",
    }
    parser = Parser("card", "A model card: data, metrics, coefficients, and how.", shown)
    parser.add_argument("run", metavar="RUN", help="folder of a run, or of a sweep for its best one")
    parser.add_argument("-o", "--out", type=Path, help="a file to write; default: the screen")
    parser.add_argument("--force", action="store_true", help="write over OUT where it is there")
    given = parser.parse_args(arguments)
    _mention(given.run)
    from onelayer.deliver.card import card as described
    from onelayer.deliver.place import written

    text = described(given.run)
    if given.out is None:
        sys.stdout.write(text)
        return
    with written(given.out, force=given.force) as partial:
        partial.write_text(text, encoding="utf-8")
    say(f"{given.out}: written")
