"""What a fit leaves behind, and what it does not."""

import logging
import os
import pickle
import random
import signal
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import eye_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split

import onelayer
from onelayer.data.table import Array
from onelayer.estimators.classifier import OneLayerClassifier
from onelayer.estimators.memory import NullProgress
from onelayer.estimators.regressor import OneLayerRegressor


def tumours() -> tuple[Array, Array]:
    x, y = load_breast_cancer(return_X_y=True)
    return x[:, :5], y


def test_onelayer_has_the_estimators() -> None:
    assert onelayer.OneLayerClassifier is OneLayerClassifier
    assert onelayer.OneLayerRegressor is OneLayerRegressor
    assert {"OneLayerClassifier", "OneLayerRegressor", "sweep", "load"} <= set(dir(onelayer))
    with pytest.raises(AttributeError, match="no attribute 'TwoLayer'"):
        _ = onelayer.TwoLayer  # type: ignore[attr-defined]


def test_a_fit_is_quiet_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    x, y = tumours()
    np.random.seed(3)
    torch.manual_seed(3)
    random.seed(3)
    lightning = logging.getLogger("lightning.pytorch")
    before = (dict(os.environ), torch.get_default_dtype(), torch.get_num_threads(), list(warnings.filters))
    state, level, handler = str(np.random.get_state()), lightning.level, signal.getsignal(signal.SIGINT)
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    OneLayerClassifier(optim="adam", batch_size=64, max_epochs=3, val=0.2, init="normal").fit(x, y)
    onelayer.sweep(x, y, grid={"l2": [0.1, 1.0]}, optim="sgd", max_epochs=2)
    assert (dict(os.environ), torch.get_default_dtype(), torch.get_num_threads(), list(warnings.filters)) == before
    assert str(np.random.get_state()) == state
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state
    assert (lightning.level, signal.getsignal(signal.SIGINT)) == (level, handler)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_gives_the_same_bits_and_none_another() -> None:
    x, y = tumours()
    drawn: dict[str, Any] = {"optim": "sgd", "max_epochs": 2, "batch_size": 32, "init": "normal"}
    first, again, other, fresh = (OneLayerClassifier(**drawn, random_state=seed).fit(x, y) for seed in (5, 5, 6, None))
    assert first.coef_.tobytes() == again.coef_.tobytes()
    assert first.coef_.tobytes() != other.coef_.tobytes()
    assert fresh.coef_.tobytes() not in (first.coef_.tobytes(), other.coef_.tobytes())
    states = [np.random.RandomState(1) for _ in range(2)]
    one, two = (OneLayerClassifier(**drawn, random_state=state).fit(x, y) for state in states)
    assert one.coef_.tobytes() == two.coef_.tobytes()


def test_a_pickle_predicts_without_torch(tmp_path: Path) -> None:
    x, y = tumours()
    model = OneLayerClassifier(optim="adam", max_epochs=2).fit(x, y).partial_fit(x, y)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    code = (
        "import pickle, sys, numpy, onelayer\n"
        "assert not {'torch', 'lightning', 'sklearn'} & set(sys.modules), 'onelayer itself'\n"
        "model = pickle.load(open('model.pickle', 'rb'))\n"
        "numpy.save('said.npy', model.predict_proba(numpy.load('x.npy')))\n"
        "assert not {'torch', 'lightning', 'hydra'} & set(sys.modules), 'imported'\n"
    )
    path = os.pathsep.join([str(Path(onelayer.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": path})
    np.testing.assert_array_equal(np.load(tmp_path / "said.npy"), model.predict_proba(x))


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_frames_of_numbers(kind: Any) -> None:
    x, y = tumours()
    frame = kind({f"column {number}": x[:, number] for number in range(5)})
    model = OneLayerClassifier(l2=0.1, reference=False).fit(frame, y)
    assert list(model.feature_names_in_) == [f"column {number}" for number in range(5)]
    np.testing.assert_array_equal(model.coef_, OneLayerClassifier(l2=0.1, reference=False).fit(x, y).coef_)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list(frame.columns)[::-1]])


def test_validation_rows_choose_the_epoch_and_patience_ends_training() -> None:
    """The rows are scikit-learn's own split, in the shares of the classes, whatever the seed is."""
    x, y = tumours()
    settings: dict[str, Any] = {"optim": "sgd", "lr": 5.0, "batch_size": 16, "max_epochs": 60, "random_state": 1}
    model = OneLayerClassifier(**settings, val=0.25, patience=4).fit(x, y)
    result = model.result_
    assert (result["status"], model.n_iter_) == ("stopped", result["best_epoch"] + 4)
    train, val = train_test_split(np.arange(len(y)), test_size=143, random_state=0, stratify=y)
    alone = OneLayerClassifier(**{**settings, "max_epochs": result["best_epoch"]}).fit(x[train], y[train])
    np.testing.assert_allclose(model.coef_, alone.coef_, rtol=1e-10)
    assert result["metrics"]["val/accuracy"] == pytest.approx(model.score(x[val], y[val]))


def test_grid_search_clones_and_fits_in_threads() -> None:
    x, y = tumours()
    search = GridSearchCV(OneLayerClassifier(reference=False), {"l2": [0.01, 0.1]}, cv=3, n_jobs=2, pre_dispatch=2)
    with joblib.parallel_backend("threading"):
        search.fit(x, y)
    alone = clone(search.best_estimator_).fit(x, y)
    np.testing.assert_array_equal(search.best_estimator_.coef_, alone.coef_)
    assert search.best_score_ > 0.9


def test_fits_in_threads_leave_the_process_as_it_was() -> None:
    """Lightning sets torch's default precision, one for all threads, and puts back what it found."""
    x, y = tumours()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns in the middle of everything
    before = (torch.get_default_dtype(), torch.get_num_threads(), logging.getLogger("lightning.pytorch").level)
    fits = [joblib.delayed(OneLayerClassifier(optim="sgd", max_epochs=20).fit)(x, y) for _ in range(16)]
    try:
        joblib.Parallel(n_jobs=8, backend="threading")(fits)
    finally:
        sys.setswitchinterval(interval)
    after = (torch.get_default_dtype(), torch.get_num_threads(), logging.getLogger("lightning.pytorch").level)
    assert after == before


def test_divergence_and_an_early_end_are_warned_of() -> None:
    x, y = load_diabetes(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 1, .* try a smaller lr"):
        model = OneLayerRegressor(optim="sgd", lr=1e6).fit(x, y)
    assert model.result_["status"] == "diverged"
    assert np.isfinite(model.predict(x)).all()
    with pytest.warns(ConvergenceWarning, match="had not arrived after 1 epochs; raise max_epochs"):
        OneLayerRegressor(max_epochs=1, optim_args={"max_iter": 2}).fit(x, y)


def test_separated_classes_are_said_to_have_no_optimum() -> None:
    model = OneLayerClassifier().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    assert model.result_["reference"]["note"].startswith("no finite optimum: the classes are separated")
    assert np.isnan(model.result_["metrics"]["train/gap"])
    assert model.result_["metrics"]["train/loss"] < 1e-5


def test_verbose_prints_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = tumours()
    OneLayerClassifier(l2=0.1, verbose=True).fit(x, y)
    said = capsys.readouterr().out
    assert said.startswith("done  train/loss 0.")
    assert "gap" in said


def test_lbfgs_ends_after_the_first_epoch_in_which_nothing_moved() -> None:
    model = OneLayerClassifier(l2=0.1, optim_args={"max_iter": 4}).fit(*tumours())
    assert len(model.loss_curve_) == model.n_iter_ > 3
    assert model.loss_curve_[-1] == model.loss_curve_[-2] < model.loss_curve_[-3]


def test_control_c_is_a_keyboard_interrupt_and_can_be_pressed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(bar: NullProgress, epoch: int, values: Mapping[str, float]) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(NullProgress, "update", pressed)
    x, y = tumours()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            OneLayerClassifier(optim="adam").fit(x, y)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optim": "adm"}, "optim='adm': there is no such optimizer; did you mean 'adam'?"),
        ({"lr": -1}, "lr=-1: must be greater than 0 or 'auto'"),
        ({"lr": "auto"}, "lr=auto is 1/L, .* says nothing for LBFGS; give a number"),
        ({"optim": "sgd", "optim_args": {"momentm": 0.9}}, "optim_args.momentm: SGD has no such .*'momentum'"),
        ({"optim_args": {"lr": 1}}, "'lr' is a parameter of its own; set lr"),
        ({"l2": -0.1}, "^l2=-0.1: must be greater than or equal to 0"),
        ({"batch_size": 16}, "LBFGS .* goes astray on minibatches; set batch_size=full"),
        ({"patience": 3}, "patience=3 watches val/loss, which val=0 leaves without rows"),
        ({"val": 568}, "val=568: 569 rows, 212 of the rarest class, cannot be parted"),
        ({"max_epochs": 0}, "^max_epochs=0: must be greater than 0"),
        ({"normalize": "all"}, "^normalize=all: must be 'standard', 'minmax', 'robust' or 'none'"),
        ({"link": "probt"}, "^link=probt: must be 'logit'"),
        ({"class_weight": {2: 1.0}}, "class_weight=.*not in class_weight"),
        ({"random_state": -1}, "^random_state=-1: must be greater than or equal to 0"),
        ({"reference": "no"}, "reference='no': must be a valid boolean"),
    ],
    ids=str,
)
def test_a_parameter_that_cannot_be_is_named_in_a_sentence(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OneLayerClassifier(**settings).fit(*tumours())


def test_rows_that_cannot_be_are_named_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"float: 'a'; encode columns of text first, .*OneHotEncoder"):
        OneLayerRegressor().fit(pd.DataFrame({"s": ["a", "b"]}), [1.0, 2.0])
    with pytest.raises(ValueError, match="normalize=minmax would fill the zeros of sparse features"):
        OneLayerRegressor(normalize="minmax").fit(eye_array(3, format="csr"), [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="link=probit is for a binary target"):
        OneLayerClassifier(link="probit").fit([[1.0], [2.0], [3.0]], [0, 1, 2])
    with pytest.raises(ValueError, match="y has one class, '1', in rows that count"):
        OneLayerClassifier().fit([[1.0], [2.0]], [0, 1], sample_weight=[0, 1])
    with pytest.raises(ValueError, match="y: it holds 1e\\+200, whose square"):
        OneLayerRegressor().fit([[1.0], [2.0]], [1e200, 1.0])
