"""Which of a member's ranked postings are shown: the veto and the company spread, in one pass over cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from app.recommend.options import PER_COMPANY
from app.recommend.ranked import ASKED_COMPANY
from app.serving.cards import UNKNOWN, Card

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

# A posting in an answer and its mark: the byte it has in its list, and above that the number of what its reason names.
Place = tuple[Card, int]


class Selected(NamedTuple):
    """Cards with their marks: those to show first, those held back, and ids met that are not in memory."""

    kept: list[Place]
    held: list[Place]
    missing: list[str]


def select(
    ids: Iterable[str],
    marks: Iterable[int],
    cards: Mapping[str, Card | None],
    applied: Collection[str],
    second: int,
    limit: int,
) -> Selected:
    """Pick until `limit` are kept: none vetoed, at most `PER_COMPANY` a company before the others.

    A posting whose mark says that the member asked for its company is not held back.

    Args:
        ids: Postings, best first.
        marks: The mark of each: its reason, with `ASKED_COMPANY` added where that is so, and what is named above that.
        cards: Those in memory; None stands for a posting that does not exist.
        applied: What the member applied to.
        second: Now, in seconds since 1970 UTC.
        limit: How many are wanted.
    """
    selected = Selected([], [], [])
    kept, held, missing = selected
    taken: dict[str, int] = {}
    for posting_id, mark in zip(ids, marks, strict=True):
        card = cards.get(posting_id, UNKNOWN)
        if card is None or card.until <= second or posting_id in applied:
            if card is UNKNOWN:
                missing.append(posting_id)
            continue
        already = taken.get(card.company_id, 0)
        taken[card.company_id] = already + 1
        if already >= PER_COMPANY and not mark & ASKED_COMPANY:
            held.append((card, mark))
            continue
        kept.append((card, mark))
        if len(kept) == limit:
            break
    return selected
