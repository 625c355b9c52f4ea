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
from app.capacity.planner.demand.work import WorkBudget
from app.capacity.planner.scope import JudgementScope
from tests.unit.capacity.planner.conftest import NINE, NOW, RUNNING

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


@pytest.fixture
def steps_taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The work that was really done, piece by piece."""
    taken: list[int] = []
    spend = WorkBudget.spend

    def counted(budget: WorkBudget, steps: int) -> None:
        if steps <= budget.left:
            taken.append(steps)
        spend(budget, steps)

    monkeypatch.setattr(WorkBudget, "spend", counted)
    return taken


def test_load_tests_of_several_sizes_share_the_work_of_one(
    at: Build, judged: Build, measured: Build, steps_taken: list[int]
) -> None:
    """Twenty sends that wait for a workspace's limit, each counting on one of four numbers of servers."""
    shared = Workspace(time_zone="Asia/Seoul", limit_per_min=40_000)
    sends = [at(f"c{place}", 7 * place, instances=1 + place % 4) for place in range(20)]
    tests = [measured(4_000.0 * size, evidence_id=f"of {size}", instances=size) for size in range(1, 5)]
    judged(
        *(replace(one, instances=1) for one in sends), workspace=shared, tests=tests[:1], most_steps=50_000
    )
    by_one = sum(steps_taken)
    steps_taken.clear()
    judgement = judged(*sends, workspace=shared, tests=tests, most_steps=50_000)
    assert judgement.notes[-1].code == "note_other_instances"
    assert sum(steps_taken) < 1.5 * by_one


def test_a_campaign_has_one_verdict_whoever_else_is_told_of_where_load_tests_share_the_work(
    at: Build, judged: Build, measured: Build
) -> None:
    shared = Workspace(time_zone="Asia/Seoul", limit_per_min=40_000)
    sends = [at(f"c{place}", 7 * place, instances=(None, 2, 3)[place % 3]) for place in range(12)]
    tests = [measured(4_000.0 * size, evidence_id=f"of {size}", instances=size) for size in (1, 2, 3)]
    work = {"workspace": shared, "tests": tests, "most_steps": 20_000, "running": RUNNING}
    told = {one.name: (one.verdict, one.binding) for one in judged(*sends, **work).campaigns}
    for name, verdict in told.items():
        (alone,) = judged(*sends, **work, scope=JudgementScope(names=frozenset({name}))).campaigns
        assert (alone.verdict, alone.binding) == verdict
