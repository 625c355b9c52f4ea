"""The ceiling search from beginning to end: check, warm, search, overload, evidence."""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtest.ceiling.cold_start import restart_by
from loadtest.ceiling.environment import environment
from loadtest.ceiling.evidence import CeilingVerdict, EvidenceFile, TrafficFacts
from loadtest.ceiling.phases import PhaseRunner
from loadtest.ceiling.slo import PassLine
from loadtest.ceiling.step import SearchBudget, StepRunner
from loadtest.ceiling.step_log import iso_utc
from loadtest.ceiling.terminal import Terminal
from loadtest.ceiling.verdict_sentence import sentence
from loadtest.ceiling.whole_search import Found, search_whole
from loadtest.generator import readiness
from loadtest.generator.arrivals import Spacing
from loadtest.generator.options import SenderOptions
from loadtest.generator.sender import Sender
from loadtest.generator.target import CAMPAIGN
from loadtest.generator.workers import load_generator

SECONDS_PER_MIN = 60
LIMITER_SIGNS = ("over_limit",)


@dataclass(frozen=True, kw_only=True)
class CeilingOptions:
    """What a search for the ceiling does.

    Attributes:
        sender: whom it loads, as whom.
        line: what a rate must keep.
        budget: how long it looks.
        start_rps: the first rate.
        highest_rps: no higher rate is tried.
        precision: the lowest rate that broke over the highest that held, less 1, at which bisection ends.
        spacing: of arrivals.
        processes: that generate the load.
        restart_command: restarts the service, for the cold start at the end; None leaves that out.
        any_source: whether members may get popular lists; otherwise the search begins only where some have their own.
        service_facts: what the service tells of itself, for the evidence.
    """

    sender: SenderOptions
    line: PassLine
    budget: SearchBudget
    start_rps: float = 25.0
    highest_rps: float = 100_000.0
    precision: float = 0.05
    spacing: Spacing = "poisson"
    processes: int = 1
    restart_command: str | None = None
    any_source: bool = False
    service_facts: dict[str, Any]


def find_ceiling(
    options: CeilingOptions, terminal: Terminal, *, clock: Callable[[], float] = time.time
) -> EvidenceFile:
    """Search, and make the evidence of whatever was found, also when the search was stopped or the service lost.

    Raises:
        LoadtestError: the search cannot begin.
    """
    began = clock()
    sender = options.sender.sender()
    send = f"loadtest-{secrets.token_hex(4)}"
    sources = _check(options, sender, send)
    terminal.say(
        f"{options.sender.origin()} is ready; its answers to members: {sources or 'not asked'}. Warming it; the search then "
        f"takes up to {math.ceil(options.budget.longest_s / SECONDS_PER_MIN)} minutes. Ctrl-C ends it and keeps what was found."
    )
    readiness.warm(sender, send=f"{send}-warm")
    with load_generator(options.sender, sender, processes=options.processes) as generator:
        phases = PhaseRunner(
            generator=generator,
            sender=sender,
            send=send,
            inside_s=options.line.latency_ms / 1000,
            spacing=options.spacing,
            seed=options.sender.seed,
            processes=options.processes,
            progress=terminal.progress,
        )
        runner = StepRunner(phases, options.line, options.budget)
        found = search_whole(
            runner,
            start_rps=options.start_rps,
            highest_rps=options.highest_rps,
            precision=options.precision,
            restart=restart_by(options.restart_command) if options.restart_command else None,
            each=lambda: terminal.steps(runner.log.steps),
        )
    return _evidence(options, runner, found, times=(began, clock()), sources=sources)


def _check(options: CeilingOptions, sender: Sender, send: str) -> dict[str, int]:
    readiness.refuse_trouble(sender)
    return {} if options.any_source else readiness.check_data(sender, send=f"{send}-check")


def _evidence(
    options: CeilingOptions,
    runner: StepRunner,
    found: Found,
    *,
    times: tuple[float, float],
    sources: dict[str, int],
) -> EvidenceFile:
    """The evidence; `times` are its beginning and end in seconds since the epoch, `sources` those of answers before it."""
    limited = sum(
        step.failures.get("status_429", 0) + sum(step.degraded.get(sign, 0) for sign in LIMITER_SIGNS)
        for step in runner.log.steps
    )
    return EvidenceFile(
        id=runner.phases.send,
        began_at=iso_utc(times[0]),
        ended_at=iso_utc(times[1]),
        ended=found.ended,
        host=str(options.sender.origin()),
        verdict=_verdict(options, runner, found),
        pass_line=options.line,
        traffic=_traffic(options, runner, sources),
        steps=tuple(runner.log.steps),
        overload=found.overload,
        drift=found.drift,
        cold_start=found.cold_start,
        events=tuple(runner.log.events),
        environment=environment(
            options.sender.origin(),
            processes=options.processes,
            service=options.service_facts,
            limited=limited,
        ),
    )


def _verdict(options: CeilingOptions, runner: StepRunner, found: Found) -> CeilingVerdict:
    result, soak_calls = found.result, runner.soaked.calls if runner.soaked else 0
    return CeilingVerdict(
        sentence=sentence(
            result,
            options.line,
            ended=found.ended,
            soak_calls=soak_calls,
            times_asked=runner.phases.messages / len(runner.phases.sender.members),
        ),
        kind=result.kind,
        rps=result.rps,
        low_rps=result.low_rps,
        high_rps=result.high_rps,
        bound_by=result.bound_by,
        soak_calls=soak_calls,
    )


def _traffic(options: CeilingOptions, runner: StepRunner, sources: dict[str, int]) -> TrafficFacts:
    traffic, members = runner.phases.sender.traffic, runner.phases.sender.members
    return TrafficFacts(
        spacing=options.spacing,
        seed=options.sender.seed,
        campaign=CAMPAIGN,
        sends=f"{runner.phases.send}-*",
        passes=traffic.passes,
        calls_per_message=traffic.calls_per_message,
        unknown_share=traffic.unknown_share,
        preview_share=traffic.preview_share,
        cut_off_s=traffic.cut_off_s,
        limit=traffic.limit,
        lang=traffic.lang,
        members_in_file=len(members),
        messages_sent=runner.phases.messages,
        members_asked_again=max(runner.phases.messages - len(members), 0),
        sources_before=sources,
    )
