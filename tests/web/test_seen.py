"""What a running server writes and counts of calls it refuses, and that all of it is JSON."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.web.board import SECRETS
from tests.web.gunicorn_server import Server, gunicorn
from tests.web.test_operations import samples
from tests.web.wire import basic, bearer, exchange, request

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = "/v1/members/m-list/recommendations?campaign=weekly"


@pytest.fixture(scope="module")
def refusing(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker and a hard line of three calls a second."""
    with gunicorn(
        shared_url, tmp_path_factory.mktemp("seen"), workers=1, CJ_HARD_RPS="3", CJ_LOG_PER_S="1000"
    ) as server:
        yield server


def ask(server: Server, authorization: str, request_id: str, target: str = ASKED) -> int:
    sent = request(target, authorization=authorization, headers=(f"X-Request-Id: {request_id}",))
    return exchange(server.port, sent).status


def test_calls_over_the_hard_line_and_guesses_are_counted_apart(refusing: Server) -> None:
    time.sleep(1.0 - time.time() % 1)  # the lines count by the second
    statuses = [ask(refusing, basic("braze"), "hard") for _ in range(8)]
    guesses = [ask(refusing, basic("braze", "wrong"), "guess") for _ in range(40)]
    assert 200 in statuses
    assert {401, 429} == set(guesses)
    assert samples(refusing, "cj_limited_total") == {
        'cj_limited_total{line="hard"}': float(statuses.count(429)),
        'cj_limited_total{line="unknown"}': float(guesses.count(429)),
    }
    assert samples(refusing, "cj_cards_read_total")["cj_cards_read_total"] > 0


def test_every_line_of_the_log_is_json_and_none_has_a_secret(refusing: Server) -> None:
    assert ask(refusing, bearer("braze"), "mistake-1", ASKED + "&limit=0&mail=kim@example.com") == 400
    assert exchange(refusing.port, b"NONSENSE\r\n\r\n").status == 400
    content = refusing.log.read_text()
    lines = [json.loads(line) for line in content.splitlines()]
    assert {"gunicorn.error", "connected_jobs.access"} <= {line["logger"] for line in lines}
    (mistake,) = [line for line in lines if line.get("request_id") == "mistake-1"]
    assert (mistake["event"], mistake["status"], mistake["path"]) == (
        "refused",
        400,
        "/v1/members/m-list/recommendations",
    )
    for secret in (*SECRETS.values(), basic("braze").split()[1], "kim@example.com"):
        assert secret not in content
