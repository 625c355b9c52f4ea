"""What is concluded of an experiment, and the sentence for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from app.feedback.results.experiment import Conclusion, conclude
from app.feedback.results.sentences import sentences, signed
from app.feedback.statistics.sums import Sums
from tests.unit.feedback.results.worked import PLANNED, STARTED, arm, experiment


def test_at_the_planned_end_a_better_arm_may_be_settled_on() -> None:
    found = conclude(experiment(arm("A", 60_000, 3_000), arm("B", 60_000, 3_360), until=PLANNED))
    (one,) = found.comparisons
    assert (found.at_planned_end, one.conclusion, one.applied and one.applied.method) == (
        True,
        Conclusion.BETTER,
        "score",
    )
    assert sentences(found, "ko") == [
        "B안에서 지원한 회원이 12% 많았습니다 (95% 신뢰구간 6.8~17%). 이제 B안으로 정해도 됩니다."
    ]
    assert sentences(found, "en") == [
        "12% more members applied with B (95% interval 6.8 to 17%). You may settle on B now."
    ]


def test_while_it_runs_the_interval_holds_at_every_look_and_is_wider() -> None:
    arms = arm("A", 60_000, 3_000), arm("B", 60_000, 3_360)
    running, ended = conclude(experiment(*arms)), conclude(experiment(*arms, until=PLANNED))
    (now,), (then,) = running.comparisons, ended.comparisons
    assert now.applied is not None
    assert then.applied is not None
    assert (now.applied.method, now.applied.p_value) == ("gavi", None)
    assert now.applied.absolute.low < then.applied.absolute.low
    assert now.conclusion is Conclusion.BETTER


def test_one_that_was_stopped_early_was_looked_at_and_keeps_the_wider_interval() -> None:
    stopped = STARTED + timedelta(days=10)
    found = conclude(
        experiment(
            arm("A", 60_000, 3_000),
            arm("B", 60_000, 3_150),
            until=stopped,
            stopped_at=stopped,
            state="stopped",
        )
    )
    assert not found.at_planned_end
    assert found.comparisons[0].conclusion is Conclusion.NOT_YET


@pytest.mark.parametrize(
    ("applied", "korean", "english"),
    [
        (3_256, "B안은 아직 말할 수 없습니다: 하루 더.", "Nothing can be said of B yet: one more day."),
        (
            3_230,
            "B안은 아직 말할 수 없습니다: 약 4일 더.",
            "Nothing can be said of B yet: about 4 more days.",
        ),
        (
            3_010,
            "B안은 아직 말할 수 없습니다: 계획한 종료까지 기다리세요.",
            "Nothing can be said of B yet: wait for the planned end.",
        ),
    ],
)
def test_it_says_how_long_to_wait(applied: int, korean: str, english: str) -> None:
    found = conclude(experiment(arm("A", 60_000, 3_000), arm("B", 60_000, applied)))
    assert sentences(found, "ko") == [korean]
    assert sentences(found, "en") == [english]


def test_an_uneven_split_withholds_every_difference() -> None:
    found = conclude(experiment(arm("A", 51_000, 2_000), arm("B", 49_000, 3_000), until=PLANNED))
    assert (found.withheld, found.comparisons) == (True, [])
    assert sentences(found, "en")[0].startswith("Do not read this result")
    assert sentences(found, "ko")[0].startswith("이 결과는 읽지 마세요")


def test_a_worse_arm_is_left() -> None:
    found = conclude(experiment(arm("A", 60_000, 3_360), arm("B", 60_000, 3_000), until=PLANNED))
    assert found.comparisons[0].conclusion is Conclusion.WORSE
    assert sentences(found, "ko") == [
        "B안에서 지원한 회원이 11% 적었습니다 (95% 신뢰구간 6.3~15%). A안을 그대로 쓰세요."
    ]


def test_no_difference_is_said_with_its_interval() -> None:
    found = conclude(experiment(arm("A", 60_000, 3_000), arm("B", 60_000, 3_010), until=PLANNED))
    assert sentences(found, "en") == [
        "No difference between B and A can be told (members who applied, 95% interval -4.5 to +5.4%)."
    ]


def test_harm_goes_before_applications() -> None:
    found = conclude(
        experiment(
            arm("A", 60_000, 3_000, events={"unsubscribe": 60}),
            arm("B", 60_000, 3_600, events={"unsubscribe": 180}),
            until=PLANNED,
        )
    )
    assert found.comparisons[0].conclusion is Conclusion.HARMFUL
    assert sentences(found, "ko") == [
        "B안에서 수신 거부가 늘었습니다. 지원이 늘었더라도 B안으로 정하지 마세요."
    ]


def test_harm_is_said_while_few_have_applied() -> None:
    arms = (
        arm("A", 60_000, 2, events={"unsubscribe": 60}),
        arm("B", 60_000, 3, events={"unsubscribe": 600}),
    )
    assert conclude(experiment(*arms, until=PLANNED)).comparisons[0].conclusion is Conclusion.HARMFUL
    assert conclude(experiment(*arms)).comparisons[0].conclusion is Conclusion.HARMFUL


def test_several_arms_share_the_chance_of_a_false_alarm() -> None:
    applied = {"A": 1_500, "B": 1_600, "C": 1_600}
    arms = [arm(name, 30_000, count, share=1 / 3) for name, count in applied.items()]
    found = conclude(experiment(*arms, until=PLANNED))
    assert [one.applied and one.applied.alpha for one in found.comparisons] == [0.025, 0.025]
    pair = conclude(experiment(*(msgspec.structs.replace(one, share=0.5) for one in arms[:2]), until=PLANNED))
    assert pair.comparisons[0].applied is not None
    assert found.comparisons[0].applied is not None
    assert pair.comparisons[0].applied.absolute.low > found.comparisons[0].applied.absolute.low


def test_the_interval_of_one_of_several_arms_is_called_what_it_is() -> None:
    arms = [
        arm(name, 30_000, count, share=1 / 3) for name, count in {"A": 1_500, "B": 1_700, "C": 1_500}.items()
    ]
    better, same = sentences(conclude(experiment(*arms, until=PLANNED)), "en")
    assert "(97.5% interval" in better
    assert "97.5% interval" in same
    assert "(97.5% 신뢰구간" in sentences(conclude(experiment(*arms, until=PLANNED)), "ko")[0]


@pytest.mark.parametrize(
    ("value", "written"),
    [(-0.03, "0"), (0.03, "0"), (-0.06, "-0.1"), (0.06, "+0.1"), (-12.4, "-12"), (9.96, "+10"), (0.0, "0")],
)
def test_what_rounds_to_nothing_has_no_sign(value: float, written: str) -> None:
    assert signed(value) == written


def test_too_few_conclude_nothing() -> None:
    found = conclude(experiment(arm("A", 40, 1), arm("B", 44, 5), until=PLANNED))
    assert found.comparisons[0].conclusion is Conclusion.TOO_FEW
    nobody = conclude(experiment(arm("A", 0, 0), arm("B", 0, 0)))
    assert sentences(nobody, "en") == ["Nobody has been mailed yet."]
    assert nobody.comparisons[0].applied is None


def test_what_members_did_before_narrows_applications_alone() -> None:
    narrow = {"applications": Sums(members=10_000, y=2_000, yy=9_000, x=2_000, xx=9_000, xy=8_000)}
    found = conclude(
        experiment(arm("A", 10_000, 500, **narrow), arm("B", 10_000, 500, **narrow), until=PLANNED)
    )
    plain = {"applications": replace(narrow["applications"], x=0.0, xx=0.0, xy=0.0)}
    other = conclude(
        experiment(arm("A", 10_000, 500, **plain), arm("B", 10_000, 500, **plain), until=PLANNED)
    )
    assert 0.7 < found.narrowed < 0.9
    assert other.narrowed == 0
    one, two = found.comparisons[0], other.comparisons[0]
    assert one.applied == two.applied
    assert one.applications is not None
    assert two.applications is not None
    assert one.applications.absolute.high < 0.6 * two.applications.absolute.high


def test_credit_and_board_that_disagree_are_told() -> None:
    found = conclude(
        experiment(
            arm("A", 60_000, 3_000, applied_anyway=9_000),
            arm("B", 60_000, 3_400, applied_anyway=8_000),
            until=PLANNED,
        )
    )
    assert found.comparisons[0].contradicted
    assert "opposite ways" in sentences(found, "en")[1]


def test_it_is_decided_by_who_applied_to_what_they_clicked() -> None:
    """An arm that shows what people apply to anyway is credited with more, and has done no more."""
    counts = experiment(
        arm("A", 60_000, 3_000, after_click=900),
        arm("B", 60_000, 3_400, after_click=905),
        arm("C", 60_000, 3_000, after_click=1_100),
        until=PLANNED,
    )
    seen_more, clicked_more = conclude(counts).comparisons
    assert seen_more.applied is not None
    assert seen_more.applied.absolute.low > 0
    assert (seen_more.conclusion, clicked_more.conclusion) == (Conclusion.NO_DIFFERENCE, Conclusion.BETTER)


def test_counts_of_before_that_was_told_apart_are_decided_by_all_credited_applications() -> None:
    found = conclude(
        experiment(arm("A", 60_000, 3_000, after_click=900), arm("B", 60_000, 3_400), until=PLANNED)
    )
    assert found.comparisons[0].decisive is found.comparisons[0].applied
    assert found.comparisons[0].conclusion == Conclusion.BETTER


def test_members_of_two_arms_are_told() -> None:
    found = conclude(experiment(arm("A", 6_000, 300), arm("B", 6_000, 300), crossed=500, until=PLANNED))
    assert sentences(found, "ko")[1].startswith("주의: 회원 500명이")


def test_without_an_application_in_the_control_it_is_told_of_a_thousand_members() -> None:
    found = conclude(experiment(arm("A", 3_000, 0), arm("B", 3_000, 40), until=PLANNED))
    assert sentences(found, "en") == [
        "13 more of 1,000 members applied with B (95% interval 9.8 to 18). You may settle on B now."
    ]
