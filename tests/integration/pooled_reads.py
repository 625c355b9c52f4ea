"""`python -m tests.integration.pooled_reads`: what a member's read costs straight, and through PgBouncers of either kind.

CPU time of Postgres, of PgBouncer and of the caller, in rounds that go from way to way.
"""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.postgres.embedded import embedded_postgres
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import MEMBER_LIST
from loadtest.proc import tree_cpu_s
from tests.pgbouncer import KEEPING, NO_KEEPING, PGBOUNCER, pgbouncer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS, READS = 3, 3000
PLANS = "ALTER ROLE ALL SET plan_cache_mode = {}"


@dataclass
class Way:
    """A way to Postgres, and the CPU time of a read that each round took, in microseconds."""

    name: str
    pool: ServingPool
    server: int
    pooler: int | None = None
    rounds: list[tuple[float, float, float]] = field(default_factory=list)

    def read(self, run: bytes, members: list[bytes]) -> None:
        """Read the lists of as many members."""
        before = self._used()
        for number in range(READS):
            self.pool.run(MEMBER_LIST, [run, members[number % len(members)], None])
        after = self._used()
        self.rounds.append(tuple((a - b) / READS * 1e6 for a, b in zip(after, before, strict=True)))  # type: ignore[arg-type]

    def _used(self) -> tuple[float, float, float]:
        own = resource.getrusage(resource.RUSAGE_SELF)
        pooler_s = tree_cpu_s(self.pooler) if self.pooler else 0.0
        return tree_cpu_s(self.server), pooler_s, own.ru_utime + own.ru_stime


@contextmanager
def board(folder: Path) -> Iterator[tuple[str, int]]:
    """A small board with lists: its URL, and the process of its Postgres."""
    with embedded_postgres(folder / "postgres", options={"fsync": "off"}) as server:
        environment = os.environ | {"DATABASE_URL": server.url}
        for words in (
            ["migrate", "--board"],
            ["generate", str(folder / "board"), "--members", "1000", "--postings", "500"],
            ["import", str(folder / "board")],
            ["refresh", "--at-once"],
        ):
            command = [str(Path(sys.executable).with_name("connected-jobs")), *words]
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        pid = int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        yield server.url, pid


def connected(url: str, *, through_pgbouncer: bool) -> ServingPool:
    """A pool of one connection."""
    pool = ServingPool(
        url,
        (MEMBER_LIST,),
        size=1,
        wait_s=5,
        statement_timeout_ms=5000,
        through_pgbouncer=through_pgbouncer,
    )
    pool.open()
    pool.await_connected(30)
    return pool


def pooled(stack: ExitStack, url: str, program: str, most: int | None) -> tuple[str, int]:
    """A PgBouncer before it: its URL and its process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    given = conninfo_to_dict(url)
    settings = {} if most is None else {"max_prepared_statements": most}
    running = stack.enter_context(
        pgbouncer(Path(str(given["host"])), port, user=str(given["user"]), program=program, **settings)
    )
    made = make_conninfo(host="127.0.0.1", port=port, user=given["user"], dbname=given["dbname"])
    return made, running.process.pid


def main() -> None:
    """Measure and print."""
    if KEEPING is None or PGBOUNCER is None:
        raise SystemExit(f"Not measured: {NO_KEEPING}.")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="connected-jobs-reads-")))
        folder.chmod(0o711)
        url, server = stack.enter_context(board(folder))
        Path(str(conninfo_to_dict(url)["host"])).chmod(0o711)
        ways = [Way("straight", connected(url, through_pgbouncer=False), server)]
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("ALTER ROLE ALL SET search_path = pg_catalog, pg_temp")
            for name, program, most, plans in (
                ("PgBouncer installed", PGBOUNCER, None, "force_generic_plan"),
                ("newer, keeps none", KEEPING, 0, "force_generic_plan"),
                ("newer, keeps them", KEEPING, 200, "force_generic_plan"),
                ("the same, role's plans as Postgres has them", KEEPING, 200, "auto"),
            ):
                owner.execute(PLANS.format(plans).encode())
                through, pooler = pooled(stack, url, program, most)
                ways.append(Way(name, connected(through, through_pgbouncer=True), server, pooler))
                ways[-1].pool.run(
                    MEMBER_LIST, [b"1", b"nobody", None]
                )  # its session begins with the role's plans
            rows = owner.execute("SELECT member_id FROM connected_jobs.recommendation_list").fetchall()
            (run,) = owner.execute("SELECT max(run_id)::text FROM connected_jobs.publication").fetchone() or (
                "",
            )
        members = [str(member).encode() for (member,) in rows]
        for way in ways:
            stack.callback(way.pool.close)
            way.read(run.encode(), members)
        for way in ways:
            way.rounds.clear()
        for _ in range(ROUNDS):
            for way in ways:
                way.read(run.encode(), members)
    click.echo(f"{'a read, us of CPU':45} {'Postgres':>20} {'PgBouncer':>10} {'caller':>8}")
    for way in ways:
        postgres, pooler_, caller = ([each[n] for each in way.rounds] for n in range(3))
        least = f"{median(postgres):.0f} ({min(postgres):.0f}-{max(postgres):.0f})"
        click.echo(f"{way.name:45} {least:>20} {median(pooler_):10.0f} {median(caller):8.0f}")


if __name__ == "__main__":
    main()
