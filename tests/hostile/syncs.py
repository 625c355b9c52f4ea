"""A large sync against the double at its limits, with faults, and killed at random moments: `python -m tests.hostile.syncs`.

So many members, a tenth of them changed, a thousandth wrong; 1 % of the requests get a 429 and 0.5 % a 5xx after they were
taken. What is checked: every changed value is there, every wrong row is listed with a sentence, nobody who did not change was
written to, no profile was made. What is measured: time beside the limit's own, 429s, memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from app.postgres import migrate
from app.postgres.embedded import embedded_postgres, make_database
from app.postgres.engines import batch_engine
from tests.doubles.braze_rest.limits import RequestLimits
from tests.doubles.braze_rest.profiles import Profiles
from tests.doubles.braze_rest.server import KEY, BrazeRest, braze_rest
from tests.doubles.faulty_http import Faults
from tests.hostile.sync_command import SyncCommand

if TYPE_CHECKING:
    from tests.doubles.faulty_http import Fault

SYNC = """
destination = "braze"
query = "SELECT member_id, cj_field, cj_region, cj_new FROM big.wanted"
[limits]
objects = 75
requests = {requests}
share = {share}
[braze]
host = "{host}"
"""
BEGIN = """
CREATE SCHEMA big;
CREATE TABLE big.wanted AS
SELECT 'm-' || lpad(n::text, 8, '0') AS member_id, 'field ' || n % 40 AS cj_field, 'region ' || n % 17 AS cj_region, n % 4 AS cj_new
FROM generate_series(1, {members}) AS n;
"""
ACKNOWLEDGED = """
INSERT INTO connected_jobs.attribute_sent (destination_id, member_id, sent, batches, before)
SELECT {destination}, member_id, to_jsonb(w) - 'member_id', '{{}}', '{{}}' FROM big.wanted AS w;
ANALYZE connected_jobs.attribute_sent;
"""
CHANGE = """
UPDATE big.wanted SET cj_new = 10 + right(member_id, 4)::int % 5 WHERE right(member_id, 1) = '3';
UPDATE big.wanted SET cj_field = repeat('x', 256) WHERE right(member_id, 4) = '1113';
"""


# ruff: noqa: S608, T201 - it makes its own tables, and prints what it found


class Everyone(dict[str, dict[str, Any]]):
    """Every member has a profile; only those that are written to take room."""

    def get(self, key: str, _default: Any = None) -> Any:
        if key not in self and key.startswith("m-"):
            self[key] = {}
        return super().get(key)


class Draw:
    """What befalls requests."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.slowed = 0

    def __call__(self) -> Fault:
        drawn = self._rng.random()
        if drawn < 0.01:
            self.slowed += 1
            return "429"
        return "500 after" if drawn < 0.015 else ""


class Cpu:
    """CPU seconds so far: of the sync's own processes, of the double (this process), and of Postgres."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster
        self.begin()

    def begin(self) -> None:
        """Count from now on."""
        self._begin = self._now()

    def used(self) -> dict[str, float]:
        """Since the beginning."""
        return {name: round(now - self._begin[name], 1) for name, now in self._now().items()}

    def _now(self) -> dict[str, float]:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "sync": ended.ru_utime + ended.ru_stime,
            "double": time.process_time(),
            "Postgres": self._postgres(),
        }

    def _postgres(self) -> float:
        """Of the postmaster, its children, and those that have ended."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            pid, parent, times = int(stat.parent.name), int(fields[1]), [int(one) for one in fields[11:15]]
            if pid == self._postmaster:
                ticks += sum(times)
            elif parent == self._postmaster:
                ticks += sum(times[:2])
        return ticks / os.sysconf("SC_CLK_TCK")


class Trial:
    """One sync until it has ended by itself."""

    def __init__(self, url: str, options: argparse.Namespace) -> None:
        self.options = options
        self.rng = random.Random(options.seed)
        self.draw = Draw(self.rng)
        blocked = {f"m-{n:08}" for n in range(2_223, options.members + 1, 10_000)}
        self.braze = BrazeRest(
            profiles=Profiles(members=Everyone(), blocked=blocked),
            limits=RequestLimits(burst=options.requests),
            faults=Faults(draw=self.draw),
        )
        self.url = url
        environment = {"CJ_BRAZE_KEY": KEY, "CJ_BRAZE_PRIVATE": "on"}
        self.command = SyncCommand(url, environment, lambda: self.braze.requests)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def prepare(self, folder: Path) -> Path:
        """The state after a first whole run, then the change; gives the sync file."""
        self.sql(BEGIN.format(members=self.options.members))
        file = folder / "big.toml"
        file.write_text(
            SYNC.format(requests=self.options.requests, share=self.options.share, host=self.braze.url),
            encoding="utf-8",
        )
        host = self.braze.url.removeprefix("http://")
        self.sql(f"INSERT INTO connected_jobs.sync_destination (identity) VALUES ('braze:{host}:main')")
        ((number,),) = self.sql("SELECT id FROM connected_jobs.sync_destination")
        self.sql(ACKNOWLEDGED.format(destination=number))
        self.sql(CHANGE)
        return file

    def run(self, file: Path, kill_after: int | None = None) -> int | None:
        """Run the command; None where it was killed, at some moment after so many of its requests."""
        if kill_after is None:
            code = self.command.run(file)
            self.braze.settle()
            return code
        a_request_s = 3 / (self.options.requests * self.options.share)
        return self.command.run(file, self.rng.uniform(0, a_request_s), after_requests=kill_after)

    def batches(self) -> list[int]:
        """What each run recorded, the first first; of one that was killed, before it was."""
        return [
            row[0]
            for row in self.sql(
                "SELECT (SELECT count(*) FROM connected_jobs.sync_batch WHERE run_id = r.id) FROM connected_jobs.sync_run AS r ORDER BY id"
            )
        ]

    def check(self) -> dict[str, Any]:
        """What is so now; raises `AssertionError` where a promise is broken."""
        self.braze.settle()
        profiles = self.braze.profiles
        wanted = {
            row[0]: row[1:]
            for row in self.sql(
                "SELECT member_id, cj_field, cj_new FROM big.wanted WHERE right(member_id, 1) = '3'"
            )
        }
        refused = {
            row[0] for row in self.sql("SELECT key FROM connected_jobs.sync_reject WHERE sentence <> ''")
        }
        wrong = {one for one, (field, _) in wanted.items() if len(field) > 255} | (
            profiles.blocked & set(wanted)
        )
        assert refused == wrong, (len(refused), len(wrong))
        missing = [
            one
            for one, (_, new) in wanted.items()
            if one not in wrong and profiles.members.get(one) != {"cj_new": new}
        ]
        assert missing == [], missing[:3]
        assert set(profiles.written) == set(wanted) - wrong
        assert profiles.made == 0
        return {
            "changed": len(wanted),
            "refused": len(refused),
            "written again": sum(profiles.written.values()) - len(profiles.written),
        }


def main() -> None:
    """Run both trials: undisturbed by kills, and killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=2_000_000)
    parser.add_argument("--requests", type=int, default=200, help="that the double takes in 3 s")
    parser.add_argument("--share", type=float, default=0.3, help="of them that is the sync's")
    parser.add_argument("--kills", type=int, nargs="+", default=[0, 10], help="of each trial")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="connected-jobs-syncs-") as folder:
        Path(folder).chmod(0o711)
        with embedded_postgres(Path(folder) / "postgres", options={"max_wal_size": "2GB"}) as server:
            for kills in options.kills:
                make_database(server, f"syncs_{kills}")
                url = server.database_url(f"syncs_{kills}")
                engine = batch_engine(url)
                migrate.upgrade(engine, "service")
                engine.dispose()
                found = _tried(Trial(url, options), Path(folder), kills, Cpu(server.pid))
                print(json.dumps(found), flush=True)


def _tried(trial: Trial, folder: Path, kills: int, cpu: Cpu) -> dict[str, Any]:
    with braze_rest(trial.braze):
        file = trial.prepare(folder)
        changed = -(-trial.options.members // 750)  # requests
        own_s = changed / (trial.options.requests * trial.options.share / 3)
        begin = time.monotonic()
        cpu.begin()
        for _ in range(kills):
            after = trial.rng.randint(1, max(1, changed // (kills + 1)))
            assert trial.run(file, kill_after=after) is None, "it had ended before it was killed"
        code = trial.run(file)
        took_s = time.monotonic() - begin
        used = cpu.used()
        assert code == 3, code  # there are refused rows
        found = trial.check()
        before = trial.braze.requests
        assert trial.run(file) == 3
        assert trial.braze.requests == before
    caused = trial.braze.limits.refused - trial.draw.slowed
    return {
        "members": trial.options.members, "kills": kills, "batches recorded by each run": trial.batches(), **found,
        "requests": before, "429s meant": trial.draw.slowed, "429s caused": caused, "seconds": round(took_s, 1),
        "the limit's own": round(own_s, 1), "ratio": round(took_s / own_s, 2),
        "seconds to the first request": trial.command.first_s and round(trial.command.first_s, 1), "CPU seconds": used,
        "most memory, MB": round(trial.command.most_kb / 1024),
    }  # fmt: skip


if __name__ == "__main__":
    main()
