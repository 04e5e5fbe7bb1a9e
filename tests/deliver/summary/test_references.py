"""`onelayer summary --polish`, from a CSV through training, against NIST's certified values and 40-digit optima."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special

from onelayer.artefact import Artefact
from tests.deliver.summary.runs import Summarised, estimated, logit, said, trained, trained_soon
from tests.deliver.test_inference_linear import hat_formulas
from tests.oracles.user_path import quoted
from tests.reference_data import DATA, needs_data

pytestmark = needs_data
LINKS = ("logit", "probit", "cloglog", "cauchit")
# digits of coefficients and of standard errors, of which a computer has reached one more
CERTIFIED = {
    "Longley": (13.0, 13.5),
    "NoInt1": (13.7, 14.0),
    "Norris": (12.3, 12.7),
    "Pontius": (12.2, 12.8),
    "Wampler1": (9.5, 0.0),
    "Wampler2": (13.0, 0.0),
    "Wampler3": (8.9, 12.6),
}
SETS = {
    "menarche": (
        *("data.sample_weight=girls", "data.target=y"),
        f"""select Age, true as y, Menarche as girls from '{DATA}/glm/menarche.csv' union all
        select Age, false, Total - Menarche from '{DATA}/glm/menarche.csv' """,
    ),
    "menarche_expanded": ("data.target=y", f"select Age, y from '{DATA}/glm/menarche_expanded.csv' "),
    "ucla_admissions": (
        *("data.target=admit", "data.category=[rank]"),
        f"select gre, gpa, rank, admit from '{DATA}/glm/ucla_admissions.csv' ",
    ),
    "mass_birthwt": (
        *("data.target=low", "data.category=[race,ftv]"),
        f"""select age, lwt, race, smoke, ptl > 0 as ptd, ht, ui, least(ftv, 2) as ftv, low
        from '{DATA}/glm/mass_birthwt.csv' """,
    ),
}


def known(file: str) -> dict[str, Any]:
    return dict(json.loads((DATA / file).read_text()))


def digits(found: Sequence[float], exact: Sequence[str]) -> float:
    """The fewest correct digits of any number."""
    errors = np.abs(np.array(found) / np.array(exact, float) - 1)
    return float(-np.log10(np.maximum(errors, 1e-16).max()))


@pytest.mark.parametrize("name", CERTIFIED)
def test_nist(name: str, summary: Summarised, tmp_path: Path) -> None:
    card = known(f"nist/{name}.json")
    model, certified = card["model"], card["reference"][0]
    powers = range(1, model["degree"] + 1)
    columns = [f"x::double ** {power} as x{power}" for power in powers]
    columns = columns if model["kind"] == "polynomial" else card["columns"][:-1]
    query = f"select {', '.join(columns)}, y from '{DATA}/nist/{name}.csv' "
    bias = () if model["intercept"] else ("model.bias=false", "data.normalize=none", "data.normalize_target=none")
    found = said(summary, trained_soon(tmp_path, "data=table", *bias, query=query, target="y"), "--polish")
    least, of_errors = CERTIFIED[name]
    assert digits(estimated(found, "coefficient"), [*certified["params"].values()]) >= least
    assert digits([found["stats"]["r_squared"]], [certified["r_squared"]]) >= 13
    if float(certified["residual_sd"]) == 0:
        assert found["cautions"][-1].startswith("an essentially perfect fit")
        return
    assert digits(estimated(found, "std_err"), [*certified["std_err"].values()]) >= of_errors
    assert digits([found["stats"]["sigma"]], [certified["residual_sd"]]) >= of_errors
    assert digits([found["stats"]["f_statistic"]], [certified["anova"]["F"]]) >= 11.5
    assert found["statistic"] == "t"
    assert found["cautions"] == []


# of the girls of menarche one by one, which the weights say in fewer rows
@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.slow] * (name == "menarche_expanded")) for name in SETS],
)
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A run for each link."""
    name = str(request.param)
    *keys, query = SETS[name]
    links = ("-m", f"model.link={','.join(LINKS)}", "hydra.sweep.dir=sweep")
    folder = tmp_path_factory.mktemp(name)
    return name, trained(folder, "data=table", f"data.query={quoted(query)}", *keys, *links) / "sweep"


@pytest.mark.parametrize("link", LINKS)
def test_glm(runs: tuple[str, Path], link: str, summary: Summarised) -> None:
    """Rows of one trial each, or that stand for several: of both the file knows the deviance."""
    name, folder = runs
    card = known(f"glm/{name.removesuffix('_expanded')}.json")
    (exact,) = (one for one in card["reference"] if one["kind"] == "computed" and one["link"] == link)
    run = next(run for run in folder.glob("*/model") if Artefact.load(run).header["link"] == link)
    found = said(summary, run, "--polish")
    assert digits(estimated(found, "coefficient"), [*exact["params"].values()]) >= 13
    assert digits(estimated(found, "std_err"), [*exact["std_err"].values()]) >= 13
    plain = float(exact["llf_without_binomial_coefficients"])
    stats, parameters = found["stats"], len(exact["params"])
    assert stats["n"] == (3918 if "menarche" in name else card["n_rows"])
    assert digits([stats["deviance"], stats["null_deviance"]], [exact["deviance_01"], exact["null_deviance_01"]]) >= 12
    np.testing.assert_allclose(stats["aic"], 2 * parameters - 2 * plain, rtol=1e-12)
    assert found["coefficients"][0]["name"] == "(intercept)"
    assert (found["link"], found["statistic"]) == (link, "z")
    assert found["cautions"] == [one for one in found["cautions"] if one.startswith("fitted probabilities are 0 or 1")]


@pytest.mark.parametrize("place", range(2))
@pytest.mark.parametrize("name", ["enet_gaussian", "enet_binomial"])
def test_ridge_of_glmnet(name: str, place: int, summary: Summarised, tmp_path: Path) -> None:
    """No constant, columns and target in units of their standard deviation with n - 1, as glmnet had them.

    Its objective of a number is half a mean of squares, so that its penalty is half of ours.
    """
    card = known(f"glm/{name}.json")
    entry = [one for one in card["reference"] if one["l1_ratio"] == 0][place]
    columns = [f"x{number + 1}" for number in range(len(entry["params"]))]
    gaussian = name == "enet_gaussian"

    def scaled(one: str) -> str:
        return f"({one} - avg({one}) over ()) / stddev_samp({one}) over () as {one}"

    skipped, rows = (0, entry["rows"]) if gaussian else (1, 1000)  # R took the first row for a header
    inner = f"select * from '{DATA}/glm/{name}.csv' limit {rows} offset {skipped}"
    made = ", ".join([*map(scaled, columns), scaled("y") if gaussian else "y"])
    query = f"select {made} from ({inner})"
    exact = entry["computed"] if gaussian else entry["computed"][0]
    l2 = entry["lam"] * (2 if gaussian else 1)
    plain = ("model.bias=false", "data.normalize=none", "data.normalize_target=none", f"model.l2={l2}")
    found = said(summary, trained_soon(tmp_path, "data=table", *plain, query=query, target="y"), "--polish")
    np.testing.assert_allclose(estimated(found, "coefficient"), exact["params"], rtol=1e-10)
    assert found["cautions"][0].startswith("penalised: l2 = ")


@pytest.fixture(scope="module")
def titanic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """The passengers whose port is known, as a run and as a frame; the two others survived, which separates."""
    file = f"{DATA}/tabular/titanic_train.csv"
    query = f"select * from '{file}' where Embarked is not null"
    dropped = "data.drop=[PassengerId,Name,Ticket,Cabin]"
    category = "data.category=[Pclass]"
    run = tmp_path_factory.mktemp("titanic") / "run"
    trained_soon(run, "data=table", dropped, category, "model.init=normal", query=query, target="Survived")
    frame = pd.read_csv(file)
    return run, frame[frame["Embarked"].notna()]


@pytest.mark.parametrize("robust", [None, "HC0", "HC1", "HC2", "HC3"])
def test_titanic(titanic: tuple[Path, pd.DataFrame], robust: str | None, summary: Summarised) -> None:
    """Survived ~ Pclass + Sex + Age + SibSp + Parch + Fare + Embarked, missing ages as their mean; by hat matrices."""
    run, frame = titanic
    found = said(summary, run, "--polish", *(("--robust", robust) if robust else ()))
    columns = frame[["Pclass", "Sex", "Age", "SibSp", "Parch", "Fare", "Embarked"]].fillna({"Age": frame["Age"].mean()})
    dummies = pd.get_dummies(columns, columns=["Pclass", "Sex", "Embarked"], prefix_sep="=", drop_first=True)
    rows = {row["name"]: row for row in found["coefficients"] if row["role"] == "estimated"}
    x, y = np.column_stack([np.ones(len(frame)), dummies.to_numpy(float)]), frame["Survived"].to_numpy(float)
    b = logit(x, y, np.ones(len(y)))
    p = special.expit(x @ b)
    covariance = hat_formulas(x, y - p, p * (1 - p))[robust] if robust else np.linalg.inv((x.T * (p * (1 - p))) @ x)
    assert rows.keys() == {"(intercept)", *dummies}
    given = [rows[name] for name in ("(intercept)", *dummies)]
    np.testing.assert_allclose([row["coefficient"] for row in given], b, rtol=1e-9)
    np.testing.assert_allclose([row["std_err"] for row in given], np.sqrt(np.diag(covariance)), rtol=1e-9)
    assert found["bases"] == {"Pclass": "Pclass=1", "Sex": "Sex=female", "Embarked": "Embarked=C"}
    fit = special.xlogy(y, p).sum() + special.xlogy(1 - y, 1 - p).sum()
    null = len(y) * (special.xlogy(y.mean(), y.mean()) + special.xlogy(1 - y.mean(), 1 - y.mean()))
    expected = {
        "n": len(y),
        "log_likelihood": fit,
        "aic": 2 * len(b) - 2 * fit,
        "bic": np.log(len(y)) * len(b) - 2 * fit,
        "mcfadden": 1 - fit / null,
        "lr_chisq": 2 * (fit - null),
    }
    assert {key: found["stats"][key] for key in expected} == pytest.approx(expected, rel=1e-10)
    assert found["cautions"] == []
