"""Bare WSGI that answers the same bytes to everything: what the server alone costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.bench.peers.given import BODY, HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

_HEADERS = [*HEADERS, ("Content-Length", str(len(BODY)))]


def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The WSGI application."""
    start_response("200 OK", _HEADERS)
    return (BODY,)
