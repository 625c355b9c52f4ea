"""The API's description is a true one: what it says of the running service is what the service does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection

from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.gunicorn_server import Server

RECOMMENDATIONS = "GET /v1/members/{external_id}/recommendations"
CREDENTIALS = {RECOMMENDATIONS: basic("braze"), "GET /metrics": basic("prometheus")}
EXAMPLES = {RECOMMENDATIONS: 60}
OPERATIONS = [RECOMMENDATIONS, "GET /health/live", "GET /health/ready", "GET /metrics", "GET /openapi.json"]


@pytest.fixture(scope="session")
def description(server: Server) -> Any:
    return schemathesis.openapi.from_dict(call(server.port, "/openapi.json").json())


@pytest.fixture(scope="session")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def test_it_is_a_valid_openapi_document(description: Any) -> None:
    description.validate()


def test_every_operation_is_tried_below(description: Any) -> None:
    assert [found.ok().label for found in description.get_all_operations()] == OPERATIONS


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", OPERATIONS)
def test_generated_calls_are_answered_as_described(
    server: Server, session: requests.Session, description: Any, label: str, mode: GenerationMode
) -> None:
    """Fitting calls and misfits get the described statuses, headers and bodies and no others."""
    operation = description.find_operation_by_label(label)
    if mode is GenerationMode.NEGATIVE and not any(operation.iter_parameters()):
        return
    credential = {"Authorization": CREDENTIALS[label]} if label in CREDENTIALS else {}

    @settings(
        max_examples=EXAMPLES.get(label, 5),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Case[Any]) -> None:
        # Credentials have tests of their own; hundreds of wrong ones would be slowed down, with 429.
        excluded = [ignored_auth]
        if any(value in (None, "") for value in (case.query or {}).values()):
            excluded.append(negative_data_rejection)  # no value is sent as an empty one, which may be given
        case.call_and_validate(
            base_url=server.url, session=session, headers=credential, excluded_checks=excluded
        )

    check()
