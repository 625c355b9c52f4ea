"""A rehearsal: a planned send's calls, played against the service, with what follows from its real replies.

The send model says when messages start; the service's replies say which of them are retried, cut off or blank, and
so when the send really ends. Compressed by a speed, a planned second lasts 1/speed and one call is made for every
`speed` planned ones: calls per real second stay those of the plan, and each reply counts for `speed` calls. Rejected:
making all calls in less time, which would rehearse another send.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

import gevent

from app.capacity.plan.plan import Plan
from app.capacity.play.play import supposed_service
from app.capacity.simulation.result import SimulationResult
from app.capacity.simulation.send import Offer, Send
from loadtest.ceiling.evidence import distribution
from loadtest.ceiling.step_log import iso_utc
from loadtest.errors import LoadtestError
from loadtest.generator import readiness
from loadtest.generator.arrivals import constant
from loadtest.generator.options import new_send_name
from loadtest.generator.sender import LoadPhase, Sender
from loadtest.rehearsal.offer_calls import OfferCalls, as_answer, in_proportion, outcome
from loadtest.rehearsal.record import Rehearsal, by_second, sentence, totals_of

if TYPE_CHECKING:
    from app.capacity.simulation.service import Answer

AHEAD_S = 0.2
SILENCE_S = 5  # planned seconds without a message that need not be waited for


@dataclass
class RehearsalRunner:
    """Sends a planned send's offers in real or compressed time, settling each when its replies are in."""

    sender: Sender
    send: Send
    speed: float
    clock: Callable[[], float] = time.time
    progress: Callable[[int, int, int], None] = lambda *_: None

    def __post_init__(self) -> None:
        self.settled: list[OfferCalls] = []
        self._open: list[OfferCalls] = []
        self._owed = 0.0
        self._number = 0
        self._lately: Counter[str] = Counter()

    def run(self) -> None:
        """Run to the end; a KeyboardInterrupt leaves what was settled readable."""
        self._begin()
        first_second: int | None = None
        try:
            for offer in self.send.offers():
                first_second = offer.second if first_second is None else first_second
                meant_s = (offer.second - first_second) / self.speed
                self._await(meant_s)
                self._start(offer, meant_s)
                self._settle()
                self.progress(offer.second - first_second, offer.calls, self.sender.in_flight)
        finally:
            self.sender.stop()

    def _begin(self) -> None:
        load_phase = LoadPhase(
            number=1,
            spacing="constant",
            seed=0,
            curve=constant(0),
            starts_at=self.clock() + AHEAD_S,
            send=new_send_name(),
        )
        self._starts_at = load_phase.starts_at
        self._skipped_s = 0.0
        self.sender.stand_by(load_phase)

    def _now_s(self) -> float:
        return self.clock() - self._starts_at

    def _await(self, meant_s: float) -> None:
        """Wait until a planned second is due; silence is skipped once no reply is awaited."""
        wait_s = meant_s - self._skipped_s - self._now_s()
        if wait_s > SILENCE_S / self.speed and not self._open:
            self._skipped_s += wait_s
        while (wait_s := meant_s - self._skipped_s - self._now_s()) > 0:
            gevent.sleep(min(wait_s, 0.02))
            self._settle()

    def _start(self, offer: Offer, meant_s: float) -> None:
        self._owed += offer.calls / self.speed
        count = int(self._owed)
        self._owed -= count
        made = OfferCalls(offer, count)
        begin_s = meant_s - self._skipped_s
        for place in range(count):
            at_s = begin_s + place / count / self.speed
            member = self.sender.members[self._number % len(self.sender.members)]
            self._number += 1
            self.sender.start_call(
                member, at_s, self.sender.stats, after_s=max(at_s - self._now_s(), 0.0), done=made.add
            )
        self._open.append(made)

    def _settle(self) -> None:
        """Settle the offers whose replies are all in, in their order."""
        while self._open and self._open[0].is_complete:
            made = self._open.pop(0)
            seen = Counter(outcome(result) for result in made.results)
            self._lately = seen or self._lately
            self.send.settle(made.offer, as_answer(in_proportion(self._lately, made.offer.calls)))
            self.settled.append(made)


def rehearse(
    plan: Plan,
    sender: Sender,
    *,
    host: str,
    speed: float = 1.0,
    name: str = "plan",
    progress: Callable[[int, int, int], None] = lambda *_: None,
    clock: Callable[[], float] = time.time,
) -> Rehearsal:
    """Rehearse a plan on the service and compare.

    Args:
        plan: as `planned.read_plan_file` reads it.
        sender: makes the calls.
        host: for the record.
        speed: planned seconds in a second, at least 1.
        name: the plan's, for the record.
        progress: told planned second, calls and calls in flight.
        clock: seconds since the epoch.

    Raises:
        LoadtestError: the service is not ready, or the speed is below 1.
    """
    if speed < 1:
        raise LoadtestError(
            f"A rehearsal plays in real time or faster: give a --speed of 1 or more, not {speed:g}."
        )
    readiness.refuse_trouble(sender)
    began_s = clock()
    runner = RehearsalRunner(
        sender=sender,
        send=Send(plan.campaigns, plan.workspace, seed=plan.seed),
        speed=speed,
        clock=clock,
        progress=progress,
    )
    ended: Literal["finished", "stopped"] = "finished"
    try:
        runner.run()
    except KeyboardInterrupt:
        ended = "stopped"
    times = {"began_at": iso_utc(began_s), "ended_at": iso_utc(clock()), "ended": ended}
    return _record(forecast(plan, speed=speed), runner, host=host, plan=name, **times)


def _record(expected: SimulationResult, runner: RehearsalRunner, **known: Any) -> Rehearsal:
    """What was forecast beside what was measured; `known` are further fields of the record."""
    sender, measured = runner.sender, totals_of(runner.send.result())
    stats, complaint = sender.stats, sender.health.complaint
    return Rehearsal(
        sentence=sentence(totals_of(expected), measured, ended=known["ended"], complaint=complaint),
        speed=runner.speed,
        forecast=totals_of(expected),
        measured=measured,
        latency=distribution(stats),
        generator=sender.health,
        complaint=complaint,
        calls_made=stats.calls,
        failures=dict(stats.failures),
        degraded=dict(stats.degraded),
        seconds=tuple(by_second(expected, runner.settled)),
        **known,
    )


def forecast(plan: Plan, *, speed: float = 1.0) -> SimulationResult:
    """What a rehearsal at `speed` finds if the service does as the plan supposes.

    The service's own seconds are then `speed` planned ones, and so is each second that Braze waits for a reply: what
    becomes of a call that is cut off is known that much later, and its retry may miss a minute that it would have
    made in real time.
    """
    send = Send(plan.campaigns, plan.workspace, seed=plan.seed)
    service = supposed_service(plan, send.first_minute, speed=max(round(speed), 1))
    given_up_s = ceil(plan.workspace.assumptions.cut_off_s * speed)
    awaited: deque[tuple[int, Offer, Answer]] = deque()
    for offer in send.offers():
        while awaited and awaited[0][0] <= offer.second:
            send.settle(*awaited.popleft()[1:])
        answer = service.answer(offer.second, offer.calls)
        awaited.append((offer.second + 1 + (given_up_s if answer.cut_off else 0), offer, answer))
    return send.result()
