"""Looking for campaigns on record: what is asked for, and a page of what is found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.capacity.register.campaigns import RegisteredCampaign

When = Literal["coming", "past", "all", "removed"]
Order = Literal["starts", "name", "owner", "changed"]
SORTS: Final = tuple(f"{way}{order}" for order in get_args(Order) for way in ("", "-"))  # `-`: the last first
MOST_ON_PAGE: Final = 50
_LONGEST: Final = 200
_MOST_WORDS: Final = 8
_LAST_PAGE: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSearch:
    """Which campaigns are asked for, in which order, and which page of them (from 1).

    Each of the `words` stands in the name, the key, the owner or Braze's id. A campaign is `coming` whose start lies
    ahead of `now` (wall time in the company's zone), `past` or coming alike where it is living, `removed` where not.
    """

    words: tuple[str, ...] = ()
    when: When = "all"
    order: Order = "starts"
    descending: bool = False
    page: int = 1
    now: datetime

    @property
    def skipped(self) -> int:
        """How many stand on the pages before."""
        return (self.page - 1) * MOST_ON_PAGE

    def on(self, page: int) -> CampaignSearch:
        """The same search on another page."""
        return replace(self, page=page)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPage:
    """Campaigns of one page (from 1) of so many, and how many there are in all."""

    campaigns: Sequence[RegisteredCampaign]
    total: int
    page: int
    pages: int


def read_search(given: Mapping[str, str], now: datetime) -> CampaignSearch:
    """Read `q`, `when`, `sort` (with `-` before it: the last first) and `page`; what is none of them is as if left out.

    What lies ahead is listed with the next first, all else with the newest first.
    """
    when = cast("When", _one_of(given.get("when"), get_args(When), "coming"))
    sort = given.get("sort", "")
    order = cast("Order", _one_of(sort.removeprefix("-"), get_args(Order), "starts"))
    usual = order == "changed" or (order == "starts" and when != "coming")
    page = given.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < len(str(_LAST_PAGE)) else 1
    text = "".join(letter if letter.isprintable() else " " for letter in given.get("q", "")[:_LONGEST])
    return CampaignSearch(
        words=tuple(text.split()[:_MOST_WORDS]),
        when=when,
        order=order,
        descending=sort.startswith("-") if sort.removeprefix("-") == order else usual,
        page=max(1, number),
        now=now,
    )


def _one_of(given: str | None, choices: Sequence[str], usual: str) -> str:
    return usual if given is None or given not in choices else given
