"""Rows of the configuration itself, made data of given weights, and some of the classes of a set."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.datasets import make_regression as sklearns

from onelayer.config import RunSpec
from onelayer.data.table import Table
from onelayer.errors import UserError
from tests.conftest import composed, load, prepared_of
from tests.data.test_images import LABELS, write_cifar, write_mnist

X = [[1, 2.5], [2, 0], [3, -1]]
MADE: dict[str, Any] = {
    **{"n_samples": 50, "n_features": 5, "n_informative": 3, "effective_rank": None},
    **{"bias": 2.0, "noise": 0.5, "random_state": 7},
}
LINEAR: dict[str, Any] = {"n_samples": 100, "n_features": 2, "n_informative": None, "noise": 0.0, "rho": 0.0, "seed": 0}


def features(table: Table) -> NDArray[np.float64]:
    assert isinstance(table.features, np.ndarray)
    return table.features


def truth(table: Table) -> tuple[NDArray[np.float64], float]:
    """The weights and the constant that made a target."""
    assert table.weight is not None
    assert table.bias is not None
    assert (table.weight.shape[0], len(table.bias)) == (1, 1)
    return table.weight[0], float(table.bias[0])


def test_points_are_taken_as_they_are() -> None:
    table = load("points", x=X, y=[2, 4, 6.5])
    assert features(table).tolist() == X
    assert table.target.tolist() == [2, 4, 6.5]
    assert (table.columns, table.target_name, table.task) == (("x0", "x1"), "y", "regression")


@pytest.mark.parametrize(
    ("y", "task", "classes", "target"),
    [
        ([0, 0, 1], None, ("0", "1"), [0, 0, 1]),
        ([0, 0, 1], "regression", None, [0.0, 0.0, 1.0]),
        ([3, 1, 2], "multiclass", ("1", "2", "3"), [2, 0, 1]),
        (["no", "yes", "no"], None, ("no", "yes"), [0, 1, 0]),
        ([5, 5, 5], None, None, [5.0, 5.0, 5.0]),
    ],
)
def test_targets_are_read_as_those_of_a_table(
    y: list[Any], task: str | None, classes: tuple[str, ...] | None, target: list[float]
) -> None:
    table = load("points", x=X, y=y, task=task)
    assert (table.classes, table.target.tolist()) == (classes, target)


def test_a_command_line_may_hold_them() -> None:
    spec = RunSpec.from_config(composed("data=points", "data.x=[[1],[2],[3]]", "data.y=[a,b,a]"))
    assert prepared_of(spec).classes == ("a", "b")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"x": None, "y": None}, "data=points needs data.x, such as data.x=[[1],[2],[3]]"),
        ({"x": X, "y": None}, "data=points needs data.y, such as data.y=[2,4,6]"),
        ({"x": [1, 2], "y": [1, 2]}, "data.x=[1, 2]: must be a list of rows, such as [[1], [2], [3]]"),
        ({"x": [[1], ["a"]], "y": [1, 2]}, "data.x=a: must be a valid number"),
        ({"x": X, "y": 3}, "data.y=3: must be a list with one value for each row, such as [2, 4, 6]"),
        ({"x": X, "y": [1]}, "data.x has 3 rows, but data.y has 1 values; there must be one for each row"),
        ({"x": [[1], [2, 3]], "y": [1, 2]}, "data.x: row 2 has 2 numbers; it must have as many as row 1, which has 1"),
        ({"x": [[]], "y": [1]}, "data.x: row 1 has 0 numbers; it must have 1 or more"),
        ({"x": X, "y": ["a", "a", "a"]}, "data.y: every row has the label a; there must be at least two classes"),
        ({"x": [[1], [np.nan]], "y": [1, 2]}, "data.x: row 2, column 'x0' is nan; only finite numbers can be used"),
        ({"x": [[1], [2]], "y": [1, np.inf]}, "data.y: row 2, column 'y' is inf; only finite numbers can be used"),
    ],
)
def test_points_that_do_not_fit_are_one_sentence(args: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        load("points", **args)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_given_weights_make_the_target() -> None:
    table = load("linear", **LINEAR, weight=[2.0, -3.4], bias=4.2)
    np.testing.assert_allclose(table.target, features(table) @ [2.0, -3.4] + 4.2, rtol=1e-13)
    weight, constant = truth(table)
    assert (weight.tolist(), constant) == ([2.0, -3.4], 4.2)


def test_a_given_constant_leaves_the_drawn_weights() -> None:
    drawn, given = load("linear", **LINEAR), load("linear", **LINEAR, bias=0.0)
    assert truth(drawn)[0].tolist() == truth(given)[0].tolist()
    np.testing.assert_allclose(drawn.target - truth(drawn)[1], given.target, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"weight": [1.0]}, "data.weight has 1 numbers, but data.n_features=2; set them alike"),
        ({"weight": [1.0, 2.0], "n_informative": 1}, "data.n_informative=1 has no effect beside data.weight"),
        ({"weight": 3}, "data.weight=3: must be a valid list"),
        ({"weight": [1.0, np.inf]}, "data.weight=inf: must be a finite number"),
    ],
)
def test_weights_that_do_not_fit_are_one_sentence(more: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as error:
        load("linear", **{**LINEAR, **more})
    assert str(error.value).startswith(said)


def test_make_regression_is_that_of_scikit_learn() -> None:
    table = load("make_regression", **MADE)
    x, y, weight = sklearns(50, 5, n_informative=3, bias=2.0, noise=0.5, coef=True, random_state=7)
    assert (features(table) == x).all()
    assert (table.target == y).all()
    assert (truth(table)[0].tolist(), truth(table)[1]) == (weight.tolist(), 2.0)
    for more in ({"effective_rank": 2}, {"n_features": 1, "n_informative": 1}):
        exact = load("make_regression", **{**MADE, "noise": 0.0, **more})
        weight, constant = truth(exact)
        np.testing.assert_allclose(features(exact) @ weight + constant, exact.target, rtol=1e-10)
    with pytest.raises(UserError, match=r"^data\.n_informative=9 is more than data\.n_features=5$"):
        load("make_regression", **{**MADE, "n_informative": 9})


def test_some_classes_of_the_digits() -> None:
    x, y = load_digits(return_X_y=True)
    table = load("digits", classes=[8, "3"])
    keep = (y == 3) | (y == 8)
    assert (features(table) == x[keep]).all()
    assert (table.target == (y[keep] == 8)).all()
    assert (table.classes, table.task) == (("3", "8"), "binary")


def test_some_classes_of_images_leave_the_test_rows_last(tmp_path: Path) -> None:
    path = str(write_mnist(tmp_path))
    whole, some = load("mnist", path=path), load("mnist", path=path, classes=[3, 1])
    assert some.classes == ("1", "3")
    keep = np.isin(whole.target, [1, 3])
    assert (features(some) == features(whole)[keep]).all()
    assert (some.target == (whole.target[keep] == 3)).all()
    assert some.part is not None
    assert some.part.sum() == 2 * np.isin(LABELS["t10k"], [1, 3]).sum()


def test_classes_with_names(tmp_path: Path) -> None:
    path = str(write_cifar(tmp_path, str.encode))
    whole, some = load("cifar10", path=path), load("cifar10", path=path, classes=["cat", "airplane"])
    keep = whole.target != 1
    assert some.classes == ("airplane", "cat")
    assert (features(some) == features(whole)[keep]).all()
    assert (some.target == whole.target[keep] // 2).all()


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([1], "data.classes=[1]: there must be at least two classes"),
        ([1, 11], "data.classes=[1, 11]: there is no class '11'; there are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        (3, "data.classes=3: must be a list of two classes or more, such as [0, 1]"),
    ],
)
def test_classes_that_are_not_there_are_one_sentence(classes: Any, said: str) -> None:
    with pytest.raises(UserError) as error:
        load("digits", classes=classes)
    assert str(error.value) == said
