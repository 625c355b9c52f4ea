"""What a machine runs out of: shared memory, room for logs, open files, threads for checks, and gunicorn itself."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.cli.serving import GUNICORN
from app.web.workers.health_server import MOST_CLIENTS
from tests.faults.load import calls
from tests.faults.processes import held, master, wait_for_workers, workers
from tests.faults.rig import SETTINGS, WORKERS, assert_promises, rig
from tests.web.board import VETOED
from tests.web.gunicorn_server import gunicorn, ready_until_done
from tests.web.test_nginx import free_port
from tests.web.wire import call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.own_postgres import OwnPostgres

BACK_S = 30.0
# A shared memory of its own, as small as a container's may be beside whatever else is in there.
SMALL_SHARED_MEMORY = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount --make-rprivate / && mount -t tmpfs -o size=4M s /dev/shm && mkdir /dev/shm/counts && exec "$@"',
    "sh",
)


def shell(script: str) -> tuple[str, ...]:
    """A shell that does something and then becomes the service."""
    return ("sh", "-c", f'{script}; exec "$@"', "sh")


@contextmanager
def filled(file: Path) -> Iterator[None]:
    """Keep the disk full, whatever is deleted there meanwhile."""
    enough = threading.Event()

    def fill() -> None:
        with file.open("wb", buffering=0) as other:
            while not enough.wait(0.002):
                with suppress(OSError):
                    while True:
                        other.write(b"x" * 4096)

    filling = threading.Thread(target=fill)
    filling.start()
    try:
        yield
    finally:
        enough.set()
        filling.join()
        file.unlink()


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="a shared memory of the service's own takes root and unshare",
)
def test_shared_memory_full(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    start = partial(gunicorn, within=SMALL_SHARED_MEMORY)
    with rig(postgres, board_name, tmp_path, start, PROMETHEUS_MULTIPROC_DIR="/dev/shm/counts") as service:  # noqa: S108 - the service's own
        shared = Path(f"/proc/{master(service.server)}/root/dev/shm")
        with service.calls() as load:
            load.wait_until_normal(within_s=BACK_S)
            full_s = time.monotonic()
            with filled(shared / "of-somebody-else"):
                before = workers(service.server)
                os.kill(before[0], signal.SIGKILL)
                wait_for_workers(service.server, WORKERS, other_than=before[:1], within_s=BACK_S)
                load.wait_until_normal(within_s=BACK_S)
                killed_s = time.monotonic()
                before = workers(service.server)
                os.kill(master(service.server), signal.SIGHUP)
                wait_for_workers(service.server, WORKERS, other_than=before, within_s=BACK_S)
                load.wait_until_normal(within_s=BACK_S)
            room_s = time.monotonic()
            while not service.metric("cj_answers_total"):
                assert time.monotonic() - room_s < BACK_S
                time.sleep(0.2)
        tally = load.tally()
        note("Shared memory full, workers killed and reloaded", tally.between(full_s, room_s))
        assert_promises(tally, usable=0.95)  # calls that the killed worker had in hand
        assert_promises(tally.between(killed_s, time.monotonic()))
        assert "SIGBUS" not in service.server.log.read_text()


@pytest.mark.slow
def test_no_room_for_the_log(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    start = partial(gunicorn, within=shell("exec 2>/dev/full"))
    with rig(postgres, board_name, tmp_path, start, CJ_LOG_PER_S="1000") as service:
        with service.calls() as load:
            load.wait_until_normal(within_s=BACK_S)
            time.sleep(3.0)
        note("No room for the log", load.tally())
        assert_promises(load.tally())


@pytest.mark.slow
def test_no_open_file_left(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    with rig(postgres, board_name, tmp_path) as service:
        before = workers(service.server)
        with service.calls(50.0) as load:
            load.wait_until_normal(within_s=BACK_S)
            usual = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in before}
            for pid, (_, most) in usual.items():
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (held([pid]).files + 4, most))
            began_s = time.monotonic()
            with ExitStack() as idle:
                for _ in range(60):
                    idle.enter_context(socket.create_connection(("127.0.0.1", service.server.port)))
                time.sleep(2.0)
            ended_s = time.monotonic()
            for pid, limit in usual.items():
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
            load.wait_until_normal(within_s=BACK_S)
            again_s = time.monotonic()
            time.sleep(1.0)
        tally = load.tally()
        note(
            "No open file left, 60 idle clients",
            tally.between(began_s, ended_s),
            recovered_s=again_s - ended_s,
        )
        assert_promises(tally.between(again_s, time.monotonic()))
        assert workers(service.server) == before


@pytest.mark.slow
def test_idle_clients_at_the_health_port(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    health_port = free_port()
    with rig(postgres, board_name, tmp_path, CJ_HEALTH_BIND=f"127.0.0.1:{health_port}") as service:
        threads = service.held().threads
        with ExitStack() as idle, service.calls() as load:
            load.wait_until_normal(within_s=BACK_S)
            for _ in range(1_000):
                idle.enter_context(socket.create_connection(("127.0.0.1", health_port)))
            assert [call(health_port, "/health/live").status for _ in range(5)] == [200] * 5
            assert service.held().threads <= threads + 2 * WORKERS * MOST_CLIENTS
            time.sleep(1.0)
        note("1,000 idle clients at the health port", load.tally())
        assert_promises(load.tally())


@pytest.mark.slow
def test_gunicorn_itself_killed_and_started_a_second_later(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    url, port = postgres.database_url(board_name), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CJ_")},
        **SETTINGS,
        "DATABASE_URL": url,
        "CJ_BIND": f"127.0.0.1:{port}",
        "CJ_WORKERS": str(WORKERS),
        "CJ_SNAPSHOT": str(tmp_path / "saved.json"),
    }
    log = tmp_path / "gunicorn.log"
    with log.open("wb") as output:
        first = subprocess.Popen(GUNICORN, env=environment, stdout=output, stderr=output)
        with ready_until_done(port, log, first), calls(port, rate_rps=150.0) as load:
            load.wait_until_normal(within_s=BACK_S)
            down_s = time.monotonic()
            first.kill()
            time.sleep(1.0)
            second = subprocess.Popen(GUNICORN, env=environment, stdout=output, stderr=output)
            with ready_until_done(port, log, second):
                load.wait_until_normal(within_s=BACK_S)
                tally = load.tally().between(down_s, time.monotonic())
                note("gunicorn killed -9, started 1 s later", tally, recovered_s=tally.recovered_s(down_s))
                load.stop()
    assert tally.showing(VETOED) == 0
    # Nobody listens from the workers' end, which see that they are orphans, until the next one does.
    assert set(tally.failures) <= {"refused", "reset", "cut off"}
    assert tally.recovered_s(down_s) <= BACK_S
