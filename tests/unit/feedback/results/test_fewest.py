"""What a handful of members did is told nowhere."""

from __future__ import annotations

from datetime import date

import pytest

from app.feedback.results.counts import ControlCounts, MailCounts, PlaceCounts, SendCounts, VariantCounts
from app.feedback.results.experiment import Conclusion, conclude
from app.feedback.results.fewest import FEWEST, without_few, without_few_of_an_arm
from tests.unit.feedback.results.worked import PLANNED, arm, experiment


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


def test_a_place_and_a_reason_that_a_few_saw_are_left_out() -> None:
    mails = MailCounts(arm="", mailed=20, members=20, clicked=2)
    places = [
        PlaceCounts(source="profile", position=1, shown=FEWEST - 1, clicked=1),
        PlaceCounts(source="personalized", position=1, shown=FEWEST, clicked=1),
        PlaceCounts(
            source="personalized", position=0, reason="popular", shown=99, clicked=1, mails=FEWEST - 1
        ),
        PlaceCounts(
            source="personalized", position=0, reason="fits_field", shown=99, clicked=1, mails=FEWEST
        ),
    ]
    shown = without_few(SendCounts(campaign="weekly", day=date(2026, 11, 20), arms=[mails], places=places))
    assert shown is not None
    assert shown.places == [places[1], places[3]]


@pytest.mark.parametrize("few", ["A", "B"])
def test_nothing_is_concluded_of_an_arm_whose_figures_are_not_told(few: str) -> None:
    arms = [arm(name, FEWEST - 1 if name == few else FEWEST + 2, FEWEST - 1) for name in ("A", "B")]
    (found,) = conclude(without_few_of_an_arm(experiment(*arms, until=PLANNED))).comparisons
    assert found.conclusion is Conclusion.TOO_FEW
    assert {found.clicked, found.decisive, found.applied, found.applications, *found.guards.values()} == {
        None
    }


def test_an_arm_of_a_few_tells_how_many_they_are_alone() -> None:
    shown = without_few_of_an_arm(
        experiment(arm("A", FEWEST - 1, 3, events={"spam": 1}), arm("B", FEWEST, 4))
    )
    assert [(one.members, one.clicked, one.applied, one.applications.y) for one in shown.arms] == [
        (FEWEST - 1, 0, 0, 0),
        (FEWEST, 12, 4, 4),
    ]
    assert shown.arms[0].events == {}
