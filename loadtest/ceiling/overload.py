"""What an overload looks like, and how soon it is over after the load falls."""

from loadtest.ceiling.evidence import Overload
from loadtest.ceiling.slo import PassLine, usable_share
from loadtest.ceiling.step import StepRunner
from loadtest.generator.arrivals import RateCurve
from loadtest.generator.sender import LoadPhase
from loadtest.generator.stats import LoadStats

OVERLOAD = 3  # times the ceiling
AFTER_OVERLOAD = 0.5
RECOVERY_WITHIN_S = 60.0
RECOVERED_SECONDS = 3


def measure_overload(runner: StepRunner, ceiling_rps: float) -> Overload:
    """Three times the ceiling for a while, then half of it until the service has recovered."""
    loaded_s = runner.budget.overload_s
    over_s = loaded_s + RECOVERY_WITHIN_S
    rates = (OVERLOAD * ceiling_rps, AFTER_OVERLOAD * ceiling_rps, 0.0)
    load_phase = runner.phases.begin(RateCurve((0.0, loaded_s, over_s), rates))
    while (stats := runner.phases.look("overload", load_phase, over_s)) is not None:
        if _recovered_at(runner, stats, load_phase) is not None:
            break
    stats = runner.phases.finish()
    loaded = [line for second, line in stats.seconds.items() if second < loaded_s]
    recovered_at = _recovered_at(runner, stats, load_phase)
    calls = sum(line.calls for line in loaded)
    runner.record("overload", OVERLOAD * ceiling_rps, load_phase, stats, None)
    return Overload(
        rps=OVERLOAD * ceiling_rps,
        seconds=loaded_s,
        usable_share=usable_share(loaded),
        inside_share=sum(line.inside for line in loaded) / calls if calls else 0.0,
        degraded_share=sum(line.degraded for line in loaded) / calls if calls else 0.0,
        failures=dict(stats.failures),
        recovery_s=None if recovered_at is None else recovered_at - loaded_s,
        complaint=runner.phases.generator.health.complaint,
    )


def kept_the_line(overload: Overload, line: PassLine) -> bool:
    """Whether a service was not overloaded at all."""
    return (
        overload.complaint is None
        and overload.inside_share >= line.latency_share
        and overload.degraded_share <= line.degraded_share
        and 1 - overload.usable_share <= line.failure_share
    )


def _recovered_at(runner: StepRunner, stats: LoadStats, load_phase: LoadPhase) -> float | None:
    """The first second after the load from which three in a row keep the latency line."""
    return first_well_second(runner, stats, load_phase, from_s=int(runner.budget.overload_s))


def first_well_second(
    runner: StepRunner, stats: LoadStats, load_phase: LoadPhase, *, from_s: int
) -> float | None:
    """The first second from which three in a row keep the latency line, all their calls having ended."""
    ended = int(runner.phases.clock() - load_phase.starts_at - runner.phases.sender.traffic.cut_off_s) - 1
    well = 0
    for second in range(from_s, ended):
        line = stats.seconds.get(second)
        kept = line and line.calls and line.inside >= runner.line.latency_share * line.calls
        well = well + 1 if kept else 0
        if well == RECOVERED_SECONDS:
            return second - RECOVERED_SECONDS + 1
    return None
