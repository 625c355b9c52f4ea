"""Health is answered at an address of its own."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from app.web.workers.health_server import MOST_CLIENTS, HealthServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def missing() -> list[str]:
    return []


@pytest.fixture
def server(missing: list[str]) -> Iterator[HealthServer]:
    opened = HealthServer("127.0.0.1:0", lambda: (not missing, missing))
    opened.open()
    yield opened
    opened.close()


def ask(server: HealthServer, path: str) -> tuple[int, object]:
    try:
        with urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_worker_that_lives_says_so(server: HealthServer) -> None:
    assert ask(server, "/health/live") == (200, {"status": "alive"})


def test_it_is_ready_or_says_what_is_missing(server: HealthServer, missing: list[str]) -> None:
    assert ask(server, "/health/ready") == (200, {"ready": True, "missing": []})
    missing.append("No shelf could be read yet.")
    assert ask(server, "/health/ready") == (503, {"ready": False, "missing": ["No shelf could be read yet."]})


def test_nothing_else_is_there(server: HealthServer) -> None:
    assert ask(server, "/metrics") == (404, {"detail": "Here are /health/live and /health/ready only."})


def test_workers_share_one_address(server: HealthServer) -> None:
    second = HealthServer(f"127.0.0.1:{server.port}", lambda: (True, ()))
    second.open()
    assert {ask(server, "/health/live")[0] for _ in range(8)} == {200}
    second.close()


def test_idle_clients_hold_a_bounded_number_of_threads_and_keep_no_check_waiting(
    server: HealthServer,
) -> None:
    before = threading.active_count()
    with ExitStack() as idle:
        for _ in range(5 * MOST_CLIENTS):
            idle.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        assert ask(server, "/health/live") == (200, {"status": "alive"})
        assert threading.active_count() - before <= 2 * MOST_CLIENTS  # some are on their way out
        assert ask(server, "/health/ready") == (200, {"ready": True, "missing": []})
