"""Builders of load tests and plans for the tests of the planner."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from app.capacity.campaign import Campaign, Workspace
from app.capacity.evidence.ceiling import MeasuredCeiling
from app.capacity.plan.plan import Judging, Plan
from app.capacity.planner import Judgement, judge

NOW = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
MEASURED_AT = datetime(2026, 11, 20, 0, 8, tzinfo=UTC)


@pytest.fixture(scope="session")
def measured() -> Callable[..., MeasuredCeiling]:
    """Build a load test: a ceiling of surely 4,000 calls/s, a day before `now`, latency broke at 4,300."""

    def build(low_rps: float = 4_000, **changes: Any) -> MeasuredCeiling:
        usual: dict[str, Any] = {
            "evidence_id": "lt-1120",
            "kind": "ceiling",
            "rps": low_rps * 1.015,
            "high_rps": low_rps * 1.075,
            "ended_at": MEASURED_AT,
            "fingerprint": "abc",
            "instances": 1,
            "tables": {"postings": 10_000, "members": 100_000},
            "bound_by": ("latency",),
        }
        return MeasuredCeiling(low_rps=low_rps, **(usual | changes))

    return build


@pytest.fixture(scope="session")
def judged(measured: Callable[..., MeasuredCeiling]) -> Callable[..., Judgement]:
    """Judge campaigns in Seoul by one load test of `low_rps`, or by `tests`."""

    def build(*campaigns: Campaign, low_rps: float = 4_000, **changes: Any) -> Judgement:
        plan = Plan(
            campaigns=campaigns,
            workspace=changes.pop("workspace", Workspace(time_zone="Asia/Seoul")),
            judging=changes.pop("judging", Judging()),
        )
        tests = changes.pop("tests", [measured(low_rps)])
        return judge(plan, tests, **({"running": None, "now": NOW} | changes))

    return build
