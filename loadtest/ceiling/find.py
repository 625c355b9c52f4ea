"""The ceiling search from beginning to end: check, warm, search, overload, evidence."""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtest.ceiling.environment import environment
from loadtest.ceiling.evidence import CeilingVerdict, Ended, EvidenceFile, Overload, TrafficFacts
from loadtest.ceiling.search import CeilingSearch, RateTrial, SearchPhase, SearchResult
from loadtest.ceiling.slo import PassLine
from loadtest.ceiling.step import OutOfTimeError, SearchBudget, ServiceLostError, StepRunner, iso_utc
from loadtest.ceiling.terminal import Terminal
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
    """What to find out, and how."""

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
    return _evidence(
        options,
        runner,
        result,
        overload,
        ended,
        began=began,
        ended_at=clock(),
        sender=sender,
        sources=sources,
    )


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
            overload = runner.overload(result.rps)
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


def _evidence(  # noqa: PLR0913 - everything that was learned meets here
    options: CeilingOptions,
    runner: StepRunner,
    result: SearchResult,
    overload: Overload | None,
    ended: Ended,
    *,
    began: float,
    ended_at: float,
    sender: Sender,
    sources: dict[str, int],
) -> EvidenceFile:
    traffic = sender.traffic
    soak_calls = runner.soaked.calls if runner.soaked else 0
    limited = sum(
        step.failures.get("status_429", 0) + sum(step.degraded.get(sign, 0) for sign in LIMITER_SIGNS)
        for step in runner.steps
    )
    return EvidenceFile(
        id=runner.send,
        began_at=iso_utc(began),
        ended_at=iso_utc(ended_at),
        ended=ended,
        host=str(options.sender.origin()),
        verdict=CeilingVerdict(
            sentence=sentence(
                result,
                options.line,
                ended=ended,
                soak_calls=soak_calls,
                times_asked=runner.messages / len(sender.members),
            ),
            kind=result.kind,
            rps=result.rps,
            low_rps=result.low_rps,
            high_rps=result.high_rps,
            bound_by=result.bound_by,
            soak_calls=soak_calls,
        ),
        pass_line=options.line,
        traffic=TrafficFacts(
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
            members_in_file=len(sender.members),
            messages_sent=runner.messages,
            members_asked_again=max(runner.messages - len(sender.members), 0),
            sources_before=sources,
        ),
        steps=tuple(runner.steps),
        overload=overload,
        events=tuple(runner.events),
        environment=environment(
            options.sender.origin(),
            processes=options.processes,
            service=options.service_facts,
            limited=limited,
        ),
    )


LINES_IN_WORDS = {
    "latency": "the latency line",
    "cut_offs": "cut-offs",
    "failures": "failures",
    "degraded": "degraded answers",
    "still_climbing": "a queue that kept growing",
    "service_went_away": "the service going away",
}


def sentence(
    result: SearchResult, line: PassLine, *, ended: Ended, soak_calls: int, times_asked: float = 1.0
) -> str:
    """The verdict for someone who reads nothing else; `times_asked`: messages for each member in the file."""
    bound = ", ".join(LINES_IN_WORDS.get(name, name) for name in result.bound_by) or "nothing seen"
    kept = f"{line.latency_share:.0%} usable within {line.latency_ms:g} ms of the intended time"
    cut_off_note = (
        ""
        if soak_calls >= line.cut_off_min_calls
        else f" The soak's {soak_calls} calls are too few to judge cut-offs at {line.cut_off_share:.2%}."
    )
    warm_note = (
        ""
        if times_asked <= 1
        else f" Each member was asked {times_asked:.1f} times, so some answers may have come from memory: "
        "export more members (a demo has as many as `demo --members` says)."
    )
    early = "" if ended == "finished" else f" The search ended early ({ended.replace('_', ' ')})."
    match result.kind:
        case "ceiling":
            return (
                f"The service sustains {result.rps:.0f} calls/s ({kept}, confirmed by a soak); at "
                f"{result.high_rps:.0f} calls/s it is bound by {bound}.{cut_off_note}{warm_note}{early}"
            )
        case "at_least":
            return (
                f"The service sustains at least {result.rps:.0f} calls/s ({kept}, confirmed by a soak); its ceiling "
                f"was not reached: {bound}.{cut_off_note}{warm_note}{early}"
            )
        case "unconfirmed":
            return f"{result.rps:.0f} calls/s held in a short step, but no soak confirmed it.{early}"
    found = f"no rate held a step; bound by {bound}" if result.high_rps else "nothing was measured"
    return f"No ceiling was found: {found}.{early}"


def what_next(found: EvidenceFile) -> str | None:
    """What to do about a search that found no ceiling, None where it found one."""
    if found.verdict.kind in {"ceiling", "at_least"}:
        return None
    if found.ended == "service_lost":
        return "The service went away and did not come back: its log says why. Start it and search again."
    if found.ended == "stopped":
        return "It was stopped: search again and let it end."
    if any(step.complaint for step in found.steps):
        return "The generator had too little of this machine: search again with nothing else running, or from another one."
    if found.verdict.kind == "none":
        return "Even the lowest rate broke the pass line: look at the report's steps, and begin lower with --start-rps."
    return (
        "Something else had the machine, or the service is uneven near its limit: search again with nothing else running, "
        "or give it longer with --search-s 480 --limit-s 900."
    )
