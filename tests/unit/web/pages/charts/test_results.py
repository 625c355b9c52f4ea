"""Charts of results keep their labels apart, however wide an interval is."""

from __future__ import annotations

import re

import pytest

from app.web.pages.charts.results import NARROW_BARS, WIDE_BARS, IntervalRow, intervals


@pytest.mark.parametrize(
    ("low", "high"), [(-0.02, 0.03), (-0.089, 0.145), (0.0, 7.4), (7.2, 74.0), (-0.9, 1_450.0)]
)
def test_an_axis_of_differences_has_a_few_marks(low: float, high: float) -> None:
    drawn = intervals([IntervalRow("지원", (low + high) / 2, low, high, "more")], name="차이", size=WIDE_BARS)
    marks = re.findall(r">([+-]?[\d,]+%)<", drawn)
    assert 2 <= len(marks) <= 9
    assert "0%" in marks


@pytest.mark.parametrize("high", [0.03, 0.6, 7.4, 9.9])
def test_on_a_phone_so_few_that_wide_ones_stand_apart(high: float) -> None:
    drawn = intervals([IntervalRow("지원", high / 2, 0.0, high, "more")], name="차이", size=NARROW_BARS)
    assert 2 <= len(re.findall(r">([+-]?[\d,]+%)<", drawn)) <= 5
