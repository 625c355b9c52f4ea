"""Every route with its methods and its credential; health, metrics and the description."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from app import wsgi
from app.credentials import Scope
from app.postgres.credentials import insert_credential, revoke_credential
from app.postgres.engines import batch_engine
from app.settings import Settings
from tests.web.service import Service, serving
from tests.web.wire import Answer, basic, bearer, call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask

    from tests.web.gunicorn_server import Server

# Path, methods, and the scope of the credential that opens it.
ROUTES = {
    "/v1/members/<member:external_id>/recommendations": ("GET, HEAD, OPTIONS", "content"),
    "/health/live": ("GET, HEAD, OPTIONS", None),
    "/health/ready": ("GET, HEAD, OPTIONS", None),
    "/metrics": ("GET, HEAD, OPTIONS", "metrics"),
    "/openapi.json": ("GET, HEAD, OPTIONS", None),
}
NAMES = {"content": "braze", "metrics": "prometheus", "operator": "operator kim"}


def test_these_are_all_the_routes_and_their_methods(reader: Service) -> None:
    routes = {rule.rule: ", ".join(sorted(rule.methods or ())) for rule in reader.app.url_map.iter_rules()}
    assert routes == {path: methods for path, (methods, _) in ROUTES.items()}


@pytest.mark.parametrize("path", ROUTES)
def test_each_route_opens_to_its_scope_and_to_no_other(reader: Service, path: str) -> None:
    scope = ROUTES[path][1]
    target = path.replace("<member:external_id>", "m-list") + "?campaign=weekly"
    found = {name: reader.get(target, authorization=basic(NAMES[name])).status_code for name in NAMES}
    assert found == {name: 200 if scope in (None, name) else 403 for name in NAMES}
    assert reader.get(target, authorization="Basic eDp5").status_code == (401 if scope else 200)


def test_live_answers_without_any_credential(server: Server) -> None:
    got = call(server.port, "/health/live")
    assert (got.status, got.body, got.headers["cache-control"]) == (200, b'{"status":"alive"}', "no-store")


def test_ready_says_so(server: Server) -> None:
    got = call(server.port, "/health/ready")
    assert (got.status, got.json()) == (200, {"ready": True, "missing": []})


@pytest.fixture
def app(board_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The application as gunicorn builds it, not started."""
    app = wsgi.create(
        Settings(database_url=board_url, snapshot=tmp_path / "saved.json", deadline_ms=200, pool_wait_ms=200)
    )
    yield app
    app.extensions[wsgi.KEY].stop()


def test_ready_says_what_is_missing_before_anything_was_read(app: Flask) -> None:
    response = app.test_client().get("/health/ready")
    assert response.status_code == 503
    assert response.json == {
        "ready": False,
        "missing": [
            "No refresh is published: run `connected-jobs refresh`; until then lists are the newest postings.",
            "No shelf could be read yet.",
            "No credentials could be read yet.",
        ],
    }


def test_not_ready_says_which_read_failed(app: Flask, board_url: str) -> None:
    with psycopg.connect(board_url) as connection:
        connection.execute("ALTER TABLE connected_jobs.shelf RENAME TO shelf_table")
        connection.execute(
            "CREATE VIEW connected_jobs.shelf AS"
            " SELECT * FROM connected_jobs.shelf_table WHERE 1 / (run_id * 0) = 1"  # fails when it is read
        )
    wsgi.start(app)
    response = app.test_client().get("/health/ready")
    assert response.status_code == 503
    missing = response.json["missing"] if response.json else []
    assert {
        "The last update of shelves failed: see the log and the metrics.",
        "No shelf could be read yet.",
    } <= set(missing)
    assert not [sentence for sentence in missing if "credentials" in sentence or "publications" in sentence]


def test_a_worker_has_its_connections_before_its_first_call(app: Flask, board_url: str) -> None:
    wsgi.start(app)
    with psycopg.connect(board_url) as connection:
        (made,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'connected-jobs serve'"
        ).fetchall()
    assert made == (Settings().connections,)


def test_ready_stays_ready_without_a_refresh(app: Flask, board_url: str) -> None:
    with psycopg.connect(board_url) as connection:
        connection.execute("DELETE FROM connected_jobs.publication")
    wsgi.start(app)
    response = app.test_client().get("/health/ready")
    assert (response.status_code, response.json) == (
        200,
        {
            "ready": True,
            "missing": [
                "No refresh is published: run `connected-jobs refresh`; until then lists are the newest postings."
            ],
        },
    )


def samples(server: Server, pattern: str) -> dict[str, float]:
    """The metrics' lines that begin as the pattern says."""
    got = call(server.port, "/metrics", authorization=bearer("prometheus"))
    assert (got.status, got.headers["content-type"][:10]) == (200, "text/plain")
    lines = [line.rpartition(" ") for line in got.body.decode().splitlines() if re.match(pattern, line)]
    return {name: float(value) for name, _, value in lines}


def test_metrics_add_up_over_the_workers(server: Server) -> None:
    """Whichever worker is asked for the metrics, all calls are in them."""
    seconds_before = samples(server, "cj_answer_seconds_count")["cj_answer_seconds_count"]
    errors_before = samples(server, "cj_errors_total").get('cj_errors_total{status="400"}', 0.0)
    for number in range(60):
        target = f"/v1/members/metrics-{number}/recommendations?campaign=counted-campaign&limit=1"
        assert call(server.port, target, authorization=basic("braze")).status == 200
        assert call(server.port, target + "&limit=2", authorization=basic("braze")).status == 400
    workers = re.findall(r"Booting worker with pid: (\d+)", server.log.read_text(errors="replace"))
    assert len(workers) == 2
    assert all((server.metrics / f"counter_{pid}.db").exists() for pid in workers), (
        "one worker took all calls"
    )
    for _ in range(6):
        assert samples(server, r"cj_answers_total\{campaign=\"counted-campaign\"") == {
            'cj_answers_total{campaign="counted-campaign",degraded="",source="popular"}': 60.0
        }
    assert samples(server, "cj_answer_seconds_count")["cj_answer_seconds_count"] == seconds_before + 60
    assert samples(server, "cj_errors_total")['cj_errors_total{status="400"}'] == errors_before + 60


def test_a_revoked_credential_stops_working_at_the_next_read_of_credentials(board_url: str) -> None:
    engine = batch_engine(board_url)
    with engine.begin() as connection:
        made, secret = insert_credential(connection, "rotated", Scope.CONTENT)
        second, second_secret = insert_credential(connection, "rotated", Scope.CONTENT)
    target = "/v1/members/m-list/recommendations?campaign=weekly"

    with serving(board_url) as service:

        def statuses() -> list[int]:
            return [
                service.get(target, authorization=basic("rotated", known)).status_code
                for known in (secret, second_secret)
            ]

        assert statuses() == [200, 200]  # both alive, for rotation
        with engine.begin() as connection:
            assert revoke_credential(connection, made.id) is not None
        assert statuses() == [200, 200]
        service.run_tasks()
        assert statuses() == [401, 200]
        with engine.begin() as connection:
            assert revoke_credential(connection, second.id) is not None
        service.run_tasks()
        assert statuses() == [401, 401]


def test_the_description_may_be_read_by_anyone(server: Server) -> None:
    got: Answer = call(server.port, "/openapi.json")
    assert (got.status, got.headers["content-type"], got.json()["openapi"]) == (
        200,
        "application/json",
        "3.1.0",
    )
