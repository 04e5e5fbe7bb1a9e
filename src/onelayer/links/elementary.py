"""Symmetric links out of elementary functions."""

import math
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from onelayer.links.base import ElementaryLink
from onelayer.links.operations import Operations, Value

if TYPE_CHECKING:
    from torch import Tensor

    from onelayer.links.base import Floats

NO_TAIL = -40.0  # exp of it is no longer felt beside 1
# where a tail is so near its expansion that this has more digits than the formula
GUDERMANNIAN_TAIL = -5.0
ROOT = 1e150  # its square is finite


class Cauchit(ElementaryLink):
    """``1/2 + arctan(z) / pi``, the distribution function of Cauchy."""

    name, formula = "cauchit", "1/2 + arctan(z) / π"
    curvature, convex = 0.51413479584438558, False

    @override
    def tail(self, a: Value, ops: Operations) -> Value:
        # exports have an arc tangent of 0 to 1 alone
        far = ops.above(a, 1.0)
        turned = ops.arctan(ops.where(far, 1.0 / ops.where(far, a, 1.0), a)) / math.pi
        return ops.where(far, turned, 0.5 - turned)

    @override
    def numpy_tail(self, a: "Floats") -> "Floats":
        import numpy as np

        return np.arctan2(1, a) / np.pi

    @override
    def log_of(self, z: Any, xp: Any) -> Any:
        tail = xp.arctan2(xp.ones_like(z), xp.abs(z)) / math.pi
        return xp.where(z < 0, xp.log(tail), xp.log1p(-tail))

    @override
    def d_log(self, t: "Tensor") -> "Tensor":
        import torch

        one = torch.ones_like(t)
        root = torch.hypot(one, t)
        return (root * torch.atan2(one, -t)).reciprocal() / root

    @override
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        import torch

        root = torch.hypot(torch.ones_like(t), t)
        return d_log * (d_log + 2 * (t / root) / root)


class Gudermannian(ElementaryLink):
    """``1/2 + (2/pi) arctan(tanh(z/2))``, the distribution function of the hyperbolic secant."""

    name, formula = "gudermannian", "1/2 + (2/π) arctan(tanh(z/2))"
    curvature = 0.41638288020219234

    @override
    def tail(self, a: Value, ops: Operations) -> Value:
        return 2 / math.pi * ops.arctan(ops.decay(a))

    @override
    def log_of(self, z: Any, xp: Any) -> Any:
        tail = 2 / math.pi * xp.arctan(xp.exp(-xp.abs(z)))
        low = xp.where(z < NO_TAIL, z + math.log(2 / math.pi), xp.log(tail))
        return xp.where(z < 0, low, xp.log1p(-tail))

    @override
    def d_log(self, t: "Tensor") -> "Tensor":
        import torch

        e = torch.exp(-t.abs())
        low = e / ((1 + e.square()) * torch.atan(e))
        high = e / ((1 + e.square()) * (math.pi / 2 - torch.atan(e)))
        return torch.where(t < NO_TAIL, torch.ones_like(t), torch.where(t < 0, low, high))

    @override
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        import torch

        # h (1 + e^2) - 1 + e^2 with h = e / ((1 + e^2) arctan e), around e = 0
        w = torch.exp(2 * t.clamp(max=0.0))
        tail = w * (4 / 3 - w * (4 / 45 - w * 44 / 945)) / (1 + w)
        return d_log * torch.where(t < GUDERMANNIAN_TAIL, tail, d_log + t.tanh())


class Algebraic(ElementaryLink):
    """``(1 + z / sqrt(1 + z^2)) / 2``, the distribution function of Student's t with two degrees of freedom, scaled."""

    name, formula = "algebraic", "(1 + z / √(1 + z²)) / 2"
    curvature, convex = 1.08041600089673563, False

    @override
    def tail(self, a: Value, ops: Operations) -> Value:
        a = ops.at_most(a, ROOT)
        root = ops.sqrt(1.0 + a * a)
        return 0.5 / root / (root + a)

    @override
    def numpy_tail(self, a: "Floats") -> "Floats":
        import numpy as np

        root = np.hypot(1, a)
        return 0.5 / root / (root + a)

    @override
    def log_of(self, z: Any, xp: Any) -> Any:
        a, root = xp.abs(z), xp.hypot(xp.ones_like(z), z)
        low = -(math.log(2) + xp.log(root) + xp.arcsinh(a))
        return xp.where(z < 0, low, xp.log1p(-(0.5 / root / (root + a))))

    @override
    def d_log(self, t: "Tensor") -> "Tensor":
        import torch

        a = t.abs()
        root = torch.hypot(torch.ones_like(t), t)
        high = 0.5 / root / root / root / (1 - 0.5 / root / (root + a))
        return torch.where(t < 0, (root + a) / root / root, high)

    @override
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        import torch

        root = torch.hypot(torch.ones_like(t), t)
        return d_log * (d_log + 3 * (t / root) / root)


class Softsign(ElementaryLink):
    """``(1 + z / (1 + |z|)) / 2``."""

    name, formula = "softsign", "(1 + z / (1 + |z|)) / 2"
    curvature, convex = 3.0, False

    @override
    def tail(self, a: Value, ops: Operations) -> Value:
        return 0.5 / (1.0 + a)

    @override
    def log_of(self, z: Any, xp: Any) -> Any:
        a = xp.abs(z)
        return xp.where(z < 0, -(math.log(2) + xp.log1p(a)), xp.log1p(-(0.5 / (1 + a))))

    @override
    def d_log(self, t: "Tensor") -> "Tensor":
        import torch

        a = 1 + t.abs()
        return torch.where(t < 0, a.reciprocal(), (a * (2 * a - 1)).reciprocal())

    @override
    def neg_d2_log(self, t: "Tensor", d_log: "Tensor") -> "Tensor":
        # it jumps at 0, where the mean of both sides stands
        return d_log * (d_log + 2 * t.sign() / (1 + t.abs()))
