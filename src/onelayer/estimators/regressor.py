"""Linear regression as a scikit-learn estimator."""

from typing import Any, Literal, Self

import numpy as np
from sklearn.base import RegressorMixin

from onelayer.data.table import Array
from onelayer.estimators.base import OneLayerEstimator


class OneLayerRegressor(RegressorMixin, OneLayerEstimator):  # type: ignore[misc]
    """Linear regression: ``mean (y - X coef - intercept)^2``, of the scaled target, and a penalty on scaled weights.

    Args:
        optim: an optimizer of conf/optim: lbfgs, which arrives at the optimum; sgd, momentum, adam, ...
        lr: its learning rate; None: that of the file; "auto" for sgd: 1/L from the data.
        optim_args: its other arguments, such as ``{"momentum": 0.9}``.
        l2: the penalty ``l2/2 * ||W||^2`` on the weights of scaled features; Ridge's ``alpha = n * l2 / 2``.
        bias: whether there is an intercept. Without one nothing is shifted: columns and target are only divided.
        normalize: scaling of the features: standard, minmax, robust or none. Sparse columns are not shifted.
        normalize_target: standard, none, or auto, which is standard.
        max_epochs: passes over the rows. lbfgs makes 20 steps in each, and ends when it has arrived.
        batch_size: rows a step, or "full" for all.
        val: a share or a number of rows that do not train but choose the best epoch; 0: the last one is it.
        patience: epochs without a better validation loss before training stops; None: never.
        init: zeros, normal, torch, as torch.nn.Linear starts, or a number, at which every weight starts.
        dtype: float64 or float32.
        random_state: rules initial weights and the order of batches; the rows of `val` are the same for each.
        accelerator: cpu, gpu, cuda, mps or auto.
        reference: solve the objective exactly, too, so that ``result_["metrics"]["train/gap"]`` says how far training
            ended from the optimum. It takes about as long as training does.
        verbose: print how training ended.

    Attributes:
        coef_: (n_features,), in the units of X and y.
        intercept_: a number, likewise.
        n_features_in_: columns of X.
        feature_names_in_: their names, where X had some.
        n_iter_: epochs that were trained.
        loss_curve_: the objective after each epoch.
        result_: status (done, stopped, diverged), metrics by stage/name, the reference, epochs, seconds of steps.
    """

    def __init__(
        self,
        *,
        optim: str = "lbfgs",
        lr: float | Literal["auto"] | None = None,
        optim_args: dict[str, Any] | None = None,
        l2: float = 0.0,
        bias: bool = True,
        normalize: Literal["standard", "minmax", "robust", "none"] = "standard",
        normalize_target: Literal["standard", "none", "auto"] = "auto",
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
        self.normalize = normalize
        self.normalize_target = normalize_target
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

    def predict(self, X: Any) -> Array:
        """Return numbers in the units of y, (rows,)."""
        return self._logits(X)[:, 0]

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on for one epoch from the present weights and optimizer; the scaling is that of the first rows.

        An optimizer that remembers the rows it saw, as lbfgs does, begins anew: choose sgd, adam or another one.

        Raises:
            ValueError: one sentence: a parameter or some rows that cannot be trained.
        """
        return self._partial_fit(X, y, sample_weight)

    @property
    def _checks(self) -> dict[str, Any]:
        return {"y_numeric": True}

    def _target(self, y: Array, first: bool, classes: Any) -> tuple[Array, Array | None]:
        return y.astype(np.float64), None

    def _shape(self, coef: Array, intercept: Array) -> None:
        self.coef_, self.intercept_ = coef[0], float(intercept[0])
