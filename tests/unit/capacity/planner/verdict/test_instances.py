"""How many instances a plan needs, by what was measured."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.capacity.campaign import Campaign, Range
from app.capacity.evidence.ceiling import MeasuredCeiling
from app.capacity.evidence.scaling import Law
from app.capacity.planner import as_text
from app.capacity.planner.scope import JudgementScope
from tests.unit.capacity.planner.conftest import MEASURED_AT, RUNNING

Build = Callable[..., Any]

LAW = Law(single_rps=1_000, sigma=0.05, kappa=0.005)


def sized(measured: Build, *sizes: int) -> list[MeasuredCeiling]:
    return [
        measured(
            0.98 * LAW.rps(size),
            evidence_id=f"lt-{size}",
            rps=LAW.rps(size),
            high_rps=1.02 * LAW.rps(size),
            instances=size,
            ended_at=MEASURED_AT - timedelta(hours=size),
        )
        for size in sizes
    ]


def test_three_measured_sizes_say_how_many_instances_a_wish_needs(
    campaign: Build, judged: Build, measured: Build
) -> None:
    """50,000 a minute is 1,667 calls/s, so 2,382 measured ones: of the law's 1,000, 1,887, 2,655 ... three."""
    wish = campaign(500_000, limit_per_min=50_000, burst=Range.exactly(2))
    needed = judged(wish, tests=sized(measured, 1, 2, 4)).instances
    assert (needed.needed, needed.sizes, needed.why) == (3, (1, 2, 4), None)
    assert needed.wanted_rps == pytest.approx(1_667 / 0.7)


def test_more_than_twice_what_was_measured_is_not_spoken_of(
    campaign: Build, judged: Build, measured: Build
) -> None:
    wish = campaign(5_000_000, limit_per_min=500_000, burst=Range.exactly(2))
    needed = judged(wish, tests=sized(measured, 1, 2, 3)).instances
    assert needed.needed is None
    assert needed.why is not None
    assert (needed.why.code, needed.why.numbers) == (
        "instances_beyond_measured",
        {"furthest": 6, "largest": 3},
    )


def test_where_no_number_is_sure_the_one_to_measure_next_is_named(
    campaign: Build, judged: Build, measured: Build
) -> None:
    """The law's five do 3,846, and 3,810 are asked for; of eight 3,620 are sure, and of none more."""
    wish = campaign(500_000, limit_per_min=80_000, burst=Range.exactly(2))
    judgement = judged(wish, tests=sized(measured, 1, 2, 4))
    needed = judgement.instances
    assert (needed.needed, needed.probable) == (None, 5)
    assert LAW.rps(5) >= needed.wanted_rps
    assert needed.why is not None
    assert (needed.why.code, needed.why.numbers) == (
        "instances_not_sure",
        {"furthest": 8, "largest": 4, "probable": 5},
    )
    assert "As likely as not 5 servers do, and no number surely does: measure with 5." in as_text(
        judgement, "en"
    )
    assert "5대로 부하 테스트를 해 보세요" in as_text(judgement, "ko")


def test_one_measured_size_gives_a_bound_and_what_to_measure(
    campaign: Build, judged: Build, measured: Build
) -> None:
    """3,334 calls/s need 4,763 measured ones; one broke at 1,020, so four cannot be enough, whatever they add."""
    wish = campaign(500_000, limit_per_min=100_000, burst=Range.exactly(2))
    needed = judged(wish, tests=sized(measured, 1)).instances
    assert (needed.needed, needed.at_least, needed.sizes) == (None, 5, (1,))
    assert needed.why is not None
    assert needed.why.numbers == {"sizes": (1,), "fewest": 3, "measure": (2, 4)}


def test_what_one_send_needs_does_not_hang_on_how_another_was_planned(at: Build, judged: Build) -> None:
    """The other goes at 50,000 a minute, too, when it is sent as advised: 3,334 calls/s together."""
    rash, own = at("rash", limit_per_min=None), at("own")
    needed = judged(rash, own, scope=JudgementScope(names=frozenset({"own"}))).instances
    assert needed.wanted_rps == pytest.approx(2 * 1_667 / 0.7)
    assert judged(rash, own).instances.wanted_rps > 5 * needed.wanted_rps


def test_a_plan_that_fits_needs_no_more(digest: Campaign, judged: Build) -> None:
    needed = judged(digest).instances
    assert (needed.needed, needed.why.code) == (1, "instances_enough")


def test_a_send_that_counts_on_more_instances_is_to_be_measured_with_them(
    campaign: Build, judged: Build
) -> None:
    wanted = campaign(300_000, limit_per_min=25_000, burst=Range.exactly(2), instances=3)
    (found,) = judged(wanted, running=RUNNING).campaigns
    assert (found.verdict, found.binding.code, dict(found.binding.numbers)) == (
        "RETEST",
        "instances_unmeasured",
        {"wanted": 3, "measured": 1},
    )
    (as_measured,) = judged(replace(wanted, instances=1), running=RUNNING).campaigns
    assert as_measured.verdict == "GO"


def test_nothing_is_foreseen_of_a_send_on_servers_that_nobody_measured(
    campaign: Build, judged: Build
) -> None:
    """Its chance, what becomes of it, and what would as planned: the load test of one server does not say."""
    wanted = campaign(3_000_000, limit_per_min=250_000, burst=Range.exactly(2), instances=3)
    (found,) = judged(wanted, running=RUNNING).campaigns
    assert (found.chance, found.expected, found.as_planned) == (None, None, None)
    (as_measured,) = judged(replace(wanted, instances=1), running=RUNNING).campaigns
    assert as_measured.expected is not None
    assert as_measured.as_planned is not None
