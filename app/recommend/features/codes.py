"""Profiles as columns beside the postings, so that what a member says is factorised along with what they did."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, log1p
from typing import TYPE_CHECKING

from app.recommend.features.profiles import texts_of
from app.recommend.sparse import index_of, one_hot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scipy import sparse

    from app.board.model import Member

_FEWEST_ROWS = 3
_MOST = 4_000


def codes_of(member: Member) -> set[str]:
    """What a profile says, career and pay in steps of a third to a half of a power of e.

    Nothing of it is a protected attribute: it is part of what `people` compares.
    """
    codes = {f"{respect} {text}" for respect, texts in texts_of(member).items() for text in texts}
    if member.career_years is not None:
        codes.add(f"career {round(2 * log1p(max(0.0, member.career_years)))}")
    if member.education is not None:
        codes.add(f"education {int(member.education)}")
    if member.desired_salary and member.desired_salary > 0:
        codes.add(f"pay {round(3 * log(member.desired_salary))} {member.salary_unit or ''}")
    return codes


@dataclass(frozen=True, slots=True)
class ProfileOneHotEncoder:
    """The codes that a few members share, of the most frequent; others are left out."""

    numbers: Mapping[str, int]

    @classmethod
    def fit(cls, members: Sequence[Member]) -> ProfileOneHotEncoder:
        """The codes of these members."""
        return cls(index_of(map(codes_of, members), at_least=_FEWEST_ROWS, most=_MOST))

    def transform(self, members: Sequence[Member]) -> sparse.csr_array:
        """Members x codes, 1 where a profile says so."""
        if not self.numbers:
            return one_hot([()] * len(members), self.numbers)
        return one_hot([codes_of(member) for member in members], self.numbers)
