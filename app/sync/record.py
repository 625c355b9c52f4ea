"""Syncs on record, as people look at them: how each stands, its runs, what is refused; `app.postgres` keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.sync.definition import Kind
    from app.sync.report import SyncState


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPause:
    """Since when a sync sends nothing, and who wanted that."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRunRecord:
    """A run on record; of one that has not ended the figures are those of its requests.

    Attributes:
        state: A run whose process is gone without a word is `killed`.
        figures: Counts by name, as `end_run` keeps them.
        sentence: Why it did not come to its end.
        paused_until: Until when its hour's budget is used up; None in a paused run that a person paused.
        total: Objects that it has to send; None while it compares.
        ends_at: When it will have ended, as it reckons.
        pause: Of its sync, now.
    """

    id: int
    sync: str
    destination: str
    kind: Kind
    state: SyncState
    started_at: datetime
    ended_at: datetime | None
    figures: Mapping[str, Any]
    sentence: str
    paused_until: datetime | None
    total: int | None
    ends_at: datetime | None
    pause: SyncPause | None = None

    @property
    def done(self) -> int:
        """Objects that were answered."""
        return self.figure("taken") + self.figure("refused_by_destination")

    @property
    def share(self) -> float | None:
        """The part that is done; None where nobody knows of how much."""
        return None if self.total is None else min(1.0, self.done / self.total) if self.total else 1.0

    def figure(self, name: str) -> int:
        """One of its counts; 0 where it has none of that name."""
        found = self.figures.get(name)
        return found if isinstance(found, int) else 0

    @property
    def refused_share(self) -> float | None:
        """The part of its rows, or of its new events, that was refused; None where it had none."""
        refused = sum(map(self.figure, ("refused", "still_refused", "refused_by_destination")))
        rows = "changed" if self.kind == "events" else "members"
        of = max(self.figure(rows) + (self.figure("refused") if self.kind == "events" else 0), self.done)
        return refused / of if of else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOnRecord:
    """How a sync stands.

    Attributes:
        last: Its last run.
        first_at: When the first that is on record began.
        done_at: When one last came to its end; None where none did.
        within_hours: By then another must have come to its end; 0 is no such time.
        rejects: Rows and events that are refused now.
        waiting: Events that wait to be sent.
        oldest_event_at: When the oldest of these happened.
        pause: Whether a person has paused it.
    """

    last: SyncRunRecord
    first_at: datetime
    done_at: datetime | None
    within_hours: int
    rejects: int
    waiting: int
    oldest_event_at: datetime | None
    pause: SyncPause | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.last.sync

    def overdue(self, now: datetime) -> timedelta:
        """How long ago a run should have come to its end; nothing of a sync that a person paused."""
        if self.pause is not None or not self.within_hours:
            return timedelta(0)
        due = (self.done_at or self.first_at) + timedelta(hours=self.within_hours)
        return max(now - due, timedelta(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReject:
    """A row or event that is not sent: whose it is, why, and since when."""

    sync: str
    key: str
    member: str | None
    sentence: str
    run_id: int | None
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectsFound:
    """Some of a sync's refused rows, the newest first, and how many there are."""

    rejects: Sequence[SyncReject]
    total: int


class SyncRegister(Protocol):
    """Keeps syncs and their pauses; each pause and resume is audited, one of a sync that is not there raises `SyncError`."""

    def syncs(self) -> Sequence[SyncOnRecord]:
        """Every sync that has run, by name."""

    def runs(self, sync: str, *, most: int) -> Sequence[SyncRunRecord]:
        """A sync's last runs, newest first."""

    def rejects(self, sync: str, *, member: str | None, first: int, most: int) -> RejectsFound:
        """What is refused of a sync, or of one member in it, from a place on."""

    def pause(self, sync: str, *, by: str) -> SyncPause:
        """Send nothing of it from now on; one that is paused stays so, by whom it was."""

    def resume(self, sync: str, *, by: str) -> bool:
        """Let it go on with its next run; gives whether it was paused."""
