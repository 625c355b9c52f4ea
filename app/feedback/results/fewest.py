"""Counts of so few members that they would tell what one of them did are not shown anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from app.feedback.statistics.sums import Sums

if TYPE_CHECKING:
    from app.feedback.results.counts import ArmCounts, ExperimentCounts, SendCounts

FEWEST: Final = 10  # members


def without_few(send: SendCounts) -> SendCounts | None:
    """A send without what fewer members came to: arms, variants, control groups, places; None where the send itself had fewer."""
    if send.members < FEWEST:
        return None
    return replace(
        send,
        arms=[arm for arm in send.arms if arm.members >= FEWEST],
        variants=[one for one in send.variants if one.members >= FEWEST],
        controls=[one for one in send.controls if one.members >= FEWEST],
        places=[one for one in send.places if (one.shown if one.mails is None else one.mails) >= FEWEST],
    )


def is_few(arm: ArmCounts) -> bool:
    """Whether an arm has so few members that nothing but their number is told."""
    return arm.members < FEWEST


def without_few_of_an_arm(counts: ExperimentCounts) -> ExperimentCounts:
    """An experiment of which an arm with fewer members tells how many they are, and no more."""
    return replace(
        counts,
        arms=[
            arm
            if not is_few(arm)
            else replace(
                arm,
                clicked=0,
                applied=0,
                applied_anyway=0,
                after_click=0,
                events={},
                applications=Sums(members=arm.members, y=0, yy=0),
            )
            for arm in counts.arms
        ],
    )
