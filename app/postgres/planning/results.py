"""Counted results, read from Postgres: what `outcomes` kept, so that a page asks for no row of a member's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from sqlalchemy import text

from app.feedback.results.counts import ExperimentCounts, SendCounts
from app.feedback.results.fewest import without_few, without_few_of_an_arm
from app.feedback.results.store import CountedExperiment, CountedSends
from app.postgres.stored import is_storable
from app.postgres.transactions import planner_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Engine

MOST_SENDS = 400  # of a campaign: one a day for over a year
MOST_LISTED = 500
_log = logging.getLogger("connected_jobs.results")
_Counts = TypeVar("_Counts", SendCounts, ExperimentCounts)


class PostgresResults:
    """What was counted last, but for what would tell of a few members; what cannot be read is left out, and logged."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def campaigns(self) -> CountedSends:
        """The newest send of each campaign, the newest first."""
        with planner_transaction(self._engine) as connection:
            rows = connection.execute(
                text("""
                    SELECT s.counts::text AS counts, s.computed_at
                    FROM (
                        SELECT DISTINCT ON (campaign) day, campaign, counts, computed_at
                        FROM connected_jobs.send_result
                        ORDER BY campaign, day DESC
                    ) s
                    ORDER BY s.day DESC, s.campaign
                    LIMIT :most
                """),
                {"most": MOST_LISTED},
            ).all()
        return _counted(rows)

    def sends(self, campaign: str, since: date | None = None) -> CountedSends:
        """A campaign's sends from a day on, the newest first."""
        if not is_storable(campaign):
            return CountedSends(sends=(), computed_at=None)
        with planner_transaction(self._engine) as connection:
            rows = connection.execute(
                text("""
                    SELECT counts::text AS counts, computed_at
                    FROM connected_jobs.send_result
                    WHERE campaign = :campaign AND day >= coalesce(CAST(:since AS date), '-infinity')
                    ORDER BY day DESC
                    LIMIT :most
                """),
                {"campaign": campaign, "since": since, "most": MOST_SENDS},
            ).all()
        return _counted(rows)

    def experiments(self) -> Sequence[CountedExperiment]:
        """All that were counted, the newest first."""
        return self._experiments(None)

    def experiment(self, key: str) -> CountedExperiment | None:
        """One of them."""
        if not is_storable(key):
            return None
        return next(iter(self._experiments(key)), None)

    def _experiments(self, key: str | None) -> list[CountedExperiment]:
        with planner_transaction(self._engine) as connection:
            rows = connection.execute(
                text("""
                    SELECT counts::text AS counts, computed_at
                    FROM connected_jobs.experiment_result
                    WHERE experiment = coalesce(CAST(:key AS text), experiment)
                    ORDER BY counts ->> 'started_at' DESC NULLS LAST, experiment
                    LIMIT :most
                """),
                {"key": key, "most": MOST_LISTED},
            ).all()
        return [
            CountedExperiment(counts=without_few_of_an_arm(counts), computed_at=row.computed_at)
            for row in rows
            if (counts := read_counts(row.counts, ExperimentCounts)) is not None
        ]


def _counted(rows: Sequence[Any]) -> CountedSends:
    return CountedSends(
        sends=[counts for row in rows if (counts := _read_send(row.counts)) is not None],
        computed_at=max((row.computed_at for row in rows), default=None),
    )


def _read_send(text: str) -> SendCounts | None:
    counts = read_counts(text, SendCounts)
    return None if counts is None else without_few(counts)


def read_counts(text: str, kind: type[_Counts]) -> _Counts | None:
    """Counts as they were kept, None for what cannot be read, which is logged."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        _log.warning("counts of results cannot be read, and are left out: %s", error)
        return None
