"""Who is calling: HTTP Basic or Bearer, and the scope a route asks for."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from flask import request

from app.web.problems import CallerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.credentials import Credential, CredentialBook, Role, Scope
    from app.web.limits import CallLimits

RETRY_AFTER_S = "10"  # credentials are read again every 10 s
_CHALLENGE = {
    "WWW-Authenticate": 'Basic realm="connected-jobs", charset="UTF-8", Bearer realm="connected-jobs"'
}


def authorise(
    book: CredentialBook, scope: Scope, limits: CallLimits, *, role: Role | None = None
) -> Credential:
    """The credential of Flask's current request; raises as `authenticate` does, and 403 without the role."""
    credential = authenticate(request.environ, book, scope, limits)
    if role is not None and not credential.role.may(role):
        raise CallerError(
            403,
            "Forbidden",
            f"This credential has the role {credential.role}; this needs {role}: ask who administers the planner.",
        )
    return credential


def authenticate(
    environ: Mapping[str, Any], book: CredentialBook, scope: Scope, limits: CallLimits
) -> Credential:
    """The caller's credential.

    Raises:
        CallerError: 401 without a valid credential, 403 with one of another scope, 429 after too many wrong ones, 503
            while no credentials were read yet: Braze retries after a 503 and not after a 401.
    """
    header: str = environ.get("HTTP_AUTHORIZATION", "")
    credential = _credential(book, header)
    if credential is None and not book.loaded:
        detail = "The service has just started and could not read its credentials yet: try again."
        raise CallerError(503, "Service Unavailable", detail, headers={"Retry-After": RETRY_AFTER_S})
    if credential is None and header and not limits.count_wrong_credential():
        detail = "Too many wrong credentials were tried: wait a second."
        raise CallerError(429, "Too Many Requests", detail, headers={"Retry-After": "1"})
    if credential is None:
        detail = (
            "The credential is not valid here: check the name and secret, or whether it was revoked."
            if header
            else "Send a credential: HTTP Basic with its name and secret, or Authorization: Bearer with the secret."
        )
        raise CallerError(401, "Unauthorized", detail, headers=_CHALLENGE)
    if credential.scope is not scope:
        raise CallerError(
            403, "Forbidden", f"This credential has the scope {credential.scope}; this path needs {scope}."
        )
    return credential


def _credential(book: CredentialBook, header: str) -> Credential | None:
    scheme, _, rest = header.partition(" ")
    scheme = scheme.lower()
    if scheme == "bearer":
        return book.check(rest.strip())
    if scheme == "basic":
        try:
            name, colon, secret = b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return book.check(secret, name=name) if colon else None
    return None
