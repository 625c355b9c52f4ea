"""Who left, or wants no mail, gets what is popular, and nothing of theirs is read; secrets are nowhere to be read."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.postgres.serving.reads import PostgresStore
from app.serving.answering import Answering
from app.settings import Settings
from tests.web.board import SECRETS
from tests.web.service import Service, serving
from tests.web.wire import basic, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator

# A row that tells on who reads it: Postgres asks a policy before anything else sees the row.
TRAPS = """
CREATE FUNCTION public.trap(member text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF member IN ('m-withdrawn', 'm-silent', 'm-list') THEN
        RAISE EXCEPTION 'a row of % was read', member;
    END IF;
    RETURN true;
END $$;
ALTER TABLE board.activity ENABLE ROW LEVEL SECURITY;
CREATE POLICY trap ON board.activity USING (public.trap(member_id));
ALTER TABLE connected_jobs.recommendation_list ENABLE ROW LEVEL SECURITY;
CREATE POLICY trap ON connected_jobs.recommendation_list USING (public.trap(member_id));
"""


@pytest.fixture
def role(server_url: str) -> Iterator[str]:
    """A login that may do nothing yet."""
    name = f"cj_reader_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'reader'").format(sql.Identifier(name)))
    yield name
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def trapped(role: str, board_url: str) -> Iterator[Service]:
    """An instance that may see of a member only whether they take mail, and for whom some rows are traps."""
    with psycopg.connect(board_url) as connection:
        connection.execute(TRAPS)
        for grant in (
            "GRANT USAGE ON SCHEMA board, connected_jobs TO {}",
            "GRANT SELECT ON board.company, board.posting, board.activity TO {}",
            "GRANT SELECT (id, mail_consent, withdrawn_at) ON board.member TO {}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA connected_jobs TO {}",
        ):
            connection.execute(sql.SQL(grant).format(sql.Identifier(role)))
    with serving(make_conninfo(board_url, user=role, password="reader")) as service:  # noqa: S106 - made above
        yield service


def test_nothing_of_who_withdrew_or_wants_no_mail_is_read(trapped: Service) -> None:
    unknown = trapped.answer("nobody", limit=50)
    for member_id in ("m-withdrawn", "m-silent"):
        found = trapped.answer(member_id, limit=50)
        assert (found["source"], found["degraded"]) == ("popular", None)
        assert [p["id"] for p in found["postings"]] == [p["id"] for p in unknown["postings"]]
    assert trapped.failures == []


def test_the_traps_above_do_tell(trapped: Service) -> None:
    assert trapped.answer("m-list")["degraded"] == "postgres"
    assert trapped.failures == ["refused"]


def test_withdrawing_takes_effect_at_the_next_call(service: Service, board_url: str) -> None:
    assert service.answer("m-list")["source"] == "personalized"
    with psycopg.connect(board_url) as connection:
        connection.execute("UPDATE board.member SET withdrawn_at = now() WHERE id = 'm-list'")
    assert service.answer("m-list")["source"] == "popular"


def test_a_failure_is_logged_without_the_callers_secret_and_costs_the_mail_no_postings(
    reader: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("the answer is 42")

    monkeypatch.setattr(Answering, "answer", fail)
    with caplog.at_level(logging.DEBUG):
        response = reader.get(
            "/v1/members/m-list/recommendations?campaign=weekly", authorization=bearer("braze")
        )
    assert (response.status_code, response.content_type) == (200, "application/json")
    body = response.get_json()
    assert (body["source"], body["degraded"]) == ("popular", "fault")
    assert body["postings"]
    assert "the answer is 42" not in response.text
    assert "the answer is 42" in caplog.text
    assert SECRETS["braze"] not in caplog.text


def test_where_nothing_can_be_answered_a_failure_is_told_without_a_trace(
    reader: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("the answer is 42")

    monkeypatch.setattr(Answering, "answer", fail)
    monkeypatch.setattr(Answering, "from_shelf", fail)
    with caplog.at_level(logging.DEBUG):
        response = reader.get(
            "/v1/members/m-list/recommendations?campaign=weekly", authorization=bearer("braze")
        )
    assert (response.status_code, response.content_type) == (500, "application/problem+json")
    assert response.json == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The service failed to answer this call; the failure is logged.",
    }
    assert "the answer is 42" in caplog.text
    assert SECRETS["braze"] not in caplog.text


def test_no_representation_shows_a_secret(reader: Service) -> None:
    address = "postgresql://service:hunter2@db.example/board"
    settings = Settings.from_env({"DATABASE_URL": address})
    assert settings.database_url == address
    assert "hunter2" not in repr(settings)
    credentials = PostgresStore(reader.pool).credentials()
    shown = repr(credentials) + repr(vars(reader.book).keys())
    assert len(credentials) == 4
    assert not [c for c in credentials if repr(c.secret_hash) in shown or c.secret_hash.hex() in shown]


def test_a_refused_caller_learns_nothing_of_what_they_sent(reader: Service) -> None:
    response = reader.get(
        "/v1/members/m-list/recommendations?campaign=weekly", authorization=basic("braze", "hunter2")
    )
    assert response.status_code == 401
    assert "hunter2" not in response.text + str(response.headers)
