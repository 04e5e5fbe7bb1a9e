"""The jobs of a sweep: every combination of the values of its keys, in the order of Hydra's basic sweeper.

Beyond that one there are intervals, evenly spaced or with ``tag(log, ...)`` geometrically, and unions of grids, so that
each optimizer can have a grid of its own.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import isfinite
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, Transformer, ValueType
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, read_write

from onelayer.errors import UserError, did_you_mean
from onelayer.terminal.overrides import key_of

NAMED = "sweep"  # the config group of the named sweeps
DIGITS = 6  # of the inner points of an interval; a double has 17

Job = list[str]


@dataclass(frozen=True)
class Axis:
    """One key and the overrides that it takes in turn.

    Attributes:
        key: as in the overrides, with the signs + and ~ before it.
        name: the key without them; two axes of one name contradict each other.
        overrides: such as ("optim=adam", "optim=sgd"); one of a value that is not swept.
        glob: the choices came from a pattern.
    """

    key: str
    name: str
    overrides: tuple[str, ...]
    glob: bool = False

    def only(self, other: "Axis") -> "Axis":
        """Leave the choices that the other axis has too, in the order of this one."""
        wanted = other.choices()
        pairs = zip(self.overrides, self.choices(), strict=True)
        return Axis(self.key, self.name, tuple(override for override, choice in pairs if choice in wanted))

    def choices(self) -> list[str]:
        """List what stands after the equal sign, without quotes."""
        return [override.partition("=")[2].strip("'\"") for override in self.overrides]


Grid = dict[str, Axis]  # by key


def sweep_jobs(
    arguments: Sequence[str],
    *,
    params: Mapping[str, Any],
    grids: Sequence[Mapping[str, Any]],
    points: int,
    loader: ConfigLoader,
    points_given: bool = False,
) -> list[Job]:
    """List the overrides of each job.

    The grids come one after another, each as the product of `params`, its own keys and the command line. A key counts
    from where it is said last in that order, but stays in its first place. A config group on the command line does not
    replace that group in a grid: it leaves the choices that both have, and a grid without any is dropped.

    Args:
        arguments: the overrides of the command line; that of the named sweep itself goes into no job.
        params: key -> what may stand after the equal sign on the command line.
        grids: likewise; without any, `params` and the command line are the only grid.
        points: how many values an interval has.
        loader: knows the config groups.
        points_given: `points` was asked for by the user, who then expects an interval.

    Returns:
        The jobs in the order of Hydra's basic sweeper, equal ones once.

    Raises:
        UserError: a key without values, an interval that cannot be spaced, a choice that no grid has.
        OverrideParseException: what Hydra's grammar cannot read.
    """
    if points < 2:
        raise UserError(f"hydra.sweeper.points={points}: an interval has two ends; set 2 or more")
    name, command_line = _without_name(_parsed(arguments, loader), loader)
    every = [_parsed(_lines(one), loader) for one in (params, *(grids or [{}]))]
    for override in (override for overrides in every for override in overrides):
        if override.is_hydra_override():
            raise UserError(f"{name}: {override.input_line} is for all runs alike; give it on the command line")
    if points_given and not any(one.is_interval_sweep() for overrides in (command_line, *every) for one in overrides):
        raise UserError(f"hydra.sweeper.points={points} has no effect: nothing in this sweep is an interval(a,b)")
    given, base, *unions = [_grid(overrides, points) for overrides in (command_line, *every)]
    jobs: dict[frozenset[str], Job] = {}
    for grid, rest in _restricted(unions, given, name, loader):
        axes = _overlaid(_overlaid(base, grid), rest).values()
        for combination in product(*(axis.overrides for axis in axes)):
            jobs.setdefault(frozenset(combination), list(combination))
    return list(jobs.values())


def config_of_jobs(config: DictConfig, loader: ConfigLoader) -> DictConfig:
    """Return the configuration of a sweep, with the settings of the sweeper that its jobs have.

    The name of a sweep is in no job, and so its grids are not. From 1.4 on Hydra refuses a job whose settings of the
    sweeper are not those of the sweep.
    """
    if config.hydra.runtime.choices.get(NAMED) is None:
        return config
    str(config.hydra.sweep.dir)  # once read, a clock in it stands still, here and in the copy
    given = [*config.hydra.overrides.hydra, *(one for one in config.hydra.overrides.task if key_of(one) != NAMED)]
    unnamed = loader.load_configuration(config.hydra.job.config_name, given, run_mode=RunMode.MULTIRUN)
    config = copy.deepcopy(config)
    with read_write(config.hydra):
        config.hydra.sweeper = unnamed.hydra.sweeper
    return config


def batches(jobs: Sequence[Job], size: int | None) -> Iterator[Sequence[Job]]:
    """Cut the jobs into batches of at most `size`; without one, into a single batch.

    Raises:
        UserError: a size below 1.
    """
    if size is not None and size < 1:
        raise UserError(f"hydra.sweeper.max_batch_size={size}: must be 1 or more, or null for all jobs at once")
    step = size or max(len(jobs), 1)
    for start in range(0, len(jobs), step):
        yield jobs[start : start + step]


def interval_values(sweep: IntervalSweep, points: int) -> list[str]:
    """Space an interval, both ends included as they were given.

    Args:
        sweep: its tag log asks for equal ratios instead of equal distances; whole ends (by int()) for whole numbers.
        points: how many, ends included; whole numbers that would repeat come once.

    Returns:
        The values as they stand in an override, with 6 significant digits, or more where these would not tell them
        apart.

    Raises:
        UserError: an end that is not finite, or not positive under log; another tag.
    """
    start, end = sweep.start, sweep.end
    assert start is not None
    assert end is not None
    for tag in sorted(sweep.tags - {"log"}):
        raise UserError(f"tag({tag},...): an interval knows the tag log only{did_you_mean(tag, ['log'])}")
    if not (isfinite(start) and isfinite(end)):
        raise UserError("both ends of an interval must be finite")
    log = "log" in sweep.tags
    if log and min(start, end) <= 0:
        raise UserError("both ends of an interval must be positive for tag(log,...)")
    # in decimals 0.1 is a tenth: decades come out as such, and a zero inside an interval as zero
    low, high = Decimal(repr(start)), Decimal(repr(end))
    if log:
        low, high = low.ln(), high.ln()
    inner = [(low * (points - 1 - i) + high * i) / (points - 1) for i in range(1, points - 1)]
    if log:
        inner = [value.exp() for value in inner]
    if isinstance(start, int) and isinstance(end, int):
        return list(dict.fromkeys(str(value) for value in (start, *(round(value) for value in inner), end)))
    for digits in range(DIGITS, 18):
        values = [start, *(float(f"{value:.{digits}g}") for value in inner), end]
        if len(set(values)) == points and values == sorted(values, reverse=start > end):
            break
    return list(dict.fromkeys(str(value) for value in values))


def _parsed(lines: Iterable[str], loader: ConfigLoader) -> list[Override]:
    return OverridesParser.create(config_loader=loader).parse_overrides(list(lines))


def _lines(params: Mapping[str, Any]) -> list[str]:
    """Write a mapping as overrides; what is no string is the value itself, a list one value and not a sweep."""
    return [f"{key}={value if isinstance(value, str) else Transformer.str(value)}" for key, value in params.items()]


def _without_name(overrides: Sequence[Override], loader: ConfigLoader) -> tuple[str, list[Override]]:
    """Take `sweep=NAME` from the command line; it is the same for all runs and would only lengthen their names."""
    if not _is_group(NAMED, loader):
        return "hydra.sweeper", list(overrides)
    named = [override for override in overrides if override.key_or_group == NAMED]
    for override in named:
        if override.is_sweep_override():
            raise UserError(f"{override.input_line}: name one sweep; several need a command each")
    name = named[-1].input_line if named else None
    return name or "hydra.sweeper", [override for override in overrides if override.key_or_group != NAMED]


def _is_group(name: str, loader: ConfigLoader) -> bool:
    return bool(loader.get_group_options(name.partition("@")[0]))


def _grid(overrides: Iterable[Override], points: int) -> Grid:
    """Give each key its axis; a key that is said twice counts as said last."""
    last = {override.get_key_element(): override for override in overrides}
    return {key: _axis(override, points) for key, override in last.items()}


def _axis(override: Override, points: int) -> Axis:
    key = override.get_key_element()
    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            values = interval_values(value, points)
        elif override.is_sweep_override():
            values = list(override.sweep_string_iterator())
        else:
            values = [override.get_value_element_as_str()]
    except (UserError, HydraException, ValueError) as error:  # Hydra lets a range with a step of 0 pass until here
        raise UserError(f"{override.input_line}: {error}") from None
    glob = override.value_type == ValueType.GLOB_CHOICE_SWEEP
    if not values:
        raise UserError(f"{override.input_line}: {_why_empty(override, glob)}")
    return Axis(key, key.lstrip("+~"), tuple(f"{key}={value}" for value in values), glob)


def _why_empty(override: Override, glob: bool) -> str:
    if not glob:
        return "there is no value in it, so there is nothing to run"
    assert override.config_loader is not None
    options = override.config_loader.get_group_options(override.key_or_group)
    if not options:
        return f"{override.key_or_group} is no config group, so there is nothing to match; list its values"
    return f"nothing matches; there are {', '.join(options)}"


def _overlaid(below: Grid, above: Grid) -> Grid:
    """Let the keys of one grid take precedence over those of another, in the places where they stood."""
    names = {axis.name for axis in above.values()}
    return {key: axis for key, axis in below.items() if key in above or axis.name not in names} | above


def _restricted(grids: Sequence[Grid], given: Grid, name: str, loader: ConfigLoader) -> list[tuple[Grid, Grid]]:
    """Restrict each grid to the choices of config groups on the command line.

    Returns:
        For each grid that is left, the grid and what of the command line it still has to be combined with.

    Raises:
        UserError: a choice that was given and is in no grid.
    """
    in_grids = {axis.name for grid in grids for axis in grid.values()}
    groups = [axis for axis in given.values() if axis.name in in_grids and _is_group(axis.name, loader)]
    left: list[tuple[Grid, Grid]] = []
    used: set[tuple[str, str]] = set()  # name and choice
    for grid in grids:
        narrow, rest = dict(grid), dict(given)
        for group, own in product(groups, grid.values()):
            if group.name == own.name:
                narrow[own.key] = own.only(group)
                rest.pop(group.key, None)
        if all(axis.overrides for axis in narrow.values()):
            left.append((narrow, rest))
            used |= {(axis.name, choice) for axis in (*rest.values(), *narrow.values()) for choice in axis.choices()}
    # of a pattern it is enough that something is left
    explicit = [group for group in groups if not (group.glob and left)]
    idle = [f"{axis.name}={one}" for axis in explicit for one in axis.choices() if (axis.name, one) not in used]
    if idle:
        names = {group.name for group in groups}
        axes = [axis for grid in grids for axis in grid.values() if axis.name in names]
        has = dict.fromkeys(override for axis in axes for override in axis.overrides)
        raise UserError(f"{name} has no grid for {' '.join(idle)}; it has {' '.join(has)}")
    return left
