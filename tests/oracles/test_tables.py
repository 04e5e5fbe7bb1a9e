"""Real tables through `data=table`: the design matrix and the optimum are those of the reference answers."""

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from onelayer.data.prepare import Prepared
from tests.oracles.user_path import ALL_ROWS, coefficients, design, optimum, prepared, quoted, target
from tests.reference_data import DATA, needs_data

pytestmark = needs_data
# as the references left them out
DROPPED = {
    "titanic_train": ("PassengerId", "Name", "Ticket", "Cabin"),
    "auto_mpg": ("name",),
    "islr_default": ("rownames",),
}
TABLES = (
    "auto_mpg",
    "banknote",
    "boston",
    "california_housing",
    "islr_default",
    "penguins",
    "titanic_train",
    "winequality_white",
)


def known(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "tabular" / f"{name}.json").read_text())
    return found


def is_complete(answer: dict[str, Any]) -> bool:
    """Whether an answer is about the numeric columns and the rows without a hole; else it is about all."""
    return "all features" not in answer.get("design", "")


def features_of(answer: dict[str, Any]) -> tuple[str, ...]:
    return tuple(one for one in answer["params"] if one != "(Intercept)")


def optima() -> list[Any]:
    """Each table with each of its computed optima."""
    found = []
    for name in TABLES if DATA.is_dir() else ():
        for place, answer in enumerate(known(name)["reference"]):
            if answer["kind"] == "computed" and "params" in answer:
                rows = "complete" if is_complete(answer) else "all"
                penalty = f"alpha={answer['alpha']:g}" if "alpha" in answer else f"l2={answer.get('lam', 0):g}"
                found.append(pytest.param(name, place, id=f"{name}-{rows}-{penalty}"))
    return found


@cache
def read(name: str, *, complete: bool) -> Prepared:
    """The rows and columns that answers are about, as a user would ask for them."""
    table = known(name)
    file, goal = DATA / "tabular" / f"{name}.csv", table["target"]
    shared = ("data=table", f"data.target={goal}", *ALL_ROWS)
    if not complete:
        encoding = ("data.encode.impute=median", "data.encode.drop_first=true")
        dropped = f"data.drop=[{','.join(DROPPED.get(name, ()))}]"
        return prepared(*shared, f"data.path={file}", dropped, *encoding)
    columns = features_of(next(one for one in table["reference"] if "params" in one))
    selected = ", ".join(f'"{one}"' for one in (*columns, goal))
    present = " and ".join(f'"{one}" is not null' for one in columns)
    holes = ", ".join(f"'{one}'" for one in {"", *table["format"]["na"]})
    query = f"select {selected} from read_csv('{file}', nullstr=[{holes}]) where {present}"
    return prepared(*shared, f"data.query={quoted(query)}")


@pytest.mark.parametrize(("name", "place"), optima())
def test_the_optimum_is_that_of_the_reference(name: str, place: int) -> None:
    answer = known(name)["reference"][place]
    data = read(name, complete=is_complete(answer))
    assert data.encoder.columns == features_of(answer)
    assert len(data.train) == answer.get("n", len(data.train))
    # sum of squares + alpha |w|^2 is n times (mean + l2/2 |w|^2) for l2 = 2 alpha / n
    l2 = 2 * answer["alpha"] / len(data.train) if "alpha" in answer else answer.get("lam", 0.0)
    found = optimum(data, l2)
    assert found.note == ""
    weight, constant = coefficients(data, found)
    if "standardised" in answer.get("design", ""):
        constant, weight = constant + weight @ data.x_scale.shift, weight * data.x_scale.scale
    np.testing.assert_allclose([*constant, *weight[0]], np.array([*answer["params"].values()], float), rtol=1e-10)
    if "rss" in answer:
        residual = target(data) - constant - design(data) @ weight[0]
        assert (residual**2).sum() == pytest.approx(float(answer["rss"]), rel=1e-11)
    if "mean_logloss" in answer or "lam" in answer:
        assert found.value == pytest.approx(answer.get("objective_value", answer.get("mean_logloss")), rel=1e-12)


def test_titanic_without_a_penalty_has_no_optimum_which_is_said() -> None:
    """Both rows without a port survived, so that one level separates."""
    answer = next(one for one in known("titanic_train")["reference"] if "mean_logloss_reached" in one)
    assert "no finite maximum-likelihood solution" in answer["note"]
    found = optimum(read("titanic_train", complete=False))
    assert found.theta is None
    assert found.note == "no finite optimum: the classes are separated in part; set model.l2 above 0"


@pytest.mark.parametrize("name", [name for name in TABLES if name != "penguins"])
def test_what_is_known_of_the_columns_is_what_is_understood(name: str) -> None:
    """Missing values per column, the classes and their rows."""
    table = known(name)
    data = read(name, complete=False)
    notes = "; ".join(data.notes)
    for column, count in table["missing"].items():
        if column not in (*DROPPED.get(name, ()), table["target"]):
            assert f"{column} ({count} rows" in notes
    if "classes" in table:
        assert data.classes is not None
        places, counts = np.unique(target(data).astype(int), return_counts=True)
        assert {data.classes[place]: count for place, count in zip(places, counts, strict=True)} == table["classes"]
        assert data.classes[1] == str(table["positive"])


def test_penguins_without_a_body_mass_are_left_out_and_said() -> None:
    """Their other measures are missing too; the sex of nine more is."""
    assert read("penguins", complete=False).notes == (
        "2 of 344 rows have no 'body_mass_g' and are left out",
        "missing categories are a level of their own: sex (9 rows)",
    )


def test_species_of_penguins_have_the_optimum_of_scikit_learn() -> None:
    data = prepared("data=table", f"data.path={DATA}/tabular/penguins.csv", "data.target=species", *ALL_ROWS)
    assert data.classes == ("Adelie", "Chinstrap", "Gentoo")
    assert data.encoder.columns == (
        *("island=Biscoe", "island=Dream", "island=Torgersen"),
        *("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"),
        *("sex=FEMALE", "sex=MALE", "sex=<missing>"),
    )
    (rows,) = data.train.chunks()
    l2 = 0.01
    model = LogisticRegression(C=1 / (344 * l2), tol=1e-12, max_iter=10_000).fit(rows.x.numpy(), rows.y.numpy())
    found = optimum(data, l2)
    assert found.theta is not None
    np.testing.assert_allclose(found.theta[:, :-1].numpy(), model.coef_, atol=1e-6)
    constants = found.theta[:, -1].numpy()
    np.testing.assert_allclose(constants - constants.mean(), model.intercept_ - model.intercept_.mean(), atol=1e-6)


@pytest.mark.parametrize(
    ("file", "key", "names"),
    [
        ("house_tiny", "inputs_en", ("NumRooms", "RoofType=Slate", "RoofType=<missing>")),
        ("house_tiny_alley", "inputs_alley", ("NumRooms", "Alley=Pave", "Alley=<missing>")),
        ("house_tiny_spaced_header", "inputs_alley", ("NumRooms", "Ally=Pave", "Ally=<missing>")),
    ],
)
def test_four_houses(file: str, key: str, names: tuple[str, ...]) -> None:
    """The two columns of the roof sum to 1, so the answer is one of many; the fitted prices are the same in all."""
    answer = json.loads((DATA / "d2l" / "house_tiny.json").read_text())["expected"]
    data = prepared("data=table", f"data.path={DATA}/d2l/{file}.csv", "data.target=Price", *ALL_ROWS)
    assert data.encoder.columns == names
    np.testing.assert_allclose(design(data), answer[key]["rows"], rtol=1e-15)
    np.testing.assert_allclose(target(data), answer["targets"], rtol=1e-15)
    found = optimum(data)
    assert found.note == "not unique: the features have rank 2 of 3"
    weight, constant = coefficients(data, found)
    fitted = constant + design(data) @ weight[0]
    np.testing.assert_allclose(fitted, answer[key]["ols"]["fitted"], rtol=1e-12)
    assert ((target(data) - fitted) ** 2).sum() == pytest.approx(answer[key]["ols"]["rss"], rel=1e-10)
