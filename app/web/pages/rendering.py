"""From a template to a response."""

from __future__ import annotations

from typing import Any

from flask import Response, render_template, request


def page(template: str, /, *, status: int = 200, **values: Any) -> Response:
    """A template of ours as HTML."""
    return Response(render_template(f"pages/{template}", **values), status=status, mimetype="text/html")


def is_fragment() -> bool:
    """Whether our script asks, for a part of a page to put in the place of the one that is there."""
    return request.headers.get("X-Fragment") == "1"
