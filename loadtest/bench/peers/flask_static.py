"""Bare Flask that answers the same bytes to every question."""

from __future__ import annotations

from flask import Flask, Response

from loadtest.bench.peers.given import BODY, HEADERS

app = Flask("app", static_folder=None)


@app.get("/v1/members/<external_id>/recommendations")
def recommendations(external_id: str) -> Response:  # noqa: ARG001 - the route has it
    """Answer without looking."""
    return Response(BODY, headers=HEADERS)
