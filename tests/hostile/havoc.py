"""Everything that goes wrong on a hostile day, each in a random order that a seed repeats."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from base64 import b64encode
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.faults.processes import master, wait_for_workers, workers
from tests.faults.rig import WORKERS
from tests.hostile.world import CONNECTED_JOBS, command, rows
from tests.web.wire import call

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from tests.faults.rig import Rig
    from tests.faults.valkey_server import Valkey

BACK_S = 60.0
AFTER_S = 5.0  # until connections are there again and the scheduler has come round
OPEN = "SELECT id FROM board.posting WHERE status = 'open' ORDER BY md5(id || %s) LIMIT %s"
LISTED = """
SELECT l.member_id, l.posting_ids[1 + %s] FROM connected_jobs.recommendation_list l
WHERE cardinality(l.posting_ids) > %s ORDER BY md5(l.member_id || %s) LIMIT 20
"""
POISON = (
    "UPDATE board.posting SET opened_at = 'infinity', updated_at = now() WHERE id = %s",
    "UPDATE board.posting SET categories = ARRAY['2', NULL], updated_at = now() WHERE id = %s",
    "UPDATE board.posting SET deadline = 'infinity', updated_at = now() WHERE id = %s",
    "UPDATE board.posting SET regions = ARRAY[E'a\\x1fb'], updated_at = now() WHERE id = %s",
)


class Havoc:
    """Faults against a running service; `outages` are when Postgres could not be asked, `lost` when calls had to be."""

    def __init__(
        self,
        rig: Rig,
        valkey: Valkey,
        *,
        boards: tuple[Path, Path],
        health: int,
        secret: str,
        dice: random.Random,
    ) -> None:
        self._rig = rig
        self._valkey = valkey
        self._boards = boards
        self._health = health
        self._secret = secret
        self._dice = dice
        self._imports = 0
        self._erased = 0
        self.outages: list[tuple[float, float]] = []
        self.lost: list[float] = []

    def basic(self, secret: str) -> str:
        """What a caller with a secret sends."""
        return "Basic " + b64encode(f"day:{secret}".encode()).decode()

    def faults(self) -> list[Callable[[], None]]:
        """All of them."""
        return [
            self.postings_closed,
            self.postings_hidden_and_shown,
            self.rows_that_nobody_can_read,
            self.every_posting_touched,
            self.members_apply,
            self.applications_that_arrive_late,
            self.member_erased,
            self.changed_lists_published_at_once,
            self.all_lists_published,
            self.rollback,
            self.files_imported,
            self.refresh_killed,
            self.import_killed,
            self.worker_killed,
            self.workers_reloaded,
            self.postgres_killed,
            self.postgres_frozen,
            self.network_stalled,
            self.connections_cut,
            self.lists_locked,
            self.replies_slow,
            self.connections_taken,
            self.shared_memory_full,
            self.valkey_killed,
            self.campaigns_made_up,
            self.secrets_guessed,
            self.idle_at_the_health_port,
        ]

    def postings_closed(self) -> None:
        self._write(
            "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE id = ANY(%s)", self._some(5)
        )

    def postings_hidden_and_shown(self) -> None:
        some = self._some(5)
        self._write("UPDATE board.posting SET status = 'hidden', updated_at = now() WHERE id = ANY(%s)", some)
        time.sleep(20.0)
        self._write("UPDATE board.posting SET status = 'open', updated_at = now() WHERE id = ANY(%s)", some)

    def rows_that_nobody_can_read(self) -> None:
        with suppress(psycopg.Error):  # a table may refuse what a view does not
            self._write(self._dice.choice(POISON), self._some(1)[0])

    def every_posting_touched(self) -> None:
        self._write("UPDATE board.posting SET updated_at = now()")

    def members_apply(self) -> None:
        self._apply("0 minutes")

    def applications_that_arrive_late(self) -> None:
        self._apply("45 minutes")

    def member_erased(self) -> None:
        self._erased += 1
        found = rows(
            self._url, "SELECT id FROM board.member ORDER BY md5(id || %s) LIMIT 1", str(self._dice.random())
        )
        self._command("members", "erase", found[0][0])

    def changed_lists_published_at_once(self) -> None:
        self._command("refresh", "--changed", "--at-once")

    def all_lists_published(self) -> None:
        self._command("refresh", "--at-once")

    def rollback(self) -> None:
        self._command("refresh", "--rollback")

    def files_imported(self) -> None:
        self._imports += 1
        self._command("import", str(self._boards[self._imports % 2]))

    def refresh_killed(self) -> None:
        self._killed("refresh", "--at-once")

    def import_killed(self) -> None:
        self._killed("import", str(self._boards[self._dice.randint(0, 1)]))

    def worker_killed(self) -> None:
        before = workers(self._rig.server)
        self.lost.append(time.time())
        os.kill(before[0], signal.SIGKILL)
        with suppress(AssertionError):
            wait_for_workers(self._rig.server, WORKERS, other_than=before[:1], within_s=BACK_S)

    def workers_reloaded(self) -> None:
        before = workers(self._rig.server)
        os.kill(master(self._rig.server), signal.SIGHUP)
        with suppress(AssertionError):
            wait_for_workers(self._rig.server, WORKERS, other_than=before, within_s=BACK_S)

    def postgres_killed(self) -> None:
        with self._outage():
            self._rig.postgres.kill()
            time.sleep(2.0)
            self._rig.postgres.start()
            self._rig.proxy.upstream = self._rig.postgres.socket

    def postgres_frozen(self) -> None:
        with self._outage(), self._rig.postgres.frozen():
            time.sleep(3.0)

    def network_stalled(self) -> None:
        with self._outage(), self._rig.proxy.stalled():
            time.sleep(4.0)

    def connections_cut(self) -> None:
        with self._outage(), self._rig.proxy.down():
            time.sleep(3.0)

    def lists_locked(self) -> None:
        with self._outage(), psycopg.connect(self._url) as holder:
            holder.execute("LOCK TABLE connected_jobs.recommendation_list IN ACCESS EXCLUSIVE MODE")
            time.sleep(2.0)

    def replies_slow(self) -> None:
        with self._outage(), self._rig.proxy.slowed(0.9):
            time.sleep(5.0)

    def connections_taken(self) -> None:
        with self._outage(), ExitStack() as hoard:
            with self._rig.proxy.down(), suppress(psycopg.OperationalError):
                while True:
                    hoard.enter_context(psycopg.connect(self._rig.postgres.url))
            time.sleep(3.0)

    def shared_memory_full(self) -> None:
        filler = Path(f"/proc/{master(self._rig.server)}/root/dev/shm/of-somebody-else")
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 65_536)
        self.workers_reloaded()
        filler.unlink()

    def valkey_killed(self) -> None:
        self._valkey.kill()
        time.sleep(3.0)
        self._valkey.start()

    def campaigns_made_up(self) -> None:
        authorization = self.basic(self._secret)
        for number in range(150):
            query = f"campaign=made-up-{self._dice.random()}-{number}"
            with suppress(OSError):
                call(
                    self._rig.server.port,
                    f"/v1/members/nobody/recommendations?{query}",
                    authorization=authorization,
                )

    def secrets_guessed(self) -> None:
        for number in range(100):
            with suppress(OSError):
                authorization = self.basic(f"guess-{number}")
                call(
                    self._rig.server.port,
                    "/v1/members/nobody/recommendations?campaign=x",
                    authorization=authorization,
                )

    def idle_at_the_health_port(self) -> None:
        with ExitStack() as idle:
            for _ in range(200):
                with suppress(OSError):
                    idle.enter_context(socket.create_connection(("127.0.0.1", self._health), timeout=1.0))
            time.sleep(3.0)

    @property
    def _url(self) -> str:
        return self._rig.database_url

    def _some(self, count: int) -> list[str]:
        return [posting for (posting,) in rows(self._url, OPEN, str(self._dice.random()), count)]

    def _write(self, statement: str, *values: object) -> None:
        rows(self._url, statement, *values)

    def _apply(self, before: str) -> None:
        place = self._dice.randint(0, 5)
        for member, posting in rows(self._url, LISTED, place, place, str(self._dice.random())):
            self._write(
                "INSERT INTO board.activity (member_id, posting_id, kind, occurred_at)"
                " VALUES (%s, %s, 'apply', now() - %s::interval) ON CONFLICT DO NOTHING",
                member,
                posting,
                before,
            )

    def _command(self, *words: str) -> None:
        done = command(self._url, *words, check=False)
        if "Traceback" in done.stderr:
            raise AssertionError(f"{words} ends in a traceback: {done.stderr[-800:]}")

    def _killed(self, *words: str) -> None:
        process = subprocess.Popen(
            [CONNECTED_JOBS, *words],
            env=os.environ | {"DATABASE_URL": self._url},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        time.sleep(self._dice.uniform(0.5, 5.0))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    @contextmanager
    def _outage(self) -> Iterator[None]:
        """A stretch in which Postgres cannot be asked."""
        began = time.time()
        try:
            yield
        finally:
            self.outages.append((began, time.time() + AFTER_S))
            time.sleep(AFTER_S)
