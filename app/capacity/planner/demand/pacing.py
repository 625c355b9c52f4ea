"""Which messages start in which minute when every call is answered: nothing fails, nothing is retried.

A campaign by itself is a queue served at its limit, which has a closed form. Campaigns that share a workspace limit,
and queues that quiet hours interrupt, are played, but in stretches of minutes that are alike.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from operator import itemgetter
from typing import Final

import numpy as np

from app.capacity.apportion import Counts
from app.capacity.assumptions import WorkspaceOrder
from app.capacity.campaign import QuietHours
from app.capacity.local_time import held_until, until_quiet
from app.capacity.planner.demand.expected_arrivals import ArrivalCurve
from app.capacity.planner.demand.work import WorkBudget
from app.capacity.simulation.workspace_limit import FOR_EVER, share_minute

JOIN_STEPS: Final = 2  # of work, for each group of messages that joins or is held
CLOCK_STEPS: Final = 15  # for a look at a zone's clock
SHARE_STEPS: Final = 2  # for each group of messages, where a minute is shared
MINUTE_STEPS: Final = 5  # for each campaign in each stretch of minutes


@dataclass(frozen=True, slots=True, eq=False)
class Pacing:
    """One campaign's attempts by minute from `first` on; `aborted` messages were delayed too long.

    `paces` are the messages a minute that it starts like in each of these minutes; None where its own limit, or the
    workspace's, is its pace all along.
    """

    first: int
    attempts: Counts
    aborted: int = 0
    paces: Counts | None = None

    @property
    def end(self) -> int | None:
        """The minute after the last attempt, None without one."""
        return self.first + len(self.attempts) if len(self.attempts) else None

    @property
    def started(self) -> int:
        """All attempts."""
        return int(self.attempts.sum())


NOTHING: Final = Pacing(0, np.zeros(0, dtype=np.int64))


def pace_alone(arrivals: ArrivalCurve, limit_per_min: int, keep_min: int) -> Pacing:
    """Return what a campaign starts by itself, each minute at most `limit_per_min`, without quiet hours.

    In closed form: with D(t) messages due until minute t, those started until t are the smallest of D(t) and
    D(s-1) + L (t-s+1) over all s <= t (Lindley's recursion of a queue served at rate L). Where more wait than
    can start within `keep_min` minutes, after which messages are given up, it is counted minute by minute.
    """
    counts, minutes = arrivals.counts, arrivals.minutes
    if not len(counts):
        return NOTHING
    first, last = int(minutes[0]), int(minutes[-1])
    if first == last:
        return _of_one_moment(first, int(counts.sum()), limit_per_min, keep_min)
    due = np.bincount(minutes - first, weights=counts).astype(np.int64)
    so_far = np.concatenate(([0], np.cumsum(due)))
    clock = np.arange(len(so_far))
    started = limit_per_min * clock + np.minimum.accumulate(so_far - limit_per_min * clock)
    attempts, aborted, left = np.diff(started), 0, int(so_far[-1] - started[-1])
    if int((so_far[1:] - started[:-1]).max()) > limit_per_min * keep_min:
        attempts, aborted, left = _giving_up(due, limit_per_min, keep_min)
    tail = _of_one_moment(last + 1, left, limit_per_min, keep_min)
    return _trimmed(first, np.concatenate((attempts, tail.attempts)), aborted)


def pace_in_open_hours(
    arrivals: ArrivalCurve, limit_per_min: int, keep_min: int, quiet: QuietHours, zone: str
) -> Pacing:
    """Return what a campaign starts by itself where quiet hours hold all of its messages at once, in one zone.

    Nothing happens in quiet hours, and they do not count as waiting: on a clock that stands still in them it is
    the queue of `pace_alone`.
    """
    if not len(arrivals.counts):
        return NOTHING
    first, last = int(arrivals.minutes[0]), int(arrivals.minutes[-1])
    open_minutes = _open_from(
        first, last, int(arrivals.counts.sum()) // limit_per_min + 1, keep_min, quiet, zone
    )
    places = np.searchsorted(
        open_minutes, arrivals.minutes
    )  # what falls due in quiet hours joins at their end
    pacing = pace_alone(ArrivalCurve(places, arrivals.counts, arrivals.zones), limit_per_min, keep_min)
    if not len(pacing.attempts):
        return Pacing(first, pacing.attempts, pacing.aborted)
    minutes = open_minutes[pacing.first : pacing.first + len(pacing.attempts)]
    attempts = np.zeros(int(minutes[-1] - minutes[0]) + 1, dtype=np.int64)
    attempts[minutes - minutes[0]] = pacing.attempts
    return Pacing(int(minutes[0]), attempts, pacing.aborted)


def _open_from(first: int, last: int, busy_min: int, keep_min: int, quiet: QuietHours, zone: str) -> Counts:
    """Return the minutes outside quiet hours from `first` on, as many as a queue may need after `last`."""
    wanted, after_last = min(busy_min, keep_min) + 1, 0
    stretches = []
    minute = first
    while after_last < wanted:
        released = held_until(quiet, zone, minute)
        if released is not None:
            minute = released
            continue
        until = minute + until_quiet(quiet, zone, minute)
        stretches.append(np.arange(minute, until, dtype=np.int64))
        after_last += max(0, until - max(minute, last))
        minute = until
    whole: Counts = np.concatenate(stretches)
    return whole


def _giving_up(due: Counts, limit_per_min: int, keep_min: int) -> tuple[Counts, int, int]:
    """Return attempts by minute, those given up, and those left at the end.

    First come first served, a message that finds more before it than start within `keep_min` minutes never does,
    and nobody waits for it: the queue is one that takes no more than that.
    """
    most, waiting, aborted = limit_per_min * keep_min, 0, 0
    attempts = []
    for joining in due.tolist():
        waiting += joining
        if waiting > most:
            aborted += waiting - most
            waiting = most
        started = waiting if waiting < limit_per_min else limit_per_min  # noqa: FURB136 - a call a minute takes as long again
        waiting -= started
        attempts.append(started)
    return np.array(attempts, dtype=np.int64), aborted, waiting


def _of_one_moment(minute: int, count: int, limit_per_min: int, keep_min: int) -> Pacing:
    whole, rest = divmod(count, limit_per_min)
    if whole >= keep_min:
        attempts = np.full(keep_min, limit_per_min, dtype=np.int64)
        return Pacing(minute, attempts, count - limit_per_min * keep_min)
    attempts = np.full(whole + bool(rest), limit_per_min, dtype=np.int64)
    if rest:
        attempts[-1] = rest
    return Pacing(minute, attempts)


def _trimmed(first: int, attempts: Counts, aborted: int = 0) -> Pacing:
    busy = np.flatnonzero(attempts)
    if not len(busy):
        return Pacing(first, attempts[:0], aborted)
    return Pacing(first + int(busy[0]), attempts[busy[0] : busy[-1] + 1], aborted)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedCampaign:
    """A campaign that waits in line with others."""

    arrivals: ArrivalCurve
    limit_per_min: int
    quiet_hours: QuietHours | None


@dataclass(slots=True, eq=False)
class _ExpectedCohort:
    joined: int
    due: int
    zone: str
    count: int


# A cohort by two numbers of which no two cohorts have the same: when it joined, or fell due, and its place in the queue.
_Numbered = tuple[int, int, _ExpectedCohort]


class _Queue:
    """One campaign's messages, first come first, in a line for each zone that quiet hours may hold.

    What joins in quiet hours joins at their end (`ArrivalCurve` sees to that), so a queue is held only when they begin.
    A cohort that was given up or held stays in the structures it is found in later, with a count of 0.
    """

    def __init__(self, queued: QueuedCampaign) -> None:
        self.cap = queued.limit_per_min
        self.size = 0
        self.waiting: OrderedDict[int, int] = OrderedDict()  # messages by minute of joining, the first first
        self.aborted = 0
        self.steps = 0  # of holding, giving up and taking: work that grows with the queue
        self.runs: list[tuple[int, int, int]] = []  # (first minute, minutes, attempts in each)
        self._lines: dict[str, deque[_Numbered]] = {}  # by minute of joining
        self._quiet = queued.quiet_hours
        self._quiet_at: dict[str, int] = {}  # when to look again, by zone
        self._by_due: list[_Numbered] = []  # a heap of what waits, by minute of falling due
        arrivals = queued.arrivals
        zones = arrivals.zones if self._quiet is not None else ("",) * len(arrivals.zones)
        rows = zip(arrivals.minutes.tolist(), zones, arrivals.counts.tolist(), strict=True)
        self._joins: list[_Numbered] = [
            (minute, place, _ExpectedCohort(minute, minute, zone, count))
            for place, (minute, zone, count) in enumerate(rows)
        ]  # by minute of joining, rising, and so a heap
        self._places = len(self._joins)

    def next_join(self) -> int | None:
        return self._joins[0][0] if self._joins else None

    def over(self) -> bool:
        return not self.size and not self._joins

    def open_minute(self, minute: int, keep_min: int) -> None:
        while self._joins and self._joins[0][0] <= minute:
            joined, place, joining = heappop(self._joins)
            self._lines.setdefault(joining.zone, deque()).append((joined, place, joining))
            heappush(self._by_due, (joining.due, place, joining))
            self.size += joining.count
            self.waiting[joined] = self.waiting.get(joined, 0) + joining.count
            self.steps += JOIN_STEPS
            if self._quiet is not None:
                self._quiet_at.setdefault(joining.zone, minute)
        if self._quiet is not None:
            self._hold(self._quiet, minute)
        while self._oldest() <= minute - keep_min:
            gone = heappop(self._by_due)[2]
            self.aborted += gone.count
            self._drop(gone, gone.count)

    def _oldest(self) -> int:
        """No message that waits fell due before this minute."""
        while self._by_due and not self._by_due[0][2].count:
            heappop(self._by_due)
        return self._by_due[0][0] if self._by_due else FOR_EVER

    def _hold(self, quiet: QuietHours, minute: int) -> None:
        for zone in [zone for zone, look in self._quiet_at.items() if look <= minute]:
            self.steps += CLOCK_STEPS
            released = held_until(quiet, zone, minute)
            if released is None:
                self._quiet_at[zone] = minute + until_quiet(quiet, zone, minute)
                continue
            self._quiet_at[zone] = released
            for _, _, one in self._lines.pop(zone, ()):
                if one.count:
                    self._hold_one(one, minute, released)

    def _hold_one(self, one: _ExpectedCohort, minute: int, released: int) -> None:
        due = one.due + released - minute
        heappush(self._joins, (released, self._places, _ExpectedCohort(released, due, one.zone, one.count)))
        self._places += 1
        self.steps += JOIN_STEPS
        self._drop(one, one.count)

    def _drop(self, one: _ExpectedCohort, count: int) -> None:
        """Let so many messages of a cohort wait no more."""
        one.count -= count
        self.size -= count
        self.waiting[one.joined] -= count
        if not self.waiting[one.joined]:
            del self.waiting[one.joined]

    def alike_for(self, minute: int, keep_min: int) -> int:
        """Minutes until a message joins, may be given up or falls into quiet hours."""
        ahead = self._joins[0][0] - minute if self._joins else FOR_EVER
        if not self.size:
            return ahead
        quiet = min(self._quiet_at.values(), default=FOR_EVER + minute) - minute
        return min(ahead, self._oldest() + keep_min - minute, quiet)

    def take(self, minute: int, minutes: int, each: int) -> None:
        """Start `each` messages in each of `minutes` minutes."""
        self.runs.append((minute, minutes, each))
        left = minutes * each
        while left:
            line = min((line for line in self._lines.values() if line), key=itemgetter(0))
            front = line[0][2]
            taken = min(left, front.count)
            if taken:
                self._drop(front, taken)
            left -= taken
            self.steps += len(self._lines)
            if not front.count:
                line.popleft()

    def pace(self) -> Pacing:
        if not self.runs:
            return Pacing(0, NOTHING.attempts, self.aborted)
        first, (last, minutes, _) = self.runs[0][0], self.runs[-1]
        attempts = np.zeros(last + minutes - first, dtype=np.int64)
        for minute, length, each in self.runs:
            attempts[minute - first : minute - first + length] = each
        return Pacing(first, attempts, self.aborted)


def pace_together(
    queued: Sequence[QueuedCampaign],
    *,
    workspace_limit: int | None,
    order: WorkspaceOrder,
    keep_min: int,
    work: WorkBudget,
) -> list[Pacing]:
    """Play campaigns under one limit. Raises WorkLimitExceededError."""
    work.spend(sum(len(one.arrivals.counts) for one in queued))
    queues = [_Queue(one) for one in queued]
    live = [queue for queue in queues if not queue.over()]
    minute = _next_join(live)
    while minute is not None:
        for queue in live:
            queue.open_minute(minute, keep_min)
        shares, alike, steps = _allot(live, workspace_limit, order)
        if any(shares):
            alike = min(alike, *(queue.alike_for(minute, keep_min) for queue in live))
            for queue, each in zip(live, shares, strict=True):
                if each:
                    queue.take(minute, alike, each)
        for queue in live:
            steps += MINUTE_STEPS + queue.steps
            queue.steps = 0
        work.spend(steps)
        live = [queue for queue in live if not queue.over()]
        minute = minute + alike if any(queue.size for queue in live) else _next_join(live)
    return [queue.pace() for queue in queues]


def _next_join(queues: Sequence[_Queue]) -> int | None:
    return min((join for queue in queues if (join := queue.next_join()) is not None), default=None)


def _allot(
    queues: Sequence[_Queue], workspace_limit: int | None, order: WorkspaceOrder
) -> tuple[list[int], int, int]:
    """Return how many messages each campaign starts in a minute, for how many minutes that stays so, and the work."""
    wanted = [min(queue.size, queue.cap) for queue in queues]
    if workspace_limit is None or sum(wanted) <= workspace_limit:
        alike = min(
            (queue.size // want for queue, want in zip(queues, wanted, strict=True) if want), default=1
        )
        return wanted, alike, 0
    if order == "mixed":
        lines = [[(0, queue.size)] for queue in queues]
    else:
        lines = [
            list(_front(queue, min(want, workspace_limit)))
            for queue, want in zip(queues, wanted, strict=True)
        ]
    shares, alike = share_minute(lines, [queue.cap for queue in queues], workspace_limit)
    return shares, alike, SHARE_STEPS * (len(queues) + sum(map(len, lines)))


def _front(queue: _Queue, most: int) -> Iterator[tuple[int, int]]:
    """Yield when the messages joined that are first in a queue, and how many, until there are `most`."""
    named = 0
    for joined, count in queue.waiting.items():
        if named >= most:
            break
        named += count
        yield joined, count
