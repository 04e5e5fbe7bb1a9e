"""Values as they are typed on the command line, against Hydra's parser and its basic sweeper."""

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onelayer.sweeps.grid import sweep_jobs
from onelayer.terminal.overrides import TEXTS, quoted, with_quotes
from tests.conftest import composed, examples

SQL = (
    "select *, round(fare, 1) as f from 'rides/*.parquet' where fare > 0 "
    "and town in ('a, b', 'it''s') and regexp_matches(town, '^\\D\\\\$')"
)


@pytest.mark.parametrize("sweep", [[], ["-m"]])
def test_sql_as_the_shell_hands_it_over(sweep: list[str]) -> None:
    (query, *_) = (one for one in with_quotes([f"data.query={SQL}", *sweep]) if "query" in one)
    assert composed("data=table", query)["data"]["query"] == SQL


@pytest.mark.parametrize(
    "path", ["~/a.csv", "a~b.csv", "my data (1).csv", "é.csv", "a,b.csv", "it's.csv", "a[1].csv", "*.csv", "a=b#c.csv"]
)
def test_paths_as_the_shell_hands_them_over(path: str) -> None:
    assert composed("data=table", *with_quotes([f"data.path={path}"]))["data"]["path"] == path


@pytest.mark.parametrize(
    ("data", "key", "value"),
    [("embeddings", "labels", "~/y.npy"), ("openml", "data_home", "~/sets (old)"), ("table", "sample_weight", "w%")],
)
def test_other_paths_and_columns_as_the_shell_hands_them_over(data: str, key: str, value: str) -> None:
    assert composed(f"data={data}", *with_quotes([f"data.{key}={value}"]))["data"][key] == value


@pytest.mark.parametrize("sweep", [[], ["-m"]])
@pytest.mark.parametrize(
    ("key", "value"),
    [("decimal", ","), ("thousands", " "), ("thousands", "'"), ("comment", "#"), ("date_format", "%B %d %Y"),
     ("date_format", "%m/%d/%Y %I:%M %p")],
)  # fmt: skip
def test_signs_as_the_shell_hands_them_over(key: str, value: str, sweep: list[str]) -> None:
    typed = next(one for one in with_quotes([f"data.{key}={value}", *sweep]) if key in one)
    assert composed("data=table", typed)["data"][key] == value


@pytest.mark.parametrize("name", ["2", "0.10", "1e3", "True", "TRUE", "NaN", "fare (USD)", "a,b", "it's", "m/s", "é"])
def test_columns_are_called_as_they_are_typed(name: str) -> None:
    found = composed("data=table", *with_quotes([f"data.target={name}", f"data.split.by={name}"]))["data"]
    assert (found["target"], found["split"]["by"]) == (name, name)


@pytest.mark.parametrize("weights", ["{>50K: 3}", "{'>50K': 3, <=50K: 1}", "{true: 3}", "{a b: 1.5}"])
def test_weights_of_classes_as_the_shell_hands_them_over(weights: str) -> None:
    (argument,) = with_quotes([f"data.class_weight={weights}"])
    assert composed(argument)["data"]["class_weight"] == weights


def test_a_comma_sweeps_over_weights_of_classes() -> None:
    swept = with_quotes(["-m", "data.class_weight=balanced,{>50K: 3, b: 1},{b: 2}"])
    assert swept == ["-m", "data.class_weight=balanced,'{>50K: 3, b: 1}','{b: 2}'"]


@pytest.mark.parametrize(
    "argument",
    ["data.path=a.csv", "data.path=null", "data.query='select 1, 2'", 'data.query="select 1"', "data.query=null",
     "data.query=choice('select 1','select 2')", "data.path=glob(*)", "data.pathology=a b", "optim.lr=1e-3",
     "data.target=age", "data.target=null", "data.target=a.b_c", "data.target=choice(a,b)", "data.split.by='2'",
     "data.class_weight=balanced", "data.class_weight='{a: 1}'"],
)  # fmt: skip
def test_what_hydra_reads_already_stays(argument: str) -> None:
    assert with_quotes([argument]) == [argument]


def test_a_comma_sweeps_over_paths() -> None:
    assert with_quotes(["-m", "data.path=a.csv,b (1).csv,'c d.csv'"]) == ["-m", "data.path=a.csv,'b (1).csv','c d.csv'"]


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("'sold, 2024.csv'", ["sold, 2024.csv"]),
        ('"sold, 2024.csv"', ["sold, 2024.csv"]),
        ("'a, b','c'", ["a, b", "c"]),
        ("a, b c", ["a", "b c"]),
        ("'it\\'s, a','b'", ["it's, a", "b"]),
        ("it's,that's", ["it's", "that's"]),
        ("a\\,b,c (1)", ["a,b", "c (1)"]),
        ("a=b,'c=d, e'", ["a=b", "c=d, e"]),
        ("${oc.env:NOWHERE,a},b", ["${oc.env:NOWHERE,a}", "b"]),
        ("1e5,'2',true,null", ["1e5", "2", "true", None]),
        ("choice('a, b',c)", ["a, b", "c"]),
        ("é,ü", ["é", "ü"]),
    ],
)
@pytest.mark.parametrize("key", ["path", "target", "split.by"])
def test_what_was_quoted_stays_whole_in_a_sweep(typed: str, values: list[str], key: str, loader: ConfigLoader) -> None:
    assert jobs_of(with_quotes(["-m", f"data.{key}={typed}"])[1:], loader) == [[(f"data.{key}", one)] for one in values]


def test_quoted_queries_are_swept_over(loader: ConfigLoader) -> None:
    arguments = with_quotes(["-m", "data.query='select a, b from x','select 1'"])[1:]
    assert jobs_of(arguments, loader) == [[("data.query", one)] for one in ("select a, b from x", "select 1")]


def jobs_of(arguments: list[str], loader: ConfigLoader) -> list[list[tuple[str, object]]]:
    """The keys and values of each job of ours."""
    jobs = sweep_jobs(arguments, params={}, grids=(), points=8, loader=loader)
    return [[(one.key_or_group, one.value()) for one in OverridesParser.create().parse_overrides(job)] for job in jobs]


WORDS = st.text("ab.,' =\\\"é{[(/", min_size=1, max_size=6).filter(lambda text: text != "'" and "${" not in text)
PLAIN = st.from_regex(r"[a-z][a-z./_-]{0,5}", fullmatch=True).filter(lambda text: text not in ("nan", "inf", "true"))
TYPED = PLAIN | WORDS.map(quoted) | st.sampled_from(("a b", "a\\,b", "\"x, 'y'\"", "''"))


# SQL has commas, backslashes and signs of its own
KEYS = st.sampled_from((*(f"data.{key}" for key in TEXTS if key != "query"), "monitor", "+more"))


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(KEYS, st.lists(TYPED, min_size=1, max_size=4, unique=True), max_size=3), st.sampled_from(",;"))
def test_the_jobs_are_those_of_hydras_basic_sweeper(
    loader: ConfigLoader, typed: dict[str, list[str]], comma: str
) -> None:
    parser, comma = OverridesParser.create(), comma.replace(";", ", ")
    lines = [f"{key}={comma.join(values)}" for key, values in typed.items()]
    read = parser.parse_overrides(lines)
    (jobs,) = BasicSweeper.split_arguments(read, None)
    hydras = [[(one.key_or_group, one.value()) for one in parser.parse_overrides(job)] for job in jobs]
    ours = jobs_of(with_quotes(["-m", *lines])[1:], loader)
    assert ours == list({repr(job): job for job in hydras}.values())
