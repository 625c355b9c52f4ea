"""How long a day of Currents takes to read: `python -m tests.integration.currents_day --sends 200000`.

A day of a board with 2 million mails is 2 million sends and deliveries, 0.8 million opens, 1 million clicks and 0.2 million other
events: 6 million. What is measured is a share of it, read by the command in a process of its own, one core at most for the
reader; Postgres works beside it. Files have 15,000 events, as Braze writes them at most every five minutes.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click
import numpy as np

from app.demo.braze.currents_files import MOST_EVENTS, avro_file, object_key
from app.demo.braze.schemas import EMAIL
from app.postgres import migrate
from app.postgres.connecting import connect
from app.postgres.embedded import embedded_postgres, make_database
from app.postgres.engines import batch_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON_S = int(
    (datetime.now(UTC) - timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0).timestamp()
)
SHARES = {"Send": 1.0, "Delivery": 1.0, "Open": 0.4, "Click": 0.5, "Bounce": 0.05, "Unsubscribe": 0.05}
CAMPAIGN_ID = "9f0c3b1e-0000-4000-8000-00000000c0de"


def records(kind: str, first: int, count: int) -> Iterator[dict[str, Any]]:
    """Events of so many members, each with fields as full as Braze's."""
    draws = np.random.default_rng([first, *kind.encode()])
    for number in range(first, first + count):
        rid = f"{number:016d}"
        ids = ",".join(f"p-{n:09d}" for n in draws.integers(0, 10**9, 10))
        given: dict[str, Any] = {
            "id": str(UUID(bytes=draws.bytes(16))),
            "user_id": f"{number:024x}",
            "external_user_id": f"m-{number:08d}",
            "time": NOON_S + int(draws.integers(0, 7200)),
            "send_time": NOON_S,
            "email_address": f"member{number}@example.com",
            "campaign_id": CAMPAIGN_ID,
            "campaign_name": "Weekly digest",
            "message_variation_id": CAMPAIGN_ID.replace("9f", "aa"),
            "message_variation_name": "Variant A",
            "dispatch_id": "d" * 24,
            "timezone": "Asia/Seoul",
            "app_group_id": "0" * 24,
            "ip_pool": "pool",
            "from_domain": "mail.example.com",
        }
        if kind == "Send":
            cj = f"v1|{rid}|weekly-digest|personalized||10|{ids}"
            given["message_extras"] = json.dumps({"cj": cj})
        if kind in ("Open", "Click"):
            given["user_agent"] = (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
            )
        if kind == "Click":
            place = int(draws.integers(1, 11))
            given["url"] = (
                f"https://board.example/postings/p-1?rid={rid}&campaign=weekly-digest&position={place}&lid=abcdef"
            )
        yield given


def write_day(folder: Path, sends: int) -> int:
    """Files of a day; returns how many events."""
    events = 0
    for kind, share in SHARES.items():
        count = int(sends * share)
        for start in range(0, count, MOST_EVENTS):
            some = min(MOST_EVENTS, count - start)
            path = folder / object_key(EMAIL + kind, 12, NOON_S + 300 * (start // MOST_EVENTS % 24), 0, start)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(avro_file(EMAIL + kind, 12, list(records(kind, start, some)), "deflate"))
        events += count
    return events


def read_it(url: str, folder: Path) -> tuple[float, float, float]:
    """Read in a process of its own: seconds, its CPU seconds, and most memory in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run(
        [str(Path(sys.executable).with_name("connected-jobs")), "currents", "read", str(folder)],
        env=os.environ | {"DATABASE_URL": url},
        check=True,
    )
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, cpu, after.ru_maxrss / 1024


def sizes(url: str) -> dict[str, float]:
    """Megabytes of each table with its indexes."""
    with connect(url) as driver:
        return dict(
            driver.execute(
                "SELECT coalesce(p.relname, c.relname), sum(pg_total_relation_size(c.oid)) / 1e6 FROM pg_class c"
                " LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent"
                " WHERE c.relnamespace = 'connected_jobs'::regnamespace AND c.relkind = 'r'"
                " GROUP BY 1 HAVING sum(pg_total_relation_size(c.oid)) > 1e6"
            ).fetchall()
        )


@click.command()
@click.option("--sends", default=100_000, show_default=True)
def main(sends: int) -> None:
    """Write a share of a day, read it, read it again, and say what it took."""
    with tempfile.TemporaryDirectory(prefix="currents-day-") as place:
        folder = Path(place)
        events = write_day(folder / "bucket", sends)
        with embedded_postgres(folder / "postgres") as server:
            make_database(server, "day")
            url = server.database_url("day")
            migrate.upgrade(batch_engine(url), "board")
            migrate.upgrade(batch_engine(url), "service")
            took, cpu, memory = read_it(url, folder / "bucket")
            click.echo(
                f"{events:,} events in {took:.1f} s, {events / took:,.0f}/s; the reader's CPU {cpu:.1f} s,"
            )
            click.echo(f"{events / cpu:,.0f} events per CPU second; most memory {memory:.0f} MB")
            for table, size in sorted(sizes(url).items()):
                click.echo(f"{table}: {size:.1f} MB")
            with connect(url) as driver:
                driver.execute("UPDATE connected_jobs.currents_file SET etag = ''")
            again, _, _ = read_it(url, folder / "bucket")
            click.echo(f"Again, with nothing new: {again:.1f} s; {dict(sorted(sizes(url).items()))}")


if __name__ == "__main__":
    main()
