"""Every command under every state of Postgres: one sentence, a fitting exit code, nothing changed; never a traceback."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.credentials import Scope
from app.postgres import connecting, migrate
from app.postgres.credentials import insert_credential
from app.postgres.engines import batch_engine
from app.refresh.whole import refresh
from tests.integration.small_board import fill
from tests.postgres_fixtures import _create, _drop, _url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.commands import Command, Ran

PLAN = """
[workspace]
time_zone = "Asia/Seoul"

[[campaigns]]
name = "Weekly"
recipients = 10
begins = "2099-12-07T09:00"
"""
WRITES = {
    "import": ["import", "{folder}"],
    "refresh": ["refresh", "--processes", "1"],
    "changed": ["refresh", "--changed", "--processes", "1"],
    "rollback": ["refresh", "--rollback"],
    "erase": ["members", "erase", "m-000001"],
    "create": ["credential", "create", "braze"],
    "revoke": ["credential", "revoke", "1"],
    "migrate": ["migrate"],
    "down": ["migrate", "--down"],
    "examples": ["campaigns", "examples"],
}
READS = {
    "export": ["members", "export"],
    "credentials": ["credential", "list"],
    "campaigns": ["campaigns", "list"],
    "show": ["campaigns", "show", "1"],
    "changes": ["campaigns", "changes", "1"],
    "check": ["capacity", "check"],
    "evidence": ["evidence", "list"],
    "one": ["evidence", "show", "e"],
    "facts": ["facts"],
    "evaluate": ["evaluate", "--holdout", "{holdout}"],
}
COMMANDS = WRITES | READS
# What would keep every row from being written, by what is raised instead; a real end of the connection too.
TRAP = """
CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$;
"""
WRITTEN = (
    *("board.company", "board.activity", "connected_jobs.credential", "connected_jobs.refresh_run"),
    *("connected_jobs.publication", "connected_jobs.campaign"),
)
TRAPS = {
    "disk full": (
        "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';",
        "disk is full",
    ),
    "read-only": (
        "RAISE EXCEPTION 'cannot execute in a read-only transaction' USING ERRCODE = '25006';",
        "takes no writes",
    ),
    "cut": ("PERFORM pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid());", "connection"),
}


@pytest.fixture
def run(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, list[str]], Ran]:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "companies.csv").write_text("id,name\nc-new,Acme\n")
    (tmp_path / "holdout.csv").write_text("member_id,posting_id\nm-000001,p-000001\n")
    monkeypatch.setenv("CJ_DATA_DIR", str(tmp_path / "data"))

    def ran(url: str, words: list[str]) -> Ran:
        monkeypatch.setenv("DATABASE_URL", url)
        return command(*(word.format(folder=folder, holdout=tmp_path / "holdout.csv") for word in words))

    return ran


@pytest.fixture(scope="module")
def full_board(server_url: str, template: str) -> Iterator[str]:
    """The name of a database with everything in it that a command could find."""
    name = _create(server_url, "cj_full", template)
    engine = batch_engine(_url_of(server_url, name))
    fill(engine, members=20, postings=30)
    refresh(engine, processes=1)
    refresh(engine, processes=1)
    with engine.begin() as connection:
        insert_credential(connection, "braze", Scope.CONTENT)
    yield name
    _drop(server_url, name)


@pytest.fixture
def board_url(server_url: str, full_board: str) -> Iterator[str]:
    """A database of the test's own, with everything in it."""
    name = _create(server_url, "cj_board", full_board)
    yield _url_of(server_url, name)
    _drop(server_url, name)


def contents(url: str) -> list[tuple[object, ...]]:
    """Everything that commands may change, in a few numbers."""
    with psycopg.connect(url) as connection:
        return connection.execute("""
            SELECT (SELECT count(*) FROM board.company), (SELECT count(*) FROM board.member),
                   (SELECT count(*) FROM board.activity), (SELECT count(*) FROM connected_jobs.credential),
                   (SELECT count(*) FROM connected_jobs.publication), (SELECT count(*) FROM connected_jobs.campaign),
                   (SELECT count(*) FROM connected_jobs.recommendation_list)
        """).fetchall()


def test_without_our_tables(bare_database_url: str, run: Callable[..., Ran]) -> None:
    for name in COMMANDS.keys() - {"migrate", "down"}:
        ran = run(bare_database_url, COMMANDS[name])
        assert ran.code == (2 if name == "import" else 1), name
        assert "connected-jobs migrate" in ran.sentence, name


def test_tables_of_an_older_version(bare_database_url: str, run: Callable[..., Ran]) -> None:
    engine = batch_engine(bare_database_url)
    migrate.upgrade(engine, "service", "0002")
    for name in ("campaigns", "evidence", "facts"):
        ran = run(bare_database_url, COMMANDS[name])
        assert ran.code == 1
        assert "run `connected-jobs migrate`" in ran.sentence


@pytest.mark.parametrize("name", ["migrate", "down"])
def test_tables_of_a_newer_version(database_url: str, run: Callable[..., Ran], name: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE connected_jobs.alembic_version SET version_num = '9999' WHERE version_num = (SELECT max(version_num) FROM connected_jobs.alembic_version)"
        )
    ran = run(database_url, COMMANDS[name])
    assert ran.code == 1
    assert "stands at 9999, which this version of the program does not know" in ran.sentence


def test_tables_that_are_there_already_are_not_made_again(
    bare_database_url: str, run: Callable[..., Ran]
) -> None:
    with psycopg.connect(bare_database_url) as connection:
        connection.execute("CREATE SCHEMA board; CREATE VIEW board.company AS SELECT 1 AS id")
    ran = run(bare_database_url, ["migrate", "--board"])
    assert ran.code == 1
    assert "leave --board out" in ran.sentence


def test_tables_that_something_of_yours_looks_at_are_not_taken_away(
    database_url: str, run: Callable[..., Ran]
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE VIEW public.ours AS SELECT id FROM connected_jobs.credential")
    ran = run(database_url, COMMANDS["down"])
    assert ran.code == 1
    assert "drop that first" in ran.sentence


@pytest.fixture
def stranger(server_url: str) -> Iterator[str]:
    """A role that may only connect."""
    name = f"stranger_{os.getpid()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        yield name
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_without_the_right(board_url: str, stranger: str, run: Callable[..., Ran]) -> None:
    before = contents(board_url)
    for name, command in COMMANDS.items():
        ran = run(make_conninfo(board_url, user=stranger), command)
        assert ran.code == 1, name
        assert "may not do this" in ran.sentence, name
    assert contents(board_url) == before


@pytest.mark.parametrize("trap", TRAPS)
def test_when_writing_fails(board_url: str, run: Callable[..., Ran], trap: str) -> None:
    body, said = TRAPS[trap]
    before = contents(board_url)
    with psycopg.connect(board_url) as connection:
        connection.execute(TRAP.format(body=body))
        for table in WRITTEN:
            connection.execute(
                f"CREATE TRIGGER trap BEFORE INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION public.trap()"
            )
    for name in WRITES.keys() - {"migrate", "down"}:
        ran = run(board_url, WRITES[name])
        assert ran.code == 1, name
        assert said in ran.sentence or "cannot be used now" in ran.sentence, name
    assert contents(board_url) == before


def test_while_somebody_holds_a_lock(
    board_url: str, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connecting._PINNED, "lock_timeout", "50ms")
    before = contents(board_url)
    with psycopg.connect(board_url) as holder:
        holder.execute("LOCK TABLE board.company, board.member, board.posting, connected_jobs.credential")
        for name in ("import", "refresh", "changed", "create", "export", "facts", "erase"):
            ran = run(board_url, COMMANDS[name])
            assert ran.code == 1, name
            assert "holds a lock" in ran.sentence, name
    assert contents(board_url) == before


def test_where_nobody_answers(run: Callable[..., Ran]) -> None:
    for name, command in COMMANDS.items():
        ran = run("postgresql://a@127.0.0.1:1/b", command)
        assert ran.code == 1, name
        assert "Nothing answers at the host" in ran.sentence, name


def test_a_url_that_cannot_be_read(run: Callable[..., Ran]) -> None:
    for name, command in {**COMMANDS, "serve": ["serve"], "planner": ["planner"]}.items():
        ran = run("postgresql//svc:Hunter2Geheim@127.0.0.1/b", command)
        assert ran.code == 1, name
        assert ran.sentence.startswith("connected-jobs: DATABASE_URL cannot be read: "), name
        assert "Hunter2" not in ran.out + ran.err, name


def test_a_function_that_relies_on_a_search_path_is_told_from_a_table_that_is_missing(
    board_url: str, run: Callable[..., Ran]
) -> None:
    with psycopg.connect(board_url) as connection:
        connection.execute("""
            CREATE SCHEMA site;
            CREATE FUNCTION site.inner_() RETURNS boolean LANGUAGE sql AS 'SELECT true';
            SET LOCAL search_path = site;
            CREATE FUNCTION site.takes_mail(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN inner_(); END';
            ALTER TABLE board.member RENAME TO person;
            CREATE VIEW board.member AS
            SELECT id, categories, regions, career_years, education, skills, desired_salary, salary_unit,
                   takes_mail(id) AS mail_consent, withdrawn_at, updated_at
            FROM board.person;
        """)
    ran = run(board_url, COMMANDS["refresh"])
    assert ran.code == 1
    assert "ALTER FUNCTION … SET search_path" in ran.sentence
    with psycopg.connect(board_url) as connection:
        connection.execute("ALTER FUNCTION site.takes_mail SET search_path = site")
    assert run(board_url, COMMANDS["refresh"]).code == 0


def test_a_database_that_is_busy_otherwise(board_url: str, server_url: str, run: Callable[..., Ran]) -> None:
    name = sql.Identifier(str(conninfo_to_dict(board_url)["dbname"]))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        ran = run(board_url, READS["credentials"])
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
    assert ran.code == 1
    assert "accepts no connections" in ran.sentence
