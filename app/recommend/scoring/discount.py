"""Impression discounting: what is taken off the score of a posting that a member was shown in mails and ignored.

The signs are those that LinkedIn found to matter for recommendations shown again (Lee, Lakshmanan, Tiwari and Shah, Modeling
Impression Discounting in Large-scale Recommender Systems, KDD 2014): how often a posting was shown, how long ago it was
last, and how high it stood. There a score is multiplied by a discount; ours are logarithms of odds, so its logarithm is
added. A click ends the count: what was shown before it was not ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from app.recommend.scoring.pairs import Pairs

_DAY_S = 86_400
SHOWN_WITHIN_DAYS = 35  # what was last shown longer ago is as if it never was
_LATELY_DAYS = 7.0  # the half-life of "lately"
_HIGH = 3  # first positions of a mail, which most see


class Ignored(StrEnum):
    """The signs that a posting was shown and ignored; each is 0 for what was never shown."""

    TIMES = "times"  # ln(1 + how often it was shown)
    LATELY = "lately"  # 1 where it was shown just now, halved with each week
    HIGH = "high"  # 1 where it once stood among the first three


# By judgement, until clicks teach better: shown once a week ago, among the first three, costs 1.3.
DEFAULT_DISCOUNT: Mapping[Ignored, float] = {Ignored.TIMES: 0.8, Ignored.LATELY: 0.8, Ignored.HIGH: 0.3}


@dataclass(frozen=True, slots=True)
class Shown:
    """The n pairs of a member and a job that the member was shown in mails and has not clicked since.

    Attributes:
        member: (n,) int64, indices into the members that are ranked together.
        posting: (n,) int64, positions of jobs in the catalogue.
        times: (n,) int64, how often.
        highest: (n,) int64, the best position of them in a mail, from 1.
        last_s: (n,) int64, when it was last, seconds since 1970.
        now_s: The moment that `last_s` is looked back at from.
    """

    member: NDArray[np.int64]
    posting: NDArray[np.int64]
    times: NDArray[np.int64]
    highest: NDArray[np.int64]
    last_s: NDArray[np.int64]
    now_s: int

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int, int, int]], *, now_s: int) -> Shown:
        """From rows (member, posting, times, highest, last_s) in any order; several postings of one job count as one."""
        table = np.array(rows, np.int64).reshape(-1, 5)
        table = table[np.lexsort((table[:, 1], table[:, 0]))]
        member, posting, times, highest, last_s = table.T
        begins = np.flatnonzero((np.diff(table[:, :2], axis=0, prepend=-1) != 0).any(axis=1))
        if len(begins):
            times = np.add.reduceat(times, begins)
            highest = np.minimum.reduceat(highest, begins)
            last_s = np.maximum.reduceat(last_s, begins)
        return cls(member[begins], posting[begins], times, highest, last_s, now_s)

    def of_members(self, members: NDArray[np.int64]) -> Shown:
        """The pairs of some members, ascending, under their places among these."""
        place = np.minimum(np.searchsorted(members, self.member), max(0, len(members) - 1))
        own = members[place] == self.member if len(members) else np.zeros(len(self.member), np.bool_)
        return Shown(
            place[own], self.posting[own], self.times[own], self.highest[own], self.last_s[own], self.now_s
        )

    def signs(self, pairs: Pairs, members: NDArray[np.int64]) -> dict[Ignored, NDArray[np.float32]]:
        """Each sign at the pairs of a block, (n_pairs,) float32.

        Args:
            pairs: The pairs.
            members: (n_members,) int64, the index here of each member of the block.
        """
        width = int(max(self.posting.max(initial=0), pairs.posting.max(initial=0))) + 1
        known, asked = self.member * width + self.posting, members[pairs.row] * width + pairs.posting
        at = np.minimum(np.searchsorted(known, asked), max(0, len(known) - 1))
        found = known[at] == asked if len(known) else np.zeros(len(asked), np.bool_)
        values = ignored_signs(self.times, self.highest, self.now_s - self.last_s)
        signs = {}
        for sign, value in values.items():
            signs[sign] = np.zeros(len(asked), np.float32)
            signs[sign][found] = value[at[found]]
        return signs

    def discount(
        self, pairs: Pairs, members: NDArray[np.int64], weights: Mapping[Ignored, float]
    ) -> NDArray[np.float32]:
        """What is taken off the scores of a block's pairs, (n_pairs,) float32; 0 for what was not shown."""
        total = np.zeros(len(pairs.row), np.float32)
        for sign, value in self.signs(pairs, members).items():
            total += np.float32(weights[sign]) * value
        return total


def ignored_signs(
    times: NDArray[np.int64], highest: NDArray[np.int64], ago_s: NDArray[np.int64]
) -> dict[Ignored, NDArray[np.float32]]:
    """The signs of n pairs, (n,) float32 each, 0 where `times` is.

    Args:
        times: (n,), how often each was shown.
        highest: (n,), the best position, from 1.
        ago_s: (n,), seconds since it was last shown.
    """
    shown = (times > 0) & (ago_s <= SHOWN_WITHIN_DAYS * _DAY_S)
    lately = 0.5 ** (np.maximum(ago_s, 0) / (_LATELY_DAYS * _DAY_S))
    values = {
        Ignored.TIMES: np.log1p(times),
        Ignored.LATELY: lately,
        Ignored.HIGH: (highest <= _HIGH).astype(np.float64),
    }
    return {sign: np.where(shown, value, 0.0).astype(np.float32) for sign, value in values.items()}
