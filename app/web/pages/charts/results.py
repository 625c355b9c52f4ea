"""Charts of results: how often each place is clicked, and differences with their intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Final

import pygal  # type: ignore[import-untyped] # pygal ships no types

from app.capacity.formats import percent
from app.web.pages.charts.svg import Size, drawn, options, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

WIDE_BARS: Final = Size(960, 300, 0)
NARROW_BARS: Final = Size(400, 300, 0, narrow=True)
_HALF_BAR: Final = 0.36
_ROW_PX: Final = 46
_AROUND_ROWS_PX: Final = 70
_LEAST_STEP_POWER: Final = -2  # of ten: marks lie a percent apart or more
_MOST_TICKS: Final = 7
_KOREAN_PX: Final = 22  # by which its labels are wider than pygal takes them for


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """A difference as a share of the control, named; `role` says which colour it has."""

    name: str
    value: float
    low: float
    high: float
    role: str


def rate_bars(bars: Sequence[tuple[str, float]], *, name: str, size: Size) -> Markup:
    """A bar for each label, as high as its share of 1."""
    top = _nice_share(max((share for _label, share in bars), default=0.0))
    chart = pygal.XY(**options(size), show_dots=False, range=(0, top), xrange=(0.4, len(bars) + 0.6))
    chart.y_labels = ticks(top)
    chart.value_formatter = lambda share: percent(share, 1)
    labels = {float(place): label for place, (label, _share) in enumerate(bars, 1)}
    chart.x_labels = list(labels)
    chart.x_value_formatter = lambda place: labels.get(float(place), "")
    for place, (_label, share) in enumerate(bars, 1):
        left, right = place - _HALF_BAR, place + _HALF_BAR
        chart.add("", [(left, 0), (left, share), (right, share), (right, 0)], fill=True)
    return drawn(chart, ["area own"] * len(bars), name, size)


def intervals(rows: Sequence[IntervalRow], *, name: str, size: Size) -> Markup:
    """A line from low to high for each row, its value a dot, and an upright line where there is no difference.

    It is as high as its rows need, whatever height `size` has.
    """
    size = replace(size, height=_AROUND_ROWS_PX + _ROW_PX * len(rows))
    low, high = min([0.0, *(row.low for row in rows)]), max([0.0, *(row.high for row in rows)])
    steps = (base * 10.0**power for power in count(_LEAST_STEP_POWER) for base in (1, 2, 5))
    most_ticks = _MOST_TICKS // 2 if size.narrow else _MOST_TICKS
    step = next(one for one in steps if (high - low) / one <= most_ticks)
    marks = [step * place for place in range(int(low // step), int(-(-high // step)) + 1)]
    chart = pygal.XY(
        **options(size) | {"margin_left": _KOREAN_PX},
        range=(0.4, len(rows) + 0.6),
        xrange=(marks[0], marks[-1]),
    )
    names = {float(len(rows) - place): row.name for place, row in enumerate(rows)}
    chart.y_labels = list(names)
    chart.value_formatter = lambda place: names.get(float(place), "")
    chart.x_labels = marks
    chart.x_value_formatter = lambda share: f"{'+' if share > 0 else ''}{percent(share, 0)}"
    chart.add("", [(0, 0.4), (0, len(rows) + 0.6)], show_dots=False)
    roles = ["none"]
    for place, row in enumerate(rows):
        height = len(rows) - place
        chart.add("", [(row.low, height), (row.high, height)], show_dots=False)
        chart.add("", [(row.value, height)], stroke=False, dots_size=5)
        roles += [f"interval {row.role}", f"interval {row.role}"]
    return drawn(chart, roles, name, size, dotted=True)


def _nice_share(most: float) -> float:
    """The top of an axis of shares."""
    return next((step for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if step >= most * 1.08), 1.0)
