"""Charts of a judgement, each with its legend and a table of the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import floor
from typing import TYPE_CHECKING, Final

from app.capacity import formats
from app.capacity.formats import number, percent
from app.capacity.local_time import DAY
from app.capacity.planner import ReasonCode
from app.web.pages.charts.steps import fitting, stepped
from app.web.pages.charts.svg import HALF, MOST_COLOURS, NARROW, WIDE, Series, TimeAxis, stacked, top_of
from app.web.pages.language import gettext as _
from app.web.pages.language import moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from markupsafe import Markup

    from app.capacity.planner import CampaignJudgement, Ceiling, Curve, Instances, Judgement
    from app.web.pages.charts.steps import Steps
    from app.web.pages.charts.svg import Size
    from app.web.pages.queries import Judged

    _Part = tuple[str, str, Sequence[float]]

DAY_STEP_MIN: Final = 10
_MARGIN: Final = timedelta(minutes=5)
_MOST_ROWS: Final = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A drawing for wide and for narrow windows, and what it is of where it does not stand alone."""

    title: str = ""
    wide: Markup
    narrow: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One drawing or two side by side, what their colours mean, and their numbers as a table."""

    plots: Sequence[Plot]
    legend: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    others: bool = False
    over: bool = False


@dataclass(frozen=True, slots=True)
class _PlottedCurve:
    """A curve in steps with its parts, the lowest first: what each is to the style sheet, its name, its calls."""

    title: str
    steps: Steps
    parts: Sequence[_Part]


@dataclass(frozen=True, slots=True)
class ShownNumber:
    """One of the three numbers behind a verdict."""

    label: str
    value: str
    unit: str = ""
    note: str = ""


def of_day(judgement: Judgement, day: date, zone: ZoneInfo) -> Figure:
    """A day's calls as the plan has them, by campaign."""
    times = TimeAxis(
        datetime.combine(day, time(), zone), DAY_STEP_MIN, int(DAY / timedelta(minutes=DAY_STEP_MIN))
    )
    steps = stepped(judgement.planned, times)
    parts = [
        (f"area c{place % MOST_COLOURS}", name, calls)
        for place, (name, calls) in enumerate(zip(judgement.planned.names, steps.by_campaign, strict=True))
        if any(calls)
    ]
    columns = (_("From"), _("Low"), _("Likely"), _("Worst case"), _("Of the usable"))
    rows = _rows(steps, usable_by_step(judgement.ceiling, times))
    return _figure(judgement, [_PlottedCurve("", steps, parts)], columns, rows)


def of_campaign(judged: Judged, *, open_speed: bool = False, wide: Size = WIDE) -> Figure:
    """One campaign's calls, likely and in the worst case, above all others': as planned, and as advised where that differs.

    Where the speed is what was asked for, nothing is planned, and it is shown as advised. `wide` is how large one is
    drawn for wide windows.
    """
    judgement, own = judged.judgement, judged.own
    if own is None:
        return _figure(
            judgement,
            [_PlottedCurve("", stepped(judgement.planned, fitting(*_span(judged, []))), [])],
            (),
            [],
        )
    both = own.verdict == "GO_IF" and own.advised_limit_per_min != own.planned_limit_per_min
    shown = (
        [(judgement.planned, own.planned_limit_per_min, _("As planned"))] if not (both and open_speed) else []
    )
    if both:
        shown.append((judgement.advised, own.advised_limit_per_min, _("As advised")))
    times = fitting(*_span(judged, [curve for curve, _limit, _title in shown]))
    usable = usable_by_step(judgement.ceiling, times)
    others_over = own.verdict == "GO" and _steps_over(stepped(shown[0][0], times), usable) > 0
    curves = [
        _PlottedCurve(
            _titled(title, limit, alone=len(shown) == 1 and not open_speed and not others_over),
            steps,
            _own_above(own.name, curve, steps),
        )
        for curve, limit, title in shown
        for steps in [stepped(curve, times)]
    ]
    if len(curves) == 1:
        columns: Sequence[str] = (_("From"), _("Low"), _("Likely"), _("Worst case"), _("Of the usable"))
        return _figure(judgement, curves, columns, _rows(curves[0].steps, usable), wide=wide)
    columns = (_("From"), _("As planned"), _("Of the usable"), _("As advised"), _("Of the usable"))
    return _figure(judgement, curves, columns, _rows_of_both(curves[0].steps, curves[1].steps, usable))


def _titled(title: str, limit_per_min: int | None, *, alone: bool) -> str:
    if alone:
        return ""
    speed = (
        _("without a limit")
        if limit_per_min is None
        else _("%(limit)s a minute", limit=number(limit_per_min))
    )
    return f"{title} ({speed})"


def _own_above(name: str, curve: Curve, steps: Steps) -> list[_Part]:
    """Every campaign's part of a curve with calls, and above them the one that it is about."""
    parts: list[_Part] = [
        (f"area c{1 + place % (MOST_COLOURS - 1)}", other, calls)  # the first is too like its own
        for place, (other, calls) in enumerate(zip(curve.names, steps.by_campaign, strict=True))
        if other != name and any(calls)
    ]
    place = curve.names.index(name)
    high = steps.by_campaign[place]
    likely = [min(a, b) for a, b in zip(steps.likely_by_campaign[place], high, strict=True)]
    rest = [b - a for a, b in zip(likely, high, strict=True)]
    return [
        *parts,
        ("area own", _("%(name)s, likely", name=name), likely),
        ("area maybe", _("%(name)s, worst case", name=name), rest),
    ]


def numbers_are_for(own: CampaignJudgement) -> str:
    """At which speed a campaign's numbers hold, where that is not the planned one."""
    if own.verdict == "GO_IF" and own.advised_limit_per_min is not None:
        return str(_("At the advised %(limit)s a minute", limit=number(own.advised_limit_per_min)))
    if own.verdict == "NO_GO" and own.if_later is not None and own.if_later.limit_per_min is not None:
        return str(_("At %(limit)s a minute", limit=number(own.if_later.limit_per_min)))
    return ""


def servers(instances: Instances, *, open_speed: bool, has_end: bool) -> ShownNumber:
    """How many servers a send needs at its planned speed or, where that is asked for, to end when it is to, or at all."""
    in_time = _("to end in time") if has_end else _("to send all of it")
    label, wish = _("Servers"), in_time if open_speed else _("for the speed as planned")
    if instances.needed is not None:
        enough = instances.why is not None and instances.why.code is ReasonCode.INSTANCES_ENOUGH
        return ShownNumber(
            label, number(instances.needed), "", _("those of now are enough") if enough else wish
        )
    if instances.at_least is not None:
        return ShownNumber(label, _("at least %(count)s", count=number(instances.at_least)), "", wish)
    if instances.probable is not None:
        return ShownNumber(
            label,
            _("perhaps %(count)s", count=number(instances.probable)),
            "",
            _("not sure before a load test with so many"),
        )
    return ShownNumber(label, "–", "", _("known once it is measured"))


def three_numbers(judged: Judged) -> list[ShownNumber]:
    """What stands behind a campaign's verdict: what to type into Braze, when it ends, how near it comes."""
    own = judged.own
    if own is None:
        return []
    return [_speed(own), _end(own), _nearness(own, judged.judgement)]


def _speed(own: CampaignJudgement) -> ShownNumber:
    label = _("Delivery-speed limit")
    if own.state != "planned":
        return ShownNumber(label, "–")
    if own.verdict == "NO_GO":
        return ShownNumber(label, "–", "", _too_late(own) or _("no speed is safe as it stands"))
    if own.verdict == "RETEST":
        return ShownNumber(label, "–", "", _("known once it is measured"))
    if own.advised_limit_per_min is not None:
        return ShownNumber(label, number(own.advised_limit_per_min), _("a minute"), _("type this into Braze"))
    return ShownNumber(label, _("none needed"))


def _too_late(own: CampaignJudgement) -> str | None:
    """The speed that the service carries, where only the wish to be done earlier stands against it."""
    later = own.if_later
    if later is None or later.limit_per_min is None:
        return None
    return str(_("%(limit)s a minute is safe, and ends too late", limit=number(later.limit_per_min)))


def _end(own: CampaignJudgement) -> ShownNumber:
    label, ends = _("Ends"), own.finishes_at
    unknown = own.verdict == "RETEST" and own.expected is None
    if ends is None or ends.likely is None or unknown:
        return ShownNumber(label, "–")
    notes = []
    if ends.low is not None and ends.high is not None and ends.low != ends.high:
        notes.append(
            _("between %(low)s and %(high)s", low=formats.time(ends.low), high=formats.time(ends.high))
        )
    if own.chance is not None:
        notes.append(_("in time with a chance of %(chance)s", chance=percent(own.chance.share, 0)))
    day_too = own.starts_at is not None and ends.likely.date() != own.starts_at.date()
    return ShownNumber(
        label, moment(ends.likely) if day_too else formats.time(ends.likely), "", " · ".join(notes)
    )


def _nearness(own: CampaignJudgement, judgement: Judgement) -> ShownNumber:
    most, usable_rps = _nearest(own, judgement)
    note = (
        _("nothing measured yet")
        if usable_rps is None
        else _("of %(usable)s usable", usable=number(floor(usable_rps)))
    )
    return ShownNumber(_("Busiest second"), number(most), _("calls"), note)


def _nearest(own: CampaignJudgement, judgement: Judgement) -> tuple[float, float | None]:
    """A campaign's calls in the second that comes nearest to what may be planned on, and that."""
    ceiling = judgement.ceiling
    most = own.planned_peak_rps if own.peak_rps is None else own.peak_rps.high
    curve = judgement.planned if own.peak_rps is None else judgement.advised
    calls = curve.by_campaign_high[curve.names.index(own.name)]
    if ceiling.usable_rps is None or not ceiling.base_load_rps or not calls.any():
        return most, ceiling.usable_rps
    usable = [
        (float(high), ceiling.usable_at(curve.at(row)) or 0.0) for row, high in enumerate(calls) if high > 0
    ]
    return max(usable, key=lambda pair: pair[0] - pair[1])


def usable_by_step(ceiling: Ceiling, times: TimeAxis) -> list[float] | None:
    """What may be planned on in each step of a chart, None without a load test: the least of the step's hours."""
    if ceiling.usable_rps is None:
        return None
    hours = range(max(1, times.step_min // 60))  # a shorter step lies within one hour
    begins = [times.begin + timedelta(minutes=times.step_min * step) for step in range(times.steps)]
    return [
        min(ceiling.usable_at(begin + timedelta(hours=hour)) or 0.0 for hour in hours) for begin in begins
    ]


def usable_told(usable: Sequence[float]) -> str:
    """What may be planned on, for a legend."""
    low, high = floor(min(usable)), floor(max(usable))
    if low == high:
        return str(_("Usable: %(usable)s calls a second", usable=number(low)))
    return str(
        _("Usable: %(low)s to %(high)s calls a second, by the hour", low=number(low), high=number(high))
    )


def _span(judged: Judged, curves: Sequence[Curve]) -> tuple[datetime, datetime]:
    """From a little before the campaign's first call to a little after its last, whichever curve has it."""
    judgement, own = judged.judgement, judged.own
    if own is None or own.starts_at is None:
        return judgement.judged_at, judgement.judged_at + timedelta(hours=1)
    busy = [at for curve in curves for at in _first_and_last(curve, own.name)]
    return min(busy, default=own.starts_at) - _MARGIN, max(busy, default=own.starts_at) + 2 * _MARGIN


def _first_and_last(curve: Curve, name: str) -> list[datetime]:
    rows = curve.by_campaign_high[curve.names.index(name)].nonzero()[0]
    return [curve.at(int(row)) for row in rows[[0, -1]]] if len(rows) else []


def _figure(
    judgement: Judgement,
    curves: Sequence[_PlottedCurve],
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    wide: Size = WIDE,
) -> Figure:
    usable = usable_by_step(judgement.ceiling, curves[0].steps.times)
    peaks = [max(curve.steps.high, default=0.0) for curve in curves]
    top = top_of(peaks, None if usable is None else max(usable))
    over = any(_steps_over(curve.steps, usable) for curve in curves)
    legend = list(dict.fromkeys((role, label) for curve in curves for role, label, _calls in curve.parts))
    if usable is not None:
        legend.append(("ceiling", usable_told(usable)))
    if over:
        legend.append(("over", _("Over the line: more than the service is guaranteed to answer")))
    return Figure(
        plots=[_plot(curve, usable, top, wide=wide if len(curves) == 1 else HALF) for curve in curves],
        legend=legend,
        columns=columns,
        rows=rows,
        others=any(role.startswith("area c") for role, _label in legend),
        over=over,
    )


def _plot(curve: _PlottedCurve, usable: Sequence[float] | None, top: float, *, wide: Size) -> Plot:
    areas = [Series(role, name, calls) for role, name, calls in curve.parts]
    areas = areas or [Series("area own", "", [0.0] * curve.steps.times.steps)]
    told = " ".join(part for part in (curve.title, _alone(curve.steps, usable)) if part)
    peak = max(curve.steps.high, default=0.0)
    title = " · ".join(part for part in (curve.title, told_cut(peak, top)) if part)
    drawings = [
        stacked(curve.steps.times, areas, ceiling_rps=usable, name=told, size=size, top=top)
        for size in (wide, NARROW)
    ]
    return Plot(title=title, wide=drawings[0], narrow=drawings[1])


def told_cut(peak: float, top: float) -> str:
    """What a drawing that ends at `top` says where its peak is cut off."""
    return str(_("cut off: up to %(calls)s", calls=number(peak))) if peak > top else ""


def _rows_of_both(planned: Steps, advised: Steps, usable: Sequence[float] | None) -> list[tuple[str, ...]]:
    busy = sorted({*planned.busy(), *advised.busy()})[:_MOST_ROWS]
    return [
        (
            moment(planned.begins(step)),
            *(
                text
                for steps in (planned, advised)
                for text in (number(steps.high[step]), _share(steps, step, usable))
            ),
        )
        for step in busy
    ]


def _share(steps: Steps, step: int, usable: Sequence[float] | None) -> str:
    line = usable[step] if usable else 0.0
    return percent(steps.high[step] / line, 0) if line else formats.NONE


def _steps_over(steps: Steps, usable: Sequence[float] | None) -> int:
    """How many steps rise above what may be planned on."""
    return sum(calls > line for calls, line in zip(steps.high, usable or (), strict=usable is not None))


def _rows(steps: Steps, usable: Sequence[float] | None) -> list[tuple[str, ...]]:
    busy = steps.busy()
    return [
        (
            moment(steps.begins(step)),
            number(steps.low[step]),
            number(steps.likely[step]),
            number(steps.high[step]),
            _share(steps, step, usable),
        )
        for step in busy[:_MOST_ROWS]
    ]


def _alone(steps: Steps, usable: Sequence[float] | None) -> str:
    """What those hear who do not see the chart."""
    busy = steps.busy()
    if not busy:
        return str(_("No calls in this time."))
    top = max(busy, key=lambda step: steps.high[step])
    told = _(
        "Calls a second. The most, %(calls)s, at %(at)s.",
        calls=number(steps.high[top]),
        at=moment(steps.begins(top)),
    )
    if usable is None:
        return str(told)
    over, least = _steps_over(steps, usable), number(floor(min(usable)))
    rest = (
        _("It is over the usable %(usable)s in %(count)s of its steps.", count=over, usable=least)
        if over
        else _("It stays under the usable %(usable)s throughout.", usable=least)
    )
    return f"{told} {rest}"
