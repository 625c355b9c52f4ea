"""Errors as callers see them: RFC 9457 problem objects, and the one table from exceptions to statuses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.telemetry import LogField
from app.web.observability.logs import request_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger("connected_jobs.web")

_DETAILS = {
    404: "There is nothing at this path; the API is described at /openapi.json.",
    405: "This path does not take that method; the Allow header names those it takes.",
    413: "The request is larger than this service reads.",
    414: "The URL is longer than this service reads.",
    500: "The service failed to answer this call; the failure is logged.",
}


class CallerError(Exception):
    """A call that cannot be answered as it was made.

    Args:
        status: The HTTP status.
        title: The kind of mistake, always in the same words.
        detail: What is wrong in this call and how to correct it.
        parameter: The parameter at fault, if one is.
        headers: Headers the status calls for.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        parameter: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.parameter = parameter
        self.headers = headers or {}


def invalid(parameter: str, detail: str) -> CallerError:
    """The error for a parameter that is not valid."""
    return CallerError(400, "Invalid parameter", detail, parameter=parameter)


def register(app: Flask, on_error: Callable[[int], None]) -> None:
    """Answer every error with a problem object; `on_error` is called with each status."""

    def caller_error(error: CallerError) -> Response:
        on_error(error.status)
        return _problem(error.status, error.title, error.detail, error.parameter, error.headers)

    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        on_error(status)
        headers = {}
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return _problem(
            status, error.name, _DETAILS.get(status, error.description or error.name), None, headers
        )

    def unexpected(error: Exception) -> Response:
        facts: dict[str, object] = {
            LogField.REQUEST_ID: request_id(request.environ),
            LogField.PATH: request.path,
        }
        _log.exception("unexpected failure", exc_info=error, extra=facts)
        on_error(500)
        return _problem(500, "Internal Server Error", _DETAILS[500], None, {})

    app.register_error_handler(CallerError, caller_error)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, unexpected)


def _problem(
    status: int, title: str, detail: str, parameter: str | None, headers: Mapping[str, str]
) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if parameter is not None:
        body["parameter"] = parameter
    response = Response(msgspec.json.encode(body), status=status, mimetype="application/problem+json")
    response.headers.update(headers)
    response.headers["Cache-Control"] = "no-store"
    return response
