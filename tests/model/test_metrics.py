"""Every metric against scikit-learn, run by run."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from onelayer.errors import UserError
from onelayer.model.metrics import METRICS, auroc, check_monitor, confusion, measure
from onelayer.model.objectives import OBJECTIVES

RUNS, ROWS = 4, 90
generator = torch.Generator().manual_seed(0)


def logits(outputs: int) -> torch.Tensor:
    return torch.randn(RUNS, ROWS, outputs, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("unit", [None, 10.0])
def test_regression(outputs: int, unit: float | None) -> None:
    z, y = logits(outputs), torch.randn(ROWS, outputs, generator=generator, dtype=torch.float64)
    scale = torch.full((outputs,), unit or 1.0, dtype=torch.float64)
    found = measure(METRICS["regression"], OBJECTIVES["squared"], z, y, None if unit is None else scale)
    s = float(scale[0])
    for run in range(RUNS):
        p, t = s * z[run].numpy(), s * y.numpy()
        np.testing.assert_allclose(found["mse"][run], sk.mean_squared_error(t, p))
        np.testing.assert_allclose(found["mae"][run], sk.mean_absolute_error(t, p))
        np.testing.assert_allclose(found["r2"][run], sk.r2_score(t, p))
        np.testing.assert_allclose(found["loss"][run], outputs * sk.mean_squared_error(t, p) / s**2)


def test_binary() -> None:
    z, y = logits(1), torch.randint(0, 2, (ROWS, 1), generator=generator).double()
    found = measure(METRICS["binary"], OBJECTIVES["logistic"], z, y)
    for run in range(RUNS):
        p, t = torch.sigmoid(z[run, :, 0]).numpy(), y[:, 0].numpy()
        np.testing.assert_allclose(found["loss"][run], sk.log_loss(t, p))
        np.testing.assert_allclose(found["log_loss"][run], sk.log_loss(t, p))
        np.testing.assert_allclose(found["accuracy"][run], sk.accuracy_score(t, p > 0.5), rtol=1e-6)
        np.testing.assert_allclose(found["f1"][run], sk.f1_score(t, p > 0.5), rtol=1e-6)
        np.testing.assert_allclose(found["auroc"][run], sk.roc_auc_score(t, p))


def test_multiclass() -> None:
    z, y = logits(5), torch.randint(0, 5, (ROWS,), generator=generator)
    found = measure(METRICS["multiclass"], OBJECTIVES["softmax"], z, y)
    for run in range(RUNS):
        p, t = z[run].softmax(-1).numpy(), y.numpy()
        np.testing.assert_allclose(found["log_loss"][run], sk.log_loss(t, p))
        np.testing.assert_allclose(found["accuracy"][run], sk.accuracy_score(t, p.argmax(1)), rtol=1e-6)
        np.testing.assert_allclose(found["f1"][run], sk.f1_score(t, p.argmax(1), average="macro"), rtol=1e-6)
        np.testing.assert_allclose(found["auroc"][run], sk.roc_auc_score(t, p, multi_class="ovr"))
        counts = confusion(z[run : run + 1].argmax(-1), y, 5)[0].numpy()
        assert (counts == sk.confusion_matrix(t, p.argmax(1))).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auroc_with_ties(rows: list[tuple[int, bool]]) -> None:
    scores = torch.tensor([[float(score) for score, _ in rows]])
    positive = torch.tensor([member for _, member in rows])
    found = float(auroc(scores, positive))
    if positive.all() or not positive.any():
        assert np.isnan(found)
    else:
        np.testing.assert_allclose(found, sk.roc_auc_score(positive, scores[0]))


@pytest.mark.parametrize("rows", [[50, 40], [1, 89], [30, 30, 30]])
def test_parts_weigh_by_their_rows(rows: list[int]) -> None:
    z, y = logits(1), torch.randn(ROWS, 1, generator=generator, dtype=torch.float64)
    names = ("loss", "mse", "mae")
    whole = measure(names, OBJECTIVES["squared"], z, y)
    parts = [
        measure(names, OBJECTIVES["squared"], a, b)
        for a, b in zip(torch.split(z, rows, 1), torch.split(y, rows), strict=True)
    ]
    for name in names:
        mean = sum(n * part[name] for n, part in zip(rows, parts, strict=True)) / ROWS
        torch.testing.assert_close(mean, whole[name])


def test_a_diverged_run_is_nan_and_its_neighbours_are_not() -> None:
    z, y = logits(1), torch.randint(0, 2, (ROWS, 1), generator=generator).double()
    z[1] = torch.nan
    found = measure(METRICS["binary"], OBJECTIVES["logistic"], z, y)
    for values in found.values():
        assert values.isnan().tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("monitor", "said"), [("val/los", "did you mean 'val/loss'"), ("val/accuracy", "there are val/loss")]
)
def test_a_metric_that_is_not_measured_cannot_be_monitored(monitor: str, said: str) -> None:
    check_monitor("train/gap", "regression")
    with pytest.raises(UserError, match=said):
        check_monitor(monitor, "regression")
