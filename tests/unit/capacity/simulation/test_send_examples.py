"""The worked examples of Braze's documentation.

Sources: braze.com/docs/user_guide/messaging/messaging_fundamentals/frequency_capping (delivery speed) and
braze.com/docs/user_guide/administer/global/workspace_settings/messaging_rate_limits (workspace limit).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from app.capacity.campaign import AllAtOnce, Campaign, Range, Workspace
from app.capacity.simulation.result import Quantity, SimulationResult
from app.capacity.simulation.send import Send, play, play_through
from app.capacity.simulation.service import Perfect, Scripted, ScriptedMinutes

Build = Callable[..., Campaign]


def by_minute(played: SimulationResult, what: Quantity, campaign: int = 0) -> list[int]:
    """One campaign's count, minute by minute."""
    return [int(count) for count in played.count(what)[:, campaign]]


def play_scripted(
    campaigns: Sequence[Campaign], workspace: Workspace, *script: ScriptedMinutes
) -> SimulationResult:
    """Play against a service that fails as scripted and is perfect otherwise."""
    send = Send(campaigns, workspace)
    rng = np.random.default_rng(1)
    return play_through(send, Scripted(script, Perfect(), first_minute=send.first_minute, rng=rng))


def test_75_000_at_10_000_a_minute_take_seven_full_minutes_and_a_half_one(
    campaign: Build, seoul: Workspace
) -> None:
    played = play([campaign(75_000, limit_per_min=10_000)], seoul, Perfect())

    expected = [10_000] * 7 + [5_000]
    assert by_minute(played, Quantity.ATTEMPTS) == expected
    assert by_minute(played, Quantity.SENT) == expected


def test_6_000_failures_in_the_first_minute_move_the_end_into_minute_nine(
    campaign: Build, seoul: Workspace
) -> None:
    """The table in Braze's documentation can't be right to the letter.

    It gives 4,000 sent in minute 1, 10,000 in each of minutes 2 to 8, and 6,000 in minute 9: that is 80,000
    of 75,000 messages. Its rules, followed with messages conserved, give this: the 6,000 that failed go to
    the back of the queue, behind the 65,000 not yet tried. Minutes 2 to 7 start 60,000 of these; minute 8
    starts the last 5,000 and 5,000 of the failed ones; minute 9 starts the remaining 1,000. What the table
    shows and holds: the limit binds attempts, is never exceeded to catch up, and the send ends in minute 9.

    The failures are scripted as status 500, which does not count towards an unhealthy host.
    """
    digest = campaign(75_000, limit_per_min=10_000, retry=True)
    played = play_scripted([digest], seoul, ScriptedMinutes(1, 1, counts={"500": 6_000}))

    assert by_minute(played, Quantity.ATTEMPTS) == [10_000] * 8 + [1_000]
    assert by_minute(played, Quantity.RETRIES) == [0] * 7 + [5_000, 1_000]
    assert by_minute(played, Quantity.SENT) == [4_000] + [10_000] * 7 + [1_000]
    assert played.total(Quantity.SENT) == 75_000
    assert played.total(Quantity.CALLS) == 81_000


@pytest.mark.parametrize("priorities", [(5, 5, 5), (1, 5, 9)])
def test_three_campaigns_at_one_moment_are_mixed_in_each_of_three_minutes(
    campaign: Build, seoul: Workspace, priorities: tuple[int, int, int]
) -> None:
    """Braze: "no particular ordering", each minute has some of all; nothing there is called a priority."""
    campaigns = [
        campaign(100_000, name=name, kind="at_once", priority=priority)
        for name, priority in zip("abc", priorities, strict=True)
    ]
    played = play(campaigns, replace(seoul, limit_per_min=100_000), Perfect())

    attempts = played.count(Quantity.ATTEMPTS)
    assert attempts.sum(axis=1).tolist() == [100_000] * 3
    assert attempts[0].tolist() == [33_334, 33_333, 33_333]
    assert [played.end_minute(place) for place in range(3)] == [played.first_minute + 3] * 3


def test_mixed_campaigns_start_together_no_faster_than_the_workspace_s_limit_lets_one(
    campaign: Build, seoul: Workspace
) -> None:
    """100,000 a minute at burst 2 are 3,334 in the first second, whoever they belong to; a call or so for rounding."""
    campaigns = [
        campaign(60_000, name=name, kind="at_once", burst=Range.exactly(2)) for name in ("a", "b", "c")
    ]
    by_second = play(campaigns, replace(seoul, limit_per_min=100_000), Perfect()).by_second()
    assert [3_334 <= second <= 3_336 for second in by_second[:, 0].tolist()] == [True, True]


def test_they_take_three_minutes_too_where_campaigns_mix_within_a_minute(
    campaign: Build, seoul: Workspace
) -> None:
    campaigns = [campaign(100_000, name=name, kind="at_once") for name in ("a", "b", "c")]
    mixed = replace(seoul.assumptions, workspace_order="mixed")
    played = play(campaigns, replace(seoul, limit_per_min=100_000, assumptions=mixed), Perfect())

    assert played.count(Quantity.ATTEMPTS).sum(axis=1).tolist() == [100_000] * 3
    assert played.count(Quantity.ATTEMPTS)[0].tolist() == [33_334, 33_333, 33_333]


def test_a_million_at_nine_and_a_million_at_five_past_go_one_after_the_other(
    campaign: Build, seoul: Workspace
) -> None:
    first = campaign(1_000_000, name="at 9:00", kind="at_once")
    assert isinstance(first.timing, AllAtOnce)
    later = AllAtOnce(first.timing.at + timedelta(minutes=5))
    second = replace(first, name="at 9:05", timing=later)
    played = play([first, second], replace(seoul, limit_per_min=100_000), Perfect())

    nine = played.first_minute
    assert by_minute(played, Quantity.ATTEMPTS, 0) == [100_000] * 10 + [0] * 10
    assert by_minute(played, Quantity.ATTEMPTS, 1) == [0] * 10 + [100_000] * 10
    assert (played.end_minute(0), played.end_minute(1)) == (nine + 10, nine + 20)


def test_without_retry_failed_messages_go_out_blank_and_take_no_further_minute(
    campaign: Build, seoul: Workspace
) -> None:
    digest = campaign(75_000, limit_per_min=10_000)
    played = play_scripted([digest], seoul, ScriptedMinutes(1, 1, counts={"500": 6_000}))

    assert by_minute(played, Quantity.SENT) == [10_000] * 7 + [5_000]
    assert by_minute(played, Quantity.BLANK) == [6_000] + [0] * 7


def test_messages_aborted_on_failure_still_take_their_place_under_the_limit(
    campaign: Build, seoul: Workspace
) -> None:
    digest = campaign(75_000, limit_per_min=10_000, abort_on_failure=True, retry=True)
    played = play_scripted([digest], seoul, ScriptedMinutes(1, 1, counts={"500": 6_000}))

    assert by_minute(played, Quantity.ATTEMPTS) == [10_000] * 7 + [5_000]
    assert by_minute(played, Quantity.SENT) == [4_000] + [10_000] * 6 + [5_000]
    assert played.total(Quantity.ABORTED) == 6_000
    assert played.total(Quantity.RETRIES) == 0
