"""Small stand-ins for the files that a reader has, made by the names that pages give them."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]


def make(names: Iterable[str], folder: Path) -> None:
    """Make each of the named files in a folder.

    Raises:
        KeyError: a name that is none of `MAKERS`.
    """
    for name in names:
        MAKERS[name](folder / name)


def _housing(path: Path) -> None:
    rng = np.random.default_rng(0)
    income, age = rng.gamma(4.0, 1.0, 400), rng.integers(1, 52, 400)
    ocean = rng.choice(["INLAND", "NEAR BAY", "<1H OCEAN"], 400)
    value = 40_000 * income + 500 * age + 60_000 * (ocean != "INLAND") + rng.normal(0, 30_000, 400)
    rooms = np.where(rng.random(400) < 0.05, "", rng.integers(1, 9, 400).astype(str))
    lines = [f"{i:.4f},{a},{r},{o},{v:.0f}" for i, a, r, o, v in zip(income, age, rooms, ocean, value, strict=True)]
    _write(path, "median_income,housing_median_age,total_rooms,ocean_proximity,median_house_value", lines)


def _titanic(path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = []
    for i in range(1, 401):
        sex, pclass = rng.choice(["male", "female"]), int(rng.integers(1, 4))
        age = f"{rng.uniform(1, 70):.0f}" if rng.random() < 0.8 else ""
        fare = f"{rng.gamma(2.0, 40.0 / pclass):.2f}"
        survived = int(rng.random() < 1 / (1 + np.exp(-(2.5 * (sex == "female") - 0.9 * pclass + 0.5))))
        cabin = f"C{rng.integers(1, 99)}" if rng.random() < 0.2 else ""
        name = f'"Person {i}, {"Mr" if sex == "male" else "Mrs"}."'
        row = (i, survived, pclass, name, sex, age, f"A/5 {rng.integers(10**4, 10**5)}", fare, cabin)
        lines.append(",".join(map(str, row)) + f",{rng.choice(['S', 'C', 'Q'])}")
    _write(path, "PassengerId,Survived,Pclass,Name,Sex,Age,Ticket,Fare,Cabin,Embarked", lines)


def _new(path: Path) -> None:
    """Passengers of whom nobody knows whether they survived."""
    _titanic(path)
    rows = [line.split(",", 2) for line in path.read_text().splitlines()[:51]]
    path.write_text("".join(f"{number},{rest}\n" for number, _, rest in rows))


def _test(path: Path) -> None:
    """Passengers that were kept back."""
    _titanic(path)
    path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines()[:101]))


def _rides(path: Path) -> None:
    import duckdb

    path.mkdir()
    for month in (1, 2):
        duckdb.sql(
            f"copy (select i % 7 as weekday, (i * {month} * 37) % 101 / 10 as km, "
            f"3 + 2 * ((i * {month} * 37) % 101 / 10) + (i % 13) / 10 as fare from range(1500) t(i)) "
            f"to '{path}/2026-{month:02}.parquet'"
        )


def _rides_of_a_year(path: Path) -> None:
    n = 300 if path.stem.endswith("2025") else 100
    lines = (
        f"{1 + i % 28:02d}.{1 + i % 12:02d}.{path.stem[-4:]},{(i * 37) % 101 / 10},{3 + (i * 37) % 101 / 5}"
        for i in range(n)
    )
    _write(path, "day,km,fare", lines)


def _mushrooms(path: Path) -> None:
    rng = np.random.default_rng(2)
    columns = [np.sort(rng.choice(np.arange(1, 40), 8, replace=False)) for _ in range(300)]
    path.write_text("".join(f"{int(c[0] < 4)} {' '.join(f'{j}:1' for j in c)}\n" for c in columns))


def _features(path: Path) -> None:
    X, y = _vectors()
    np.savez(path, X=X, y=y)


def _vectors() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 4, 300)
    X = rng.normal(size=(300, 64)).astype(np.float32) + 2 * np.eye(4, 64, dtype=np.float32)[y]
    return X, y


def _parts(path: Path) -> None:
    X, y = _vectors()
    if path.stem == "parts":
        np.savez(path, X_train=X[:240], y_train=y[:240], X_test=X[240:], y_test=y[240:])
    else:
        rows = slice(0, 240) if path.stem == "train" else slice(240, None)
        np.savez(path, X=X[rows], y=y[rows])


def _mnist(path: Path) -> None:
    """The four idx files of MNIST: as many test rows, fewer train rows, and a bar whose height says the digit."""
    path.mkdir()
    for part, n in (("train", 6_000), ("t10k", 10_000)):
        labels = np.arange(n) % 10
        pictures = np.zeros((n, 28, 28))
        pictures[np.arange(n), 2 * labels + 4, :] = 255
        for kind, values in (("images-idx3", pictures), ("labels-idx1", labels)):
            head = (0x0800 + values.ndim).to_bytes(4, "big") + b"".join(k.to_bytes(4, "big") for k in values.shape)
            (path / f"{part}-{kind}-ubyte").write_bytes(head + values.astype(np.uint8).tobytes())


def _tree(path: Path) -> None:
    shutil.copytree(ROOT / path.name, path, ignore=shutil.ignore_patterns("__pycache__"))


def _write(path: Path, header: str, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in (header, *lines)))


MAKERS: dict[str, Callable[[Path], None]] = {
    "housing.csv": _housing,
    "titanic.csv": _titanic,
    "new.csv": _new,
    "test.csv": _test,
    "rides": _rides,
    "rides-2025.csv": _rides_of_a_year,
    "rides-2026.csv": _rides_of_a_year,
    "mushrooms": _mushrooms,
    "features.npz": _features,
    "parts.npz": _parts,
    "train.npz": _parts,
    "test.npz": _parts,
    "mnist": _mnist,
    "conf": _tree,
    "src": _tree,
}
