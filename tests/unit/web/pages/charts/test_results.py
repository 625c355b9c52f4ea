"""Charts of results keep their labels apart, however wide an interval is."""

from __future__ import annotations

import re

import pytest

from app.web.pages.charts.results import WIDE_BARS, IntervalRow, intervals


@pytest.mark.parametrize(
    ("low", "high"), [(-0.02, 0.03), (-0.089, 0.145), (0.0, 7.4), (7.2, 74.0), (-0.9, 1_450.0)]
)
def test_an_axis_of_differences_has_a_few_marks(low: float, high: float) -> None:
    drawn = intervals([IntervalRow("지원", (low + high) / 2, low, high, "more")], name="차이", size=WIDE_BARS)
    marks = re.findall(r">([+-]?[\d,]+%)<", drawn)
    assert 2 <= len(marks) <= 9
    assert "0%" in marks
