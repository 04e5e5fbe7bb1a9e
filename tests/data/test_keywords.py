"""DataModule as a Lightning user builds it: from a source, a file, a frame or arrays, and step by step."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from scipy.sparse import csr_array
from sklearn.preprocessing import StandardScaler
from torch import Tensor

import onelayer
from onelayer.config import RunSpec
from onelayer.data.blocks import Block
from onelayer.data.module import DataModule
from onelayer.errors import UserError
from tests.conftest import composed, data_by, load, rows_of

Stage = Literal["train", "val", "test"]
STAGES: tuple[Stage, ...] = ("train", "val", "test")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) * [1, 20, 0.1] + [0, 300, 5]
Y = X @ [1.0, 0.2, 3.0] + RNG.normal(size=60)
FRAME = pd.DataFrame({"x0": X[:, 0], "x1": X[:, 1], "x2": X[:, 2], "y": Y})


def ready(**keywords: Any) -> DataModule:
    data = DataModule(**keywords)
    data.setup()
    return data


def blocks(data: DataModule) -> Iterator[Tensor]:
    """All tensors that the loaders yield, the train rows in their order."""
    for block in [*data.train_dataloader(), *(one for stage in STAGES for one in data.measured(stage))]:
        assert isinstance(block, Block)
        yield from (one for one in block[:3] if isinstance(one, Tensor))


def same(one: DataModule, other: DataModule) -> bool:
    """Whether two modules yield the same bits."""
    pairs = zip(blocks(one), blocks(other), strict=True)
    return one.data_hash == other.data_hash and all(torch.equal(*pair) for pair in pairs)


def test_it_is_found_at_the_top() -> None:
    assert onelayer.DataModule is DataModule


def test_frame_arrays_and_file_with_equal_rows_yield_equal_bits(tmp_path: Path) -> None:
    pl.from_pandas(FRAME).write_parquet(tmp_path / "rows.parquet")
    settings = {"batch_size": 7, "val": 0.2, "seed": 3}
    first = ready(X=X, y=Y, **settings)
    others = [
        ready(table=FRAME, target="y", **settings),
        ready(table=pl.from_pandas(FRAME), target="y", **settings),
        ready(X=FRAME[["x0", "x1", "x2"]], y=FRAME["y"], **settings),
        ready(X=pl.from_pandas(FRAME[["x0", "x1", "x2"]]), y=Y, **settings),
        ready(path=tmp_path / "rows.parquet", target="y", **settings),
        ready(source="table", path=str(tmp_path / "rows.parquet"), target="y", **settings),
    ]
    assert all(same(first, other) for other in others)


@pytest.mark.parametrize("source", ["breast_cancer", "diabetes", "softmax", "points"])
def test_a_source_is_what_the_command_line_makes_of_it(source: str) -> None:
    given = {"x": [[1.0], [2.0], [4.0]], "y": [2.0, 4.0, 7.0]} if source == "points" else {}
    overrides = ["data.x=[[1.0],[2.0],[4.0]]", "data.y=[2.0,4.0,7.0]"] if source == "points" else []
    spec = RunSpec.from_config(composed(f"data={source}", *overrides))
    assert same(ready(source=source, **given), data_by(spec))


def test_the_seed_of_a_source_is_not_that_of_the_batches() -> None:
    one, other, third = (ready(source="linear", **more) for more in ({}, {"seed": 1}, {"source_args": {"seed": 1}}))
    assert one.data_hash == other.data_hash != third.data_hash


def test_statistics_are_those_of_the_train_rows() -> None:
    data = ready(table=FRAME, target="y", val=12, test=10, dtype="float64")
    split = [np.concatenate([block.x for block in data.measured(stage)]) for stage in STAGES]
    assert [len(part) for part in split] == [38, 12, 10]
    scale = data.prepared.x_scale
    rows = [part * scale.scale + scale.shift for part in split]
    expected = StandardScaler().fit(rows[0])
    np.testing.assert_allclose(scale.shift, expected.mean_, rtol=1e-12)
    np.testing.assert_allclose(scale.scale, expected.scale_, rtol=1e-12)
    everything = np.concatenate(rows)
    np.testing.assert_allclose(everything[np.lexsort(everything.T)], X[np.lexsort(X.T)], rtol=1e-12)


def test_setup_does_the_work_once() -> None:
    data = DataModule(X=X, y=Y)
    data.prepare_data()
    for stage in ("fit", "fit", "test", None):
        data.setup(stage)
        rows = data.prepared
        assert data.prepared is rows
    before = rows_of(data.train).x
    data.teardown("fit")
    data.setup("test")
    assert rows_of(data.train).x is before


def test_what_the_rows_decide_is_told_after_setup() -> None:
    data = DataModule(X=X, y=Y)
    for name in ("task", "classes", "n_features", "batch_size", "steps_per_epoch", "train", "prepared", "data_hash"):
        with pytest.raises(AttributeError, match=r"^DataModule\.\w+ is known once the rows are read; call setup\(\)"):
            getattr(data, name)
        assert not hasattr(data, name)


def test_a_plain_loop_of_torch_finds_least_squares() -> None:
    data = ready(X=X, y=Y, val=0, test=0, batch_size="full", dtype="float64", normalize_target="none")
    model = torch.nn.Linear(data.n_features, data.n_outputs, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    for _ in range(300):
        for block in data.train_dataloader():
            for x, y, _ in block.batches():
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(model(x), y).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
    design = np.column_stack([np.ones(len(X)), (X - X.mean(0)) / X.std(0)])
    expected = np.linalg.lstsq(design, Y)[0]
    found = np.concatenate([model.bias.detach().numpy(), model.weight.detach().numpy()[0]])
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_classes_weights_and_groups_stand_beside_arrays() -> None:
    labels, groups, weight = np.where(Y.mean() < Y, "high", "low"), np.arange(60) // 6, np.arange(60) % 4
    data = ready(X=X, y=labels, sample_weight=weight, split_by=groups, val=0.2, test=0.2)
    assert (data.task, data.classes) == ("binary", ("high", "low"))
    assert sum(len(getattr(data, stage)) for stage in STAGES) == 45
    frame = ready(X=FRAME[["x0", "x1", "x2"]], y=labels, sample_weight=weight, split_by=groups, val=0.2, test=0.2)
    assert same(data, frame)
    for block in data.measured("train"):
        assert float(block.weight.mean()) == pytest.approx(1)


def test_sparse_rows_stay_sparse() -> None:
    sparse = csr_array(np.where(X > 0, X, 0.0))
    data = ready(X=sparse, y=Y, normalize="none")
    assert next(iter(data.train_dataloader())).x.is_sparse_csr


def test_state_is_small_and_plain_and_tells_other_rows() -> None:
    data = ready(X=X, y=Y)
    state = data.state_dict()
    assert state["columns"] == ["x0", "x1", "x2"]
    np.testing.assert_array_equal(state["x_shift"].numpy(), data.prepared.x_scale.shift)
    again = DataModule(X=X, y=Y)
    again.load_state_dict(state)
    assert again.state_dict() == state
    again.setup()
    for other in (DataModule(X=X + 1, y=Y), DataModule(X=X, y=Y, split_seed=1)):
        other.load_state_dict(state)
        with pytest.raises(UserError, match=r"^the rows of X= are not those of the checkpoint: their hash is \w+,"):
            other.setup()


class Line(LightningModule):
    """A line, as anyone would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(3, 1)
        self.seen = 0

    def step(self, batch: Block) -> Tensor:
        self.seen += len(batch.y)
        return torch.nn.functional.mse_loss(self.line(batch.x), batch.y)

    def training_step(self, batch: Block, number: int) -> Tensor:
        return self.step(batch)

    def validation_step(self, batch: Block, number: int) -> None:
        self.step(batch)

    test_step = validation_step

    def predict_step(self, batch: Block, number: int) -> Tensor:
        return cast(Tensor, self.line(batch.x))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters())


def trainer_of(folder: Path) -> Trainer:
    return Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=folder,
        log_every_n_steps=1,
    )


MEDIAN = {"impute": "median"}
quiet = pytest.mark.filterwarnings(
    "ignore:.*LeafSpec.*:FutureWarning", "ignore:.*does not have many workers.*", "ignore:GPU available"
)


@quiet
def test_a_checkpoint_of_lightning_makes_the_module_again(tmp_path: Path) -> None:
    pl.from_pandas(FRAME).write_parquet(tmp_path / "rows.parquet")
    data = DataModule(path=tmp_path / "rows.parquet", target="y", val=cast(int, np.int64(7)), encode=MEDIAN, seed=5)
    trainer = trainer_of(tmp_path)
    trainer.fit(Line(), data)
    trainer.save_checkpoint(tmp_path / "line.ckpt")
    torch.load(tmp_path / "line.ckpt", weights_only=True)
    again = DataModule.load_from_checkpoint(tmp_path / "line.ckpt")
    again.setup()
    assert same(data, again)
    trainer_of(tmp_path).fit(Line(), again, ckpt_path=tmp_path / "line.ckpt", weights_only=True)
    pl.from_pandas(FRAME * 2).write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(UserError, match="are not those of the checkpoint"):
        DataModule.load_from_checkpoint(tmp_path / "line.ckpt").setup()


@quiet
def test_rows_at_hand_are_given_anew_to_a_checkpoint(tmp_path: Path) -> None:
    data = DataModule(X=X, y=Y, val=7, seed=5)
    trainer = trainer_of(tmp_path)
    trainer.fit(Line(), data)
    trainer.save_checkpoint(tmp_path / "line.ckpt")
    again = DataModule.load_from_checkpoint(tmp_path / "line.ckpt", X=X, y=Y)
    again.setup()
    assert same(data, again)
    with pytest.raises(UserError, match="none of them is given"):
        DataModule.load_from_checkpoint(tmp_path / "line.ckpt")


@quiet
def test_stages_without_rows_are_one_sentence_and_a_fit_needs_no_validation(tmp_path: Path) -> None:
    model, data = Line(), DataModule(X=X, y=Y, val=0, test=0)
    trainer_of(tmp_path).fit(model, data)
    assert model.seen == 2 * 60
    for run, said in (("validate", "no validation rows; set val above"), ("test", "no test rows; set test above")):
        with pytest.raises(UserError, match=f"^there are {said} 0$"):
            getattr(trainer_of(tmp_path), run)(model, datamodule=data)
    with pytest.raises(UserError, match=r"^there are no test rows; set test above 0$"):
        trainer_of(tmp_path).predict(model, datamodule=data)


@quiet
def test_predict_chooses_the_rows(tmp_path: Path) -> None:
    for stage, rows in zip(STAGES, (38, 12, 10), strict=True):
        data = DataModule(X=X, y=Y, val=12, test=10, predict=stage)
        (found,) = cast(list[Tensor], trainer_of(tmp_path).predict(Line(), datamodule=data))
        assert len(found) == rows


IRIS = {"source": "iris"}
FRAMED = {"table": FRAME, "target": "y"}


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({}, "rows come from exactly one of source=, table=, X= with y=, and path=; none of them is given"),
        ({**IRIS, **FRAMED}, "rows come from exactly one of source=, .*; source and table are given"),
        ({**FRAMED, "path": "a.csv"}, "rows come from exactly one of .*; table and path are given"),
        ({"source": "irsi"}, "source=irsi: there is no such source; did you mean 'iris'"),
        ({**IRIS, "normalise": "standard"}, "normalise='standard': .* no such keyword; did you mean 'normalize'"),
        ({**FRAMED, "dorp": ["x0"]}, "dorp=.*: table= has no such keyword; did you mean 'drop'"),
        ({"X": X, "y": Y, "target": "y"}, "target='y': X= has no such keyword"),
        ({**IRIS, "val": 1.5}, "val=1.5: must be a valid integer or less than 1"),
        ({**IRIS, "batch_size": 0}, "batch_size=0: must be greater than 0 or 'full'"),
        ({**IRIS, "dtype": "float16"}, "dtype=float16: must be 'float32' or 'float64'"),
        ({**IRIS, "encode": {"imput": "mean"}}, "encode.imput=mean: there is no such key; did you mean 'impute'"),
        ({**IRIS, "seed": -1}, "seed=-1: must be an integer from 0"),
        ({**IRIS, "predict": "all"}, "predict='all': must be 'train', 'val' or 'test'"),
        ({**IRIS, "folds": 5}, "folds=5 needs fold, the one that validates, from 0 to 4"),
        ({**IRIS, "val": 0.5, "test": 0.5}, "split: val=0.5 and test=0.5 take 75"),
        ({**IRIS, "normalize_target": "standard"}, "normalize_target=standard needs a number"),
        ({"source": "diabetes", "stratify": True}, "stratify=true needs classes"),
        ({"source": "linear", "n_samples": -1}, "n_samples=-1: must be greater than 0"),
        ({"path": "no/such.csv", "target": "y"}, "path=no/such.csv: there is no such"),
        ({"table": FRAME}, "target: name the column to be learnt; there are x0, x1, x2, y"),
        ({**FRAMED, "target": "z"}, "target=z: the table has no such column"),
        ({**FRAMED, "task": "binary"}, "task=binary: the target 'y'"),
        ({"X": X, "y": Y[:5]}, r"y has the shape \(5,\), but X has 60 rows"),
        ({"X": X}, "X needs y, the target of each row"),
        ({"X": Y, "y": Y}, r"X has the shape \(60,\); it must be \(rows, n_features\)"),
        ({"X": X.astype(str) + "a", "y": Y}, "X holds what is no number"),
        ({"X": np.where(X[7, 1] == X, np.inf, X), "y": Y}, "X: row 8, column 'x1' is inf"),
        ({"X": X, "y": Y, "sample_weight": -Y}, "sample_weight must be finite numbers from 0 on"),
        ({"X": csr_array(X), "y": Y, "normalize": "standard"}, "normalize=standard would fill the zeros"),
        ({"X": X, "y": 1e6 + 0.01 * RNG.normal(size=60), "normalize_target": "none"}, ".* for dtype=float32"),
    ],
)
def test_wrong_keywords_are_one_sentence(keywords: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=f"^{said}") as error:
        ready(**keywords)
    assert "\n" not in str(error.value)
    assert "data." not in str(error.value)


def test_openml_is_fetched_before_and_read_at_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    from onelayer.data.sources import SOURCES

    fetched = []

    def openml(*, name: str | None, version: Any, target: Any, data_home: Any) -> Any:
        fetched.append(name)
        return load("iris")

    monkeypatch.setitem(cast(dict[str, Any], SOURCES), "openml", openml)
    data = DataModule(source="openml", name="iris")
    before = dict(vars(data))
    data.prepare_data()
    assert (fetched, vars(data)) == (["iris"], before)
    data.setup()
    data.prepare_data()
    assert fetched == ["iris", "iris"]
