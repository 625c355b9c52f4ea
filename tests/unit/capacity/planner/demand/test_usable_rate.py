"""What may be planned on is less by what other traffic takes at that local hour, in every minute and in the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capacity.local_time import unix_minute, wall_time
from app.capacity.plan.plan import Judging
from app.capacity.planner import Judgement, ReasonCode, TooManyCalls, as_json, as_text, sentence
from app.capacity.planner.demand.usable_rate import UsableRate
from tests.unit.capacity.planner.conftest import NINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Build = Callable[..., Any]

ZONES = ("Asia/Seoul", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
ELEVEN = tuple(1_500.0 if hour == 11 else 100.0 for hour in range(24))
LOADS = st.lists(st.floats(0, 3_000), min_size=24, max_size=24).map(tuple)


@given(st.sampled_from(ZONES), st.integers(29_000_000, 31_000_000), st.integers(1, 3_000), LOADS)
def test_each_minute_is_less_by_the_base_load_of_its_local_hour(
    zone: str, first: int, length: int, base: Sequence[float]
) -> None:
    usable = UsableRate(2_000.0, base, zone)
    own = [max(0.0, 2_000.0 - base[wall_time(minute, zone).hour]) for minute in range(first, first + length)]
    assert usable.of(first, length).tolist() == own
    assert usable.at(np.arange(first, first + length)).tolist() == own
    assert usable.in_minute(first) == own[0]


def test_the_worst_minute_is_that_most_above_what_is_usable_then() -> None:
    first = unix_minute(NINE, "Asia/Seoul")
    usable = UsableRate(2_000.0, ELEVEN, "Asia/Seoul")
    calls = np.zeros(180, dtype=np.int64)
    calls[10], calls[125] = 1_800, 600  # of 1,900 at nine, and of 500 at eleven
    assert usable.worst(first, calls) == (600, first + 125)
    assert UsableRate(2_000.0).worst(first, calls) == (1_800, first + 10)


def told(judgement: Judgement) -> list[tuple[Any, ...]]:
    return [
        (
            one.verdict,
            one.advised_limit_per_min,
            one.limit_per_min,
            one.safe_limits,
            one.finishes_at,
            one.chance,
        )
        for one in judgement.campaigns
    ]


@pytest.mark.parametrize("base", [0.0, 70.0, 350.0, 1_400.0])
@pytest.mark.parametrize("low_rps", [2_000.0, 4_000.0])
def test_the_same_load_all_day_is_a_ceiling_lower_by_as_much(
    at: Build, judged: Build, base: float, low_rps: float
) -> None:
    campaigns = [at("first", finish_by=NINE.replace(hour=12)), at("second", 15), at("third", 30, 50_000)]
    with_base = judged(*campaigns, low_rps=low_rps, judging=Judging(base_load_rps=(base,) * 24))
    without = judged(*campaigns, low_rps=low_rps - base / 0.7)
    assert told(with_base) == told(without)
    assert [len(one.rejected) for one in with_base.campaigns] == [
        len(one.rejected) for one in without.campaigns
    ]
    met = [(one.campaign, one.others, one.begins_at, one.slow, one.shift) for one in with_base.collisions]
    assert met == [
        (one.campaign, one.others, one.begins_at, one.slow, one.shift) for one in without.collisions
    ]


def test_a_send_that_runs_into_a_busy_hour_is_refused_for_that_hour(at: Build, judged: Build) -> None:
    """417 calls/s from nine to past eleven, and at eleven 1,400 - 1,500 are left: nothing."""
    long = at("long", recipients=2_000_000, limit_per_min=12_500)
    assert judged(long, low_rps=2_000).verdict == "GO"
    judgement = judged(long, low_rps=2_000, judging=Judging(base_load_rps=ELEVEN))
    (own,) = judgement.campaigns
    assert own.verdict == "GO_IF"
    assert own.finishes_at is not None
    assert own.finishes_at.high is not None
    assert own.finishes_at.high.hour <= 11  # fast enough to be done before
    assert isinstance(own.binding, TooManyCalls)
    assert (own.binding.usable_rps, own.binding.base_rps, own.binding.at.hour) == (0.0, 1_500.0, 11)
    assert "다른 트래픽 초당 1,500건을 빼고 초당 0건입니다" in sentence(own.binding, "ko")
    assert "0 may be planned on, less the 1,500 that other traffic takes at that hour" in sentence(
        own.binding, "en"
    )
    alone = next(note for note in judgement.notes if note.code is ReasonCode.NOTE_BASE_LOAD_ALONE)
    assert sentence(alone, "ko").startswith("11:00–12:00에는 다른 트래픽만으로")
    assert "At 11:00–12:00 other traffic alone fills" in sentence(alone, "en")
    assumed = next(note for note in judgement.notes if note.code is ReasonCode.NOTE_BASE_LOAD)
    assert "초당 100~1,500건" in sentence(assumed, "ko")
    assert as_json(judgement)["ceiling"]["base_load_rps"] == list(ELEVEN)
    assert "less other traffic by the hour (up to 1,500)" in as_text(judgement, "en")


def test_where_other_traffic_fills_the_whole_day_nothing_may_be_sent(at: Build, judged: Build) -> None:
    judgement = judged(
        at("any", limit_per_min=10), low_rps=1_000, judging=Judging(base_load_rps=(800.0,) * 24)
    )
    assert judgement.verdict == "NO_GO"
    alone = next(note for note in judgement.notes if note.code is ReasonCode.NOTE_BASE_LOAD_ALONE)
    assert "At 00:00–24:00" in sentence(alone, "en")


@given(
    base=LOADS,
    starts=st.lists(st.integers(0, 600), min_size=1, max_size=3),
    cap=st.sampled_from([5_000, 50_000]),
)
def test_no_advised_second_is_above_what_its_hour_leaves(
    at: Build, judged: Build, base: tuple[float, ...], starts: list[int], cap: int
) -> None:
    campaigns = [at(f"c{place}", start, 200_000, limit_per_min=cap) for place, start in enumerate(starts)]
    judgement = judged(*campaigns, judging=Judging(base_load_rps=base))
    advised, ceiling = judgement.advised, judgement.ceiling
    over = [
        (advised.at(row), high, ceiling.usable_at(advised.at(row)))
        for row, high in enumerate(advised.high.tolist())
        if high and high > (ceiling.usable_at(advised.at(row)) or 0.0)
    ]
    assert over == []
    faster = judged(*campaigns, judging=Judging())
    assert all(
        one.verdict != "GO" or other.verdict == "GO"
        for one, other in zip(judgement.campaigns[:1], faster.campaigns[:1], strict=True)
    )


def test_how_many_servers_it_takes_counts_other_traffic(at: Build, judged: Build) -> None:
    send = at("send", recipients=500_000)
    plain, loaded = (judged(send, judging=Judging(base_load_rps=(base,) * 24)) for base in (0.0, 700.0))
    assert loaded.instances.wanted_rps == pytest.approx(plain.instances.wanted_rps + 1_000)


def test_what_is_played_beyond_the_ceiling_has_what_other_traffic_leaves(at: Build, judged: Build) -> None:
    fast = at("fast", limit_per_min=250_000)
    plain, loaded = (judged(fast, judging=Judging(base_load_rps=(base,) * 24)) for base in (0.0, 2_000.0))
    outcomes = [one.campaigns[0].as_planned for one in (plain, loaded)]
    assert all(one is not None for one in outcomes)
    shares = [replace(one).personalised_share for one in outcomes if one is not None]
    assert shares[1] < shares[0]
