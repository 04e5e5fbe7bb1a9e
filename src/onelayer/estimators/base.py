"""What the estimators share: from X and y to a run, and from its weights to predictions."""

import secrets
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from onelayer.data.preprocess import Scale
from onelayer.data.table import Array, Table
from onelayer.errors import UserError
from onelayer.estimators.settings import InputError, in_our_words, optimizer_defaults, spec_of

if TYPE_CHECKING:
    from onelayer.estimators.memory import FittedRun

# what the weights of a model mean hangs on these
FIXED = ("bias", "link", "normalize", "normalize_target")
# a relative gap that nobody would call unfinished
ARRIVED = 1e-6
TEXT = (
    "encode columns of text first, in a pipeline with sklearn.preprocessing.OneHotEncoder, or read the frame by "
    "onelayer.data.sources.table.table_of"
)


class OneLayerEstimator(BaseEstimator):  # type: ignore[misc]
    """A linear layer, trained as a stack of one run.

    torch is imported by the first fit; predicting, cloning and pickling need none.
    """

    coef_: Array
    intercept_: Any
    n_iter_: int
    loss_curve_: list[float]
    result_: dict[str, Any]
    n_features_in_: int
    _going: dict[str, Any]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train from the start.

        Args:
            X: (rows, n_features) numbers: an array, a pandas or polars frame, or a sparse matrix.
            y: (rows,), the target.
            sample_weight: (rows,), how many rows each one stands for; None: one.

        Raises:
            ValueError: one sentence: a parameter or some rows that cannot be trained.
        """
        from onelayer.check import check_run
        from onelayer.estimators.memory import MemoryResults
        from onelayer.estimators.rows import data_of, preparation_of, split_of
        from onelayer.training import train_stack

        for name in ("reference", "verbose"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise InputError(f"{name}={getattr(self, name)!r}: must be a valid boolean")
        try:
            table, labels = self._table(X, y, sample_weight)
            seed = seed_of(self.random_state)
            parameters = {**self.get_params(deep=False), "random_state": seed}
            spec = spec_of(parameters, objective=objective_of(table))
            split = split_of(table, spec.data.split.val)
            check_run(spec)
            data = data_of(spec, table, preparation_of(spec, parameters, labels, split))
            check_run(spec, data)
            sink = MemoryResults([spec])
            train_stack([spec], data, sink, reference=bool(self.reference))
        except UserError as error:
            raise in_our_words(error) from None
        found = sink.results[0]
        if isinstance(found, Exception):
            raise found
        self._take(found, (data.prepared.x_scale, data.prepared.y_scale), seed)
        self.loss_curve_ = sink.objective
        self._warn(found.result)
        if self.verbose:
            print(self._said(found.result))
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Train one epoch from the present weights and optimizer; scaling stays as the first rows made it."""
        import torch

        from onelayer.check import check_run
        from onelayer.estimators.memory import MemoryResults, as_tensors
        from onelayer.estimators.rows import data_of, preparation_of, split_of
        from onelayer.training import WarmStart, train_stack

        if self.val or self.patience is not None:
            raise InputError("partial_fit trains on all rows that it is given; leave val=0 and patience=None")
        first = not hasattr(self, "_going")
        try:
            table, labels = self._table(X, y, sample_weight, first=first, classes=classes)
            seed = seed_of(self.random_state) if first else self._going["seed"]
            parameters = {**self.get_params(deep=False), "random_state": seed}
            spec = spec_of(parameters, objective=objective_of(table))
            scales = None if first else (Scale(*self._going["x"]), Scale(*self._going["y"]))
            check_run(spec)
            data = data_of(spec, table, preparation_of(spec, parameters, labels, split_of(table, 0), scales))
            check_run(spec, data)
            start, done = None, 0
            if not first:
                for name, before in self._going["fixed"].items():
                    if getattr(self, name) != before:
                        raise InputError(f"{name}={getattr(self, name)!r} was {before!r} in the first call; fit anew")
                # another optimizer begins anew
                state = self._going["state"] if self._optimizer == self._going["optimizer"] else None
                done = self._going["epochs"]
                start = WarmStart(torch.from_numpy(self._going["theta"]), as_tensors(state), done)
            sink = MemoryResults([spec])
            train_stack([spec], data, sink, reference=False, start=start, max_epochs=done + 1)
        except UserError as error:
            raise in_our_words(error) from None
        found, curve = sink.results[0], sink.objective
        if isinstance(found, Exception):
            raise found
        self._take(found, (data.prepared.x_scale, data.prepared.y_scale), seed)
        self.loss_curve_ = curve if first else [*self.loss_curve_, *curve]
        if found.result["status"] == "diverged":
            self._warn(found.result)
        return self

    def _table(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool = True, classes: Any = None
    ) -> tuple[Table, Array | None]:
        """Check X and y; return them as a table, and the labels of its classes.

        Raises:
            ValueError: they are not what scikit-learn's estimators take.
        """
        try:
            X, y = validate_data(self, X, y, reset=first, accept_sparse="csr", dtype=np.float64, **self._checks)
        except ValueError as error:
            if "could not convert string to float" in str(error):
                raise InputError(f"{error}; {TEXT}") from None
            raise
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            counts = sample_weight > 0
            if not counts.all():  # a row that stands for none is not there
                X, y, sample_weight = X[counts], y[counts], sample_weight[counts]
        target, labels = self._target(y, first, classes)
        names = getattr(self, "feature_names_in_", None)
        table = Table(
            features=_canonical(X) if issparse(X) else X,
            target=target,
            columns=tuple(map(str, names if names is not None else range(X.shape[1]))),
            target_name="y",
            classes=None if labels is None else tuple(map(str, range(len(labels)))),
            sample_weight=sample_weight,
        )
        return table, labels

    @property
    @abstractmethod
    def _checks(self) -> dict[str, Any]:
        """What is asked of y."""

    @abstractmethod
    def _target(self, y: Array, first: bool, classes: Any) -> tuple[Array, Array | None]:
        """Return the target as a table has it, and the labels of its classes."""

    def _take(self, found: "FittedRun", scales: tuple[Scale, Scale], seed: int) -> None:
        """Take over what was trained."""
        self._shape(found.coef, found.intercept)
        self.result_, self.n_iter_ = found.result, found.result["epochs"]
        self._going = {
            "fixed": {name: getattr(self, name) for name in FIXED if hasattr(self, name)},
            "optimizer": self._optimizer,
            "theta": found.theta,
            "state": found.state or None,
            "epochs": self.n_iter_,
            "seed": seed,
            **{name: (one.shift, one.scale, one.still) for name, one in zip("xy", scales, strict=True)},
        }

    @property
    def _optimizer(self) -> str:
        """What a state belongs to."""
        return f"{self.optim} {self.optim_args}"

    @abstractmethod
    def _shape(self, coef: Array, intercept: Array) -> None:
        """Set `coef_` and `intercept_`, given (outputs, n_features) and (outputs,)."""

    def _logits(self, X: Any) -> Array:
        """Return (rows, outputs) in original units."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=np.float64)
        coef = np.atleast_2d(self.coef_)
        return np.asarray(safe_sparse_dot(X, coef.T, dense_output=True) + np.atleast_1d(self.intercept_))

    def _warn(self, result: Mapping[str, Any]) -> None:
        """Warn of a fit that did not come to its end."""
        if result["status"] == "diverged":
            said = f"training diverged in epoch {result['epochs']}, the weights before are kept; try a smaller lr"
            warnings.warn(said, ConvergenceWarning, stacklevel=3)
            return
        from onelayer.model.optimizers import adapter_named

        converges = adapter_named(optimizer_defaults(self.optim)["name"]).converges
        ran_out = converges and result["status"] == "done" and result["epochs"] == self.max_epochs
        if ran_out and not result["metrics"]["train/rel_gap"] < ARRIVED:
            said = f"{self.optim} had not arrived after {self.max_epochs} epochs; raise max_epochs"
            warnings.warn(said, ConvergenceWarning, stacklevel=3)

    @staticmethod
    def _said(result: Mapping[str, Any]) -> str:
        metrics = result["metrics"]
        shown = [f"{name} {metrics[name]:.4g}" for name in ("train/loss", "val/loss") if name in metrics]
        note = result["reference"]["note"]
        gap = f"gap {metrics['train/gap']:.3g}" if metrics["train/gap"] == metrics["train/gap"] else f"no gap ({note})"
        return "  ".join([result["status"], *shown, gap, f"{result['epochs']} epochs in {result['seconds']:.2f} s"])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def objective_of(table: Table) -> str:
    """Name the objective that fits a target."""
    from onelayer.model.objectives import choose_objective

    return choose_objective("auto", table.task).name


def seed_of(random_state: Any) -> int:
    """Return a seed; for None a new one, without touching numpy's global source."""
    if random_state is None:
        return secrets.randbelow(2**32)
    if isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**31 - 1))
    return random_state  # type: ignore[no-any-return]  # checked with the other parameters


def _canonical(X: Any) -> csr_array:
    """Return CSR with each place once, in order; what the user gave is left as it is."""
    X = csr_array(X)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
