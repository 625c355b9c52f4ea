"""The API's description is a true one: what it says of the running service is what the service does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.web.described import MODES, description_at, try_operation
from tests.web.wire import basic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.gunicorn_server import Server

RECOMMENDATIONS = "GET /v1/members/{external_id}/recommendations"
CREDENTIALS = {RECOMMENDATIONS: basic("braze"), "GET /metrics": basic("prometheus")}
EXAMPLES = {RECOMMENDATIONS: 40}
OPERATIONS = [RECOMMENDATIONS, "GET /health/live", "GET /health/ready", "GET /metrics", "GET /openapi.json"]


@pytest.fixture(scope="session")
def description(server: Server) -> Any:
    return description_at(server.port)


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
    server: Server, session: requests.Session, description: Any, label: str, mode: str
) -> None:
    """Fitting calls and misfits get the described statuses, headers and bodies and no others."""
    try_operation(
        description.find_operation_by_label(label),
        mode,
        url=server.url,
        session=session,
        headers={"Authorization": CREDENTIALS[label]} if label in CREDENTIALS else {},
        most=EXAMPLES.get(label, 5),
    )
