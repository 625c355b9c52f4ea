"""A measured ceiling is read from an evidence file."""

import pytest

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
        host="https://jobs.example:8443",
        verdict=Found(
            sentence=".",
            kind="ceiling",
            rps=400,
            low_rps=390,
            high_rps=None,
            bound_by=("latency",),
            soak_calls=24_000,
        ),
        environment=Environment(
            service=told, generator={"same_machine_as_service": True, "host_name": "x"}, git_dirty=True
        ),
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
        soak_calls=24_000,
        host="jobs.example",
        same_machine=True,
        git_dirty=True,
    )
    assert MeasuredCeiling.of(evidence) == expected
    assert expected.soak_s == 60


@pytest.mark.parametrize("host", ["http://127.0.0.1:8080", "localhost", "http://[::1]:8080"])
def test_a_loopback_address_is_the_services_own_machine(host: str) -> None:
    evidence = Evidence(
        id="lt-1",
        began_at=MEASURED_AT,
        ended_at=MEASURED_AT,
        host=host,
        verdict=Found(sentence=".", kind="none", rps=0, low_rps=0, high_rps=None, bound_by=()),
        environment=Environment(service=Service()),
        schema="connected-jobs/load-evidence",
        version=1,
    )
    found = MeasuredCeiling.of(evidence)
    assert (found.same_machine, found.git_dirty, found.soak_calls) == (True, False, None)
