"""One place in a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

ASKED_COMPANY = 0x80  # added to the reason in a stored list: the member asked for the posting's company


class Anchor(NamedTuple):
    """A posting that a reason names, and what it is called."""

    posting_id: str
    name: str


@dataclass(frozen=True, slots=True)
class RankedPosting:
    """One place in a list: the posting, why it is there, and its score (higher is better).

    `asked_company` says that the member asked for its company, which may then fill more of the list than others.
    `anchor` is the posting that the reason rests on, where it may be named.
    """

    posting_id: str
    reason: int
    score: float = field(compare=False, default=0.0)
    asked_company: bool = False
    anchor: Anchor | None = None

    @property
    def mark(self) -> int:
        """The byte that is stored with a list for this place: the reason, and whether the company was asked for."""
        return self.reason | ASKED_COMPANY * self.asked_company
