"""A sweep of onelayer against Hydra's basic launcher with Lightning, a loop by hand, and scikit-learn.

Whole processes, in turn, so that a noisy machine disturbs them alike.
"""

import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from contenders import BATCH, DATA, EPOCHS, Losses, Process, arithmetic, by_hand, fused, idiomatic, scikit
from machine import write_page
from onelayer.compose import compose_train
from onelayer.config import RunSpec
from onelayer.data.module import DataModule

OPTIMIZERS = ("sgd", "momentum", "adam", "adamw", "nadam", "radam", "rmsprop", "adagrad")
LR = "tag(log,interval(1e-4,1e-1))"
POINTS, MANY_POINTS, ROUNDS = 64, 512, 3
# which of the POINTS learning rates are trained run by run: some by hand, few with Lightning
SOME, FEW = (15, 31, 47, 63), (31, 47)
ALONE = "adam"


@dataclass
class Timings:
    """What was measured on one kind of device; a list has one process for each round."""

    sweep: list[Process] = field(default_factory=list)
    sweep_of_one: list[Process] = field(default_factory=list)
    sweep_of_many: list[Process] = field(default_factory=list)
    single: list[Process] = field(default_factory=list)
    jobs: list[Process] = field(default_factory=list)
    loop: list[Process] = field(default_factory=list)
    loops: list[Process] = field(default_factory=list)
    scikit: list[float] = field(default_factory=list)
    scikit_losses: Losses = field(default_factory=dict)
    rates: dict[str, dict[str, float]] = field(default_factory=dict)


def measure(accelerator: str, rows: Path, out: Path) -> Timings:
    """Time everything: the shorter processes in every round, the longer ones in the first."""
    found, swept = Timings(), (f"optim={','.join(OPTIMIZERS)}", f"optim.lr={LR}")
    for round_ in range(ROUNDS):
        found.sweep.append(fused(out, accelerator, *swept, f"hydra.sweeper.points={POINTS}"))
        lrs = sorted({lr for _, lr in found.sweep[0].losses})
        some, few = [lrs[at] for at in SOME], [lrs[at] for at in FEW]
        found.single.append(idiomatic(out, accelerator, rows, [ALONE], few[:1]))
        found.sweep_of_one.append(fused(out, accelerator, f"optim={ALONE}", f"optim.lr={few[0]!r}"))
        found.loops.append(by_hand(out, accelerator, rows, OPTIMIZERS, some))
        found.loop.append(by_hand(out, accelerator, rows, [ALONE], few[:1]))
        seconds, found.scikit_losses = scikit(rows, lrs)
        found.scikit.append(seconds)
        if round_ == 0:
            found.jobs.append(idiomatic(out, accelerator, rows, OPTIMIZERS, few))
            found.sweep_of_many.append(fused(out, accelerator, *swept, f"hydra.sweeper.points={MANY_POINTS}"))
    found.rates = arithmetic(out, accelerator, len(OPTIMIZERS) * MANY_POINTS)
    return found


def middle(processes: Sequence[Process]) -> float:
    """Return the median of their seconds."""
    return statistics.median(one.seconds for one in processes)


def trained(process: Process) -> float:
    """Return the seconds of all its optimizer steps."""
    return sum(process.training.values())


def scaled(one: Sequence[Process], several: Sequence[Process], runs: int) -> tuple[float, float]:
    """Return the seconds of a process of so many runs, which starts up once, and those of each further run."""
    a_run = (middle(several) - middle(one)) / (len(several[0].losses) - 1)
    return middle(one) + (runs - 1) * a_run, a_run


def page(found: Timings, steps: int) -> str:
    """Show the timings of one kind of device, whose runs took so many steps each."""
    runs, many = len(found.sweep[0].losses), len(found.sweep_of_many[0].losses)
    start = statistics.median(one.seconds - trained(one) for one in found.sweep_of_one)
    steps_of_sweep = statistics.median(trained(one) for one in found.sweep)
    rest = middle(found.sweep) - start - steps_of_sweep
    jobs, a_job = scaled(found.single, found.jobs, runs)
    loops, a_loop = scaled(found.loop, found.loops, runs)
    work = middle(found.sweep_of_many) - start
    peak = max(one.peak for one in found.sweep_of_many)
    sgd = statistics.median(one.training["sgd"] for one in found.sweep)
    best = max(found.rates["products"].values())
    share = {optim: rate / best for optim, rate in found.rates["stacks"].items()}

    walls = [
        "| whole process | seconds, median | min - max | times | ms a further run |",
        "|---|---|---|---|---|",
        _wall(f"onelayer, a sweep of {runs} runs", found.sweep, (middle(found.sweep) - start) / runs),
        _wall("onelayer, a sweep of 1 run", found.sweep_of_one),
        _wall(f"onelayer, a sweep of {many} runs", found.sweep_of_many, work / many),
        _wall("idiomatic Lightning, 1 run", found.single),
        _wall(f"idiomatic Lightning, {len(found.jobs[0].losses)} runs, Hydra's basic launcher", found.jobs),
        f"| idiomatic Lightning, {runs} runs, scaled | {jobs:.1f} | | | {a_job * 1e3:.0f} |",
        _wall("loop by hand, 1 run", found.loop),
        _wall(f"loop by hand, {len(found.loops[0].losses)} runs", found.loops),
        f"| loop by hand, {runs} runs, scaled | {loops:.1f} | | | {a_loop * 1e3:.0f} |",
    ]
    parts = (
        f"Of the {middle(found.sweep):.1f} s of the sweep of {runs} runs, {start:.1f} s are start-up (a sweep of one "
        f"run less its steps), {steps_of_sweep:.1f} s are optimizer steps ({steps_of_sweep / steps * 1e3:.2f} ms for "
        f"a step of all runs), and {rest:.1f} s are everything else: composing, checking, directories, measuring, "
        f"curves, checkpoints, results. A run leaves {found.sweep[0].disk / runs / 1024:.0f} KiB on disk, one of "
        f"{many} runs {found.sweep_of_many[0].disk / many / 1024:.0f} KiB.\n\n"
        "Scaled means: a process of one run, and what a further run takes in a process of several, for each of the "
        "others. So start-up counts once."
    )
    verdicts = [
        "| | found | wanted | met |",
        "|---|---|---|---|",
        _at_least("the sweep against idiomatic Lightning, one by one: times faster", jobs / middle(found.sweep), 100),
        _at_least("the sweep against the loop by hand: times faster", loops / middle(found.sweep), 15),
        _at_least(
            f"the steps of its SGD runs ({sgd:.2f} s) against SGDRegressor.fit, run by run "
            f"({statistics.median(found.scikit):.1f} s): times faster",
            statistics.median(found.scikit) / sgd,
            10,
        ),
        _at_most("the sweep, in single runs of idiomatic Lightning", middle(found.sweep) / middle(found.single), 2),
        _at_most(f"{many} runs, seconds less start-up", work, 60),
        _at_most(f"{many} runs, peak memory in GiB", peak / 2**30, 4),
        _at_most("everything but start-up and steps, ms a run", rest / runs * 1e3, 10),
        _at_least(f"arithmetic of {many} SGD runs, % of the machine's rate", share["sgd"] * 100, 35),
        _at_least(f"arithmetic of {many} Adam runs, % of the machine's rate", share["adam"] * 100, 25),
    ]
    return "\n".join([*walls, "", parts, "", *verdicts, "", losses(found), "", rates(found, many)])


def _wall(name: str, processes: Sequence[Process], a_run: float | None = None) -> str:
    taken = [one.seconds for one in processes]
    further = "" if a_run is None else f"{a_run * 1e3:.1f}"
    spread = f"{min(taken):.1f} - {max(taken):.1f}" if len(taken) > 1 else ""
    return f"| {name} | {statistics.median(taken):.1f} | {spread} | {len(taken)} | {further} |"


def _at_least(what: str, value: float, wanted: float) -> str:
    return f"| {what} | {value:.3g} | at least {wanted:g} | {'yes' if value >= wanted else 'no'} |"


def _at_most(what: str, value: float, wanted: float) -> str:
    return f"| {what} | {value:.3g} | at most {wanted:g} | {'yes' if value <= wanted else 'no'} |"


def losses(found: Timings) -> str:
    """Show that all contenders solve the same problem."""
    sweep, jobs, loops = found.sweep[0].losses, found.jobs[0].losses, found.loops[0].losses
    lr = min(lr for _, lr in jobs)
    lines = [
        f"Loss of all train rows after {EPOCHS} epochs. Each contender visits the rows in an order of its own, so the "
        "losses agree in their first digits only.",
        "",
        "| | onelayer | idiomatic Lightning | loop by hand | SGDRegressor |",
        "|---|---|---|---|---|",
    ]
    for optim in OPTIMIZERS:
        cells = [f"{one[optim, lr]:.6f}" if (optim, lr) in one else "" for one in (sweep, jobs, loops)]
        scikit_loss = f"{found.scikit_losses[optim, lr]:.6f}" if (optim, lr) in found.scikit_losses else ""
        lines.append(f"| {optim}, lr {lr:g} | {' | '.join(cells)} | {scikit_loss} |")
    # the best of the runs that three of them trained, and of all that onelayer did
    for name, among in ((f"best of {len(jobs)} runs", list(jobs)), (f"best of {len(sweep)} runs", list(sweep))):
        bests = [
            _best({key: one[key] for key in among}) if all(key in one for key in among) else ""
            for one in (sweep, jobs, loops)
        ]
        lines.append(f"| {name} | {' | '.join(bests)} | |")
    return "\n".join(lines)


def _best(among: Losses) -> str:
    (optim, lr), loss = min(among.items(), key=lambda item: item[1])
    return f"{loss:.6f} ({optim}, lr {lr:g})"


def rates(found: Timings, many: int) -> str:
    """Show how much arithmetic a second a stack does, and what the machine can do."""
    products, stacks = found.rates["products"], found.rates["stacks"]
    best = max(products, key=lambda name: products[name])
    lines = [
        f"Useful arithmetic of a step: 4 * {BATCH} * 100 operations a run (its outputs and its gradient), float32. The "
        f"machine's rate is the best that torch.mm reached: {best}.",
        "",
        "| | GFLOP/s | % of the machine's rate | ms a step |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| torch.mm, {name} | {rate / 1e9:.1f} | {rate / products[best]:.0%} | |" for name, rate in products.items()
    ]
    lines += [
        f"| a stack of {many} runs, {name} | {rate / 1e9:.1f} | {rate / products[best]:.0%} | "
        f"{found.rates['step'][name] * 1e3:.2f} |"
        for name, rate in stacks.items()
    ]
    return "\n".join(lines)


def save_rows(path: Path) -> tuple[int, int]:
    """Save the scaled rows that onelayer trains on, for the others; return how many there are to train and validate."""
    data = DataModule(**RunSpec.from_config(compose_train(DATA)).data_keywords())
    data.setup("fit")
    blocks = {"train": next(iter(data.measured("train"))), "val": next(iter(data.measured("val")))}
    torch.save({name: (block.x, block.y) for name, block in blocks.items()}, path)
    return len(data.train), len(data.val)


def main() -> None:
    accelerators = ["cpu", "gpu"] if torch.cuda.is_available() else ["cpu"]
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.pt"
        train, val = save_rows(rows)
        tables = {one: measure(one, rows, Path(folder) / "out") for one in accelerators}
    steps = EPOCHS * -(-train // BATCH)
    setting = (
        f"`{' '.join(DATA)}`: {train} train rows, {val} validation rows, float32, {EPOCHS} epochs, {steps} steps "
        f"a run; {len(OPTIMIZERS)} optimizers ({', '.join(OPTIMIZERS)}) times {POINTS} or {MANY_POINTS} learning "
        f"rates (`optim.lr={LR}`).\n\n"
        "- onelayer: `python src/train.py -m ...` as users run it, with validation, curves, checkpoints and results.\n"
        "- idiomatic Lightning: `scripts/idiomatic.py`, with TensorDataset, DataLoader, self.log, TensorBoardLogger "
        "and ModelCheckpoint as they come, no progress bar, and the prepared rows from a file.\n"
        "- loop by hand: `scripts/by_hand.py`, which draws index batches and logs nothing.\n"
        "- SGDRegressor of scikit-learn, which steps after each row: constant rate 2 lr / batch, no penalty.\n"
    )
    sections = [f"## On the {one.upper()}\n\n{page(found, steps)}\n" for one, found in tables.items()]
    if "gpu" not in tables:
        sections.append("No GPU was at hand; with one, the same tables follow for it.")
    write_page("sweep", "Time of a sweep", "python scripts/bench_sweep.py", "\n".join([setting, *sections]))


if __name__ == "__main__":
    main()
