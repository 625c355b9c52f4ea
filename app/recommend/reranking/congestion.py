"""No posting may be pushed on everybody: a price on those that would be in too many lists of a segment.

A price is worked out once, on a sample of members, and then taken off a posting's score for everyone in the
segment. So lists depend on no other list, in whatever chunks and order they are made; the members who want the
posting most keep it. The rejected alternative, a quota counted down while ranking, depends on the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

TOP = 10
_ROUNDS = 40
_LEAST_STEP = 1e-5  # of a price: not lost in a float32 sum of scores
_LEAST_TIMES_EVEN = 3.0  # the cap is never below so many times an even spread, which would price everything

Ranked = tuple["NDArray[np.int64]", "NDArray[np.float32]"]  # a member's postings and scores, best first


@dataclass(frozen=True, slots=True)
class Prices:
    """What is taken off scores.

    Attributes:
        segments: The row of each segment; "" is for all others.
        table: (n_segments, n_postings) float32.
    """

    segments: Mapping[str, int]
    table: NDArray[np.float32]

    def of(
        self, segments: Sequence[str], postings: NDArray[np.int64], which: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The price of each of n pairs, (n,) float32.

        Args:
            segments: Of each member.
            postings: (n,), the posting of each pair.
            which: (n,), the index of its member.
        """
        rows = np.array([self.segments.get(each, self.segments[""]) for each in segments], np.int64)
        return self.table[rows[which], postings]

    def extend(self, postings: int) -> Prices:
        """The prices with so many more postings, of which none has a price."""
        return Prices(self.segments, np.pad(self.table, ((0, 0), (0, postings))))


def price_table(found: Mapping[str, Mapping[int, float]], postings: int) -> Prices:
    """Prices by segment as a table over so many postings; with no prices for "", nothing is taken off there."""
    names = sorted({"", *found})
    table = np.zeros((len(names), postings), np.float32)
    for row, name in enumerate(names):
        for posting, price in found.get(name, {}).items():
            table[row, posting] = price
    return Prices({name: row for row, name in enumerate(names)}, table)


def prices(lists: Sequence[Ranked], *, share: float, postings: int) -> dict[int, float]:
    """Prices that keep each posting in the top 10 of at most a share of these lists.

    Each round, a posting over the cap gets dearer by just what makes all members but the cap's number prefer
    their next posting (an auction: Bertsekas 1988). Lists must be longer than 10 to have a next one.

    Args:
        lists: Of the sampled members of one segment.
        share: The cap, as a share of the lists.
        postings: How many could be shown.
    """
    cap = max(1, int(len(lists) * max(share, min(1.0, _LEAST_TIMES_EVEN * TOP / max(1, postings)))))
    known, place = np.unique(np.concatenate([ranked for ranked, _ in lists]), return_inverse=True)
    columns, scores = _table(lists, place)
    found = np.zeros(len(known), np.float64)
    for turn in range(_ROUNDS):
        held, margin = _top_ten(columns, scores - found[columns])
        over = np.flatnonzero(np.bincount(held, minlength=len(known)) > cap)
        # Not all at once: of two that are each other's next, both would get dearer and nobody would change.
        for posting in over[turn % 2 :: 2].tolist() or over.tolist():
            margins = margin[held == posting]
            dearest_refused = len(margins) - cap - 1
            found[posting] += float(np.partition(margins, dearest_refused)[dearest_refused]) + _LEAST_STEP
        if not len(over):
            break
    priced = np.flatnonzero(found)
    return {int(known[at]): float(found[at]) for at in priced}


def _table(
    lists: Sequence[Ranked], place: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Lists as rows of postings' places and scores; where a list is short, a score that never counts."""
    lengths = np.array([len(ranked) for ranked, _ in lists])
    inside = np.arange(max(TOP + 1, lengths.max())) < lengths[:, None]
    columns = np.zeros(inside.shape, np.int64)
    scores = np.full(inside.shape, -np.inf)
    columns[inside] = place
    scores[inside] = np.concatenate([each for _, each in lists])
    return columns, scores


def _top_ten(
    columns: NDArray[np.int64], priced: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The postings in top 10s, flat, and by how much each beats the first that is not in its list's."""
    order = np.argsort(-priced, axis=1, kind="stable")[:, : TOP + 1]
    best = np.take_along_axis(priced, order, axis=1)
    has_next = np.isfinite(best[:, TOP])
    held = np.take_along_axis(columns, order, axis=1)[has_next, :TOP]
    return held.ravel(), (best[has_next, :TOP] - best[has_next, TOP:]).ravel()
