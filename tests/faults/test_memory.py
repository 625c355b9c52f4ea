"""What workers know: postings closed mid-send, a start without Postgres, a disk that is full."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.faults.processes import wait_for_workers, workers
from tests.faults.rig import WORKERS, assert_promises, rig
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.own_postgres import OwnPostgres
    from tests.faults.rig import Rig

KNOWN_S = 30.0  # from a closing to no answer showing the posting any more
ASKED = "/v1/members/f-00001/recommendations?campaign=weekly"


def test_a_posting_closed_mid_send(running: Rig, note: Callable[..., None]) -> None:
    try:
        _close_mid_send(running, note, poll_s=1, known_s=4.0)
    finally:
        with psycopg.connect(running.database_url) as board:
            board.execute("UPDATE board.posting SET status = 'open', updated_at = now() WHERE id = 'p-02'")


@pytest.mark.slow
def test_a_posting_closed_mid_send_with_the_usual_poll(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    with rig(postgres, board_name, tmp_path, CJ_POLL_S="10") as service:
        _close_mid_send(service, note, poll_s=10, known_s=KNOWN_S)


def _close_mid_send(service: Rig, note: Callable[..., None], *, poll_s: int, known_s: float) -> None:
    """Close a posting that answers show, and see that none shows it once the closing must be known."""
    with service.calls() as load:
        load.wait_until_normal(within_s=30)
        assert load.tally().showing(["p-02"]) > 0
        with psycopg.connect(service.database_url) as board:
            board.execute("UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = 'p-02'")
        closed_s = time.monotonic()
        time.sleep(known_s + 1.0)
    tally = load.tally().between(closed_s, time.monotonic())
    seen = [o.at_s - closed_s for o in tally.outcomes if "p-02" in o.ids]
    note(
        f"A posting closed mid-send, poll {poll_s} s",
        tally,
        last_shown_after_s=round(max(seen, default=0.0), 1),
    )
    assert_promises(tally)
    assert tally.between(closed_s + known_s, time.monotonic()).showing(["p-02"]) == 0


@pytest.mark.slow
def test_a_closing_is_kept_through_an_outage_and_a_restart_without_postgres(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    saved = tmp_path / "kept.json"
    with rig(postgres, board_name, tmp_path, CJ_SNAPSHOT=str(saved)) as service:
        _wait_for(saved)
        with service.proxy.down():
            before = workers(service.server)
            down_s = time.monotonic()
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            wait_for_workers(service.server, WORKERS, other_than=before, within_s=20)
            while call(service.server.port, "/health/ready").status != 200:
                assert time.monotonic() < down_s + 25
            able_s = time.monotonic() - down_s
            time.sleep(2.0)  # the other one too
            with service.calls() as load:
                time.sleep(3.0)
        answered = load.tally()
        note("Workers started without Postgres", answered, first_answer_after_s=round(able_s, 1))
        assert_promises(answered)
        assert answered.degraded == {"postgres": 1.0}
        with service.calls() as load:
            load.wait_until_normal(within_s=40)


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b'{"publications":[', b"\x00" * 4096])
def test_a_corrupt_file_is_as_good_as_none(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, content: bytes
) -> None:
    saved = tmp_path / "kept.json"
    with rig(postgres, board_name, tmp_path, CJ_SNAPSHOT=str(saved)) as service:
        _wait_for(saved)
        saved.write_bytes(content)
        with service.proxy.down():
            for pid in workers(service.server):
                os.kill(pid, signal.SIGKILL)
            got = call(service.server.port, ASKED, authorization=basic("braze"))
            assert got.status == 503  # nobody's credential can be told: a caller with :retry comes back
            assert got.headers["retry-after"] == "10"
        with service.calls() as load:
            load.wait_until_normal(within_s=40)


@pytest.mark.slow
def test_a_full_disk_costs_no_call_and_leaves_the_file_as_it_was(
    postgres: OwnPostgres, board_name: str, tmp_path: Path, note: Callable[..., None]
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        saved = disk / "kept.json"
        with (
            rig(postgres, board_name, tmp_path / "service", CJ_SNAPSHOT=str(saved)) as service,
            service.calls() as load,
        ):
            load.wait_until_normal(within_s=20)
            time.sleep(2.0)
            assert service.metric('cj_task_failures_total{kind="disk"') > 0
        note("Disk of the snapshot full", load.tally())
        assert_promises(load.tally())
        assert load.tally().degraded == {}
        assert [path.name for path in disk.iterdir()] == ["filler"]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system with no room left."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no small file system can be mounted here: that takes root and the right to mount")
    try:
        (folder / "filler").write_bytes(b"x" * 60_000)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _wait_for(path: Path) -> None:
    """Wait until it was written, and not again for a second: each worker writes it when it starts."""
    give_up_s = time.monotonic() + 90
    while time.monotonic() < give_up_s:
        if path.exists() and time.time() - path.stat().st_mtime > 1.0:
            return
        time.sleep(0.1)
    pytest.fail(f"{path.name} was not written, or is written again and again.")
