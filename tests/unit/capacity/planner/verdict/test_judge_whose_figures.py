"""What is said of a campaign is its own: its host's, its share of a workspace's limit, its part of what is lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.capacity.campaign import Range, Workspace
from app.capacity.planner import as_text, sentence
from tests.unit.capacity.planner.conftest import NINE

Build = Callable[..., Any]


def test_a_campaign_that_calls_another_host_takes_nothing_of_this_services_ceiling(
    at: Build, judged: Build
) -> None:
    ours, theirs = at("ours"), at("theirs", host="other.example")
    judgement = judged(ours, theirs)
    assert [(one.verdict, one.planned_peak_rps) for one in judgement.campaigns] == [
        ("GO", 1_667),
        ("RETEST", 0),
    ]
    assert judgement.campaigns[1].binding.code == "evidence_host"
    assert "other.example" in sentence(judgement.campaigns[1], "ko")
    assert judgement.collisions == ()
    assert judgement.planned.peak_rps == 1_667


def test_a_campaign_that_names_the_measured_host_calls_this_service(
    at: Build, judged: Build, measured: Build
) -> None:
    tests = [measured(host="jobs.example")]
    for host in ("default", "jobs.example"):
        assert judged(at("c", host=host), tests=tests).campaigns[0].verdict == "GO"


def test_the_workspaces_limit_is_named_where_it_is_what_makes_a_campaign_late(
    at: Build, judged: Build
) -> None:
    """Half a million at 50,000 a minute end at 09:10; 20,000 a minute for all make it 09:25."""
    one = at("c", finish_by=NINE + timedelta(minutes=15))
    told = judged(one, workspace=Workspace(time_zone="Asia/Seoul", limit_per_min=20_000)).campaigns[0]
    assert told.binding.numbers["workspace_limit_per_min"] == 20_000
    assert "워크스페이스 한도(분당 20,000건)" in sentence(told, "ko")
    late = judged(at("c", finish_by=NINE + timedelta(minutes=5)), low_rps=1_000).campaigns[0]
    assert "workspace_limit_per_min" not in late.binding.numbers


def test_priority_says_who_gives_way_and_is_no_order_of_sending(at: Build, judged: Build) -> None:
    """Three of one start under one limit are mixed: all of them end at the end, unless the others give way to the first."""
    shared = Workspace(time_zone="Asia/Seoul", limit_per_min=100_000)
    three = [
        at(name, recipients=100_000, kind="at_once", limit_per_min=None, priority=priority)
        for name, priority in (("a", 1), ("b", 5), ("c", 9))
    ]
    judgement = judged(*three, workspace=shared, low_rps=10_000)
    assert {f"{one.finishes_at.high:%H:%M}" for one in judgement.campaigns} == {"09:03"}
    first = replace(three[0], finish_by=NINE + timedelta(minutes=1))
    told = judged(first, *three[1:], workspace=shared, low_rps=10_000).campaigns
    assert [one.verdict for one in told] == ["GO", "NO_GO", "NO_GO"]
    assert "note_mixed" in {note.code for note in judgement.notes}


def test_what_is_lost_is_a_range_and_says_what_it_hangs_on(at: Build, judged: Build) -> None:
    judgement = judged(at("c", calls_per_recipient=Range.exactly(2)), low_rps=1_500)
    lost = judgement.campaigns[0].as_planned.lost
    assert 0 < lost.low < lost.likely <= lost.high
    assert "note_losses" in {note.code for note in judgement.notes}
    assert f"{lost.low:,.0f}~{lost.high:,.0f}" in as_text(judgement, "ko")


def test_each_assumption_stands_in_the_report(at: Build, judged: Build) -> None:
    judgement = judged(at("c"))
    told = as_text(judgement, "en")
    assert all(f"{one['name']} = " in told for one in judgement.assumptions)
    assert len(judgement.assumptions) > 20


def test_how_careful_the_default_is_is_said_and_what_typing_a_range_gains(
    campaign: Build, judged: Build
) -> None:
    """Three calls at four times the mean against two at twice: three times more careful than is likely."""
    untyped = campaign(1_000, limit_per_min=100, calls_per_recipient=Range(1, 2, 3))
    (note,) = [note for note in judged(untyped).notes if note.code == "note_careful"]
    assert note.numbers["factor"] == 3
    assert "3배" in sentence(note, "ko")
    typed = campaign(1_000, limit_per_min=100, calls_per_recipient=Range.exactly(2), burst=Range.exactly(2))
    assert "note_careful" not in {note.code for note in judged(typed).notes}
