"""A streamed table trains as the same table in memory does, on the same rows in the same order."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from onelayer.artefact import Artefact
from tests.conftest import result_of, trained_run
from tests.data.streaming.tables import ROWS, invented, saved

# of these a case uses those that it names; they are no features
OTHERS = ("number", "yes", "kind", "weight", "group")
BASE = [
    "data=table",
    "data.split.val=100",
    "data.split.test=80",
    "data.split.shuffle=false",
    "data.shuffle=false",
    "data.batch_size=32",
    "optim=sgd",
    "optim.lr=0.05",
    "trainer.max_epochs=2",
    "logger=none",
]
# blocks that are no multiple of a batch, smaller than one, of one row, and larger than the table
CASES = {
    "regression": ["data.target=number", "data.block_rows=100"],
    "regression, not scaled": ["data.target=number", "data.normalize_target=none", "optim.lr=1e-3"],
    "regression, weights": ["data.target=number", "data.sample_weight=weight", "model.l2=0.1"],
    "regression, minmax": ["data.target=number", "data.normalize=minmax", "data.block_rows=7"],
    "regression, median": [
        "data.target=number",
        "data.encode.impute=median",
        "data.encode.indicator=true",
        "data.normalize=robust",
    ],
    "regression, constant": [
        "data.target=number",
        "data.encode.impute=constant",
        "data.encode.fill=-2",
        "data.encode.min_count=20",
    ],
    "regression, raw": ["data.target=number", "data.normalize=none", "optim.lr=1e-8"],
    "binary": ["data.target=yes", "data.block_rows=16"],
    "binary, balanced": ["data.target=yes", "data.class_weight=balanced", "model.l2=0.01"],
    "binary, all weights": [
        "data.target=yes",
        "data.class_weight={yes: 3}",
        "data.sample_weight=weight",
        "data.block_rows=64",
    ],
    "binary as two of several": ["data.target=yes", "task=multiclass", "data.encode.drop_first=true"],
    "multiclass": ["data.target=kind", "data.block_rows=200"],
    "multiclass, weights": [
        "data.target=kind",
        "data.sample_weight=weight",
        "data.class_weight=balanced",
        "optim=adam",
        "model.l2=0.01",
    ],
}


def agree(folder: Path, said: Sequence[str], dtype: str, tolerance: float) -> None:
    frame = invented()
    unused = [name for name in OTHERS if not any(one.endswith(f"={name}") for one in said)]
    path = saved(frame.drop(columns=unused), folder / "t.parquet")
    arguments = [*BASE, *said, f"data.dtype={dtype}"]
    in_memory = [one for one in arguments if not one.startswith("data.block_rows")]
    runs = trained_run(folder / "memory", *in_memory, path=str(path))
    streams = trained_run(folder / "streamed", *arguments, "data.stream=true", path=str(path))
    memory, streamed = result_of(runs), result_of(streams)
    model, other = Artefact.load(runs / "model"), Artefact.load(streams / "model")
    assert other.encoder.features == model.encoder.features
    for name in ("weight", "bias", "x_shift", "x_scale", "y_shift", "y_scale"):
        np.testing.assert_allclose(getattr(other, name), getattr(model, name), rtol=tolerance, atol=tolerance)
    assert other.header["classes"] == model.header["classes"]
    # auroc needs all rows at once
    assert set(memory["metrics"]) - set(streamed["metrics"]) <= {f"{one}/auroc" for one in ("train", "val", "test")}
    for name, value in streamed["metrics"].items():
        assert value == pytest.approx(memory["metrics"][name], rel=tolerance, abs=tolerance), name
    assert streamed["reference"]["objective"] == pytest.approx(memory["reference"]["objective"], rel=1e-9)
    assert streamed["reference"]["note"] == memory["reference"]["note"]
    assert streamed["best_epoch"] == memory["best_epoch"]
    assert streamed["steps"] == memory["steps"] == 2 * -(-(ROWS - 180) // 32)


# what they ask for, others ask for together with more
PLAIN = ("regression", "binary", "binary, balanced", "multiclass")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in PLAIN)) for name in CASES])
def test_in_float64_all_numbers_agree(tmp_path: Path, name: str) -> None:
    agree(tmp_path, CASES[name], "float64", 1e-9)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("regression, weights", marks=pytest.mark.slow),
        "binary, all weights",
        pytest.param("multiclass, weights", marks=pytest.mark.slow),
    ],
)
def test_in_float32_they_agree_to_its_digits(tmp_path: Path, name: str) -> None:
    agree(tmp_path, CASES[name], "float32", 1e-5)
