"""Numbers as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.formats import number as shown
from app.web.pages.forms.fields import read_number


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("1200000", 1_200_000),
        ("1,200,000", 1_200_000),
        ("120만", 1_200_000),
        ("1.2억", 120_000_000),
        ("3천", 3_000),
        ("1.2m", 1_200_000),
        ("50K", 50_000),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("0.7", 0.7),
    ],
)
def test_numbers_are_read_as_people_type_them(typed: str, number: float) -> None:
    assert read_number(typed) == number


@pytest.mark.parametrize(
    "typed", ["", "-1", "1,20", "1.2.3", "nan", "inf", "1e5", "0x10", "１２", "1 2", "만"]
)
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_number(typed)


@given(st.integers(min_value=0, max_value=10**12))
def test_a_number_as_it_is_shown_reads_as_itself(number: int) -> None:
    assert read_number(shown(number, 10)) == number
