"""Postgres killed, frozen, locked, slow or full: answers go on, and are good again by themselves."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.faults.rig import CONNECTIONS, WORKERS, assert_promises
from tests.faults.tcp_proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.faults.rig import Rig

BACK_S = 30.0  # a generous bound on recovery: what is measured is far below it


def test_postgres_killed_and_back(running: Rig, note: Callable[..., None]) -> None:
    with running.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        before = running.held()
        down_s = time.monotonic()
        running.postgres.kill()
        time.sleep(2.0)
        running.postgres.start()
        running.proxy.upstream = running.postgres.socket
        up_s = time.monotonic()
        load.wait_until_normal(within_s=BACK_S)
    tally = load.tally().between(down_s, time.monotonic())
    note("Postgres killed -9 and back", tally, recovered_s=tally.recovered_s(up_s))
    assert_promises(tally)
    assert tally.between(down_s + 0.5, up_s - 1.0).degraded == {"postgres": 1.0}
    assert running.postgres.serving_connections() <= WORKERS * CONNECTIONS
    assert running.held().files <= before.files + WORKERS * CONNECTIONS


@pytest.mark.parametrize("frozen_s", [2.0, pytest.param(30.0, marks=pytest.mark.slow)])
def test_postgres_frozen(running: Rig, note: Callable[..., None], frozen_s: float) -> None:
    with running.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        down_s = time.monotonic()
        with running.postgres.frozen():
            time.sleep(frozen_s)
        up_s = time.monotonic()
        load.wait_until_normal(within_s=BACK_S)
    tally = load.tally().between(down_s, time.monotonic())
    note(f"Postgres frozen {frozen_s:.0f} s", tally, recovered_s=tally.recovered_s(up_s))
    assert_promises(tally)
    assert running.postgres.serving_connections() <= WORKERS * CONNECTIONS


def test_a_lock_on_the_lists(running: Rig, note: Callable[..., None]) -> None:
    with running.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        with psycopg.connect(running.database_url) as holder:
            holder.execute("LOCK TABLE connected_jobs.recommendation_list IN ACCESS EXCLUSIVE MODE")
            down_s = time.monotonic()
            time.sleep(2.0)
        up_s = time.monotonic()
        load.wait_until_normal(within_s=BACK_S)
    tally = load.tally().between(down_s, time.monotonic())
    note("Lists locked 2 s", tally, recovered_s=tally.recovered_s(up_s))
    assert_promises(tally)
    # One that is let through to try, later than this, still has the lists within its deadline.
    assert tally.between(down_s, up_s - 1.0).degraded == {"postgres": 1.0}


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.3, 0.9, 5.0])
def test_every_reply_of_postgres_slowed(running: Rig, note: Callable[..., None], delay_s: float) -> None:
    with running.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        down_s = time.monotonic()
        with running.proxy.slowed(delay_s):
            time.sleep(10.0)
        up_s = time.monotonic()
        load.wait_until_normal(within_s=BACK_S)
    tally = load.tally().between(down_s, time.monotonic())
    note(f"Postgres {delay_s * 1000:.0f} ms slower", tally, recovered_s=tally.recovered_s(up_s))
    assert_promises(tally)


@pytest.mark.slow
def test_no_connection_left_to_postgres(running: Rig, note: Callable[..., None]) -> None:
    hoard: list[psycopg.Connection] = []
    with running.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        down_s = time.monotonic()
        with running.proxy.down(), suppress(psycopg.OperationalError):  # the service loses what it had
            while True:
                hoard.append(psycopg.connect(running.postgres.url))
        full_s = time.monotonic()
        time.sleep(3.0)  # and is refused by Postgres itself
        up_s = time.monotonic()
        for connection in hoard:
            connection.close()
        load.wait_until_normal(within_s=BACK_S)
    tally = load.tally().between(down_s, time.monotonic())
    note("No connection left", tally, recovered_s=tally.recovered_s(up_s))
    assert_promises(tally)
    assert tally.between(full_s, up_s - 1.0).degraded == {"postgres": 1.0}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "fault", "fault_s"),
    [
        ("Network to Postgres stalled 5 s", Proxy.stalled, 5.0),
        ("Connections to Postgres cut 3 s", Proxy.down, 3.0),
    ],
    ids=["swallowed", "cut"],
)
def test_the_network_to_postgres_fails(
    running: Rig,
    note: Callable[..., None],
    row: str,
    fault: Callable[[Proxy], AbstractContextManager[None]],
    fault_s: float,
) -> None:
    with running.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        down_s = time.monotonic()
        with fault(running.proxy):
            time.sleep(fault_s)
        up_s = time.monotonic()
        load.wait_until_normal(within_s=BACK_S)
    tally = load.tally().between(down_s, time.monotonic())
    note(row, tally, recovered_s=tally.recovered_s(up_s))
    assert_promises(tally)
