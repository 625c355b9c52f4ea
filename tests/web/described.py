"""Tries what an API's description says on a running server, with generated calls.

Schemathesis is imported where it is used: it takes a second, and every process that collects tests imports this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from hypothesis import HealthCheck, given, settings

from tests.web.wire import call

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from schemathesis import Case

LONGEST_ID = 200
MODES = ("positive", "negative")  # of Schemathesis: calls that fit the description, and calls that do not


def description_at(port: int) -> Any:
    """The description that a server gives of itself."""
    import schemathesis  # noqa: PLC0415 - see above

    return schemathesis.openapi.from_dict(call(port, "/openapi.json").json())


def try_operation(
    operation: Any,
    mode: str,
    *,
    url: str,
    session: requests.Session,
    headers: Mapping[str, str],
    most: int,
    needs_more: bool = False,
) -> None:
    """Make generated calls of an operation, fitting ones or misfits, and check each answer by the description.

    Credentials have tests of their own; hundreds of wrong ones would be slowed down, with 429. No value is sent as an
    empty one, which may be given, so what came of it is not held against the description; nor is a refusal of an operation
    that `needs_more` than its description can say. Which characters a member's id may have is Unicode's to say: a refusal
    of one that is newer than this Python is no fault, nor is an answer to one that Schemathesis takes for a misfit.
    """
    from schemathesis import GenerationMode  # noqa: PLC0415 - see above
    from schemathesis.specs.openapi import checks  # noqa: PLC0415 - same

    if mode == "negative" and not (any(operation.iter_parameters()) or operation.body):
        return

    @settings(
        max_examples=most,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
    def check(case: Case[Any]) -> None:
        assert case.meta is not None
        empty = any(value in (None, "") for value in (case.query or {}).values())
        member = unquote(str((case.path_parameters or {}).get("external_id", "")))
        wrong = {place.value for place, part in case.meta.components.items() if part.mode.is_negative}
        fits = 0 < len(member) <= LONGEST_ID and member.isprintable() and wrong <= {"path", "header"}
        left_out: list[Any] = [checks.ignored_auth]
        left_out += [checks.negative_data_rejection] if empty or fits else []
        left_out += [checks.positive_data_acceptance] if needs_more or not member.isprintable() else []
        case.call_and_validate(base_url=url, session=session, headers=dict(headers), excluded_checks=left_out)

    check()
