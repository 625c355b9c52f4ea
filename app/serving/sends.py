"""Which run each send is answered from: the one in force at its first call, whatever is published meanwhile.

A message's parts and retries reach different workers and instances, some of them after new lists were published, and
must get one list. So a send stays with its first run for a stated time. Which run that is stands in a register that all
workers share, and costs a call nothing: far from a switch every worker answers from the same run, and what it meets is
registered in the background. Near a switch, where another worker may have met the send just before it, a worker that
does not know a send claims it in the register before it answers: once for a send and worker.

Whoever publishes gives `LEAD` (`app.refresh.publish`), so a worker knows of a switch before it comes. One that has
not read the log for so long that there may be a switch it does not know of claims too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from app.runtime.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.runtime.deadline import Deadline
    from app.serving.clock import StoreClock
    from app.serving.publications import Publications
    from app.serving.request import RequestOptions
    from app.serving.store import Run

PREVIEW = "preview"  # what previews of any campaign give for Braze's dispatch id: always answered from the run in force
LEAD = timedelta(seconds=15)  # from a publication to its taking effect, at least, while instances run
COMMITTED_WITHIN = timedelta(seconds=3)  # a publication, from choosing its moment to where others can read it
REGISTERED_WITHIN = timedelta(seconds=6)  # a send, from its first call to where others can read it
CLAIMED_WITHIN = timedelta(seconds=2)  # longer than a claim may take
RECENT = timedelta(minutes=1)  # longer than it takes until all that others met is known here
UPDATE_EVERY_S = 2.0
TOUCH_EVERY = timedelta(minutes=1)
MOST_SENDS = 50_000  # known to a worker; those used longest ago go first
MOST_AT_ONCE = 5_000  # registered in one statement
_LONG_AGO, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class HeldSend:
    """A send, first called at `first_at` and on its run until `until`.

    `used_at` is when it was used last, as far as is known; `used` whether it was since somebody looked.
    """

    __slots__ = ("first_at", "key", "run", "until", "used", "used_at")

    def __init__(self, key: str, run: Run, first_at: datetime, until: datetime, used_at: datetime) -> None:
        self.key = key  # as `RequestOptions.send_key` has it
        self.run = run
        self.first_at = first_at
        self.until = until
        self.used_at = used_at
        self.used = False


class SendRegister(Protocol):
    """Where workers share which sends they met; everything may raise `UnavailableError`."""

    def clock(self) -> datetime:
        """The store's clock."""

    def claim(self, key: str, hold: timedelta, deadline: Deadline) -> HeldSend | None:
        """A send as it is registered, by this on the run in force where it is not yet; None before any run."""

    def register(self, sends: Sequence[HeldSend], hold: timedelta) -> Sequence[HeldSend]:
        """Register sends that are not yet, note that all of them are used, and say how they are registered."""

    def registered_sends(self, most: int) -> Sequence[HeldSend]:
        """The sends on other runs than the one in force, those used last first."""


class Sends:
    """The sends that this worker knows, each with its run.

    Args:
        publications: The publication log.
        register: What all workers share.
        clock: The store's.
        hold: How long a send keeps the run of its first call; not at all if 0.
        writes: Whether this worker may write to the register; if not, it goes by what it meets itself and others wrote.
        most: How many sends are known at once.
    """

    def __init__(
        self,
        publications: Publications,
        register: SendRegister,
        clock: StoreClock,
        *,
        hold: timedelta,
        writes: bool = True,
        most: int = MOST_SENDS,
    ) -> None:
        self._publications = publications
        self._register = register
        self._clock = clock
        self._hold = hold
        self._writes = writes and bool(hold)
        self._most = most
        self._known: dict[str, HeldSend] = {}
        self._new: dict[str, HeldSend] = {}
        self._lock = Lock()
        self._registered_at = _LONG_AGO  # when the register was read
        self._touched_at = _LONG_AGO
        # Between these a send that this worker does not know can be on no other run than the one in force.
        self._calm_from, self._calm_until = _NEVER, _LONG_AGO

    def run_of(self, options: RequestOptions, now: datetime) -> Run | None:
        """The run that a send keeps; None where this worker does not know it."""
        held = self._known.get(options.send_key)
        if held is None or held.until <= now:
            return None
        held.used = True
        return held.run

    def must_claim(self, options: RequestOptions, now: datetime) -> bool:
        """Whether another worker may have met a send that is not known here, on another run."""
        return self._writes and options.send != PREVIEW and not self._calm_from <= now < self._calm_until

    def begin(self, options: RequestOptions, now: datetime) -> Run | None:
        """Let a send that is not known here keep the run in force; None before any is published."""
        run = self._publications.in_force(now)
        if run is not None and options.send != PREVIEW and self._hold and len(self._known) < 2 * self._most:
            until = min([now + self._hold, *self._move_times(run, after=now)])
            held = HeldSend(options.send_key, run, now, until, now)
            with self._lock:
                self._known[held.key] = self._new[held.key] = held
        return run

    def claim(self, options: RequestOptions, deadline: Deadline) -> Run | None:
        """The run that a send keeps by the register, None before any is published; raises `UnavailableError`."""
        held = self._register.claim(options.send_key, self._hold, deadline)
        if held is None:
            return None
        with self._lock:
            self._known[held.key] = held
        return held.run

    def in_force(self, now: datetime) -> Run | None:
        """The run that sends begin with."""
        return self._publications.in_force(now)

    def held_runs(self, now: datetime) -> list[Run]:
        """The runs that known sends are on, and those in force a moment ago, on which others may have met sends."""
        runs = {held.run.id: held.run for held in self._known_sends() if now < held.until}
        before = self._publications.in_force(now - RECENT)
        recent = [one.run for one in self._publications.log if now - RECENT < one.effective_at <= now]
        runs |= {run.id: run for run in (before, *recent) if run is not None}
        return [runs[number] for number in sorted(runs)]

    def update(self) -> None:
        """Follow the store's clock, the publications and the register.

        Raises:
            UnavailableError: the store is away; what was known stands.
        """
        read_at = self._clock.follow(self._register.clock)
        self._publications.update()
        self._end_moved_sends()
        self._follow_register(read_at)
        self._forget(read_at)
        if self._writes:
            self._write_register(read_at)

    def _follow_register(self, read_at: datetime) -> None:
        """Read what others met before the last switch, once it is all there, and say how long that is enough."""
        log = self._publications.log
        switched_at = next((one.effective_at for one in log if one.effective_at <= read_at), _LONG_AGO)
        complete_at = switched_at + CLAIMED_WITHIN
        if self._registered_at < complete_at <= read_at:
            self._remember(self._register.registered_sends(self._most))
            self._registered_at = read_at
        coming = [one.effective_at for one in log if one.effective_at > read_at]
        self._calm_until = min([read_at + LEAD - COMMITTED_WITHIN, *coming]) - REGISTERED_WITHIN
        self._calm_from = self._registered_at if self._registered_at >= complete_at else _NEVER

    def _move_times(self, run: Run, *, after: datetime) -> list[datetime]:
        """When publications end what sends on a run keep."""
        return [
            one.effective_at for one in self._publications.log if one.moves(run) and one.effective_at > after
        ]

    def _end_moved_sends(self) -> None:
        if any(one.moves_sends for one in self._publications.log):
            for held in self._known_sends():
                held.until = min([held.until, *self._move_times(held.run, after=held.first_at)])

    def _remember(self, registered: Sequence[HeldSend]) -> None:
        """Go by the register."""
        with self._lock:
            self._known.update((held.key, held) for held in registered)

    def _known_sends(self) -> list[HeldSend]:
        with self._lock:
            return list(self._known.values())

    def _forget(self, now: datetime) -> None:
        """Let go of sends that are over, and of those used longest ago where there are too many."""
        held, runs = self._known_sends(), {one.run.id for one in self._publications.log}
        for one in held:
            if one.used:
                one.used_at = now
        kept = [one for one in held if now < one.until and one.run.id in runs]
        if len(kept) == len(held) <= self._most:
            return
        kept = sorted(kept, key=lambda one: one.used_at, reverse=True)[: self._most]
        dropped = set(held) - set(kept)
        with self._lock:
            self._known = {key: one for key, one in self._known.items() if one not in dropped}

    def _write_register(self, now: datetime) -> None:
        """Register what was met, and every minute what is under way."""
        with self._lock:
            new, self._new = self._new, {}
        to_register = dict(new)
        if now >= self._touched_at + TOUCH_EVERY:
            self._touched_at = now
            to_register |= {one.key: one for one in self._known_sends() if one.used}
        sends = sorted(to_register.values(), key=lambda one: one.used_at, reverse=True)[:MOST_AT_ONCE]
        if not sends:
            return
        for one in sends:
            one.used = False
        try:
            self._remember(self._register.register(sends, self._hold))
        except UnavailableError:
            with self._lock:
                self._new = new | self._new
            raise
