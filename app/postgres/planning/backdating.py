"""Experiments of a demo, dated into the past as its mails are; no board's own experiment is ever dated otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine


def date_experiment(engine: Engine, key: str, *, started_at: datetime, end: datetime) -> None:
    """Let an experiment have started at a time, and have its planned end, and where it was stopped its stop, at another."""
    with engine.begin() as connection:
        connection.execute(
            text("""
                UPDATE connected_jobs.experiment
                SET created_at = least(created_at, :started_at), started_at = :started_at, planned_end = :end,
                    stopped_at = CASE WHEN stopped_at IS NOT NULL THEN :end END
                WHERE key = :key
            """),
            {"key": key, "started_at": started_at, "end": end},
        )
