"""Outcomes of a large day against a double at its documented limits, with faults, then killed: `python -m tests.hostile.amplitude`.

So many outcomes, a thousandth of them wrong and a thousandth refused by the destination; 1 % of the requests get a 429 and 1 % a
5xx after they were taken. What is checked: every other outcome is there once, every wrong one is listed with a sentence, a run
after the last sends nothing. What is measured: time of sending
beside the limit's own and the waits that 429s asked for, requests, memory.
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

from app.postgres import migrate
from app.postgres.embedded import embedded_postgres, make_database
from app.postgres.engines import batch_engine
from tests.doubles.amplitude import KEY, Amplitude, amplitude
from tests.doubles.faulty_http import Faults
from tests.hostile.sync_command import SyncCommand

if TYPE_CHECKING:
    from tests.doubles.faulty_http import Fault

# ruff: noqa: T201 - it makes its own tables, and prints what it found
OBJECTS = 200  # of a request, so that there are requests enough to fail: Amplitude takes more
PER_S = 1_000  # events of a Starter plan
THROTTLED_S = 30  # that a 429 asks for
SYNC = """
destination = "amplitude"
kind = "events"
event = "Job Applied From Mail"
query = "SELECT event_key, member_id, time, posting_id FROM big.outcome"
[limits]
objects = {objects}
requests = {requests}
share = 1.0
[amplitude]
host = "{host}"
"""
BEGIN = """
CREATE SCHEMA big;
CREATE TABLE big.outcome AS
SELECT n || '/p' AS event_key, CASE n % 1000 WHEN 7 THEN 'anonymous' ELSE 'm' || n END AS member_id, now() AS time, 'p' AS posting_id
FROM generate_series(1, {outcomes}) AS n
"""


class Draw:
    """What befalls requests, and when the first and the last came."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.began_s = self.ended_s = 0.0

    def __call__(self) -> Fault:
        self.ended_s = time.monotonic()
        self.began_s = self.began_s or self.ended_s
        drawn = self._rng.random()
        if drawn < 0.01:
            return "429"
        return "500 after" if drawn < 0.02 else ""


class Trial:
    """One day's outcomes until all have arrived."""

    def __init__(self, url: str, options: argparse.Namespace) -> None:
        self.url, self.options = url, options
        self.rng = random.Random(options.seed)
        self.draw = Draw(self.rng)
        silenced = {f"m{n}" for n in range(13, options.outcomes + 1, 1_000)}
        self.project = Amplitude(starter=PER_S, silenced=silenced, faults=Faults(draw=self.draw))
        environment = {"CJ_AMPLITUDE_KEY": KEY, "CJ_AMPLITUDE_PRIVATE": "on"}
        self.command = SyncCommand(url, environment, lambda: self.project.requests)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def prepare(self, folder: Path) -> Path:
        """Put the outcomes into a table; gives the sync file."""
        self.sql(BEGIN.format(outcomes=self.options.outcomes))
        file = folder / "outcomes.toml"
        text = SYNC.format(objects=OBJECTS, requests=3 * PER_S // OBJECTS, host=self.project.url)
        file.write_text(text, encoding="utf-8")
        return file

    def check(self) -> dict[str, Any]:
        """What is so now; raises `AssertionError` where a promise is broken."""
        everything = {
            (key, member) for key, member in self.sql("SELECT event_key, member_id FROM big.outcome")
        }
        wrong = {
            key for key, member in everything if member == "anonymous" or member in self.project.silenced
        }
        there = [one.properties["cj_key"] for one in self.project.events]
        assert len(there) == len(set(there)), "an outcome is there twice"
        assert set(there) == {key for key, _ in everything} - wrong
        refused = {
            row[0]
            for row in self.sql(
                "SELECT key FROM connected_jobs.sync_reject WHERE sentence <> '' UNION ALL "
                "SELECT once_key FROM connected_jobs.outbox WHERE state = 'refused' AND sentence <> ''"
            )
        }
        assert refused == wrong, (len(refused), len(wrong))
        return {
            "outcomes": len(there),
            "refused": len(refused),
            "sent again, kept once": self.project.doubled,
        }


def main() -> None:
    """Run both trials: undisturbed by kills, and killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outcomes", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="connected-jobs-outcomes-") as folder:
        Path(folder).chmod(0o711)
        with embedded_postgres(Path(folder) / "postgres") as server:
            for kills in dict.fromkeys((0, options.kills)):
                make_database(server, f"outcomes_{kills}")
                url = server.database_url(f"outcomes_{kills}")
                engine = batch_engine(url)
                migrate.upgrade(engine, "service")
                engine.dispose()
                print(json.dumps(_tried(Trial(url, options), Path(folder), kills)), flush=True)


def _tried(trial: Trial, folder: Path, kills: int) -> dict[str, Any]:
    own_s = trial.options.outcomes / PER_S
    with amplitude(trial.project):
        file = trial.prepare(folder)
        for _ in range(kills):
            if trial.command.run(file, trial.rng.uniform(0.0, 0.8 * own_s / max(kills, 1))) is not None:
                break
        code = trial.command.run(file)
        took_s = trial.draw.ended_s - trial.draw.began_s
        assert code == 3, code  # there are refused ones
        found = trial.check()
        before = trial.project.requests
        assert trial.command.run(file) == 3
        assert trial.project.requests == before
    meant = trial.project.throttled - trial.project.caused
    return {
        "to": "amplitude", "kills": kills, **found, "requests": before, "429s meant": meant,
        "429s caused": trial.project.caused, "seconds from the first request to the last": round(took_s, 1), "the limit's own": round(own_s, 1),
        "waits that 429s ask for": meant * THROTTLED_S, "most memory, MB": round(trial.command.most_kb / 1024),
    }  # fmt: skip


if __name__ == "__main__":
    main()
