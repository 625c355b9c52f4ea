"""Charts of a judgement, each with its legend and a table of the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import floor
from typing import TYPE_CHECKING, Final

from app.capacity import formats
from app.capacity.formats import number, percent
from app.capacity.local_time import DAY
from app.web.pages.charts.steps import fitting, stepped
from app.web.pages.charts.svg import MOST_COLOURS, NARROW, WIDE, Series, TimeAxis, stacked
from app.web.pages.language import gettext as _
from app.web.pages.language import moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from markupsafe import Markup

    from app.capacity.planner import CampaignJudgement, Judgement
    from app.web.pages.charts.steps import Steps
    from app.web.pages.queries import Judged

DAY_STEP_MIN: Final = 10
_MARGIN: Final = timedelta(minutes=5)
_MOST_ROWS: Final = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart for wide and narrow windows, what its colours mean, and its numbers as a table."""

    wide: Markup
    narrow: Markup
    legend: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    others: bool = False
    over: bool = False


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
    return _figure(judgement, steps, parts)


def of_campaign(judged: Judged) -> Figure:
    """One campaign's calls as it is planned: likely, and as many as there may be, above all others'."""
    judgement, own = judged.judgement, judged.own
    begin, end = _span(judgement, own)
    steps = stepped(judgement.planned, fitting(begin, end))
    parts: list[tuple[str, str, Sequence[float]]] = []
    for place, (name, calls) in enumerate(zip(judgement.planned.names, steps.by_campaign, strict=True)):
        if (own is None or name != own.name) and any(calls):
            parts.append((f"area c{place % MOST_COLOURS}", name, calls))
    others = bool(parts)
    if own is not None:
        place = judgement.planned.names.index(own.name)
        high = steps.by_campaign[place]
        sure = [min(a, b) for a, b in zip(steps.likely_by_campaign[place], high, strict=True)]
        parts.append(("area own", _("%(name)s, likely", name=own.name), sure))
        rest = [b - a for a, b in zip(sure, high, strict=True)]
        parts.append(("area maybe", _("%(name)s, worst case", name=own.name), rest))
    return _figure(judgement, steps, parts, others=others)


def three_numbers(judged: Judged) -> list[ShownNumber]:
    """What stands behind a campaign's verdict: what to type into Braze, when it ends, how near it comes."""
    own, ceiling = judged.own, judged.judgement.ceiling
    if own is None:
        return []
    return [_speed(own), _end(own), _nearness(own, ceiling.usable_rps)]


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


def _nearness(own: CampaignJudgement, usable_rps: float | None) -> ShownNumber:
    most = own.planned_peak_rps if own.peak_rps is None else own.peak_rps.high
    note = (
        _("nothing measured yet")
        if usable_rps is None
        else _("of %(usable)s usable", usable=number(floor(usable_rps)))
    )
    return ShownNumber(_("Busiest second"), number(most), _("calls"), note)


def _span(judgement: Judgement, own: CampaignJudgement | None) -> tuple[datetime, datetime]:
    curve = judgement.planned
    if own is None or own.starts_at is None or not len(curve.minutes):
        return judgement.judged_at, judgement.judged_at + timedelta(hours=1)
    place = curve.names.index(own.name)
    rows = [row for row, calls in enumerate(curve.by_campaign_high[place]) if calls > 0]
    begin = curve.at(rows[0]) if rows else own.starts_at
    end = curve.at(rows[-1]) if rows else own.starts_at
    return begin - _MARGIN, end + 2 * _MARGIN


def _figure(
    judgement: Judgement,
    steps: Steps,
    parts: Sequence[tuple[str, str, Sequence[float]]],
    *,
    others: bool = False,
) -> Figure:
    usable = judgement.ceiling.usable_rps
    areas = [Series(role, name, calls) for role, name, calls in parts]
    if not areas:
        areas = [Series("area own", "", [0.0] * steps.times.steps)]
    over = usable is not None and any(calls > usable for calls in steps.high)
    name = _alone(steps, usable)
    legend = [(role, label) for role, label, _calls in parts]
    if usable is not None:
        legend.append(("ceiling", _("Usable: %(usable)s calls a second", usable=number(floor(usable)))))
    if over:
        legend.append(("over", _("Over the line: more than the service is guaranteed to answer")))
    return Figure(
        wide=stacked(steps.times, areas, ceiling_rps=usable, name=name, size=WIDE),
        narrow=stacked(steps.times, areas, ceiling_rps=usable, name=name, size=NARROW),
        legend=legend,
        columns=(_("From"), _("Low"), _("Likely"), _("Worst case"), _("Of the usable")),
        rows=_rows(steps, usable),
        others=others,
        over=over,
    )


def _rows(steps: Steps, usable: float | None) -> list[tuple[str, ...]]:
    busy = steps.busy()
    return [
        (
            moment(steps.begins(step)),
            number(steps.low[step]),
            number(steps.likely[step]),
            number(steps.high[step]),
            "–" if not usable else percent(steps.high[step] / usable, 0),
        )
        for step in busy[:_MOST_ROWS]
    ]


def _alone(steps: Steps, usable: float | None) -> str:
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
    over = sum(steps.high[step] > usable for step in busy)
    rest = (
        _("In %(count)s steps it is over the usable %(usable)s.", count=over, usable=number(floor(usable)))
        if over
        else _("It stays under the usable %(usable)s throughout.", usable=number(floor(usable)))
    )
    return f"{told} {rest}"
