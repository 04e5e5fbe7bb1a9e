"""From specifications to stacks: which runs can share their batches, and what keeps the others apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelayer.data.module import DataModule
from onelayer.flat import flat
from onelayer.track.results import Run

# stacks of one run that are listed with the reason
SHOWN = 8
# whatever else a specification says may differ between the runs of a stack
SHARED = ("task", "monitor", "checkpoint_seconds", "data", "trainer", "logger")


@dataclass(frozen=True)
class Job:
    """A run of the sweep before it starts.

    Attributes:
        run: what is trained, and where it is written.
        number: its place in the sweep.
        data: what it sees, in the order of its own seed.
        kind: of its optimizer; runs of one kind stand together in a stack.
    """

    run: Run
    number: int
    data: DataModule
    kind: str


@dataclass(frozen=True)
class Stack:
    """Runs to be trained together, and what they share, as flat keys.

    Attributes:
        jobs: runs whose optimizers are of one kind are neighbours.
        key: what all of them say.
        checkpoint: to go on from.
        epoch: that the checkpoint has reached; None where it is not this stack's own.
    """

    jobs: tuple[Job, ...]
    key: Mapping[str, Any]
    checkpoint: Path | None = None
    epoch: int | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches an epoch."""
        return self.jobs[0].data.steps_per_epoch


def plan(jobs: Sequence[Job], limit: Callable[[Job], int]) -> list[Stack]:
    """Group jobs into stacks, in the order of their first job; `limit` says how many runs one may have at most."""
    members: dict[tuple[tuple[str, Any], ...], list[Job]] = {}
    for job in jobs:
        members.setdefault(tuple(shared_key(job).items()), []).append(job)
    stacks = []
    for key, group in members.items():
        group.sort(key=lambda job: (job.kind, job.number))
        # the optimizer that remembers most decides
        parts = -(-len(group) // min(limit(job) for job in {job.kind: job for job in group}.values()))
        size = -(-len(group) // parts)
        stacks += [Stack(tuple(group[at : at + size]), dict(key)) for at in range(0, len(group), size)]
    return stacks


def shared_key(job: Job) -> dict[str, Any]:
    """Return what a run must have in common with the others of its stack, as flat keys with comparable values."""
    spec = job.run.spec
    leaves = flat(spec.model_dump(include=set(SHARED)))
    key = {name: str(value) if isinstance(value, list) else value for name, value in leaves.items()}
    key |= {f"model.{name}": getattr(spec.model, name) for name in ("objective", "link", "bias", "hidden")}
    if job.data.steps_per_epoch == 1:
        key["data.batch_size"] = "full"
    elif spec.data.shuffle:
        key["seed"] = spec.seed  # rules the order of the batches
    if spec.resume is not None:
        key["resume"] = str(job.run.directory)  # goes on from a file of its own
    return key


def described(stacks: Sequence[Stack]) -> list[str]:
    """Say how the runs are grouped, and what keeps stacks apart."""
    total = sum(len(stack.jobs) for stack in stacks)
    lines = [f"{_count(total, 'run')} in {_count(len(stacks), 'stack')}"]
    if len(stacks) == 1:
        return lines
    # some keys are those of some stacks only: with a full batch no seed rules its order
    keys = dict.fromkeys(key for stack in stacks for key in stack.key)
    varying = [key for key in keys if len({stack.key[key] for stack in stacks if key in stack.key}) > 1]
    lines[0] += f", which differ in {', '.join(varying)}" if varying else ", cut by the memory they need"
    alone = [stack for stack in stacks if len(stack.jobs) == 1]
    for stack in alone[:SHOWN]:
        lines.append(f"  alone: {' '.join(stack.jobs[0].run.overrides)}  ({_reason(stack, stacks)})")
    if len(alone) > SHOWN:
        lines.append(f"  and {len(alone) - SHOWN} more alone for such reasons")
    return lines


def _reason(stack: Stack, stacks: Sequence[Stack]) -> str:
    """Name what a run has that the stack most like it has not."""
    others = [other for other in stacks if other is not stack]
    differences = [_differing(stack.key, other.key) for other in others]
    nearest = min(differences, key=len)
    if not nearest:
        return "the stack is full"
    if nearest == ["seed"]:
        return f"seed={stack.key['seed']} rules the order of the batches"
    if "resume" in nearest:
        return "resume goes on from a checkpoint of its own"
    keys = nearest  # which another stack, less like it, may have as well
    for difference in sorted(differences, key=len):
        if any(all(other.key.get(key) == stack.key.get(key) for key in keys) for other in others):
            keys = [*dict.fromkeys([*keys, *difference])]
    return f"no other run has {' with '.join(f'{key}={stack.key.get(key)}' for key in keys)}"


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
