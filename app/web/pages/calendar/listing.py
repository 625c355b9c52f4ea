"""All campaigns on record, past sends too: searched, sorted, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from app.capacity.plan.json_values import DefinitionError
from app.capacity.register.search import read_search
from app.web.pages.rendering import page

if TYPE_CHECKING:
    from flask import Response

    from app.capacity.campaign import Campaign
    from app.capacity.register.campaigns import RegisteredCampaign
    from app.capacity.register.search import CampaignSearch
    from app.web.pages.queries import PlannerQueries


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign in the list: its start on the wall, a date alone where it begins at no one time; `plan` None unread."""

    campaign: RegisteredCampaign
    starts: datetime | date | None
    plan: Campaign | None


def add(blueprint: Blueprint, queries: PlannerQueries) -> None:
    """Put the route on the blueprint."""

    @blueprint.get("/campaigns", endpoint="campaigns")
    def campaigns() -> Response:
        now = queries.clock().astimezone(queries.zone())
        search = read_search(request.args, now)
        found = queries.register.search(search)
        return page(
            "campaigns.html",
            search=search,
            asked=_asked(search),
            found=found,
            rows=[row_of(one) for one in found.campaigns],
            now=now.replace(tzinfo=None),
            zone=queries.zone(),
        )


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
