"""Whatever a text names as a speed to send at, the model replays as safe: by the end it says, and without aborts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.capacity.campaign import AllAtOnce, Campaign, Range, Workspace
from app.capacity.evidence.ceiling import MeasuredCeiling
from app.capacity.plan.plan import Judging, Plan
from app.capacity.planner import as_text, judge, sentence, ways_out
from app.capacity.planner.demand.forecast import Forecaster
from app.capacity.planner.demand.work import WorkBudget
from app.capacity.simulation.send import play
from app.capacity.simulation.service import Perfect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.capacity.campaign import Kind
    from app.capacity.planner import CampaignJudgement, Judgement

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NINE = datetime(2026, 12, 7, 9, 0)  # noqa: DTZ001 - wall time, as in a plan
SPEED = r"([\d,]+) messages? a minute"
# What each sentence that may hold a speed says of it.
SENT = re.compile(
    rf"(?:Keep|Set|set) the delivery speed at {SPEED}|may go at {SPEED}|^  Braze .*limit: {SPEED}",
    re.MULTILINE,
)
SHOWN = re.compile(
    rf"Delivery speed +only {SPEED}|Delivery speed +([\d,]+) to {SPEED}|only {SPEED} would do|([\d,]+) to {SPEED} would do"
    rf"|([\d,]+) to {SPEED} are safe",
    re.MULTILINE,
)
BESIDE = re.compile(rf"(?:and at|then goes at) {SPEED}")
SLOWER = re.compile(rf'Slower: "(\w+)" at {SPEED} ends')
LATER = re.compile(r'Later: "(\w+)" begun (.+?) later')
UNITS_MIN = {"day": 1_440, "hour": 60, "minute": 1}
REFUSED = re.compile(rf"At {SPEED}[,:]", re.MULTILINE)
KOREAN = re.compile(
    r"분당 ([\d,]+)건(으로 설정하세요|으로 보내도|만 괜찮|만$|에서 [\d,]+건 사이만|에서 [\d,]+건 사이가| 그대로|을 입력|이면|으로 낮추면|으로 시작|으로 보냅|\) 때문|에서 [\d,]+건까지|[,.])",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Named:
    """A setting that a text says is safe: of which campaign, at which limit, begun so much later."""

    campaign: str
    limit: int | None
    later_min: int = 0
    ends_late: bool = False
    stated_end: datetime | None = None
    at: dict[str, int | None] | None = None


def speeds_named(judged: Judgement) -> Iterator[Named]:
    """Every setting that the texts name as safe."""
    for one in judged.campaigns:
        yield from _of_campaign(one)
    advised = {one.name: one.advised_limit_per_min for one in judged.campaigns if _goes(one)}
    for met in judged.collisions:
        for way in ways_out(met, "en"):
            for name, limit in SLOWER.findall(way):
                named = {**advised, met.campaign: met.limit_per_min}
                yield Named(name, _number(limit), at=named | {name: _number(limit)})
            for name, minutes in LATER.findall(way):
                limit = {**advised, met.campaign: met.limit_per_min}
                yield Named(name, limit[name], _minutes(minutes), ends_late=True, at=limit)


def _minutes(said: str) -> int:
    """Minutes of "1 hour 50 minutes"."""
    parts = re.findall(r"([\d,]+) (day|hour|minute)", said)
    return sum(_number(many) * UNITS_MIN[unit] for many, unit in parts)


def _of_campaign(one: CampaignJudgement) -> Iterator[Named]:
    said = sentence(one, "en")
    for found in SENT.finditer(said):
        later = "may go" in found[0]
        end = (
            one.if_later.finishes_at
            if later and one.if_later
            else one.finishes_at.high
            if one.finishes_at
            else None
        )
        yield Named(one.name, _number(next(filter(None, found.groups()))), ends_late=later, stated_end=end)
    if "without a speed limit" in said and "Without a speed limit" not in said:
        yield Named(one.name, None, ends_late="may go" in said)
    for found in SHOWN.finditer(said):
        yield from (Named(one.name, _number(limit)) for limit in filter(None, found.groups()))


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _goes(one: CampaignJudgement) -> bool:
    return one.verdict in {"GO", "GO_IF"} or (
        one.verdict == "RETEST" and one.advised_limit_per_min is not None
    )


def replays_as_safe(plan: Plan, judged: Judgement, named: Named, usable_rps: float) -> str | None:
    """What is wrong with sending so beside the others as advised; None where nothing is."""
    places = {one.name: place for place, one in enumerate(plan.campaigns)}
    at = (
        named.at
        if named.at is not None
        else {
            **{one.name: one.advised_limit_per_min for one in judged.campaigns if _goes(one)},
            named.campaign: named.limit,
        }
    )
    limits = {places[name]: limit for name, limit in at.items()}
    forecaster = Forecaster(plan, "high", work=WorkBudget(10**7))
    place = places[named.campaign]
    whole = forecaster.forecast(limits, {place: named.later_min})
    own = whole.pacing[place]
    first, calls = whole.loads[place]
    together = whole.together().of(first, len(calls))
    if together.max(initial=0) > usable_rps:
        return f"{together.max()} calls a second, {usable_rps} usable"
    if own.aborted:
        return f"{own.aborted} aborted"
    ends = datetime.fromtimestamp((own.end or 0) * 60, UTC)
    deadline = plan.campaigns[place].finish_by
    if deadline is not None and not named.ends_late and ends > deadline.replace(tzinfo=UTC):
        return f"ends at {ends}, after its deadline"
    if named.stated_end is not None and ends > named.stated_end:
        return f"ends at {ends}, said was {named.stated_end}"
    return None


@st.composite
def campaigns(draw: st.DrawFn, name: str) -> Campaign:
    kinds: list[Kind] = ["rate_limited", "rate_limited", "at_once"]
    kind = draw(st.sampled_from(kinds))
    at = NINE + timedelta(minutes=draw(st.sampled_from([0, 3, 10, 30, 240, 1_440])))
    deadline = draw(st.sampled_from([None, None, 5, 30, 120, 600]))
    return Campaign(
        name=name,
        kind=kind,
        audience=Range.exactly(draw(st.sampled_from([1, 400, 9_000, 60_000, 700_000, 3_000_000]))),
        timing=AllAtOnce(at),
        limit_per_min=None
        if kind == "at_once"
        else draw(st.sampled_from([10, 100, 700, 5_000, 50_000, 500_000])),
        burst=Range.exactly(draw(st.sampled_from([1.0, 2.0, 4.0]))),
        calls_per_recipient=Range.exactly(draw(st.sampled_from([1.0, 2.0]))),
        finish_by=None if deadline is None else at + timedelta(minutes=deadline),
        priority=draw(st.sampled_from([5, 5, 5, 1])),
    )


plans = st.builds(
    lambda chosen, shared, first: Plan(
        campaigns=tuple(chosen),
        workspace=Workspace(time_zone="UTC", limit_per_min=shared),
        judging=Judging(goes_first=first),
    ),
    st.integers(1, 3).flatmap(lambda n: st.tuples(*(campaigns(f"c{place}") for place in range(n)))),
    st.sampled_from([None, None, None, 60_000, 800]),
    st.sampled_from(["start", "listed"]),
)
tests_made = st.sampled_from(
    [
        None,
        *(
            (kind, rps, days)
            for kind in ("ceiling", "at_least")
            for rps in (3, 40, 380, 9_000)
            for days in (1, 60)
        ),
    ]
)


def measured(made: Any) -> list[MeasuredCeiling]:
    if made is None:
        return []
    kind, rps, days = made
    return [
        MeasuredCeiling(
            evidence_id="t",
            kind=kind,
            rps=rps,
            low_rps=rps,
            high_rps=rps * 1.1,
            ended_at=NOW - timedelta(days=days),
            bound_by=("latency",),
        )
    ]


@settings(max_examples=40)
@given(plan=plans, made=tests_made)
def test_no_text_names_a_speed_that_is_not_safe(plan: Plan, made: Any) -> None:
    judged = judge(plan, measured(made), running=None, now=NOW, samples=50, most_played=60)
    named = list(speeds_named(judged))
    if made is None or made[2] > 30:
        assert named == [], "nothing is known, and still a speed is named"
        assert "Delivery speed limit:" not in as_text(judged, "en")
        return
    usable = made[1] * 0.7
    for one in named:
        wrong = replays_as_safe(plan, judged, one, usable)
        assert wrong is None, f"{one}: {wrong}\n{as_text(judged, 'en')}"


@settings(max_examples=25)
@given(plan=plans, made=tests_made)
def test_a_text_holds_no_speed_but_those_it_calls_safe_or_refuses(plan: Plan, made: Any) -> None:
    """So the patterns above miss none; and Korean names the same ones."""
    judged = judge(plan, measured(made), running=None, now=NOW, samples=50, most_played=60)
    english, korean = as_text(judged, "en"), as_text(judged, "ko")
    known = [
        *SENT.finditer(english),
        *SHOWN.finditer(english),
        *SLOWER.finditer(english),
        *BESIDE.finditer(english),
        *REFUSED.finditer(english),
    ]
    assert len(re.findall("messages? a minute", english)) == len(known), english
    assert len(re.findall("분당", korean)) == len(KOREAN.findall(korean)), korean
    in_english = re.findall(r"([\d,]+)(?: to ([\d,]+))? (?:messages )?a minute", english)
    in_korean = re.findall(r"분당 ([\d,]+)건(?:에서 ([\d,]+)건)?", korean)
    assert sorted(in_english) == sorted(in_korean)


def test_who_is_placed_later_does_not_make_those_before_late_under_a_shared_limit() -> None:
    """Three million that fill the workspace's limit until ten, and one message at half past nine that has to go before."""

    def at(name: str, recipients: int, minutes: int, **more: Any) -> Campaign:
        timing = AllAtOnce(NINE + timedelta(minutes=minutes))
        return Campaign(name=name, audience=Range.exactly(recipients), timing=timing, **more)

    plan = Plan(
        campaigns=(
            at("all", 3_000_000, 10, kind="at_once"),
            at(
                "one",
                1,
                30,
                kind="rate_limited",
                limit_per_min=10,
                finish_by=NINE + timedelta(hours=1),
                priority=1,
            ),
        ),
        workspace=Workspace(time_zone="UTC", limit_per_min=60_000),
    )
    judged = judge(plan, measured(("ceiling", 90_000, 1)), running=None, now=NOW)
    everybody, one = judged.campaigns
    assert (one.verdict, one.finish_by) == ("GO", NINE.replace(tzinfo=UTC) + timedelta(hours=1))
    assert everybody.verdict == "GO_IF"
    for named in speeds_named(judged):
        assert replays_as_safe(plan, judged, named, 63_000) is None


def test_the_send_model_agrees_second_by_second() -> None:
    """One whole play of an advised speed: no second above the usable rate, the end as told."""
    one = Campaign(
        name="c",
        kind="at_once",
        audience=Range.exactly(30_000),
        timing=AllAtOnce(NINE),
        burst=Range.exactly(2.0),
        calls_per_recipient=Range.exactly(2.0),
    )
    plan = Plan(campaigns=(one,), workspace=Workspace(time_zone="UTC"))
    told = judge(plan, measured(("ceiling", 100, 1)), running=None, now=NOW).campaigns[0]
    assert (told.verdict, told.advised_limit_per_min) == ("GO_IF", 1_000)
    played = play(
        [replace(one, kind="rate_limited", limit_per_min=1_000)], plan.workspace, Perfect(), case="high"
    )
    assert played.by_second().max() <= 70
    assert told.finishes_at is not None
    assert told.finishes_at.high is not None
    assert played.end_minute() == int(told.finishes_at.high.timestamp()) // 60


def test_both_ends_of_the_safe_range_stand_beside_every_advised_speed() -> None:
    """A million by an hour: 25,000 a minute takes 40 minutes, 10,000 is late, 50,000 are 3,334 calls/s of 4,000."""
    one = Campaign(
        name="c",
        kind="rate_limited",
        audience=Range.exactly(1_000_000),
        timing=AllAtOnce(NINE),
        limit_per_min=1_000,
        burst=Range.exactly(2.0),
        calls_per_recipient=Range.exactly(2.0),
        finish_by=NINE + timedelta(hours=1),
    )
    plan = Plan(campaigns=(one,), workspace=Workspace(time_zone="UTC"))
    judged = judge(plan, measured(("ceiling", 5_000, 1)), running=None, now=NOW)
    told = judged.campaigns[0]
    assert (told.advised_limit_per_min, told.safe_limits) == (25_000, (25_000, 50_000))
    assert "at 25,000 messages a minute. 25,000 to 50,000 messages a minute are safe." in sentence(
        judged, "en"
    )
    assert "25,000 to 50,000 messages a minute" in as_text(judged, "en")
    assert "분당 25,000건에서 50,000건 사이가 안전합니다." in sentence(judged, "ko")


@pytest.mark.parametrize("deadline_min", [None, 5])
def test_where_every_speed_that_is_carried_aborts_nothing_is_advised(deadline_min: int | None) -> None:
    """Three million at 100 calls/s take longer than Braze keeps a message."""
    one = Campaign(
        name="c",
        kind="rate_limited",
        audience=Range.exactly(3_000_000),
        timing=AllAtOnce(NINE),
        limit_per_min=500_000,
        finish_by=None if deadline_min is None else NINE + timedelta(minutes=deadline_min),
    )
    plan = Plan(campaigns=(one,), workspace=Workspace(time_zone="UTC"))
    judged = judge(plan, measured(("ceiling", 100, 1)), running=None, now=NOW)
    (told,) = judged.campaigns
    assert (told.verdict, told.advised_limit_per_min, told.if_later) == ("NO_GO", None, None)
    assert list(speeds_named(judged)) == []
    if deadline_min is not None:
        assert "Waiting does not help" in sentence(judged, "en")
