"""Postgres gone, slow or back: every caller still gets postings, and is told."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.web.board import VETOED
from tests.web.expected import PROBLEM_HEADERS, problem
from tests.web.service import Service, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBERS = ["m-list", "m-vetoed", "m-bare", "m-profile", "m-withdrawn", "nobody"]


@contextmanager
def gone(server_url: str, board_url: str) -> Iterator[None]:
    """The board's database lets nobody in, and throws out who is."""
    name = sql.Identifier(str(conninfo_to_dict(board_url)["dbname"]))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [name.as_string().strip('"')],
        )
        try:
            yield
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))


def test_with_postgres_gone_everybody_gets_postings_and_is_told(server_url: str, board_url: str) -> None:
    with serving(board_url, deadline_s=0.3) as service, gone(server_url, board_url):
        for member_id in MEMBERS:
            found = service.answer(member_id)
            assert (found["source"], found["degraded"], found["count"]) == ("popular", "postgres", 10)
            assert not set(VETOED) & {posting["id"] for posting in found["postings"]}


def test_who_was_answered_before_gets_the_same_postings_while_postgres_is_gone(
    server_url: str, board_url: str
) -> None:
    with serving(board_url, deadline_s=0.3) as service:
        before = service.answer("m-list", limit=5)
        with gone(server_url, board_url):
            found = service.answer("m-list", limit=5)
        assert found == before | {"degraded": "postgres"}


def test_when_postgres_is_back_so_are_the_lists(server_url: str, board_url: str) -> None:
    with serving(board_url, deadline_s=0.3) as service:
        before = service.body("m-list")
        with gone(server_url, board_url):
            assert service.answer("m-list")["degraded"] == "postgres"
        give_up_s = time.monotonic() + 20
        while service.answer("m-list")["degraded"] and time.monotonic() < give_up_s:
            time.sleep(0.05)
        assert service.body("m-list") == before
        service.run_tasks()


def test_a_slow_postgres_costs_a_call_its_deadline_and_no_more(board_url: str) -> None:
    with serving(board_url, deadline_s=0.2) as service, psycopg.connect(board_url) as holder:
        holder.execute("LOCK TABLE board.member IN ACCESS EXCLUSIVE MODE")
        started_s = time.monotonic()
        found = service.answer("m-list")
        took_s = time.monotonic() - started_s
        assert (found["source"], found["degraded"], found["count"]) == ("popular", "postgres", 10)
        assert 0.15 < took_s < 1.0
        assert service.failures == ["timeout"]


def test_cards_that_cannot_be_read_leave_the_list_what_is_in_memory(board_url: str) -> None:
    with serving(board_url, deadline_s=0.2) as service, psycopg.connect(board_url) as holder:
        holder.execute("LOCK TABLE board.company IN ACCESS EXCLUSIVE MODE")
        found = service.answer("m-list", limit=3)
        # Those of the list that stand on a shelf too are known; p-later, which comes first, was to be read.
        assert [posting["id"] for posting in found["postings"]] == ["p-01", "p-02", "p-06"]
        assert (found["source"], found["degraded"]) == ("personalized", "postgres")


def test_an_instance_that_starts_without_postgres_asks_its_callers_to_come_back(
    server_url: str, board_url: str
) -> None:
    service = Service(board_url, deadline_s=0.2)
    with gone(server_url, board_url):
        service.pool.open()
        try:
            response = service.get("/v1/members/m-list/recommendations?campaign=weekly")
        finally:
            service.pool.close()
    assert response.status_code == 503
    assert {name.lower(): value for name, value in response.headers if name != "Content-Length"} == (
        PROBLEM_HEADERS | {"retry-after": "10"}
    )
    assert response.json == problem(
        503,
        "Service Unavailable",
        "The service has just started and could not read its credentials yet: try again.",
    )
