"""All campaigns on record, past sends too: searched, sorted, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from app.board.veto import board_day
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
    from app.feedback.results.counts import SendCounts
    from app.feedback.results.store import ResultsStore
    from app.web.pages.queries import PlannerQueries


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign in the list: its start on the wall, a date alone where it begins at no one time; `plan` None unread.

    `verdict` is that of now, or of a past one the last before it began. Of a past one `send` is its newest send as counted,
    and `came` what its mails came to. Each may be unknown.
    """

    campaign: RegisteredCampaign
    starts: datetime | date | None
    plan: Campaign | None
    send: MeasuredSend | None = None
    verdict: str | None = None
    came: SendCounts | None = None

    def began(self, now: datetime) -> bool:
        """Whether its start lies before `now`, on the wall."""
        return self.starts is not None and self.starts.isoformat() < now.isoformat()

    def is_to_come(self, now: datetime) -> bool:
        """Whether it is judged as of `now`."""
        return self.plan is not None and self.campaign.removed_at is None and not self.began(now)


def add(blueprint: Blueprint, queries: PlannerQueries, results: ResultsStore) -> None:
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
            rows=_judged(
                _with_results([row_of(one) for one in found.campaigns], wall, queries, results), wall, queries
            ),
            now=wall,
            zone=queries.zone(),
        )


def _with_results(
    rows: Sequence[CampaignRow], now: datetime, queries: PlannerQueries, results: ResultsStore
) -> list[CampaignRow]:
    """The rows, and in those of the past what became of them."""
    keys = {row.campaign.key for row in rows if row.plan is not None and row.began(now)}
    if not keys:
        return list(rows)
    sends = {key: queries.register.sends(key) for key in sorted(keys)}
    verdicts = queries.register.last_verdicts()
    living = [one for one in read_record(queries.register).campaigns if one.key in keys]
    zone = queries.zone().key
    newest = {counts.campaign: counts for counts in results.campaigns().sends}

    def with_result(row: CampaignRow) -> CampaignRow:
        if row.plan is None or not row.began(now):
            return row
        send = next(iter(sends_of(row.campaign, living, sends[row.campaign.key], zone)), None)
        return replace(
            row,
            send=send,
            verdict=verdicts.get(row.campaign.id),
            came=_mails_of(send, newest.get(row.campaign.key)),
        )

    return [with_result(row) for row in rows]


def _judged(rows: Sequence[CampaignRow], now: datetime, queries: PlannerQueries) -> list[CampaignRow]:
    """The rows, and in those to come what is said of them now, where there are any."""
    if not any(row.is_to_come(now) for row in rows):
        return list(rows)
    verdicts = queries.verdicts()
    return [
        replace(row, verdict=verdicts.get(row.campaign.id)) if row.is_to_come(now) else row for row in rows
    ]


def _mails_of(send: MeasuredSend | None, newest: SendCounts | None) -> SendCounts | None:
    """What a send's mails came to, where those counted last of its campaign are its own."""
    if send is None or newest is None:
        return None
    own = board_day(send.first_at) <= newest.day <= board_day(send.last_at)
    return newest if own else None


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
