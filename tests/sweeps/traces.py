"""What runs leave behind, read back and compared."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from onelayer.artefact import Artefact
from onelayer.filenames import CURVES
from onelayer.track.stored import read_curves

# how far apart two numbers may be that were computed in stacks of different size
CLOSE = {"float32": 1e-5, "float64": 1e-10}
# below, numbers are differences of others near 1
SMALL = 0.1
MEASURED = ("seconds", "threads")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NUMBER = re.compile(r"-?(?:\d+\.\d*|\.?\d+)(?:e[+-]?\d+)?|nan|inf")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def results(sweep: Path) -> dict[str, dict[str, Any]]:
    """Every result below a folder, by the name of its run; bare NaN is no JSON and refused."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    paths = sorted(sweep.glob("*/result.json"))
    return {path.parent.name: json.loads(path.read_text(), parse_constant=refuse) for path in paths}


def statuses(sweep: Path) -> dict[str, int]:
    """How many runs ended in which way."""
    found = [result["status"] for result in results(sweep).values()]
    return {status: found.count(status) for status in sorted(set(found))}


def files(directory: Path) -> list[str]:
    """All files of a run but for its curves; the name of an event file says when and where it was made."""
    names = [
        str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file() and path.name != CURVES
    ]
    return sorted(re.sub(r"^(events\.out\.tfevents)\..*", r"\1", name) for name in names)


def events(directory: Path) -> list[tuple[str, int, Any]]:
    """Tag, step and content of all that TensorBoard shows of a run, in order; a picture is its size.

    What stands together in Custom Scalars is not among them.
    """
    found: list[tuple[str, int, Any]] = []
    for path in sorted(directory.glob("events.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                name = value.metadata.plugin_data.plugin_name
                if name == "scalars":
                    (number,) = value.tensor.float_val or np.frombuffer(value.tensor.tensor_content, np.float32)
                    found.append((value.tag, event.step, float(number)))
                elif name == "hparams":
                    data = HParamsPluginData.FromString(value.metadata.plugin_data.content)
                    if data.HasField("session_end_info"):
                        data.session_end_info.end_time_secs = 0
                    elif data.HasField("session_start_info"):
                        data.session_start_info.start_time_secs = 0
                    found.append((value.tag, event.step, str(data)))
                elif name and name != "custom_scalars":
                    found.append((value.tag, event.step, [bytes(one) for one in value.tensor.string_val[:2]]))
    return found


def curves(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Each scalar of a run over its epochs, without the final numbers."""
    found: dict[str, list[tuple[int, float]]] = {}
    for tag, step, value in events(directory):
        if isinstance(value, float) and not tag.startswith("verdict/"):
            found.setdefault(tag, []).append((step, value))
    return found


def history(directory: Path) -> dict[str, list[Any]]:
    """Epochs and values of all that was kept of a run, wherever it is; not the seconds."""
    name = Path(directory.name)
    curve = read_curves(directory.parent, [name])[name]
    return {tag: [one.tolist() for one in curve.points(tag)] for tag in sorted(curve.tags) if tag != "seconds"}


def lines(directory: Path) -> list[str]:
    """The log of a run, without times and folders."""
    text = (directory / "train.log").read_text()
    text = re.sub(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "", text)
    return re.sub(r"[\d.]+ s of steps  \S+/", "s of steps  ", text).splitlines()


def hydra_node(directory: Path) -> dict[str, Any]:
    """`.hydra/hydra.yaml` but for the launcher and the folder of the sweep."""
    path = directory / ".hydra" / "hydra.yaml"
    node: dict[str, Any] = yaml.load(path.read_bytes(), Loader=LOADER)["hydra"]
    del node["launcher"], node["runtime"]["choices"]["hydra/launcher"], node["sweep"]["dir"]
    node["runtime"]["output_dir"] = Path(node["runtime"]["output_dir"]).name
    chosen = ("hydra/launcher=", "hydra.launcher.", "hydra.sweep.dir=")
    node["overrides"]["hydra"] = [one for one in node["overrides"]["hydra"] if not one.startswith(chosen)]
    return node


def checkpoint(directory: Path, name: str) -> Any:
    loaded = torch.load(directory / "checkpoints" / f"{name}.ckpt", weights_only=True)
    if "stack" in loaded:
        del loaded["stack"]["seconds"]
        if "optim=lbfgs" in directory.name:  # remembers differences of gradients, which have no digits left
            del loaded["stack"]["optimizers"]
    return loaded


def same(found: Any, wanted: Any, rel: float, what: str) -> None:
    """Compare containers entry by entry, and numbers to so many digits."""
    if isinstance(wanted, dict):
        assert list(found) == list(wanted), what
        for key in wanted:
            same(found[key], wanted[key], rel, f"{what} {key}")
    elif isinstance(wanted, list | tuple):
        assert len(found) == len(wanted), f"{what}: {found} is not {wanted}"
        for index, (one, other) in enumerate(zip(found, wanted, strict=True)):
            same(one, other, rel, f"{what} [{index}]")
    elif isinstance(wanted, torch.Tensor | np.ndarray):
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), what
        one, other = (np.asarray(side, np.float64) for side in (found, wanted))
        near(one, other, rel, what)
    elif isinstance(wanted, float) and isinstance(found, float):
        near(np.array(found), np.array(wanted), rel, what)
    else:
        assert found == wanted, f"{what}: {found} is not {wanted}"


def near(found: Any, wanted: Any, rel: float, what: str) -> None:
    """Compare to so many digits of the largest number; one that is not finite is not so in both."""
    if not np.isfinite(wanted).all():
        assert not np.isfinite(found).all(), what
        return
    error = np.abs(found - wanted).max() if wanted.size else 0.0
    limit = rel * max(np.abs(wanted).max(initial=0.0), SMALL)
    assert error <= limit, f"{what}: {found} is not {wanted}"


def same_run(found: Path, wanted: Path, rel: float) -> None:
    """Hold two run directories equal in all that they hold."""
    name = found.name
    assert files(found) == files(wanted), name
    ours, theirs = (json.loads((directory / "result.json").read_text()) for directory in (found, wanted))
    for key in MEASURED:
        del ours[key], theirs[key]
    same(ours, theirs, rel, f"{name} result")
    for file in (".hydra/config.yaml", ".hydra/overrides.yaml"):
        assert (found / file).read_bytes() == (wanted / file).read_bytes(), f"{name} {file}"
    assert hydra_node(found) == hydra_node(wanted), name
    for one, other in zip(lines(found), lines(wanted), strict=True):
        assert NUMBER.sub("", one) == NUMBER.sub("", other), name
        numbers = [[float(number) for number in NUMBER.findall(line)] for line in (one, other)]
        same(numbers[0], numbers[1], 1e-2, f"{name} log")  # rounded
    same(events(found), events(wanted), max(rel, 1e-5), f"{name} events")
    same(history(found), history(wanted), max(rel, 1e-5), f"{name} curves")
    for file in ("last", "best"):
        same(checkpoint(found, file), checkpoint(wanted, file), rel, f"{name} {file}.ckpt")
    same(vars(Artefact.load(found / "model")), vars(Artefact.load(wanted / "model")), rel, f"{name} model")


def same_sweep(found: Path, wanted: Path, rel: float) -> None:
    """Hold the runs of two sweeps equal in all that they hold."""
    assert list(results(found)) == list(results(wanted))
    for name in results(wanted):
        same_run(found / name, wanted / name, rel)
