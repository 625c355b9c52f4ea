"""The double's calls to an application in this process: the real one, without sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.braze.calls import CallAnswer

if TYPE_CHECKING:
    from flask import Flask

    from app.braze.calls import Fetch, Request


def calls_to(app: Flask) -> Fetch:
    """A fetch that the application answers, whatever host is called."""
    client = app.test_client()

    def fetch(request: Request, /) -> CallAnswer:
        parts = urlsplit(request.url)
        headers = {name: value for name, value in request.headers.items() if name != "Accept-Encoding"}
        response = client.open(f"{parts.path}?{parts.query}", method=request.method, headers=headers)
        return CallAnswer(response.status_code, bytes(response.data))

    return fetch
