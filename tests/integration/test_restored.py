"""A board and all that is ours, dumped and restored into a fresh server: answers, the planner and the ledgers go on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.postgres.embedded import embedded_postgres
from app.postgres.engines import batch_engine, planner_engine
from app.postgres.planning.register import PostgresRegister
from tests.doubles.braze_rest.profiles import Profiles
from tests.doubles.braze_rest.server import KEY, BrazeRest, braze_rest
from tests.integration.currents_world import write_files
from tests.integration.small_board import fill
from tests.integration.test_pasted_lines import BLOCK
from tests.integration.test_syncs import World
from tests.postgres_fixtures import EMBEDDED_PROGRAMS, quick_folder
from tests.web.gunicorn_server import gunicorn
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.commands import Command

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "production.md").read_text(encoding="utf-8")
YOUR_OWN_BOARD = (DOCS / "your-own-board.md").read_text(encoding="utf-8")
MEMBERS = ["m-000001", "m-000002", "m-000150"]
WANTED = """
CREATE SCHEMA board_out;
CREATE TABLE board_out.wanted AS
SELECT 'm-' || lpad(n::text, 6, '0') AS member_id, 'field ' || n % 7 AS cj_field FROM generate_series(1, 200) n
"""
pytestmark = pytest.mark.skipif(
    not (EMBEDDED_PROGRAMS / "pg_dump").exists(), reason="the embedded Postgres is not installed"
)


def blocks(page: str, language: str) -> list[str]:
    """A page's code in a language."""
    return [body for _, found, body in BLOCK.findall(page) if found == language]


@pytest.fixture
def fresh_url() -> Iterator[str]:
    """A server where nothing was made, with our own settings: a stranger's are another test's."""
    folder = Path(tempfile.mkdtemp(prefix="connected-jobs-restored-", dir=quick_folder()))
    folder.chmod(0o711)
    try:
        with embedded_postgres(folder / "postgres", options={"fsync": "off"}) as server:
            yield server.url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def answering_role(database_url: str) -> Iterator[str]:
    """The role of section 5 of the page for boards, as the page makes it; its first lines are what a fresh server needs too."""
    (block,) = [sql for sql in blocks(YOUR_OWN_BOARD, "sql") if "connected_jobs_answers" in sql]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(block.encode())
        yield "\n".join(line for line in block.splitlines() if re.match("(CREATE|ALTER) ROLE", line))
        connection.execute("DROP OWNED BY connected_jobs_answers")
        connection.execute("DROP ROLE connected_jobs_answers")


def shell(script: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line of the page as it stands."""
    (folder / "url").write_text(url)
    environment = os.environ | {
        "PATH": f"{EMBEDDED_PROGRAMS}:{os.environ['PATH']}",
        "DATABASE_URL_FILE": str(folder / "url"),
    }
    return subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def answers(url: str, folder: Path, secret: str) -> list[Any]:
    """What members are answered, but for when; and whether what is counted is."""
    with gunicorn(url, folder, workers=1) as server:
        found = [
            call(
                server.port,
                f"/v1/members/{member}/recommendations?campaign=weekly-digest",
                authorization=basic("braze", secret),
            )
            for member in MEMBERS
        ]
    bodies = [one.json() for one in found]
    return [
        (body["source"], body["degraded"], [posting["id"] for posting in body["postings"]]) for body in bodies
    ]


def live(world: World, command: Command) -> str:
    """Lists, campaigns, what mails showed, what a sync sent; returns a credential's secret."""
    fill(batch_engine(world.url))
    write_files(world.folder / "currents")
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute(WANTED.encode())
    created = command("credential", "create", "braze").out
    for words in (
        ["campaigns", "examples"],
        ["refresh", "--at-once"],
        ["currents", "read", world.folder / "currents"],
    ):
        assert command(*words).code == 0
    assert world.sync("run", world.file()).code == 0
    (secret,) = re.findall(r"^ *secret: *(\S+)", created, re.MULTILINE)
    return str(secret)


def restore(world: World, fresh_url: str, roles: str) -> None:
    """Dump and restore by the lines of the page; without the roles their rights are told as errors."""
    (dump,) = [block for block in blocks(PAGE, "sh") if "pg_dump" in block]
    both = dump.replace(
        "--schema=connected_jobs", "--schema=connected_jobs --schema=board --schema=board_out"
    )
    assert (ran := shell(both, world.url, world.folder)).returncode == 0, ran.stderr
    (block,) = [block for block in blocks(PAGE, "sh") if "pg_restore" in block]
    lines = "\n".join(line for line in block.splitlines() if line.startswith(("pg_restore", "psql")))
    refused = shell(lines, fresh_url, world.folder)
    assert 'role "connected_jobs_answers" does not exist' in refused.stderr
    assert refused.returncode != 0
    with psycopg.connect(fresh_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS connected_jobs, board, board_out CASCADE")
        connection.execute(roles.encode())
    assert (ran := shell(lines, fresh_url, world.folder)).returncode == 0, ran.stderr


def ledgers_go_on(world: World, command: Command) -> None:
    """Nothing is sent twice or read twice; what changes since is. Numbers go on from where they were."""
    requests = world.braze.requests
    assert world.sync("run", world.file()).code == 0
    assert world.braze.requests == requests
    world.sql("UPDATE board_out.wanted SET cj_field = 'another' WHERE member_id = 'm-000008'")
    assert world.sync("run", world.file()).code == 0
    assert world.braze.requests == requests + 1
    ((counted,),) = world.sql("SELECT count(*) FROM connected_jobs.exposure")
    assert command("currents", "read", world.folder / "currents").code == 0
    assert world.sql("SELECT count(*) FROM connected_jobs.exposure") == [(counted,)]
    assert counted > 0
    assert command("outcomes").code == 0
    numbers = "SELECT max(id), max(run_id) FROM connected_jobs.publication"
    ((publication, run),) = world.sql(numbers)
    assert command("refresh", "--at-once").code == 0
    assert world.sql(numbers) == [(publication + 1, run + 1)]


@pytest.mark.slow
def test_answers_the_planner_and_the_ledgers_go_on_on_a_fresh_server(
    database_url: str,
    fresh_url: str,
    answering_role: str,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CJ_BRAZE_KEY", KEY)
    monkeypatch.setenv("CJ_BRAZE_PRIVATE", "on")
    members: dict[str, dict[str, Any]] = {f"m-{number:06}": {} for number in range(201)}
    with braze_rest(BrazeRest(profiles=Profiles(members=members))) as braze:
        world = World(database_url, braze, command, tmp_path)
        secret = live(world, command)
        before = answers(database_url, tmp_path / "before", secret)
        assert {source for source, _, _ in before} == {"personalized"}
        campaigns = command("campaigns", "list").out
        restore(world, fresh_url, answering_role)

        monkeypatch.setenv("DATABASE_URL", fresh_url)
        world.url = fresh_url
        assert command("migrate", "--board").code == 0
        analysed = "SELECT count(*) > 0 FROM pg_stats WHERE schemaname = 'board' AND tablename = 'member'"
        assert world.sql(analysed) == [(True,)]
        as_answering = make_conninfo(fresh_url, user="connected_jobs_answers")
        assert answers(as_answering, tmp_path / "after", secret) == before
        assert command("campaigns", "list").out == campaigns
        planner = planner_engine(fresh_url)
        assert PostgresRegister(planner).campaigns()
        planner.dispose()
        ledgers_go_on(world, command)
