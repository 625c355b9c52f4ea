"""A campaign's sends are added up."""

from __future__ import annotations

from datetime import date

import pytest

from app.feedback.results.campaign import click_rate, mixed_variants, summarise
from app.feedback.results.counts import ControlCounts, MailCounts, PlaceCounts, SendCounts, VariantCounts

DAY = date(2026, 11, 20)


def variant(variation: str, **clicks: int) -> VariantCounts:
    return VariantCounts(
        variation_id=variation, mailed=10, members=10, clicked=1, applied=1, variants={"": 0} | clicks
    )


def test_sends_are_added_up_by_position_source_and_reason() -> None:
    places = [
        PlaceCounts(source="personalized", position=1, shown=100, clicked=9),
        PlaceCounts(source="personalized", position=2, shown=90, clicked=3),
        PlaceCounts(source="popular", position=1, shown=50, clicked=1),
        PlaceCounts(source="personalized", position=0, reason="fits_field", shown=40, clicked=1),
        PlaceCounts(source="personalized", position=0, reason="similar_to_applied", shown=20, clicked=4),
    ]
    arms = [MailCounts(arm="", mailed=150, members=150)]
    sends = [
        SendCounts(campaign="weekly", day=day, arms=arms, places=places) for day in (DAY, DAY.replace(day=13))
    ]
    found = summarise("weekly", sends, DAY.replace(day=23))
    assert [(rate.name, rate.shown, rate.clicked) for rate in found.by_position] == [
        ("1", 300, 20),
        ("2", 180, 6),
    ]
    assert [(rate.name, rate.shown, rate.clicked) for rate in found.by_source] == [
        ("personalized", 380, 24),
        ("popular", 100, 2),
    ]
    assert [rate.name for rate in found.by_reason] == ["similar_to_applied", "fits_field"]
    assert [send.day >= found.open_since for send in found.sends] == [True, False]


def test_a_rate_has_wilsons_interval() -> None:
    rate = click_rate("1", 100, 10)
    assert [rate.rate, rate.low, rate.high] == pytest.approx([0.1, 0.0552, 0.1744], abs=1e-4)
    assert click_rate("1", 0, 3).rate == 0


@pytest.mark.parametrize(
    ("variants", "mixed"),
    [
        ([variant("V1", a=50), variant("V2", b=60)], []),
        ([variant("V1", a=500, b=3), variant("V2", b=60)], []),  # a link that somebody copied
        ([variant("V1", a=50), variant("V2", a=60)], ["V1", "V2"]),
        ([variant("V1", a=50, b=40), variant("V2", c=60)], ["V1"]),
        ([VariantCounts(variation_id="V1", mailed=1, members=1, clicked=1, applied=0, variants={"": 9})], []),
        (
            [
                VariantCounts(variation_id="V1", mailed=1, members=1, clicked=1, applied=0, variants={"": 9}),
                variant("V2", b=5),
            ],
            ["V1"],
        ),
        (
            [VariantCounts(variation_id="V1", mailed=1, members=1, clicked=0, applied=0), variant("V2", b=5)],
            [],
        ),
    ],
)
def test_variants_that_do_not_name_themselves_are_found(
    variants: list[VariantCounts], mixed: list[str]
) -> None:
    assert mixed_variants(variants) == mixed


def test_members_held_back_are_set_beside_the_mailed_of_the_same_days() -> None:
    held = SendCounts(
        campaign="weekly",
        day=DAY,
        arms=[MailCounts(arm="", mailed=90_000, members=90_000)],
        controls=[ControlCounts(of="campaign", members=10_000, applied=300)],
        applied_anyway=3_000,
    )
    without = SendCounts(
        campaign="weekly",
        day=date(2026, 11, 13),
        arms=[MailCounts(arm="", mailed=5, members=5)],
        applied_anyway=5,
    )
    (found,) = summarise("weekly", [held, without], DAY).held
    assert (found.members, found.mailed, found.mailed_applied) == (10_000, 90_000, 3_000)
    assert found.difference is not None
    assert found.difference.absolute.value == pytest.approx(3_000 / 90_000 - 0.03)
