"""A real Postgres for tests: the embedded one or DATABASE_URL, a migrated database for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.postgres import migrate
from app.postgres.embedded import embedded_postgres
from app.postgres.engine import batch_engine
from app.web.process import memory_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

_numbers = itertools.count()
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
        return
    folder = Path(tempfile.mkdtemp(prefix="connected-jobs-tests-", dir=quick_folder()))
    folder.chmod(0o711)
    options = {"fsync": "off", "max_connections": "200", "shared_buffers": "256MB", "max_wal_size": "256MB"}
    try:
        with embedded_postgres(folder / "postgres", options=options) as server:
            yield server.url
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


def _create(server_url: str, prefix: str, template: str = "template1") -> str:
    name = f"{prefix}_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return name


def _drop(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _url_of(server_url: str, name: str) -> str:
    return make_conninfo(server_url, dbname=name)
