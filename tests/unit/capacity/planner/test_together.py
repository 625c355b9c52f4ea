"""Campaigns planned together: who gives way, how a collision is resolved, what chance says, how fast it is."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from time import process_time
from typing import Any

import numpy as np
import pytest

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import AllAtOnce, Arrivals, Campaign, QuietHours, Range, Workspace
from app.capacity.plan.table import PlanError
from app.capacity.planner import Judgement, as_json
from app.capacity.planner.search.collisions import smallest_move
from app.capacity.planner.search.deadlines import chance_in_time, triangle
from tests.unit.capacity.planner.conftest import NOW

Build = Callable[..., Any]
NINE = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001  (wall time, as in a plan)
TWICE = Range.exactly(2)  # the burst of every campaign here: 50,000 a minute are 1,667 calls/s


@pytest.fixture(scope="session")
def at(campaign: Build) -> Build:
    """Build a campaign begun so many minutes after nine."""

    def build(name: str, minutes: int = 0, recipients: int = 500_000, **changes: Any) -> Campaign:
        timing = AllAtOnce(NINE + timedelta(minutes=minutes))
        usual: dict[str, Any] = {"limit_per_min": 50_000, "burst": TWICE, "timing": timing}
        made: Campaign = campaign(recipients, name=name, **(usual | changes))
        return made

    return build


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


def test_where_the_later_one_cannot_be_slowed_the_earlier_one_is(at: Build, judged: Build) -> None:
    """The later must end in 10 minutes, so at 50,000; beside it the earlier may have 25,000, and ends at 09:20."""
    must = at("must", 5, finish_by=NINE + timedelta(minutes=15))
    (met,) = judged(at("early"), must).collisions
    assert (met.campaign, met.others) == ("must", ("early",))
    assert met.slow is not None
    assert (met.slow.campaign, met.slow.limit_per_min, met.slow.later_min) == ("early", 25_000, 10)
    assert met.shift is not None
    assert (met.shift.campaign, met.shift.by_min, met.shift.in_time) == ("must", 5, False)


def test_what_members_trigger_is_not_moved_but_what_it_meets_is(at: Build, judged: Build) -> None:
    """50,000 a minute by chance come beside 50,000 a minute; what members trigger has no other time."""
    timing = Arrivals(NINE + timedelta(minutes=2), NINE + timedelta(minutes=32))
    triggered = at("triggered", recipients=1_500_000, kind="triggered", timing=timing, limit_per_min=None)
    (met,) = judged(at("early"), triggered).collisions
    assert met.campaign == "triggered"
    assert met.shift is not None
    assert (met.shift.campaign, met.shift.by_min) == ("early", 32)


def test_a_move_is_the_smallest_that_fits() -> None:
    room = np.array([0, 9, 9, 0, 9, 0, 0, 0, 0, 9, 0, 0, 0])
    assert smallest_move(room, np.array([5, 5, 5]), 10) == 5
    assert smallest_move(room, np.array([1, 1, 1]), 10) == 1
    assert smallest_move(room, np.array([1, 5, 5]), 10) == 4
    assert smallest_move(room, np.array([11]), 10) is None


def test_quiet_hours_are_kept_by_a_move(at: Build, judged: Build) -> None:
    quiet = QuietHours(NINE.replace(hour=9, minute=8).time(), NINE.replace(hour=12).time())
    judgement = judged(at("early"), at("late", 5, quiet_hours=quiet))
    (met,) = judgement.collisions
    assert met.campaign == "late"
    assert met.shift is not None
    assert f"{met.shift.finishes_at:%H:%M}" == "12:10"


def test_a_later_campaign_may_delay_an_earlier_one_under_a_shared_limit(at: Build, judged: Build) -> None:
    """In proportion within a minute: the second takes a third of the first's 60,000 a minute from 09:02 on."""
    mixed = Workspace(
        time_zone="Asia/Seoul", limit_per_min=60_000, assumptions=Assumptions(workspace_order="mixed")
    )
    first = at("first", finish_by=NINE + timedelta(minutes=10))
    second = at("second", 2, recipients=200_000)
    assert judged(first, workspace=mixed).verdict == "GO"
    judgement = judged(first, second, workspace=mixed)
    told = judgement.campaigns[0]
    assert (told.verdict, told.binding.code) == ("NO_GO", "finish_by")


def test_the_chance_of_ending_in_time_is_the_triangles_share(at: Build, judged: Build) -> None:
    """At 50,000 a minute ten minutes carry 500,000 of 400,000 to 600,000, likeliest 500,000: half of the triangle."""
    one = replace(at("c", finish_by=NINE + timedelta(minutes=10)), audience=Range(400_000, 500_000, 600_000))
    chance = judged(one).campaigns[0].chance
    assert chance.share == pytest.approx(0.5, abs=0.015)
    assert chance.low < 0.5 < chance.high
    assert chance.high - chance.low == pytest.approx(2 * 1.96 * 0.5 / 100, rel=0.02)
    assert chance.samples == 10_000


def test_a_known_audience_is_certain_to_be_in_time_or_not(at: Build, judged: Build) -> None:
    in_time, late = (judged(at("c", finish_by=NINE + timedelta(minutes=m))).campaigns[0] for m in (10, 9))
    assert (in_time.verdict, in_time.chance.share) == ("GO", 1.0)
    assert (late.verdict, late.chance.share) == ("NO_GO", 0.0)


def test_audiences_that_share_a_limit_have_chances_too(at: Build, judged: Build) -> None:
    shared = Workspace(time_zone="Asia/Seoul", limit_per_min=50_000)
    first, second = (
        replace(
            at(name, finish_by=NINE + timedelta(minutes=minutes)), audience=Range(400_000, 500_000, 600_000)
        )
        for name, minutes in (("first", 30), ("second", 20))
    )
    told = judged(first, second, workspace=shared).campaigns
    assert told[0].chance.share == 1.0
    assert 0.3 < told[1].chance.share <= 0.51


def test_triangles_quantiles_run_from_low_over_likely_to_high() -> None:
    drawn = triangle(Range(0, 10, 40), np.array([0.0, 0.25, 1.0]))
    assert drawn.tolist() == pytest.approx([0, 10, 40])
    assert triangle(Range.exactly(7), np.array([0.1, 0.9])).tolist() == [7, 7]


def test_wilsons_interval_is_right_at_the_ends() -> None:
    """Wilson's interval of 0 in 10 draws is 0 to 0.2775."""
    none = chance_in_time(np.zeros(10, dtype=bool))
    assert (none.share, none.low, none.high) == pytest.approx((0, 0, 0.2775), abs=1e-4)


def test_a_send_that_has_begun_is_told_but_decides_nothing(at: Build, judged: Build) -> None:
    begun, ahead = at("begun", -10, limit_per_min=500_000, recipients=5_000_000), at("ahead", 600)
    now = NOW.replace(day=23, hour=0, minute=0)  # 09:00 in Seoul
    judgement = judged(begun, ahead, now=now)
    assert [one.state for one in judgement.campaigns] == ["over", "planned"]
    assert judgement.verdict == "GO"
    later = judged(begun, ahead, now=now.replace(day=24))
    assert (later.verdict, later.binding.code) == ("NO_GO", "in_the_past")


def test_the_json_form_holds_everything_and_is_json(at: Build, judged: Build) -> None:
    told = as_json(judged(at("early"), at("late", 5)))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert list(told) == [
        *("sentence", "verdict", "binding", "if_evidence_held", "time_zone", "judged_at", "seed", "ceiling"),
        *("campaigns", "collisions", "planned", "advised", "instances", "notes"),
    ]
    assert told["planned"]["rows"][0] == ["2026-11-23T09:00+09:00", 1_667, 1_667, 1_667]
    assert told["planned"]["rows"][5] == ["2026-11-23T09:05+09:00", 3_334, 3_334, 3_334]
    assert told["planned"]["peak"]["at"] == "2026-11-23T09:05+09:00"
    assert max(told["planned"]["peak"]["seconds"]) == told["planned"]["peak"]["high"] == 3_334
    assert told["binding"]["sentence"]["en"].startswith(
        "At 50,000 messages a minute, up to 3,334 calls come in"
    )


def test_a_curve_of_weeks_is_cut_to_two_thousand_rows(at: Build, judged: Build) -> None:
    weeks = [at(f"c{day}", day * 24 * 60, recipients=43_200, limit_per_min=10) for day in range(0, 12, 3)]
    judgement = judged(*weeks)
    told = as_json(judgement)["planned"]
    assert len(judgement.planned.minutes) == 4 * 4_320
    assert (told["bucket_min"], len(told["rows"])) == (10, 4 * 432)


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
