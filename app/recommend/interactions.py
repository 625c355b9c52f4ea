"""What members did, once a (member, posting) pair, weighed by kind and age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.board.model import ActivityKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from app.board.model import ActivityLog

KIND_WEIGHT = {
    ActivityKind.VIEW: 0.3,
    ActivityKind.CLICK: 0.45,
    ActivityKind.SCRAP: 0.6,
    ActivityKind.APPLY: 1.0,
}
HALF_LIFE_S = 180 * 86_400
OLDEST_SHARE = 0.2  # what a very old activity still counts
_RECENT = 0.85  # what each step back in a member's history multiplies the weight by


@dataclass(frozen=True, slots=True)
class Scale:
    """What weights are measured by.

    Attributes:
        latest_s: The latest activity, seconds since 1970.
        mean: The mean weight before it is made 1.
    """

    latest_s: int
    mean: float


@dataclass(frozen=True, slots=True)
class Interactions:
    """n pairs of a member and a posting, sorted by (member, last time, posting).

    Attributes:
        member, posting: (n,) int32, positions.
        kind: (n,) int8, the strongest kind of the pair.
        itself: (n,) bool, whether any of it was done with the posting itself, and not all with another of the same job.
        at: (n,) int64, the last time, seconds since 1970.
        weight: (n,) float32, by kind and age, mean 1.
        shape: (n_members, n_postings).
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
        """The interactions without the pairs marked in `hidden`, (n,) bool."""
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
        """The values, (n,), one for each pair, as a matrix (n_members, n_postings) float32."""
        return sparse.csr_array((values, (self.member, self.posting)), shape=self.shape)

    def recent(self) -> NDArray[np.float32]:
        """A weight for each pair, (n,) float32, that falls with each step back in its member's history."""
        ends = np.searchsorted(self.member, self.member, side="right")
        steps = np.minimum(ends - 1 - np.arange(len(self.member)), 50)
        weight: NDArray[np.float32] = (_RECENT**steps * self.weight).astype(np.float32)
        return weight


def build_interactions(
    activity: ActivityLog,
    *,
    members: int,
    postings: int,
    now_s: int,
    scale: Scale | None = None,
    click_weight: float = KIND_WEIGHT[ActivityKind.CLICK],
) -> Interactions:
    """Join a member's activities with one posting into a pair of its strongest kind and last time.

    What is dated ahead of `now_s` may have been done at any time up to the latest activity that is not: it is taken to be
    as old as that, and weights are never measured by it.

    Args:
        activity: What members did.
        members: How many members there are.
        postings: How many postings there are.
        now_s: The moment of the board, seconds since 1970.
        scale: What weights are measured by, if not by this activity's own.
        click_weight: What a click counts, beside the other kinds.
    """
    by_kind = KIND_WEIGHT | {ActivityKind.CLICK: click_weight}
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
        scale = Scale(latest_s, float(_raw_weight(kind, at, latest_s, by_kind).mean()) if len(at) else 1.0)
    weight = (_raw_weight(kind, at, scale.latest_s, by_kind) / scale.mean).astype(np.float32)
    return Interactions(member, posting, kind, itself, at, weight, (members, postings), scale)


def _raw_weight(
    kind: NDArray[np.int8], at: NDArray[np.int64], latest_s: int, by_kind: Mapping[ActivityKind, float]
) -> NDArray[np.float64]:
    worth = np.array([0.0, *(by_kind[each] for each in ActivityKind)])
    age = 0.5 ** (np.maximum(latest_s - at, 0) / HALF_LIFE_S)
    weights: NDArray[np.float64] = worth[kind] * (OLDEST_SHARE + (1 - OLDEST_SHARE) * age)
    return weights
