"""Experiments on record, and the register that keeps them; `app.postgres` implements it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from app.feedback.experiments.definition import Arm


class ExperimentState(StrEnum):
    """What became of an experiment so far."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredExperiment:
    """An experiment on record.

    Attributes:
        key: Its name.
        campaign: Whose members it splits.
        state: Draft, running or stopped; the instants say from when on.
        arms: The first is the control.
        created_at, created_by: When, and who made it.
        started_at: Sends that begin from then on are split; it may be some seconds ahead.
        planned_end: When its result is looked at for good; it goes on until somebody stops it.
        stopped_at: Sends that begin from then on are not split.
    """

    key: str
    campaign: str
    state: ExperimentState
    arms: Sequence[Arm]
    created_at: datetime
    created_by: str
    started_at: datetime | None = None
    planned_end: datetime | None = None
    stopped_at: datetime | None = None


class ExperimentRegister(Protocol):
    """Keeps experiments. Each write is audited; one that cannot be done raises `ExperimentError` and changes nothing.

    Of an experiment that was started nothing can be changed but that it stops: another split would move members.
    """

    def all(self) -> Sequence[RegisteredExperiment]:
        """Every experiment, the newest first."""

    def create(
        self, key: str, campaign: str, arms: Sequence[Arm], *, until: date | None, by: str
    ) -> RegisteredExperiment:
        """Put a draft on record; `until` is the last day that its result is to count, in the board's zone."""

    def start(self, key: str, *, by: str) -> RegisteredExperiment:
        """Split the sends that begin from an instant on, which every worker knows beforehand."""

    def stop(self, key: str, *, by: str) -> RegisteredExperiment:
        """Split no further sends; those under way keep their arms. A draft is withdrawn."""
