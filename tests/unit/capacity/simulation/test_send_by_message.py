"""The send model and the forecast against a simulator that knows single messages and nothing of ours.

It is written from Braze's documentation alone: every message has a due minute and a zone, waits in a list, and starts in
the first minute that its campaign's limit, the workspace's limit and quiet hours let it. Where nothing fails both agree on
every minute; the busiest second is that of the limit's pace. What members trigger comes by chance: there the forecast
agrees on what is expected, and a play keeps every limit, sends all, and stays below what the forecast calls its most.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from heapq import heapify, heappop, heappush
from math import ceil
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import (
    AllAtOnce,
    Arrivals,
    Campaign,
    IntelligentTiming,
    Kind,
    LocalTimeZones,
    QuietHours,
    Range,
    Timing,
    Workspace,
)
from app.capacity.plan.plan import Plan
from app.capacity.planner.demand.forecast import Forecast, Forecaster
from app.capacity.planner.demand.work import WorkBudget
from app.capacity.simulation.result import Quantity, SimulationResult
from app.capacity.simulation.send import play
from app.capacity.simulation.service import Perfect

if TYPE_CHECKING:
    from app.capacity.planner.demand.pacing import Pacing

DAY = datetime(2026, 11, 23)  # noqa: DTZ001 - wall time
SEOUL, LONDON, NEW_YORK = "Asia/Seoul", "Europe/London", "America/New_York"
UNLIMITED_PER_MIN = 500
MOST_WAIT_MIN = 72 * 60
Message = tuple[int, int, int, str]


SURE_KINDS: tuple[Kind, ...] = ("at_once", "rate_limited", "local_time_zones", "intelligent_timing")
ALL_KINDS: tuple[Kind, ...] = (*SURE_KINDS, "canvas_step", "triggered", "triggered")


def drawn(seed: int, kinds: tuple[Kind, ...] = SURE_KINDS) -> tuple[list[Campaign], Workspace]:
    """A plan of one to three campaigns of these kinds."""
    dice = random.Random(seed)
    workspace = Workspace(
        time_zone=SEOUL,
        limit_per_min=dice.choice([None, None, 60, 400]),
        assumptions=Assumptions(at_once_max_per_min=UNLIMITED_PER_MIN),
    )
    planned = []
    for place in range(dice.randint(1, 3)):
        at = DAY + timedelta(hours=9, minutes=dice.choice([0, 0, 3, 600, 780]))
        kind = dice.choice(kinds)
        zones = ((SEOUL, 3.0), (LONDON, 2.0), (NEW_YORK, 1.0))
        own: dict[Kind, Timing] = {
            "local_time_zones": LocalTimeZones(at),
            "intelligent_timing": IntelligentTiming(
                DAY.date(), tuple(float((hour * 7 + seed) % 5) for hour in range(24)), 0.25, time(10, 30)
            ),
        }
        if kind == "triggered":
            hourly = dice.choice([None, (1.0, 0.0, 3.0, 0.5, 2.0, 1.0, 4.0)])
            own["triggered"] = Arrivals(at, at + timedelta(minutes=dice.choice([7, 400, 2_000])), hourly)
        timing = own.get(kind, AllAtOnce(at))
        planned.append(
            Campaign(
                name=f"c{place}",
                kind=kind,
                audience=Range.exactly(dice.choice([1, 37, 300, 499, 1_500])),
                timing=timing,
                limit_per_min=None if kind == "at_once" else dice.choice([10, 40, 150, 700]),
                calls_per_recipient=Range.exactly(dice.choice([1, 2, 3])),
                burst=Range.exactly(dice.choice([1, 1.2, 2, 4, 60])),
                zones=zones if kind == "local_time_zones" else dice.choice([(), zones]),
                quiet_hours=dice.choice(
                    [None, None, QuietHours(time(21), time(8)), QuietHours(time(12), time(14, 30))]
                ),
                priority=dice.randint(1, 9),
            )
        )
    return planned, workspace


def unix(wall: datetime, zone: str) -> int:
    return round(wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) // 60


def local(minute: int, zone: str) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC).astimezone(ZoneInfo(zone))


@cache
def is_quiet(quiet: QuietHours | None, minute: int, zone: str) -> bool:
    if quiet is None:
        return False
    now = local(minute, zone).time()
    if quiet.begin < quiet.end:
        return quiet.begin <= now < quiet.end
    return now >= quiet.begin or now < quiet.end


def in_parts(total: int, weights: list[float]) -> list[int]:
    """Whole parts by largest remainder, of equal remainders the first."""
    exact = [total * weight / sum(weights) for weight in weights]
    parts = [int(one + 1e-9) for one in exact]
    for place in sorted(
        range(len(weights)), key=lambda place: (round(parts[place] - exact[place], 6), place)
    )[: total - sum(parts)]:
        parts[place] += 1
    return parts


def messages_of(one: Campaign) -> list[tuple[int, str]]:
    """Every message's due minute and zone."""
    alike = isinstance(one.timing, Arrivals) and one.quiet_hours is None  # nobody's zone changes anything
    zones = one.zones if one.zones and not alike else ((SEOUL, 1.0),)
    names = [zone for zone, _ in zones]
    sizes = in_parts(int(one.audience.high), [weight for _, weight in zones])
    found = []
    for zone, size in zip(names, sizes, strict=True):
        match one.timing:
            case AllAtOnce(at):
                found += [(unix(at, SEOUL), zone)] * size
            case LocalTimeZones(at):
                found += [(unix(at, zone), zone)] * size
            case Arrivals() as timing:
                found += [(minute, zone) for minute in expected(timing, size)]
            case IntelligentTiming() as timing:
                fallback, known = in_parts(size, [timing.fallback_share, 1 - timing.fallback_share])
                due = [unix(datetime.combine(timing.on, timing.fallback_at), zone)] * fallback
                for hour, count in enumerate(in_parts(known, list(timing.users_per_hour))):
                    begin = unix(datetime.combine(timing.on, time()) + timedelta(hours=hour), zone)
                    due += [begin - (-60 * number // count) - 1 for number in range(1, count + 1)]
                found += [(nearest(one.quiet_hours, minute, zone), zone) for minute in due]
    return found


def expected(timing: Arrivals, size: int) -> list[int]:
    """The minutes in which members are expected to act: the n-th of them when so many parts of the weight have passed."""
    first, end = unix(timing.at, SEOUL), unix(timing.ends_at, SEOUL)
    hourly = [Fraction(weight) for weight in timing.hourly or (1.0,)]
    weights = [hourly[min(minute // 60, len(hourly) - 1)] for minute in range(end - first)]
    whole, passed = sum(weights), Fraction()
    minutes: list[int] = []
    for minute, weight in enumerate(weights):
        passed += weight
        minutes += [first + minute] * (int(size * passed / whole) - len(minutes))
    return minutes


def nearest(quiet: QuietHours | None, minute: int, zone: str) -> int:
    """The nearest minute outside quiet hours, of two as near the later."""
    if not is_quiet(quiet, minute, zone):
        return minute
    before = after = minute
    while is_quiet(quiet, before, zone):
        before -= 1
    while is_quiet(quiet, after, zone):
        after += 1
    return before if minute - (before + 1) < after - minute else after


def sent_by_message(planned: list[Campaign], workspace: Workspace) -> tuple[list[Counter[int]], list[int]]:
    """Messages started by minute, and those given up, of each campaign."""
    ahead: list[
        list[Message]
    ] = []  # a heap of (minute of joining, number, due minute, zone) for each campaign
    for one in planned:
        ahead.append([(due, number, due, zone) for number, (due, zone) in enumerate(messages_of(one))])
        heapify(ahead[-1])
    lines: list[list[Message]] = [[] for _ in planned]
    started: list[Counter[int]] = [Counter() for _ in planned]
    lost = [0] * len(planned)
    minute = min(heap[0][0] for heap in ahead if heap)
    while True:
        for place, one in enumerate(planned):
            lost[place] += open_minute(minute, one.quiet_hours, ahead[place], lines[place])
        caps = [one.limit_per_min or UNLIMITED_PER_MIN for one in planned]
        for place, count in enumerate(may_start(lines, caps, workspace.limit_per_min)):
            if count:
                started[place][minute] += count
            lines[place] = lines[place][count:]
        if any(lines):
            minute += 1
        elif any(ahead):
            minute = min(heap[0][0] for heap in ahead if heap)
        else:
            return started, lost


def open_minute(minute: int, quiet: QuietHours | None, ahead: list[Message], line: list[Message]) -> int:
    """Let join what is due, hold what sleeps, and return how many are given up."""
    while ahead and ahead[0][0] <= minute:
        line.append(heappop(ahead))
    keep, given_up = [], 0
    for joined, number, due, zone in line:
        if is_quiet(quiet, minute, zone):
            wait = until_open(quiet, minute, zone)
            heappush(ahead, (minute + wait, 10**6 + number, due + wait, zone))
        elif due <= minute - MOST_WAIT_MIN:
            given_up += 1
        else:
            keep.append((joined, number, due, zone))
    line[:] = keep
    return given_up


@cache
def until_open(quiet: QuietHours | None, minute: int, zone: str) -> int:
    wait = 0
    while is_quiet(quiet, minute + wait, zone):
        wait += 1
    return wait


def may_start(ready: list[list[Message]], caps: list[int], shared: int | None) -> list[int]:
    """First come first, of one minute all campaigns in proportion; no campaign above its own limit."""
    granted = [min(len(line), cap) for line, cap in zip(ready, caps, strict=True)]
    if shared is None or sum(granted) <= shared:
        return granted
    granted = [0] * len(ready)
    by_joined: dict[int, Counter[int]] = defaultdict(Counter)
    for place, line in enumerate(ready):
        for message in line:
            by_joined[message[0]][place] += 1
    for joined in sorted(by_joined):
        places = list(by_joined[joined])
        wants = [min(by_joined[joined][place], caps[place] - granted[place]) for place in places]
        room = min(shared - sum(granted), sum(wants))
        for place, share in zip(
            places,
            in_parts(room, [float(want) for want in wants]) if room else [0] * len(places),
            strict=True,
        ):
            granted[place] += share
    return granted


def first_second(count: int, pace: float, burst: float) -> int:
    """Messages in a minute's first second, its busiest: the pace's, or all there are."""
    return min(count, ceil(round(pace * burst / 60, 9)))


def forecast_of(planned: list[Campaign], workspace: Workspace) -> Forecast:
    high = Forecaster(Plan(campaigns=tuple(planned), workspace=workspace), "high", work=WorkBudget(10**9))
    return high.forecast({place: one.limit_per_min for place, one in enumerate(planned)})


def attempts_of(played: SimulationResult, place: int) -> dict[int, int]:
    attempts = played.count(Quantity.ATTEMPTS)[:, place]
    return {int(minute): int(count) for minute, count in zip(played.minutes, attempts, strict=True) if count}


def paced(pacing: Pacing) -> dict[int, int]:
    return {pacing.first + at: int(count) for at, count in enumerate(pacing.attempts) if count}


@pytest.mark.parametrize("seed", range(100))
def test_both_agree_on_every_minute_abort_and_busiest_second(seed: int) -> None:
    planned, workspace = drawn(seed)
    started, lost = sent_by_message(planned, workspace)
    played = play(planned, workspace, Perfect(), case="high")
    forecast = forecast_of(planned, workspace)
    for place, one in enumerate(planned):
        assert attempts_of(played, place) == paced(forecast.pacing[place]) == dict(started[place])
        aborted = int(played.count(Quantity.ABORTED)[:, place].sum())
        assert forecast.pacing[place].aborted == lost[place] == aborted
        if workspace.limit_per_min is None:
            pace = one.limit_per_min or UNLIMITED_PER_MIN
            wanted = max(first_second(count, pace, one.burst.high) for count in started[place].values())
            calls = wanted * int(one.calls_per_recipient.high)
            assert int(played.calls_per_s[:, place].max()) == calls
            assert int(forecast.loads[place][1].max()) == calls


@pytest.mark.parametrize("seed", range(20))
def test_beside_what_members_trigger_both_expect_the_same_and_a_play_keeps_below_the_most(seed: int) -> None:
    planned, workspace = drawn(seed, ALL_KINDS)
    started, lost = sent_by_message(planned, workspace)
    forecast = forecast_of(planned, workspace)
    played = play(planned, workspace, Perfect(), case="high")
    for place, one in enumerate(planned):
        assert paced(forecast.pacing[place]) == dict(started[place])
        assert forecast.pacing[place].aborted == lost[place]
        attempts = attempts_of(played, place)
        assert sum(attempts.values()) + played.count(Quantity.ABORTED)[:, place].sum() == one.audience.high
        assert max(attempts.values()) <= (one.limit_per_min or UNLIMITED_PER_MIN)
    if workspace.limit_per_min is None:
        first = forecast.together().of(
            int(played.minutes[0]), 1 + int(played.minutes[-1] - played.minutes[0])
        )
        busiest = played.by_second().max(axis=1)
        assert (busiest <= first[played.minutes - played.minutes[0]]).all()
    else:
        assert played.count(Quantity.ATTEMPTS).sum(axis=1).max() <= workspace.limit_per_min
