"""What speaks for a header, and what against it."""

import pytest

from onelayer.data.tables.header import Header, judge_header

CERTAIN, VALUES, OPEN, ODD = (
    Header(is_certain=True, is_value=False, is_odd=False),
    Header(is_certain=False, is_value=True, is_odd=True),
    Header(is_certain=False, is_value=False, is_odd=False),
    Header(is_certain=False, is_value=False, is_odd=True),
)
CASES = {
    "text above numbers": ("x,y", ["1,a", "2,b"], CERTAIN),
    "text above dates": ("d,t", ["2020-01-02,a", "1/2/2020,b"], CERTAIN),
    "text above truths": ("flag,t", ["true,a", "no,b"], CERTAIN),
    "text above numbers with signs": ("price,t", ["$1.50,a", "30 %,b"], CERTAIN),
    "text above numbers and missing ones": ("x,t", ["NA,a", "1e-3,b"], CERTAIN),
    "a year above numbers beside a text": ("t,1990", ["a,1.5", "b,2"], VALUES),
    "a number above numbers": ("John,08075", ["Jack,09119", "Joan,00123"], VALUES),
    "values that all occur again": ("p,x", ["e,x", "p,b", "p,x"], VALUES),
    "a value that occurs again": ("p,x", ["e,x", "e,b"], ODD),
    "a number above text": ("1,x", ["a,b", "c,d"], ODD),
    "text alone": ("x,y", ["a,b", "c,d"], OPEN),
    "no name above numbers": (",y", ["1,a", "2,b"], OPEN),
    "nothing below": ("x,y", [], OPEN),
}


@pytest.mark.parametrize("case", CASES)
def test_header(case: str) -> None:
    first, below, expected = CASES[case]
    assert judge_header(first.split(","), [line.split(",") for line in below], ["", "NA"]) == expected


def test_a_number_among_names_above_numbers_is_said() -> None:
    header = judge_header(["x", "5"], [["1", "2"], ["3", "4"]], [""])
    assert header == Header(is_certain=True, is_value=False, is_odd=True)
