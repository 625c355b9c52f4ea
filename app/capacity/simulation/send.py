"""Braze's send, second by second in simulated time, on counts of messages instead of people.

What holds: an attempt is a message started, whatever becomes of it. No clock minute (UTC) has more attempts
than the campaign's limit or, over all campaigns, the workspace's; for one campaign no moving minute has
either. Messages get their second when a minute begins, so a retry starts in a later minute than its failure.
Source: braze.com/docs/user_guide/messaging/messaging_fundamentals/frequency_capping (limits bind the start
of an attempt; a message to be retried goes to the back of the queue).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import sub
from typing import Final

import numpy as np

from app.capacity.campaign import Campaign, Case, Workspace
from app.capacity.local_time import MINUTE_S
from app.capacity.simulation.campaign_run import CampaignRun
from app.capacity.simulation.queue import allot
from app.capacity.simulation.result import MinuteTally, Quantity, SimulationResult
from app.capacity.simulation.sampling import allocate_at_random
from app.capacity.simulation.service import CUT_OFF, DEGRADED, OK, Answer, Service
from app.capacity.simulation.unhealthy_host import HALTED_STATUS, HostBreakers
from app.capacity.simulation.within_minute import Batch
from app.capacity.simulation.workspace_limit import paces

OFFERS_A_TELLING: Final = 2_000  # seconds with messages between two tellings of how far a play is


@dataclass(frozen=True, slots=True)
class Part:
    """One campaign's share of a second: `reaching` of its `calls` reach the service, the others get 598.

    `place` is the second within the batch's minute.
    """

    campaign: int
    batch: Batch
    place: int
    calls: int
    reaching: int


@dataclass(frozen=True, slots=True)
class Offer:
    """The `calls` that reach the service in unix second `second`, and whose they are."""

    second: int
    calls: int
    parts: tuple[Part, ...]


class Send:
    """Campaigns being sent. Iterate `offers()`, and `settle()` each with the service's answer.

    An offer may be settled late (a rehearsal waits for real replies): offers go on, with empty ones while
    only answers are outstanding. The same seed, campaigns and answers give the same send.
    """

    def __init__(
        self,
        campaigns: Sequence[Campaign],
        workspace: Workspace,
        *,
        seed: int = 1,
        case: Case = "likely",
        until_minute: int | None = None,
    ) -> None:
        """Place all messages in time; stop before `until_minute` (since 1970, UTC) where given."""
        self._rng = np.random.default_rng(seed)
        self._workspace = workspace
        self._until_minute = until_minute
        self._runs = [CampaignRun(campaign, workspace, case, self._rng) for campaign in campaigns]
        self._hosts = HostBreakers([campaign.host for campaign in campaigns], workspace.assumptions)
        self._tally = MinuteTally(len(campaigns))
        self._in_flight = 0
        self._minute = 0
        self._minutes_done = 0  # of all campaigns, one by one
        self.first_minute = self._next_minute() or 0

    def offers(self) -> Iterator[Offer]:
        """Yield each second in which messages start, in order, until nothing is left to send."""
        minute = self._next_minute()
        while minute is not None and (self._until_minute is None or minute < self._until_minute):
            self._minute = minute
            yield from self._offers_of(minute)
            minute = self._next_minute()

    def settle(self, offer: Offer, answer: Answer) -> None:
        """Book how the calls of `offer` ended. Raises ValueError where `answer` counts other calls."""
        if answer.total() != offer.calls:
            raise ValueError(
                f"The service accounts for {answer.total()} of the {offer.calls} calls of second "
                f"{offer.second}; account for every call."
            )
        if offer.parts:
            self._in_flight -= 1
            self._book_outcomes(offer, answer)
            self._book_messages(offer, answer)

    def share_done(self) -> float:
        """Return the share of the work that is done: of the minutes in which each campaign starts messages.

        Their number would say little: a week of triggered messages is few, and nearly all of the work.
        """
        most = self._workspace.limit_per_min
        caps = [run.cap if most is None else min(run.cap, most) for run in self._runs]
        left = sum(
            run.queue.minutes_left(cap, self._minute) for run, cap in zip(self._runs, caps, strict=True)
        )
        return self._minutes_done / max(1, self._minutes_done + left)

    def result(self) -> SimulationResult:
        """Return the counts so far."""
        return SimulationResult(
            names=tuple(run.campaign.name for run in self._runs),
            recipients=tuple(run.recipients for run in self._runs),
            skipped=tuple(run.skipped for run in self._runs),
            pending=tuple(run.queue.pending() for run in self._runs),
            first_minute=self.first_minute,
            minutes=self._tally.minutes(),
            calls_per_s=self._tally.calls_per_s(),
            outcomes=self._tally.outcomes(),
            halts=self._hosts.halts(),
            tallies=self._tally.counts(),
        )

    def _next_minute(self) -> int | None:
        if self._in_flight:
            return self._minute + 1
        minutes = (run.queue.next_minute(self._minute) for run in self._runs)
        return min((minute for minute in minutes if minute is not None), default=None)

    def _offers_of(self, minute: int) -> Iterator[Offer]:
        self._tally.open(minute)
        for index, run in enumerate(self._runs):
            expired = run.open_minute(minute)
            self._tally.add(minute, Quantity.ABORTED, index, expired)
            self._tally.add(minute, Quantity.EXPIRED, index, expired)
        batches = self._dispatch(minute)
        for place in range(MINUTE_S):
            parts = self._parts(batches, minute, place)
            if parts or self._in_flight:
                self._in_flight += bool(parts)
                yield Offer(minute * MINUTE_S + place, sum(part.reaching for part in parts), parts)

    def _dispatch(self, minute: int) -> list[tuple[int, Batch]]:
        caps = [run.cap for run in self._runs]
        allotted = allot(
            [run.queue for run in self._runs],
            caps,
            workspace_limit=self._workspace.limit_per_min,
            order=self._workspace.assumptions.workspace_order,
        )
        pace = paces(allotted, caps, self._workspace.limit_per_min)
        batches = []
        for index, count in enumerate(allotted):
            if count:
                batch = self._runs[index].start(minute, count, pace[index])
                self._tally.add(minute, Quantity.ATTEMPTS, index, count)
                self._tally.add(minute, Quantity.RETRIES, index, batch.retries())
                batches.append((index, batch))
        self._minutes_done += len(batches)
        return batches

    def _parts(self, batches: Sequence[tuple[int, Batch]], minute: int, place: int) -> tuple[Part, ...]:
        started = [(index, batch) for index, batch in batches if batch.started[place]]
        calls = [batch.calls[place] for _, batch in started]
        second = minute * MINUTE_S + place
        reaching = self._hosts.admit(self._rng, second, [index for index, _ in started], calls)
        for (index, _), through in zip(started, reaching, strict=True):
            self._tally.add_calls(second, index, through)
        return tuple(
            Part(index, batch, place, made, through)
            for (index, batch), made, through in zip(started, calls, reaching, strict=True)
        )

    def _book_outcomes(self, offer: Offer, answer: Answer) -> None:
        minute = offer.second // MINUTE_S
        withheld = sum(part.calls for part in offer.parts) - offer.calls
        named = {OK: answer.ok, DEGRADED: answer.degraded, CUT_OFF: answer.cut_off}
        by_status = {str(status): count for status, count in answer.failed.items()}
        for outcome, calls in (named | by_status).items():
            self._tally.add_outcome(minute, outcome, calls)
        self._tally.add_outcome(minute, str(HALTED_STATUS), withheld)

    def _book_messages(self, offer: Offer, answer: Answer) -> None:
        campaigns = [part.campaign for part in offer.parts]
        reached = [part.reaching for part in offer.parts]
        degraded, listed, unlisted = self._shared_out(reached, answer)
        self._hosts.observe(offer.second, campaigns, reached, listed)
        for place, part in enumerate(offer.parts):
            failed, withheld = listed[place] + unlisted[place], part.calls - part.reaching
            self._tally.add(part.batch.minute, Quantity.FAILED, part.campaign, failed)
            self._tally.add(part.batch.minute, Quantity.WITHHELD, part.campaign, withheld)
            self._book_part(part, failed + withheld, degraded[place])

    def _shared_out(self, reached: list[int], answer: Answer) -> tuple[list[int], list[int], list[int]]:
        """Draw whose calls were degraded, failed as a sick host's do, and failed otherwise."""
        none = [0] * len(reached)
        if answer.ok == sum(reached):
            return none, none, none
        listed_total = self._listed(answer)
        unlisted_total = answer.total() - answer.ok - answer.degraded - listed_total
        degraded = allocate_at_random(self._rng, reached, answer.degraded)
        left = list(map(sub, reached, degraded))
        listed = allocate_at_random(self._rng, left, listed_total)
        unlisted = allocate_at_random(self._rng, list(map(sub, left, listed)), unlisted_total)
        return degraded, listed, unlisted

    def _listed(self, answer: Answer) -> int:
        """Count the failures that make a host unhealthy."""
        assumed = self._workspace.assumptions
        ended = [*answer.failed.items(), (assumed.cut_off_status, answer.cut_off)]
        return sum(count for status, count in ended if status in assumed.breaker_statuses)

    def _book_part(self, part: Part, failed_calls: int, degraded_calls: int) -> None:
        run, minute, started = self._runs[part.campaign], part.batch.minute, part.batch.started[part.place]
        if not failed_calls and not degraded_calls:
            self._tally.add(minute, Quantity.SENT, part.campaign, started)
            return
        failures = run.draw_failures(part.batch, part.place, failed_calls, degraded_calls)
        blank = aborted = 0
        if run.campaign.abort_on_failure:  # takes precedence and prevents retries
            aborted = failures.failed
        elif run.campaign.retry:
            aborted = run.retry(part.batch, part.place, failures, now_minute=self._minute)
        else:
            blank = failures.failed
        self._tally.add(minute, Quantity.SENT, part.campaign, started - failures.failed + blank)
        self._tally.add(minute, Quantity.BLANK, part.campaign, blank)
        self._tally.add(minute, Quantity.DEGRADED, part.campaign, failures.degraded)
        self._tally.add(minute, Quantity.ABORTED, part.campaign, aborted)


def play(
    campaigns: Sequence[Campaign],
    workspace: Workspace,
    service: Service,
    *,
    seed: int = 1,
    case: Case = "likely",
    until_minute: int | None = None,
) -> SimulationResult:
    """Play a send against `service` to its end, or to `until_minute`, each second answered at once."""
    return play_through(Send(campaigns, workspace, seed=seed, case=case, until_minute=until_minute), service)


def play_through(
    send: Send, service: Service, progress: Callable[[float], None] | None = None
) -> SimulationResult:
    """Play what is left of `send` against `service`; `progress` is told the share of the work that is done."""
    for played, offer in enumerate(send.offers()):
        send.settle(offer, service.answer(offer.second, offer.calls))
        if progress is not None and played % OFFERS_A_TELLING == 0:
            progress(send.share_done())
    if progress is not None:
        progress(1.0)
    return send.result()
