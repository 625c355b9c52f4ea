"""The ceiling search from beginning to end: check, warm, search, overload, evidence."""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtest.ceiling.environment import environment
from loadtest.ceiling.evidence import CeilingVerdict, Ended, EvidenceFile, Overload, TrafficFacts
from loadtest.ceiling.overload import measure_overload
from loadtest.ceiling.search import CeilingSearch, RateTrial, SearchPhase, SearchResult
from loadtest.ceiling.slo import PassLine
from loadtest.ceiling.step import OutOfTimeError, SearchBudget, ServiceLostError, StepRunner, iso_utc
from loadtest.ceiling.terminal import Terminal
from loadtest.ceiling.verdict_sentence import sentence
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
    any_source: bool = False
    service_facts: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _FinishedSearch:
    """How a search ended: instants in seconds since the epoch, and what was found; `sources` of answers before it."""

    began_s: float
    ended_s: float
    ended: Ended
    result: SearchResult
    overload: Overload | None
    sources: dict[str, int]


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
        runner = StepRunner(
            generator=generator,
            sender=sender,
            line=options.line,
            budget=options.budget,
            send=send,
            spacing=options.spacing,
            seed=options.sender.seed,
            processes=options.processes,
            progress=terminal.progress,
        )
        result, overload, ended = _run(options, runner, terminal)
    search = _FinishedSearch(
        began_s=began, ended_s=clock(), ended=ended, result=result, overload=overload, sources=sources
    )
    return _evidence(options, runner, search)


def _check(options: CeilingOptions, sender: Sender, send: str) -> dict[str, int]:
    readiness.refuse_trouble(sender)
    return {} if options.any_source else readiness.check_data(sender, send=f"{send}-check")


def _run(
    options: CeilingOptions, runner: StepRunner, terminal: Terminal
) -> tuple[SearchResult, Overload | None, Ended]:
    def measure(phase: SearchPhase, rps: float) -> RateTrial:
        trial = runner.measure(phase, rps)
        terminal.steps(runner.steps)
        return trial

    search = CeilingSearch(
        measure=measure,
        start_rps=options.start_rps,
        highest_rps=options.highest_rps,
        precision=options.precision,
        enough=lambda: runner.elapsed_s > options.budget.search_s,
    )
    overload: Overload | None = None
    ended: Ended = "finished"
    try:
        result = search.run()
        if search.soaked is not None and options.budget.overload_s:
            overload = measure_overload(runner, result.rps)
            terminal.steps(runner.steps)
    except KeyboardInterrupt:
        ended = "stopped"
        runner.note("stopped by the operator")
    except OutOfTimeError:
        ended = "out_of_time"
        runner.note(f"the time given for the search, {options.budget.limit_s:.0f} s, was over")
    except ServiceLostError:
        ended = "service_lost"
    runner.generator.stop()
    return search.result, overload, ended


def _evidence(options: CeilingOptions, runner: StepRunner, search: _FinishedSearch) -> EvidenceFile:
    limited = sum(
        step.failures.get("status_429", 0) + sum(step.degraded.get(sign, 0) for sign in LIMITER_SIGNS)
        for step in runner.steps
    )
    return EvidenceFile(
        id=runner.send,
        began_at=iso_utc(search.began_s),
        ended_at=iso_utc(search.ended_s),
        ended=search.ended,
        host=str(options.sender.origin()),
        verdict=_verdict(options, runner, search),
        pass_line=options.line,
        traffic=_traffic(options, runner, search.sources),
        steps=tuple(runner.steps),
        overload=search.overload,
        events=tuple(runner.events),
        environment=environment(
            options.sender.origin(),
            processes=options.processes,
            service=options.service_facts,
            limited=limited,
        ),
    )


def _verdict(options: CeilingOptions, runner: StepRunner, search: _FinishedSearch) -> CeilingVerdict:
    result, soak_calls = search.result, runner.soaked.calls if runner.soaked else 0
    return CeilingVerdict(
        sentence=sentence(
            result,
            options.line,
            ended=search.ended,
            soak_calls=soak_calls,
            times_asked=runner.messages / len(runner.sender.members),
        ),
        kind=result.kind,
        rps=result.rps,
        low_rps=result.low_rps,
        high_rps=result.high_rps,
        bound_by=result.bound_by,
        soak_calls=soak_calls,
    )


def _traffic(options: CeilingOptions, runner: StepRunner, sources: dict[str, int]) -> TrafficFacts:
    traffic, members = runner.sender.traffic, runner.sender.members
    return TrafficFacts(
        spacing=options.spacing,
        seed=options.sender.seed,
        campaign=CAMPAIGN,
        sends=f"{runner.send}-*",
        passes=traffic.passes,
        calls_per_message=traffic.calls_per_message,
        unknown_share=traffic.unknown_share,
        preview_share=traffic.preview_share,
        cut_off_s=traffic.cut_off_s,
        limit=traffic.limit,
        lang=traffic.lang,
        members_in_file=len(members),
        messages_sent=runner.messages,
        members_asked_again=max(runner.messages - len(members), 0),
        sources_before=sources,
    )
