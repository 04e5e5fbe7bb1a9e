"""Log-losses under links: against mpmath in both tails, and what is refused."""

from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from onelayer.data.blocks import Block
from onelayer.errors import UserError
from onelayer.links import IDENTITY, LINKS, SOFTMAX
from onelayer.model.metrics import Tally
from onelayer.model.objectives import BINARY, choose_objective
from onelayer.model.optimizers import refuse_unbounded
from tests.links.test_links import BOTH, EXACT

every_link = pytest.mark.parametrize("link", BINARY)
# the logit's own loss is torch's, whose smallest values are rounded beside 1; tests/model/test_objectives.py holds it
other_links = pytest.mark.parametrize("link", [link for link in BINARY if link != "logit"])
CURVES = torch.cat([-torch.logspace(3, -3, 2000), torch.logspace(-3, 3, 2000)]).double()[None, :, None]


def exact_loss(link: str, y: float, z: Any) -> Any:
    """``-log p`` or ``-log(1 - p)``, by the smaller of the two."""
    if link == "cloglog":
        u = mpmath.exp(z)
        return u if y == 0 else -mpmath.log1p(-mpmath.exp(-u)) if u > 1 else -mpmath.log(-mpmath.expm1(-u))
    own, other = (EXACT[link](z), EXACT[link](-z)) if y == 1 else (EXACT[link](-z), EXACT[link](z))
    return -mpmath.log(own) if own < 0.5 else -mpmath.log1p(-other)


@other_links
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_loss_residual_and_hessian_are_right_in_both_tails(link: str, y: float) -> None:
    objective = BINARY[link]
    with mpmath.workdps(50):
        for z in BOTH:
            if z == 0 or (link == "cloglog" and z > 700):
                continue
            logits, target = torch.tensor([[[z]]], dtype=torch.float64), torch.tensor([[y]], dtype=torch.float64)
            found = [float(of(logits, target)) for of in (objective.loss, objective.residual, objective.hessian)]
            with mpmath.workdps(50 if abs(z) < 30 else 80):
                exact = [float(mpmath.diff(lambda t: exact_loss(link, y, t), mpmath.mpf(z), n)) for n in range(3)]
            np.testing.assert_allclose(found, exact, rtol=4e-12, atol=1e-200, err_msg=f"at {z}")


@every_link
def test_an_uncertain_target_is_the_mean_of_both(link: str) -> None:
    logits = torch.linspace(-5, 5, 21, dtype=torch.float64)[None, :, None]
    one, objective = torch.ones(21, 1, dtype=torch.float64), BINARY[link]
    for of in (objective.loss, objective.residual, objective.hessian):
        torch.testing.assert_close(of(logits, 0.3 * one), 0.3 * of(logits, one) + 0.7 * of(logits, 0 * one))


@every_link
def test_the_information_is_what_the_model_expects_of_the_hessian(link: str) -> None:
    logits = torch.linspace(-4, 4, 21, dtype=torch.float64)[None, :, None]
    objective, p = BINARY[link], BINARY[link].predict(logits)[0]
    torch.testing.assert_close(objective.information(logits, p), objective.hessian(logits, p), rtol=1e-10, atol=1e-14)


@every_link
def test_what_is_said_of_curvature_and_convexity_holds_and_is_tight(link: str) -> None:
    objective = BINARY[link]
    target = torch.ones_like(CURVES[0])
    both = torch.cat([objective.hessian(CURVES, target), objective.hessian(CURVES, 0 * target)])
    assert objective.convex == (float(both.min()) >= 0)
    assert float(both.max()) <= objective.curvature + 1e-12
    assert link == "cloglog" or float(both.max()) > 0.99 * objective.curvature


@other_links
def test_single_precision_stays_finite_and_near_double(link: str) -> None:
    objective = BINARY[link]
    z = CURVES[:, CURVES[0, :, 0].abs() > 0.01]
    for y in (0.0, 1.0):
        # exp(z) has no such bound
        logits = z.clamp(max=80) if link == "cloglog" and y == 0 else z
        target = torch.full_like(logits[0], y)
        for of in (objective.loss, objective.residual, objective.hessian):
            wanted, found = of(logits.float().double(), target), of(logits.float(), target.float())
            torch.testing.assert_close(found.double(), wanted, rtol=3e-3, atol=2e-7)


@every_link
def test_no_number_is_no_loss(link: str) -> None:
    logits, target = torch.full((1, 1, 1), torch.nan), torch.ones(1, 1)
    assert BINARY[link].loss(logits, target).isnan().all()
    assert BINARY[link].residual(logits, target).isnan().all()


@every_link
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_predictions_are_those_of_a_delivered_model(link: str, dtype: torch.dtype) -> None:
    logits = CURVES.to(dtype)
    found = BINARY[link].predict(logits).numpy()
    # out in the tails, exp(-z^2 / 2) makes z^2 of a rounding
    rtol, atol = (1e-12, 1e-300) if dtype == torch.float64 else (5e-5, 1e-37)
    np.testing.assert_allclose(found, LINKS[link].inverse(logits.numpy()), rtol=rtol, atol=atol)


@every_link
def test_a_row_is_counted_as_the_class_that_is_more_probable(link: str) -> None:
    objective, theta = BINARY[link], torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)
    threshold = torch.tensor(objective.decision_threshold, dtype=torch.float64)
    assert float(objective.predict(threshold)) == pytest.approx(0.5)
    x = torch.linspace(-2, 2, 50, dtype=torch.float64)[:, None]
    positive = torch.from_numpy(LINKS[link].inverse(x.numpy()) > 0.5).double()
    tally = Tally(["accuracy"], objective)
    tally.add(theta, Block(x, positive, None, 50, None, None))
    assert tally.values()["accuracy"].tolist() == [1.0]


def test_the_link_chooses_the_objective_of_a_binary_target() -> None:
    assert choose_objective("auto", "binary", "probit") is choose_objective("logistic", "binary", "probit")
    assert [choose_objective("auto", "binary", link).link.name for link in BINARY] == list(BINARY)
    assert len({objective.name for objective in BINARY.values()}) == len(BINARY)
    assert choose_objective("auto", "regression").link is IDENTITY
    assert choose_objective("auto", "multiclass").link is SOFTMAX


@pytest.mark.parametrize(
    ("name", "task", "said"),
    [
        ("auto", "regression", "the task is regression and its link is identity; leave it logit"),
        ("squared", "regression", "the task is regression and its link is identity; leave it logit"),
        ("softmax", "multiclass", "the task is multiclass and its link is softmax; leave it logit"),
    ],
)
def test_a_link_for_another_target_is_refused(name: str, task: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        choose_objective(name, task, "probit")
    assert str(error.value) == f"model.link=probit is for a binary target, but {said}"


def test_a_rate_by_the_curvature_is_refused_where_that_has_no_bound() -> None:
    refuse_unbounded(BINARY["probit"])
    with pytest.raises(UserError, match=r"^optim.lr=auto .* model.link=cloglog the curvature has no bound L; give"):
        refuse_unbounded(BINARY["cloglog"])
