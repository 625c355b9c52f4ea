"""Members ranked by a model that was saved: their profiles and activity are read as they are now, and folded in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from app.board.model import ActivityKind, ActivityLog
from app.postgres.board.snapshot import member_activity, profiles
from app.refresh.mailed import shown_to, with_clicks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from app.recommend.incremental.update import UpdatedModel
    from app.recommend.ranked import RankedPosting


def rank_again(
    updated: UpdatedModel, driver: psycopg.Connection, ids: Sequence[str]
) -> list[list[RankedPosting]]:
    """The lists that a saved model makes for members, from their profiles, activity and mails as they are now."""
    people, log, shown = profiles(driver, ids), _activity(driver, ids, updated), None
    if updated.recommender.options.learn_from_mails:
        now = datetime.fromtimestamp(updated.now_s, UTC)
        log = with_clicks(driver, ids, log, updated.position_of)
        shown = shown_to(driver, ids, updated.position_of, now=now)
    return updated.fold_in(log, people).rank(range(len(ids)), people, shown=shown)


def _activity(driver: psycopg.Connection, ids: Sequence[str], updated: UpdatedModel) -> ActivityLog:
    """What members did, by their places in `ids` and the postings' in the model."""
    place = {member_id: at for at, member_id in enumerate(ids)}
    position_of, stands_for = updated.position_of, updated.stands_for
    rows = [
        (place[member], position_of[posting], ActivityKind[kind.upper()], at, posting in stands_for)
        for member, posting, kind, at in member_activity(driver, ids)
        if posting in position_of
    ]
    member, posting, kind, at, itself = np.array(rows, np.int64).reshape(-1, 5).T
    order = np.lexsort((kind, posting, at, member))
    return ActivityLog(
        member[order].astype(np.int32),
        posting[order].astype(np.int32),
        kind[order].astype(np.int8),
        at[order],
        itself[order].astype(np.bool_),
    )
