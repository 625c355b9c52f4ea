"""`python -m tests.integration.list_formats`: what a list takes in the table and at a read, in three formats.

As it is: an array of texts. Joined: one text, as a read makes of it anyway. Keys: an array of integers, which a worker turns into
ids by a table of its own, for each run that a send still reads. CPU time in rounds that go from format to format.
"""

from __future__ import annotations

import random
import resource
import struct
import tracemalloc
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import psycopg
from psycopg.pq import Format

from app.postgres.embedded import embedded_postgres
from loadtest.proc import tree_cpu_s

if TYPE_CHECKING:
    from collections.abc import Callable

MEMBERS, POSTINGS, PLACES, ROUNDS, READS = 100_000, 200_000, 50, 5, 5000
MADE = """
CREATE TABLE as_it_is (run_id bigint, member_id text, posting_ids text[], reasons bytea, PRIMARY KEY (run_id, member_id));
INSERT INTO as_it_is
SELECT 1, 'm-' || lpad(m::text, 7, '0'), array_agg('p' || lpad(((m * 7919 + k * 104729) % 200000)::text, 7, '0')),
       decode(repeat('01', 50), 'hex')
FROM generate_series(1, 100000) m, generate_series(1, 50) k GROUP BY m;
CREATE TABLE joined (run_id bigint, member_id text, posting_ids text, reasons bytea, PRIMARY KEY (run_id, member_id));
INSERT INTO joined SELECT run_id, member_id, array_to_string(posting_ids, chr(31)), reasons FROM as_it_is;
CREATE TABLE keys (run_id bigint, member_id text, posting_ids int[], reasons bytea, PRIMARY KEY (run_id, member_id));
INSERT INTO keys SELECT run_id, member_id, (SELECT array_agg(substr(one, 2)::int ORDER BY n) FROM unnest(posting_ids)
       WITH ORDINALITY AS each(one, n)), reasons FROM as_it_is;
"""
READ = "SELECT {}, reasons FROM {} WHERE run_id = $1::bigint AND member_id = $2::text"
FORMATS = {
    "as_it_is": "pg_catalog.array_to_string(posting_ids, pg_catalog.chr(31))",
    "joined": "posting_ids",
    "keys": "posting_ids",
}


def from_text(value: bytes) -> list[str]:
    """Ids from joined text."""
    return value.decode().split("\x1f")


def from_keys(names: list[str]) -> Callable[[bytes], list[str]]:
    """Ids from an array of integers, as Postgres sends it: 20 bytes of head, then each with its length."""
    return lambda value: [names[key] for key in struct.unpack("!" + "4xi" * PLACES, value[20:])]


def main() -> None:
    """Measure and print."""
    tracemalloc.start()
    names = [f"p{number:07}" for number in range(POSTINGS)]
    table_mb = tracemalloc.get_traced_memory()[0] / 2**20
    tracemalloc.stop()
    read_as = {"as_it_is": from_text, "joined": from_text, "keys": from_keys(names)}
    with TemporaryDirectory(prefix="connected-jobs-formats-") as name:
        folder = Path(name)
        with (
            embedded_postgres(
                folder / "postgres", options={"fsync": "off", "shared_buffers": "512MB"}
            ) as server,
            psycopg.connect(server.url, autocommit=True) as connection,
        ):
            postmaster = int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
            for statement in MADE.split(";\n"):
                if statement.strip():
                    connection.execute(statement.encode())
            connection.execute("SET plan_cache_mode = force_generic_plan")
            connection.execute("VACUUM (ANALYZE, FREEZE)")
            pgconn = connection.pgconn
            for format_, column in FORMATS.items():
                pgconn.prepare(format_.encode(), READ.format(column, format_).encode())
            server_us: dict[str, list[float]] = {format_: [] for format_ in FORMATS}
            caller_us: dict[str, list[float]] = {format_: [] for format_ in FORMATS}
            draws = random.Random(1)
            asked = [f"m-{draws.randint(1, MEMBERS):07}".encode() for _ in range(READS)]
            for turn in range(ROUNDS + 1):  # the first warms
                for format_ in FORMATS:
                    before = tree_cpu_s(postmaster), resource.getrusage(resource.RUSAGE_SELF).ru_utime
                    for member in asked:
                        got = pgconn.exec_prepared(format_.encode(), [b"1", member], None, Format.BINARY)
                        found = read_as[format_](got.get_value(0, 0) or b"")
                        assert len(found) == PLACES
                    after = tree_cpu_s(postmaster), resource.getrusage(resource.RUSAGE_SELF).ru_utime
                    if turn:
                        server_us[format_].append((after[0] - before[0]) / READS * 1e6)
                        caller_us[format_].append((after[1] - before[1]) / READS * 1e6)
            click.echo(f"{'format':10} {'bytes a list':>13} {'Postgres us':>18} {'caller us':>18}")
            for format_ in FORMATS:
                size = connection.execute("SELECT pg_total_relation_size(%s::regclass)", [format_]).fetchone()
                spread = [
                    f"{median(one):.0f} ({min(one):.0f}-{max(one):.0f})"
                    for one in (server_us[format_], caller_us[format_])
                ]
                click.echo(
                    f"{format_:10} {(size or (0,))[0] / MEMBERS:13.0f} {spread[0]:>18} {spread[1]:>18}"
                )
    click.echo(f"A run's table of {POSTINGS:,} ids: {table_mb:.0f} MB a worker, for each run.")


if __name__ == "__main__":
    main()
