"""What members did, once a (member, posting) pair, weighed by kind and age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.model import Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.board.model import ActivityLog

KIND_WEIGHT = {Kind.VIEW: 0.3, Kind.SCRAP: 0.6, Kind.APPLY: 1.0}
HALF_LIFE_S = 180 * 86_400
OLDEST_SHARE = 0.2  # what a very old activity still counts
_RECENT = 0.85  # each step back in a member's history counts this much less when a taste is read from it


@dataclass(frozen=True, slots=True)
class Scale:
    """What weights are measured by: the latest activity (seconds since 1970) and the mean before it is made 1."""

    latest_s: int
    mean: float


@dataclass(frozen=True, slots=True)
class Interactions:
    """Pairs sorted by (member, last time, posting), and how they lie in a members x postings matrix.

    Attributes:
        member, posting: Positions, int32, one a pair.
        kind: The strongest kind of the pair, int8.
        itself: Whether any of it was done with the posting itself, not all with another of the same job.
        at: Its last time, seconds since 1970.
        weight: By kind and age, float32, mean 1.
        shape: (members, postings).
        scale: Of the weights.
    """

    member: NDArray[np.int32]
    posting: NDArray[np.int32]
    kind: NDArray[np.int8]
    itself: NDArray[np.bool_]
    at: NDArray[np.int64]
    weight: NDArray[np.float32]
    shape: tuple[int, int]
    scale: Scale

    def without(self, hidden: NDArray[np.bool_]) -> Interactions:
        """The same history less the pairs marked in `hidden`."""
        keep = ~hidden
        return Interactions(
            self.member[keep],
            self.posting[keep],
            self.kind[keep],
            self.itself[keep],
            self.at[keep],
            self.weight[keep],
            self.shape,
            self.scale,
        )

    def matrix(self, values: NDArray[np.float32]) -> sparse.csr_array:
        """Members x postings with a value a pair."""
        return sparse.csr_array((values, (self.member, self.posting)), shape=self.shape)

    def recent(self) -> NDArray[np.float32]:
        """A weight a pair that falls with each step back in its member's history."""
        ends = np.searchsorted(self.member, self.member, side="right")
        steps = np.minimum(ends - 1 - np.arange(len(self.member)), 50)
        weight: NDArray[np.float32] = (_RECENT**steps * self.weight).astype(np.float32)
        return weight


def build_interactions(
    activity: ActivityLog, *, members: int, postings: int, now_s: int, scale: Scale | None = None
) -> Interactions:
    """Join a member's activities with one posting into a pair of its strongest kind and last time.

    Weights are measured by `scale`, or by this activity's own. What is dated ahead of `now_s` (seconds since 1970) may
    have been done at any time up to the latest that is not: it is taken to be as old as that, and never the measure.
    """
    key = activity.member.astype(np.int64) * postings + activity.posting
    order = np.argsort(key)
    starts = np.flatnonzero(np.r_[True, np.diff(key[order]) > 0]) if len(order) else order
    kind = np.maximum.reduceat(activity.kind[order], starts) if len(order) else activity.kind
    at = np.maximum.reduceat(activity.at[order], starts) if len(order) else activity.at
    own = np.ones(len(order), np.bool_) if activity.itself is None else activity.itself[order]
    itself = np.logical_or.reduceat(own, starts) if len(order) else own
    latest_s = scale.latest_s if scale else int(at[at <= now_s].max(initial=0)) or now_s
    at = np.where(at > now_s, latest_s, at)
    member, posting = activity.member[order][starts], activity.posting[order][starts]
    # Stable, for pairs are in the order of their postings: what three keys would give, sorted once.
    span_s = int(np.ptp(at)) + 1 if len(at) else 1
    again = np.argsort(member * np.int64(span_s) + (at - (at.min() if len(at) else 0)), kind="stable")
    member, posting, at = member[again], posting[again], at[again]
    kind, itself = kind[again], itself[again]
    if scale is None:
        scale = Scale(latest_s, float(_worth(kind, at, latest_s).mean()) if len(at) else 1.0)
    weight = (_worth(kind, at, scale.latest_s) / scale.mean).astype(np.float32)
    return Interactions(member, posting, kind, itself, at, weight, (members, postings), scale)


def _worth(kind: NDArray[np.int8], at: NDArray[np.int64], latest_s: int) -> NDArray[np.float64]:
    by_kind = np.zeros(max(Kind) + 1)
    for each, worth in KIND_WEIGHT.items():
        by_kind[each] = worth
    age = 0.5 ** (np.maximum(latest_s - at, 0) / HALF_LIFE_S)
    worths: NDArray[np.float64] = by_kind[kind] * (OLDEST_SHARE + (1 - OLDEST_SHARE) * age)
    return worths
