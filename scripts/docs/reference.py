"""The pages of the reference that are made of the schema, of conf/ and of the commands themselves."""

import inspect
import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.docstrings import arguments_of, first_sentence
from docs.execute import ROOT
from docs.kinds import shown, type_of, words_of
from docs.yaml_comments import Option, read
from onelayer.compose import compose_train
from onelayer.flat import flat
from onelayer.yaml_text import read_yaml

CONF = ROOT / "conf"
GROUPS = ("data", "model", "optim", "scheduler", "trainer", "logger", "experiment", "sweep")
TITLES = {
    "data": "Where the rows come from. Keys that all of them share are in [configuration](../configuration.md#data).",
    "model": "The objective. Keys are in [configuration](../configuration.md#model).",
    "optim": "Classes of `torch.optim`; the [optimizer zoo](../../learn/optimizers.md) says what they do.",
    "scheduler": "Classes of `torch.optim.lr_scheduler`, which act on each run's own learning rate.",
    "trainer": "Where it trains. Keys are in [configuration](../configuration.md#trainer).",
    "logger": "What is written to be looked at. Keys are in [configuration](../configuration.md#logger).",
    "experiment": "Worked examples: each chooses options and sets values; the command line has the last word.",
    "sweep": "Named sweeps, with `-m`. The command line narrows and multiplies them.",
}
# settings of ours in Hydra's part of the configuration
HYDRA = {
    "hydra.sweeper": "hydra_plugins.onelayer.sweeper:GridSweeperConf",
    "hydra.launcher": "hydra_plugins.onelayer.launcher:FusedLauncherConf",
}


def pages() -> dict[str, str]:
    """All generated pages, by their paths below docs/."""
    made = {"reference/configuration.md": configuration(), "reference/commands.md": commands()}
    return made | {f"reference/groups/{group}.md": group_page(group) for group in GROUPS}


def configuration() -> str:
    """Every key of a run with its type, its default and its meaning."""
    from onelayer.config import RunSpec

    lines = [
        "# Configuration",
        "",
        "Every key that a run has, as `key=value` on the command line. What is unknown, misspelled or of another kind "
        "is refused with one sentence before anything starts. Defaults are those of `conf/train.yaml`, which an option "
        "of a group may set otherwise; the keys of each option are listed under [data](groups/data.md), "
        "[optim](groups/optim.md) and [scheduler](groups/scheduler.md). `python src/train.py --cfg job` prints the "
        "whole.",
    ]
    defaults = _defaults()
    for title, keys in _sections(RunSpec, defaults):
        lines += ["", f"## {title}", "", *keys]
    lines += ["", "## Sweeps", "", "Of the sweeper `grid` and the launcher `fused`, which `-m` uses.", ""]
    lines += _table([row for prefix, name in HYDRA.items() for row in _of_dataclass(prefix, name)])
    return "\n".join(lines) + "\n"


def _sections(model: type[BaseModel], defaults: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, list[str]]]:
    rows, below = [], []
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is None:
            default = shown(defaults[f"{path}{name}"]) if f"{path}{name}" in defaults else _default_of(field)
            rows.append((f"{path}{name}", type_of(field), default, field.description or ""))
        else:
            below.append((f"{path}{name}", inner))
    text = inspect.getdoc(model) or ""
    yield path.rstrip(".") or "A run", [text.splitlines()[0], "", *_table(rows)]
    for name, inner in below:
        yield from _sections(inner, defaults, f"{name}.")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def _defaults() -> dict[str, Any]:
    """What `python src/train.py` trains, by keys with dots; of data=table where the first option has no such key."""
    found: dict[str, Any] = {}
    for overrides in (["data=table"], []):
        plain = compose_train(overrides, resolve=False)
        found |= flat(plain)
    return found | flat(read_yaml(CONF / "train.yaml"))


def _default_of(field: FieldInfo) -> str:
    return "" if field.is_required() else shown(field.default)


def _of_dataclass(prefix: str, name: str) -> list[tuple[str, str, str, str]]:
    module, _, attribute = name.partition(":")
    kind = getattr(__import__(module, fromlist=[attribute]), attribute)
    assert is_dataclass(kind)
    said = arguments_of(inspect.getdoc(kind) or "")
    rows = []
    for field in fields(kind):
        if not field.name.startswith("_"):
            default = field.default if isinstance(field.default, bool | int | types.NoneType) else ""
            rows.append(
                (f"{prefix}.{field.name}", words_of(_real(field.type)), shown(default), said.get(field.name, ""))
            )
    return rows


def _real(kind: Any) -> Any:
    return eval(kind, {"Any": Any}) if isinstance(kind, str) else kind


def group_page(group: str) -> str:
    """All options of a group, each with its keys and what its file says of them."""
    options = [read(path) for path in sorted((CONF / group).glob("*.yaml"))]
    lines = [f"# {group}=", "", TITLES[group], "", " · ".join(f"[{one.name}](#{one.name})" for one in options)]
    for option in options:
        lines += ["", f"## {option.name}", ""]
        if group in ("experiment", "sweep"):
            flag = "-m " if group == "sweep" or "hydra:" in option.source else ""
            lines += [*_about(option.text), f"```text\npython src/train.py {flag}{group}={option.name}\n```", ""]
            told = [line for line in option.source.strip().splitlines() if not line.startswith("# ") or "@" in line]
            lines += ["```yaml", *told, "```"]
        else:
            lines += _option(group, option)
    return "\n".join(lines) + "\n"


def _about(text: str) -> list[str]:
    return [f"{text[0].upper()}{text[1:].rstrip('.')}.", ""] if text else []


def _option(group: str, option: Option) -> Iterator[str]:
    owner = _owner(group, option)
    about = option.text or (first_sentence(inspect.getdoc(owner) or "") if group == "data" and owner else "")
    yield from _about(about)
    if begins := [one for one in option.defaults if one != "_self_" and not one.startswith("/encode")]:
        yield from (f"Begins with {', '.join(f'`{one}`' for one in begins)}.", "")
    if any(one.startswith("/encode") for one in option.defaults):
        yield from ("It has the section [data.encode](../configuration.md#dataencode).", "")
    types_, said = _known(group, owner)
    rows = []
    for entry in option.entries:
        # a file that also sets what other groups own is written from the top
        key = entry.key if "@package _global_" in option.source else f"{group}.{entry.key}"
        if key != "data.source":
            rows.append((key, types_.get(key, ""), entry.value, entry.comment or said.get(key, "")))
    yield from _table(rows, ("key", "type", "value", "meaning")) or ["It has no keys of its own."]


def _owner(group: str, option: Option) -> Callable[..., Any] | None:
    """The function or class whose arguments the keys of an option are."""
    import torch

    from onelayer.data.sources import SOURCES

    values = {entry.key.removeprefix(f"{group}."): entry.value for entry in option.entries}
    if group == "data":
        return SOURCES[values["source"]]
    if group not in ("optim", "scheduler") or values.get("name") == "null":
        return None
    if "name" not in values:
        base = next(one for one in option.defaults if one != "_self_")
        return _owner(group, read(CONF / group / f"{base}.yaml"))
    owner: Callable[..., Any] = getattr(torch.optim if group == "optim" else torch.optim.lr_scheduler, values["name"])
    return owner


def _known(group: str, owner: Callable[..., Any] | None) -> tuple[dict[str, str], dict[str, str]]:
    """Types and meanings of keys: of the schema, else of the function or class."""
    from onelayer.config import RunSpec

    kinds: dict[str, str] = {}
    said: dict[str, str] = {}
    if owner is not None:
        said = {f"{group}.{key}": text for key, text in arguments_of(inspect.getdoc(owner) or "").items()}
        hints = get_type_hints(owner if group == "data" else owner.__init__, include_extras=True)
        kinds = {f"{group}.{key}": words_of(hint) for key, hint in hints.items()}
    for key, field in _fields(RunSpec):
        kinds[key] = type_of(field)
        if not (group == "optim" and key == "optim.lr"):
            said[key] = field.description or ""
    return kinds, said


def _fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is None:
            yield f"{path}{name}", field
        else:
            yield from _fields(inner, f"{path}{name}.")


def _table(rows: list[Any], head: tuple[str, ...] = ("key", "type", "default", "meaning")) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = [str(cell).replace("\n", " ") for cell in row]
        cells[0], cells[2] = f"`{cells[0]}`", f"`{cells[2]}`" if cells[2] else ""
        cells[3] = cells[3].replace("|", "&#124;").replace("<", "&lt;").replace("*", "\\*")
        lines.append(f"| {' | '.join(cells)} |")
    return lines if rows else []


def commands() -> str:
    """What each command says with --help."""
    from onelayer.terminal.usage import COMMANDS, usage

    lines = [
        "# Commands",
        "",
        "In a checkout `python src/train.py` is `onelayer train`. Exit codes: 0 when it ended, 1 for an error, 2 for a "
        "command line that cannot be understood, 130 after Ctrl-C, 143 after a termination. An error is one sentence; "
        "`HYDRA_FULL_ERROR=1` before the command shows where it came from.",
        "",
        "```text",
        usage().strip(),
        "```",
    ]
    for name in COMMANDS:
        lines += ["", f"## onelayer {name}", "", "```text", help_of(name).strip(), "```"]
    return "\n".join(lines) + "\n"


def help_of(command: str) -> str:
    """What ``onelayer COMMAND --help`` prints, where no terminal is."""
    code = f"import sys; sys.argv = ['onelayer', {command!r}, '--help']; from onelayer.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout
