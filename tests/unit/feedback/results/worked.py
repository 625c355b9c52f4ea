"""Experiments as they may have been counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.feedback.results.counts import ArmCounts, ExperimentCounts
from app.feedback.statistics.sums import Sums

STARTED = datetime(2026, 11, 2, tzinfo=UTC)
PLANNED = STARTED + timedelta(days=28)


def arm(name: str, members: int, applied: int, **more: Any) -> ArmCounts:
    """An arm of which each member who applied did so once."""
    values: dict[str, Any] = {
        "arm": name,
        "share": 0.5,
        "recipe": "",
        "members": members,
        "clicked": 3 * applied,
        "applied": applied,
        "applications": Sums(members=members, y=applied, yy=applied),
        "applied_anyway": 2 * applied,
    }
    return ArmCounts(**values | more)


def experiment(
    *arms: ArmCounts, until: datetime = STARTED + timedelta(days=14), **more: Any
) -> ExperimentCounts:
    """An experiment of these arms, in its second week."""
    values: dict[str, Any] = {
        "key": "lists",
        "campaign": "weekly-digest",
        "state": "running",
        "crossed": 0,
        "started_at": STARTED,
        "planned_end": PLANNED,
        "stopped_at": None,
    }
    return ExperimentCounts(arms=list(arms), until=until, **values | more)
