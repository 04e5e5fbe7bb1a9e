"""The command line, as users type it, in process."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from onelayer.artefact import Artefact
from tests.conftest import Outcome, data_of, load, only_run, result_of, rows_of

Cli = Callable[..., Outcome]
QUICK = "trainer.max_epochs=3"
PLAIN = "logger.figures=false"


def test_one_run_leaves_the_whole_directory(cli: Cli, tmp_path: Path) -> None:
    said = cli(QUICK)
    assert said.code == 0, said.err
    assert re.search(
        r"done  val r2 \S+  test r2 \S+ \(epoch \d\)  gap \S+ \(epoch 3, relative \S+\)  3 epochs in \S+ s of steps"
        "  outputs/",
        said.out,
    )
    run = only_run(tmp_path)
    names = sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())
    assert [name for name in names if "tfevents" not in name] == [
        ".hydra/config.yaml",
        ".hydra/hydra.yaml",
        ".hydra/overrides.yaml",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "curves.safetensors",
        "model/model.json",
        "model/model.safetensors",
        "result.json",
        "train.log",
    ]
    assert sum("tfevents" in name for name in names) == 1
    result = result_of(tmp_path)
    assert result["status"] == "done"
    assert (result["epochs"], result["steps"], result["seed"], result["overrides"]) == (3, 30, 0, [QUICK])
    for name in (
        "train/loss",
        "train/objective",
        "train/gap",
        "train/rel_gap",
        "val/loss",
        "val/r2",
        "test/loss",
        "test/mae",
    ):
        assert isinstance(result["metrics"][name], float), name
    for key in ("seconds", "config_hash", "data_hash", "versions", "reference"):
        assert key in result
    assert "done" in (run / "train.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "objective"),
    [
        (["data=breast_cancer", "model.l2=0.01"], "logistic"),
        (["data=digits", "optim=lbfgs"], "softmax"),
        (["data=iris", "scheduler=cosine"], "softmax"),
        (["data=wine", "task=regression", "data.split.stratify=false"], "squared"),
        (["data=linear", "data.n_samples=200", "optim=sgd", "optim.lr=0.05", "optim.momentum=0.9"], "squared"),
        (["data=logistic", "data.normalize=minmax", "model.bias=false", "model.init=torch"], "logistic"),
        (["data=softmax", "scheduler=onecycle", "data.dtype=float64", "optim=adamw"], "softmax"),
        (["scheduler=plateau", "data.split.val=20", "data.split.test=0"], "squared"),
        (["data.split.val=0", "data.split.shuffle=false", "logger=none"], "squared"),
        (["data=breast_cancer", "task=multiclass", "model=softmax", "monitor=val/auroc"], "softmax"),
    ],
)
def test_runs_of_all_kinds_end_well(cli: Cli, tmp_path: Path, arguments: list[str], objective: str) -> None:
    said = cli(QUICK, PLAIN, *arguments)
    assert said.code == 0, said.err
    assert f"-> {objective}," in said.out
    result = result_of(tmp_path)
    assert result["status"] == "done"
    assert json.loads((only_run(tmp_path) / "model" / "model.json").read_text())["objective"] == objective


def test_synthetic_data_give_the_distance_to_the_known_weights(cli: Cli, tmp_path: Path) -> None:
    cli("data=linear", "data.noise=0", "optim=lbfgs", "data.dtype=float64", "trainer.max_epochs=5", PLAIN)
    metrics = result_of(tmp_path)["metrics"]
    assert metrics["train/weight_error"] < 1e-5
    assert metrics["train/rel_gap"] < 1e-9


def test_the_gap_agrees_with_scikit_learn_on_the_same_rows(cli: Cli, tmp_path: Path) -> None:
    """Ridge with alpha = n l2 / 2, on the rows of scikit-learn's own split, standardised on its train rows."""
    cli("model.l2=0.1", "optim=lbfgs", "data.dtype=float64", "trainer.max_epochs=20", "data.split.val=0", PLAIN)
    data = data_of(load("diabetes"), val=0, normalize_target="standard", dtype="float64")
    train, test = rows_of(data.train), rows_of(data.test)
    x, y = train.x.numpy(), train.y.numpy()[:, 0]
    ridge = Ridge(alpha=len(x) * 0.1 / 2, solver="svd").fit(x, y)
    objective = np.mean((y - ridge.predict(x)) ** 2) + 0.05 * np.sum(ridge.coef_**2)
    result = result_of(tmp_path)
    assert result["reference"]["objective"] == pytest.approx(objective, rel=1e-12)
    assert result["metrics"]["train/objective"] == pytest.approx(objective, rel=1e-10)
    model = Artefact.load(only_run(tmp_path) / "model")
    np.testing.assert_allclose(model.weight[0], ridge.coef_, rtol=0, atol=1e-5)
    predicted = ridge.predict(test.x.numpy())
    assert result["metrics"]["test/r2"] == pytest.approx(r2_score(test.y[:, 0], predicted), rel=1e-5)


def test_same_seed_same_bits_and_seed_zero_seeds(cli: Cli, tmp_path: Path) -> None:
    def weights(name: str, *arguments: str) -> bytes:
        said = cli(QUICK, PLAIN, "model.init=torch", f"hydra.run.dir={tmp_path / name}", *arguments)
        assert said.code == 0, said.err
        return Artefact.load(tmp_path / name / "model").weight.tobytes()

    assert weights("a", "seed=0") == weights("b", "seed=0")
    assert weights("c", "seed=1") != weights("d", "seed=0")


def test_the_split_stays_when_the_seed_changes(cli: Cli, tmp_path: Path) -> None:
    hashes = set()
    for seed in (0, 1):
        cli(QUICK, PLAIN, f"seed={seed}", f"hydra.run.dir={tmp_path / str(seed)}")
        hashes.add(result_of(tmp_path / str(seed))["data_hash"])
    assert len(hashes) == 1


def test_a_diverged_run_ends_well_and_its_result_is_json(cli: Cli, tmp_path: Path) -> None:
    said = cli("data=linear", "optim=sgd", "optim.lr=1e6")
    assert said.code == 0, said.err
    result = result_of(tmp_path)
    assert result["status"] == "diverged"
    assert result["epochs"] < 100
    assert "diverged" in said.out


def test_early_stopping(cli: Cli, tmp_path: Path) -> None:
    cli(PLAIN, "patience=3", "trainer.max_epochs=500", "optim.lr=0.1")
    result = result_of(tmp_path)
    assert result["status"] == "stopped"
    assert result["epochs"] == result["best_epoch"] + 3


def test_no_finite_optimum_is_said(cli: Cli, tmp_path: Path) -> None:
    said = cli("data=breast_cancer", QUICK)
    assert "no finite optimum: the classes are separated; set model.l2 above 0" in said.out
    result = result_of(tmp_path)
    assert result["metrics"]["train/gap"] is None
    assert result["reference"]["objective"] is None


def test_checkpoints_load_without_running_code(cli: Cli, tmp_path: Path) -> None:
    cli(QUICK, "scheduler=onecycle", "data.split.val=20")
    run = only_run(tmp_path)
    for name in ("last", "best"):
        state = torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
        assert tuple(state["state_dict"]["linear.theta"].shape) == (1, 1, 11)
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]["linear.theta"]
    assert (Artefact.load(run / "model").weight == best[0, :, :10].numpy()).all()


def test_tensorboard_has_curves_a_figure_and_hparams(cli: Cli, tmp_path: Path) -> None:
    cli(QUICK, "data=linear", "optim.lr=0.02")
    events = EventAccumulator(str(only_run(tmp_path)))
    events.Reload()
    tags = events.Tags()
    wanted = {
        "train/loss",
        "train/objective",
        "train/gap",
        "train/rel_gap",
        "train/weight_error",
        "val/loss",
        "val/r2",
        "train/lr",
    }
    assert wanted <= set(tags["scalars"])
    assert [event.step for event in events.Scalars("train/loss")] == [0, 1, 2, 3]
    assert [event.step for event in events.Scalars("val/loss")] == [1, 2, 3]
    result = result_of(tmp_path)
    assert events.Scalars("train/loss")[-1].value == pytest.approx(result["metrics"]["train/loss"], rel=1e-6)
    assert events.Scalars("verdict/test/r2")[0].value == pytest.approx(result["metrics"]["test/r2"], rel=1e-6)
    assert "verdict/test/residuals" in tags["tensors"]
    summary = events.SummaryMetadata("_hparams_/session_start_info")
    assert summary.plugin_data.plugin_name == "hparams"
    assert b"optim.lr" in summary.plugin_data.content


@pytest.mark.parametrize("data", ["breast_cancer", "digits"])
def test_classification_has_its_figure(cli: Cli, tmp_path: Path, data: str) -> None:
    tag = "verdict/test/predictions"
    cli(QUICK, f"data={data}")
    events = EventAccumulator(str(only_run(tmp_path)))
    events.Reload()
    _, _, png = events.Tensors(tag)[0].tensor_proto.string_val
    assert png.startswith(b"\x89PNG")


def test_a_sweep_runs_every_combination(cli: Cli, tmp_path: Path) -> None:
    said = cli("optim=adam,sgd", "-m", "optim.lr=0.1,0.01", QUICK, f"hydra.sweep.dir={tmp_path / 'study'}")
    assert said.code == 0, said.err
    runs = sorted(path.parent.name for path in (tmp_path / "study").rglob("result.json"))
    assert runs == [f"optim={o},optim.lr={lr},{QUICK}" for o in ("adam", "sgd") for lr in ("0.01", "0.1")]


def test_a_failed_job_of_a_sweep_leaves_its_reason_and_the_others_go_on(cli: Cli, tmp_path: Path) -> None:
    jobs = ("-m", "optim=adam,lbfgs", "data.batch_size=32", QUICK, PLAIN)
    said = cli(*jobs, "hydra/launcher=basic", f"hydra.sweep.dir={tmp_path / 'study'}")
    assert said.code == 1
    assert "set data.batch_size=full" in said.out
    results = {path.parent.name.split(",")[0]: json.loads(path.read_text()) for path in tmp_path.rglob("result.json")}
    assert results["optim=adam"]["status"] == "done"
    assert results["optim=lbfgs"]["status"] == "failed"
    assert "set data.batch_size=full" in results["optim=lbfgs"]["error"]
