"""The connections that calls are answered over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import CLOCK, STATEMENTS
from app.runtime.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 4


@pytest.fixture
def pool(database_url: str) -> Iterator[ServingPool]:
    pool = ServingPool(database_url, STATEMENTS, size=SIZE, wait_s=2, statement_timeout_ms=5_000)
    pool.open()
    pool.await_connected(10)
    yield pool
    pool.close()


def test_all_connections_are_there_before_the_first_call(pool: ServingPool) -> None:
    assert pool.stats()["pool_available"] == SIZE


def test_after_one_was_found_broken_no_other_that_postgres_closed_costs_a_call(
    pool: ServingPool, database_url: str
) -> None:
    assert len(pool.rows(CLOCK)) == 1
    with psycopg.connect(database_url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'connected-jobs serve'"
        ).fetchall()
    assert ended == [(True,)] * SIZE
    with pytest.raises(UnavailableError):
        pool.rows(CLOCK)
    for _ in range(2 * SIZE):
        assert len(pool.rows(CLOCK)) == 1


def test_how_many_parameters_a_statement_takes_is_what_postgres_says(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for statement in STATEMENTS:
            connection.pgconn.prepare(statement.name, statement.sql)
            assert connection.pgconn.describe_prepared(statement.name).nparams == statement.parameters
