"""The planner's description is a true one: what it says of the running planner is what the planner does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from app.postgres.engines import batch_engine
from tests.web.described import MODES, description_at, try_operation
from tests.web.planner_service import OPERATOR, Server, planner_server
from tests.web.test_capacity_api import DEFINITION, DRAFT, EVIDENCE
from tests.web.worked_results import put_results

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE = "/v1/capacity/campaigns/{number}"
OPERATIONS = [
    "GET /v1/capacity/campaigns",
    "POST /v1/capacity/campaigns",
    f"GET {ONE}",
    f"PUT {ONE}",
    f"DELETE {ONE}",
    f"POST {ONE}/duplicate",
    f"GET {ONE}/changes",
    f"GET {ONE}/sends",
    f"PUT {ONE}/sends/{{send}}/sent",
    "GET /v1/capacity/calendar.csv",
    "GET /v1/capacity/calendar.ics",
    "GET /v1/capacity/workspace",
    "PUT /v1/capacity/workspace",
    "GET /v1/capacity/evidence",
    "POST /v1/capacity/evidence",
    "GET /v1/capacity/evidence/{evidence_id}",
    "DELETE /v1/capacity/evidence/{evidence_id}",
    "GET /v1/capacity/audit",
    "GET /v1/capacity/verdict",
    "POST /v1/capacity/check",
    "GET /v1/results",
    "GET /v1/results/experiments/{key}",
    "GET /v1/results/campaigns/{key}",
    "GET /v1/results/power",
    "GET /health/live",
    "GET /health/ready",
    "GET /openapi.json",
]
EXAMPLES = 10


@pytest.fixture(scope="session")
def planner(
    board_template: str, server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A planner of its own, with one of everything on record; Postgres is not shared with other tests."""
    from tests.postgres_fixtures import _create, _drop, _url_of  # noqa: PLC0415 - a fixture of this file alone

    name = _create(server_url, "cj_planner", board_template)
    engine = batch_engine(_url_of(server_url, name))
    put_results(engine)
    engine.dispose()
    with planner_server(_url_of(server_url, name), tmp_path_factory.mktemp("planner")) as running:
        headers = {"Authorization": OPERATOR}
        for path, body in (("campaigns", DRAFT), ("evidence", EVIDENCE)):
            made = requests.post(f"{running.url}/v1/capacity/{path}", json=body, headers=headers, timeout=10)
            assert made.status_code == 201, made.text
        yield running
    _drop(server_url, name)


@pytest.fixture(scope="session")
def description(planner: Server) -> Any:
    return description_at(planner.port)


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def test_it_is_a_valid_openapi_document(description: Any) -> None:
    description.validate()


def test_every_operation_is_tried_below(description: Any) -> None:
    assert [found.ok().label for found in description.get_all_operations()] == OPERATIONS


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("label", OPERATIONS)
def test_generated_calls_are_answered_as_described(
    planner: Server, session: requests.Session, description: Any, label: str, mode: str
) -> None:
    """Fitting calls and misfits get the described statuses, headers and bodies and no others."""
    # What fits a description of types need not fit a plan: a kind asks for fields of its own.
    try_operation(
        description.find_operation_by_label(label),
        mode,
        url=planner.url,
        session=session,
        headers={"Authorization": OPERATOR} if "/v1/" in label else {},
        most=EXAMPLES,
        needs_more=True,
    )


def test_the_answers_of_a_planner_with_one_of_everything_are_as_described(
    planner: Server, session: requests.Session, description: Any
) -> None:
    from schemathesis.specs.openapi.checks import ignored_auth  # noqa: PLC0415 - see tests/web/described.py

    headers = {"Authorization": OPERATOR}
    number = session.post(
        f"{planner.url}/v1/capacity/campaigns",
        json={**DRAFT, "definition": {**DEFINITION, "name": "a second"}},
        headers=headers,
    ).json()["id"]
    asked: list[tuple[str, dict[str, Any]]] = [
        (f"GET {ONE}", {"path_parameters": {"number": number}}),
        (f"GET {ONE}/changes", {"path_parameters": {"number": number}}),
        (f"GET {ONE}/sends", {"path_parameters": {"number": number}}),
        ("GET /v1/capacity/campaigns", {}),
        ("GET /v1/capacity/audit", {}),
        ("GET /v1/capacity/evidence", {}),
        ("GET /v1/capacity/evidence/{evidence_id}", {"path_parameters": {"evidence_id": EVIDENCE["id"]}}),
        (
            "GET /v1/capacity/verdict",
            {"query": {"from": "2026-11-22T00:00:00Z", "until": "2026-11-29T00:00:00Z"}},
        ),
        ("GET /v1/results", {}),
        ("GET /v1/results/experiments/{key}", {"path_parameters": {"key": "learning-on"}}),
        ("GET /v1/results/experiments/{key}", {"path_parameters": {"key": "broken-split"}}),
        ("GET /v1/results/campaigns/{key}", {"path_parameters": {"key": "weekly-digest"}}),
        ("GET /v1/results/power", {"query": {"base_share": 0.03, "lift": 0.1}}),
        ("POST /v1/capacity/check", {"body": {"time_zone": "Asia/Seoul", "campaigns": [DEFINITION]}}),
        (
            f"PUT {ONE}",
            {"path_parameters": {"number": number}, "headers": {"If-Match": '"7"'}, "body": DRAFT},
        ),
    ]
    statuses = []
    for label, parts in asked:
        case = description.find_operation_by_label(label).Case(**parts)
        response = case.call(base_url=planner.url, session=session, headers=headers)
        case.validate_response(response, excluded_checks=[ignored_auth])
        statuses.append(response.status_code)
    assert statuses == [200] * 14 + [412]


def test_the_planner_logs_json_and_no_secret(planner: Server) -> None:
    lines = [json.loads(line) for line in planner.log.read_text(encoding="utf-8").splitlines()]
    assert any("CJ_SESSION_KEY is not set" in line["event"] for line in lines)
    assert "operator-secret" not in planner.log.read_text(encoding="utf-8")
