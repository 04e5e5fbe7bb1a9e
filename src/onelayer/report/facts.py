"""What is to be known of a report beside its figures and tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onelayer.deliver.choice import read_choice
from onelayer.filenames import MULTIRUN
from onelayer.report.cautions import cautions
from onelayer.report.gather import Gathered
from onelayer.report.leaderboard import tally
from onelayer.stored_config import stored_settings
from onelayer.terminal.command_line import train_command


def facts(gathered: Gathered) -> dict[str, str]:
    """Say how the numbers came to be: commands, data, versions, machine."""
    board, results = gathered.board, list(gathered.results.values())
    found = {
        "runs": f"{len(board.records)}: {tally(board.records)}",
        "shared by all": " ".join(board.shared),
        "judged by": f"{board.sort}, {'higher' if gathered.higher else 'lower'} is better",
        "caution": "; ".join(cautions(board)),
        "commands of the sweep": "\n".join(command for one in gathered.sources if (command := _command(one))),
        "command of the best run": board.best.best.command if board.best else "",
        "taken by commands": "\n".join(choice.said for one in gathered.sources if (choice := read_choice(one))),
        "data": _data(gathered),
        "exact optimum": _distinct(_reference(one) for one in results),
        "versions": _distinct(_joined(one.get("versions")) for one in results),
        "device": _distinct(str(one["device"]) for one in results if one.get("device")),
        "threads": _distinct(str(one["threads"]) for one in results if one.get("threads")),
        "seconds of training, all runs": f"{sum(record.seconds or 0.0 for record in board.records):.4g}",
        "folders": "\n".join(map(str, gathered.sources)),
    }
    return {name: said for name, said in found.items() if said}


def _data(gathered: Gathered) -> str:
    lines = [_distinct(_rows(one) for one in gathered.results.values())]
    if not isinstance(gathered.winner, str):
        spec, artefact = gathered.winner.spec, gathered.winner.artefact
        args = {key: value for key, value in spec.data.args.items() if value not in (None, (), [], {})}
        said = ", ".join(f"{key} {value}" for key, value in args.items())
        target = artefact.header["target"]
        lines.insert(
            0, f"{spec.data.source}: {target} from {len(artefact.columns)} features" + f" ({said})" * bool(said)
        )
    return "\n".join(line for line in lines if line)


def _rows(result: Any) -> str:
    parts = ", ".join(f"{count} {part}" for part, count in (result.get("rows") or {}).items())
    return f"{parts} rows, hash {result.get('data_hash')}" if parts else ""


def _reference(result: Any) -> str:
    reference = result.get("reference") or {}
    note, value = reference.get("note"), reference.get("objective")
    parts = ([] if value is None else [f"objective {value:.6g}"]) + ([str(note)] if note else [])
    return ", ".join(parts)


def _joined(versions: Any) -> str:
    return ", ".join(f"{name} {one}" for name, one in (versions or {}).items())


def _distinct(said: Iterator[str]) -> str:
    """Join what is different, a line each."""
    return "\n".join(one for one in dict.fromkeys(said) if one)


def _command(sweep: Path) -> str:
    """Return the command of a sweep, as Hydra noted it; nothing where it did not."""
    try:
        typed = stored_settings(sweep / MULTIRUN)["overrides"]
        arguments = [*typed["task"], *typed["hydra"]]
    except (KeyError, TypeError):
        return ""
    return train_command(["-m", *(argument for argument in arguments if argument != "hydra.mode=MULTIRUN")])
