"""The jobs of a sweep, against Hydra's basic sweeper and numpy."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from onelayer.errors import UserError
from onelayer.sweeps.grid import Job, batches, sweep_jobs
from tests.conftest import examples


@pytest.fixture
def jobs(loader: ConfigLoader) -> Callable[..., list[Job]]:
    def make(
        *arguments: str,
        params: Mapping[str, Any] | None = None,
        grids: Sequence[Mapping[str, Any]] = (),
        points: int = 8,
        points_given: bool = False,
    ) -> list[Job]:
        return sweep_jobs(
            arguments, params=params or {}, grids=grids, points=points, loader=loader, points_given=points_given
        )

    return make


# each key has one spelling: where the command line says +a and params say a, Hydra's sweeper would give a job both
KEYS = ("seed", "optim", "data", "optim.lr", "+new", "++model.l2", "~logger", "optim@other")
ELEMENTS = st.sampled_from(
    ("0", "1", "-2", "0.5", "1e-3", "1e10", "null", "true", "adam", "sgd", "'a, b'", '"it\'s"', "[1,2]")
)
ELEMENTS |= st.sampled_from(("{a:1,b:[x]}", "a\\,b", "${seed}", "'${seed}'", "[]", "", "a b", "nan", "'1'"))
LISTS = st.lists(ELEMENTS.filter(bool), min_size=2, max_size=3).map(",".join)
SWEPT = st.sampled_from(
    ("range(3)", "range(1,6,2)", "range(0,1,0.25)", "range(5,0,-2)", "glob(*)", "glob([a*,s*],exclude=ad*)", "int(2.7)")
)
SWEPT |= LISTS.filter(lambda text: "null" not in text).map("choice({})".format) | st.sampled_from(
    ("sort(3,1,2)", "sort(b,a,reverse=true)", "float(range(1,3))")
)
VALUES = ELEMENTS | LISTS | SWEPT | SWEPT.filter(lambda text: "range" in text).map("tag(log,{})".format)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    params=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3),
    arguments=st.lists(st.tuples(st.sampled_from(KEYS), VALUES), max_size=4),
)
def test_without_intervals_and_grids_the_jobs_are_those_of_hydras_basic_sweeper(
    loader: ConfigLoader, params: dict[str, str], arguments: list[tuple[str, str]]
) -> None:
    lines = [f"{key}={value}" for key, value in arguments]
    overrides = OverridesParser.create(loader).parse_overrides([*(f"{k}={v}" for k, v in params.items()), *lines])
    # a glob that matches nothing is refused by ours, also where the command line says something else
    assume(all(BasicSweeper.split_arguments([one], None)[0] for one in overrides))
    (expected,) = BasicSweeper.split_arguments(overrides, None)
    made = sweep_jobs(lines, params=params, grids=[], points=8, loader=loader)
    assert made == [list(job) for job in dict.fromkeys(map(tuple, expected))]


def test_a_shuffled_sweep_has_the_same_jobs_and_one_order_in_all_grids(jobs: Callable[..., list[Job]]) -> None:
    made = jobs("seed=shuffle(range(50))", grids=[{"optim": "sgd"}, {"optim": "adam"}])
    assert sorted(made) == sorted(jobs("seed=range(50)", grids=[{"optim": "sgd"}, {"optim": "adam"}]))
    assert [seed for _, seed in made[:50]] == [seed for _, seed in made[50:]]


def values_of(jobs: Sequence[Job]) -> list[str]:
    return [override.partition("=")[2] for (override,) in jobs]


@pytest.mark.parametrize(("start", "end"), [(0, 1), (-1, 2), (3.5, 0.5), (1e-30, 1e30), (-0.3, 0.7), (1, 1.0000001)])
@pytest.mark.parametrize("points", [2, 3, 8, 33])
def test_an_interval_is_evenly_spaced(jobs: Callable[..., list[Job]], start: float, end: float, points: int) -> None:
    texts = values_of(jobs(f"x=interval({start},{end})", points=points))
    numbers = np.array([float(text) for text in texts])
    np.testing.assert_allclose(numbers, np.linspace(start, end, points), rtol=5e-6, atol=1e-15)
    assert (numbers[0], numbers[-1]) == (start, end)
    assert (np.diff(numbers) > 0).all() or (np.diff(numbers) < 0).all()


@pytest.mark.parametrize(("start", "end"), [(1e-4, 1), (1, 1e-4), (1e-300, 1e300), (0.003, 0.3), (1, 1.0000001)])
@pytest.mark.parametrize("points", [2, 5, 32])
def test_a_log_interval_is_geometrically_spaced(
    jobs: Callable[..., list[Job]], start: float, end: float, points: int
) -> None:
    texts = values_of(jobs(f"x=tag(log,interval({start},{end}))", points=points))
    numbers = np.array([float(text) for text in texts])
    expected = np.exp(np.linspace(np.log(start), np.log(end), points))  # geomspace overflows at 1e300 / 1e-300
    np.testing.assert_allclose(numbers, expected, rtol=5e-6)
    if end / start < 1e300:
        np.testing.assert_allclose(numbers, np.geomspace(start, end, points), rtol=5e-6)
    assert (numbers[0], numbers[-1]) == (start, end)
    assert (np.diff(numbers) > 0).all() or (np.diff(numbers) < 0).all()


def test_points_are_written_to_be_read_and_the_ends_as_they_were_given(jobs: Callable[..., list[Job]]) -> None:
    assert values_of(jobs("x=tag(log,interval(1e-4,1))", points=15))[:3] == ["0.0001", "0.00019307", "0.000372759"]
    assert values_of(jobs("x=tag(log,interval(1e-4,1))", points=5)) == ["0.0001", "0.001", "0.01", "0.1", "1.0"]
    assert values_of(jobs("x=interval(-0.3,0.7)", points=11))[3] == "0.0"
    assert values_of(jobs("x=interval(0.123456789,1)", points=2)) == ["0.123456789", "1.0"]


def test_whole_numbers_come_without_repeats(jobs: Callable[..., list[Job]]) -> None:
    assert values_of(jobs("x=int(interval(1,9))", points=5)) == ["1", "3", "5", "7", "9"]
    assert values_of(jobs("x=int(interval(1,4))", points=32)) == ["1", "2", "3", "4"]
    assert values_of(jobs("x=tag(log,int(interval(1,1000)))", points=4)) == ["1", "10", "100", "1000"]
    assert values_of(jobs("x=int(tag(log,interval(1,10)))", points=9)) == ["1", "2", "3", "4", "6", "7", "10"]
    assert values_of(jobs("x=interval(2,2)")) == ["2.0"]


def test_grids_come_one_after_another_each_times_params_and_the_command_line(jobs: Callable[..., list[Job]]) -> None:
    made = jobs(
        "seed=0,1",
        params={"model.l2": "0,1"},
        grids=[{"optim": "sgd", "optim.momentum": "0.5,0.9"}, {"optim": "adam"}],
    )
    assert len(made) == 2 * 2 * 2 + 2 * 2
    assert made[:3] == [
        ["model.l2=0", "optim=sgd", "optim.momentum=0.5", "seed=0"],
        ["model.l2=0", "optim=sgd", "optim.momentum=0.5", "seed=1"],
        ["model.l2=0", "optim=sgd", "optim.momentum=0.9", "seed=0"],
    ]
    assert made[-1] == ["model.l2=1", "optim=adam", "seed=1"]


def test_params_hold_values_as_yaml_has_them(jobs: Callable[..., list[Job]]) -> None:
    params = {"patience": None, "optim.betas": [0.9, 0.99], "model.bias": False, "seed": 3, "optim.lr": "1e-3"}
    assert jobs(params=params) == [
        ["patience=null", "optim.betas=[0.9,0.99]", "model.bias=False", "seed=3", "optim.lr=0.001"]
    ]


def test_equal_jobs_are_made_once_in_whatever_order_their_keys_stand(jobs: Callable[..., list[Job]]) -> None:
    grids = [{"optim": "adam,sgd", "seed": 0}, {"seed": "0,1", "optim": "adam"}]
    assert jobs(grids=grids) == [["optim=adam", "seed=0"], ["optim=sgd", "seed=0"], ["seed=1", "optim=adam"]]
    assert jobs("optim.lr=0.1,1e-1,0.10") == [["optim.lr=0.1"]]


def test_a_value_on_the_command_line_replaces_that_of_params_and_grids(jobs: Callable[..., list[Job]]) -> None:
    grids = [{"optim": "sgd", "optim.lr": "interval(0,1)"}, {"optim": "adam"}]
    made = jobs("optim.lr=0.5", "model.l2=1,2", params={"model.l2": "7,8,9"}, grids=grids)
    assert made == [
        ["model.l2=1", "optim=sgd", "optim.lr=0.5"],
        ["model.l2=2", "optim=sgd", "optim.lr=0.5"],
        ["model.l2=1", "optim=adam", "optim.lr=0.5"],
        ["model.l2=2", "optim=adam", "optim.lr=0.5"],
    ]


@pytest.mark.parametrize("spelling", ["+x=1", "++x=1", "~x", "x=1"])
def test_a_key_is_the_same_with_any_sign_before_it(jobs: Callable[..., list[Job]], spelling: str) -> None:
    (job,) = jobs(spelling, params={"x": 5})
    assert len(job) == 1
    assert job[0].startswith(spelling)


def test_a_grid_says_more_than_params(jobs: Callable[..., list[Job]]) -> None:
    made = jobs(params={"optim.lr": "1,2"}, grids=[{"optim": "sgd", "optim.lr": 3}, {"optim": "adam"}])
    assert made == [["optim.lr=3", "optim=sgd"], ["optim.lr=1", "optim=adam"], ["optim.lr=2", "optim=adam"]]


def test_a_group_on_the_command_line_leaves_the_grids_that_have_it(jobs: Callable[..., list[Job]]) -> None:
    grids = [{"optim": "sgd,asgd", "optim.lr": 1}, {"optim": "adam"}, {"seed": 9}, {"optim": "rprop"}]
    assert jobs("optim=adam,sgd", grids=grids) == [
        ["optim=sgd", "optim.lr=1"],
        ["optim=adam"],
        ["seed=9", "optim=adam"],
        ["seed=9", "optim=sgd"],
    ]
    # without a grid that leaves optim open
    assert jobs("optim=adam,sgd", grids=grids[:2]) == [["optim=sgd", "optim.lr=1"], ["optim=adam"]]
    assert jobs("optim=glob(*)", grids=grids[:2]) == jobs(grids=grids[:2])
    assert jobs("optim='adam'", grids=grids[:2]) == [["optim=adam"]]


def test_a_group_on_the_command_line_replaces_that_of_params(jobs: Callable[..., list[Job]]) -> None:
    assert jobs("optim=adam", params={"optim": "lbfgs"}) == [["optim=adam"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("optim=lbfgs",), "hydra.sweeper has no grid for optim=lbfgs; it has optim=sgd optim=asgd optim=adam"),
        (("sweep=l2", "optim=sgd,rprop"), "sweep=l2 has no grid for optim=rprop; it has"),
        (("optim=glob(r*)",), "has no grid for optim=radam optim=rmsprop optim=rprop; it has"),
    ],
)
def test_a_choice_that_no_grid_has_is_refused(
    jobs: Callable[..., list[Job]], arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UserError) as raised:
        jobs(*arguments, grids=[{"optim": "sgd,asgd"}, {"optim": "adam"}])
    assert said in str(raised.value)


def test_the_name_of_the_sweep_is_in_no_job(jobs: Callable[..., list[Job]]) -> None:
    assert jobs("sweep=optimizers", "seed=0") == [["seed=0"]]
    assert jobs("sweep=null") == [[]]
    with pytest.raises(UserError, match="sweep=l2,optimizers: name one sweep"):
        jobs("sweep=l2,optimizers")


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("optim=glob(z*)", "optim=glob(z*): nothing matches; there are adadelta, "),
        ("optim.lr=glob(*)", "optim.lr=glob(*): optim.lr is no config group"),
        ("seed=range(4,0)", "seed=range(4,0): there is no value in it"),
        ("seed=range(0,4,0)", "seed=range(0,4,0): "),
        ("seed=range(0,1,0.0)", "seed=range(0,1,0.0): "),
        ("x=tag(log,interval(0,1))", "x=tag(log,interval(0,1)): both ends of an interval must be positive"),
        ("x=tag(log,interval(-1,1))", "must be positive"),
        ("x=interval(0,inf)", "both ends of an interval must be finite"),
        ("x=interval(0,nan)", "both ends of an interval must be finite"),
        ("x=tag(lgo,interval(1,2))", "an interval knows the tag log only; did you mean 'log'?"),
    ],
)
def test_a_key_without_values_is_one_sentence(jobs: Callable[..., list[Job]], argument: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        jobs("data=iris", argument)
    assert said in str(raised.value)
    with pytest.raises(UserError):
        jobs(params=dict([argument.split("=", 1)]))


@pytest.mark.parametrize("points", [1, 0, -3])
def test_an_interval_has_two_points_or_more(jobs: Callable[..., list[Job]], points: int) -> None:
    with pytest.raises(UserError, match=r"hydra\.sweeper\.points=.*2 or more"):
        jobs("x=interval(0,1)", points=points)


def test_points_that_nothing_asks_for_are_refused(jobs: Callable[..., list[Job]]) -> None:
    with pytest.raises(UserError, match=r"points=5 has no effect"):
        jobs("seed=0,1", points=5, points_given=True)
    assert len(jobs(grids=[{"x": 7}, {"x": "interval(0,1)"}], points=5, points_given=True)) == 1 + 5


def test_a_setting_of_hydra_cannot_differ_between_runs(jobs: Callable[..., list[Job]]) -> None:
    for key in ("hydra.verbose", "hydra/launcher"):
        with pytest.raises(UserError, match=f"{key}=x is for all runs alike"):
            jobs(grids=[{key: "x"}])


def test_batches_are_cut_in_order() -> None:
    five = [[f"seed={seed}"] for seed in range(5)]
    assert list(batches(five, None)) == [five]
    assert list(batches(five, 2)) == [five[:2], five[2:4], five[4:]]
    assert list(batches(five, 9)) == [five]
    with pytest.raises(UserError, match="must be 1 or more"):
        list(batches(five, 0))
