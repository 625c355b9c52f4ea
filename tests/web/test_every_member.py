"""The promise to a whole campaign: every member is answered, with ten postings, none of which may not be shown.

What may not be shown, and what a reason may name, is asked of Postgres in words of the test's own, not of the code that
chose the postings.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from hashlib import sha256
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest

from app.demo.generate import generate
from app.postgres.board.load import load
from app.postgres.engines import batch_engine
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.gunicorn_server import gunicorn
from tests.web.wire import basic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.web.gunicorn_server import Server

MEMBERS = 2_500
POSTINGS = 500
ACTIVITIES = 8_000
ASKED = 2_000
APPLICANTS_ASKED = 100
SECRET = "secret-of-the-generated-board"  # noqa: S105 - of a database that lives as long as the test
# What was shown, in a temporary table `shown`, that should not have been; `today` was the day in Seoul before the calls.
FORBIDDEN = """
SELECT s.member_id, s.posting_id, p.status, p.deadline, a.occurred_at
  FROM shown s
  LEFT JOIN board.posting p ON p.id = s.posting_id
  LEFT JOIN board.member m ON m.id = s.member_id AND m.mail_consent AND m.withdrawn_at IS NULL
  LEFT JOIN board.activity a ON a.member_id = m.id AND a.posting_id = s.posting_id AND a.kind = 'apply'
 WHERE p.id IS NULL OR p.status <> 'open' OR p.deadline < %(today)s OR a.member_id IS NOT NULL
"""
# What a member may be told of: postings they applied to, that are not hidden.
MENTIONABLE = """
SELECT a.member_id, p.id, p.title, p.categories || p.skills
  FROM board.activity a
  JOIN board.posting p ON p.id = a.posting_id AND p.status <> 'hidden'
 WHERE a.kind = 'apply' AND a.member_id = ANY(%s)
"""
ABOUT = "SELECT id, title, categories || skills FROM board.posting"
APPLICANTS = """
SELECT l.member_id
  FROM connected_jobs.recommendation_list l
  JOIN board.member m ON m.id = l.member_id AND m.mail_consent AND m.withdrawn_at IS NULL
 WHERE (SELECT count(*) FROM board.activity a WHERE a.member_id = m.id AND a.kind = 'apply') >= 2
 ORDER BY l.member_id
"""
NAMING = {"ko": r"지원한 '(.+)' 공고와 비슷해요", "en": r"Similar to '(.+)', which you applied to"}
GENERAL = {
    "ko": {
        "similar_to_applied": "최근 지원한 공고와 비슷해요",
        "similar_to_scrapped": "스크랩한 공고와 비슷해요",
        "similar_to_viewed": "최근 본 공고와 비슷해요",
    },
    "en": {
        "similar_to_applied": "Similar to what you applied to",
        "similar_to_scrapped": "Similar to what you saved",
        "similar_to_viewed": "Similar to what you viewed",
    },
}


@pytest.fixture(scope="module")
def generated_url(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A generated board with lists for everybody, some of whose postings then closed, and some members left."""
    name = _create(server_url, "cj_generated", template)
    url = _url_of(server_url, name)
    folder = tmp_path_factory.mktemp("generated")
    generate(folder, members=MEMBERS, postings=POSTINGS, activities=ACTIVITIES, seed=7, now=datetime.now(UTC))
    engine = batch_engine(url)
    load(engine, folder, rejects=folder / "rejects.csv")
    _refresh(url)
    with psycopg.connect(url) as connection:
        _go_on_after_the_refresh(connection)
    yield url
    _drop(server_url, name)


def _refresh(url: str) -> None:
    """In a process of its own, where matrices this small are not worth a thread a core."""
    command = [sys.executable, "-c", "from app.cli.main import main; main()", "refresh", "--processes", "1"]
    subprocess.run(
        command,
        env={**os.environ, "DATABASE_URL": url, "OPENBLAS_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )


def _go_on_after_the_refresh(connection: psycopg.Connection) -> None:
    """A day on the board: postings end, members apply, leave and come."""
    for statement in (
        "UPDATE board.posting SET status = 'closed', updated_at = now() WHERE abs(hashtext(id)) % 10 = 0",
        "UPDATE board.posting SET status = 'hidden', updated_at = now() WHERE abs(hashtext(id)) % 10 = 1",
        """
        UPDATE board.posting SET deadline = (now() AT TIME ZONE 'Asia/Seoul')::date - 1, updated_at = now()
        WHERE abs(hashtext(id)) % 10 = 2
        """,
        """
        UPDATE board.posting SET deadline = (now() AT TIME ZONE 'Asia/Seoul')::date, updated_at = now()
        WHERE abs(hashtext(id)) % 10 = 3
        """,
        """
        INSERT INTO board.activity (member_id, posting_id, kind, occurred_at)
        SELECT l.member_id, l.posting_ids[1 + abs(hashtext(l.member_id)) % 5], 'apply', now()
        FROM connected_jobs.recommendation_list l
        WHERE abs(hashtext(l.member_id)) % 3 = 0
        ON CONFLICT DO NOTHING
        """,
        "UPDATE board.member SET withdrawn_at = now() WHERE abs(hashtext(id)) % 20 = 1",
        "UPDATE board.member SET mail_consent = false WHERE abs(hashtext(id)) % 20 = 2",
        "DELETE FROM connected_jobs.recommendation_list WHERE abs(hashtext(member_id)) % 20 = 3",
    ):
        connection.execute(statement.encode())
    connection.execute(
        "INSERT INTO connected_jobs.credential (name, scope, secret_hash) VALUES ('braze', 'content', %s)",
        [sha256(SECRET.encode()).digest()],
    )


@pytest.fixture(scope="module")
def generated_server(generated_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with gunicorn(generated_url, tmp_path_factory.mktemp("gunicorn-generated")) as server:
        yield server


@pytest.fixture(scope="module")
def server_that_names_nothing(
    generated_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("gunicorn-that-names-nothing")
    with gunicorn(generated_url, folder, workers=1, CJ_NAMED_IN_REASONS="none") as server:
        yield server


def ask(port: int, member_ids: Sequence[str], *, lang: str = "ko") -> dict[str, tuple[int, Any]]:
    """Ask for each member on one connection: status and body by member."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    answers = {}
    try:
        for member_id in member_ids:
            target = f"/v1/members/{quote(member_id, safe='')}/recommendations?campaign=everybody&lang={lang}"
            connection.request("GET", target, headers={"Authorization": basic("braze", SECRET)})
            response = connection.getresponse()
            answers[member_id] = (response.status, json.loads(response.read()))
    finally:
        connection.close()
    return answers


def test_two_thousand_members_get_ten_postings_each_and_none_that_is_vetoed(
    generated_url: str, generated_server: Server
) -> None:
    with psycopg.connect(generated_url) as connection:
        row = connection.execute("SELECT (now() AT TIME ZONE 'Asia/Seoul')::date").fetchone()
        today = row[0] if row else None
        everybody = [row[0] for row in connection.execute("SELECT id FROM board.member ORDER BY id")]
    answers = ask(generated_server.port, random.Random(1).sample(everybody, ASKED))

    assert len(answers) == ASKED
    assert {status for status, _ in answers.values()} == {200}
    assert {body["count"] for _, body in answers.values()} == {10}
    assert {len({posting["id"] for posting in body["postings"]}) for _, body in answers.values()} == {10}
    assert {body["degraded"] for _, body in answers.values()} == {None}

    with psycopg.connect(generated_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE shown (member_id text, posting_id text)")
        with connection.cursor().copy("COPY shown FROM STDIN") as copy:
            for member_id, (_, body) in answers.items():
                for posting in body["postings"]:
                    copy.write_row((member_id, posting["id"]))
        assert connection.execute(FORBIDDEN, {"today": today}).fetchall() == []
        # The check above can fail: these members' lists do hold postings that may not be shown.
        listed = connection.execute(
            "SELECT count(*) FROM connected_jobs.recommendation_list l, unnest(l.posting_ids) AS u (posting_id)"
            " JOIN board.posting p ON p.id = u.posting_id WHERE p.status <> 'open'"
        ).fetchone()
        assert listed is not None
        assert listed[0] > ASKED


def test_who_left_gets_what_is_popular_and_most_others_their_own(
    generated_url: str, generated_server: Server
) -> None:
    with psycopg.connect(generated_url) as connection:
        left = [
            row[0]
            for row in connection.execute(
                "SELECT id FROM board.member WHERE withdrawn_at IS NOT NULL OR NOT mail_consent ORDER BY id LIMIT 50"
            )
        ]
        listed = [
            row[0]
            for row in connection.execute(
                "SELECT l.member_id FROM connected_jobs.recommendation_list l JOIN board.member m ON m.id = l.member_id"
                " WHERE m.mail_consent AND m.withdrawn_at IS NULL ORDER BY l.member_id LIMIT 50"
            )
        ]
    assert len(left) == len(listed) == 50
    assert {body["source"] for _, body in ask(generated_server.port, left).values()} == {"popular"}
    assert {body["source"] for _, body in ask(generated_server.port, listed).values()} == {"personalized"}


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_reasons_name_what_that_very_member_applied_to_unless_switched_off(
    generated_url: str, generated_server: Server, server_that_names_nothing: Server, lang: str
) -> None:
    with psycopg.connect(generated_url) as connection:
        applicants = [row[0] for row in connection.execute(APPLICANTS)][:APPLICANTS_ASKED]
        applied: dict[str, list[tuple[str, str, set[str]]]] = defaultdict(list)
        for member_id, *posting in connection.execute(MENTIONABLE, [applicants]):
            applied[member_id].append((*posting[:2], about(*posting[1:])))
        is_about = {row[0]: about(*row[1:]) for row in connection.execute(ABOUT)}
    named_in = ask(generated_server.port, applicants, lang=lang)
    off = ask(server_that_names_nothing.port, applicants, lang=lang)
    named, sentences = 0, 0
    for member_id, (_, body) in named_in.items():
        names: Counter[str] = Counter()
        for shown, plain in zip(body["postings"], off[member_id][1]["postings"], strict=True):
            assert (shown["id"], shown["reason_code"]) == (plain["id"], plain["reason_code"])
            assert plain["reason"] == GENERAL[lang].get(plain["reason_code"], plain["reason"])
            if shown["reason"] == plain["reason"]:
                continue
            assert shown["reason_code"] == "similar_to_applied"
            told = re.fullmatch(NAMING[lang], shown["reason"])
            assert told
            assert any(
                is_name_of(told[1], title) and words & is_about[shown["id"]]
                for posting_id, title, words in applied[member_id]
                if posting_id != shown["id"]
            ), f"{member_id} is told {shown['reason']} of {shown['title']}"
            names[told[1]] += 1
        assert max(names.values(), default=0) <= 3
        named += names.total()
        sentences += len({each["reason"] for each in body["postings"]})
    assert named > len(applicants)
    assert sentences > 3 * len(applicants)


def is_name_of(name: str, title: str) -> bool:
    """Whether a name is a title, perhaps cut or without what stands in brackets around it, perhaps with a place behind it."""
    title = " ".join(title.split())
    return any(each.removesuffix("…") in title for each in (name, name.rpartition(" (")[0] or name))


def about(title: str, fields: Sequence[str]) -> set[str]:
    """What can be seen of a posting by reading: its categories, skills and the words of its title."""
    return {*fields, *re.findall(r"\w{2,}", title)}
