"""Ten plan files, each with the verdict that hand arithmetic gives; the file says the arithmetic.

All are judged by a load test that surely answered 4,000 calls/s, of which 70 % may be planned on: 2,800.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.capacity.evidence.ceiling import MeasuredCeiling
from app.capacity.plan.plan import parse_plan
from app.capacity.planner import Judgement, Verdict, judge, sentence, ways_out

PLANS = Path(__file__).parents[4] / "plans"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """Of one campaign: verdict, limit to type, highest safe limit, its last minute's end, busiest second as planned."""

    verdict: Verdict
    advised: int | None
    highest: int | None
    ends: str | None
    planned_rps: int


EXPECTED: dict[str, tuple[Verdict, str | None, list[Told]]] = {
    "go": ("GO", None, [Told("GO", 25_000, 50_000, "24T09:12", 834)]),
    "go_if": ("GO_IF", "latency_slo", [Told("GO_IF", 50_000, 50_000, "23T09:24", 3_334)]),
    "no_go": ("NO_GO", "finish_by", [Told("NO_GO", None, None, "23T09:24", 3_334)]),
    "retest": ("RETEST", "evidence_lower_bound", [Told("RETEST", 10_000, 10_000, "21T11:40", 10_002)]),
    "at_once": ("GO_IF", "latency_slo", [Told("GO_IF", 25_000, 25_000, "24T12:08", 66_668)]),
    "collision": (
        "GO_IF",
        "latency_slo",
        [Told("GO", 50_000, 50_000, "23T09:10", 1_667), Told("GO_IF", 25_000, 25_000, "23T09:17", 1_667)],
    ),
    "shared_limit": (
        "GO",
        None,
        [Told("GO", None, 500_000, "23T09:10", 2_500), Told("GO", None, 500_000, "23T09:20", 2_500)],
    ),
    "triggered": ("GO", None, [Told("GO", None, 500_000, "23T19:00", 82)]),
    "time_zones": ("GO", None, [Told("GO", 50_000, 50_000, "24T23:01", 1_667)]),
    "too_slow": ("GO_IF", "abort_72h", [Told("GO_IF", 500, 50_000, "24T18:20", 4)]),
}


@pytest.fixture
def judged_file(measured: Callable[..., MeasuredCeiling]) -> Callable[[str], Judgement]:
    """Judge a plan file; the one named retest has a lower bound only."""

    def build(name: str) -> Judgement:
        plan = parse_plan((PLANS / f"{name}.toml").read_text(encoding="utf-8"))
        test = measured(kind="at_least", bound_by=("the generator",)) if name == "retest" else measured()
        return judge(plan, [test], running=None, now=NOW)

    return build


def test_every_plan_file_is_expected() -> None:
    assert {path.stem for path in PLANS.glob("*.toml")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_plan_file_is_judged_as_by_hand(name: str, judged_file: Callable[[str], Judgement]) -> None:
    judgement = judged_file(name)
    verdict, binding, campaigns = EXPECTED[name]
    assert (judgement.verdict, judgement.binding.code if judgement.binding else None) == (verdict, binding)
    told = [
        Told(
            verdict=one.verdict,
            advised=one.advised_limit_per_min,
            highest=one.limit_per_min,
            ends=f"{one.finishes_at.high:%dT%H:%M}" if one.finishes_at and one.finishes_at.high else None,
            planned_rps=one.planned_peak_rps,
        )
        for one in judgement.campaigns
    ]
    assert told == campaigns


SENTENCES = {
    "go": (
        "보내도 됩니다. 발송 속도는 계획한 분당 25,000건 그대로 두세요. 09:12에 끝납니다.",
        "Yes, send it. Keep the delivery speed at 25,000 messages a minute. It ends at 09:12.",
    ),
    "go_if": (
        (
            "보내도 됩니다. 발송 속도를 분당 50,000건으로 설정하세요. 분당 500건에서 50,000건 사이가 안전합니다. "
            "09:24에 끝납니다."
        ),
        (
            "Yes, send it. Set the delivery speed at 50,000 messages a minute. "
            "500 to 50,000 messages a minute are safe. It ends at 09:24."
        ),
    ),
    "no_go": (
        (
            "이대로는 보내지 마세요. 분당 50,000건이면 09:24에 끝나, 희망 종료 시각(09:20)을 넘깁니다. "
            "09:24까지 기다릴 수 있으면 분당 50,000건으로 보내도 됩니다."
        ),
        (
            "No, not like this. At 50,000 messages a minute, it ends at 09:24, later than the 09:20 you want. "
            "If 09:24 is soon enough, it may go at 50,000 messages a minute."
        ),
    ),
    "retest": (
        (
            "아직 판단할 수 없습니다. 부하 테스트가 서비스의 최대 처리량까지 올라가지 않아, 이만큼 처리하는지 알 수 없습니다. "
            "지금 있는 테스트 결과로는 분당 500건에서 10,000건 사이만 괜찮아 보입니다."
        ),
        (
            "Nobody can say yet. The load test never reached the service's limit, so nobody knows whether it carries this. "
            "By the test at hand, 500 to 10,000 messages a minute would do."
        ),
    ),
    "at_once": (
        (
            "보내도 됩니다. 단, 한꺼번에 보내지 말고 발송 속도를 분당 25,000건으로 설정하세요. "
            "분당 50건에서 25,000건 사이가 안전합니다. 12:08에 끝납니다."
        ),
        (
            "Yes, but not all at once: set the delivery speed at 25,000 messages a minute. "
            "50 to 25,000 messages a minute are safe. It ends at 12:08."
        ),
    ),
    "collision": (
        "발송 속도를 바꾸면 모두 보내도 됩니다: ‘scrap reminder’ 분당 25,000건. 늦어도 09:17에 모두 끝납니다.",
        'Yes, send them all with these delivery speeds: "scrap reminder" 25,000 a minute. All have ended by 09:17.',
    ),
    "shared_limit": (
        "모두 계획대로 보내도 됩니다. 늦어도 09:20에 모두 끝납니다.",
        "Yes, send them all as planned. All have ended by 09:20.",
    ),
    "triggered": (
        "보내도 됩니다. 속도 제한 없이 보내도 괜찮습니다. 19:00에 끝납니다.",
        "Yes, send it, without a speed limit. It ends at 19:00.",
    ),
    "time_zones": (
        "보내도 됩니다. 발송 속도는 계획한 분당 50,000건 그대로 두세요. 23:01에 끝납니다.",
        "Yes, send it. Keep the delivery speed at 50,000 messages a minute. It ends at 23:01.",
    ),
    "too_slow": (
        (
            "보내도 됩니다. 발송 속도를 분당 500건으로 설정하세요. 분당 500건에서 50,000건 사이가 안전합니다. "
            "11월 24일 18:20에 끝납니다."
        ),
        (
            "Yes, send it. Set the delivery speed at 500 messages a minute. "
            "500 to 50,000 messages a minute are safe. It ends at 18:20 on 24 Nov."
        ),
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_plan_files_verdict_is_one_plain_sentence_or_two(
    name: str, judged_file: Callable[[str], Judgement]
) -> None:
    judgement = judged_file(name)
    assert (sentence(judgement, "ko"), sentence(judgement, "en")) == SENTENCES[name]


def test_a_collision_names_who_meets_whom_and_both_ways_out(judged_file: Callable[[str], Judgement]) -> None:
    """Alone each is 1,667 calls/s; from 09:05 until the first ends at 09:10 they are 3,334, 534 above 2,800."""
    (met,) = judged_file("collision").collisions
    assert (met.campaign, met.others, met.peak_rps, met.excess_rps) == (
        "scrap reminder",
        ("weekly digest",),
        3_334,
        534,
    )
    assert (f"{met.begins_at:%H:%M}", f"{met.ends_at:%H:%M}") == ("09:05", "09:10")
    assert met.slow is not None
    assert met.shift is not None
    assert (met.slow.campaign, met.slow.limit_per_min, met.slow.later_min) == ("scrap reminder", 25_000, 6)
    assert (met.shift.campaign, met.shift.by_min, f"{met.shift.finishes_at:%H:%M}") == (
        "scrap reminder",
        5,
        "09:16",
    )
    assert ways_out(met, "ko") == (
        "천천히: ‘scrap reminder’ 캠페인의 발송 속도를 분당 25,000건으로 낮추면 09:17에 끝납니다(6분 늦게).",
        "나중에: ‘scrap reminder’ 캠페인을 5분 늦춰 09:10에 시작하면 09:16에 끝납니다.",
    )


def test_beyond_the_ceiling_it_is_said_what_becomes_of_the_mails(
    judged_file: Callable[[str], Judgement],
) -> None:
    """66,668 calls in the first second against 4,000: nearly all mails lose a call within seconds, none is retried."""
    outcome = judged_file("at_once").campaigns[0].as_planned
    assert outcome is not None
    assert outcome.complete
    assert (outcome.retries, outcome.aborted) == (0, 0)
    assert 0.9 < outcome.cut_off_share + outcome.withheld_share < 1.0
    assert outcome.personalised_share < 0.05
    assert outcome.personalised_share == pytest.approx(1 - outcome.blank / 200_000)
    assert outcome.failures_per_min > outcome.breaker_failures
    assert outcome.failure_share > outcome.breaker_share
    assert outcome.halts == 1
