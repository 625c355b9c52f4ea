"""One campaign's queue of messages, counted by cohort, and who may start how many in a minute."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from app.capacity.apportion import apportion
from app.capacity.assumptions import WorkspaceOrder
from app.capacity.simulation.workspace_limit import share_minute


@dataclass(frozen=True, slots=True)
class Cohort:
    """Messages of one campaign that nothing tells apart.

    Minutes are since 1970 (UTC). `attempt` counts earlier attempts; `warm_until_minute` is when Braze's
    URL cache forgets the answer that one part of the message got before another part failed. Messages that are
    `arriving` join one by one in the course of their minute, as members act; all others wait when it begins.
    """

    joined_minute: int
    due_minute: int
    zone: str
    attempt: int = 0
    warm_until_minute: int = 0
    arriving: bool = False


class CampaignQueue:
    """Messages waiting for their turn: some queued now, in order of joining, some due at a later minute.

    `expected` are those that fall due, `arriving` or not: (minute, zone, messages) by rising minute. Cohorts are made of
    them when their minute comes, so that a play which stops early has not laid out all.
    """

    def __init__(self, expected: Sequence[tuple[int, str, int]] = (), *, arriving: bool = False) -> None:
        self.queued: dict[Cohort, int] = {}
        self._expected = expected
        self._arriving = arriving
        self._next = 0  # of the expected
        self._ahead = sum(count for _, _, count in expected)
        self._later: dict[int, Counter[Cohort]] = {}
        self._joining: list[int] = []  # a heap of the minutes in _later

    def add(self, cohort: Cohort, count: int) -> None:
        """Let `count` messages join the back of the queue when `cohort.joined_minute` begins."""
        if not count:
            return
        if cohort.joined_minute not in self._later:
            self._later[cohort.joined_minute] = Counter()
            heappush(self._joining, cohort.joined_minute)
        self._later[cohort.joined_minute][cohort] += count

    def next_minute(self, after: int) -> int | None:
        """Return the next minute with work, None where nothing waits; `after` is the minute just played."""
        if self.queued:
            return after + 1
        ahead = [*self._joining[:1], *(due for due, _, _ in self._expected[self._next : self._next + 1])]
        return min(ahead, default=None)

    def admit(self, minute: int) -> None:
        """Queue what joins at `minute` or joined before, behind all that is queued."""
        while self._joining and self._joining[0] <= minute:
            joining = heappop(self._joining)
            self._admit_expected(joining)
            for cohort, count in self._later.pop(joining).items():
                self.queued[cohort] = self.queued.get(cohort, 0) + count
        self._admit_expected(minute)

    def _admit_expected(self, minute: int) -> None:
        while self._next < len(self._expected) and self._expected[self._next][0] <= minute:
            due, zone, count = self._expected[self._next]
            self._next += 1
            self._ahead -= count
            cohort = Cohort(due, due, zone, arriving=self._arriving)
            self.queued[cohort] = self.queued.get(cohort, 0) + count

    def expire(self, due_by: int) -> int:
        """Drop the messages that fell due at minute `due_by` or before; return how many."""
        old = [cohort for cohort in self.queued if cohort.due_minute <= due_by]
        return sum(self.queued.pop(cohort) for cohort in old)

    def hold(self, minute: int, release: Callable[[str], int | None]) -> None:
        """At `minute`, move messages out of the queue until the minute `release(zone)`, where it gives one.

        Time in quiet hours does not count towards the 72 hours (assumed: it is no delay by a low limit).
        """
        for cohort in list(self.queued):
            released = release(cohort.zone)
            if released is not None:
                due = cohort.due_minute + released - minute
                held = replace(cohort, joined_minute=released, due_minute=due, arriving=False)
                self.add(held, self.queued.pop(cohort))

    def take(self, count: int) -> dict[Cohort, int]:
        """Remove `count` messages (no more than are queued) from the front."""
        taken: dict[Cohort, int] = {}
        while count:
            cohort = next(iter(self.queued))
            taken[cohort] = min(count, self.queued[cohort])
            count -= taken[cohort]
            self.queued[cohort] -= taken[cohort]
            if not self.queued[cohort]:
                del self.queued[cohort]
        return taken

    def size(self) -> int:
        """Count the messages queued now."""
        return sum(self.queued.values())

    def pending(self) -> int:
        """Count the messages queued now or later."""
        return self.size() + self._ahead + sum(later.total() for later in self._later.values())

    def minutes_left(self, cap: int, now: int) -> int:
        """Return in about how many minutes messages will start, at most `cap` in each, while nothing fails."""
        due = self._expected[-1][0] - now if self._next < len(self._expected) else 0
        return max(-(-self.pending() // cap), min(len(self._expected) - self._next, due))


def allot(
    queues: Sequence[CampaignQueue],
    caps: Sequence[int],
    *,
    workspace_limit: int | None,
    order: WorkspaceOrder,
) -> list[int]:
    """Return how many messages each campaign starts in this minute under its cap and the shared limit."""
    wanted = [min(queue.size(), cap) for queue, cap in zip(queues, caps, strict=True)]
    if workspace_limit is None or sum(wanted) <= workspace_limit:
        return wanted
    if order == "mixed":
        return [int(part) for part in apportion(workspace_limit, wanted)]
    lines = [[(cohort.joined_minute, count) for cohort, count in queue.queued.items()] for queue in queues]
    return share_minute(lines, caps, workspace_limit)[0]
