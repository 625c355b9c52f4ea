"""Clicks in mails as activity of the members who made them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import ActivityKind, ActivityLog
from app.recommend.interactions import build_interactions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from app.board.model import Member
    from app.recommend.models.als import GramBasis
    from app.recommend.ranked import RankedPosting
    from app.recommend.recommender import Recommender
    from app.recommend.scoring.discount import Shown

VISIT_S = 30 * 60  # a click and what the board logs of the same posting within so long are one visit
_TIME_BITS = 34  # of seconds since 1970


def click_log(member: NDArray[np.int32], posting: NDArray[np.int32], at: NDArray[np.int64]) -> ActivityLog:
    """Clicks as activity; none is on the posting itself, so that what was clicked in a mail may be shown again."""
    order = np.lexsort((posting, at, member))
    return ActivityLog(
        member[order],
        posting[order],
        np.full(len(order), ActivityKind.CLICK, np.int8),
        at[order],
        np.zeros(len(order), np.bool_),
    )


def drop_visits(clicks: ActivityLog, activity: ActivityLog) -> ActivityLog:
    """The clicks that the board's log does not tell of: with the same posting the member did nothing within 30 minutes."""
    width = np.int64(max(clicks.posting.max(initial=0), activity.posting.max(initial=0))) + 1
    ours, theirs = (log.member * width + log.posting for log in (clicks, activity))
    known, of_click = np.unique(ours, return_inverse=True)
    place = np.minimum(np.searchsorted(known, theirs), max(0, len(known) - 1))
    same = known[place] == theirs if len(known) else np.zeros(len(theirs), np.bool_)
    seen = np.sort((place[same].astype(np.int64) << _TIME_BITS) + activity.at[same])
    moment = (of_click.astype(np.int64) << _TIME_BITS) + clicks.at
    before, after = (
        np.searchsorted(seen, moment - VISIT_S, side="left"),
        np.searchsorted(seen, moment + VISIT_S, side="right"),
    )
    return select_rows(clicks, before == after)


def select_rows(log: ActivityLog, keep: NDArray[np.bool_]) -> ActivityLog:
    """The rows of a log that are marked in `keep`, (n,) bool."""
    return ActivityLog(
        log.member[keep],
        log.posting[keep],
        log.kind[keep],
        log.at[keep],
        None if log.itself is None else log.itself[keep],
    )


def join_logs(first: ActivityLog, second: ActivityLog) -> ActivityLog:
    """Both logs in one, sorted."""
    member, posting, kind, at = (
        np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("member", "posting", "kind", "at")
    )
    itself = np.concatenate(
        [np.ones(len(log.at), np.bool_) if log.itself is None else log.itself for log in (first, second)]
    )
    order = np.lexsort((kind, posting, at, member))
    return ActivityLog(member[order], posting[order], kind[order], at[order], itself[order])


@dataclass(frozen=True)
class MailedMembers:
    """What is known of the members of a whole refresh who may have been mailed.

    Attributes:
        recommender: What was fitted on the board alone.
        activity: What members did, by their positions and the jobs'.
        clicks: What they clicked, likewise; of which the board has no view.
    """

    recommender: Recommender
    activity: ActivityLog
    clicks: ActivityLog

    @cached_property
    def basis(self) -> GramBasis:
        """The basis in which factors of members are solved."""
        return self.recommender.representations.gram_basis()

    def rank(
        self, positions: Sequence[int], members: Sequence[Member], *, shown: Shown | None
    ) -> list[list[RankedPosting]]:
        """Lists as `Recommender.rank` makes them; the factors of those who clicked are solved with their clicks.

        Args:
            positions: The members' positions, ascending.
            members: Their profiles.
            shown: What they were shown and ignored, by indices into `positions`.
        """
        places = np.asarray(positions, np.int64)
        clicked = np.isin(places, self.clicks.member)
        ranked: list[list[RankedPosting]] = [[] for _ in positions]
        for part in map(np.flatnonzero, (~clicked, clicked)):
            profiles = [members[at] for at in part.tolist()]
            model, which = self.recommender, places[part]
            if len(part) and clicked[part[0]]:
                model, which = self.fold_in(which, profiles), np.arange(len(part))
            own = None if shown is None else shown.of_members(part)
            for at, one in zip(part.tolist(), model.rank(which.tolist(), profiles, shown=own), strict=True):
                ranked[at] = one
        return ranked

    def fold_in(
        self,
        positions: NDArray[np.int64],
        profiles: Sequence[Member],
        *,
        before_s: NDArray[np.int64] | None = None,
        click_weight: float | None = None,
    ) -> Recommender:
        """The recommender for these members alone, by what they did and clicked.

        Args:
            positions: (n,), their positions, ascending.
            profiles: Their profiles.
            before_s: (n,), only what each of them did before this second counts.
            click_weight: What a click counts, if not what was learned; 0 for nothing at all.
        """
        weight = self.recommender.weights.click if click_weight is None else click_weight
        log = _rows_of(self.activity, positions)
        if weight > 0:
            log = join_logs(log, _rows_of(self.clicks, positions))
        if before_s is not None:
            log = select_rows(log, log.at < before_s[log.member])
        fitted, model = self.recommender.representations, self.recommender
        interactions = build_interactions(
            log,
            members=len(profiles),
            postings=len(model.catalogue.ids),
            now_s=int(model.now.timestamp()),
            scale=fitted.interactions.scale,
            click_weight=weight,
        )
        shown, show_viewed = model.catalogue.shown, model.options.show_viewed
        return replace(
            model,
            representations=fitted.fold_in(
                interactions, profiles, self.basis, shown, show_viewed=show_viewed
            ),
        )


def _rows_of(log: ActivityLog, positions: NDArray[np.int64]) -> ActivityLog:
    """The rows of some members, ascending, under their places among these."""
    starts, ends = (np.searchsorted(log.member, positions, side=side) for side in ("left", "right"))
    rows = np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)] or [starts]).astype(
        np.int64
    )
    member = np.repeat(np.arange(len(positions), dtype=np.int32), ends - starts)
    itself = np.ones(len(rows), np.bool_) if log.itself is None else log.itself[rows]
    return ActivityLog(member, log.posting[rows], log.kind[rows], log.at[rows], itself)
