"""Migrations go up and down, one deploy at a time, and never hang the site."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.pq import ExecStatus
from sqlalchemy import text

import app.postgres.serving
from app.postgres import migrate
from app.postgres.engines import batch_engine
from app.postgres.migrate import Patience
from app.postgres.serving.pool import ServingPool, Statement
from app.postgres.serving.reads import STATEMENTS

if TYPE_CHECKING:
    from sqlalchemy import Engine

COLUMNS = text(
    "SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default"
    " FROM information_schema.columns WHERE table_schema IN ('board', 'connected_jobs')"
    " AND table_name <> 'alembic_version' ORDER BY 1, 2, 3"
)


def shape(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(COLUMNS)]


@pytest.mark.parametrize("branch", ["board", "service"])
def test_each_branch_goes_up_down_and_up_again_to_the_same_tables(
    bare_database_url: str, branch: str
) -> None:
    engine = batch_engine(bare_database_url)
    migrate.upgrade(engine, branch)
    first = shape(engine)
    migrate.downgrade(engine, branch)
    assert shape(engine) == []
    migrate.upgrade(engine, branch)
    assert shape(engine) == first
    assert first


NEWEST = {"0005", "0024"}
OLDEST_SERVED = "0018"  # as docs/production.md says


def serving_statements() -> list[Statement]:
    modules = [
        importlib.import_module(f"{app.postgres.serving.__name__}.{module.name}")
        for module in pkgutil.iter_modules(app.postgres.serving.__path__)
    ]
    found = {
        value.name: value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Statement)
    }
    assert {one.name for one in STATEMENTS} < found.keys()
    return list(found.values())


def test_the_service_reads_tables_that_are_not_migrated_yet_and_says_which_are_too_old(
    bare_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = batch_engine(bare_database_url)
    migrate.upgrade(engine, "board")
    migrate.upgrade(engine, "service", f"{int(OLDEST_SERVED) - 1:04}")
    pool = ServingPool(bare_database_url, STATEMENTS, size=1, wait_s=1.0, statement_timeout_ms=1_000)
    pool.open()
    pool.await_connected(0.5)
    pool.close()
    assert (
        'lacks what this version reads (relation "connected_jobs.lately_shown" does not exist): '
        "run `connected-jobs migrate` of this version" in caplog.text
    )
    revision = int(OLDEST_SERVED)
    while f"{revision:04}" not in NEWEST:
        migrate.upgrade(engine, "service", f"{revision:04}")
        with psycopg.connect(bare_database_url, autocommit=True) as connection:
            for statement in serving_statements():
                prepared = connection.pgconn.prepare(b"", statement.sql)
                assert prepared.status == ExecStatus.COMMAND_OK, (revision, prepared.error_message)
        revision += 1


def test_two_deploys_at_once_both_end_well(bare_database_url: str) -> None:
    failures: list[BaseException] = []

    def deploy() -> None:
        try:
            engine = batch_engine(bare_database_url)
            migrate.upgrade(engine, "board")
            migrate.upgrade(engine, "service")
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    deploys = [threading.Thread(target=deploy) for _ in range(4)]
    for thread in deploys:
        thread.start()
    for thread in deploys:
        thread.join(60)
    assert failures == []
    with batch_engine(bare_database_url).connect() as connection:
        assert migrate.current_revisions(connection) == NEWEST


def test_a_migration_that_meets_a_locked_table_gives_up_and_changes_nothing(
    engine: Engine, database_url: str
) -> None:
    before = shape(engine)
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE connected_jobs.credential IN ACCESS SHARE MODE")
        with pytest.raises(migrate.MigrationError, match="nothing was changed; run the migration again"):
            migrate.downgrade(
                engine, "service", patience=Patience(attempts=2, lock_timeout_s=0.1, pause_s=0.01)
            )
    assert shape(engine) == before


def test_a_migration_says_when_another_deploy_holds_on(engine: Engine, database_url: str) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", [migrate._ONE_DEPLOY])
        with pytest.raises(migrate.MigrationError, match="Another deploy has been migrating"):
            migrate.upgrade(engine, "service", patience=Patience(deploy_wait_s=0.1))


def test_a_database_that_was_never_migrated_has_no_revisions(bare_database_url: str) -> None:
    with batch_engine(bare_database_url).connect() as connection:
        assert migrate.current_revisions(connection) == set()
