"""What a search for the ceiling found, as a sentence, and what to do next."""

from loadtest.ceiling.evidence import Ended, EvidenceFile
from loadtest.ceiling.search import UNDECIDED, SearchResult
from loadtest.ceiling.slo import PassLine
from loadtest.ceiling.whole_search import FALLING

LINES_IN_WORDS = {
    "latency": "the latency line",
    "cut_offs": "cut-offs",
    "failures": "failures",
    "degraded": "degraded answers",
    "still_climbing": "a queue that kept growing",
    "service_went_away": "the service going away",
    UNDECIDED: "a soak that did not decide, by",
    FALLING: "the service itself, which became slower",
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
        case "unconfirmed" if FALLING in result.bound_by:
            return (
                f"No ceiling: the service became slower while it was tested. {result.rps:.0f} calls/s held, but the first "
                f"rate was answered far slower at the end than at the beginning.{early}"
            )
        case "unconfirmed":
            soaks = (
                ""
                if result.high_rps is None
                else f": a soak at {result.high_rps:.0f} calls/s did not hold ({bound})"
            )
            return f"{result.rps:.0f} calls/s held in a short step, but no soak confirmed it{soaks}.{early}"
    found = f"no rate held a step; bound by {bound}" if result.high_rps else "nothing was measured"
    return f"No ceiling was found: {found}.{early}"


def what_next(found: EvidenceFile) -> str | None:
    """What to do about a search that found no ceiling, None where it found one."""
    if found.verdict.kind in {"ceiling", "at_least"}:
        return None
    if found.ended in ENDED_EARLY:
        return ENDED_EARLY[found.ended]
    if FALLING in found.verdict.bound_by:
        return BECAME_SLOWER
    if any(step.complaint for step in found.steps):
        return GENERATOR_STARVED
    return NOTHING_HELD if found.verdict.kind == "none" else UNEVEN


ENDED_EARLY = {
    "service_lost": "The service went away and did not come back: its log says why. Start it and search again.",
    "stopped": "It was stopped: search again and let it end.",
}
BECAME_SLOWER = (
    "Something grows with the calls or with time (memory, a table, a cache without an end), or the machine had other "
    "work: look at the service's memory, restart it, and search again."
)
GENERATOR_STARVED = "The generator had too little of this machine: search again with nothing else running, or from another one."
NOTHING_HELD = "Even the lowest rate did not keep the pass line: look at the report's steps, and begin lower with --start-rps."
UNEVEN = (
    "Something else had the machine, or the service is uneven near its limit: search again with nothing else running, "
    "or give it longer with --open-soak-s 600 --limit-s 1800."
)
