"""`python -m tests.hostile.kills --rounds 240`: our commands killed at random moments, alone and two at once.

Each round copies a database, starts a command (every third round two at once), kills it, its whole group or the
server with it at a random moment, and looks by SQL of its own at what stands: whole states only. Then the command is
run again, to its end: nothing is missing. Then a whole refresh: nothing is left over.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click
import psycopg

from tests.hostile.world import CONNECTED_JOBS, a_day_later, command, generated, own_postgres, rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.own_postgres import OwnPostgres

MEMBERS, POSTINGS = 300, 120
ERASED = "m-000003"
LEAST_LISTS = 0.8  # of a run's members; those without consent have none
MOST_KEPT = 3  # runs that may stand after a whole refresh
MOST_KEPT_OF_RECIPE = 2
HANGS_S = 120.0
STATE = """
SELECT (SELECT md5(string_agg(md5(ROW(id, title, company_id, categories, regions, status, url)::text), '' ORDER BY id))
        FROM board.posting),
       (SELECT md5(string_agg(md5(ROW(id, mail_consent, categories, regions, skills)::text), '' ORDER BY id))
        FROM board.member WHERE id <> %(without)s),
       (SELECT md5(string_agg(md5(ROW(member_id, posting_id, kind, occurred_at)::text), ''
                   ORDER BY member_id, kind, occurred_at, posting_id)) FROM board.activity WHERE member_id <> %(without)s)
"""
IN_FORCE = """
SELECT r.state FROM connected_jobs.publication p JOIN connected_jobs.refresh_run r ON r.id = p.run_id
WHERE p.effective_at <= now() ORDER BY p.id DESC LIMIT 1
"""
LISTS = """
SELECT count(*), count(*) FILTER (WHERE cardinality(posting_ids) = 0 OR cardinality(posting_ids) <> length(reasons))
FROM connected_jobs.recommendation_list WHERE run_id = %s
"""
OUR_TABLES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname IN ('board', 'connected_jobs') AND c.relname NOT LIKE 'kept_model%%'
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A command, the database it begins from, and how long it takes here at most."""

    words: tuple[str, ...]
    begins_from: str
    takes_s: float


@dataclass
class World:
    """The server, and databases to copy."""

    postgres: OwnPostgres
    folder: Path
    dice: random.Random
    kinds: dict[str, Kind] = field(init=False)
    import_states: list[tuple[object, ...]] = field(init=False)
    imported_without_erased: tuple[object, ...] = field(init=False)
    _copies: int = 0

    def __post_init__(self) -> None:
        one = generated(self.folder / "one", members=MEMBERS, postings=POSTINGS)
        two = a_day_later(one, self.folder / "two", self.dice)
        self._made("loaded", "template1", ["migrate", "--board"], ["import", str(one)])
        self._made("listed", "loaded", ["refresh", "--at-once"])
        self._made("later", "listed", ["import", str(two)])
        self._made("twice", "later", ["refresh", "--at-once"])
        self._made("empty", "template1")
        self.import_states = [self._state(name) for name in ("listed", "later")]
        self.imported_without_erased = self._state("later", without=ERASED)
        self.kinds = {
            "import": Kind(("import", str(two)), "listed", 3.2),
            "refresh": Kind(("refresh", "--at-once"), "later", 6.5),
            "refresh, delayed": Kind(("refresh",), "later", 6.5),
            "refresh --recipe": Kind(
                ("refresh", "--recipe", "own", "--option", "keep=10", "--at-once"), "later", 6.5
            ),
            "refresh --changed": Kind(("refresh", "--changed", "--at-once"), "later", 3.0),
            "rollback": Kind(("refresh", "--rollback"), "twice", 2.2),
            "migrate": Kind(("migrate", "--board"), "empty", 1.8),
            "erase": Kind(("members", "erase", ERASED), "twice", 1.6),
        }

    def url(self, name: str) -> str:
        return self.postgres.database_url(name)

    def copy(self, template: str) -> str:
        self._copies += 1
        name = self.postgres.copy(f"round_{self._copies}", template)
        rows(
            self.url(name), "CHECKPOINT"
        )  # a crash soon after takes a copied sequence back: Postgres's, not ours
        return name

    def _made(self, name: str, template: str, *commands: list[str]) -> None:
        self.postgres.copy(name, template)
        for words in commands:
            done = command(self.url(name), *words, check=False)
            if done.returncode not in (0, 1):  # an import with rejects ends with 1
                raise SystemExit(f"{words}: {done.stderr}")

    def _state(self, name: str, *, without: str = "") -> tuple[object, ...]:
        """What the board holds, apart from one member."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            found: tuple[object, ...] | None = connection.execute(STATE, {"without": without}).fetchone()
        assert found is not None
        return found

    def torn(self, name: str) -> list[str]:
        """What must never stand, whatever was killed."""
        url, found = self.url(name), []
        if not rows(url, "SELECT to_regclass('connected_jobs.publication') IS NOT NULL")[0][0]:
            return []
        if state := [s for (s,) in rows(url, IN_FORCE) if s != "ready"]:
            found.append(f"the run in force is {state[0]}")
        ready = "SELECT id, (inputs ->> 'members')::int, finished_at FROM connected_jobs.refresh_run WHERE state = 'ready'"
        for run, members, finished in rows(url, ready):
            lists, torn = rows(url, LISTS, run)[0]
            if torn or finished is None or (members and lists < LEAST_LISTS * members):
                found.append(f"run {run} is ready with {lists} lists of {members} members, {torn} torn")
        return found

    def half_done(self, name: str, kind: str) -> list[str]:
        """Whether a killed command left half of what it makes."""
        if kind == "import" and self._state(name) not in self.import_states:
            return ["half an import stands"]
        return []

    def not_done(self, name: str, kind: str, *, beside_erasing: bool = False) -> list[str]:
        """What is missing after the command was run again, to its end.

        An import does not bring a member back who was erased meanwhile.
        """
        done = command(self.url(name), *self.kinds[kind].words, check=False)
        found = self.torn(name)
        if "Traceback" in done.stderr:
            found.append(f"{kind} ends in a traceback: {done.stderr[-400:]}")
        # One that had been erased, or gone back, in the first run is told so in the second.
        if done.returncode and not (kind in ("erase", "rollback") and "Traceback" not in done.stderr):
            found.append(f"run again, {kind} ends with {done.returncode}: {done.stderr[-400:]}")
        if kind == "import":
            states = self._state(name), self._state(name, without=ERASED)
            if states[0] != self.import_states[1] and not (
                beside_erasing and states[1] == self.imported_without_erased
            ):
                found.append("run again, the import is not whole")
        if kind == "erase":
            found += self.traces(name)
        return found

    def traces(self, name: str) -> list[str]:
        """Tables with a row that names the erased member."""
        url = self.url(name)
        named = f"%{ERASED}%"
        return [
            f"a trace of the erased member in {table}"
            for (table,) in rows(url, OUR_TABLES)
            if rows(url, f"SELECT 1 FROM {table} t WHERE t::text LIKE %s LIMIT 1", named)  # noqa: S608 - names from the catalogue
        ]

    def left_over(self, name: str, kinds: set[str]) -> list[str]:
        """What stands after a whole refresh with nothing in its way."""
        url = self.url(name)
        done = command(url, "refresh", "--at-once", check=False)
        if done.returncode:
            return [f"a later refresh ends with {done.returncode}: {done.stderr[-400:]}"]
        found = self.torn(name)
        running = rows(url, "SELECT id FROM connected_jobs.refresh_run WHERE state = 'running'")
        lists = rows(
            url, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^recommendation_list_[0-9]'"
        )
        most = MOST_KEPT + (MOST_KEPT_OF_RECIPE if "refresh --recipe" in kinds else 0)
        if running or len(lists) > most:
            found.append(f"left over: running {running}, tables {lists}")
        return found


def started(world: World, name: str, kind: str) -> subprocess.Popen[str]:
    """A command in a group of its own."""
    return subprocess.Popen(
        [CONNECTED_JOBS, *world.kinds[kind].words],
        env=os.environ | {"DATABASE_URL": world.url(name)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def killed(process: subprocess.Popen[str], *, group: bool) -> None:
    """End a command as the kernel does when memory runs out: its first process, or all of them."""
    with suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
    process.communicate()


def settled(world: World, name: str) -> None:
    """Wait until the server has noticed that the killed are gone."""
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    give_up_s = time.monotonic() + HANGS_S
    while rows(world.url(name), others) and time.monotonic() < give_up_s:
        time.sleep(0.05)


def alone(world: World, kind: str) -> tuple[str, list[str]]:
    """One command, killed."""
    name = world.copy(world.kinds[kind].begins_from)
    process = started(world, name, kind)
    after_s, how = (
        world.dice.uniform(0.3, world.kinds[kind].takes_s),
        world.dice.choice(["process", "group", "server"]),
    )
    time.sleep(after_s)
    struck = process.poll() is None
    found = []
    if how == "server":
        world.postgres.kill()
        try:
            process.communicate(timeout=HANGS_S)
        except subprocess.TimeoutExpired:
            found.append("it hangs after the server was killed")
            killed(process, group=True)
        world.postgres.start()
    else:
        killed(process, group=how == "group")
    settled(world, name)
    found += world.torn(name) + world.half_done(name, kind) + world.not_done(name, kind)
    if kind != "migrate":
        found += world.left_over(name, {kind})
    rows(world.postgres.url, f"DROP DATABASE {name} WITH (FORCE)")
    return f"{kind}, {how} killed after {after_s:.1f} s{'' if struck else ', when it had ended'}", found


def together(world: World, first: str, second: str) -> tuple[str, list[str]]:
    """Two commands at once, one or none of them killed."""
    kinds = {first, second}
    template = "twice" if kinds & {"rollback", "erase"} else "later"
    name = world.copy("empty" if kinds == {"migrate"} else template)
    running = {}
    processes = []
    for kind in (first, second):
        processes.append(started(world, name, kind))
        running[processes[-1]] = kind
        time.sleep(world.dice.uniform(0.0, 0.8))
    victim = world.dice.choice([*processes, None])
    time.sleep(world.dice.uniform(0.4, 4.0))
    if victim is not None:
        killed(victim, group=True)
    found = []
    for process in processes:
        if process is not victim:
            try:
                told = process.communicate(timeout=HANGS_S)[1]
            except subprocess.TimeoutExpired:
                told = "it hangs: Traceback"
                killed(process, group=True)
            if "Traceback" in told:
                found.append(f"{running[process]}: {told[-400:]}")
    settled(world, name)
    found += world.torn(name)
    for kind in dict.fromkeys((first, second)):
        found += world.not_done(name, kind, beside_erasing="erase" in kinds)
    if "erase" in kinds:
        found += world.traces(name)
    if kinds != {"migrate"}:
        found += world.left_over(name, kinds)
    rows(world.postgres.url, f"DROP DATABASE {name} WITH (FORCE)")
    return f"{first} and {second} at once, {running[victim] if victim else 'none'} killed", found


PAIRS = (
    ("import", "import"),
    ("import", "refresh"),
    ("refresh", "refresh"),
    ("refresh", "rollback"),
    ("refresh --changed", "erase"),
    ("refresh", "erase"),
    ("import", "erase"),
    ("refresh --recipe", "refresh"),
    ("refresh --recipe", "erase"),
    ("migrate", "migrate"),
    ("rollback", "rollback"),
    ("refresh --changed", "refresh --changed"),
    ("rollback", "refresh --changed"),
)


@click.command()
@click.option("--rounds", default=240, show_default=True)
@click.option("--seed", default=7, show_default=True)
def main(rounds: int, seed: int) -> None:
    """Kill our commands at random moments; ends with 1 if anything was lost or half done."""
    faulty, told = 0, Counter[str]()
    with own_postgres() as (postgres, folder):
        world = World(postgres, folder, random.Random(seed))
        for number in range(rounds):
            kind = list(world.kinds)[number % len(world.kinds)]
            pair = PAIRS[number // 3 % len(PAIRS)]
            what, found = together(world, *pair) if number % 3 == 2 else alone(world, kind)
            told["alone" if number % 3 != 2 else "together"] += 1
            faulty += bool(found)
            click.echo(f"{number:4} {what}: {'; '.join(found) or 'whole'}")
    click.echo(f"{rounds} rounds, {told['together']} of them two at once: {faulty} with a fault.")
    sys.exit(faulty > 0)


if __name__ == "__main__":
    main()
