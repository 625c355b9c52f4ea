"""All campaigns on record, past sends too: searched, sorted, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from app.capacity.on_record import read_record
from app.capacity.plan.json_values import DefinitionError
from app.capacity.register.plans import sends_of
from app.capacity.register.search import read_search
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Response

    from app.capacity.calibration import MeasuredSend
    from app.capacity.campaign import Campaign
    from app.capacity.register.campaigns import RegisteredCampaign
    from app.capacity.register.search import CampaignSearch
    from app.web.pages.queries import PlannerQueries


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign in the list: its start on the wall, a date alone where it begins at no one time; `plan` None unread.

    Of a past one `send` is its newest send as counted, and `verdict` the last before it began, where they are known.
    """

    campaign: RegisteredCampaign
    starts: datetime | date | None
    plan: Campaign | None
    send: MeasuredSend | None = None
    verdict: str | None = None

    def began(self, now: datetime) -> bool:
        """Whether its start lies before `now`, on the wall."""
        return self.starts is not None and self.starts.isoformat() < now.isoformat()


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the route on the blueprint."""

    @blueprint.get("/campaigns", endpoint="campaigns")
    def campaigns() -> Response:
        now = queries.clock().astimezone(queries.zone())
        wall = now.replace(tzinfo=None)
        search = read_search(request.args, now)
        found = queries.register.search(search)
        return page(
            "campaigns.html",
            search=search,
            asked=_asked(search),
            found=found,
            rows=_with_results([row_of(one) for one in found.campaigns], wall, queries),
            now=wall,
            zone=queries.zone(),
        )


def _with_results(rows: Sequence[CampaignRow], now: datetime, queries: PlannerQueries) -> list[CampaignRow]:
    """The rows, and in those of the past what became of them."""
    keys = {row.campaign.key for row in rows if row.plan is not None and row.began(now)}
    if not keys:
        return list(rows)
    sends = {key: queries.register.sends(key) for key in sorted(keys)}
    verdicts = queries.register.last_verdicts()
    living = [one for one in read_record(queries.register).campaigns if one.key in keys]
    zone = queries.zone().key
    return [
        replace(
            row,
            send=next(iter(sends_of(row.campaign, living, sends[row.campaign.key], zone)), None),
            verdict=verdicts.get(row.campaign.id),
        )
        if row.plan is not None and row.began(now)
        else row
        for row in rows
    ]


def _asked(search: CampaignSearch) -> dict[str, Any]:
    """The search as an address has it, without its page."""
    sort = f"{'-' if search.descending else ''}{search.order}"
    return {"q": " ".join(search.words) or None, "when": search.when, "sort": sort}


def row_of(one: RegisteredCampaign) -> CampaignRow:
    """A campaign as a list shows it."""
    try:
        plan = one.campaign()
    except DefinitionError:
        plan = None
    return CampaignRow(one, _starts(one), plan)


def _starts(one: RegisteredCampaign) -> datetime | date | None:
    given = one.definition.get("at") or one.definition.get("on")
    if not isinstance(given, str):
        return None
    try:
        return datetime.fromisoformat(given) if "T" in given else date.fromisoformat(given)
    except ValueError:
        return None
