"""The main walks on a Postgres as the distribution sets one up, not as ours is."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from app.cli.main import commands
from app.credentials import Scope
from app.postgres import migrate
from app.postgres.board.snapshot import snapshot
from app.postgres.credentials import insert_credential
from app.postgres.engines import batch_engine
from app.postgres.serving import reads
from app.refresh.incremental import refresh_changed
from app.refresh.whole import refresh
from tests.integration.small_board import asked, fill, lists_of, rows
from tests.poison import ANYTHING_GOES
from tests.web.gunicorn_server import gunicorn
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
pytestmark = pytest.mark.skipif(PROGRAMS is None, reason="no Postgres of Debian's (package postgresql)")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A database on a cluster as initdb leaves it, asked over TCP with a password."""
    assert PROGRAMS is not None
    folder = Path(tempfile.mkdtemp(prefix="connected-jobs-debian-"))
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    (folder / "password").write_text("p@ss/w%rd\n")
    (folder / "password").chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    def run(*command: object) -> None:
        subprocess.run(
            [str(word) for word in command],
            check=True,
            stdout=subprocess.DEVNULL,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            cwd="/",
        )

    run(
        *(PROGRAMS / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=scram-sha-256"),
        *("--pwfile", folder / "password", "--no-sync"),
    )
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(PROGRAMS / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-o", options, "-w", "start")
    try:
        given = f"postgresql://postgres:p%40ss%2Fw%25rd@127.0.0.1:{port}"
        with psycopg.connect(f"{given}/postgres", autocommit=True, options="") as connection:
            connection.execute("CREATE DATABASE board")
        yield f"{given}/board"
    finally:
        run(PROGRAMS / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def command(*arguments: str) -> str:
    """What a command says; one that fails fails the test."""
    done = CliRunner().invoke(commands, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_board_is_loaded_listed_served_and_listed_again(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGOPTIONS", raising=False)
    monkeypatch.setenv("DATABASE_URL", url)
    command("migrate", "--board")
    command("generate", str(tmp_path / "board"), "--members", "60", "--postings", "40")
    command("import", str(tmp_path / "board"))
    command("refresh", "--processes", "1")
    member = command("members", "export", "--most", "1").strip()
    with batch_engine(url).begin() as connection:
        _, secret = insert_credential(connection, "braze", Scope.CONTENT)
    with gunicorn(url, tmp_path / "service", workers=1) as server:
        answer = call(
            server.port,
            f"/v1/members/{member}/recommendations?campaign=weekly",
            authorization=basic("braze", secret),
        ).json()
    assert answer["source"] == "personalized"
    assert answer["degraded"] is None
    assert "members, the others' as they were" in command("refresh", "--changed", "--processes", "1")
    assert "braze" in command("credential", "list")
    assert "Erased" in command("members", "erase", member)


def test_ids_that_the_boards_collation_takes_for_one_are_two(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGOPTIONS", raising=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE twins")
    database_url = make_conninfo(url, dbname="twins")
    engine = batch_engine(database_url)
    migrate.upgrade(engine, "board")
    migrate.upgrade(engine, "service")
    fill(engine, members=5, postings=12)
    with psycopg.connect(database_url) as connection:
        connection.execute(ANYTHING_GOES)
        connection.execute("""
            CREATE COLLATION board.ignoring_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            ALTER TABLE board.member ALTER id TYPE text COLLATE board.ignoring_case;
            ALTER TABLE board.posting ALTER id TYPE text COLLATE board.ignoring_case;
            ALTER TABLE board.activity RENAME TO activity_as_made;
            CREATE VIEW board.activity AS
            SELECT member_id COLLATE board.ignoring_case AS member_id, posting_id COLLATE board.ignoring_case AS posting_id,
                   kind, occurred_at
            FROM board.activity_as_made;
            INSERT INTO board.member (id, categories, mail_consent) VALUES ('M-000002', '{2}', true);
        """)
    with snapshot(engine) as at:
        members = at.member_ids()
        ids = [posting.id for posting in at.postings()]
        did = at.activity(ids)
    assert members == ["M-000002", *(f"m-{number:06}" for number in range(1, 6))]
    done = {(members[member], ids[posting]) for member, posting in zip(did.member, did.posting, strict=True)}
    assert done == set(rows(engine, "SELECT member_id, posting_id FROM board.activity"))
    run = refresh(engine, processes=1)
    assert set(lists_of(engine, run.run_id)) == set(members)
    assert set(lists_of(engine, refresh_changed(engine, processes=1).run_id)) == set(members)
    for member_id in ("m-000002", "M-000002"):
        assert [row[0] for row in asked(database_url, reads.PROFILE, member_id)] == [member_id]
