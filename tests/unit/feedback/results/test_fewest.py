"""What a handful of members did is told nowhere."""

from __future__ import annotations

from datetime import date

from app.feedback.results.counts import ControlCounts, MailCounts, SendCounts, VariantCounts
from app.feedback.results.fewest import FEWEST, without_few, without_few_of_an_arm
from tests.unit.feedback.results.worked import arm, experiment


def test_a_send_to_a_few_is_not_there() -> None:
    mails = MailCounts(arm="", mailed=FEWEST, members=FEWEST, clicked=1)
    send = SendCounts(campaign="weekly", day=date(2026, 11, 20), arms=[mails])
    assert without_few(send) == send
    few = MailCounts(arm="", mailed=FEWEST, members=FEWEST - 1, clicked=1)
    assert without_few(SendCounts(campaign="weekly", day=send.day, arms=[few])) is None


def test_an_arm_a_variant_and_a_control_group_of_a_few_are_left_out() -> None:
    few, many = FEWEST - 1, FEWEST
    send = SendCounts(
        campaign="weekly",
        day=date(2026, 11, 20),
        arms=[MailCounts(arm=str(members), mailed=members, members=members) for members in (few, many)],
        variants=[
            VariantCounts(variation_id=str(members), mailed=members, members=members, clicked=1, applied=1)
            for members in (few, many)
        ],
        controls=[ControlCounts(of="campaign", members=members, applied=1) for members in (few, many)],
    )
    shown = without_few(send)
    assert shown is not None
    assert [[len(some) for some in (shown.arms, shown.variants, shown.controls)]] == [[1, 1, 1]]


def test_an_arm_of_a_few_tells_how_many_they_are_alone() -> None:
    shown = without_few_of_an_arm(
        experiment(arm("A", FEWEST - 1, 3, events={"spam": 1}), arm("B", FEWEST, 4))
    )
    assert [(one.members, one.clicked, one.applied, one.applications.y) for one in shown.arms] == [
        (FEWEST - 1, 0, 0, 0),
        (FEWEST, 12, 4, 4),
    ]
    assert shown.arms[0].events == {}
