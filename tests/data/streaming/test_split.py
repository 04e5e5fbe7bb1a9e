"""Which rows train, validate and test, by a hash of each row."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from onelayer.data.preparation import Preparation
from onelayer.data.prepare import Prepared
from onelayer.data.streaming.split import parts_of
from onelayer.errors import UserError
from tests.data.streaming.tables import columns_of, stream_of, streamed

ROWS = 4000


def numbered(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    groups = np.arange(rows) // 8
    return pd.DataFrame({"row": np.arange(rows) + 0.5, "patient": groups, "number": rng.normal(size=rows)})


def rows_of(prepared: Prepared, name: str) -> set[int]:
    found = np.rint(columns_of(prepared, name, "row") - 0.5).astype(int)
    assert len(set(found)) == len(found) == len(getattr(prepared, name))
    return set(found.tolist())


def split(folder: Path, frame: pd.DataFrame | None = None, by: str | None = None, **settings: Any) -> list[set[int]]:
    given = {"drop": ("patient",)} if by is None else {"by": by}
    prepared = streamed(numbered() if frame is None else frame, folder, settings=settings, block_rows=999, **given)
    return [rows_of(prepared, name) for name in ("train", "val", "test")]


@pytest.mark.parametrize(("val", "test"), [(0.2, 0.1), (800, 400), (0, 0.1), (0.2, 0), (0, 0)])
def test_parts_have_about_as_many_rows_as_asked_and_each_row_is_in_one(tmp_path: Path, val: float, test: float) -> None:
    parts = split(tmp_path, val=val, test=test)
    assert sorted(row for part in parts for row in part) == list(range(ROWS))
    for part, asked in zip(parts[1:], (val, test), strict=True):
        share = asked / ROWS if isinstance(asked, int) else asked
        # five standard deviations of a binomial
        assert abs(len(part) - share * ROWS) <= 5 * np.sqrt(share * (1 - share) * ROWS)


def test_the_seed_decides_and_nothing_else_does(tmp_path: Path) -> None:
    first, again, other = (split(tmp_path, split_seed=seed) for seed in (0, 0, 1))
    assert first == again
    # as many of the one among the other as chance has it
    assert abs(len(first[2] & other[2]) / len(first[2]) - 0.15) < 0.07


@pytest.mark.parametrize("which", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_seeds_draw_independently_of_each_other(tmp_path: Path, which: int) -> None:
    found = [split(tmp_path, val=0.25, test=0.25, split_seed=seed)[which] for seed in range(12)]
    shared = [len(one & other) / ROWS for place, one in enumerate(found) for other in found[:place]]
    assert abs(np.mean(shared) - 1 / 16) < 0.01
    assert np.std(shared) < 0.01


def test_a_row_stays_in_its_part_whatever_rows_there_are_beside_it(tmp_path: Path) -> None:
    some = split(tmp_path, numbered()[1000:])
    every = split(tmp_path)
    assert all(few <= many for few, many in zip(some, every, strict=True))


def test_equal_rows_are_in_one_part(tmp_path: Path) -> None:
    """A copy of a train row among the test rows would be known already."""
    frame = numbered(400)[["row", "number"]]
    twice = pd.concat([frame, frame], ignore_index=True)
    prepared = streamed(twice, tmp_path)
    for name in ("train", "val", "test"):
        found, counts = np.unique(np.rint(columns_of(prepared, name, "row") - 0.5), return_counts=True)
        assert len(found)
        assert (counts == 2).all()


@pytest.mark.parametrize("settings", [{"val": 0.2, "test": 0.2}, {"test": 0.2, "folds": 3, "fold": 1}])
def test_groups_stay_whole(tmp_path: Path, settings: dict[str, Any]) -> None:
    parts = [{row // 8 for row in part} for part in split(tmp_path, by="patient", **settings)]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts)) == ROWS // 8


def test_folds_partition_the_rows_that_do_not_test(tmp_path: Path) -> None:
    found = [split(tmp_path, test=0.2, folds=4, fold=fold, repeats=2) for fold in range(8)]
    assert len({frozenset(test) for *_, test in found}) == 1
    (_, _, test), *_ = found
    assert test == split(tmp_path, test=0.2, val=0)[2]
    for repetition in (found[:4], found[4:]):
        vals = [val for _, val, _ in repetition]
        assert sorted(row for val in vals for row in val) == sorted(set(range(ROWS)) - test)
        assert all(train == set(range(ROWS)) - val - test for train, val, _ in repetition)
    for first in range(4):
        for second in range(4, 8):
            assert abs(len(found[first][1] & found[second][1]) / len(found[first][1]) - 0.25) < 0.08


def test_in_order_the_last_rows_test(tmp_path: Path) -> None:
    train, val, test = split(tmp_path, val=0.2, test=100, split_shuffle=False)
    assert (train, val, test) == (set(range(3100)), set(range(3100, 3900)), set(range(3900, 4000)))


@pytest.mark.parametrize(
    ("settings", "by", "said"),
    [
        ({"stratify": True}, None, "data.split.stratify"),
        ({"split_shuffle": False}, "patient", "data.split.by"),
        ({"split_shuffle": False, "folds": 3, "fold": 0}, None, "data.folds"),
        ({"folds": 3, "fold": 3}, None, "data.fold=3"),
        ({"val": 0.5, "test": 0.5}, None, "leave none for training"),
        ({"val": 3000, "test": 1000}, None, "leave none for training"),
    ],
)
def test_what_needs_all_rows_at_once_is_refused(
    tmp_path: Path, settings: dict[str, Any], by: str | None, said: str
) -> None:
    with pytest.raises(UserError, match=said) as refused:
        split(tmp_path, by=by, **settings)
    assert "\n" not in str(refused.value)


def test_a_part_that_gets_no_rows_by_chance_is_refused(tmp_path: Path) -> None:
    frame = numbered(6)
    said = []
    for seed in range(30):
        try:
            assert all(split(tmp_path, frame, val=1, test=1, split_seed=seed))
        except UserError as refused:
            said.append(str(refused))
    assert 10 < len(said) < 30
    for part in ("val", "test"):
        assert any(f"none of 6 rows came to the {part} part" in one for one in said)
        assert any(f"raise data.split.{part}, change data.split.seed" in one for one in said)
    assert all("\n" not in one for one in said)


@pytest.mark.parametrize("key", ["row", "patient"])
def test_no_value_is_bound_to_a_part_or_a_fold(tmp_path: Path, key: str) -> None:
    """For duckdb hash(0) is 0; a group 0 must not test, or be in fold 0, more often than others."""
    frame = pd.DataFrame({"row": np.repeat(np.arange(40), 2), "x": np.arange(80.0), "number": np.tile([0.5, 1.5], 40)})
    stream = stream_of(frame, tmp_path, by="row") if key == "patient" else stream_of(frame, tmp_path)
    seeds, values = 300, (0, 1, 17)

    def drawn(**settings: Any) -> dict[int, list[int]]:
        """The place of the part that a value comes to, for each seed."""
        found: dict[int, list[int]] = {value: [] for value in values}
        for seed in range(seeds):
            parts = parts_of(stream, Preparation(**{"val": 0.3, "test": 0.2, "split_seed": seed, **settings}))
            once = f"row IN {values} AND x % 2 = 0"  # each is there twice
            rows = stream.rows.all(f"SELECT row, {', '.join(parts)} FROM rows WHERE {once}")
            assert sorted(row for row, *_ in rows) == list(values)
            for value, *drawn in rows:
                found[value].append(drawn.index(True))
        return found

    plain, folds = drawn(), drawn(test=0, folds=4, fold=0)
    for value in values:
        for place, share in enumerate((0.5, 0.3, 0.2)):
            assert abs(plain[value].count(place) / seeds - share) < 4 * np.sqrt(share * (1 - share) / seeds)
        assert abs(folds[value].count(1) / seeds - 0.25) < 4 * np.sqrt(3 / 16 / seeds)


@pytest.mark.parametrize(
    ("groups", "settings", "said"),
    [
        (1, {}, "its column has 1 distinct value, too few for 3 parts"),
        (2, {}, "its column has 2 distinct values, too few for 3 parts"),
        (1, {"test": 0}, "its column has 1 distinct value, too few for 2 parts"),
        (3, {"test": 0, "folds": 5, "fold": 0}, "data.folds=5 needs at least 5 distinct values of data.split.by"),
    ],
)
def test_too_few_groups_are_refused(tmp_path: Path, groups: int, settings: dict[str, Any], said: str) -> None:
    frame = numbered(400)
    frame["patient"] %= groups
    with pytest.raises(UserError, match=said):
        split(tmp_path, frame, by="patient", **settings)
