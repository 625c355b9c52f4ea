"""Charts as drawings: what they hold, and what stands on their axes."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.formats import count
from app.web.pages.charts.svg import (
    NARROW,
    Series,
    TimeAxis,
    latencies,
    lines,
    nice_top,
    stacked,
    ticks,
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


@given(st.floats(min_value=0, max_value=1e7))
def test_an_axis_ends_above_what_it_shows(most: float) -> None:
    assert most < nice_top(most) <= max(1.0, most * 2.8)


@given(st.floats(0, 1e9))
def test_the_numbers_on_an_axis_are_where_they_stand(most: float) -> None:
    marks = ticks(nice_top(most))
    assert marks[0] == 0
    assert marks[-1] == nice_top(most)
    assert [float(count(mark).replace(",", "")) for mark in marks] == pytest.approx(marks)
