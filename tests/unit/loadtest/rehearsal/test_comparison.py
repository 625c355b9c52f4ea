"""The outcome of many sends in a sentence."""

from typing import Any

import msgspec

from loadtest.rehearsal.comparison import OutcomeShares, Row, ScenarioOutcome, line, sentence
from loadtest.rehearsal.record import SendTotals


def row(peak_error: float, **changes: Any) -> Row:
    """A send whose peak was forecast so far off."""
    totals = SendTotals(attempts=1, calls=1, retries=0, sent=1, blank=0, aborted=0, pending=0, ends_at_s=60)
    shares = OutcomeShares(degraded=0.0, cut_off=0.0, failed=0.0)
    outcome = ScenarioOutcome(peak_rps=100.0, ends_at_s=60, totals=totals, shares=shares)
    usual: dict[str, Any] = {
        "name": "a send",
        "about": "",
        "speed": 1,
        "soft_rps": None,
        "hard_rps": None,
        "forecast": outcome,
        "measured": outcome,
        "peak_error": peak_error,
        "finish_error": 0.0,
        "calls_made": 100,
        "complaint": None,
    }
    return Row(**(usual | changes))


def test_the_sentence_tells_the_median_and_the_worst() -> None:
    assert sentence([row(0.01), row(-0.02), row(0.3)]) == (
        "Of 3 sends the peak was forecast within 5% in 2 (median 2.0%, worst 30.0%), the finish in 3 (median 0.0%, worst "
        "0.0%); the degraded share was off by 0.0 points at most."
    )


def test_a_send_during_which_the_services_ceiling_moved_is_told_and_left_out() -> None:
    moved = row(0.9, ceiling_moved="the ceiling fell: 200 of 352 calls/s were answered, and 400 had been")
    text = sentence([row(0.01), moved])
    assert text.startswith("Of 1 send the peak was forecast within 5% in 1 (median 1.0%, worst 1.0%)")
    assert text.endswith("Left out: 1, since the service's own ceiling had moved.")
    assert "the ceiling fell" in line(moved)
    assert "nothing was compared" in sentence([moved])


def test_what_the_service_answered_from_memory_by_itself_is_told_with_the_send() -> None:
    by_itself = OutcomeShares(
        degraded=0.48, cut_off=0.02, failed=0.0, reasons={"postgres": 0.476, "over_limit": 0.004}
    )
    measured = msgspec.structs.replace(row(0.0).measured, shares=by_itself)
    told = sentence([row(0.0), row(0.0, name="over the ceiling", measured=measured)])
    assert "Answered from memory to keep the time, which no forecast counts: over the ceiling 48%." in told
    assert "from memory" not in sentence([row(0.0)])
