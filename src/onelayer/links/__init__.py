"""Links: what the logits of a linear layer say, for prediction, training and exports.

Everything about a link is one class: its probabilities in numpy, which delivered models and estimators predict with;
their logarithms and two derivatives in torch, which training minimises; and their expression in the few operations
that ONNX, SQL and `torch.export` share. A new one is a class in a file of this folder, and its name in `LINKS`.

Importing this imports neither numpy nor torch: the methods import what they compute with.
"""

from collections.abc import Mapping

from onelayer.links.base import BinaryLink, Link
from onelayer.links.canonical import Identity, Softmax
from onelayer.links.cloglog import Cloglog
from onelayer.links.elementary import Algebraic, Cauchit, Gudermannian, Softsign
from onelayer.links.logit import Logit, Tanh
from onelayer.links.probit import Probit

# of a binary target, by the name that model.link has
LINKS: Mapping[str, BinaryLink] = {
    link.name: link
    for link in (Logit(), Probit(), Cauchit(), Cloglog(), Tanh(), Gudermannian(), Algebraic(), Softsign())
}
IDENTITY, SOFTMAX = Identity(), Softmax()
# what the header of a model may say, by task; the first one is the usual one
BY_TASK: Mapping[str, Mapping[str, Link]] = {
    "regression": {IDENTITY.name: IDENTITY},
    "binary": LINKS,
    "multiclass": {SOFTMAX.name: SOFTMAX},
}

__all__ = ["BY_TASK", "IDENTITY", "LINKS", "SOFTMAX", "BinaryLink", "Link"]
