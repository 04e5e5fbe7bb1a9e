"""Every metric against scikit-learn, run by run."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch import Tensor

from onelayer.data.blocks import Block
from onelayer.errors import UserError
from onelayer.model.metrics import METRICS, Tally, auroc, confusion
from onelayer.model.monitor import check_monitor
from onelayer.model.objectives import OBJECTIVES, Objective

RUNS, ROWS = 4, 90
generator = torch.Generator().manual_seed(0)


def logits(outputs: int) -> torch.Tensor:
    return torch.randn(RUNS, ROWS, outputs, generator=generator, dtype=torch.float64)


def measure(
    names: Sequence[str],
    objective: Objective,
    z: Tensor,
    y: Tensor,
    unit: Tensor | None = None,
    *,
    weight: Tensor | None = None,
    rows: Sequence[int] = (ROWS,),
) -> dict[str, Tensor]:
    """Logits (runs, rows, outputs) as weights on rows of the identity: so any logits can be measured as a model's."""
    tally = Tally(names, objective, unit)
    theta, x = z.transpose(1, 2).contiguous(), torch.eye(z.shape[1], dtype=z.dtype)
    for some in torch.split(torch.arange(z.shape[1]), list(rows)):
        w = None if weight is None else weight[some]
        tally.add(theta, Block(x[some], y[some], None, len(some), w, w))
    return tally.values()


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
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", METRICS)
def test_blocks_add_up_to_the_whole(task: str, rows: list[int], weighted: bool) -> None:
    objective = {"regression": "squared", "binary": "logistic", "multiclass": "softmax"}[task]
    z = logits(3 if task == "multiclass" else 1)
    y = torch.randn(ROWS, 1, generator=generator, dtype=torch.float64) + 1e6
    if task != "regression":
        y = torch.randint(0, z.shape[2] + (task == "binary"), (ROWS,), generator=generator)
        y = y[:, None].double() if task == "binary" else y
    weight = torch.rand(ROWS, generator=generator, dtype=torch.float64) if weighted else None
    names = tuple(name for name in METRICS[task] if name != "auroc")
    whole = measure(names, OBJECTIVES[objective], z, y, weight=weight)
    parts = measure(names, OBJECTIVES[objective], z, y, weight=weight, rows=rows)
    for name in names:
        torch.testing.assert_close(parts[name], whole[name])


@pytest.mark.parametrize("task", METRICS)
def test_a_row_that_counts_twice_is_a_row_that_is_there_twice(task: str) -> None:
    objective = {"regression": "squared", "binary": "logistic", "multiclass": "softmax"}[task]
    z = logits(3 if task == "multiclass" else 1).round(decimals=1)  # with ties
    y = torch.randn(ROWS, 1, generator=generator, dtype=torch.float64)
    if task != "regression":
        y = torch.randint(0, z.shape[2] + (task == "binary"), (ROWS,), generator=generator)
        y = y[:, None].double() if task == "binary" else y
    times = torch.randint(0, 4, (ROWS,), generator=generator)
    found = measure(METRICS[task], OBJECTIVES[objective], z, y, weight=times.double())
    again = torch.arange(ROWS).repeat_interleave(times)
    expected = measure(METRICS[task], OBJECTIVES[objective], z[:, again], y[again], rows=(len(again),))
    for name in METRICS[task]:
        torch.testing.assert_close(found[name], expected[name])


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
