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
SHARPEST = 6  # points to a step, so that a step is drawn as one and not as a slope
MOST_POINTS = 150
MOST_COLOURS = 8  # of stacked campaigns; the style sheet has as many
_EXCESS_DIGITS = re.compile(r"(?<=\.\d)\d+")
_LABEL_PX = 13
_STEPS = (1, 2, 2.5, 5, 10)
_LABEL_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 4320, 10_080)


@dataclass(frozen=True, slots=True)
class Size:
    """A drawing's width and height in its own units, and how many labels fit beneath it."""

    width: int
    height: int
    x_labels: int


WIDE = Size(960, 330, 13)
NARROW = Size(400, 300, 5)


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Equal steps of wall time: where they begin, how long each is, how many there are."""

    begin: datetime
    step_min: int
    steps: int

    @property
    def labels(self) -> list[str]:
        """Each step's beginning: 09:00, and a midnight within as the day that begins, 11/23."""
        return [self._label(when) for when in self._begins()]

    def major(self, most: int) -> list[str]:
        """The labels on round times, at most so many."""
        whole_min = self.step_min * self.steps
        apart = next((step for step in _LABEL_STEPS_MIN if whole_min <= step * most), _LABEL_STEPS_MIN[-1])
        return [self._label(when) for when in self._begins() if _minute(when) % apart == 0]

    def _begins(self) -> list[datetime]:
        return [self.begin + timedelta(minutes=self.step_min * step) for step in range(self.steps)]

    def _label(self, when: datetime) -> str:
        is_new_day = (when.hour, when.minute) == (0, 0) and when.date() != self.begin.date()
        return f"{when.month}/{when.day}" if is_new_day else f"{when:%H:%M}"

    @property
    def points_to_a_step(self) -> int:
        """How many points each step is drawn with."""
        return max(1, min(SHARPEST, MOST_POINTS // self.steps))


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
    ceiling_rps: float | None,
    name: str,
    size: Size = WIDE,
) -> Markup:
    """Areas on top of each other, the first at the bottom, under a ceiling's line where there is one.

    What rises above the ceiling is in the colour of danger, whosever it is. `name` is read out instead of the drawing.
    """
    rows = [[value or 0.0 for value in area.values] for area in areas]
    totals = [sum(column) for column in zip(*rows, strict=True)]
    top = nice_top(max([*totals, ceiling_rps or 0.0], default=0))
    chart = _chart(pygal.StackedLine, size, fill=True, top=top)
    _label(chart, times, size)
    shown = rows if ceiling_rps is None else [*_below(rows, ceiling_rps), _above(totals, ceiling_rps)]
    for row in shown:
        chart.add("", _sharp(row, times))
    roles = [area.role for area in areas]
    if ceiling_rps is not None:  # stacked as well: so much as leads from the top of the areas to the ceiling
        chart.add("", _sharp([ceiling_rps - total for total in totals], times), fill=False)
        roles += ["over", "ceiling"]
    return _drawn(chart, roles, name, size)


def lines(times: TimeAxis, series: Sequence[Series], *, name: str, size: Size = WIDE) -> Markup:
    """Lines over the same places, each painted by its role; gaps stay gaps."""
    top = max((value for one in series for value in one.values if value is not None), default=0)
    chart = _chart(pygal.Line, size, fill=False, top=nice_top(top))
    _label(chart, times, size)
    for one in series:
        chart.add("", _sharp(one.values, times))
    return _drawn(chart, [one.role for one in series], name, size)


def latencies(
    paths: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    dots: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    *,
    name: str,
    size: Size = WIDE,
) -> Markup:
    """Paths and dots through points (x, y), each painted by its role; both scales are logarithmic."""
    points = [point for _role, some in (*paths, *dots) for point in some]
    chart = pygal.XY(**_options(size), logarithmic=True)
    chart.value_formatter = chart.x_value_formatter = count
    chart.y_labels = _decades([y for _x, y in points])
    chart.x_labels = _decades([x for x, _y in points])
    chart.xrange = (chart.x_labels[0], chart.x_labels[-1])
    chart.range = (chart.y_labels[0], chart.y_labels[-1])
    for _role, some in paths:
        chart.add("", list(some), show_dots=False)
    for _role, some in dots:
        chart.add("", list(some), stroke=False, dots_size=5)
    return _drawn(chart, [role for role, _some in (*paths, *dots)], name, size, dotted=True)


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


def _sharp(values: Sequence[float | None], times: TimeAxis) -> list[float | None]:
    return [value for value in values for _point in range(times.points_to_a_step)]


def _below(rows: Sequence[Sequence[float]], line: float) -> list[list[float]]:
    """Of each row the part of its place in the stack that lies under a line."""
    parts, reached = [], [0.0] * len(rows[0])
    for row in rows:
        tops = [low + value for low, value in zip(reached, row, strict=True)]
        parts.append([min(top, line) - min(low, line) for low, top in zip(reached, tops, strict=True)])
        reached = tops
    return parts


def _above(totals: Sequence[float], line: float) -> list[float]:
    return [max(0.0, total - line) for total in totals]


def _options(size: Size) -> dict[str, Any]:
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


def _chart(kind: type[pygal.Graph], size: Size, *, fill: bool, top: float) -> pygal.Graph:
    chart = kind(**_options(size), fill=fill, show_dots=False, range=(0, top))
    chart.y_labels = ticks(top)
    chart.value_formatter = count
    return chart


def _label(chart: pygal.Graph, times: TimeAxis, size: Size) -> None:
    blanks = [""] * (times.points_to_a_step - 1)
    chart.x_labels = [each for label in times.labels for each in (label, *blanks)]
    chart.x_labels_major = times.major(size.x_labels)
    chart.show_minor_x_labels = False


def _drawn(
    chart: pygal.Graph, roles: Sequence[str], name: str, size: Size, *, dotted: bool = False
) -> Markup:
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
    width = "wide" if size is WIDE else "narrow"
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
