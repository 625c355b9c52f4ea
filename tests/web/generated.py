"""Calls that are generated from an API's description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemathesis import Case

_SEVERAL = 2


def arrives(case: Case[Any]) -> bool:
    """Whether every parameter of the query arrives as what it was made.

    A query knows neither null nor objects, and of a list of one it has the one: what is no text to the description may
    be a fitting text, or nothing, to the service.
    """
    return not any(
        value is None or (isinstance(value, dict | list) and len(value) < _SEVERAL)
        for value in (case.query or {}).values()
    )
