"""Campaigns are found by words, by when they are sent and in an order, a page at a time, among thousands."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.capacity.register.campaigns import read_draft
from app.capacity.register.search import MOST_ON_PAGE, CampaignSearch, read_search
from app.postgres.engines import planner_engine
from app.postgres.planning.register import PostgresRegister
from tests.postgres_fixtures import _create, _drop, _url_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime.fromisoformat("2026-11-20T10:30")
CAMPAIGNS = (
    ("weekly-digest", "kim", None, {"name": "주간 추천 메일", "at": "2026-11-23T09:00:00"}),
    ("weekly-digest", "kim", None, {"name": "지난 주간 메일", "at": "2026-11-16T09:00:00"}),
    ("closing-soon", "Park", "abc-42", {"name": "마감 100% 임박", "at": "2026-11-20T10:30:00"}),
    ("best_of", "lee", None, {"name": "a_b\\c", "at": "2026-11-20T10:29:00"}),
)


@pytest.fixture
def register(database_url: str) -> Iterator[PostgresRegister]:
    """Four campaigns, and one that was removed."""
    with _stocked(database_url) as register:
        yield register


@pytest.fixture(scope="module")
def shared(server_url: str, template: str) -> Iterator[PostgresRegister]:
    """The same, for tests that change nothing."""
    name = _create(server_url, "cj_search", template)
    with _stocked(_url_of(server_url, name)) as register:
        yield register
    _drop(server_url, name)


@contextmanager
def _stocked(url: str) -> Iterator[PostgresRegister]:
    engine = planner_engine(url)
    register = PostgresRegister(engine)
    for key, owner, braze_id, named in CAMPAIGNS:
        definition = {"kind": "at_once", "audience": 10, **named}
        values = {"key": key, "owner": owner, "braze_campaign_id": braze_id, "definition": definition}
        register.add(read_draft(values), by="kim")
    last = register.campaigns()[-1]
    gone = {**CAMPAIGNS[0][3], "name": "gone", "kind": "at_once", "audience": 1}
    removed = register.add(read_draft({"key": "gone", "owner": "kim", "definition": gone}), by="kim")
    register.remove(removed.id, version=1, by="kim")
    assert last.id == 4
    yield register
    engine.dispose()


def found(register: PostgresRegister, **asked: str) -> list[int]:
    return [one.id for one in register.search(read_search(asked, NOW)).campaigns]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({}, [3, 1]),
        ({"when": "past"}, [4, 2]),
        ({"when": "all"}, [1, 3, 4, 2]),
        ({"when": "removed"}, [5]),
        ({"when": "all", "sort": "starts"}, [2, 4, 3, 1]),
        ({"when": "all", "sort": "-starts"}, [1, 3, 4, 2]),
        ({"when": "all", "sort": "owner"}, [1, 2, 4, 3]),
        ({"when": "all", "sort": "-changed"}, [4, 3, 2, 1]),
        ({"when": "all", "q": "메일 주간"}, [1, 2]),
        ({"when": "all", "q": "WEEKLY 지난"}, [2]),
        ({"when": "all", "q": "park"}, [3]),
        ({"when": "all", "q": "abc-42"}, [3]),
        ({"when": "all", "q": "100%"}, [3]),
        ({"when": "all", "q": "%"}, [3]),
        ({"when": "all", "q": "_"}, [4]),
        ({"when": "all", "q": "\\"}, [4]),
        ({"when": "all", "q": "no such"}, []),
    ],
)
def test_what_is_asked_for_is_found_in_order(
    shared: PostgresRegister, asked: dict[str, str], ids: list[int]
) -> None:
    assert found(shared, **asked) == ids


ODD = [
    "",
    " ",
    "\x00",
    "\x1b[31m",
    "\ud800",
    "'; DROP TABLE connected_jobs.campaign; --",
    "<script>",
    "%" * 500,
    "%%%%__",
    "\\",
    "\\\\%",
    "a " * 300,
    "-1",
    "0",
    "1e9",
    "9" * 40,
    "٣",
    "None",
    "null",
    "true",
    "NaN",
    "coming; --",
    "--starts",
    "-",
    "-name",
    "name DESC",
    "id",
    "definition",
    "🎉",
    "é",
    "ｎａｍｅ",
    "\u202e",
    "\n\r\t",
    "{}",
    "[]",
    "{{7*7}}",
    "${7}",
    "../../etc/passwd",
    "2026-13-45",
    "+1",
]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("name", ["q", "when", "sort", "page"])
def test_no_odd_value_breaks_a_search(shared: PostgresRegister, name: str, value: str) -> None:
    asked = read_search({"when": "all", name: value}, NOW)
    page = shared.search(asked)
    assert page.total <= 4
    assert page.pages == 1


def test_a_page_beyond_the_last_is_the_last_among_thousands(register: PostgresRegister) -> None:
    _fill(register, 5_000)
    asked = CampaignSearch(now=NOW)
    first = register.search(asked)
    assert (first.total, first.pages, len(first.campaigns)) == (5_004, 101, MOST_ON_PAGE)
    seen = [one.id for page in range(1, 102) for one in register.search(asked.on(page)).campaigns]
    assert len(seen) == len(set(seen)) == 5_004
    assert register.search(asked.on(9_999)).campaigns == register.search(asked.on(101)).campaigns
    assert register.search(read_search({"when": "all", "q": "made 4999"}, NOW)).total == 1


def test_what_can_no_longer_be_read_is_found_too_and_comes_last(register: PostgresRegister) -> None:
    for name, definition in (("none", "{}"), ("list", "[]"), ("number", "7"), ("deep", '{"at": {"x": 1}}')):
        _insert(register, name, definition)
    assert register.search(read_search({"when": "all"}, NOW)).total == 8
    assert register.search(read_search({"when": "all", "q": "poisoned"}, NOW)).total == 4


def _fill(register: PostgresRegister, count: int) -> None:
    with register._engine.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO connected_jobs.campaign (key, owner, definition, created_by, updated_by)
                SELECT 'made', 'kim', json_build_object('name', 'made ' || n, 'kind', 'at_once', 'audience', 1,
                    'at', to_char(timestamp '2027-01-01' + n * interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS')), 'x', 'x'
                FROM generate_series(1, :count) AS n
            """),
            {"count": count},
        )


def _insert(register: PostgresRegister, name: str, definition: str) -> Any:
    with register._engine.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO connected_jobs.campaign (key, owner, definition, created_by, updated_by)
                VALUES (:name, 'poisoned', CAST(:definition AS json), 'x', 'x')
            """),
            {"name": name, "definition": definition},
        )
