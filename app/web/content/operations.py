"""What operators and machines ask of a running service: health, metrics, and the API's description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.credentials import Scope
from app.web.auth import authorise
from app.web.content.openapi import document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.credentials import CredentialBook
    from app.web.limits import CallLimits
    from app.web.observability.metrics import Instruments


def operations_blueprint(
    book: CredentialBook,
    limits: CallLimits,
    instruments: Instruments,
    *,
    readiness: Callable[[], tuple[bool, Sequence[str]]],
) -> Blueprint:
    """Health is open, metrics need a credential of the scope `metrics`."""
    blueprint = Blueprint("operations", __name__)
    description = msgspec.json.encode(document())

    @blueprint.get("/health/live")
    def live() -> Response:
        return _json(b'{"status":"alive"}')

    @blueprint.get("/health/ready")
    def ready() -> Response:
        able, missing = readiness()
        return _json(msgspec.json.encode({"ready": able, "missing": missing}), status=200 if able else 503)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        authorise(book, Scope.METRICS, limits)
        return Response(instruments.exposition(), content_type=CONTENT_TYPE_LATEST)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return _json(description)

    return blueprint


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status=status, mimetype="application/json", headers={"Cache-Control": "no-store"})
