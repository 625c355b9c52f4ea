"""Bare Flask that makes the service's one round trip with psycopg, then answers the same bytes."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
from flask import Flask, Response

from loadtest.bench.peers.given import BODY, DATABASE_URL, HEADERS, MEMBER_LIST, PLANS, PUBLICATION

_local = threading.local()
app = Flask("app", static_folder=None)


@app.get("/v1/members/<external_id>/recommendations")
def recommendations(external_id: str) -> Response:
    """Read the member's list."""
    cursor: psycopg.RawCursor[Any] = getattr(_local, "cursor", None) or _connect()
    row = cursor.execute(MEMBER_LIST, (_local.run[1], external_id, "")).fetchone()
    if row is None:
        return Response(status=404)
    return Response(BODY, headers=HEADERS)


def _connect() -> psycopg.RawCursor[Any]:
    """A connection for this thread alone, and its one cursor; psycopg prepares what it runs five times."""
    connection = psycopg.connect(DATABASE_URL, autocommit=True)
    connection.execute(f"SET plan_cache_mode = {PLANS}")
    _local.run = connection.execute(PUBLICATION).fetchone()
    _local.cursor = psycopg.RawCursor(connection)
    return _local.cursor  # type: ignore[no-any-return] # threading.local has no types
