"""Fixtures: the fixed board, an application on it in this process, and a real server on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web import board
from tests.web.gunicorn_server import Server, gunicorn
from tests.web.service import Service, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def board_template(server_url: str, template: str) -> Iterator[str]:
    """The name of a database that holds the fixed board, to copy."""
    name = _create(server_url, "cj_board", template)
    with psycopg.connect(_url_of(server_url, name)) as connection:
        board.fill(connection)
    yield name
    _drop(server_url, name)


@pytest.fixture
def board_url(server_url: str, board_template: str) -> Iterator[str]:
    """A fixed board of the test's own."""
    name = _create(server_url, "cj_board", board_template)
    yield _url_of(server_url, name)
    _drop(server_url, name)


@pytest.fixture
def service(board_url: str) -> Iterator[Service]:
    """An instance on a fixed board of the test's own."""
    with serving(board_url) as service:
        yield service


@pytest.fixture(scope="session")
def shared_url(server_url: str, board_template: str) -> Iterator[str]:
    """A fixed board that no test changes."""
    name = _create(server_url, "cj_board", board_template)
    yield _url_of(server_url, name)
    _drop(server_url, name)


@pytest.fixture(scope="session")
def reader(shared_url: str) -> Iterator[Service]:
    """An instance on a fixed board, for tests that change nothing."""
    with serving(shared_url) as service:
        yield service


@pytest.fixture(scope="session")
def server(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Gunicorn with two workers on a fixed board that no test changes."""
    with gunicorn(shared_url, tmp_path_factory.mktemp("gunicorn")) as running:
        yield running
