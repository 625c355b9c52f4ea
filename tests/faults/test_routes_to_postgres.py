"""Ways to Postgres: through PgBouncer, and by several hosts of which the first is dead."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import make_conninfo

from app.postgres.offspring import end_with_parent
from tests.faults.load import calls
from tests.faults.rig import SETTINGS, WORKERS, assert_promises
from tests.faults.tcp_proxy import proxy
from tests.web.gunicorn_server import gunicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.load import Load
    from tests.faults.own_postgres import OwnPostgres

BACK_S = 30.0
_PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@pytest.mark.slow
@pytest.mark.skipif(_PGBOUNCER is None, reason="pgbouncer is not installed (Debian: pgbouncer)")
def test_behind_pgbouncer_serving_survives_its_restart(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    url = make_conninfo(host="127.0.0.1", port=port, user="postgres", dbname=board_name)
    with (
        pgbouncer(postgres, port, tmp_path) as first,
        serving(url, tmp_path / "service", CJ_PGBOUNCER="on") as load,
    ):
        load.wait_until_normal(within_s=BACK_S)
        down_s = time.monotonic()
        first.kill()
        first.wait()
        time.sleep(1.0)
        with pgbouncer(postgres, port, tmp_path):
            up_s = time.monotonic()
            load.wait_until_normal(within_s=BACK_S)
            time.sleep(2.0)
            tally = load.tally().between(down_s, time.monotonic())
    note("PgBouncer (transactions) killed and back", tally, recovered_s=tally.recovered_s(up_s))
    assert_promises(tally)


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
    chosen = SETTINGS | {"CJ_SAVED": str(folder / "saved.json")} | settings
    with gunicorn(url, folder, workers=WORKERS, **chosen) as server, calls(server.port) as load:
        yield load


@contextmanager
def pgbouncer(postgres: OwnPostgres, port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """PgBouncer before the server, lending a connection for a transaction at a time."""
    assert _PGBOUNCER is not None
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host={postgres.socket.parent} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 8\n"
        f"logfile = {folder / 'pgbouncer.log'}\n",
        encoding="utf-8",
    )
    as_root = os.geteuid() == 0
    if as_root:  # it refuses to run as root
        for path in (folder, *folder.parents):
            if path != Path("/"):
                path.chmod(path.stat().st_mode | 0o011)
        configuration.chmod(0o644)
        (folder / "pgbouncer.log").touch()
        (folder / "pgbouncer.log").chmod(0o666)
    process = subprocess.Popen(
        [_PGBOUNCER, "-q", configuration],
        user="nobody" if as_root else None,
        preexec_fn=end_with_parent(15),  # noqa: PLW1509 - only a prctl call
    )
    try:
        _wait_until_listening(process, port)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    give_up_s = time.monotonic() + 10
    while time.monotonic() < give_up_s:
        assert process.poll() is None, "pgbouncer ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("pgbouncer does not listen")
