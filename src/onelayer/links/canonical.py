"""The canonical links of numbers and of several classes; that of two is the logit."""

from typing import TYPE_CHECKING

from typing_extensions import override

from onelayer.links.base import Link

if TYPE_CHECKING:
    from onelayer.links.base import Doubles, Floats


class Identity(Link):
    """Of numbers: the logit is the prediction, but for the scale of the target."""

    name, kind, sklearn_factor = "identity", "linear", 1.0


class Softmax(Link):
    """Of several classes: ``exp(z_k) / sum_j exp(z_j)``."""

    name, kind, per_class, sklearn_factor = "softmax", "softmax", True, 1.0

    @override
    def probabilities(self, logits: "Floats") -> "Floats":
        import numpy as np

        z = np.asarray(logits)
        powers = np.exp(z - z.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))

    @override
    def log_probabilities(self, logits: "Floats") -> "Doubles":
        import numpy as np

        z = np.asarray(logits).astype(np.float64)
        with np.errstate(divide="ignore"):  # of an infinite logit
            away = z - z.max(axis=-1, keepdims=True)
            return np.asarray(away - np.log(np.exp(away).sum(axis=-1, keepdims=True)))
