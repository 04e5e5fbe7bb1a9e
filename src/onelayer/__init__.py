"""One-layer models, trained by every torch optimizer and judged against the exact optimum.

Importing this package imports neither torch nor lightning; the rooms that need them do.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onelayer.data.module import DataModule as DataModule
    from onelayer.deliver.model import Model
    from onelayer.estimators.classifier import OneLayerClassifier as OneLayerClassifier
    from onelayer.estimators.regressor import OneLayerRegressor as OneLayerRegressor
    from onelayer.estimators.sweep import sweep as sweep
    from onelayer.model.module import OneLayer as OneLayer

__version__ = "0.1.0"

_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parents[1] / "conf"
# in a checkout the configuration lies at the top, in a wheel inside the package
CONF = _CHECKOUT if (_CHECKOUT / "train.yaml").is_file() else _HERE / "conf"

# found when they are asked for: they bring scikit-learn, torch and Lightning with them
LAZY = {
    "DataModule": "onelayer.data.module",
    "OneLayer": "onelayer.model.module",
    "OneLayerClassifier": "onelayer.estimators.classifier",
    "OneLayerRegressor": "onelayer.estimators.regressor",
    "sweep": "onelayer.estimators.sweep",
}


if not TYPE_CHECKING:  # a checker is to know every name

    def __getattr__(name: str) -> Any:
        if name not in LAZY:
            raise AttributeError(f"module 'onelayer' has no attribute '{name}'")
        from importlib import import_module

        return getattr(import_module(LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *LAZY})


def load(path: str | Path, *, mean: bool = False) -> "Model":
    """Load the model of a run, or of the best run of a sweep; see `onelayer.deliver.load.load`."""
    from onelayer.deliver.load import load as load_model

    return load_model(path, mean=mean)
