"""scikit-learn's own suite for estimators, in full, with no failure expected."""

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from onelayer.estimators.classifier import OneLayerClassifier
from onelayer.estimators.regressor import OneLayerRegressor


@parametrize_with_checks([OneLayerRegressor(), OneLayerClassifier()])  # type: ignore[untyped-decorator]
def test_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)
