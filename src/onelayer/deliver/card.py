"""A model card in Markdown: what a model predicts, from which data, how well, by which coefficients, made how."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from onelayer.artefact import INTERCEPT, Artefact
from onelayer.config import RunSpec
from onelayer.data.encode.design import Design, Levels
from onelayer.deliver.choice import read_choice
from onelayer.deliver.load import model_folder
from onelayer.errors import UserError
from onelayer.filenames import EXPORT, LEADERBOARD, RESULT
from onelayer.stored_config import stored_spec

LONGEST = 50  # rows of a table; levels are fewer
LEVELS = 8
TASKS = {"regression": "a number", "binary": "one of two classes", "multiclass": "one of several classes"}


def card(path: str | Path) -> str:
    """Describe a run in Markdown.

    Coefficients have standard errors and tests where the rows of training can be read again, and stand alone else.

    Args:
        path: a run, or a sweep for its best one.

    Raises:
        UserError: there is no model.
    """
    folder = model_folder(Path(path).expanduser())
    artefact, run = Artefact.load(folder), folder.parent
    spec = stored_spec(run)
    coefficients, doubts = _coefficients(run, artefact)
    parts = (
        _head(artefact, spec),
        _use(run, artefact),
        _data(artefact, spec),
        _training(artefact, spec),
        _metrics(run, artefact),
        coefficients,
        ["## Limits", "", *(f"- {one}" for one in (*doubts, *_limits(artefact), *_chosen(run)))],
        _reproduction(artefact),
    )
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _head(artefact: Artefact, spec: RunSpec) -> list[str]:
    header = artefact.header
    kind = artefact.link.kind
    if artefact.hidden is not None:
        kind = "two-layer" if header["classes"] is None else f"two-layer {kind}"
    classes = f" ({_cell(', '.join(header['classes']))})" if header["classes"] else ""
    return [
        f"# {_cell(header['target'])}: {kind} model",
        "",
        f"Predicts '{_cell(header['target'])}', {TASKS[header['task']]}{classes}, from "
        f"{len(artefact.encoder.designs)} columns of {_cell(_source(spec))}.",
    ]


def _source(spec: RunSpec) -> str:
    args = spec.data.args
    return str(args.get("path") or args.get("query") or spec.data.source)


def _use(run: Path, artefact: Artefact) -> list[str]:
    where = shlex.quote(str(run))
    lines = ["## Use", "", "```sh", f"onelayer predict {where} new.csv -o scored.csv", "```", "", "```python"]
    call = "predict" if artefact.header["classes"] is None else "predict_proba"
    lines += ["import onelayer", f"onelayer.load({str(run)!r}).{call}(frame)", "```"]
    exports = sorted((run / EXPORT).glob("*.json"))
    if exports:
        found = [json.loads(one.read_text(encoding="utf-8")) for one in exports]
        lines += ["", *_table(("exported to", "rows compared", "largest difference"), map(_export, found))]
    return lines


def _export(record: Mapping[str, Any]) -> tuple[object, ...]:
    return (f"{EXPORT}/{record['file']}", record["rows"], f"{record['largest_difference']:.2g}")


def _data(artefact: Artefact, spec: RunSpec) -> list[str]:
    split, said = spec.data.split, artefact.header["training"]
    rows = said.get("rows") or {}
    given, paths = said.get("given", ()), spec.data.args
    drawn = len(given) < 2
    how = "by folds" if spec.data.folds else "shuffled" if split.shuffle else "in the order of the table"
    facts = {
        "source": f"{spec.data.source}: {_source(spec)}" if _source(spec) != spec.data.source else spec.data.source,
        "rows": ", ".join(f"{count} {part}" for part, count in rows.items()),
        "given with the data": ", ".join(
            f"{part} rows of {path}" if (path := paths.get(f"{part}_path")) else f"{part} rows" for part in given
        ),
        "split": how + (f", fold {spec.data.fold} of {spec.data.folds}" if spec.data.folds else "") if drawn else "",
        "split seed": split.seed if split.shuffle and drawn else "",
        "kept together": split.by or "",
        "stratified": "yes" if split.stratify else "",
        "weights of rows": spec.data.args.get("sample_weight") or "",
        "weights of classes": spec.data.class_weight or "",
        "scaling": f"{spec.data.normalize}, fitted on train rows",
        "hash of the rows": artefact.header["data_hash"],
    }
    designs = artefact.encoder.designs
    return [
        "## Data",
        "",
        *_table(("", ""), ((key, value) for key, value in facts.items() if value != "")),
        "",
        *_table(("column", "holds", "a missing value", "features"), map(_column, designs)),
    ]


def _column(design: Design) -> tuple[object, ...]:
    features = sum(1 for _ in design.features())
    if not isinstance(design, Levels):
        filled = "is refused" if design.fill is None else f"becomes {', '.join(f'{one:.6g}' for one in design.fill)}"
        noted = ", and is noted" if design.indicator else ""
        return design.name, design.role, filled + noted, features
    some = ", ".join(design.levels[:LEVELS]) + (", ..." if len(design.levels) > LEVELS else "")
    pooled = f"; {len(design.pooled)} rare ones together" if design.pooled else ""
    return design.name, f"{some}{pooled}", "is a level" if design.missing else "is none of these", features


def _training(artefact: Artefact, spec: RunSpec) -> list[str]:
    said, l2 = artefact.header["training"], artefact.header["l2"]
    gap, reference = said["metrics"].get("train/gap"), said.get("reference") or {}
    settings = {key: value for key, value in spec.optim.args.items() if value not in (None, False, 0)}
    facts = {
        "objective": f"{artefact.header['objective']}, l2 = {l2:g}" if l2 else artefact.header["objective"],
        "link": artefact.header["link"],
        "hidden units": artefact.hidden or "",
        "optimizer": ", ".join([spec.optim.name, f"lr {said['lr']:g}", *(f"{k} {v}" for k, v in settings.items())]),
        "schedule": spec.scheduler.name or "",
        "batch": spec.data.batch_size,
        "ended": f"{said['status']} after {said['epochs']} epochs",
        "weights of epoch": artefact.header["best_epoch"] or "",
        "above the exact optimum": "" if gap is None else f"{gap:.3g} after epoch {said['epochs']}",
        "the optimum": reference.get("note") or "",
        "seed": said["seed"],
        "precision": artefact.weight.dtype,
    }
    return ["## Training", "", *_table(("", ""), ((key, value) for key, value in facts.items() if value != ""))]


def _metrics(run: Path, artefact: Artefact) -> list[str]:
    found = artefact.header["training"]["metrics"]
    stages = [stage for stage in ("train", "val", "test") if any(one.startswith(f"{stage}/") for one in found)]
    names = sorted({one.partition("/")[2] for one in found} - {"gap", "rel_gap", "objective", "weight_error"})
    rows = ((name, *(_number(found.get(f"{stage}/{name}")) for stage in stages)) for name in names)
    lines = ["## Metrics", "", *_table(("", *stages), rows)]
    chosen, last = artefact.header["best_epoch"], artefact.header["training"]["epochs"]
    if chosen not in (None, last) and "train" in stages and len(stages) > 1:
        others = " and ".join(stages[1:])
        lines += ["", f"train is of the weights after epoch {last}, {others} of this model's, those of epoch {chosen}."]
    runs = len(list(run.parent.glob(f"*/{RESULT}"))) if (run.parent / LEADERBOARD).is_file() else 1
    if runs > 1:
        monitor = artefact.header["training"]["monitor"]
        lines += ["", f"One of a sweep of {runs} runs; a run chosen by {monitor} looks better there than it is."]
    return lines


def _coefficients(run: Path, artefact: Artefact) -> tuple[list[str], tuple[str, ...]]:
    """Return the section and what is doubtful about it."""
    from onelayer.deliver.summary.show import base_lines, plain
    from onelayer.deliver.summary.summarise import summarise

    try:
        found = summarise(run)
    except UserError as error:
        if artefact.hidden is not None:
            return [], ()
        return _alone(artefact), (f"coefficients have no standard errors: {error}",)
    told = plain(found)
    rows = [one for one in told["coefficients"] if one["role"] == "estimated"]
    for one in rows:
        one["p"] = "<1e-300" if one["p"] == 0 else one["p"]
    several = ("class",) if found.link.per_class else ()
    columns = (*several, "name", "coefficient", "std_err", "p", "low", "high")
    odds = ("odds_ratio",) if rows and "odds_ratio" in rows[0] else ()
    heads = (*several, "", "coefficient", "std. error", "p", "low", "high", *("odds ratio" for _ in odds))
    lines = _table(heads, (tuple(_number(one[key]) for key in (*columns, *odds)) for one in rows))
    about = f"In original units, with {told['level']:.0%} intervals from the train rows.".replace("%", " %")
    return [
        "## Coefficients",
        "",
        about,
        "",
        *lines,
        *(["", *map(_cell, base_lines(found))] * bool(found.bases)),
    ], found.cautions


def _alone(artefact: Artefact) -> list[str]:
    """Return the coefficients in original units, without their errors."""
    from onelayer.deliver.summary.coefficients import delivered_coefficients

    found = delivered_coefficients(artefact)
    names = artefact.header["classes"] if len(found) > 1 else ["coefficient"]
    features = (INTERCEPT, *artefact.columns)
    rows = [(name, *map(_number, values)) for name, values in zip(features, found.T.tolist(), strict=True)]
    return ["## Coefficients", "", "In original units.", "", *_table(("", *names), rows)]


def _chosen(run: Path) -> Iterator[str]:
    choice = read_choice(run.parent)
    if choice is not None and run == run.parent / choice.run:
        yield f"of its sweep, {choice.said}"


def _limits(artefact: Artefact) -> Iterator[str]:
    if artefact.encoder.refuse_unseen:
        yield "a level that training did not have is refused"
    elif any(isinstance(one, Levels) for one in artefact.encoder.designs):
        yield "a level that training did not have counts as one of the rare ones, or as none where there were none"
    acts = (
        "each column acts in proportion to its value, whatever the others hold"
        if artefact.hidden is None
        else f"columns act together, through {artefact.hidden} hidden units, so that none has a coefficient"
    )
    yield f"{acts}; beyond the range of the train rows nothing was seen"


def _reproduction(artefact: Artefact) -> list[str]:
    said = artefact.header["training"]
    command = shlex.join(["onelayer", "train", *map(str, said.get("overrides", ()))])
    versions = ", ".join(f"{name} {version}" for name, version in artefact.header["versions"].items())
    return [
        "## Reproduce",
        "",
        "```sh",
        command,
        "```",
        "",
        f"With {versions}; configuration {said.get('config_hash')}, rows {artefact.header['data_hash']}. The same seed "
        "gives the same bits on the same machine.",
    ]


def _number(value: object) -> str:
    return "-" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)


def _cell(value: object) -> str:
    """Write a text so that Markdown leaves it alone."""
    text = " ".join(str(value).split())
    return "".join(f"\\{one}" if one in "\\|*_<>`[]#" else one for one in text)


def _table(heads: Sequence[object], rows: Iterable[Sequence[object]]) -> list[str]:
    """Write a table, of a long one its beginning."""
    every = list(rows)
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in (heads, *every[:LONGEST])]
    lines.insert(1, "|" + "---|" * len(heads))
    more = len(every) - LONGEST
    return [*lines, "", f"and {more} more"] if more > 0 else lines
