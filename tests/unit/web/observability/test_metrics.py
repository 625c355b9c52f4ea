"""What is measured, and how much of it a caller can make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from app.serving.answering import Answer
from app.serving.request import RecommendationRequest, RequestOptions
from app.web.observability.metrics import MOST_CAMPAIGNS, Instruments
from tests.unit.serving.fakes import NOW, TODAY

if TYPE_CHECKING:
    from collections.abc import Iterable


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


def answer(campaign: str, source: str = "popular", degraded: str | None = None) -> Answer:
    request = RecommendationRequest("m", RequestOptions(campaign, "s", None, 10, "ko"))
    return Answer(request, "rid", source, degraded, "miss", NOW, TODAY, [])


def counted(instruments: Instruments, pattern: str) -> dict[str, float]:
    """The metrics' lines that begin as the pattern says and are not 0."""
    lines: Iterable[str] = instruments.exposition().decode().splitlines()
    found = [line.rpartition(" ") for line in lines if re.match(pattern, line)]
    return {name: float(value) for name, _, value in found if float(value)}


def test_answers_are_counted_by_campaign_source_and_degradation() -> None:
    instruments = Instruments()
    for one in (answer("a"), answer("a"), answer("a", "personalized"), answer("b", "popular", "postgres")):
        instruments.count_answer(one, 0.02)
    assert counted(instruments, "cj_answers_total") == {
        'cj_answers_total{campaign="a",degraded="",source="popular"}': 2.0,
        'cj_answers_total{campaign="a",degraded="",source="personalized"}': 1.0,
        'cj_answers_total{campaign="b",degraded="postgres",source="popular"}': 1.0,
    }
    seconds = counted(instruments, r'cj_answer_seconds_(count|bucket\{le="0\.0(15|3)"\})')
    assert seconds == {'cj_answer_seconds_bucket{le="0.03"}': 4.0, "cj_answer_seconds_count": 4.0}


def test_no_caller_can_flood_the_metrics_with_campaigns() -> None:
    instruments = Instruments()
    for number in range(MOST_CAMPAIGNS + 50):
        instruments.count_answer(answer(f"campaign-{number}"), 0.02)
    instruments.count_answer(answer("campaign-0", "personalized"), 0.02)
    found = counted(instruments, "cj_answers_total")
    campaigns = {re.findall('campaign="([^"]*)"', name)[0] for name in found}
    assert len(campaigns) == MOST_CAMPAIGNS + 1
    assert found['cj_answers_total{campaign="(other)",degraded="",source="popular"}'] == 50.0
    assert found['cj_answers_total{campaign="campaign-0",degraded="",source="personalized"}'] == 1.0


def test_the_build_is_told_by_what_measures_and_not_by_what_only_loads() -> None:
    instruments = Instruments({"version": "1.2", "fingerprint": "abc"})
    assert counted(instruments, "cj_build_info") == {}
    instruments.set_gauges({})
    assert counted(instruments, "cj_build_info") == {
        'cj_build_info{fingerprint="abc",version="1.2"}': 1.0,
    }


def test_failures_are_counted_by_what_failed() -> None:
    instruments = Instruments()
    instruments.count_error(400)
    instruments.count_error(401)
    instruments.count_error(400)
    instruments.count_task_failure("cards", "timeout")
    instruments.count_postgres_failure("pool")
    assert counted(instruments, "cj_(errors|task_failures|postgres_failures)_total") == {
        'cj_errors_total{status="400"}': 2.0,
        'cj_errors_total{status="401"}': 1.0,
        'cj_task_failures_total{kind="timeout",task="cards"}': 1.0,
        'cj_postgres_failures_total{kind="pool"}': 1.0,
    }
