"""A rehearsal: a planned send's calls, played against the service, with what follows from its real replies.

The send model says when messages start; the service's replies say which of them are retried, cut off or blank, and
so when the send really ends. Compressed by a speed, a planned second lasts 1/speed and one call is made for every
`speed` planned ones: calls per real second stay those of the plan, and each reply counts for `speed` calls. Rejected:
making all calls in less time, which would rehearse another send.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import Literal

import gevent
import msgspec
import numpy as np

from app.capacity.plan.plan import Plan
from app.capacity.play.report import supposed_service
from app.capacity.simulation.result import Count, Played
from app.capacity.simulation.send import Offer, Send
from app.capacity.simulation.service import Answer
from loadtest.ceiling.evidence import Distribution, distribution
from loadtest.ceiling.step import iso_utc
from loadtest.errors import LoadtestError
from loadtest.generator import readiness
from loadtest.generator.arrivals import constant
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.generator.options import new_send_name
from loadtest.generator.response_check import CallResult
from loadtest.generator.sender import LoadPhase, Sender
from loadtest.rehearsal.plans import calls_by_second

SCHEMA: Literal["connected-jobs/rehearsal"] = "connected-jobs/rehearsal"
VERSION: Literal[1] = 1
AHEAD_S = 0.2
SILENCE_S = 5  # planned seconds without a message that need not be waited for
CONNECT_ERROR = 599  # as Braze codes a connection that failed
REDIRECTED = 302
STATUS = "status_"
# A 2xx that a mail cannot use is a success to Braze: it neither retries nor counts it.
SUCCESS_TO_BRAZE = frozenset({"empty", "malformed", "no_postings", "vetoed_posting"})


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """One planned second: the calls forecast and what was measured, scaled to planned calls."""

    second: int
    forecast_calls: int
    calls: int
    usable: int
    degraded: int
    failures: dict[str, int]
    p50_ms: float | None
    p99_ms: float | None


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A send as a whole; `ends_at_s` counts from the first planned second, None if nothing was started."""

    attempts: int
    calls: int
    retries: int
    sent: int
    blank: int
    aborted: int
    pending: int
    ends_at_s: int | None


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal found; docs/evidence-schema.md describes every field."""

    sentence: str
    host: str
    plan: str
    began_at: str
    ended_at: str
    ended: Literal["finished", "stopped"]
    speed: float
    forecast: Course
    measured: Course
    latency: Distribution
    generator: GeneratorHealth
    complaint: str | None
    calls_made: int
    failures: dict[str, int]
    degraded: dict[str, int]
    seconds: tuple[Second, ...]
    schema: Literal["connected-jobs/rehearsal"] = SCHEMA
    version: Literal[1] = VERSION


@dataclass
class _Asked:
    """The calls made for one offer, and their answers so far."""

    offer: Offer
    made: int
    replies: list[CallResult] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)

    def heard(self, result: CallResult, latency_s: float) -> None:
        """Take one reply."""
        self.replies.append(result)
        self.latencies_s.append(latency_s)

    @property
    def is_complete(self) -> bool:
        """Whether every call was answered or cut off."""
        return len(self.replies) == self.made


def scaled(shares: Counter[str], calls: int) -> Counter[str]:
    """Spread `calls` over outcomes in proportion, by largest remainders; all `ok` when nothing was seen."""
    seen = shares.total()
    if not seen:
        return Counter(ok=calls)
    exact = {name: calls * count / seen for name, count in shares.items()}
    whole = Counter({name: int(value) for name, value in exact.items()})
    by_remainder = sorted(exact, key=lambda name: exact[name] - whole[name], reverse=True)
    for name in by_remainder[: calls - whole.total()]:
        whole[name] += 1
    return whole


def outcome(result: CallResult) -> str:
    """How Braze books a call: ok, degraded, cut_off or an HTTP status."""
    failure = result.failure
    if failure is None or failure in SUCCESS_TO_BRAZE:
        return "degraded" if result.degraded else "ok"
    if failure == "cut_off":
        return failure
    if failure.startswith(STATUS):
        return failure.removeprefix(STATUS)
    return str(REDIRECTED if failure == "redirect" else CONNECT_ERROR)


def booked(outcomes: Counter[str]) -> Answer:
    """Outcomes as the send model takes them."""
    named = {"ok", "degraded", "cut_off"}
    return Answer(
        ok=outcomes["ok"],
        degraded=outcomes["degraded"],
        cut_off=outcomes["cut_off"],
        failed={int(name): count for name, count in outcomes.items() if name not in named and count},
    )


@dataclass
class Stand:
    """Sends a planned send's offers in real or compressed time, settling each when its replies are in."""

    sender: Sender
    send: Send
    speed: float
    clock: Callable[[], float] = time.time
    progress: Callable[[int, int, int], None] = lambda *_: None

    def __post_init__(self) -> None:
        self.settled: list[_Asked] = []
        self._open: list[_Asked] = []
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
        made = int(self._owed)
        self._owed -= made
        asked = _Asked(offer, made)
        begin_s = meant_s - self._skipped_s
        for place in range(made):
            at_s = begin_s + place / made / self.speed
            member = self.sender.members[self._number % len(self.sender.members)]
            self._number += 1
            self.sender.start_call(
                member, at_s, self.sender.stats, after_s=max(at_s - self._now_s(), 0.0), done=asked.heard
            )
        self._open.append(asked)

    def _settle(self) -> None:
        """Settle the offers whose replies are all in, in their order."""
        while self._open and self._open[0].is_complete:
            asked = self._open.pop(0)
            seen = Counter(outcome(result) for result in asked.replies)
            self._lately = seen or self._lately
            self.send.settle(asked.offer, booked(scaled(self._lately, asked.offer.calls)))
            self.settled.append(asked)


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
    began = clock()
    stand = Stand(
        sender=sender,
        send=Send(plan.campaigns, plan.workspace, seed=plan.seed),
        speed=speed,
        clock=clock,
        progress=progress,
    )
    ended: Literal["finished", "stopped"] = "finished"
    try:
        stand.run()
    except KeyboardInterrupt:
        ended = "stopped"
    expected = forecast(plan, speed=speed)
    measured = stand.send.played()
    stats = sender.stats
    return Rehearsal(
        sentence=sentence(course(expected), course(measured), ended=ended, complaint=sender.health.complaint),
        host=host,
        plan=name,
        began_at=iso_utc(began),
        ended_at=iso_utc(clock()),
        ended=ended,
        speed=speed,
        forecast=course(expected),
        measured=course(measured),
        latency=distribution(stats),
        generator=sender.health,
        complaint=sender.health.complaint,
        calls_made=stats.calls,
        failures=dict(stats.failures),
        degraded=dict(stats.degraded),
        seconds=tuple(by_second(expected, stand.settled)),
    )


def forecast(plan: Plan, *, speed: float = 1.0) -> Played:
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
    return send.played()


def course(played: Played) -> Course:
    """A send as a whole."""
    by_second = played.by_second()
    busy = np.argwhere(by_second > 0)
    ends_at_s = None
    if len(busy):
        first, last = (int(played.minutes[row]) * 60 + int(place) for row, place in (busy[0], busy[-1]))
        ends_at_s = last - first + 1
    return Course(
        attempts=played.total(Count.ATTEMPTS),
        calls=played.total(Count.CALLS),
        retries=played.total(Count.RETRIES),
        sent=played.total(Count.SENT),
        blank=played.total(Count.BLANK),
        aborted=played.total(Count.ABORTED),
        pending=sum(played.pending),
        ends_at_s=ends_at_s,
    )


def by_second(forecast: Played, settled: list[_Asked]) -> Iterator[Second]:
    """Every second in which calls were forecast or made, from the first planned one."""
    expected = calls_by_second(forecast)
    made = {asked.offer.second: asked for asked in settled if asked.offer.calls}
    seconds = sorted(expected.keys() | made.keys())
    for second in seconds:
        yield _second(second - seconds[0], expected.get(second, 0), made.get(second))


def _second(second: int, forecast_calls: int, asked: _Asked | None) -> Second:
    if asked is None:
        nothing: dict[str, int] = {}
        return Second(
            second=second,
            forecast_calls=forecast_calls,
            calls=0,
            usable=0,
            degraded=0,
            failures=nothing,
            p50_ms=None,
            p99_ms=None,
        )
    seen = Counter(result.failure or ("degraded" if result.degraded else "ok") for result in asked.replies)
    counts = scaled(seen, asked.offer.calls) if seen else Counter[str]()
    times = np.percentile(asked.latencies_s, [50, 99]) * 1000 if asked.latencies_s else (None, None)
    p50, p99 = (None if value is None else round(float(value), 3) for value in times)
    return Second(
        second=second,
        forecast_calls=forecast_calls,
        calls=asked.offer.calls,
        usable=counts["ok"] + counts["degraded"],
        degraded=counts["degraded"],
        failures={kind: count for kind, count in counts.items() if kind not in {"ok", "degraded"}},
        p50_ms=p50,
        p99_ms=p99,
    )


def sentence(forecast: Course, measured: Course, *, ended: str, complaint: str | None) -> str:
    """The outcome for someone who reads nothing else."""
    planned = duration(forecast.ends_at_s)
    if ended == "stopped":
        return f"Stopped after {measured.attempts} of {forecast.attempts} forecast message attempts."
    real = duration(measured.ends_at_s)
    doubt = f" The generator may have been the bottleneck: {complaint}." if complaint else ""
    return (
        f"The last message left {real} after the first, forecast {planned}: {measured.sent} messages sent, "
        f"{measured.blank} of them blank, {measured.aborted} aborted, {measured.retries} retries, "
        f"{measured.calls} calls for {forecast.calls} forecast.{doubt}"
    )


def by_minute(rehearsal: Rehearsal) -> str:
    """The seconds added up to minutes, as text."""
    lines = ["minute  forecast calls  calls  usable  degraded  failed  worst second's p99"]
    for minute, group in groupby(rehearsal.seconds, key=lambda second: second.second // 60):
        rows = list(group)
        worst = max((row.p99_ms for row in rows if row.p99_ms is not None), default=None)
        lines.append(
            f"{minute + 1:6}  {sum(row.forecast_calls for row in rows):14}  {sum(row.calls for row in rows):5}  "
            f"{sum(row.usable for row in rows):6}  {sum(row.degraded for row in rows):8}  "
            f"{sum(sum(row.failures.values()) for row in rows):6}  {'-' if worst is None else f'{worst:.0f} ms'}"
        )
    return "\n".join(lines)


def duration(seconds: int | None) -> str:
    """Hours, minutes and seconds."""
    if seconds is None:
        return "never"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min {rest:02} s" if hours else f"{minutes} min {rest:02} s"


def write(rehearsal: Rehearsal, path: Path) -> None:
    """Write the record as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rehearsal), indent=1))
