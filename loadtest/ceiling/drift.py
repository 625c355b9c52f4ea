"""Whether the service is at the end of a search what it was at its beginning: the first rate that held, tried again."""

from loadtest.ceiling.evidence import Drift, StepRecord
from loadtest.ceiling.step import StepRunner

SLOWER = 1.5  # times the median latency from which a service counts as slower, if a second try agrees
FEWER = 0.8  # times the usable share of the calls
FEWEST_CALLS = 50  # from which a step's median is taken
SMALLEST_MS = 1.0  # more; less is no drift
TRIES = 2


def measure_drift(runner: StepRunner) -> Drift | None:
    """Play the first rate that held again, twice where it is slower; None where nothing held.

    It is compared with the lowest median of all steps that held, since the first of them may have been a cold one's.
    """
    held = [step for step in runner.log.steps if step.outcome == "held" and step.calls >= FEWEST_CALLS]
    if not held:
        return None
    first, lowest_ms = held[0], min(_p50_ms(step) for step in held)
    for _ in range(TRIES):
        last = runner.replay(first.rps, runner.budget.step_s)
        slower = _p50_ms(last) > max(SLOWER * lowest_ms, lowest_ms + SMALLEST_MS)
        drift = Drift(
            rps=first.rps,
            first_p50_ms=_p50_ms(first),
            lowest_p50_ms=lowest_ms,
            last_p50_ms=_p50_ms(last),
            first_achieved_rps=first.achieved_rps,
            last_achieved_rps=last.achieved_rps,
            falling=slower or _usable_share(last) < FEWER * _usable_share(first),
        )
        if not drift.falling:
            break
    return drift


def _p50_ms(step: StepRecord) -> float:
    return step.latency.percentiles_ms.get("p50", 0.0)


def _usable_share(step: StepRecord) -> float:
    return step.achieved_rps / step.offered_rps if step.offered_rps else 0.0
