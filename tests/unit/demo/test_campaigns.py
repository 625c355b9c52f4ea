"""The demo's campaigns come out as they are meant to, whatever the machine carries."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.capacity.evidence.ceiling import MeasuredCeiling, RunningService
from app.capacity.plan.json_values import read_plan_values
from app.capacity.plan.plan import Judging
from app.capacity.planner import Judgement, judge, sentence
from app.capacity.register.campaigns import read_draft
from app.demo.campaigns import example_campaigns

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
TODAY = date(2026, 11, 22)


def judged(low_rps: float | None) -> Judgement:
    usable_rps = None if low_rps is None else low_rps * Judging().usable_share
    drafts = [read_draft(values) for values in example_campaigns(usable_rps, TODAY)]
    plan = read_plan_values(
        {"time_zone": "Asia/Seoul", "campaigns": [dict(draft.definition) for draft in drafts]}
    )
    tests = [] if low_rps is None else [measured(low_rps)]
    return judge(plan, tests, running=RunningService(fingerprints=("f",), instances=1), now=NOW)


def measured(low_rps: float) -> MeasuredCeiling:
    return MeasuredCeiling(
        evidence_id="e",
        kind="ceiling",
        rps=low_rps,
        low_rps=low_rps,
        high_rps=low_rps * 1.05,
        ended_at=NOW,
        fingerprint="f",
        instances=1,
        bound_by=("latency",),
    )


@pytest.mark.parametrize("low_rps", [30, 90, 300, 384, 600, 1_000, 2_345, 5_600, 12_000])
def test_there_is_one_of_each_verdict_and_a_collision(low_rps: float) -> None:
    judgement = judged(low_rps)
    assert {one.name: one.verdict for one in judgement.campaigns} == {
        "월요일 아침 맞춤 공고": "GO_IF",
        "주간 추천 공고": "GO",
        "오늘 마감 공고 알림": "NO_GO",
        "커리어 뉴스레터": "GO",
        "신입 공채 알림": "GO_IF",
        "연말 특별 발송": "RETEST",
    }
    assert [(one.campaign, one.others) for one in judgement.collisions] == [
        ("신입 공채 알림", ("커리어 뉴스레터",))
    ]
    typed = [one.planned_limit_per_min for one in judgement.campaigns if one.planned_limit_per_min]
    assert [limit for limit in typed if limit % 10 or len(str(limit).rstrip("0")) > 2] == []
    (year_end,) = [one for one in judgement.campaigns if one.name == "연말 특별 발송"]
    assert year_end.binding is not None
    assert sentence(year_end.binding, "en") == (
        "This send counts on 4 servers, and the load test had 1: measure with 4, too."
    )


def test_without_a_load_test_all_but_the_hopeless_is_to_be_measured_first() -> None:
    judgement = judged(None)
    assert judgement.verdict == "NO_GO"
    assert [one.verdict for one in judgement.campaigns] == [
        "RETEST", "RETEST", "NO_GO", "RETEST", "RETEST", "RETEST",
    ]  # fmt: skip
