"""Ways to Postgres: through PgBouncer, and by several hosts of which the first is dead."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from tests.faults.load import calls
from tests.faults.rig import SETTINGS, WORKERS, assert_promises
from tests.faults.tcp_proxy import proxy
from tests.pgbouncer import KEEPING, NO_KEEPING, PGBOUNCER, pgbouncer
from tests.web.gunicorn_server import gunicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.load import Load
    from tests.faults.own_postgres import OwnPostgres

BACK_S = 30.0
MOST_DEGRADED = 0.02


@pytest.mark.slow
@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed (Debian: pgbouncer)")
def test_behind_pgbouncer_serving_survives_its_restart(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    url = make_conninfo(host="127.0.0.1", port=port, user="postgres", dbname=board_name)
    with (
        pgbouncer(postgres.socket.parent, port) as first,
        serving(url, tmp_path / "service", CJ_PGBOUNCER="on") as load,
    ):
        load.wait_until_normal(within_s=BACK_S)
        down_s = time.monotonic()
        first.process.kill()
        first.process.wait()
        time.sleep(1.0)
        with pgbouncer(postgres.socket.parent, port):
            up_s = time.monotonic()
            load.wait_until_normal(within_s=BACK_S)
            time.sleep(2.0)
            tally = load.tally().between(down_s, time.monotonic())
    note("PgBouncer (transactions) killed and back", tally, recovered_s=tally.recovered_s(up_s))
    assert_promises(tally)


@pytest.mark.slow
@pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed (Debian: pgbouncer)")
@pytest.mark.skipif(KEEPING is None, reason=NO_KEEPING)
def test_a_pgbouncer_that_keeps_statements_stops_keeping_them_and_gives_way_to_one_that_does_not(
    postgres: OwnPostgres, board_name: str, note: Callable[..., None], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    url = make_conninfo(host="127.0.0.1", port=port, user="postgres", dbname=board_name)
    way = (postgres.socket.parent, port)
    with (
        pgbouncer(*way, program=KEEPING, max_prepared_statements=200) as first,
        serving(url, tmp_path / "service", CJ_PGBOUNCER="on") as load,
    ):
        load.wait_until_normal(within_s=BACK_S)
        told_s = time.monotonic()
        first.change("max_prepared_statements", 0)
        time.sleep(2.0)
        told = load.tally().between(told_s, time.monotonic())
        first.process.kill()  # told to end, it waits for its clients since 1.23, and the service keeps its connections
        first.process.wait()
        with pgbouncer(*way):
            up_s = time.monotonic()
            load.wait_until_normal(within_s=BACK_S)
            time.sleep(2.0)
            replaced = load.tally().between(told_s, time.monotonic())
    note("PgBouncer 1.24 told to keep no statements", told)
    note("PgBouncer 1.24 replaced by 1.18", replaced, recovered_s=replaced.recovered_s(up_s))
    assert_promises(told)
    assert_promises(replaced)
    assert told.degraded_share < MOST_DEGRADED


@pytest.mark.slow
def test_of_several_hosts_the_first_one_dead(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    with proxy(postgres.socket) as one, proxy(postgres.socket) as other:
        url = make_conninfo(
            host="127.0.0.1,127.0.0.1",
            port=f"{one.port},{other.port}",
            user="postgres",
            dbname=board_name,
            target_session_attrs="read-write",
        )
        with serving(url, tmp_path / "service") as load:
            load.wait_until_normal(within_s=BACK_S)
            assert one.connections > 0
            down_s = time.monotonic()
            with one.down():
                load.wait_until_normal(within_s=BACK_S)
                assert other.connections > 0
    tally = load.tally().between(down_s, time.monotonic())
    note("First of two Postgres hosts dead", tally, recovered_s=tally.recovered_s(down_s))
    assert_promises(tally)


@contextmanager
def serving(url: str, folder: Path, **settings: str) -> Iterator[Load]:
    """The service on a URL, being called."""
    chosen = SETTINGS | {"CJ_SNAPSHOT": str(folder / "saved.json")} | settings
    with gunicorn(url, folder, workers=WORKERS, **chosen) as server, calls(server.port) as load:
        yield load
