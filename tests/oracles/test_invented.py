"""Whatever the table, training ends with finite numbers or is refused in a sentence, and looks at train rows alone."""

import copy
import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from onelayer.artefact import Artefact
from onelayer.config import RunSpec
from onelayer.data.encode import EncodeSettings
from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared, prepare
from onelayer.data.split import split_rows
from onelayer.data.table import Table
from onelayer.data.tables.fetch import Unfetched
from onelayer.errors import UserError
from onelayer.run import train
from onelayer.track.results import Run
from tests.conftest import composed, examples, load, rows_of
from tests.oracles.invented import Invented, tables

# the same tables each time, so that a green suite stays green
LIKE_ALWAYS = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)

asked = st.fixed_dictionaries(
    {
        "task": st.sampled_from([None, None, None, "regression", "multiclass"]),
        "normalize": st.sampled_from(["standard", "minmax", "robust"]),
        "impute": st.sampled_from(["mean", "median"]),
        "indicator": st.booleans(),
        "drop_first": st.booleans(),
        "stream": st.sampled_from([False, False, True]),
        "dtype": st.sampled_from(["float32", "float64"]),
        "l2": st.sampled_from([0.0, 0.1]),
    }
)


@cache
def plain() -> dict[str, Any]:
    """The configuration as the command line composes it, but for the odd names that a shell would have to quote."""
    return composed("data=table", "trainer.max_epochs=2", "logger=none", "trainer.enable_progress_bar=false")


def spec_of(path: Path, target: str, chosen: dict[str, Any]) -> RunSpec:
    config = copy.deepcopy(plain())
    config["task"], config["model"]["l2"] = chosen["task"], chosen["l2"]
    config["data"] |= {"path": str(path), "target": target}
    config["data"] |= {key: chosen[key] for key in ("normalize", "stream", "dtype")}
    config["data"]["encode"] |= {key: chosen[key] for key in ("impute", "indicator", "drop_first")}
    return RunSpec.from_config(config)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@settings(LIKE_ALWAYS, max_examples=examples(8))
@given(table=tables(), chosen=asked)
def test_training_ends_with_finite_numbers_or_is_refused_in_a_sentence(
    tmp_path: Path, suffix: str, table: Invented, chosen: dict[str, Any]
) -> None:
    path = tmp_path / f"invented.{suffix}"
    table.write(path)
    try:
        result = train(Run(spec_of(path, table.target_name, chosen), tmp_path / "run"))
    except UserError as refusal:
        said = str(refusal)
        assert "\n" not in said
        assert "Traceback" not in said
        assert any(word in said for word in ("data.", "column", path.name))
        return
    if chosen["normalize"] == "robust" and result["status"] == "diverged":
        return  # outliers stay as far out as they are, and a fixed learning rate may be too large for that
    assert result["status"] == "done"
    assert result["epochs"] == 2
    assert all(math.isfinite(result["metrics"][name]) for name in ("train/loss", "train/objective"))
    assert json.dumps(json.loads((tmp_path / "run" / "result.json").read_text()), allow_nan=False)
    model = Artefact.load(tmp_path / "run" / "model")
    assert np.isfinite(model.weight).all()
    assert np.isfinite(model.bias).all()


def fitted(data: Prepared) -> tuple[Any, ...]:
    """Whatever was decided by looking at rows, as text: NaN is equal to itself there."""
    scales = (data.x_scale.shift, data.x_scale.scale, data.y_scale.shift, data.y_scale.scale)
    return data.encoder.to_json(), *(scale.tolist() for scale in scales)


@settings(LIKE_ALWAYS, max_examples=examples(10))
@given(
    table=tables(),
    normalize=st.sampled_from(["standard", "minmax", "robust"]),
    settings_=st.builds(
        EncodeSettings,
        impute=st.sampled_from(["mean", "median"]),
        indicator=st.booleans(),
        min_count=st.integers(1, 3),
        drop_first=st.booleans(),
    ),
    seed=st.integers(0, 100),
)
def test_nothing_is_fitted_on_rows_that_do_not_train(
    tmp_path: Path, table: Invented, normalize: Any, settings_: EncodeSettings, seed: int
) -> None:
    """Other numbers, levels and holes in val and test rows, and other targets, leave all that is fitted as it was."""
    path = tmp_path / "invented.parquet"
    table.write(path)
    rng = np.random.default_rng(seed)
    ways: dict[str, Any] = {"normalize": normalize, "encode": settings_, "normalize_target": "auto"}
    try:
        before = load("table", path=str(path), target=table.target_name)
        data = prepare(before, Preparation(**ways))
    except UserError:
        assume(False)
    rows = split_rows(len(before), val=0.15, test=0.15)
    others = np.concatenate([rows.val, rows.test])
    after = prepare(disturbed(before, others, rng), Preparation(**ways))
    assert fitted(after) == fitted(data)
    assert torch.equal(rows_of(after.train).x, rows_of(data.train).x)
    assert torch.equal(rows_of(after.train).y, rows_of(data.train).y)


def disturbed(table: Table, rows: np.ndarray[Any, Any], rng: np.random.Generator) -> Table:
    """The same table with something else in some rows."""
    assert isinstance(table.features, Unfetched)
    (frame,), target = table.features.parts([np.arange(len(table))]), table.target.copy()
    numbers, codes = frame.numbers.copy(), frame.codes.copy()
    numbers[rows] = rng.choice([np.nan, -1e3, 0.0, 1.0, 1e9], numbers[rows].shape)
    for place, column in enumerate(column for column in frame.columns if column.role == "category"):
        codes[rows, place] = rng.integers(-1, len(column.levels), len(rows))
    target[rows] = rng.choice(target, len(rows)) if table.classes else 1e6 * rng.standard_normal(len(rows))
    return replace(table, features=replace(frame, numbers=numbers, codes=codes), target=target)


@pytest.mark.parametrize("row", [0, 18, 29])
def test_a_number_beyond_the_precision_is_refused_wherever_its_row_is(tmp_path: Path, row: int) -> None:
    """Train rows bound what they are scaled to; a val or test row may be any number of deviations away."""
    path = tmp_path / "rows.csv"
    cells = [str(number) for number in range(30)]
    cells[row] = "1e40"
    path.write_text("a,b,y\n" + "".join(f"{cell},{k % 7},{k % 5 + 0.5}\n" for k, cell in enumerate(cells)))
    chosen: dict[str, Any] = {"task": None, "normalize": "robust", "stream": False, "l2": 0.0, "impute": "mean"}
    chosen |= {"indicator": False, "drop_first": False}
    with pytest.raises(UserError, match=r"^column 'a': a (train|val|test) row holds .* too large for data.dtype"):
        train(Run(spec_of(path, "y", chosen | {"dtype": "float32"}), tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    result = train(Run(spec_of(path, "y", chosen | {"dtype": "float64"}), tmp_path / "run"))
    assert all(value is None or math.isfinite(value) for value in result["metrics"].values())


def test_a_target_whose_square_is_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,y\n" + "".join(f"{row},{row}.5e300\n" for row in range(1, 10)))
    with pytest.raises(
        UserError, match=r"^data.target=y: it holds 9.5e\+300, whose square float64 cannot hold; divide"
    ):
        prepare(load("table", path=str(path), target="y"), Preparation())


def test_control_characters_do_not_end_a_field(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,y\n" + "".join(f"{'x' * (row % 3)}\x01,{row},{row}.5\n" for row in range(12)))
    assert load("table", path=str(path), target="y").columns == ("a", "b")


def test_lines_that_end_in_several_ways_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,y\r\n1,2\r3,4\r\n5,7\r\n")
    table = load("table", path=str(path), target="y")
    assert isinstance(table, Table)
    assert table.target.tolist() == [2, 4, 7]
