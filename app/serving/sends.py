"""The run that each send is answered from: the one in force at its first call, whatever is published later.

A message's parts and retries reach different workers and instances, some after a new publication, and must get the same
list. So a send keeps its first run for a set time. All workers share a register of sends and their runs. Usually it costs
a call nothing: all workers answer from the same run, and new sends are registered in the background. Around a switch to a
new run, another worker may have answered the send from the run before. A worker that does not know a send then claims it
in the register before it answers, once for each send and worker.

A publication takes effect `LEAD` after it is made (`app.refresh.publish`), so a worker knows of a switch in advance. A
worker that has not read the log recently enough to be sure claims too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from app.feedback.lately_shown import COUNTS_EVERY_S, since_counted_s
from app.runtime.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.feedback.experiments.definition import Arm
    from app.runtime.clock import StoreClock
    from app.runtime.deadline import Deadline
    from app.serving.experiments import Experiments
    from app.serving.publications import Publications
    from app.serving.request import RecommendationRequest, RequestOptions
    from app.serving.store import Run

PREVIEW = "preview"  # the send's name in previews, which are always answered from the run in force
LEAD = timedelta(seconds=15)  # the least time from a publication to its effect, while instances run
COMMITTED_WITHIN = timedelta(seconds=3)  # from choosing a publication's instant to when others can read it
REGISTERED_WITHIN = timedelta(seconds=6)  # from a send's first call to when others can read it
CLAIMED_WITHIN = timedelta(seconds=2)  # the longest a claim takes
RECENT = timedelta(minutes=1)  # longer than it takes to learn of all sends that others know
UPDATE_EVERY_S = 2.0
TOUCH_EVERY = timedelta(minutes=1)
MOST_SENDS = 50_000  # known to a worker; those used longest ago are dropped first
MOST_AT_ONCE = 5_000  # registered in one statement
_LONG_AGO, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def is_counting(now: datetime) -> bool:
    """Whether what mails showed begins to count for new sends about now.

    A send that was met before must be in the register by then, by which all workers know when it began.
    """
    since_s = since_counted_s(now.timestamp())
    return (
        since_s < CLAIMED_WITHIN.total_seconds()
        or since_s > COUNTS_EVERY_S - REGISTERED_WITHIN.total_seconds()
    )


class HeldSend:
    """A send that keeps `run` from its first call at `first_at` until `until`.

    `used_at` is when it was last used, as far as known; `used` whether it was used since the last update.
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
    """The sends that all workers share; every method may raise `UnavailableError`."""

    def clock(self) -> datetime:
        """The store's clock."""

    def claim(self, key: str, hold: timedelta, deadline: Deadline) -> HeldSend | None:
        """Register a send on the run in force unless it is registered; returns it as registered, None before any run."""

    def register(self, sends: Sequence[HeldSend], hold: timedelta) -> Sequence[HeldSend]:
        """Register new sends, note that all of these are used, and return them as registered."""

    def registered_sends(self, most: int, campaigns: Sequence[str], before: datetime) -> Sequence[HeldSend]:
        """The sends on other runs than the one in force, and those of some campaigns that began before an instant.

        Those used last come first.
        """


class Sends:
    """The sends that this worker knows, each with its run.

    Args:
        publications: The publication log.
        register: Shared by all workers.
        clock: The store's clock.
        hold: How long a send keeps the run of its first call; 0 turns this off.
        writes: Whether this worker may write to the register; if not, it uses its own sends and those that others wrote.
        most: The most sends known at once.
        experiments: Split the sends of their campaigns, by when a send began.
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
        experiments: Experiments | None = None,
    ) -> None:
        self._publications = publications
        self._register = register
        self._clock = clock
        self._hold = hold
        self._writes = writes and bool(hold)
        self._most = most
        self.hold = hold
        self._experiments = experiments
        self._known: dict[str, HeldSend] = {}
        self._new: dict[str, HeldSend] = {}
        self._lock = Lock()
        self._registered_at = _LONG_AGO  # when the register was read
        self._touched_at = _LONG_AGO
        # Between these instants, a send that this worker does not know can only be on the run in force.
        self._calm_from, self._calm_until = _NEVER, _LONG_AGO

    def run_of(self, options: RequestOptions, now: datetime) -> Run | None:
        """The run that a send keeps; None where this worker does not know it."""
        held = self._known.get(options.send_key)
        if held is None or held.until <= now:
            return None
        held.used = True
        return held.run

    def arm_of(self, request: RecommendationRequest, now: datetime) -> Arm | None:
        """The arm of a call's member; None for nearly every campaign, and for a send that began before its experiment."""
        experiments, campaign = self._experiments, request.options.campaign
        if experiments is None or campaign not in experiments.campaigns:
            return None
        return experiments.arm_of(campaign, request.member_id, self._first_call(request.options, now))

    def run_of_recipe(self, recipe: str, options: RequestOptions, now: datetime) -> Run | None:
        """The run of a recipe that a send keeps; None where the recipe has none any more."""
        return self._publications.run_of_recipe(recipe, self._first_call(options, now), now)

    def _first_call(self, options: RequestOptions, now: datetime) -> datetime:
        """When a send began, as far as this worker knows; now where it keeps nothing."""
        held = self._known.get(options.send_key)
        return now if held is None or held.until <= now else held.first_at

    def must_claim(self, options: RequestOptions, now: datetime) -> bool:
        """Whether another worker may have answered an unknown send from another run, or with less known of earlier mails."""
        if not self._writes or options.send == PREVIEW:
            return False
        return not self._calm_from <= now < self._calm_until or is_counting(now)

    def begin(self, options: RequestOptions, now: datetime) -> Run | None:
        """Let an unknown send keep the run in force; None before any publication."""
        run = self._publications.in_force(now)
        if run is not None and options.send != PREVIEW and self._hold and len(self._known) < 2 * self._most:
            until = min([now + self._hold, *self._move_times(run, after=now)])
            held = HeldSend(options.send_key, run, now, until, now)
            with self._lock:
                self._known[held.key] = self._new[held.key] = held
        return run

    def claim(self, options: RequestOptions, deadline: Deadline) -> Run | None:
        """The run that a send keeps by the register; None before any publication. Raises `UnavailableError`."""
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
        """The runs of known sends, and those in force a moment ago, which sends known to others may be on."""
        runs = {held.run.id: held.run for held in self._known_sends() if now < held.until}
        before = self._publications.in_force(now - RECENT)
        recent = [one.run for one in self._publications.log if now - RECENT < one.effective_at <= now]
        runs |= {run.id: run for run in (before, *recent) if run is not None}
        return [runs[number] for number in sorted(runs)]

    def update(self) -> None:
        """Follow the store's clock, the publications and the register.

        Raises:
            UnavailableError: the store is away; nothing is forgotten.
        """
        read_at = self._clock.follow(self._register.clock)
        self._publications.update()
        failed = self._update_experiments()
        self._end_moved_sends()
        self._follow_register(read_at)
        self._forget(read_at)
        if failed:
            self._calm_until = _LONG_AGO  # an experiment may begin of which this worker does not know
        if self._writes:
            self._write_register(read_at)
        if failed:
            raise failed

    def _update_experiments(self) -> UnavailableError | None:
        """Read the experiments; where they cannot be read, sends still keep their runs."""
        try:
            if self._experiments is not None:
                self._experiments.update()
        except UnavailableError as error:
            return error
        return None

    def _follow_register(self, read_at: datetime) -> None:
        """After a switch, read the sends that others registered before it, and set how long no claim is needed.

        The start and the end of an experiment, and the publication of a recipe, are switches too: what a send gets depends on
        whether it began before.
        """
        split = self._split_switches()
        instants = [*(one.effective_at for one in self._publications.log), *split]
        switched_at = max((at for at in instants if at <= read_at), default=_LONG_AGO)
        complete_at = switched_at + CLAIMED_WITHIN
        if self._registered_at < complete_at <= read_at:
            before = max((at for at in split if at <= read_at), default=_LONG_AGO)
            campaigns = sorted(self._experiments.campaigns) if self._experiments else []
            self._remember(self._register.registered_sends(self._most, campaigns, before))
            self._registered_at = read_at
        coming = [at for at in instants if at > read_at]
        self._calm_until = min([read_at + LEAD - COMMITTED_WITHIN, *coming]) - REGISTERED_WITHIN
        self._calm_from = self._registered_at if self._registered_at >= complete_at else _NEVER

    def _split_switches(self) -> list[datetime]:
        """The instants that matter to campaigns with an experiment alone."""
        if self._experiments is None:
            return []
        recipes = [one.effective_at for one in self._publications.every if one.recipe is not None]
        return [*self._experiments.switches(), *recipes]

    def _move_times(self, run: Run, *, after: datetime) -> list[datetime]:
        """The instants at which publications move sends away from a run."""
        return [
            one.effective_at for one in self._publications.log if one.moves(run) and one.effective_at > after
        ]

    def _end_moved_sends(self) -> None:
        if any(one.moves_sends for one in self._publications.log):
            for held in self._known_sends():
                held.until = min([held.until, *self._move_times(held.run, after=held.first_at)])

    def _remember(self, registered: Sequence[HeldSend]) -> None:
        """Know these sends as they are registered."""
        with self._lock:
            self._known.update((held.key, held) for held in registered)

    def _known_sends(self) -> list[HeldSend]:
        with self._lock:
            return list(self._known.values())

    def _forget(self, now: datetime) -> None:
        """Forget sends that are over and, where there are too many, those used longest ago."""
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
        """Register new sends and, every minute, those in use."""
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
