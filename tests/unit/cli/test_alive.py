"""`connected-jobs alive` asks what runs here, wherever it was told to listen, and nobody else."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from app.cli.alive import alive
from app.cli.database import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/live" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def closed() -> Iterator[int]:
    with socket.socket() as bound:  # bound, not listening: nobody answers
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - nothing listens there
@pytest.mark.parametrize("variable", ["CJ_BIND", "CJ_PLANNER_BIND", "CJ_HEALTH_BIND"])
def test_a_service_a_planner_or_a_health_address_of_its_own_is_enough(
    port: int, closed: int, host: str, variable: str
) -> None:
    nowhere = {"CJ_BIND": f"127.0.0.1:{closed}", "CJ_PLANNER_BIND": f"127.0.0.1:{closed}"}
    proxy = {"http_proxy": f"http://127.0.0.1:{closed}", "no_proxy": ""}
    environment = nowhere | proxy | {variable: f"{host}:{port}"}
    assert CliRunner().invoke(alive, env=environment, catch_exceptions=False).exit_code == 0


def test_nobody_there_is_one_sentence_with_both_addresses(closed: int) -> None:
    environment = {"CJ_BIND": f"127.0.0.1:{closed}", "CJ_PLANNER_BIND": f"127.0.0.1:{closed}"}
    with pytest.raises(CommandError, match=rf"^Neither a service at 127\.0\.0\.1:{closed} nor a planner at"):
        CliRunner().invoke(alive, env=environment, catch_exceptions=False)
