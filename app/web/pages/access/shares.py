"""Links to one report for people without an account: made and taken back by who plans, read by whoever has one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, g, redirect, request, url_for

from app.capacity.register.in_braze import is_unfinished
from app.capacity.register.shares import LONGEST_DAYS
from app.web.pages.forms.campaign import SentForm
from app.web.pages.forms.fields import posted_number
from app.web.pages.language import gettext as _
from app.web.pages.rendering import page
from app.web.pages.report import report_values, unfinished_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from app.capacity.evidence.ceiling import MeasuredCeiling
    from app.capacity.on_record import Judge
    from app.capacity.plan.plan import Plan
    from app.capacity.planner import Judgement, JudgementScope
    from app.capacity.register.campaigns import RegisteredCampaign
    from app.capacity.register.shares import ShareStore
    from app.web.limits import CallLimits
    from app.web.pages.queries import PlannerQueries

DAYS: Final = (1, 3, 7, 14, LONGEST_DAYS)


def add(blueprint: Blueprint, queries: PlannerQueries, shares: ShareStore, limits: CallLimits) -> None:
    """Put the routes on the blueprint."""

    @blueprint.get("/campaigns/<int:number>/shares", endpoint="shares")
    def listed(number: int) -> Response:
        return _shown(queries.living(number), queries, shares)

    @blueprint.post("/campaigns/<int:number>/shares", endpoint="share")
    def share(number: int) -> Response:
        one = queries.living(number)
        days = posted_number(request.form.get("days"))
        if not 1 <= days <= LONGEST_DAYS:
            return _shown(one, queries, shares, status=400)
        _made, token = shares.create(one.id, timedelta(days=days), by=g.operator)
        return _shown(one, queries, shares, link=url_for("pages.shared", token=token, _external=True))

    @blueprint.post("/campaigns/<int:number>/shares/revoke", endpoint="revoke_share")
    def revoke(number: int) -> AnyResponse:
        shares.revoke(number, posted_number(request.form.get("share")), by=g.operator)
        return redirect(url_for("pages.shares", number=number), 303)

    @blueprint.get("/shared/<token>", endpoint="shared")
    def shared(token: str) -> Response:
        g.operator = g.role = None  # the same page for everybody, signed in or not
        number = shares.campaign_of(token)
        one = None if number is None else queries.register.campaign(number)
        if one is None or one.removed_at is not None:
            if number is None and not limits.count_wrong_credential():
                return _unlisted(page("error.html", status=429, kind="too_many", back=None, shared=True))
            return _unlisted(page("error.html", status=404, kind="share", back=None, shared=True))
        if is_unfinished(one):
            return _unlisted(page("unfinished.html", shared=True, **unfinished_values(one, queries)))
        unnamed = replace(queries, judge=_without_names(queries.judge))
        values = report_values(unnamed.planned(one.id), queries)
        return _unlisted(
            page(
                "report.html",
                sent_form=SentForm(),
                sent_wrong=None,
                **{**values, "advised": None, "shared": True},
            )
        )


def _without_names(judge: Judge) -> Judge:
    """What judges alike, but calls the campaigns that are not told of by numbers: a link shows one campaign's report."""

    def judged(
        plan: Plan, measured: Sequence[MeasuredCeiling], *, scope: JudgementScope, **more: Any
    ) -> Judgement:
        taken = {one.name for one in plan.campaigns}
        numbered = (_("another campaign (%(number)s)", number=number) for number in count(1))
        free = (name for name in numbered if name not in taken)
        campaigns = tuple(
            one if scope.tells(one.name) else replace(one, name=next(free)) for one in plan.campaigns
        )
        return judge(replace(plan, campaigns=campaigns), measured, scope=scope, **more)

    return judged


def _shown(
    one: RegisteredCampaign, queries: PlannerQueries, shares: ShareStore, *, link: str = "", status: int = 200
) -> Response:
    return page(
        "shares.html",
        status=status,
        campaign=one,
        link=link,
        shares=shares.of_campaign(one.id),
        days=DAYS,
        longest=LONGEST_DAYS,
        refused=status != 200,  # noqa: PLR2004 - all is well
        zone=queries.zone(),
    )


def _unlisted(response: Response) -> Response:
    """Kept out of search engines, and its address out of what other sites are told."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
