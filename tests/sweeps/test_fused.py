"""A sweep that is trained as stacks leaves behind what `hydra/launcher=basic` leaves, run by run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.sweeps.traces import CLOSE, curves, events, results, same, same_sweep, statuses

Cli = Callable[..., Outcome]
QUICK = ("logger.figures=false", "trainer.max_epochs=8")
SWEEPS: dict[str, tuple[str, ...]] = {
    "every optimizer": ("optim=glob(*)", "data=iris", "data.batch_size=full", "model.init=torch", "patience=3"),
    "every kind of optimizer": (
        "optim=adafactor,adam,asgd,lbfgs,rprop,sgd",
        "data=iris",
        "data.batch_size=full",
        "model.init=torch",
        "patience=3",
    ),
    "schedules": (
        "data.batch_size=64",
        "optim=momentum",
        "optim.lr=0.1,0.03,1e4",
        "scheduler=glob(*)",
        "patience=4",
    ),
    "what a run may have of its own": (
        "data=linear",
        "data.n_samples=200",
        "data.batch_size=full",
        "optim=adamw",
        "seed=3,4",
        "model.l2=0,0.1",
        "model.init=normal",
        "patience=2,null",
        "optim.weight_decay=0.1",
        "trainer.check_val_every_n_epoch=2",
    ),
    "links": (
        "data=logistic",
        "data.n_samples=200",
        "data.batch_size=full",
        "model.link=logit,probit,cloglog,softsign",
        "optim=adam",
        "optim.lr=0.1,0.02",
    ),
}


@pytest.mark.parametrize(
    ("sweep", "dtype"),
    [
        pytest.param("every optimizer", "float64", marks=pytest.mark.slow),
        # that the numbers of each optimizer, and of schedules, agree in float32 too is held by tests/model
        ("every kind of optimizer", "float32"),
        pytest.param("schedules", "float64", marks=pytest.mark.slow),
        ("what a run may have of its own", "float32"),
        pytest.param("links", "float64", marks=pytest.mark.slow),
    ],
)
def test_a_sweep_equals_its_runs_one_by_one(cli: Cli, tmp_path: Path, sweep: str, dtype: str) -> None:
    overrides = ["-m", *SWEEPS[sweep], *QUICK, f"data.dtype={dtype}"]
    wanted = cli(*overrides, "hydra/launcher=basic", "hydra.sweep.dir=basic")
    found = cli(*overrides, "hydra.sweep.dir=fused")
    assert (found.code, wanted.code) == (0, 0), found.err
    same_sweep(tmp_path / "fused", tmp_path / "basic", CLOSE[dtype])


def test_a_run_of_a_stack_writes_no_more_than_one_that_was_alone(cli: Cli, tmp_path: Path) -> None:
    """A slice of a tensor is saved with all that it was cut from, unless it is copied."""
    for name, rates in (("stack", [0.001 * run for run in range(1, 101)]), ("alone", [0.001])):
        rate = ",".join(f"{one:.3f}" for one in rates)
        said = cli("-m", f"optim.lr=choice({rate})", "trainer.max_epochs=1", "logger=none", f"hydra.sweep.dir={name}")
        assert said.code == 0, said.err
    for file in ("last.ckpt", "best.ckpt"):
        sizes = {path.stat().st_size for path in tmp_path.glob(f"*/*/checkpoints/{file}")}
        assert max(sizes) < 1.1 * min(sizes)


def test_a_small_sweep_draws_what_its_runs_would_draw(cli: Cli, tmp_path: Path) -> None:
    """All that is said and drawn of a run that stops, of one that diverges, and of one that is done."""
    overrides = ["-m", "optim=sgd", "optim.lr=0.1,1e-3,1e9", "trainer.max_epochs=10", "patience=3"]
    wanted = cli(*overrides, "hydra/launcher=basic", "hydra.sweep.dir=basic")
    found = cli(*overrides, "hydra.sweep.dir=fused")
    assert (found.code, wanted.code) == (0, 0), found.err
    assert statuses(tmp_path / "fused") == {"diverged": 1, "done": 1, "stopped": 1}
    same_sweep(tmp_path / "fused", tmp_path / "basic", CLOSE["float32"])


def test_stacks_may_be_as_small_as_one_likes(cli: Cli, tmp_path: Path) -> None:
    overrides = [
        "-m",
        "optim=sgd,adam",
        "optim.lr=0.1,0.01,1e9",
        "seed=0,1",
        *QUICK,
        "data.dtype=float64",
        "patience=3",
    ]
    cli(*overrides, "hydra.sweep.dir=large")
    said = cli(*overrides, "hydra.sweep.dir=small", "hydra.launcher.max_runs_per_stack=4")
    assert said.code == 0, said.err
    assert "12 runs in 4 stacks, which differ in seed" in said.out
    same_sweep(tmp_path / "small", tmp_path / "large", CLOSE["float64"])
    assert cli(*overrides, "hydra.launcher.max_runs_per_stack=0").err == (
        "error: hydra.launcher.max_runs_per_stack=0: must be 1 or more, or null\n"
    )


@pytest.mark.parametrize(
    "settings",
    [("optim=adam", "scheduler=onecycle"), pytest.param(("optim=asgd", "patience=2"), marks=pytest.mark.slow)],
    ids=str,
)
def test_a_run_of_a_stack_can_be_resumed_as_one_that_was_alone(
    cli: Cli, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    overrides = ["-m", *settings, "optim.lr=0.1,1e-3", "data.dtype=float64", *QUICK]
    cli(*overrides, "hydra/launcher=basic", "hydra.sweep.dir=basic")
    cli(*overrides, "hydra.sweep.dir=fused")
    for name in results(tmp_path / "basic"):
        (tmp_path / "fused" / name / "result.json").unlink()  # as if killed just before
        (tmp_path / "basic" / name / "result.json").unlink()
        for kind in ("fused", "basic"):
            said = cli(f"resume={kind}/{name}", "patience=9", f"hydra.run.dir='rest/{kind}/{name}'")
            assert said.code == 0, said.err
        found, wanted = (results(tmp_path / "rest" / kind)[name] for kind in ("fused", "basic"))
        for key in ("metrics", "status", "epochs", "best_epoch"):
            same(found[key], wanted[key], CLOSE["float64"], f"{name} {key}")


def test_curves_of_a_large_sweep_are_those_of_the_best_and_equal_live_ones(cli: Cli, tmp_path: Path) -> None:
    overrides = ["-m", "optim=sgd", "optim.lr=0.1,0.05,0.02,0.01,1e-3,1e9", *QUICK, "hydra.sweep.subdir=${optim.lr}"]
    cli(*overrides, "hydra.sweep.dir=live")
    cli(*overrides, "hydra.sweep.dir=kept", "logger.max_live_runs=2")
    for name, result in results(tmp_path / "live").items():
        live, kept = (curves(tmp_path / kind / name) for kind in ("live", "kept"))
        if kept:
            same(kept, {tag: live[tag] for tag in kept}, 0.0, name)
            assert kept.keys() == live.keys()
        finals = [
            events(tmp_path / kind / name)[sum(map(len, drawn.values())) :]
            for kind, drawn in (("live", live), ("kept", kept))
        ]
        assert finals[0] == finals[1]
        assert len(finals[0]) > (2 if result["status"] == "diverged" else 5)  # which has no numbers
    ranked = sorted(results(tmp_path / "kept").items(), key=lambda item: item[1]["metrics"]["val/loss"])
    assert [bool(curves(tmp_path / "kept" / name)) for name, _ in ranked[:2]] == [True, True]
    assert [bool(curves(tmp_path / "kept" / name)) for name, _ in ranked].count(True) < 4


def test_each_link_has_stacks_of_its_own_and_one_that_does_not_fit_is_refused(cli: Cli, tmp_path: Path) -> None:
    links = ("-m", "model.link=probit,cloglog", "hydra.sweep.dir=links")
    said = cli(*links, "data=breast_cancer", "optim.lr=0.1,0.01", "model.l2=0.1", "logger=none", *QUICK[1:])
    assert said.code == 0, said.err
    assert "4 runs in 2 stacks, which differ in model.link" in said.out
    for arguments, why in (
        (("data=diabetes",), "model.link=probit is for a binary target, but the task is regression"),
        (("data=breast_cancer", "optim=sgd", "optim.lr=auto"), "optim.lr=auto is 1/L, but with model.link=cloglog"),
    ):
        refused = cli(*links[:2], "hydra.sweep.dir=refused", *arguments)
        assert (refused.code, why in refused.err) == (1, True)
    one = cli("model.link=probit", "data=iris")
    assert one.code == 1
    assert one.err == (
        "error: model.link=probit is for a binary target, but the task is multiclass and its link is softmax; "
        "leave it logit\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["links"]
