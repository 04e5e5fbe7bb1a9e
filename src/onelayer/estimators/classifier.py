"""Logistic and softmax regression as a scikit-learn estimator."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from onelayer.data.table import Array
from onelayer.estimators.base import OneLayerEstimator
from onelayer.estimators.settings import InputError
from onelayer.links import LINKS, SOFTMAX, Link


class OneLayerClassifier(ClassifierMixin, OneLayerEstimator):  # type: ignore[misc]
    """Logistic regression for two classes, softmax regression for more: the mean log-loss and a penalty.

    Args:
        optim: an optimizer of conf/optim: lbfgs, which arrives at the optimum; sgd, momentum, adam, ...
        lr: its learning rate; None: that of the file; "auto" for sgd: 1/L from the data.
        optim_args: its other arguments, such as ``{"momentum": 0.9}``.
        l2: the penalty ``l2/2 * ||W||^2`` on the weights of scaled features; LogisticRegression's ``C = 1 / (n * l2)``.
            Without one, separated classes have no finite optimum, and training ends where the loss is nearly 0.
        bias: whether there is an intercept. Without one columns are divided and not shifted.
        link: of two classes: logit, probit, cauchit, cloglog, tanh, gudermannian, algebraic or softsign.
        class_weight: what an error in each class costs, by label, or "balanced".
        normalize: scaling of the features: standard, minmax, robust or none. Sparse columns are not shifted.
        max_epochs: passes over the rows. lbfgs makes 20 steps in each, and ends when it has arrived.
        batch_size: rows a step, or "full" for all.
        val: a share or a number of rows that do not train but choose the best epoch; 0: the last one is it.
        patience: epochs without a better validation loss before training stops; None: never.
        init: zeros, normal, torch, as torch.nn.Linear starts, or a number, at which every weight starts.
        dtype: float64 or float32.
        random_state: rules initial weights and the order of batches; the rows of `val` are the same for each.
        accelerator: cpu, gpu, cuda, mps or auto.
        reference: solve the objective exactly, too, so that ``result_["metrics"]["train/gap"]`` says how far training
            ended from the optimum. It takes about as long as training does, for many classes longer.
        verbose: print how training ended.

    Attributes:
        classes_: the labels, sorted.
        coef_: (1, n_features) for two classes, else (classes, n_features), in the units of X.
        intercept_: (1,) or (classes,).
        n_features_in_: columns of X.
        feature_names_in_: their names, where X had some.
        n_iter_: epochs that were trained.
        loss_curve_: the objective after each epoch.
        result_: status (done, stopped, diverged), metrics by stage/name, the reference, epochs, seconds of steps.
    """

    classes_: Array
    _link: str

    def __init__(
        self,
        *,
        optim: str = "lbfgs",
        lr: float | Literal["auto"] | None = None,
        optim_args: dict[str, Any] | None = None,
        l2: float = 0.0,
        bias: bool = True,
        link: str = "logit",
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        normalize: Literal["standard", "minmax", "robust", "none"] = "standard",
        max_epochs: int = 100,
        batch_size: int | Literal["full"] = "full",
        val: float = 0.0,
        patience: int | None = None,
        init: Literal["zeros", "normal", "torch"] | float = "zeros",
        dtype: Literal["float32", "float64"] = "float64",
        random_state: int | np.random.RandomState | None = None,
        accelerator: Literal["cpu", "gpu", "cuda", "mps", "auto"] = "cpu",
        reference: bool = True,
        verbose: bool = False,
    ) -> None:
        self.optim = optim
        self.lr = lr
        self.optim_args = optim_args
        self.l2 = l2
        self.bias = bias
        self.link = link
        self.class_weight = class_weight
        self.normalize = normalize
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.val = val
        self.patience = patience
        self.init = init
        self.dtype = dtype
        self.random_state = random_state
        self.accelerator = accelerator
        self.reference = reference
        self.verbose = verbose

    def decision_function(self, X: Any) -> Array:
        """Return logits, (rows,) for two classes, above 0 for the second one; else (rows, classes)."""
        logits = self._logits(X)
        return logits if len(self.classes_) > 2 else logits[:, 0] - LINKS[self._link].decision_threshold

    def predict(self, X: Any) -> Array:
        """Return labels, (rows,)."""
        found = self.decision_function(X)
        chosen = found.argmax(axis=1) if found.ndim > 1 else (found > 0).astype(np.int64)
        return np.asarray(self.classes_[chosen])

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (rows, classes)."""
        logits = self._logits(X)
        return self._meaning.probabilities(logits)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class, (rows, classes), finite for every finite logit."""
        logits = self._logits(X)
        return self._meaning.log_probabilities(logits)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go on for one epoch from the present weights and optimizer; the scaling is that of the first rows.

        An optimizer that remembers the rows it saw, as lbfgs does, begins anew: choose sgd, adam or another one.

        Args:
            X: (rows, n_features).
            y: (rows,).
            classes: all labels there are; needed at the first call.
            sample_weight: (rows,), how many rows each one stands for; None: one.

        Raises:
            ValueError: one sentence: a parameter or some rows that cannot be trained.
        """
        if self.class_weight == "balanced":
            raise InputError("class_weight=balanced needs all rows at once; give partial_fit weights by label")
        if not hasattr(self, "_going") and classes is None:
            raise InputError("classes must be given at the first call of partial_fit: all labels there are")
        return self._partial_fit(X, y, sample_weight, classes)

    @property
    def _meaning(self) -> Link:
        """The link from logits to probabilities."""
        return LINKS[self._link] if len(self.classes_) == 2 else SOFTMAX

    @property
    def _checks(self) -> dict[str, Any]:
        return {}

    def _target(self, y: Array, first: bool, classes: Any) -> tuple[Array, Array | None]:
        check_classification_targets(y)
        if not first and classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise InputError(f"classes={classes} are not those of the first call: {', '.join(map(str, self.classes_))}")
        if first:
            self.classes_ = np.unique(y if classes is None else classes)
        if len(self.classes_) < 2:
            raise InputError(
                f"y has one class, '{self.classes_[0]}', in rows that count; a classifier needs two or more classes"
            )
        target = np.searchsorted(self.classes_, y)
        strange = (target == len(self.classes_)) | (self.classes_[target % len(self.classes_)] != y)
        if strange.any():
            raise InputError(
                f"y holds '{y[strange][0]}', which is none of the classes {', '.join(map(str, self.classes_))}"
            )
        return target, self.classes_

    def _shape(self, coef: Array, intercept: Array) -> None:
        self.coef_, self.intercept_ = coef, intercept
        # predictions go by the link that was trained, whatever is set later
        self._link = self.link
