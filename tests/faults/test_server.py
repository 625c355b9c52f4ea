"""Workers killed, restarted, recycled, besieged by slow clients, and asked for more than they can do."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.fronted import nginx_before
from tests.faults.processes import master, wait_for_workers, workers
from tests.faults.rig import THREADS, WORKERS, assert_promises, rig
from tests.faults.slow_clients import dripping, idle
from tests.faults.tally import CUT_OFF_S
from tests.web.test_nginx import free_port
from tests.web.wire import call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.own_postgres import OwnPostgres
    from tests.faults.rig import Rig

BACK_S = 30.0
MOST_THREADS = WORKERS * (
    THREADS + 20
)  # a worker's own, its pool's, its watch, and what the server itself needs


def test_a_worker_killed(running: Rig, note: Callable[..., None]) -> None:
    with running.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        before = workers(running.server)
        down_s = time.monotonic()
        os.kill(before[0], signal.SIGKILL)
        wait_for_workers(running.server, WORKERS, other_than=before[:1], within_s=BACK_S)
        load.wait_until_normal(within_s=BACK_S)
    tally = load.tally().between(down_s, time.monotonic())
    note("A worker killed -9", tally, recovered_s=tally.recovered_s(down_s))
    # The calls that the dead worker had in hand broke with it: nobody can answer those.
    assert_promises(tally, usable=0.95)
    assert set(tally.failures) <= {"reset"}


@pytest.mark.parametrize(
    ("besiege", "count"),
    [
        (idle, 300),
        pytest.param(idle, 1_000, marks=pytest.mark.slow),
        pytest.param(dripping, 1_000, marks=pytest.mark.slow),
    ],
)
def test_slow_clients_before_the_published_proxy(
    running: Rig, note: Callable[..., None], tmp_path: Path, besiege: Callable[..., Any], count: int
) -> None:
    with nginx_before(running.server.port, tmp_path) as (port, tls), running.calls() as direct:
        direct.wait_until_normal(within_s=BACK_S)
        down_s = time.monotonic()
        with besiege(port, count, tls):
            with running.calls(port=port, tls=tls) as load:
                time.sleep(3.0)
            assert running.held().threads <= MOST_THREADS
    tally = load.tally()
    note(f"{count} clients {besiege.__name__}, through nginx", tally, recovered_s=0.0)
    assert_promises(tally)
    assert_promises(direct.tally().between(down_s, time.monotonic()))


@pytest.mark.slow
def test_all_workers_restarted(
    request: pytest.FixtureRequest, running: Rig, note: Callable[..., None]
) -> None:
    with running.calls() as load:
        load.wait_until_normal(within_s=BACK_S)
        began_s = time.monotonic()
        for _ in range(3):
            before = workers(running.server)
            os.kill(master(running.server), signal.SIGHUP)
            wait_for_workers(running.server, WORKERS, other_than=before, within_s=BACK_S)
        load.wait_until_normal(within_s=BACK_S)
    tally = load.tally().between(began_s, time.monotonic())
    note("All workers restarted three times (SIGHUP)", tally, recovered_s=tally.recovered_s(began_s))
    # Granian closes idle connections at once, and a call may be on its way to one.
    assert_promises(tally, usable=0.999 if "granian" in request.node.name else 1.0)


@pytest.mark.slow
def test_workers_recycled_every_few_seconds(
    postgres: OwnPostgres,
    board_name: str,
    tmp_path: Path,
    note: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without jitter all are due in the same moment, again and again.
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--max-requests 400 --max-requests-jitter 0")
    with rig(postgres, board_name, tmp_path) as service:
        first = set(workers(service.server))
        with service.calls(200.0) as load:
            load.wait_until_normal(within_s=BACK_S)
            time.sleep(25.0)
        tally = load.tally()
        note("Workers recycled, one every 10 s", tally)
        assert_promises(tally)
        assert not first & set(workers(service.server))


@pytest.mark.slow
def test_three_times_what_it_can_do_and_afterwards(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    flood_s = 60.0
    health_port = free_port()
    with rig(
        postgres,
        board_name,
        tmp_path,
        CJ_WORKERS="1",
        CJ_HARD_RPS="0",
        CJ_HEALTH_BIND=f"127.0.0.1:{health_port}",
    ) as service:
        most_rps = _seconds(service, 3_000, 5.0)[3].get("normal", 0)
        with _health_asked(health_port) as health_took_s:
            seconds = _seconds(service, 3 * most_rps, flood_s)
        during, after = seconds[1 : int(flood_s)], seconds[int(flood_s) :]
        total: Counter[str] = sum(during, Counter())
        usable = (total["normal"] + total["postgres"]) / len(during)
        with service.calls() as load:
            load.wait_until_normal(within_s=BACK_S)
        quiet = next(n for n, second in enumerate(after) if set(second) == {"normal"})
        note(
            "3x overload for 60 s",
            load.tally(),
            recovered_s=float(quiet),
            could_rps=most_rps,
            usable_rps=round(usable),
            came_to=dict(total),
            health=f"{len(health_took_s)} checks, the slowest {max(health_took_s) * 1000:.0f} ms",
        )
        assert len(health_took_s) > 30
        assert max(health_took_s) < CUT_OFF_S
        assert usable > 0.5 * most_rps
        assert quiet <= 10
        assert service.held().threads <= MOST_THREADS


@contextmanager
def _health_asked(port: int) -> Iterator[list[float]]:
    """Ask for health at its own address every second; seconds each answer took, infinity for one that failed."""
    took_s: list[float] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(1.0):
            begin_s = time.monotonic()
            try:
                able = call(port, "/health/live").status == 200
            except (OSError, IndexError):
                able = False
            took_s.append(time.monotonic() - begin_s if able else math.inf)

    asking = threading.Thread(target=ask, name="health", daemon=True)
    asking.start()
    yield took_s
    ended.set()
    asking.join()


def _seconds(service: Rig, rate_rps: float, seconds: float) -> list[Counter[str]]:
    """What the calls of each second came to, by a process of its own; 8 s of quiet at the end."""
    command = [
        sys.executable,
        "-m",
        "tests.faults.flood",
        str(service.server.port),
        str(rate_rps),
        str(seconds),
    ]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return [Counter(second["calls"]) for second in json.loads(printed)]
