"""A measured ceiling is read from an evidence file."""

from app.capacity.evidence.ceiling import MeasuredCeiling
from app.capacity.evidence.file import Environment, Evidence, Service
from app.capacity.evidence.file import Verdict as Found
from tests.unit.capacity.planner.conftest import MEASURED_AT


def test_an_evidence_file_tells_what_was_measured() -> None:
    told = Service(
        fingerprint="abc",
        instances=2,
        tables={"postings": 7},
        settings={"soft_rps": 0, "hard_rps": 5_000},
    )
    evidence = Evidence(
        id="lt-1",
        began_at=MEASURED_AT,
        ended_at=MEASURED_AT,
        host="h",
        verdict=Found(
            sentence=".", kind="ceiling", rps=400, low_rps=390, high_rps=None, bound_by=("latency",)
        ),
        environment=Environment(service=told),
        schema="connected-jobs/load-evidence",
        version=1,
    )
    expected = MeasuredCeiling(
        evidence_id="lt-1",
        kind="ceiling",
        rps=400,
        low_rps=390,
        high_rps=None,
        ended_at=MEASURED_AT,
        fingerprint="abc",
        instances=2,
        tables={"postings": 7},
        bound_by=("latency",),
        limiter_rps=5_000,
    )
    assert MeasuredCeiling.of(evidence) == expected
