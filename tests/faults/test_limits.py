"""The two lines, guessed credentials, and Valkey gone."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults.rig import assert_promises, rig
from tests.faults.valkey_server import Valkey
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.own_postgres import OwnPostgres
    from tests.faults.rig import Rig

ASKED = "/v1/members/m-list/recommendations?campaign=weekly"


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A running Valkey."""
    server = Valkey()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def limited(postgres: OwnPostgres, board_name: str, valkey: Valkey, tmp_path: Path) -> Iterator[Rig]:
    """A service whose lines are shared through Valkey."""
    with rig(
        postgres, board_name, tmp_path, CJ_SOFT_RPS="60", CJ_HARD_RPS="120", CJ_LIMITS_URI=valkey.uri
    ) as service:
        yield service


@pytest.mark.slow
def test_above_the_soft_line_answers_are_popular_and_above_the_hard_one_there_are_none(
    limited: Rig, note: Callable[..., None]
) -> None:
    with limited.calls(90.0) as load:
        time.sleep(4.0)
    soft = load.tally()
    note("Soft line 60/s, asked for 90/s", soft)
    assert_promises(soft)
    assert set(soft.degraded) == {"over_limit"}
    assert 0.1 < soft.degraded_share < 0.6
    with limited.calls(240.0) as load:
        time.sleep(4.0)
    hard = load.tally()
    note("Hard line 120/s, asked for 240/s", hard)
    assert set(hard.failures) == {"status 429"}
    assert 0.3 < hard.usable_share < 0.75
    assert _until_refused(limited)["retry-after"] == "1"


@pytest.mark.slow
def test_guessing_credentials_is_slow_and_takes_nothing_from_who_has_one(limited: Rig) -> None:
    began_s = time.monotonic()
    statuses: Counter[int] = Counter()
    while time.monotonic() < began_s + 2.0:
        statuses[call(limited.server.port, ASKED, authorization="Basic eDp5").status] += 1
    assert set(statuses) == {401, 429}
    assert (
        statuses[401] <= 20 * 4
    )  # 20 in each second of the clock that the two seconds touch, and one to spare
    assert call(limited.server.port, ASKED, authorization=basic("braze")).status == 200


@pytest.mark.slow
def test_valkey_killed_and_back(limited: Rig, valkey: Valkey, note: Callable[..., None]) -> None:
    with limited.calls(40.0) as load:
        load.wait_until_normal(within_s=20)
        assert limited.metric("cj_limits_fallback_total") == 0
        down_s = time.monotonic()
        valkey.kill()
        time.sleep(3.0)
        up_s = time.monotonic()
        valkey.start()
        load.wait_until_normal(within_s=20)
        time.sleep(1.0)
        failures = limited.metric("cj_limits_fallback_total")
        time.sleep(1.5)
        assert limited.metric("cj_limits_fallback_total") == failures
    tally = load.tally().between(down_s, time.monotonic())
    note("Valkey killed 3 s", tally, recovered_s=tally.recovered_s(up_s), fallbacks=failures)
    assert_promises(tally)
    assert failures > 0


@pytest.mark.slow
def test_without_valkey_each_worker_keeps_its_share_of_the_lines(limited: Rig, valkey: Valkey) -> None:
    valkey.kill()
    with limited.calls(240.0) as load:
        time.sleep(4.0)
    assert set(load.tally().failures) <= {"status 429"}
    assert 0.25 < load.tally().usable_share < 0.75


def _until_refused(service: Rig) -> dict[str, str]:
    """The headers of a call that was over the hard line."""
    for _ in range(1_000):
        got = call(service.server.port, ASKED, authorization=basic("braze"))
        if got.status == 429:
            return got.headers
    raise AssertionError("never refused")
