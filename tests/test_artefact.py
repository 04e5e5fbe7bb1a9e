"""The delivered model: what was saved is loaded; what is not whole is refused."""

from pathlib import Path

import numpy as np
import pytest

from onelayer.artefact import HEADER, TENSORS, Artefact
from onelayer.errors import UserError


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    weight, bias, x_shift, x_scale, y_shift, y_scale = (
        rng.normal(size=shape) for shape in [(2, 3), (2,), (3,), (3,), (2,), (2,)]
    )
    header = {"columns": ["a", "b", "c"], "classes": None}
    Artefact(weight, bias, x_shift, x_scale, y_shift, y_scale, header).save(tmp_path / "model")
    return tmp_path / "model"


def test_a_model_comes_back_as_it_was(saved: Path) -> None:
    model = Artefact.load(saved)
    assert model.header["columns"] == ["a", "b", "c"]
    x = np.ones((4, 3))
    expected = ((x - model.x_shift) / model.x_scale) @ model.weight.T + model.bias
    assert (model.logits(x) == expected).all()
    assert sorted(path.name for path in saved.iterdir()) == [HEADER, TENSORS]


def test_saving_again_replaces_the_whole(saved: Path) -> None:
    Artefact.load(saved).save(saved)
    Artefact.load(saved)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove", "garble", "newer"])
def test_what_is_not_whole_is_refused(saved: Path, harm: str) -> None:
    tensors, header = saved / TENSORS, saved / HEADER
    data = tensors.read_bytes()
    if harm == "flip":
        tensors.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif harm == "truncate":
        tensors.write_bytes(data[:-8])
    elif harm == "remove":
        tensors.unlink()
    elif harm == "garble":
        header.write_text("{")
    else:
        header.write_text(header.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(UserError, match="model"):
        Artefact.load(saved)
