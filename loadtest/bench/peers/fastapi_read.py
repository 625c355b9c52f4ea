"""FastAPI and asyncpg that make the service's one round trip, then answer the same bytes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
from fastapi import FastAPI, Response

from loadtest.bench.peers.given import (
    BODY,
    CONNECTIONS,
    DATABASE_URL,
    HEADERS,
    MEMBER_LIST,
    PUBLICATION,
    SESSION,
    no_reset,
    tune_garbage_collection,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HEADERS = dict(HEADERS)
_at_hand: dict[str, Any] = {}


@asynccontextmanager
async def _connected(_app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        DATABASE_URL,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        reset=no_reset,
        server_settings=SESSION,
    ) as pool:
        _at_hand.update(pool=pool, run=tuple((await pool.fetch(PUBLICATION))[0]))
        tune_garbage_collection()
        yield


app = FastAPI(lifespan=_connected, openapi_url=None)


@app.get("/v1/members/{external_id}/recommendations")
async def recommendations(external_id: str) -> Response:
    """Read the member's list."""
    row = await _at_hand["pool"].fetchrow(MEMBER_LIST, _at_hand["run"][1], external_id, "")
    if row is None:
        return Response(status_code=404)
    return Response(BODY, headers=_HEADERS)
