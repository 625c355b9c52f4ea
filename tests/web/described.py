"""Tries what an API's description says on a running server, with generated calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from tests.web.wire import call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests


def description_at(port: int) -> Any:
    """The description that a server gives of itself."""
    return schemathesis.openapi.from_dict(call(port, "/openapi.json").json())


def try_operation(
    operation: Any,
    mode: GenerationMode,
    *,
    url: str,
    session: requests.Session,
    headers: Mapping[str, str],
    most: int,
    excluded: tuple[Callable[..., Any], ...] = (),
) -> None:
    """Make generated calls of an operation, fitting ones or misfits, and check each answer by the description.

    Credentials have tests of their own; hundreds of wrong ones would be slowed down, with 429. No value is sent as an
    empty one, which may be given, so what came of it is not held against the description; nor is a refusal of characters
    of a newer Unicode than this Python knows.
    """
    if mode is GenerationMode.NEGATIVE and not (any(operation.iter_parameters()) or operation.body):
        return

    @settings(
        max_examples=most,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Case[Any]) -> None:
        empty = any(value in (None, "") for value in (case.query or {}).values())
        newer = not all(str(value).isprintable() for value in (case.path_parameters or {}).values())
        checks = [ignored_auth, *excluded]
        checks += [negative_data_rejection] if empty else []
        checks += [positive_data_acceptance] if newer else []
        case.call_and_validate(base_url=url, session=session, headers=dict(headers), excluded_checks=checks)

    check()
