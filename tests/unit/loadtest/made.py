"""Evidence made up for tests."""

from typing import Any

from loadtest.ceiling.evidence import (
    CeilingVerdict,
    EnvironmentRecord,
    Event,
    EvidenceFile,
    Machine,
    Overload,
    StepPhase,
    StepRecord,
    TrafficFacts,
    distribution,
)
from loadtest.ceiling.slo import judge, read_pass_line
from loadtest.generator.generator_health import GeneratorHealth
from loadtest.generator.stats import LoadStats

LINE = read_pass_line()
HEALTHY = GeneratorHealth(cpu_share=0.2, loop_lag_p99_ms=3, loop_lag_max_ms=9, late_starts=0, late_share=0)


def step(phase: StepPhase, rps: float, latency_s: float) -> StepRecord:
    """A step of 1,000 calls of one latency."""
    stats = LoadStats(inside_s=0.5)
    for call in range(1000):
        stats.record(meant_s=call / 100, latency_s=latency_s, service_s=0.01, failure=None, degraded=None)
    judged = judge(stats, LINE)
    return StepRecord(
        phase=phase,
        rps=rps,
        offered_rps=rps,
        achieved_rps=rps,
        began_at="2026-11-22T00:00:00.000+00:00",
        seconds=10,
        calls=1000,
        messages=1000,
        outcome=judged.at_last,
        broken=judged.broken,
        findings=judged.findings,
        latency=distribution(stats),
        service_time=distribution(stats, service=True),
        failures={},
        degraded={},
        most_in_flight=7,
        generator=HEALTHY,
        complaint=None,
    )


def evidence(**changes: Any) -> EvidenceFile:
    """Evidence of a ceiling of 400 calls/s."""
    steps = (step("doubling", 400, 0.02), step("doubling", 800, 0.9), step("soak", 400, 0.03))
    whole: dict[str, Any] = {
        "id": "loadtest-1",
        "began_at": "2026-11-22T00:00:00.000+00:00",
        "ended_at": "2026-11-22T00:05:00.000+00:00",
        "ended": "finished",
        "host": "http://127.0.0.1:8000",
        "verdict": CeilingVerdict(
            sentence="The service sustains 400 calls/s <so far>.",
            kind="ceiling",
            rps=400,
            low_rps=398,
            high_rps=420,
            bound_by=("latency",),
            soak_calls=1000,
        ),
        "pass_line": LINE,
        "traffic": TrafficFacts(
            spacing="poisson",
            seed=1,
            campaign="loadtest",
            sends="loadtest-1-*",
            passes=1,
            calls_per_message=1,
            unknown_share=0,
            preview_share=0,
            cut_off_s=2,
            limit=10,
            lang="ko",
            members_in_file=100,
            messages_sent=3000,
            members_asked_again=2900,
            sources_before={"personalized": 20},
        ),
        "steps": steps,
        "overload": Overload(
            rps=1200,
            seconds=10,
            usable_share=0.4,
            degraded_share=0.1,
            failures={"cut_off": 3},
            recovery_s=4,
            complaint=None,
        ),
        "events": (Event(at="2026-11-22T00:01:00.000+00:00", what="the service was away"),),
        "environment": EnvironmentRecord(
            git_commit="abc",
            git_dirty=False,
            generator=Machine(
                host_name="here",
                cpu_model="A CPU",
                cpu_count=2,
                cpus_used=(1,),
                python="3.11.7",
                locust="2.47.0",
                processes=1,
                same_machine_as_service=True,
            ),
            service={"workers": 1},
            untold=("fingerprint",),
            limiter="off; no answer was shaped by it",
        ),
    }
    return EvidenceFile(**whole | changes)
