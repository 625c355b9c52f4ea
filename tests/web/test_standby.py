"""A service that reads a real streaming standby and writes to the primary misses nothing."""

from __future__ import annotations

import shutil
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app import wsgi
from app.postgres import migrate
from app.postgres.embedded import embedded_postgres
from app.postgres.engines import batch_engine
from app.settings import Settings
from tests.integration.test_failover import OPTIONS, copy
from tests.postgres_fixtures import quick_folder
from tests.web import board
from tests.web.wire import basic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

WITHIN_S = 20.0


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[str, str]]:
    """A primary with the fixed board, and a standby that follows it."""
    folder = Path(tempfile.mkdtemp(prefix="connected-jobs-standby-", dir=quick_folder()))
    folder.chmod(0o777)
    try:
        with embedded_postgres(folder / "primary", options=OPTIONS) as primary:
            engine = batch_engine(primary.url)
            migrate.upgrade(engine, "board")
            migrate.upgrade(engine, "service")
            engine.dispose()
            with psycopg.connect(primary.url) as connection:
                board.fill(connection)
            copy(primary.url, folder / "standby")
            with embedded_postgres(folder / "standby", options=OPTIONS) as standby:
                yield primary.url, standby.url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def asked(app: Flask) -> tuple[str, str | None] | None:
    """Source and degradation of an answer."""
    path = "/v1/members/m-list/recommendations?campaign=weekly&send=on-a-standby"
    answer = app.test_client().get(path, headers={"Authorization": basic("braze")})
    body: dict[str, Any] = answer.get_json()
    return (body["source"], body["degraded"]) if answer.status_code == HTTPStatus.OK else None


def test_what_is_counted_and_claimed_reaches_the_primary(servers: tuple[str, str], tmp_path: Path) -> None:
    primary, standby = servers
    app = wsgi.create(
        Settings(
            database_url=make_conninfo(standby, target_session_attrs="standby"),
            write_url=primary,
            data_dir=tmp_path,
            connections=2,
            instance="reads-a-standby",
        )
    )
    background = wsgi.start(app)
    try:
        give_up_s = time.monotonic() + WITHIN_S
        while asked(app) != ("personalized", None):  # the first calls of a cold server may be late
            assert time.monotonic() < give_up_s
            time.sleep(0.1)
        background.finish_counting()
        while not rows(primary, "SELECT FROM connected_jobs.instance WHERE id = 'reads-a-standby'"):
            assert time.monotonic() < give_up_s
            time.sleep(0.1)
        assert rows(
            primary, "SELECT sum(calls) > 0 FROM connected_jobs.send_second WHERE send = 'on-a-standby'"
        ) == [(True,)]
        while not rows(primary, "SELECT FROM connected_jobs.send_run WHERE send = 'on-a-standby'"):
            assert time.monotonic() < give_up_s
            time.sleep(0.1)
        assert not [name for name in background.scheduler.failing if name != "lag of the standby"]
    finally:
        background.stop()
