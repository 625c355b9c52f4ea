"""What a run did, and what one would do."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from app.sync.delta import DeltaCounts
from app.sync.ledger import RequestCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from app.sync.pacing import Pacer

SPEED_OVER_S: Final = 30.0  # of the recent past
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
        by_name: Of these, how many of each name.
        refused: Objects that the destination refused.
        unknown: Events that stay unknown for good, as the definition says.
        sentence: Why it did not come to its end.
        paused_until: Seconds of the epoch; None in a paused run that a person paused.
    """

    state: SyncState = "running"
    compared: DeltaCounts = field(default_factory=DeltaCounts)
    http: RequestCounts = field(default_factory=RequestCounts)
    taken: int = 0
    values: int = 0
    by_name: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    unknown: int = 0
    sentence: str = ""
    paused_until: float | None = None

    def count_taken(self, values: Iterable[Mapping[str, Any]]) -> None:
        """Count objects that were acknowledged, by the values in each."""
        for one in values:
            self.taken += 1
            self.values += len(one)
            self.by_name.update(one.keys())


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
        billed: How much it would send of what a contract may bill; empty where the destination bills nothing by the piece.
        examples: The first few.
        refused: The first few rows that would be refused, each with its sentence.
    """

    compared: DeltaCounts
    requests: int
    seconds: float
    billed: Mapping[str, int]
    examples: Sequence[SyncExample]
    refused: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is.

    Args:
        done: Objects that were answered.
        total: Of so many; None while it is still comparing.
        left_s: Seconds that it will still take; None where nobody can tell yet.
    """

    done: int = 0
    total: int | None = None
    left_s: float | None = None


class Foresight:
    """How long a run will still take: what its budget asks for, and no less than at its speed of late.

    Args:
        pacer: The budget.
        objects: Of a request, until the run's own requests tell.
        clock: Seconds of the epoch.
    """

    def __init__(self, pacer: Pacer, *, objects: int, clock: Callable[[], float]) -> None:
        self._pacer = pacer
        self._objects = objects
        self._clock = clock
        self._lately: deque[tuple[float, int]] = deque()

    def at(self, done: int, total: int | None) -> RunProgress:
        """How far it is, now that so many objects of all were answered."""
        now = self._clock()
        self._lately.append((now, done))
        while now - self._lately[0][0] > SPEED_OVER_S:
            self._lately.popleft()
        if total is None:
            return RunProgress(done)
        left = max(0, total - done)
        begin, had = self._lately[0]
        by_speed = left * (now - begin) / (done - had) if done > had else 0.0
        return RunProgress(
            done, total, max(by_speed, self._pacer.seconds_left(-(-left // self._objects), now))
        )
