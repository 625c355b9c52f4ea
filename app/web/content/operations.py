"""Routes for operators and machines: health, metrics, and the API's description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app.credentials import Scope
from app.web.auth import authorise
from app.web.content.openapi import document

if TYPE_CHECKING:
    from app.web.content.parts import ContentParts


def operations_blueprint(parts: ContentParts) -> Blueprint:
    """Health is open, metrics need a credential of the scope `metrics`."""
    views = _Views(parts)
    blueprint = Blueprint("operations", __name__)
    blueprint.get("/health/live")(views.live)
    blueprint.get("/health/ready")(views.ready)
    blueprint.get("/metrics")(views.metrics)
    blueprint.get("/openapi.json")(views.openapi)
    return blueprint


class _Views:
    def __init__(self, parts: ContentParts) -> None:
        self._parts = parts
        self._description = msgspec.json.encode(document())

    def live(self) -> Response:
        return _json(b'{"status":"alive"}')

    def ready(self) -> Response:
        able, missing = self._parts.readiness()
        return _json(msgspec.json.encode({"ready": able, "missing": missing}), status=200 if able else 503)

    def metrics(self) -> Response:
        authorise(self._parts.book, Scope.METRICS, self._parts.limits)
        return Response(self._parts.instruments.exposition(), content_type=CONTENT_TYPE_LATEST)

    def openapi(self) -> Response:
        return _json(self._description)


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status=status, mimetype="application/json", headers={"Cache-Control": "no-store"})
