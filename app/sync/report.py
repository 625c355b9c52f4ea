"""What a run did, and what one would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from app.sync.delta import DeltaCounts
from app.sync.ledger import RequestCounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SyncState = Literal["running", "done", "paused", "stopped", "killed"]


@dataclass(slots=True)
class SyncReport:
    """A run's figures.

    Args:
        state: How it ended.
        compared: What the comparison met; of events, `members` is rows and `changed` is new ones.
        http: Its requests.
        taken: Objects that the destination acknowledged.
        values: Values in them.
        refused: Objects that the destination refused.
        unknown: Events that stay unknown for good, as the definition says.
        sentence: Why it did not come to its end.
        paused_until: Seconds of the epoch.
    """

    state: SyncState = "running"
    compared: DeltaCounts = field(default_factory=DeltaCounts)
    http: RequestCounts = field(default_factory=RequestCounts)
    taken: int = 0
    values: int = 0
    refused: int = 0
    unknown: int = 0
    sentence: str = ""
    paused_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncExample:
    """One object that would be sent: whose it is, what, and what the destination has of it."""

    key: str
    values: Mapping[str, Any]
    before: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What a run would do now.

    Args:
        compared: As in a report.
        requests: Requests it would take.
        seconds: At the pace that the file allows, pauses of an hourly budget included.
        data_points: Values that are billed where a contract bills them; None where the destination bills none.
        examples: The first few.
        refused: The first few rows that would be refused, each with its sentence.
    """

    compared: DeltaCounts
    requests: int
    seconds: float
    data_points: int | None
    examples: Sequence[SyncExample]
    refused: Sequence[tuple[str, str]]
