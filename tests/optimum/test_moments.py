"""Moments from a triangle against those computed directly, whatever way the rows are cut."""

import numpy as np
import pytest
import torch

from onelayer.data.parts import Part
from onelayer.optimum import moments
from onelayer.optimum.moments import Moments

rng = np.random.default_rng(0)
X, Y, W = rng.normal(3, 2, (200, 5)), rng.normal(1e3, 1, (200, 2)), rng.random(200)
W = W / W.mean()


def part(x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> Part:
    return Part(torch.from_numpy(x), torch.from_numpy(y), None if weight is None else torch.from_numpy(weight))


@pytest.mark.parametrize("block", [1, 70, 2**22])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments(monkeypatch: pytest.MonkeyPatch, block: int, weighted: bool) -> None:
    monkeypatch.setattr(moments, "BLOCK", block)
    w = W if weighted else np.ones(200)
    found = Moments.of(part(X, Y, W if weighted else None))
    x, y = X - w @ X / 200, Y - w @ Y / 200
    np.testing.assert_allclose(found.x_mean, w @ X / 200, rtol=1e-12)
    np.testing.assert_allclose(found.y_mean, w @ Y / 200, rtol=1e-12)
    np.testing.assert_allclose(found.triangle.T @ found.triangle, (w[:, None] * x).T @ x, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found.triangle.T @ found.projected, (w[:, None] * x).T @ y, rtol=1e-9, atol=1e-9)
    whole = found.projected.T @ found.projected + np.diag(found.rest**2)
    np.testing.assert_allclose(np.diag(whole), (w[:, None] * y**2).sum(0), rtol=1e-11)


def test_moments_about_zero() -> None:
    found = Moments.of(part(X, Y)).about_zero()
    np.testing.assert_allclose(found.triangle.T @ found.triangle, X.T @ X, rtol=1e-12)
    np.testing.assert_allclose(found.triangle.T @ found.projected, X.T @ Y, rtol=1e-12)
    whole = (found.projected**2).sum(0) + found.rest**2
    np.testing.assert_allclose(whole, (Y**2).sum(0), rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_fewer_rows_than_columns(rows: int) -> None:
    found = Moments.of(part(X[:rows], Y[:rows]))
    x = X[:rows] - X[:rows].mean(0)
    np.testing.assert_allclose(found.triangle.T @ found.triangle, x.T @ x, rtol=1e-9, atol=1e-9)
    assert found.about_zero().triangle.shape == (5, 5)


@pytest.mark.parametrize("bias", [True, False])
def test_the_largest_curvature(bias: bool) -> None:
    columns = np.concatenate([X, np.ones((200, 1))], 1) if bias else X
    expected = np.linalg.eigvalsh(columns.T @ columns / 200)[-1]
    found = Moments.of(part(X, Y))
    np.testing.assert_allclose((found if bias else found.about_zero()).largest(bias=bias), expected, rtol=1e-12)
