"""Campaigns planned together: who gives way, and how much work a plan may be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from time import process_time
from typing import Any

import pytest

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import Range, Workspace
from app.capacity.plan.table import PlanError
from app.capacity.planner import Judgement, as_text
from tests.unit.capacity.planner.conftest import NINE, NOW

Build = Callable[..., Any]


def limits(judgement: Judgement) -> dict[str, tuple[str, int | None]]:
    return {one.name: (one.verdict, one.advised_limit_per_min) for one in judgement.campaigns}


def test_of_two_that_do_not_fit_together_the_one_begun_later_gives_way(at: Build, judged: Build) -> None:
    assert limits(judged(at("late", 5), at("early"))) == {"late": ("GO_IF", 25_000), "early": ("GO", 50_000)}


def test_priority_goes_before_the_start(at: Build, judged: Build) -> None:
    expected = {"late": ("GO", 50_000), "early": ("GO_IF", 25_000)}
    assert limits(judged(at("late", 5, priority=1), at("early"))) == expected


def test_of_equals_the_one_named_first_goes_first(at: Build, judged: Build) -> None:
    assert limits(judged(at("a"), at("b"))) == {"a": ("GO", 50_000), "b": ("GO_IF", 25_000)}


def test_who_cannot_be_sent_takes_no_room_from_those_after_it(at: Build, judged: Build) -> None:
    hopeless = at("hopeless", priority=1, finish_by=NINE + timedelta(minutes=1))
    assert limits(judged(hopeless, at("b"))) == {"hopeless": ("NO_GO", None), "b": ("GO", 50_000)}


def test_the_advised_curve_leaves_out_who_cannot_be_sent(at: Build, judged: Build) -> None:
    judgement = judged(at("hopeless", priority=1, finish_by=NINE + timedelta(minutes=1)), at("b"))
    assert judgement.planned.peak_rps == 3_334
    assert judgement.advised.peak_rps == 1_667
    assert not judgement.advised.by_campaign_high[0].any()


def test_a_later_campaign_that_would_delay_an_earlier_one_under_a_shared_limit_gives_way(
    at: Build, judged: Build
) -> None:
    """In proportion within a minute: the second takes a third of the first's 60,000 a minute from 09:02 on."""
    mixed = Workspace(
        time_zone="Asia/Seoul", limit_per_min=60_000, assumptions=Assumptions(workspace_order="mixed")
    )
    first = at("first", finish_by=NINE + timedelta(minutes=10))
    second = at("second", 2, recipients=200_000)
    assert judged(first, workspace=mixed).verdict == "GO"
    judgement = judged(first, second, workspace=mixed)
    kept, gives_way = judgement.campaigns
    assert (kept.verdict, kept.binding) == ("GO", None)
    assert (gives_way.verdict, gives_way.binding.code) == ("GO_IF", "makes_late")
    assert gives_way.advised_limit_per_min < 50_000
    assert 'it keeps "first" from being sent in time' in as_text(judgement, "en")


def test_a_send_that_has_begun_is_told_but_decides_nothing(at: Build, judged: Build) -> None:
    begun, ahead = at("begun", -10, limit_per_min=500_000, recipients=5_000_000), at("ahead", 600)
    now = NOW.replace(day=23, hour=0, minute=0)  # 09:00 in Seoul
    judgement = judged(begun, ahead, now=now)
    assert [one.state for one in judgement.campaigns] == ["over", "planned"]
    assert judgement.verdict == "GO"
    later = judged(begun, ahead, now=now.replace(day=24))
    assert (later.verdict, later.binding.code) == ("NO_GO", "in_the_past")


def test_fifty_campaigns_of_a_million_are_judged_in_less_than_a_second(at: Build, judged: Build) -> None:
    """Over a day of ten hours, six an hour, many of them too much together; seconds of this process."""
    many = [at(f"c{place}", place // 6 % 10 * 60 + place % 6 * 10, 1_000_000) for place in range(50)]
    many = [replace(one, audience=Range(900_000, 950_000, 1_000_000)) for one in many]
    took_s = []
    for _ in range(3):
        began = process_time()
        judgement = judged(*many, low_rps=12_000)
        took_s.append(process_time() - began)
    assert min(took_s) < 1.0
    assert len(judgement.campaigns) == 50


def test_a_hundred_that_overlap_at_ten_a_minute_for_72_hours_are_judged_all_the_same(
    at: Build, judged: Build
) -> None:
    """Ten messages a minute start in ten seconds: one each, so as many campaigns a second as the ceiling has."""
    many = [at(f"c{place}", place, 43_200, limit_per_min=10, burst=Range.exactly(1)) for place in range(100)]
    judgement = judged(*many, low_rps=100)
    assert {one.verdict for one in judgement.campaigns} == {"GO", "NO_GO"}
    assert [one.verdict for one in judgement.campaigns].count("GO") == 70


def test_a_plan_that_is_too_much_work_says_so(at: Build, judged: Build) -> None:
    shared = Workspace(time_zone="Asia/Seoul", limit_per_min=100)
    with pytest.raises(PlanError, match="plan fewer days, or fewer campaigns, at a time"):
        judged(at("a"), at("b"), workspace=shared, most_steps=5)


def test_a_play_that_is_cut_short_says_so(at: Build, judged: Build) -> None:
    judgement = judged(at("a", recipients=3_000_000, limit_per_min=300_000), most_played=120)
    outcome = judgement.campaigns[0].as_planned
    assert (outcome.complete, outcome.played_min) == (False, 2)
    assert "note_play_cut_short" in [note.code for note in judgement.notes]


def test_where_nothing_is_played_all_else_is_said_alike(at: Build, judged: Build) -> None:
    both = at("a", recipients=3_000_000, limit_per_min=300_000), at("b", 5)
    played, plain = judged(*both), judged(*both, most_played=0)
    assert played.campaigns[0].as_planned is not None
    assert {one.as_planned for one in plain.campaigns} == {None}
    for one, same in zip(played.campaigns, plain.campaigns, strict=True):
        assert replace(one, as_planned=None) == same
    assert plain.collisions == played.collisions
