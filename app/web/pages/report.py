"""A campaign's report: its permanent page, for one sheet of paper, and for the time of the send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, g, redirect, request, url_for

from app.capacity.calibration import forecast_errors
from app.capacity.drift import Minute, advise, progress_of
from app.capacity.formats import number
from app.capacity.register.in_braze import is_unfinished
from app.web.pages.advice import advised_changes
from app.web.pages.calendar.in_braze import in_braze_values
from app.web.pages.calendar.listing import row_of
from app.web.pages.charts.figures import (
    Figure,
    Plot,
    of_campaign,
    three_numbers,
    told_cut,
    usable_by_step,
    usable_told,
)
from app.web.pages.charts.steps import fitting, received_by_step, stepped
from app.web.pages.charts.svg import NARROW, WIDE, Series, lines, top_of
from app.web.pages.forms.campaign import SentForm
from app.web.pages.language import gettext as _
from app.web.pages.language import moment
from app.web.pages.queries import is_going_on
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from werkzeug.wrappers import Response as AnyResponse

    from app.capacity.calibration import ForecastErrors, MeasuredSend
    from app.capacity.campaign import Campaign
    from app.capacity.drift import Advice, Progress
    from app.capacity.planner import Ceiling
    from app.capacity.register.campaigns import RegisteredCampaign
    from app.web.pages.charts.steps import Steps
    from app.web.pages.queries import CampaignOnRecord, Judged, PlannerQueries

MINUTE: Final = timedelta(minutes=1)
_MOST_SENT: Final = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A send as it goes: what was counted beside what was forecast."""

    send: MeasuredSend
    going_on: bool
    chart: Figure
    advice: Advice | None
    progress: Progress | None
    errors: ForecastErrors
    planned: Campaign


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/campaigns/<int:number>", endpoint="report")
    def report(number: int) -> Response:
        if (one := unfinished(queries, number)) is not None:
            return page("unfinished.html", **unfinished_values(one, queries))
        planned = queries.planned(number)
        return page("report.html", sent_form=SentForm(), sent_wrong=None, **report_values(planned, queries))

    @blueprint.get("/campaigns/<int:number>/live", endpoint="live")
    def live(number: int) -> Response:
        return page("live.html", **report_values(queries.planned(number), queries))

    @blueprint.get("/campaigns/<int:number>/plan.toml", endpoint="plan_file")
    def plan_file(number: int) -> Response:
        judged = queries.planned(number).judged
        text = judged.plan.text if judged else ""
        headers = {"Content-Disposition": f'attachment; filename="plan-{number}.toml"'}
        return Response(text, mimetype="application/toml", headers=headers)

    @blueprint.post("/campaigns/<int:number>/sent", endpoint="enter_sent")
    def enter_sent(number: int) -> AnyResponse:
        form, planned = SentForm(), queries.planned(number)
        sent = form.sent.data if form.validate() else None
        if sent is not None and 0 < sent <= _MOST_SENT:
            queries.register.enter_sent(
                planned.campaign.key, request.form.get("send", ""), sent, by=g.operator
            )
            return redirect(url_for("pages.report", number=number, done="sent"), 303)
        wrong = _("Write a whole number, such as 50,000.")
        return page(
            "report.html", status=400, sent_form=form, sent_wrong=wrong, **report_values(planned, queries)
        )


def unfinished(queries: PlannerQueries, number: int) -> RegisteredCampaign | None:
    """A campaign that came from Braze and waits for somebody; None for any other."""
    one = queries.register.campaign(number)
    return one if one is not None and is_unfinished(one) else None


def unfinished_values(one: RegisteredCampaign, queries: PlannerQueries) -> dict[str, Any]:
    """What the page shows of a campaign of which there is no report yet."""
    return {"campaign": one, "starts": row_of(one).starts, **in_braze_values(one, queries.zone())}


def report_values(planned: CampaignOnRecord, queries: PlannerQueries) -> dict[str, Any]:
    """What a report shows of a campaign."""
    judged = planned.judged
    return {
        "planned": planned,
        "campaign": planned.campaign,
        "judged": judged,
        "advised": advised_changes(judged.own) if judged and judged.own else None,
        "series": [row_of(one) for one in queries.register.series(planned.campaign)],
        "values": _campaign_of(judged),
        "chart": of_campaign(judged) if judged else None,
        "numbers": three_numbers(judged) if judged else (),
        "live": _live(planned, judged, queries) if judged and planned.sends else None,
        **in_braze_values(planned.campaign, queries.zone()),
    }


def _campaign_of(judged: Judged | None) -> Campaign | None:
    """The campaign as the plan has it, what was left out filled in."""
    if judged is None or judged.own is None:
        return None
    return next(one for one in judged.plan.plan.campaigns if one.name == judged.own.name)


def _live(planned: CampaignOnRecord, judged: Judged, queries: PlannerQueries) -> Live | None:
    campaign = _campaign_of(judged)
    if campaign is None:
        return None
    send = planned.sends[0]
    seconds = queries.register.seconds(planned.campaign.key, send.send)
    ceiling = judged.judgement.ceiling
    holds, going_on = not ceiling.retest, is_going_on(send, planned.now)
    return Live(
        send=send,
        going_on=going_on,
        chart=_chart(judged, send, seconds, planned.now),
        advice=advise(
            _full_minutes(judged, seconds, planned.now),
            campaign,
            usable_rps=ceiling.usable_at(planned.now) if holds else None,
            ceiling_rps=_left_by_others(ceiling, planned.now) if holds else None,
            others_rps=_others_from(judged, planned.now),
            offered_limits_per_min=judged.plan.plan.judging.offered_limits_per_min,
        ),
        progress=progress_of(seconds, send.members.likely, campaign, planned.now) if going_on else None,
        errors=forecast_errors(send, campaign),
        planned=campaign,
    )


def _left_by_others(ceiling: Ceiling, now: datetime) -> float | None:
    """What of the ceiling other traffic leaves at this hour."""
    if ceiling.rps is None or not ceiling.base_load_rps:
        return ceiling.rps
    return max(0.0, ceiling.rps - ceiling.base_load_rps[now.hour])


def _others_from(judged: Judged, now: datetime) -> float:
    """The most that the other campaigns on record may ask for from now on, while this one may still be sent."""
    curve = judged.judgement.planned
    if judged.own is None:
        return 0.0
    own = curve.by_campaign_high[curve.names.index(judged.own.name)]
    busy = [row for row, calls in enumerate(own) if calls > 0]
    last = max(busy, default=-1)
    left = [row for row in range(last + 1) if curve.at(row) >= now - MINUTE]
    return float(max((curve.high[row] - own[row] for row in left), default=0))


def _full_minutes(
    judged: Judged, seconds: Sequence[tuple[datetime, int, int]], now: datetime
) -> list[Minute]:
    """The minutes counted so far, the one that is not over left out, beside the forecast of this campaign."""
    if not seconds:
        return []
    begin = seconds[0][0].astimezone(now.tzinfo).replace(second=0, microsecond=0)
    until = min(seconds[-1][0].astimezone(now.tzinfo) + MINUTE, now.replace(second=0, microsecond=0))
    steps = stepped(judged.judgement.planned, fitting(begin, max(until, begin + MINUTE), most=10_000))
    received = received_by_step(seconds, steps.times)
    low, high = _own(judged, steps)
    return [
        Minute(calls, low[step], high[step])
        for step, calls in enumerate(received)
        if calls is not None and steps.begins(step) + MINUTE <= now
    ]


def _own(judged: Judged, steps: Steps) -> tuple[Sequence[float], Sequence[float]]:
    """The campaign's own forecast by step: low and high."""
    own = judged.own
    place = judged.judgement.planned.names.index(own.name) if own is not None else 0
    high = steps.by_campaign[place]
    peak = own.peak_rps if own is not None else None
    share = peak.low / peak.high if peak is not None and peak.high else 0.0
    return [calls * share for calls in high], high


def _chart(
    judged: Judged, send: MeasuredSend, seconds: Sequence[tuple[datetime, int, int]], now: datetime
) -> Figure:
    begin = send.first_at.astimezone(now.tzinfo) - 2 * MINUTE
    end = max(send.last_at.astimezone(now.tzinfo), *_forecast_end(judged)) + 2 * MINUTE
    steps = stepped(judged.judgement.planned, fitting(begin, end))
    received = received_by_step(seconds, steps.times)
    usable = usable_by_step(judged.judgement.ceiling, steps.times)
    place = judged.judgement.planned.names.index(judged.own.name) if judged.own else 0
    likely, high = steps.likely_by_campaign[place], steps.by_campaign[place]
    series = [Series("forecast", "high", high), Series("forecast", "likely", likely)]
    if usable is not None:
        series.append(Series("ceiling", "usable", usable))
    series.append(Series("received", "received", received))
    told = _(
        "Calls a second as forecast and as received. The most received: %(calls)s.",
        calls=number(send.peak_rps),
    )
    legend = [
        ("received", _("Actual")),
        ("forecast", _("Forecast: likely, and worst case")),
    ]
    if usable is not None:
        legend.append(("ceiling", usable_told(usable)))
    rows = [
        (moment(steps.begins(step)), number(likely[step]), number(high[step]), number(received[step]))
        for step in range(steps.times.steps)
        if received[step] is not None or high[step] > 0
    ]
    peak = max([*high, *(calls for calls in received if calls is not None)], default=0.0)
    top = top_of([peak], None if usable is None else max(usable))
    wide, narrow = (lines(steps.times, series, name=told, size=size, top=top) for size in (WIDE, NARROW))
    return Figure(
        plots=[Plot(title=told_cut(peak, top), wide=wide, narrow=narrow)],
        legend=legend,
        columns=(_("From"), _("Likely"), _("Worst case"), _("Actual")),
        rows=rows,
    )


def _forecast_end(judged: Judged) -> list[datetime]:
    ends = judged.own.finishes_at if judged.own else None
    return [ends.likely] if ends is not None and ends.likely is not None else []
