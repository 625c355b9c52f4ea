"""What a played send comes to, in counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np
from numpy.typing import NDArray

from app.capacity.apportion import Counts
from app.capacity.local_time import MINUTE_S


class Quantity(IntEnum):
    """The rows of a minute's tally. BLANK and DEGRADED are parts of SENT, EXPIRED a part of ABORTED, FAILED of CALLS.

    WITHHELD are calls that Braze answered itself with a 598, for a host that it had halted.
    """

    ATTEMPTS = 0
    RETRIES = auto()
    CALLS = auto()
    SENT = auto()
    BLANK = auto()
    DEGRADED = auto()
    ABORTED = auto()
    EXPIRED = auto()
    FAILED = auto()
    WITHHELD = auto()


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """A played send; arrays are (minutes, campaigns) and leave out minutes in which nothing happened.

    `minutes` are since 1970 (UTC). `attempts` are messages started, retries among them: limits bind these.
    `calls` are those that reached the service, `calls_per_s` (minutes, campaigns, 60) the same by second.
    Outcomes are booked at the second when their message started. `outcomes` counts calls by
    "ok", "degraded", "cut_off" and status, "598" for those that Braze withheld. `skipped` and `pending`
    are per campaign: recipients = sent + aborted + skipped + pending.
    """

    names: tuple[str, ...]
    recipients: tuple[int, ...]
    skipped: tuple[int, ...]
    pending: tuple[int, ...]
    first_minute: int
    minutes: Counts
    calls_per_s: NDArray[np.int32]
    outcomes: tuple[Mapping[str, int], ...]
    halts: tuple[tuple[str, int], ...]
    tallies: Counts

    def count(self, what: Quantity) -> Counts:
        """Return one count as (minutes, campaigns)."""
        rows: Counts = self.tallies[:, what, :]
        return rows

    def total(self, what: Quantity) -> int:
        """Return one count over all minutes and campaigns."""
        return int(self.count(what).sum())

    def end_minute(self, campaign: int | None = None) -> int | None:
        """Return the minute after the last one with attempts, None where there was none."""
        attempts = self.count(Quantity.ATTEMPTS)
        column = attempts.sum(axis=1) if campaign is None else attempts[:, campaign]
        busy = self.minutes[column > 0]
        return int(busy[-1]) + 1 if len(busy) else None

    def by_second(self) -> Counts:
        """Return all campaigns' calls by second, (minutes, 60)."""
        summed: Counts = self.calls_per_s.sum(axis=1, dtype=np.int64)
        return summed


class MinuteTally:
    """Counts as they come in, by minute."""

    def __init__(self, campaigns: int) -> None:
        self._campaigns = campaigns
        self._counts: dict[int, Counts] = {}
        self._calls_per_s: dict[int, NDArray[np.int32]] = {}
        self._outcomes: dict[int, Counter[str]] = {}

    def open(self, minute: int) -> None:
        """Begin a minute."""
        self._counts[minute] = np.zeros((len(Quantity), self._campaigns), dtype=np.int64)
        self._calls_per_s[minute] = np.zeros((self._campaigns, MINUTE_S), dtype=np.int32)
        self._outcomes[minute] = Counter()

    def add(self, minute: int, what: Quantity, campaign: int, count: int) -> None:
        """Count messages or calls of one campaign."""
        self._counts[minute][what, campaign] += count

    def add_calls(self, second: int, campaign: int, calls: int) -> None:
        """Count calls of one campaign that reach the service in unix second `second`."""
        minute, place = divmod(second, MINUTE_S)
        self._calls_per_s[minute][campaign, place] += calls
        self._counts[minute][Quantity.CALLS, campaign] += calls

    def add_outcome(self, minute: int, outcome: str, calls: int) -> None:
        """Count how calls ended."""
        if calls:
            self._outcomes[minute][outcome] += calls

    def minutes(self) -> Counts:
        """Return the minutes begun."""
        return np.array(list(self._counts), dtype=np.int64)

    def counts(self) -> Counts:
        """Return (minutes, counts, campaigns)."""
        empty = np.zeros((0, len(Quantity), self._campaigns), dtype=np.int64)
        return np.stack(list(self._counts.values())) if self._counts else empty

    def calls_per_s(self) -> NDArray[np.int32]:
        """Return (minutes, campaigns, 60)."""
        empty = np.zeros((0, self._campaigns, MINUTE_S), dtype=np.int32)
        return np.stack(list(self._calls_per_s.values())) if self._counts else empty

    def outcomes(self) -> tuple[Mapping[str, int], ...]:
        """Return calls by outcome, minute by minute."""
        return tuple(dict(sorted(outcomes.items())) for outcomes in self._outcomes.values())
