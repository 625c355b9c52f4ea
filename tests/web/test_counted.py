"""What gunicorn's workers count is what was called: every call once, over two workers, through an ended one."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.cli.serving import GUNICORN
from app.fingerprint import fingerprint
from app.postgres.engines import planner_engine
from app.postgres.planning.register import PostgresRegister
from app.serving.distinct_members import ERROR
from app.settings import Settings
from tests.faults.granian_server import granian
from tests.web.gunicorn_server import Server, gunicorn
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from app.capacity.calibration import MeasuredSend

WITHIN_S = 20.0
CALLS, MEMBERS = 600, 300
QUICK_COUNTS = [*GUNICORN[:-1], str(Path(__file__).with_name("quick_counts_conf.py"))]
FLUSHED_TWICE_S = 0.6  # by each worker, at 0.2 s


@pytest.fixture
def counting_server(board_url: str, tmp_path: Path) -> Iterator[Server]:
    with gunicorn(board_url, tmp_path, command=QUICK_COUNTS, CJ_INSTANCE="the one") as server:
        yield server


@pytest.fixture
def register(board_url: str) -> Iterator[PostgresRegister]:
    engine = planner_engine(board_url)
    yield PostgresRegister(engine)
    engine.dispose()


def ask(server: Server, *, campaign: str = "weekly", send: str = "d-1", calls: int = CALLS) -> int:
    """So many calls, each member's more than once, from several connections at a time; how many were degraded."""
    query = f"recommendations?campaign={campaign}&send={send}"

    def one(number: int) -> bool:
        target = f"/v1/members/m-{number % MEMBERS}/{query}"
        answered = call(server.port, target, authorization=basic("braze"))
        assert answered.status == 200
        return answered.json()["degraded"] is not None

    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(one, range(calls)))


def eventually(found: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not found():
        assert time.monotonic() < deadline_s, "it did not come to be"
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def sends(register: PostgresRegister, key: str = "weekly") -> dict[str, MeasuredSend]:
    return {send.send: send for send in register.sends(key)}


def test_two_workers_count_every_call_once_and_each_member_once(
    counting_server: Server, register: PostgresRegister
) -> None:
    degraded = ask(counting_server)
    ask(counting_server, campaign="loadtest-1")
    ask(counting_server, send="d-2", calls=10)
    eventually(lambda: sum(send.calls for send in sends(register).values()) == CALLS + 10)
    eventually(lambda: sends(register)["d-1"].members.likely >= MEMBERS * (1 - ERROR))
    found = sends(register)
    assert (found["d-1"].calls, found["d-1"].degraded, found["d-2"].calls) == (CALLS, degraded, 10)
    assert found["d-1"].members.likely == pytest.approx(MEMBERS, rel=ERROR)
    assert sum(calls for _, calls, _ in register.seconds("weekly", "d-1")) == CALLS
    assert register.sends("loadtest-1") == []
    time.sleep(FLUSHED_TWICE_S)  # nothing is added twice
    assert sends(register)["d-1"].calls == CALLS


@pytest.mark.parametrize("served", [gunicorn, granian], ids=lambda served: served.__name__)
def test_a_server_that_ends_adds_what_it_counted_last(
    board_url: str,
    tmp_path: Path,
    register: PostgresRegister,
    served: Callable[[str, Path], AbstractContextManager[Server]],
) -> None:
    """It is stopped within the two seconds in which its watch would have come round."""
    with served(board_url, tmp_path) as server:
        ask(server, calls=100)
    found = sends(register)["d-1"]
    assert found.calls == 100
    assert found.members.likely == pytest.approx(100, rel=ERROR, abs=1.5)


def test_a_worker_that_is_killed_costs_what_it_had_not_told_and_nothing_else(
    counting_server: Server, register: PostgresRegister
) -> None:
    ask(counting_server)
    eventually(lambda: sends(register)["d-1"].calls == CALLS if "d-1" in sends(register) else False)
    workers = {int(file.stem.rpartition("_")[2]) for file in counting_server.metrics.glob("gauge_live*.db")}
    os.kill(min(workers), signal.SIGKILL)
    eventually(lambda: not is_running(min(workers)))
    ask(counting_server, send="d-2", calls=50)
    eventually(lambda: "d-2" in sends(register) and sends(register)["d-2"].calls == 50)
    assert sends(register)["d-1"].calls == CALLS


def test_while_postgres_lets_nobody_in_calls_are_counted_and_told_later(
    counting_server: Server, register: PostgresRegister, board_url: str
) -> None:
    refuse(board_url, refused=True)
    ask(counting_server, calls=60)  # degraded, and counted
    time.sleep(FLUSHED_TWICE_S)
    refuse(board_url, refused=False)
    eventually(lambda: sum(send.calls for send in sends(register).values()) == 60)
    assert sends(register)["d-1"].degraded == 60


def refuse(url: str, *, refused: bool) -> None:
    """Have Postgres let nobody into the database, or everybody again."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {"false" if refused else "true"}')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


def test_an_instance_of_two_workers_tells_of_itself_once_and_as_the_command_says(
    counting_server: Server, register: PostgresRegister, board_url: str
) -> None:
    assert counting_server.port
    found = register.running()
    assert found.instances == 1
    expected = fingerprint(Settings(database_url=board_url, threads=4, workers=2))
    assert found.fingerprints == (expected,)
    assert found.tables["postings"] > 0


def test_where_counting_is_off_nothing_is_written(
    board_url: str, tmp_path: Path, register: PostgresRegister
) -> None:
    with gunicorn(board_url, tmp_path, command=QUICK_COUNTS, CJ_COUNTING="off") as server:
        ask(server, calls=20)
        time.sleep(FLUSHED_TWICE_S)
        assert call(server.port, "/health/ready").json() == {"ready": True, "missing": []}
    assert register.sends("weekly") == []
    assert register.running().instances == 0
