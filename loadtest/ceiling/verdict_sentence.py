"""What a search for the ceiling found, as a sentence, and what to do next."""

from loadtest.ceiling.evidence import Ended, EvidenceFile
from loadtest.ceiling.search import SearchResult
from loadtest.ceiling.slo import PassLine

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
