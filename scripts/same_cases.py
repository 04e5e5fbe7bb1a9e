"""The commands that `same_results.py` runs in two checkouts."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROWS = 300


@dataclass(frozen=True)
class Step:
    """A command of a case: `src/train.py ...`, `onelayer ...`, or a function of this module.

    Attributes:
        words: the command, without the interpreter.
        killed_at: kill the process when a file matches this pattern.
    """

    words: tuple[str, ...]
    killed_at: str | None = None


@dataclass(frozen=True)
class Case:
    """Commands in a folder of their own.

    Attributes:
        steps: one after the other.
        files: what writes the files that are there before.
        free: a pattern of files and keys that differ between two runs of the same code.
    """

    steps: tuple[Step, ...]
    files: Mapping[str, Callable[[], str]]
    free: str = "(?!)"


def case(*steps: Step, free: str = "(?!)", **files: Callable[[], str]) -> Case:
    """Return a case; `table_csv` is the file table.csv."""
    return Case(steps, {name.replace("_", "."): text for name, text in files.items()}, free)


def train(command: str, killed_at: str | None = None) -> Step:
    return Step(("src/train.py", *command.split()), killed_at)


def onelayer(command: str) -> Step:
    return Step(("onelayer", *command.split()))


def delivered(run: str, table: str | None = None, *, layers: int = 1, exports: str = "onnx sql") -> tuple[Step, ...]:
    """Return the commands that read a run: all that it can say of itself and of a table."""
    steps = [onelayer(f"card {run} -o card.md")]
    if layers == 1:
        steps += [onelayer(f"summary {run}{rest}") for rest in ("", " --polish --robust HC1", " --polish --json")]
    if table is not None:
        steps += [onelayer(f"predict {run} {table} -o predictions.csv"), onelayer(f"evaluate {run} {table} --json")]
    return (*steps, *(onelayer(f"export {run} --to {form} -o model.{form}") for form in exports.split()))


def bundled(name: str, target: str) -> Callable[[], str]:
    """Return what writes a data set of scikit-learn as CSV, with the names that it has in `conf/data`."""

    def text() -> str:
        import sklearn.datasets

        given = getattr(sklearn.datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
        labels = [str(given.target_names[y]) if "target_names" in given else repr(float(y)) for y in given.target]
        rows = [",".join([*(repr(float(value)) for value in x), y]) for x, y in zip(given.data, labels, strict=True)]
        return "\n".join([",".join([*given.feature_names, target]), *rows]) + "\n"

    return text


def mixed() -> str:
    """Write a table of numbers, texts, truths, dates, weights and gaps, with a target of each task."""
    draw = random.Random(0)
    lines = ["area,rooms,city,open,day,weight,price,sold,kind"]
    for _ in range(ROWS):
        area, rooms = draw.gauss(80, 25), draw.randint(1, 6)
        city = draw.choices(["Rome", "Oslo", "Lima", "Bonn"], [5, 3, 2, 1])[0]
        day = f"20{draw.randint(10, 24)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
        price = 1000 * area + 9000 * rooms + 20000 * (city == "Rome") + draw.gauss(0, 9000)
        sold = "yes" if price > 120_000 else "no"
        kind = "low" if price < 100_000 else "high" if price > 150_000 else "middle"
        cells = [f"{area:.3f}", str(rooms), city, draw.choice(["yes", "no"]), day]
        if draw.random() < 0.15:
            cells[draw.choice([0, 2, 4])] = ""
        lines.append(",".join([*cells, f"{draw.randint(1, 4) / 2}", f"{price:.2f}", sold, kind]))
    return "\n".join(lines) + "\n"


def sparse() -> str:
    """Write rows of two classes in the format of libsvm, most of whose features are zero."""
    draw = random.Random(1)
    lines = []
    for _ in range(ROWS):
        x = {index: draw.gauss(0, 1) for index in sorted(draw.sample(range(1, 41), 5))}
        score = sum(value * (-1) ** index for index, value in x.items()) + draw.gauss(0, 1)
        lines.append(" ".join(["+1" if score > 0 else "-1", *(f"{index}:{value:.6f}" for index, value in x.items())]))
    return "\n".join(lines) + "\n"


def estimators() -> None:
    """Fit, predict and sweep in memory; write every number with all its digits."""
    import numpy as np
    import sklearn.datasets

    from onelayer import OneLayerClassifier, OneLayerRegressor, sweep

    left: dict[str, Any] = {}
    fits: dict[str, tuple[str, dict[str, Any]]] = {
        "adam": ("diabetes", {"optim": "adam", "max_epochs": 10, "l2": 0.01}),
        "stopped": ("breast_cancer", {"optim": "sgd", "lr": 0.05, "batch_size": 64, "val": 0.2, "patience": 2}),
        "lbfgs": ("iris", {"optim": "lbfgs", "l2": 0.1, "class_weight": "balanced"}),
        "probit": ("breast_cancer", {"link": "probit", "l2": 0.1}),
    }
    for name, (source, settings) in fits.items():
        given = getattr(sklearn.datasets, f"load_{source}")()
        x, y = given.data, given.target if source == "diabetes" else given.target_names[given.target]
        maker: Any = OneLayerRegressor if source == "diabetes" else OneLayerClassifier
        model = maker(random_state=0, **settings).fit(x, y, sample_weight=1 + np.arange(len(y)) % 3)
        fitted = ("coef_", "intercept_", "n_iter_", "loss_curve_")
        left[name] = {attribute: np.asarray(getattr(model, attribute)).tolist() for attribute in fitted}
        left[name] |= {"result": model.result_, "predictions": model.predict(x).tolist()}
        if maker is OneLayerClassifier:
            left[name]["probabilities"] = model.predict_proba(x).tolist()
    given = sklearn.datasets.load_iris()
    x, y = given.data, given.target_names[given.target]
    grid: dict[str, list[Any]] = {"optim": ["sgd", "adam"], "lr": [0.1, 0.01], "l2": [0.0, 0.1]}
    swept = sweep(x, y, grid=grid, folds=3, max_epochs=5)
    left["sweep"] = {"best": swept.best_params, "probabilities": swept.best_model.predict_proba(x).tolist()}
    left["sweep"] |= {
        "leaderboard": [dict(row) for row in swept.leaderboard],
        "runs": [dict(row) for row in swept.runs],
    }
    Path("estimators.json").write_text(json.dumps(left, default=repr))


FEW = "trainer.max_epochs=5 logger.figures=false"
TABLE = "data=table data.path=table.csv data.batch_size=32"
KILLED = "-m data=diabetes optim=adam,sgd seed=0,1 trainer.max_epochs=400 checkpoint_seconds=0.02 hydra.sweep.dir=swept"
LINKS = ("logit", "probit", "cauchit", "cloglog")
CASES = {
    "regression": case(
        train("data=diabetes optim=adam trainer.max_epochs=20 hydra.run.dir=run"),
        *delivered("run", "new.csv"),
        new_csv=bundled("diabetes", "progression"),
    ),
    "binary": case(
        train("data=breast_cancer model.l2=0.01 trainer.max_epochs=20 hydra.run.dir=run"),
        *delivered("run", "new.csv"),
        new_csv=bundled("breast_cancer", "diagnosis"),
    ),
    "multiclass": case(
        train("data=iris model.l2=0.01 optim=momentum trainer.max_epochs=20 hydra.run.dir=run"),
        *delivered("run", "new.csv"),
        new_csv=bundled("iris", "species"),
    ),
    "optimizers": case(train(f"-m optim=glob(*) data=iris seed=0,1 model.l2=0.01 {FEW} hydra.sweep.dir=swept")),
    "schedules": case(
        train("-m scheduler=glob(*) optim=sgd,adam data=diabetes trainer.max_epochs=12 hydra.sweep.dir=swept")
    ),
    "starts": case(
        train(f"-m model.init=zeros,normal,torch,0.5 model.bias=true,false data=iris {FEW} hydra.sweep.dir=swept")
    ),
    "preparation": case(
        train(
            "-m data.normalize=standard,minmax,robust,none data.normalize_target=standard,none data=diabetes "
            f"data.batch_size=32,full {FEW} hydra.sweep.dir=swept"
        )
    ),
    "folds": case(
        train(f"-m data.folds=3 data.fold=range(0,3) data=iris optim.lr=0.1,0.01 {FEW} hydra.sweep.dir=swept"),
        onelayer("predict swept new.csv --mean -o predictions.csv"),
        onelayer("evaluate swept new.csv --mean --json"),
        new_csv=bundled("iris", "species"),
    ),
    "stream": case(
        train(
            f"-m {TABLE} data.target=price data.drop=[sold,kind] data.stream=true data.block_rows=64 optim=adam,sgd "
            f"{FEW} hydra.sweep.dir=swept"
        ),
        *delivered("swept", "table.csv"),
        table_csv=mixed,
    ),
    "table": case(
        train(
            f"{TABLE} data.target=kind data.drop=[price,sold] data.sample_weight=weight model.l2=0.01 {FEW} "
            "hydra.run.dir=run"
        ),
        *delivered("run", "table.csv"),
        onelayer("inspect table.csv target=kind"),
        table_csv=mixed,
    ),
    "weights": case(
        train(
            f"-m {TABLE} data.target=sold data.drop=[price,kind] data.sample_weight=null,weight "
            f"data.class_weight=null,balanced model.l2=0.01 {FEW} hydra.sweep.dir=swept"
        ),
        *delivered("swept", "table.csv", exports="sql"),
        table_csv=mixed,
    ),
    "sparse": case(
        train(f"-m data=libsvm data.path=rows.svm model.l2=0.01 optim=adam,sgd {FEW} hydra.sweep.dir=swept"),
        *delivered("swept", "rows.svm", exports="onnx"),
        rows_svm=sparse,
    ),
    "two_layers": case(
        train(f"-m data=breast_cancer model=two_layers optim=adam,sgd seed=0,1 {FEW} hydra.sweep.dir=swept"),
        *delivered("swept", "new.csv", layers=2, exports="onnx"),
        new_csv=bundled("breast_cancer", "diagnosis"),
    ),
    "links": case(
        train(
            f"-m model.link={','.join(LINKS)} data=breast_cancer model.l2=0.01 optim=lbfgs {FEW} hydra.sweep.dir=swept "
            "hydra.sweep.subdir=${model.link}"
        ),
        *(onelayer(f"summary swept/{link} --polish --json") for link in LINKS),
        *(onelayer(f"export swept/{link} --to sql -o {link}.sql") for link in LINKS),
    ),
    "stopped": case(
        train(
            "-m data=diabetes optim=sgd,adam optim.lr=1e9,0.3,0.05 patience=2 trainer.max_epochs=40 "
            "hydra.sweep.dir=swept"
        )
    ),
    "float64": case(
        train(
            "data=breast_cancer data.dtype=float64 model.l2=0.01 optim=lbfgs trainer.max_epochs=10 hydra.run.dir=run"
        ),
        *delivered("run"),
    ),
    "killed": case(
        train(KILLED, killed_at="swept/.stacks/**/*.ckpt"),
        train(KILLED),
        free=r"train\.log|__config__",  # each start adds to these, from the epoch where it went on
    ),
    "resumed": case(
        train("data=iris optim=adam trainer.max_epochs=3 logger.weights=true hydra.run.dir=half"),
        train("resume=half trainer.max_epochs=6 hydra.run.dir=rest"),
    ),
    "estimators": case(Step(("estimators",))),
}
