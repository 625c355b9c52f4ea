"""Single rules of a send: retries, backoff, the URL cache, the breaker, the 72 hours."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.capacity.assumptions import Assumptions
from app.capacity.campaign import AllAtOnce, Campaign, Range, Workspace
from app.capacity.simulation.limited_service import LimitedService, RateLimits
from app.capacity.simulation.result import Quantity, SimulationResult
from app.capacity.simulation.send import Send, play
from app.capacity.simulation.service import Answer, Perfect

Build = Callable[..., Campaign]
NOON = datetime(2026, 11, 23, 12)  # noqa: DTZ001  (wall time)


class FailingUntil:
    """Answers every call with one status before a second, and well from then on; notes what it saw."""

    def __init__(self, until: float, status: int = 500) -> None:
        self._until = until
        self._status = status
        self.seen: dict[int, int] = {}

    def answer(self, second: int, calls: int, /) -> Answer:
        self.seen[second] = calls
        return Answer(ok=calls) if second >= self._until else Answer(failed={self._status: calls})


def assuming(workspace: Workspace, **changes: Any) -> Workspace:
    """The workspace with other assumptions."""
    return replace(workspace, assumptions=replace(workspace.assumptions, **changes))


def rows(played: SimulationResult, *what: Quantity, campaign: int = 0) -> dict[int, tuple[int, ...]]:
    """Counts by minute of the send (from 1), without minutes where all are zero."""
    return {
        int(minute) - played.first_minute + 1: counts
        for row, minute in enumerate(played.minutes)
        if any(counts := tuple(int(played.tallies[row, one, campaign]) for one in what))
    }


@pytest.mark.parametrize(("retries", "attempts"), [(5, 6), (1, 2), (0, 1)])
def test_a_message_is_attempted_once_and_five_times_more_and_then_aborted(
    campaign: Build, seoul: Workspace, retries: int, attempts: int
) -> None:
    played = play(
        [campaign(100, limit_per_min=100, retry=True)],
        assuming(seoul, max_retries=retries),
        FailingUntil(float("inf")),
    )
    assert played.total(Quantity.ATTEMPTS) == 100 * attempts
    assert (played.total(Quantity.SENT), played.total(Quantity.ABORTED)) == (0, 100)


def test_retries_wait_twice_as_long_each_time_up_to_the_longest_wait(
    campaign: Build, seoul: Workspace
) -> None:
    """100 s, 200 s, 400 s, then 500 s: each retry starts with the next minute."""
    workspace = assuming(seoul, backoff_base_s=100, backoff_cap_s=500)
    burst = Range.exactly(60)  # all in the minute's first second
    played = play(
        [campaign(10, limit_per_min=10, retry=True, burst=burst)], workspace, FailingUntil(float("inf"))
    )
    assert list(rows(played, Quantity.ATTEMPTS)) == [1, 3, 7, 14, 23, 32]


def test_failed_messages_wait_behind_all_that_were_not_yet_tried(campaign: Build, seoul: Workspace) -> None:
    one = campaign(300, limit_per_min=100, retry=True)
    send = Send([one], seoul)
    played = play([one], seoul, FailingUntil((send.first_minute + 1) * 60))
    assert rows(played, Quantity.ATTEMPTS, Quantity.RETRIES, Quantity.SENT) == {
        1: (100, 0, 0),
        2: (100, 0, 100),
        3: (100, 0, 100),
        4: (100, 100, 100),
    }


def test_retries_of_one_campaign_wait_behind_another_under_a_workspace_limit(
    campaign: Build, seoul: Workspace
) -> None:
    first = campaign(100, name="first", kind="at_once", retry=True)
    assert isinstance(first.timing, AllAtOnce)
    a_minute_later = AllAtOnce(first.timing.at + timedelta(minutes=1))
    campaigns = [first, campaign(150, name="second", kind="at_once", timing=a_minute_later)]
    send = Send(campaigns, seoul)
    shared = replace(assuming(seoul, backoff_base_s=61), limit_per_min=100)
    played = play(campaigns, shared, FailingUntil((send.first_minute + 1) * 60))
    assert rows(played, Quantity.ATTEMPTS) == {1: (100,), 3: (50,), 4: (50,)}
    assert rows(played, Quantity.ATTEMPTS, campaign=1) == {2: (100,), 3: (50,)}


def test_of_two_campaigns_at_one_moment_neither_goes_first_whatever_their_priority(
    campaign: Build, seoul: Workspace
) -> None:
    campaigns = [
        campaign(100, name="news", kind="at_once", priority=7),
        campaign(300, name="alerts", kind="at_once", priority=1),
    ]
    played = play(campaigns, replace(seoul, limit_per_min=100), Perfect())
    assert played.count(Quantity.ATTEMPTS).tolist() == [[25, 75]] * 4


def test_an_unlimited_send_keeps_to_the_stated_maximum(campaign: Build, seoul: Workspace) -> None:
    workspace = assuming(seoul, at_once_max_per_min=700_000)
    played = play([campaign(1_500_000, kind="at_once")], workspace, Perfect())
    assert rows(played, Quantity.ATTEMPTS) == {1: (700_000,), 2: (700_000,), 3: (100_000,)}


def test_messages_that_a_low_limit_delays_by_72_hours_are_aborted(campaign: Build, seoul: Workspace) -> None:
    played = play([campaign(50_000, limit_per_min=10)], seoul, Perfect())
    assert played.total(Quantity.SENT) == 72 * 60 * 10
    assert rows(played, Quantity.EXPIRED, Quantity.ABORTED) == {72 * 60 + 1: (6_800, 6_800)}


@pytest.mark.parametrize(("calls", "total"), [(1, 1_000), (2, 2_000), (3, 3_000), (2.4, 2_400)])
def test_every_render_pass_calls(campaign: Build, seoul: Workspace, calls: float, total: int) -> None:
    one = campaign(1_000, limit_per_min=333, calls_per_recipient=Range.exactly(calls))
    played = play([one], seoul, Perfect())
    assert (played.total(Quantity.CALLS), played.total(Quantity.SENT)) == (total, 1_000)


def test_braze_s_url_cache_answers_repeated_passes_by_its_share(campaign: Build, seoul: Workspace) -> None:
    one = campaign(1_000, calls_per_recipient=Range.exactly(3))
    totals = [
        play([one], assuming(seoul, cache_hit_share=share), Perfect()).total(Quantity.CALLS)
        for share in (0, 0.5, 1)
    ]
    assert totals == [3_000, 2_000, 1_000]


class HalfFailingOnce:
    """Lets half of the first second's calls fail, and none after; notes the calls of each second."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def answer(self, _second: int, calls: int, /) -> Answer:
        self.calls.append(calls)
        return Answer(ok=calls) if len(self.calls) > 1 else Answer(ok=calls // 2, failed={500: calls // 2})


@pytest.mark.parametrize("wait_s", [10, 240])
def test_a_retry_within_the_cache_s_age_may_find_the_part_that_succeeded(
    campaign: Build, seoul: Workspace, wait_s: float
) -> None:
    """1,500 calls by 1,000 messages, half of which call twice; 750 calls fail, and with them 625 messages.

    250 of these got one part into the cache, which answers half of them on retry; the other 500 messages
    render again with 1.5 calls each. Means of a draw, hence the tolerance.
    """
    one = campaign(
        1_000, limit_per_min=1_000, retry=True, burst=Range.exactly(60), calls_per_recipient=Range.exactly(2)
    )
    service = HalfFailingOnce()
    played = play([one], assuming(seoul, cache_hit_share=0.5, backoff_base_s=wait_s), service)
    assert service.calls == [1_500, pytest.approx(750, abs=60)]
    assert played.total(Quantity.RETRIES) == pytest.approx(625, abs=25)
    assert played.total(Quantity.SENT) == 1_000


@pytest.mark.parametrize("wait_s", [300, 400])
def test_a_retry_after_the_cache_s_age_renders_everything_again(
    campaign: Build, seoul: Workspace, wait_s: float
) -> None:
    one = campaign(
        1_000, limit_per_min=1_000, retry=True, burst=Range.exactly(60), calls_per_recipient=Range.exactly(2)
    )
    service = HalfFailingOnce()
    played = play([one], assuming(seoul, cache_hit_share=0.5, backoff_base_s=wait_s), service)
    assert service.calls[1] == int(played.total(Quantity.RETRIES) * 1.5)


@pytest.mark.parametrize(
    ("status", "halts"), [(503, 1), (429, 1), (408, 1), (529, 1), (500, 0), (404, 0), (599, 0)]
)
def test_only_the_listed_statuses_make_a_host_unhealthy(
    campaign: Build, seoul: Workspace, status: int, halts: int
) -> None:
    one = campaign(10_000, limit_per_min=5_000)
    send = Send([one], seoul)
    played = play([one], seoul, FailingUntil((send.first_minute + 1) * 60, status))
    assert len(played.halts) == halts


def test_cut_offs_count_as_the_status_that_is_assumed_for_them(campaign: Build, seoul: Workspace) -> None:
    one = campaign(20_000, limit_per_min=20_000)
    halts = [
        len(play([one], assuming(seoul, cut_off_status=status), LimitedService(0)).halts)
        for status in (408, 599)
    ]
    assert halts == [1, 0]


def test_while_halted_calls_get_598_without_reaching_the_service_and_messages_go_out_blank(
    campaign: Build, seoul: Workspace
) -> None:
    one = campaign(60_000, limit_per_min=30_000, burst=Range.exactly(1))
    send = Send([one], seoul)
    start = send.first_minute * 60
    # 500 calls a second: after 7 seconds more than 3,000 have failed.
    service = FailingUntil(start + 7, 503)
    played = play([one], assuming(seoul, breaker_resume="full_speed"), service)

    assert played.halts == (("default", start + 6),)
    assert {second for second, calls in service.seen.items() if not calls} == set(
        range(start + 7, start + 67)
    )
    assert played.outcomes == ({"503": 3_500, "598": 26_500}, {"598": 3_500, "ok": 26_500})
    assert played.total(Quantity.BLANK) == 33_500
    assert played.total(Quantity.SENT) == played.total(Quantity.ATTEMPTS) == 60_000


def test_probes_reach_the_service_before_full_speed(campaign: Build, seoul: Workspace) -> None:
    one = campaign(60_000, limit_per_min=30_000, burst=Range.exactly(1), retry=True)
    start = Send([one], seoul).first_minute * 60
    service = FailingUntil(start + 7, 503)
    played = play([one], seoul, service)
    assert [service.seen[start + second] for second in (6, 7, 66, 67, 68)] == [500, 0, 0, 10, 500]
    assert played.total(Quantity.SENT) == 60_000


def test_degraded_answers_are_sent_and_counted_apart(campaign: Build, seoul: Workspace) -> None:
    one = campaign(6_000, limit_per_min=6_000, burst=Range.exactly(1))
    played = play([one], seoul, LimitedService(1_000, limits=RateLimits.of_rates(soft_rps=75)))
    assert (played.total(Quantity.SENT), played.total(Quantity.DEGRADED)) == (6_000, 1_500)


def test_a_send_may_be_stopped_and_then_has_pending_messages(campaign: Build, seoul: Workspace) -> None:
    one = campaign(500, limit_per_min=100)
    stop = Send([one], seoul).first_minute + 3
    played = play([one], seoul, Perfect(), until_minute=stop)
    assert (played.total(Quantity.SENT), played.pending) == (300, (200,))


def test_nobody_to_send_to_is_a_send_of_nothing(campaign: Build, seoul: Workspace) -> None:
    played = play([campaign(0)], seoul, Perfect())
    assert (played.recipients, played.pending, played.end_minute(), len(played.minutes)) == (
        (0,),
        (0,),
        None,
        0,
    )


def test_the_cases_play_the_low_the_likely_and_the_high_numbers(campaign: Build, seoul: Workspace) -> None:
    one = replace(campaign(), audience=Range(100, 200, 300), calls_per_recipient=Range(1, 2, 3))
    calls = [
        play([one], seoul, Perfect(), case=case).total(Quantity.CALLS) for case in ("low", "likely", "high")
    ]
    assert calls == [100, 400, 900]


def test_a_service_that_forgets_calls_is_refused(campaign: Build, seoul: Workspace) -> None:
    class Forgetful:
        def answer(self, _second: int, calls: int, /) -> Answer:
            return Answer(ok=calls - 1)

    with pytest.raises(ValueError, match="account for every call"):
        play([campaign(100)], seoul, Forgetful())


def test_idle_hours_between_spikes_are_passed_over(campaign: Build, seoul: Workspace) -> None:
    later = campaign(10, name="later", timing=AllAtOnce(NOON + timedelta(days=5)))
    played = play([campaign(10, timing=AllAtOnce(NOON)), later], seoul, Perfect())
    assert rows(played, Quantity.SENT) | rows(played, Quantity.SENT, campaign=1) == {
        1: (10,),
        5 * 1_440 + 1: (10,),
    }
    assert len(played.minutes) == 2


def test_every_assumption_names_its_source() -> None:
    explained = Assumptions().explained()
    assert all(one["source"].startswith(("braze.com/docs/", "assumed: ")) for one in explained)
    assert {one["name"] for one in explained} == set(Assumptions.__slots__)
