"""What changed on the board since a run: which members' lists are to be made anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.postgres.board.columns import TAKES_MAIL

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

LATE_APPLICATIONS = timedelta(days=3)  # a nightly import of the log, and one night that failed
HEAD = 10  # a new posting is offered to members with a similar one among so many first places of their list

_MEMBERS = rf"""
    WITH active AS MATERIALIZED (
        SELECT DISTINCT member_id COLLATE "C" AS member_id
        FROM board.activity
        WHERE occurred_at > :since AND kind IN ('view', 'scrap', 'apply')
        UNION
        SELECT member_id COLLATE "C"
        FROM connected_jobs.lately_shown
        WHERE counts_from > :since AND clicked <> '{{}}'
        UNION
        SELECT a.member_id COLLATE "C"
        FROM board.activity a
        JOIN connected_jobs.recommendation_list l ON l.run_id = :run AND l.member_id = a.member_id
        WHERE a.occurred_at > :late AND a.kind = 'apply' AND a.posting_id = ANY(l.posting_ids)
    )
    SELECT m.id,
           a.member_id IS NOT NULL
           OR m.updated_at >= :since
           OR l.member_id IS NULL
           OR EXISTS (SELECT FROM unnest(l.posting_ids) p WHERE p <> ALL(:open) OR p = ANY(:replaced))
           OR EXISTS (SELECT FROM unnest(l.posting_ids[1\:{HEAD}]) p WHERE p = ANY(:like))
    FROM board.member m
    LEFT JOIN active a ON a.member_id = m.id COLLATE "C"
    LEFT JOIN connected_jobs.recommendation_list l ON l.run_id = :run AND l.member_id = m.id COLLATE "C"
    WHERE {TAKES_MAIL} AND m.id <> ''
    ORDER BY m.id COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class PreviousRun:
    """The run published last.

    Attributes:
        id: Its number.
        cutoff_at: Since when there may be changes that it does not know.
        options: The recommender's options.
        model_run_id: Which run's model it was made with.
    """

    id: int
    cutoff_at: datetime
    options: Mapping[str, object]
    model_run_id: int


def select_previous_run(connection: Connection, recipe: str | None = None) -> PreviousRun | None:
    """The run of the usual lists, or of a recipe, published last that has its lists, None before the first."""
    row = connection.execute(
        text("""
            SELECT r.id, r.cutoff_at, r.options, coalesce((r.measures ->> 'model')::bigint, r.id)
            FROM connected_jobs.publication p
            JOIN connected_jobs.refresh_run r ON r.id = p.run_id
            WHERE r.state = 'ready' AND r.recipe IS NOT DISTINCT FROM CAST(:recipe AS text)
            ORDER BY p.id DESC
            LIMIT 1
        """),
        {"recipe": recipe},
    ).one_or_none()
    return None if row is None else PreviousRun(*row)


def select_members(
    connection: Connection,
    previous: PreviousRun,
    *,
    shown: Sequence[str],
    replaced: Collection[str],
    similar: Collection[str],
) -> dict[str, bool]:
    """Every member who takes mail, sorted, and whether their list is to be made anew.

    Args:
        connection: The board as the refresh sees it.
        previous: The run whose lists the other members keep.
        shown: Ids of all postings that may be shown.
        replaced: Ids of postings that say something else than when the model was fitted.
        similar: Ids of postings whose readers are offered a new one.
    """
    found = connection.execute(
        text(_MEMBERS),
        {
            "since": previous.cutoff_at,
            "late": previous.cutoff_at - LATE_APPLICATIONS,
            "run": previous.id,
            "open": list(shown),
            "replaced": sorted(replaced),
            "like": sorted(similar),
        },
    ).all()
    touched: dict[str, bool] = {}  # a view may have a member twice
    for member_id, is_touched in found:
        touched[member_id] = is_touched or touched.get(member_id, False)
    return touched
