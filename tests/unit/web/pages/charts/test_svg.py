"""Charts as drawings: what they hold, and what stands on their axes."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.formats import count
from app.web.pages.charts.svg import (
    HIGHEST,
    NARROW,
    Series,
    TimeAxis,
    latencies,
    lines,
    nice_top,
    stacked,
    ticks,
    top_of,
)

NINE = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - wall time, as a chart's axis has it
SVG = "{http://www.w3.org/2000/svg}"


def _drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own drawing


def test_a_drawing_brings_no_style_script_colour_or_foreign_name_along() -> None:
    axis = TimeAxis(NINE, 1, 30)
    hostile = '"><script>alert(1)</script>'
    area = Series("area c0", hostile, [5.0] * 30)
    for svg in (
        stacked(axis, [area], ceiling_rps=[3.0] * 30, name=hostile),
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


def _series(svg: str) -> list[tuple[str, list[tuple[float, float]]]]:
    """(role, points) of each series, the first drawn first."""
    found = []
    for group in _drawn(svg).iter(f"{SVG}g"):
        role, path = group.get("class") or "", group.find(f"{SVG}path")
        if role.startswith("series ") and path is not None:
            numbers = [float(one) for one in re.findall(r"[\d.]+", path.get("d") or "")]
            found.append((role.removeprefix("series "), list(zip(numbers[::2], numbers[1::2], strict=True))))
    return found


def test_a_minute_is_a_step_and_never_a_ramp() -> None:
    axis = TimeAxis(NINE, 1, 10)
    area = Series("area c0", "a", [0.0, 0.0, 4.0, 4.0, 2.0, 0.0, 0.0, 0.0, 9.0, 0.0])
    for svg in (
        stacked(axis, [area], ceiling_rps=[5.0] * axis.steps, name="x"),
        lines(axis, [area], name="x"),
    ):
        for _role, points in _series(svg):
            for (x, y), (next_x, next_y) in pairwise(points):
                assert x == next_x or y == next_y


def test_what_is_over_the_ceiling_keeps_its_colour_and_the_line_is_over_all_of_it() -> None:
    axis = TimeAxis(NINE, 1, 10)
    areas = [Series("area c0", "a", [4.0] * 10), Series("area c1", "b", [4.0] * 10)]
    series = _series(stacked(axis, areas, ceiling_rps=[5.0] * axis.steps, name="x"))
    assert [role for role, _points in series] == ["area c1", "area c0", "over", "halo", "ceiling"]
    both, first, over, _halo, ceiling = (min(y for _x, y in points) for _role, points in series)
    assert both == over < ceiling < first  # y grows downwards
    assert len({y for _x, y in series[-1][1]}) == 1
    assert [x for x, _y in series[-1][1]] == [
        min(x for x, _y in series[0][1]),
        max(x for x, _y in series[0][1]),
    ]


@given(peak=st.floats(1, 1e7), usable=st.floats(1, 1e6))
def test_the_line_is_never_lost_under_a_peak(peak: float, usable: float) -> None:
    top = top_of([peak], usable)
    assert usable < top <= max(1.0, HIGHEST * usable * 2.8)
    svg = stacked(
        TimeAxis(NINE, 1, 3), [Series("area own", "a", [0.0, peak, 0.0])], ceiling_rps=[usable] * 3, name="x"
    )
    drawn = dict(_series(svg))
    assert ("cut" in drawn) == (peak > top)
    bottom = max(y for _x, y in drawn["area own"])
    assert bottom - drawn["ceiling"][0][1] > 20, "at least so many units above the axis"


def test_a_line_has_a_gap_where_nothing_was_counted() -> None:
    axis = TimeAxis(NINE, 1, 6)
    series = _series(lines(axis, [Series("received", "a", [None, 3.0, 4.0, None, None, 5.0])], name="x"))
    assert [role for role, _points in series] == ["received", "received"]
    assert series[0][1][-1][0] < series[1][1][0][0]


@given(st.floats(min_value=0, max_value=1e7))
def test_an_axis_ends_above_what_it_shows(most: float) -> None:
    assert most < nice_top(most) <= max(1.0, most * 2.8)


@given(st.floats(0, 1e9))
def test_the_numbers_on_an_axis_are_where_they_stand(most: float) -> None:
    marks = ticks(nice_top(most))
    assert marks[0] == 0
    assert marks[-1] == nice_top(most)
    assert [float(count(mark).replace(",", "")) for mark in marks] == pytest.approx(marks)


def test_a_ceiling_steps_where_it_changes_and_only_what_is_above_its_step_is_over() -> None:
    axis = TimeAxis(NINE, 1, 4)
    areas = [Series("area own", "a", [4.0, 4.0, 4.0, 4.0])]
    lower_later = _series(stacked(axis, areas, ceiling_rps=[5.0, 5.0, 3.0, 2.0], name="x"))
    assert [role for role, _points in lower_later].count("over") == 1
    assert len(dict(lower_later)["ceiling"]) == 6  # three levels, two ends each
    assert "over" not in dict(_series(stacked(axis, areas, ceiling_rps=[5.0] * 4, name="x")))
