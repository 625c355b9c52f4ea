"""What generated members look for, drawn again as it was when their board was generated: no profile says all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.demo.activity import suitability
from app.demo.generate import draw_members, make_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from app.board.model import Posting
    from app.demo.members import Traits
    from app.demo.posting_columns import PostingColumns


@dataclass(frozen=True, slots=True)
class Tastes:
    """How well each posting of a generated board suits each of its members."""

    columns: PostingColumns
    _people: dict[str, tuple[Traits, int]]
    _places: dict[str, int]

    @classmethod
    def of(
        cls,
        *,
        members: int,
        postings: int,
        seed: int,
        now: datetime,
        around: Sequence[Posting] | None = None,
    ) -> Tastes:
        """The tastes of the board that `generate` makes of the same values."""
        _, columns = make_columns(postings, seed=seed, now=now, around=around)
        people = {
            member_id: (traits, position)
            for _, ids, traits in draw_members(columns, members=members, seed=seed, now=now).draw("tastes")
            for position, member_id in enumerate(ids)
        }
        places = {posting.id: place for place, posting in enumerate(columns.postings)}
        return cls(columns, people, places)

    def subscribers(self) -> list[str]:
        """The members who agreed to mail and have not left, in the order of their ids."""
        return sorted(
            member_id
            for member_id, (traits, position) in self._people.items()
            if traits.consenting[position] and not traits.withdrawn[position]
        )

    def suit(self, member_id: str, posting_ids: Sequence[str]) -> NDArray[np.float64]:
        """How well each posting suits a member, in the units of a Gumbel draw: some 3 suits well, below 0 hardly.

        Raises:
            KeyError: the member or a posting is not of this board.
        """
        traits, position = self._people[member_id]
        posting = np.array([self._places[posting_id] for posting_id in posting_ids], dtype=np.int64)
        return suitability(np.full(len(posting), position), posting, traits, self.columns)

    def is_open(self, posting_id: str, at_s: int) -> bool:
        """Whether one could apply to a posting at a time, in seconds since 1970 UTC."""
        place = self._places.get(posting_id)
        return place is not None and bool(self.columns.opens[place] <= at_s < self.columns.ends[place])

    def another(self, member_id: str, unit: float, at_s: int) -> str | None:
        """A posting of the member's field, by a number in [0, 1); None where it was not open at that time."""
        traits, position = self._people[member_id]
        field = self.columns.field[traits.anchor[position]]
        found = int(self.columns.by_field.draw(np.array([field]), np.array([unit]))[0])
        posting_id = self.columns.postings[found].id
        return posting_id if self.is_open(posting_id, at_s) else None
