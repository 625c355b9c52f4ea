"""Builders of campaigns, load tests and judgements for the tests of the planner."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.capacity.campaign import AllAtOnce, Campaign, Range, Workspace
from app.capacity.evidence.ceiling import MeasuredCeiling, RunningService
from app.capacity.plan.plan import Judging, Plan
from app.capacity.planner import Judgement, judge

NOW = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
MEASURED_AT = datetime(2026, 11, 20, 0, 8, tzinfo=UTC)
NINE = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001  (wall time, as in a plan)
TWICE = Range.exactly(2)  # the burst of every campaign of `at`: 50,000 a minute are 1,667 calls/s
RUNNING = RunningService(fingerprints=("abc",), instances=1, tables={"postings": 10_000, "members": 100_000})

Build = Callable[..., Any]


@pytest.fixture(scope="session")
def digest(campaign: Build) -> Campaign:
    """A campaign of 834 calls/s."""
    made: Campaign = campaign(300_000, limit_per_min=25_000, burst=Range.exactly(2))
    return made


@pytest.fixture(scope="session")
def at(campaign: Build) -> Build:
    """Build a campaign begun so many minutes after nine."""

    def build(name: str, minutes: int = 0, recipients: int = 500_000, **changes: Any) -> Campaign:
        timing = AllAtOnce(NINE + timedelta(minutes=minutes))
        usual: dict[str, Any] = {"limit_per_min": 50_000, "burst": TWICE, "timing": timing}
        made: Campaign = campaign(recipients, name=name, **(usual | changes))
        return made

    return build


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
