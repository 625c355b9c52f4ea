"""Evidence as one page that needs nothing else: verdict, latency versus rate, histogram, steps, circumstances."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from loadtest.ceiling.evidence import EvidenceFile, StepRecord
from loadtest.generator.stats import Histogram

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 16, 40
LATENCY_TICKS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
OUTCOME_COLOURS = {
    "held": "#1a7f37",
    "broke": "#cf222e",
    "open": "#9a6700",
    "interrupted": "#9a6700",
    "observed": "#57606a",
}

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#fff}
h1{font-size:1.35rem;margin-bottom:.2rem}h2{font-size:1.05rem;margin-top:1.8rem}
.verdict{font-size:1.1rem;padding:.8rem 1rem;border-left:5px solid var(--mark);background:#f6f8fa}
table{border-collapse:collapse;width:100%;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.2rem .45rem;border-bottom:1px solid #d0d7de}
th:first-child,td:first-child,td.words,th.words{text-align:left}
td.words{overflow-wrap:anywhere}svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:#57606a}
.scroll{overflow-x:auto}@media print{body{margin:0}}
"""


def html(evidence: EvidenceFile) -> str:
    """The whole page."""
    mark = OUTCOME_COLOURS["held" if evidence.verdict.kind in {"ceiling", "at_least"} else "broke"]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Call ceiling of {escape(evidence.host)}</title><style>:root{{--mark:{mark}}}{STYLE}</style></head><body>
<h1>Call ceiling of {escape(evidence.host)}</h1>
<p>{escape(evidence.began_at)} to {escape(evidence.ended_at)}, {escape(evidence.ended.replace("_", " "))}; evidence {escape(evidence.id)}</p>
<p class="verdict">{escape(evidence.verdict.sentence)}</p>
<h2>Latency versus rate</h2>{latency_chart(evidence)}
<h2>Latency in the {"soak" if _soak(evidence) else "highest step that held"}</h2>{histogram_chart(evidence)}
<h2>Steps</h2>{steps_table(evidence.steps)}
{overload_words(evidence)}
{drift_words(evidence)}
{cold_start_words(evidence)}
<h2>Pass line</h2>{facts_table(pass_line_words(evidence))}
<h2>Circumstances</h2>{facts_table(circumstances(evidence))}
{events_table(evidence)}
</body></html>
"""


def latency_chart(evidence: EvidenceFile) -> str:
    """p50 and p99 of each judged step over its rate, with the pass line."""
    steps = sorted(
        (step for step in evidence.steps if step.calls and step.outcome != "observed"), key=lambda s: s.rps
    )
    if not steps:
        return "<p>No step was made.</p>"
    line_ms = evidence.pass_line.latency_ms
    highest = max(line_ms, *(step.latency.percentiles_ms["p99"] for step in steps)) * 1.3
    lowest = max(min(step.latency.percentiles_ms["p50"] for step in steps) / 1.5, 0.1)
    x = _linear(0, max(step.rps for step in steps) * 1.05, LEFT, WIDTH - RIGHT)
    y = _logarithmic(lowest, highest, HEIGHT - BOTTOM, TOP)
    ticks = [ms for ms in LATENCY_TICKS_MS if lowest <= ms <= highest]
    marks = [f'<text x="{LEFT - 6}" y="{y(ms) + 4:.1f}" text-anchor="end">{ms} ms</text>' for ms in ticks]
    rates = _round_ticks(max(step.rps for step in steps))
    marks += [
        f'<text x="{x(r):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{r:g}</text>' for r in rates
    ]
    curve = [
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="'
        + " ".join(f"{x(step.rps):.1f},{y(step.latency.percentiles_ms[at]):.1f}" for step in steps)
        + '"/>'
        for at, colour in (("p50", "#afb8c1"), ("p99", "#0969da"))
    ]
    dots = [
        f'<circle cx="{x(step.rps):.1f}" cy="{y(step.latency.percentiles_ms["p99"]):.1f}" r="4" '
        f'fill="{OUTCOME_COLOURS[step.outcome]}"><title>{escape(_dot_title(step))}</title></circle>'
        for step in steps
    ]
    limit = (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(line_ms):.1f}" y2="{y(line_ms):.1f}" stroke="#cf222e" '
        f'stroke-dasharray="5 4"/><text x="{LEFT + 6}" y="{y(line_ms) - 5:.1f}">'
        f"pass line: p{evidence.pass_line.latency_share * 100:g} {line_ms:g} ms</text>"
    )
    caption = f'<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">calls/s meant (blue p99, grey p50)</text>'
    return _svg("Latency versus rate", [*marks, *curve, limit, *dots, caption])


def histogram_chart(evidence: EvidenceFile) -> str:
    """Calls by latency in the step that carries the verdict."""
    step = _soak(evidence) or max(
        (step for step in evidence.steps if step.outcome == "held"), key=lambda step: step.rps, default=None
    )
    if step is None:
        return "<p>No step held.</p>"
    buckets = Histogram(step.latency.hdr).buckets_ms()
    lowest, highest = buckets[0][0] / 1.1, buckets[-1][0] * 1.02
    x = _logarithmic(lowest, max(highest, lowest * 2), LEFT, WIDTH - RIGHT)
    y = _linear(0, max(count for _, count in buckets), HEIGHT - BOTTOM, TOP)
    bars = [
        f'<rect x="{x(max(edge / 2**0.125, lowest)):.1f}" width="{max(x(edge) - x(max(edge / 2**0.125, lowest)) - 0.5, 0.5):.1f}" '
        f'y="{y(count):.1f}" height="{max(HEIGHT - BOTTOM - y(count), 0.8):.1f}" fill="#0969da">'
        f"<title>up to {edge:.1f} ms: {count} calls</title></rect>"
        for edge, count in buckets
    ]
    ticks = [
        f'<text x="{x(ms):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{ms} ms</text>'
        for ms in LATENCY_TICKS_MS
        if lowest <= ms <= highest
    ]
    caption = f'<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">from the intended time; {step.calls} calls at {step.rps:.0f} calls/s</text>'
    return _svg("Latency histogram", [*bars, *ticks, caption])


def steps_table(steps: Sequence[StepRecord]) -> str:
    """All steps in the order they were made."""
    head = [
        "calls/s",
        "offered/s",
        "answered/s",
        "calls",
        "p50",
        "p99",
        "p99.9",
        "service p99",
        "late starts",
    ]
    rows = "".join(
        f"<tr><td>{step.phase}</td>"
        + "".join(f"<td>{cell}</td>" for cell in _step_cells(step))
        + f'<td class="words" style="color:{OUTCOME_COLOURS[step.outcome]}">{escape(_outcome(step))}</td></tr>'
        for step in steps
    )
    names = "".join(f"<th>{name}</th>" for name in head)
    return f'<div class="scroll"><table><tr><th>step</th>{names}<th class="words">outcome (times in ms)</th></tr>{rows}</table></div>'


def overload_words(evidence: EvidenceFile) -> str:
    """What overload looked like."""
    over = evidence.overload
    if over is None:
        return ""
    recovery = (
        "did not recover within a minute"
        if over.recovery_s is None
        else f"recovered after {over.recovery_s:.0f} s"
    )
    failures = ", ".join(f"{kind} {count}" for kind, count in over.failures.items()) or "none"
    doubt = f" (with reserve: {over.complaint})" if over.complaint else ""
    return (
        f"<h2>Overload</h2><p>At {over.rps:.0f} calls/s for {over.seconds:.0f} s, {over.usable_share:.1%} of the calls "
        f"were answered usably within the cut-off, {over.degraded_share:.1%} degraded; the service "
        f"{escape(recovery)} at half the ceiling. Failures: {escape(failures)}{escape(doubt)}.</p>"
    )


def drift_words(evidence: EvidenceFile) -> str:
    """Whether the service was at the end what it was at the beginning."""
    drift = evidence.drift
    if drift is None:
        return ""
    found = (
        "It had become slower: what was found is no ceiling."
        if drift.falling
        else "It had not become slower."
    )
    return (
        f"<h2>The first rate again</h2><p>At {drift.rps:.0f} calls/s half of the calls took {drift.first_p50_ms:.1f} ms at the "
        f"beginning and {drift.last_p50_ms:.1f} ms at the end, {drift.lowest_p50_ms:.1f} ms in the quickest step between. "
        f"{found}</p>"
    )


def cold_start_words(evidence: EvidenceFile) -> str:
    """What the first seconds after a restart were like."""
    cold = evidence.cold_start
    if cold is None:
        return ""
    settled = (
        f"did not settle within {cold.seconds:.0f} s"
        if cold.settled_s is None
        else f"kept the latency line from second {cold.settled_s:.0f} on"
    )
    return (
        f"<h2>Cold start</h2><p>Restarted, it answered after {cold.ready_s:.1f} s. At {cold.rps:.0f} calls/s from then on, "
        f"{cold.usable_share:.1%} of the calls were answered usably and {cold.inside_share:.1%} within the line "
        f"(p99 {cold.p99_ms:.0f} ms); it {settled}.</p>"
    )


def pass_line_words(evidence: EvidenceFile) -> dict[str, Any]:
    """The limits in words."""
    line = evidence.pass_line
    return {
        f"usable within {line.latency_ms:g} ms of the intended time": f"at least {line.latency_share:.2%} of calls",
        f"cut off at {evidence.traffic.cut_off_s:g} s": f"at most {line.cut_off_share:.3%} of {line.cut_off_min_calls} calls or more",
        "all failures": f"at most {line.failure_share:.2%}",
        "degraded": f"at most {line.degraded_share:.2%}",
    }


def circumstances(evidence: EvidenceFile) -> dict[str, Any]:
    """Where, what and how."""
    traffic, where = evidence.traffic, evidence.environment
    machine = where.generator
    return {
        "traffic": f"{traffic.spacing} arrivals, {traffic.calls_per_message:g} calls a message, "
        f"{traffic.messages_sent} messages to {traffic.members_in_file} members, "
        f"{traffic.members_asked_again} asked again, unknown {traffic.unknown_share:.0%}, previews {traffic.preview_share:.0%}",
        "generator": f"{machine.processes} process(es) on CPU {list(machine.cpus_used)} of {machine.cpu_count}, "
        f"{machine.cpu_model}; Python {machine.python}, Locust {machine.locust}"
        + ("; same machine as the service" if machine.same_machine_as_service else ""),
        "commit": f"{where.git_commit or 'unknown'}{' with changes' if where.git_dirty else ''}",
        "limiter": where.limiter,
        **where.service,
        "not told by the service": ", ".join(where.untold) or "nothing",
    }


def facts_table(facts: dict[str, Any]) -> str:
    """Names and values."""
    rows = "".join(
        f'<tr><td>{escape(str(k))}</td><td class="words">{escape(str(v))}</td></tr>' for k, v in facts.items()
    )
    return f"<table>{rows}</table>"


def events_table(evidence: EvidenceFile) -> str:
    """What happened, if anything did."""
    if not evidence.events:
        return ""
    return "<h2>Events</h2>" + facts_table({event.at: event.what for event in evidence.events})


def _soak(evidence: EvidenceFile) -> StepRecord | None:
    return next(
        (step for step in reversed(evidence.steps) if step.phase == "soak" and step.outcome == "held"), None
    )


def _step_cells(step: StepRecord) -> list[str]:
    at = step.latency.percentiles_ms
    service = step.service_time.percentiles_ms
    times = [at.get("p50"), at.get("p99"), at.get("p99.9"), service.get("p99")]
    return [
        f"{step.rps:.0f}",
        f"{step.offered_rps:.1f}",
        f"{step.achieved_rps:.1f}",
        str(step.calls),
        *("-" if ms is None else f"{ms:.0f}" for ms in times),
        str(step.generator.late_starts),
    ]


def _outcome(step: StepRecord) -> str:
    causes = [
        *step.broken,
        *(f"{kind} {count}" for kind, count in {**step.failures, **step.degraded}.items()),
    ]
    if step.complaint:
        causes.append(step.complaint)
    return f"{step.outcome}: {', '.join(causes)}" if causes else step.outcome


def _dot_title(step: StepRecord) -> str:
    return f"{step.phase} {step.rps:.0f} calls/s, p99 {step.latency.percentiles_ms['p99']:.0f} ms, {_outcome(step)}"


def _linear(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / (high - low or 1) * (end - start)


def _logarithmic(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    place = _linear(math.log(low), math.log(high), start, end)
    return lambda value: place(math.log(max(value, low)))


def _round_ticks(highest: float) -> list[float]:
    step = 10 ** math.floor(math.log10(highest))
    step = step / 5 if highest / step < 2 else step / 2 if highest / step < 5 else step  # noqa: PLR2004 - 1-2-5 ticks
    return [step * number for number in range(int(highest / step) + 1)]


def _svg(title: str, parts: Sequence[str]) -> str:
    axis = f'<path d="M{LEFT},{TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#d0d7de"/>'
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">{axis}{"".join(parts)}</svg>'
