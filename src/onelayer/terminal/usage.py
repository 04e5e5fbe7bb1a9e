"""What help says of the commands, but for the arguments that each of them knows itself."""

from onelayer import __version__
from onelayer.terminal.parser import examples

COMMANDS = {
    "train": "train a run, or with -m a sweep",
    "inspect": "what is understood of a table, before training",
    "leaderboard": "the runs of a sweep, the best first",
    "report": "a page on a sweep, or on several: figures and tables",
    "landscape": "the loss over two weights, with the paths of optimizers",
    "predict": "what a trained model says of each row of a table",
    "evaluate": "its metrics on a table, with 95 % intervals",
    "summary": "its coefficients with standard errors and tests",
    "export": "one file that predicts elsewhere, checked",
    "card": "what it is, in Markdown",
    "completion": "a script that lets Tab complete all of these",
}


# those of Hydra
TRAIN_FLAGS = (
    *("--help", "--hydra-help", "--version", "--cfg", "--resolve", "--package", "--run", "--multirun"),
    *("--shell-completion", "--config-path", "--config-name", "--config-dir", "--experimental-rerun", "--info"),
)


def usage() -> str:
    """Return what `onelayer --help` says."""
    commands = [f"  {name:<11}  {what}" for name, what in COMMANDS.items()]
    shown = {
        "onelayer train data=breast_cancer model.l2=0.01": "a run",
        "onelayer train -m sweep=learning_rates": "a sweep",
        "onelayer predict outputs/lr_study new.csv -o scored.csv": "its best run predicts",
        'eval "$(onelayer completion bash)"': "Tab completes commands, flags, keys and choices",
    }
    begin = [f"onelayer {__version__}: one-layer models, judged against the exact optimum", "", "Commands", *commands]
    return "\n".join([*begin, "", "onelayer COMMAND --help says more.", "", examples(shown), ""])


def inspect_usage() -> str:
    """Return what `onelayer inspect --help` says."""
    shown = {
        "onelayer inspect new.csv": "what each column is taken for",
        "onelayer inspect new.csv target=price": "and how the target is read",
        "onelayer inspect new.csv target=price drop=[id] encode.impute=median": "with other keys of data=table",
        "onelayer inspect \"query=select * from 'new.csv' where rooms > 2\"": "the rows of a SELECT",
    }
    return f"""usage: onelayer inspect FILE [target=COLUMN] [key=value] ...

Shows what each column of a table is taken for, what is missing, and how it
enters a model. Keys are those of data=table, where data. may be left out:
target, drop, category, numeric, boolean, date, missing, encode.impute, ...
In place of FILE it takes query=SELECT.

{examples(shown)}
"""
