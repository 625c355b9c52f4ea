"""Answers of the planner's API: JSON, and problems as RFC 9457 has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from flask import Response

from app.capacity.register.in_braze import is_unfinished, missing
from app.web.problems import CallerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.capacity.register.campaigns import RegisteredCampaign, WorkspaceSettings


def json_answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON."""
    return encoded_answer(msgspec.json.encode(value), status=status, headers=headers)


def encoded_answer(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON that is encoded already."""
    return Response(body, status=status, mimetype="application/json", headers={**(headers or {})})


def problem(
    status: int, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    """A problem; `more` are its further members, those that are None left out."""
    told = {name: value for name, value in more.items() if value is not None}
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **told}
    return Response(
        msgspec.json.encode(body),
        status=status,
        mimetype="application/problem+json",
        headers={**(headers or {})},
    )


def not_found(detail: str) -> CallerError:
    """What to raise where there is no such thing."""
    return CallerError(404, "Not Found", detail)


def campaign_values(one: RegisteredCampaign) -> dict[str, Any]:
    """A campaign on record as the API shows it."""
    lacks = missing(one.definition) if is_unfinished(one) else ()
    return {"name": one.name, **msgspec.to_builtins(one), "missing": list(lacks)}


def version_of(one: RegisteredCampaign | WorkspaceSettings) -> dict[str, str]:
    """The header that names the version an edit will be made from."""
    return {"ETag": f'"{one.version}"'}
