"""The delivered model: what was saved is loaded; what is not whole is refused."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from onelayer.artefact import END, SEAL, TRAINING, Artefact, _hash, logits_in_order
from onelayer.data.encode import Encoder, EncodeSettings
from onelayer.data.frame import Column, Frame
from onelayer.deliver.model import Model
from onelayer.errors import UserError
from onelayer.filenames import MODEL_HEADER, MODEL_TENSORS

FRAME = Frame(
    (Column("age"), Column("sex", "category", ("f", "m"))),
    np.array([[20.0], [np.nan], [50.0]]),
    np.array([[0], [1], [0]], np.int32),
)
SAID: dict[str, Any] = {
    "objective": "softmax",
    "task": "multiclass",
    "target": "kind",
    "classes": ["one", "zwölf"],
    "link": "softmax",
    "missing": ["?", "-999"],
    "origin": {},
    "l2": 0.25,
    "best_epoch": 3,
    "data_hash": "0123",
    "training": {
        "status": "done",
        "epochs": 3,
        "lr": 0.1,
        "seed": 0,
        "monitor": "val/loss",
        "metrics": {"train/gap": 1e-9, "val/loss": None},
        "reference": {"objective": None, "note": ""},
        "rows": {"train": 3},
        "overrides": [],
        "config_hash": "0",
        "device": "cpu",
    },
    "versions": {"python": "3.11"},
}


def model_of(encoder: Encoder, dtype: type[np.floating[Any]] = np.float64) -> Artefact:
    rng = np.random.default_rng(0)
    features = encoder.n_features
    weight, bias = rng.normal(size=(2, features)).astype(dtype), rng.normal(size=2).astype(dtype)
    x_shift, x_scale = rng.normal(size=features), rng.uniform(1, 2, features)
    return Artefact(weight, bias, x_shift, x_scale, np.zeros(2), np.ones(2), encoder, SAID)


def two_layers(encoder: Encoder, dtype: type[np.floating[Any]] = np.float64) -> Artefact:
    """Five hidden units."""
    rng = np.random.default_rng(1)
    model = model_of(encoder, dtype)
    first = rng.normal(size=(5, encoder.n_features)).astype(dtype), rng.normal(size=5).astype(dtype)
    last = rng.normal(size=(2, 5)).astype(dtype)
    return replace(model, weight=last, hidden_weight=first[0], hidden_bias=first[1])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model_of(Encoder.fit(FRAME, EncodeSettings(indicator=True))).save(tmp_path / "model")
    return tmp_path / "model"


def test_a_model_comes_back_as_it_was(saved: Path) -> None:
    model = Artefact.load(saved)
    assert model.header == SAID
    assert model.columns == ("age", "age=<missing>", "sex=f", "sex=m")
    assert model.encoder == Encoder.fit(FRAME, EncodeSettings(indicator=True))
    assert sorted(path.name for path in saved.iterdir()) == [MODEL_HEADER, MODEL_TENSORS]


def test_rows_of_a_table_are_encoded_scaled_and_weighed(saved: Path) -> None:
    model = Artefact.load(saved)
    x = np.array([[20.0, 0, 1, 0], [35, 1, 0, 1], [50, 0, 1, 0]])
    expected = ((x - model.x_shift) / model.x_scale) @ model.weight.T + model.bias
    np.testing.assert_allclose(model.logits(FRAME), expected, rtol=1e-14)
    assert (model.logits(x) == model.logits(FRAME)).all()
    with pytest.raises(UserError, match=r"4 features, but rows of shape \(3, 2\)"):
        model.logits(x[:, :2])
    with pytest.raises(UserError, match="no column 'sex'"):
        model.logits(replace(FRAME, columns=FRAME.columns[:1]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_is_predicted_alone_as_among_others_to_the_last_bit(dtype: type[np.floating[Any]]) -> None:
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.normal(size=shape).astype(dtype) for shape in ((500, 777), (3, 777), (3,)))
    among = logits_in_order(x, weight, bias)
    assert (among == np.concatenate([logits_in_order(x[[row]], weight, bias) for row in range(500)])).all()
    np.testing.assert_allclose(among, x @ weight.T + bias, atol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("make", [model_of, two_layers])
@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_rows_beyond_single_precision_are_computed_in_double(
    make: Callable[..., Artefact], form: Callable[[Any], Any]
) -> None:
    """The others are to the last bit what they are without them."""
    single = make(Encoder.plain(("a", "b")), np.float32)
    x = np.array([[1.0, 2.0], [1e39, -1.0], [-3.0, 1e39], [3e38, -3e38], [0.5, 0.5]])
    layers = ("weight", "bias", *(("hidden_weight", "hidden_bias") if single.hidden else ()))
    double = replace(single, **{name: getattr(single, name).astype(np.float64) for name in layers})
    found = single.logits(form(x))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found[1:4], double.logits(x)[1:4], rtol=1e-6)
    alone = single.logits(form(x[[0, 4]]))
    assert alone.dtype == np.float32
    np.testing.assert_array_equal(found[[0, 4]], alone)
    with pytest.raises(UserError, match=r"^column 'b' holds 1\.7e\+308, too large to compute with; leave the row out"):
        replace(single, weight=1e4 * single.weight).logits(form(np.array([[1.0, 2.0], [0.0, 1.7e308]])))


def test_a_hidden_layer_comes_back_as_it_was(tmp_path: Path) -> None:
    model = two_layers(Encoder.fit(FRAME, EncodeSettings(indicator=True)))
    model.save(tmp_path / "model")
    again = Artefact.load(tmp_path / "model")
    assert (again.hidden, again.header) == (5, SAID)
    x = np.array([[20.0, 0, 1, 0], [35, 1, 0, 1], [50, 0, 1, 0]])
    hidden = np.maximum((x - model.x_shift) / model.x_scale @ model.layers[0][0].T + model.layers[0][1], 0)
    np.testing.assert_allclose(again.logits(FRAME), hidden @ model.weight.T + model.bias, rtol=1e-13)


@pytest.mark.parametrize("make", [model_of, two_layers])
def test_sparse_rows_give_what_dense_ones_give(make: Callable[[Encoder], Artefact]) -> None:
    model = make(Encoder.plain(tuple(f"x{number}" for number in range(50))))
    x: csr_array = random_array((20, 50), density=0.1, format="csr", rng=np.random.default_rng(0))
    np.testing.assert_allclose(model.logits(x), model.logits(x.toarray()), rtol=1e-12)


def test_numbers_are_listed_by_their_names_alone(tmp_path: Path) -> None:
    names = tuple(f"x{number}" for number in range(1000))
    model_of(Encoder.plain(names), np.float32).save(tmp_path / "model")
    assert json.loads((tmp_path / "model" / MODEL_HEADER).read_text())["encoding"]["columns"] == list(names)
    assert Artefact.load(tmp_path / "model").weight.dtype == np.float32


def test_saving_again_replaces_the_whole(saved: Path) -> None:
    Artefact.load(saved).save(saved)
    Artefact.load(saved)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove", "garble", "list"])
def test_what_is_not_whole_is_refused(saved: Path, harm: str) -> None:
    tensors, header = saved / MODEL_TENSORS, saved / MODEL_HEADER
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
        header.write_text("[]")
    with pytest.raises(UserError, match="model"):
        Artefact.load(saved)


@pytest.mark.parametrize("name", [MODEL_HEADER, MODEL_TENSORS])
@pytest.mark.parametrize("harm", ["change", "remove", "insert", "truncate"])
def test_harm_to_any_byte_is_refused(saved: Path, name: str, harm: str) -> None:
    file, rng = saved / name, np.random.default_rng(0)
    data = file.read_bytes()
    for place in range(len(data)):
        other = bytes([data[place] ^ int(rng.integers(1, 256))])
        rest = {"change": other + data[place + 1 :], "insert": other + data[place:], "truncate": b""}
        file.write_bytes(data[:place] + rest.get(harm, data[place + 1 :]))
        with pytest.raises(UserError, match="model"):
            Artefact.load(saved)


@given(data=st.data())
def test_a_header_that_was_sealed_anew_is_understood_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("fuzz") / "model"
    model_of(Encoder.fit(FRAME, EncodeSettings(indicator=True))).save(folder)
    header = json.loads((folder / MODEL_HEADER).read_text())
    del header["sha256"]
    seal(folder, changed(header, data))
    with suppress(UserError):  # and nothing else
        Model(Artefact.load(folder)).of_frame(FRAME)


def seal(folder: Path, header: Any) -> None:
    """Write a header with the hash that goes with it."""
    said = json.dumps(header)[:-1]
    (folder / MODEL_HEADER).write_bytes(
        (said + SEAL + _hash(said, (folder / MODEL_TENSORS).read_bytes()) + END).encode()
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"l2": -1}, "l2=-1 must not be below 0"),
        ({"l2": 10**400}, "l2=1000.* is no finite number"),
        *(({"training": {**SAID["training"], key: True}}, rf"training\.{key}=True is of") for key in TRAINING),
        ({"training": {}}, r"'training\.status' is missing"),
        ({"training": {**SAID["training"], "lr": 10**400}}, r"training\.lr=1000.* is no finite number"),
        ({"training": {**SAID["training"], "metrics": {"a": "?"}}}, r"training\.metrics\.a='\?' is of the wrong kind"),
    ],
)
def test_a_header_that_was_sealed_anew_holds_what_the_card_and_the_summary_read(
    saved: Path, change: dict[str, Any], sentence: str
) -> None:
    header = json.loads((saved / MODEL_HEADER).read_text())
    del header["sha256"]
    seal(saved, header | change)
    with pytest.raises(UserError, match=sentence):
        Artefact.load(saved)


def changed(tree: Any, data: st.DataObject) -> Any:
    """Replace something in plain containers by something else."""
    if isinstance(tree, dict | list) and tree and data.draw(st.integers(0, 9)):
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = data.draw(st.sampled_from(keys))
        copy = tree.copy()
        copy[key] = changed(tree[key], data)
        return copy
    plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    return data.draw(
        st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4)
    )


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "does not say how columns were encoded; train it again"),
        (2, "does not say how a missing value is spelled; train it again"),
        (6, "reads 5"),
    ],
)
def test_another_format_is_refused_with_the_reason(saved: Path, number: int, sentence: str) -> None:
    header = saved / MODEL_HEADER
    header.write_text(header.read_text().replace('"format": 5', f'"format": {number}'))
    with pytest.raises(UserError, match=sentence):
        Artefact.load(saved)


@pytest.mark.parametrize("number", [3, 4])
def test_a_format_that_knew_less_is_read(saved: Path, number: int) -> None:
    """3 had no hidden layer, and neither had how the table is written: classes were called as their numbers print."""
    header = json.loads((saved / MODEL_HEADER).read_text())
    del header["sha256"], header["origin"]
    model = Artefact.load(saved)
    seal(saved, header | {"format": number})
    older = Artefact.load(saved)
    assert (older.hidden, older.header) == (None, SAID | {"origin": {"typed": False}})
    np.testing.assert_array_equal(older.logits(FRAME), model.logits(FRAME))


def with_hidden(model: Artefact, units: int, features: int, value: float = 1.0) -> Artefact:
    return replace(model, hidden_weight=np.full((units, features), value), hidden_bias=np.zeros(units))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda model: replace(model, weight=model.weight[:, :3]), r"weight is float64 \(2, 3\), expected"),
        (lambda model: replace(model, bias=model.bias.astype(np.int64)), "bias is int64"),
        (lambda model: replace(model, x_scale=model.x_scale * 0), "x_scale must be finite and above 0"),
        (lambda model: replace(model, x_shift=model.x_shift * np.nan), "x_shift must be finite"),
        (lambda model: replace(model, weight=model.weight * np.nan), "weight must be finite"),
        (lambda model: replace(model, bias=model.bias + np.inf), "bias must be finite"),
        (lambda model: replace(model, encoder=Encoder.plain(("a",))), "expected numbers"),
        (lambda model: with_hidden(model, 3, 4), r"weight is float64 \(2, 4\), expected numbers \(2, 3\)"),
        (lambda model: with_hidden(model, 4, 3), r"hidden_weight is float64 \(4, 3\), expected numbers \(4, 4\)"),
        (lambda model: with_hidden(model, 4, 4, np.nan), "hidden_weight must be finite"),
        (lambda model: with_hidden(model, 0, 4), "the hidden layer has no units"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    saved: Path, change: Callable[[Artefact], Artefact], sentence: str
) -> None:
    change(Artefact.load(saved)).save(saved)
    with pytest.raises(UserError, match=sentence):
        Artefact.load(saved)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"l2": "much"}, "l2='much' is of the wrong kind"),
        ({"best_epoch": True}, "best_epoch=True is of the wrong kind"),
        ({"classes": [1, 2]}, "classes, missing and versions must hold texts"),
        ({"link": "loglog"}, "link='loglog' is none that this version knows"),
        ({"colour": "red"}, "no such field as 'colour'"),
    ],
)
def test_a_header_with_other_fields_is_not_written(saved: Path, change: dict[str, Any], sentence: str) -> None:
    model = Artefact.load(saved)
    with pytest.raises(UserError, match=sentence):
        replace(model, header={**SAID, **change}).save(saved)
    assert Artefact.load(saved).header == SAID
