"""Steps of a time axis that fit into a chart."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.web.pages.charts.steps import fitting
from app.web.pages.charts.svg import (
    NARROW,
    WIDE,
)

NINE = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - wall time, as a chart's axis has it


def test_labels_stand_on_round_times_and_never_more_than_fit() -> None:
    for minutes in (3, 30, 200, 1_440, 10_000):
        axis = fitting(NINE + timedelta(minutes=7), NINE + timedelta(minutes=7 + minutes))
        assert axis.steps <= 144
        assert axis.begin <= NINE + timedelta(minutes=7)
        assert axis.begin + timedelta(minutes=axis.step_min * axis.steps) >= NINE + timedelta(
            minutes=7 + minutes
        )
        for size in (WIDE, NARROW):
            assert 1 <= len(axis.marks(size.x_labels)) <= size.x_labels + 1
