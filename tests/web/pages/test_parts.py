"""The parts that need no page: numbers as people type them, charts, and what to do when a send drifts."""

from __future__ import annotations

from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.campaign import AllAtOnce, Campaign, Range
from app.capacity.drift import Advice, Minute, advise
from app.web.pages.charts.steps import fitting
from app.web.pages.charts.svg import (
    NARROW,
    WIDE,
    Series,
    TimeAxis,
    latencies,
    lines,
    nice_top,
    short,
    stacked,
    ticks,
)
from app.web.pages.forms.fields import read_number, shown_number

NINE = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - wall time, as a chart's axis has it
LIMITS = (10_000, 25_000, 50_000, 100_000)
SVG = "{http://www.w3.org/2000/svg}"


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
    assert read_number(shown_number(number)) == number


def _drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own drawing


def test_a_drawing_brings_no_style_script_colour_or_foreign_name_along() -> None:
    axis = TimeAxis(NINE, 1, 30)
    hostile = '"><script>alert(1)</script>'
    area = Series("area c0", hostile, [5.0] * 30)
    for svg in (
        stacked(axis, [area], ceiling_rps=3.0, name=hostile),
        lines(axis, [area], name=hostile, size=NARROW),
        latencies([("p50", [(10, 5.0), (20, 9.0)])], [("held", [(10, 5.0)])], name=hostile),
    ):
        root = _drawn(svg)
        tags = {node.tag.removeprefix(SVG) for node in root.iter()}
        assert tags <= {"svg", "g", "path", "text", "circle"}, tags
        names = {name for node in root.iter() for name in node.attrib}
        assert names <= {
            "class",
            "d",
            "transform",
            "x",
            "y",
            "cx",
            "cy",
            "r",
            "viewBox",
            "role",
            "aria-label",
        }, names
        assert root.get("aria-label") == hostile


def test_what_is_over_the_ceiling_is_painted_as_that_and_the_line_is_straight() -> None:
    axis = TimeAxis(NINE, 1, 10)
    areas = [Series("area c0", "a", [4.0] * 10), Series("area c1", "b", [4.0] * 10)]
    root = _drawn(stacked(axis, areas, ceiling_rps=5.0, name="x"))
    paths = {
        group.get("class"): group.find(f"{SVG}path")
        for group in root.iter(f"{SVG}g")
        if (group.get("class") or "").startswith("series")
    }
    assert list(paths) == ["series area c0", "series area c1", "series over", "series ceiling"]
    ceiling = paths["series ceiling"]
    assert ceiling is not None
    heights = {
        point.split()[1]
        for point in (ceiling.get("d") or "")[1:].replace("L", " L").split(" L")
        if " " in point.strip()
    }
    assert len({height for height in heights if height}) == 1


def test_labels_stand_on_round_times_and_never_more_than_fit() -> None:
    for minutes in (3, 30, 200, 1_440, 10_000):
        axis = fitting(NINE + timedelta(minutes=7), NINE + timedelta(minutes=7 + minutes))
        assert axis.steps <= 144
        assert axis.begin <= NINE + timedelta(minutes=7)
        assert axis.begin + timedelta(minutes=axis.step_min * axis.steps) >= NINE + timedelta(
            minutes=7 + minutes
        )
        for size in (WIDE, NARROW):
            assert 1 <= len(axis.major(size.x_labels)) <= size.x_labels + 1


@given(st.floats(min_value=0, max_value=1e7))
def test_an_axis_ends_above_what_it_shows(most: float) -> None:
    assert most < nice_top(most) <= max(1.0, most * 2.8)


@given(st.floats(0, 1e9))
def test_the_numbers_on_an_axis_are_where_they_stand(most: float) -> None:
    marks = ticks(nice_top(most))
    assert marks[0] == 0
    assert marks[-1] == nice_top(most)
    assert [float(short(mark).replace(",", "")) for mark in marks] == pytest.approx(marks)


def _send(kind: str = "rate_limited", limit: int | None = 50_000) -> Campaign:
    return Campaign(
        name="a",
        kind=kind,  # type: ignore[arg-type] # the test's own kinds
        audience=Range.exactly(1),
        timing=AllAtOnce(NINE),
        limit_per_min=limit,
    )


def _advice(
    received: float, *, kind: str = "rate_limited", limit: int | None = 50_000, usable: float | None = 6_000
) -> Advice | None:
    minutes = [Minute(received, 1_000.0, 4_000.0)] * 3
    return advise(
        minutes, _send(kind, limit), usable_rps=usable, ceiling_rps=usable, offered_limits_per_min=LIMITS
    )


def test_a_send_within_its_band_is_as_forecast() -> None:
    for received in (500.0, 1_000.0, 4_000.0, 4_400.0):
        advice = _advice(received)
        assert advice is not None
        assert advice.state == "as_forecast"


def test_a_send_over_the_usable_rate_is_above_whatever_was_forecast() -> None:
    advice = advise(
        [Minute(6_500.0, 1_000.0, 9_000.0)],
        _send(),
        usable_rps=6_000,
        ceiling_rps=8_000,
        offered_limits_per_min=LIMITS,
    )
    assert advice is not None
    assert (advice.state, advice.over_usable, advice.popular_share) == ("above", True, 0.0)


def test_the_new_limit_would_have_kept_the_calls_under_the_usable_rate() -> None:
    advice = _advice(9_000.0, kind="canvas_step")
    assert advice is not None
    assert (advice.is_canvas, advice.new_limit_per_min) == (True, 25_000)  # 50,000 x 6,000 / 9,000 = 33,333
    assert advice.popular_share == pytest.approx(1 / 3)
    unlimited = _advice(9_000.0, kind="at_once", limit=None)
    assert unlimited is not None
    assert unlimited.new_limit_per_min == 25_000  # 6,000 x 60 / (3 x 4) = 30,000


def test_where_no_offered_limit_is_low_enough_none_is_named() -> None:
    advice = _advice(60_000.0)
    assert advice is not None
    assert advice.new_limit_per_min is None
    without = _advice(60_000.0, usable=None)
    assert without is not None
    assert (without.new_limit_per_min, without.over_usable, without.state) == (None, False, "above")


def test_before_the_first_full_minute_nothing_is_said() -> None:
    assert advise([], _send(), usable_rps=1, ceiling_rps=1, offered_limits_per_min=LIMITS) is None


def test_only_the_last_minutes_count() -> None:
    minutes = [Minute(50_000.0, 1_000.0, 4_000.0), *[Minute(2_000.0, 1_000.0, 4_000.0)] * 3]
    advice = advise(minutes, _send(), usable_rps=6_000, ceiling_rps=6_000, offered_limits_per_min=LIMITS)
    assert advice is not None
    assert advice.state == "as_forecast"
