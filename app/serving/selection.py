"""Selects the postings to show: the veto and the company spread, in one pass over cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from app.recommend.options import PER_COMPANY
from app.recommend.ranked import ASKED_COMPANY
from app.serving.cards import UNKNOWN, Card

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

# A card in an answer and its mark: the byte it has in its list and, above that byte, the number of the name in its reason.
Place = tuple[Card, int]


class Selected(NamedTuple):
    """Cards with their marks: those to show, those held back by the company spread, and ids that are not in memory."""

    kept: list[Place]
    held_back: list[Place]
    missing: list[str]


def select(
    ids: Iterable[str],
    marks: Iterable[int],
    cards: Mapping[str, Card | None],
    applied: Collection[str],
    second: int,
    limit: int,
) -> Selected:
    """Select up to `limit` postings: none vetoed, at most `PER_COMPANY` of a company before those of others.

    A posting whose mark has `ASKED_COMPANY` is not held back: the member asked for its company.

    Args:
        ids: Postings, best first.
        marks: The mark of each posting.
        cards: Cards in memory; None stands for a posting that does not exist.
        applied: Ids of the postings that the member applied to.
        second: Now, in seconds since 1970 UTC.
        limit: How many to select.
    """
    selected = Selected([], [], [])
    kept, held_back, missing = selected
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
            held_back.append((card, mark))
            continue
        kept.append((card, mark))
        if len(kept) == limit:
            break
    return selected
