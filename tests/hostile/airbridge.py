"""Many outcomes to the double of Airbridge at its limits, with faults, and killed at random moments: `python -m tests.hostile.airbridge`.

Of the outcomes a thousandth is wrong, as many are too late, and as many have no address; ten requests a minute get a 429 and five a
5xx after the event was taken, which at Airbridge's own 1,000 a minute is 1 % and 0.5 %. What is checked: every other outcome is counted once, with its member's address and time; each
left-out one is listed with its sentence; nothing was sent that Airbridge would drop. What is measured: time beside the limit's own,
429s, copies, memory. With `--per-minute 1000` 50,000 outcomes take most of an hour.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from app.analytics.airbridge import event_uuid
from app.postgres import migrate
from app.postgres.embedded import embedded_postgres, make_database
from app.postgres.engines import batch_engine
from tests.doubles.airbridge import TOKEN, Airbridge
from tests.doubles.faulty_http import faulty_http
from tests.hostile.sync_command import SyncCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.doubles.faulty_http import Fault

SYNC = """
destination = "airbridge"
kind = "events"
event = "job_apply"
query = "SELECT event_key, member_id, time, address, action, label, rid FROM big.applied"
[limits]
requests = {requests}
share = {share}
[airbridge]
host = "{host}"
app = "board"
"""
BEGIN = """
CREATE SCHEMA big;
CREATE TABLE big.applied AS
SELECT 'e-' || n AS event_key, 'm-' || n % 20000 AS member_id,
       now() - make_interval(secs => CASE WHEN n % 1000 = 7 THEN 100000 ELSE n % 3600 END) AS time,
       CASE WHEN n % 1000 <> 13 THEN '123.123.' || n % 250 || '.' || (n / 250) % 250 END AS address,
       CASE WHEN n % 1000 = 17 THEN repeat('x', 129) ELSE '개발, IT' END AS action,
       'personalized' AS label, 'aqBdGfU6K_NRfVp3' AS rid
FROM generate_series(1, {outcomes}) AS n;
"""


# ruff: noqa: T201 - it makes its own tables, and prints what it found


class Draw:
    """What befalls requests, of which so many come in a minute."""

    def __init__(self, rng: random.Random, per_minute: int) -> None:
        self._rng, self._per_minute = rng, per_minute
        self.slowed = 0

    def __call__(self) -> Fault:
        drawn = self._rng.random() * self._per_minute
        if drawn < 10:
            self.slowed += 1
            return "429"
        return "500 after" if drawn < 15 else ""


class Trial:
    """One sync until it has ended by itself."""

    def __init__(self, url: str, options: argparse.Namespace) -> None:
        self.url, self.options = url, options
        self.draw = Draw(random.Random(options.seed), options.per_minute)
        self.airbridge = Airbridge(per_minute=options.per_minute)
        self.airbridge.faults.draw = self.draw
        environment = {"CJ_AIRBRIDGE_TOKEN": TOKEN, "CJ_AIRBRIDGE_PRIVATE": "on"}
        self.command = SyncCommand(url, environment, lambda: self.airbridge.requests)

    def sql(self, statement: str) -> Sequence[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def check(self) -> dict[str, Any]:
        """What is so now; raises `AssertionError` where a promise is broken."""
        applied = self.sql(
            "SELECT event_key, member_id, address, extract(epoch FROM time) * 1000 FROM big.applied"
        )
        wrong = {key for key, *_ in applied if int(key[2:]) % 1000 in (7, 13, 17)}
        wanted = {
            str(event_uuid("job_apply", key)): (member, address, int(at))
            for key, member, address, at in applied
            if key not in wrong
        }
        stored = {
            one: (event["member"], event["address"], event["at"])
            for one, event in self.airbridge.stored.items()
        }
        assert stored == wanted, (len(stored), len(wanted))
        assert self.airbridge.dropped == []
        refused = {
            row[0] for row in self.sql("SELECT key FROM connected_jobs.sync_reject WHERE sentence <> ''")
        }
        assert refused == wrong, (len(refused), len(wrong))
        kept = self.sql("SELECT count(*) FROM connected_jobs.outbox WHERE properties ? 'address'")
        assert kept == [(0,)]
        return {
            "outcomes": len(applied),
            "counted": len(stored),
            "refused": len(refused),
            "copies": self.airbridge.copies,
        }


def main() -> None:
    """Run both trials: undisturbed by kills, and killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outcomes", type=int, default=50_000)
    parser.add_argument("--per-minute", type=int, default=20_000, help="requests that the double takes")
    parser.add_argument("--share", type=float, default=0.9, help="of them that is the sync's")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="connected-jobs-airbridge-") as folder:
        Path(folder).chmod(0o711)
        with embedded_postgres(Path(folder) / "postgres", options={"max_wal_size": "2GB"}) as server:
            for kills in dict.fromkeys((0, options.kills)):
                make_database(server, f"airbridge_{kills}")
                url = server.database_url(f"airbridge_{kills}")
                engine = batch_engine(url)
                migrate.upgrade(engine, "service")
                engine.dispose()
                print(json.dumps(_tried(Trial(url, options), Path(folder), kills)), flush=True)


def _tried(trial: Trial, folder: Path, kills: int) -> dict[str, Any]:
    options = trial.options
    with faulty_http(trial.airbridge) as host:
        trial.sql(BEGIN.format(outcomes=options.outcomes))
        file = folder / "airbridge.toml"
        file.write_text(
            SYNC.format(requests=options.per_minute // 20, share=options.share, host=host), encoding="utf-8"
        )
        own_s = options.outcomes / (options.per_minute * options.share / 60)
        begin, rng = time.monotonic(), random.Random(options.seed)
        for _ in range(kills):
            if trial.command.run(file, rng.uniform(0.0, 0.8 * own_s / kills)) is not None:
                break
        code = trial.command.run(file)
        took_s = time.monotonic() - begin
        assert code == 3, code  # there are refused rows
        found = trial.check()
        before = trial.airbridge.requests
        assert trial.command.run(file) == 3
        assert trial.airbridge.requests == before
    return {
        "kills": kills, **found, "requests": before, "429s meant": trial.draw.slowed,
        "429s caused": trial.airbridge.too_fast - trial.draw.slowed, "seconds": round(took_s, 1), "the limit's own": round(own_s, 1),
        "ratio": round(took_s / own_s, 2), "most memory, MB": round(trial.command.most_kb / 1024),
    }  # fmt: skip


if __name__ == "__main__":
    main()
