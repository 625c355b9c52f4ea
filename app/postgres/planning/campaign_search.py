"""Campaigns on record by words, by when they are sent, in an order and a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from app.capacity.register.search import MOST_ON_PAGE, CampaignPage
from app.postgres.planning.campaigns import COLUMNS, campaign_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from app.capacity.register.search import CampaignSearch

# Wall time as text, which sorts as time does; NULL where a definition has none.
_STARTS: Final = "coalesce(definition ->> 'at', definition ->> 'on')"
_WHEN: Final[Mapping[str, str]] = {
    "all": "removed_at IS NULL",
    "coming": f"removed_at IS NULL AND ({_STARTS} >= :now OR {_STARTS} IS NULL)",
    "past": f"removed_at IS NULL AND {_STARTS} < :now",
    "removed": "removed_at IS NOT NULL",
}
_ORDER: Final[Mapping[str, str]] = {
    "starts": f'{_STARTS} COLLATE "C"',
    "name": "lower(name)",
    "owner": "lower(owner)",
    "changed": "updated_at",
}


def select_page(connection: Connection, search: CampaignSearch) -> CampaignPage:
    """A page of the campaigns that are asked for; one beyond the last is the last."""
    where, values = _conditions(search)
    total: int = connection.execute(
        text(f"SELECT count(*) FROM connected_jobs.campaign WHERE {where}"), values
    ).scalar_one()
    pages = max(1, -(-total // MOST_ON_PAGE))
    search = search.on(min(search.page, pages))
    direction = "DESC" if search.descending else "ASC"
    rows = connection.execute(
        text(f"""
            SELECT {COLUMNS}
            FROM connected_jobs.campaign
            WHERE {where}
            ORDER BY {_ORDER[search.order]} {direction} NULLS LAST, id {direction}
            LIMIT :most OFFSET :skipped
        """),
        {**values, "most": MOST_ON_PAGE, "skipped": search.skipped},
    )
    found = [campaign_of(row) for row in rows]
    return CampaignPage(campaigns=found, total=total, page=search.page, pages=pages)


def _conditions(search: CampaignSearch) -> tuple[str, dict[str, Any]]:
    words = {f"word_{place}": _pattern(word) for place, word in enumerate(search.words)}
    found_in = "concat_ws(' ', name, key, owner, braze_campaign_id)"
    where = " AND ".join([_WHEN[search.when], *(f"{found_in} ILIKE :{name}" for name in words)])
    return where, {**words, "now": search.now.replace(tzinfo=None).isoformat(timespec="seconds")}


def _pattern(word: str) -> str:
    """A word anywhere, its own signs meaning nothing."""
    escaped = "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in word)
    return f"%{escaped}%"
