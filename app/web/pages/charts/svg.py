"""Charts as inline SVG without a style, script or colour of their own: the style sheet paints them by class.

pygal draws; what it adds that a strict Content-Security-Policy refuses (a style sheet, scripts, style attributes)
and what only its scripts use (tooltips, overlays) is taken out before the text is made.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import timedelta
from math import floor, log10
from typing import TYPE_CHECKING, Any

import pygal  # type: ignore[import-untyped] # pygal ships no types
from markupsafe import Markup
from pygal.style import Style  # type: ignore[import-untyped] # same

from app.capacity.formats import count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from xml.etree.ElementTree import Element

# pygal looks for plug-ins of its own at each import of anything, in a way that newer Pythons warn of: it has none here.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

SVG = "{http://www.w3.org/2000/svg}"
HIGHEST = 4  # times the ceiling: a peak above is cut off, so that the ceiling is never lost at the bottom
MOST_COLOURS = 8  # of stacked campaigns; the style sheet has as many
_EXCESS_DIGITS = re.compile(r"(?<=\.\d)\d+")
_LABEL_PX = 13
_STEPS = (1, 2, 2.5, 5, 10)
_LABEL_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 4320, 10_080)


@dataclass(frozen=True, slots=True)
class Size:
    """A drawing's width and height in its own units, how many labels fit beneath it, and whether it is for phones."""

    width: int
    height: int
    x_labels: int
    narrow: bool = False


WIDE = Size(960, 330, 13)
MEDIUM = Size(640, 320, 8)  # beside a form
HALF = Size(400, 280, 5)  # one of two side by side
NARROW = Size(400, 300, 5, narrow=True)


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Equal steps of wall time: where they begin, how long each is, how many there are."""

    begin: datetime
    step_min: int
    steps: int

    def marks(self, most: int) -> list[tuple[float, str]]:
        """(place in steps, label) of round times, at most so many: 09:00, and a midnight within as 11/23."""
        whole_min = self.step_min * self.steps
        apart = next((step for step in _LABEL_STEPS_MIN if whole_min <= step * most), _LABEL_STEPS_MIN[-1])
        begins = enumerate(self._begins())
        return [(float(step), self._label(when)) for step, when in begins if _minute(when) % apart == 0]

    def _begins(self) -> list[datetime]:
        return [self.begin + timedelta(minutes=self.step_min * step) for step in range(self.steps)]

    def _label(self, when: datetime) -> str:
        is_new_day = (when.hour, when.minute) == (0, 0) and when.date() != self.begin.date()
        return f"{when.month}/{when.day}" if is_new_day else f"{when:%H:%M}"


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: what it is to the style sheet, its name, and its values, None where there is none."""

    role: str
    name: str
    values: Sequence[float | None]


def stacked(
    times: TimeAxis,
    areas: Sequence[Series],
    *,
    ceiling_rps: Sequence[float] | None,
    name: str,
    size: Size = WIDE,
    top: float | None = None,
) -> Markup:
    """Areas on top of each other, the first at the bottom, and a ceiling's line over them where there is one.

    The ceiling has its height in each step. Each area keeps its colour above the ceiling, under a tint of danger. What rises above `top` (default: `top_of`) is cut
    off there. `name` is read out instead of the drawing.
    """
    reached, tops = [0.0] * times.steps, []
    for area in areas:
        reached = [low + (value or 0.0) for low, value in zip(reached, area.values, strict=True)]
        tops.append(reached)
    top = top or top_of([max(reached, default=0.0)], max(ceiling_rps) if ceiling_rps else None)
    chart = _step_chart(times, size, top)
    roles = []
    for area, heights in reversed(
        list(zip(areas, tops, strict=True))
    ):  # each is drawn down to 0: the lower over it
        chart.add("", _outline([min(height, top) for height in heights]), fill=True)
        roles.append(area.role)
    if ceiling_rps is not None and max(ceiling_rps) <= top:
        for excess in _over(reached, ceiling_rps, top):
            chart.add("", excess)
            roles.append("over")
        for role in ("halo", "ceiling"):
            chart.add("", _outline(ceiling_rps))
            roles.append(role)
    for cut in _runs([height if height > top else None for height in reached]):
        chart.add("", [(x, top) for x, _height in cut])
        roles.append("cut")
    return drawn(chart, roles, name, size)


def top_of(peaks: Sequence[float], ceiling_rps: float | None) -> float:
    """The top of an axis that shows these peaks and a ceiling: never so high that the ceiling is lost."""
    most = max([*peaks, ceiling_rps or 0.0], default=0.0)
    return nice_top(min(most, HIGHEST * ceiling_rps) if ceiling_rps else most)


def lines(
    times: TimeAxis, series: Sequence[Series], *, name: str, size: Size = WIDE, top: float | None = None
) -> Markup:
    """Lines over the same places in steps, each painted by its role; gaps stay gaps.

    What rises above `top` (default: what shows all) is cut off there.
    """
    if top is None:
        top = nice_top(max((value for one in series for value in one.values if value is not None), default=0))
    chart = _step_chart(times, size, top)
    roles = []
    for one in series:
        for run in _runs([None if value is None else min(value, top) for value in one.values]):
            chart.add("", run)
            roles.append(one.role)
    for one in series:
        for cut in _runs([None if value is None or value <= top else top for value in one.values]):
            chart.add("", cut)
            roles.append("cut")
    return drawn(chart, roles, name, size)


def latencies(
    paths: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    dots: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    *,
    name: str,
    size: Size = WIDE,
) -> Markup:
    """Paths and dots through points (x, y), each painted by its role; both scales are logarithmic."""
    points = [point for _role, some in (*paths, *dots) for point in some]
    chart = pygal.XY(**options(size), logarithmic=True)
    chart.value_formatter = chart.x_value_formatter = count
    chart.y_labels = _decades([y for _x, y in points])
    chart.x_labels = _decades([x for x, _y in points])
    chart.xrange = (chart.x_labels[0], chart.x_labels[-1])
    chart.range = (chart.y_labels[0], chart.y_labels[-1])
    for _role, some in paths:
        chart.add("", list(some), show_dots=False)
    for _role, some in dots:
        chart.add("", list(some), stroke=False, dots_size=5)
    return drawn(chart, [role for role, _some in (*paths, *dots)], name, size, dotted=True)


def _decades(values: Sequence[float]) -> list[float]:
    """1, 2, 5, 10, ...: from below the least to above the most."""
    marks = [step * 10.0**power for power in range(-2, 7) for step in (1, 2, 5)]
    below = max(place for place, mark in enumerate(marks) if mark <= max(min(values), marks[0]))
    above = min(place for place, mark in enumerate(marks) if mark >= min(max(values), marks[-1]))
    return marks[below : max(above, below + 1) + 1]


def _minute(when: datetime) -> int:
    """Minutes of wall time since the first day there is."""
    return (when.toordinal() * 24 + when.hour) * 60 + when.minute


def nice_top(most: float) -> float:
    """The top of an axis: a round number a little above the most there is to show."""
    if most < 1:
        return 1.0
    power = 10.0 ** floor(log10(most * 1.08))
    return next(step * power for step in _STEPS if step * power >= most * 1.08)


def ticks(top: float) -> list[float]:
    """An axis from 0 to a nice top in four or five steps, each a number that `count` writes in full."""
    parts = 4 if f"{top:e}".startswith("2.0") else 5
    return [top * part / parts for part in range(parts + 1)]


def _outline(values: Sequence[float]) -> list[tuple[float, float]]:
    """The upper edge of columns that stand side by side, each a step wide."""
    points: list[tuple[float, float]] = []
    for step, value in enumerate(values):
        if len(points) > 1 and points[-1][1] == value:
            points[-1] = (step + 1.0, value)
        else:
            points += [(float(step), value), (step + 1.0, value)]
    return points


def _runs(values: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """The upper edges of columns without a gap between them."""
    runs: list[list[tuple[float, float]]] = []
    heights: list[float] = []
    first = 0
    for step, value in enumerate([*values, None]):
        if value is not None:
            first = first if heights else step
            heights.append(value)
        elif heights:
            runs.append([(x + first, y) for x, y in _outline(heights)])
            heights = []
    return runs


def _over(totals: Sequence[float], line: Sequence[float], top: float) -> list[list[tuple[float, float]]]:
    """The outlines of what rises above a line that has its height in each step."""
    edges = _runs(
        [min(total, top) if total > most else None for total, most in zip(totals, line, strict=True)]
    )
    found = []
    for edge in edges:
        first, last = int(edge[0][0]), int(edge[-1][0])
        below = [(x + first, y) for x, y in _outline(line[first:last])]
        found.append([below[0], *edge, *below[:0:-1]])
    return found


def options(size: Size) -> dict[str, Any]:
    """What every chart of ours asks of pygal."""
    return {
        "width": size.width,
        "height": size.height,
        "style": Style(label_font_size=_LABEL_PX, major_label_font_size=_LABEL_PX),
        "js": [],
        "no_prefix": True,
        "show_legend": False,
        "disable_xml_declaration": True,
        "margin": 4,
        "margin_top": 12,
        "margin_right": 14,
        "spacing": 6,
        "truncate_label": -1,
        "no_data_text": "",
    }


def _step_chart(times: TimeAxis, size: Size, top: float) -> pygal.XY:
    marks = dict(times.marks(size.x_labels))
    chart = pygal.XY(**options(size), show_dots=False, range=(0, top), xrange=(0, times.steps))
    chart.y_labels = ticks(top)
    chart.value_formatter = count
    chart.x_labels = list(marks)
    chart.x_value_formatter = lambda place: marks.get(float(place), "")
    return chart


def drawn(chart: pygal.XY, roles: Sequence[str], name: str, size: Size, *, dotted: bool = False) -> Markup:
    """A chart as it stands in a page: its series painted by their roles, `name` read out instead of it."""

    def strip(root: Element) -> Element:
        _strip(root, name, size, dotted=dotted)
        _paint(root, roles)
        return root

    chart.add_xml_filter(strip)
    svg = _EXCESS_DIGITS.sub("", chart.render(is_unicode=True))
    return Markup(svg)  # noqa: S704 - pygal escapes names and labels; nothing else in it is anyone's text


def _strip(root: Element, name: str, size: Size, *, dotted: bool) -> None:
    """Leave what is drawn, and a name for those who do not see it."""
    for parent in list(root.iter()):
        for child in list(parent):
            tag: object = child.tag  # of a comment a function
            if callable(tag) or tag in _UNWANTED or _is_unwanted(child, dotted=dotted):
                parent.remove(child)
    root.attrib.pop("id", None)
    width = "narrow" if size.narrow else "wide"
    root.set("class", f"chart {width} dotted" if dotted else f"chart {width}")
    root.set("role", "img")
    root.set("aria-label", name)


_UNWANTED = {f"{SVG}{tag}" for tag in ("defs", "title", "desc")} | {"defs", "title", "desc"}


_UNWANTED_CLASSES = frozenset({"text-overlay", "tooltip-overlay", "titles", "background", "value"})


def _is_unwanted(node: Element, *, dotted: bool) -> bool:
    names = set(node.get("class", "").split())
    only_for_scripts = not dotted and "overlay" in names  # where dots are, they are drawn there
    return node.get("style") is not None or only_for_scripts or bool(_UNWANTED_CLASSES & names)


def _paint(root: Element, roles: Sequence[str]) -> None:
    """Class each line by what it is, in place of pygal's numbers."""
    for node in root.iter():
        number = re.search(r"\bserie-(\d+)", node.get("class", ""))
        if number:
            node.set("class", f"series {roles[int(number[1])]}")
