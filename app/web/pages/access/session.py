"""Who is signed in: an operator's credential once, then a signed cookie that names a session kept on the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode, urlsplit

from flask import current_app, request, session

from app.credentials import Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from werkzeug.datastructures import MultiDict

    from app.credentials import CredentialBook, Operator
    from app.web.limits import CallLimits

LONGEST_RETURN = 4_000  # characters of a path to go back to: a whole form fits
_NEVER_KEPT = frozenset({"csrf_token", "secret"})


class SignInError(Exception):
    """Nobody was signed in; `reason` is `wrong`, `scope`, `too_many` or `not_ready`."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Sessions(Protocol):
    """Where sessions are kept, so that they end for every copy of a cookie; may raise `RegisterUnavailableError`."""

    def begin(self, secret_hash: bytes, lifetime: timedelta) -> str:
        """Begin a session of a credential; returns its id."""

    def operator(self, session_id: str) -> Operator | None:
        """Whose session it is, None for one that has ended."""

    def end(self, session_id: str) -> None:
        """End a session."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Signs operators in and out, and knows who is in."""

    book: CredentialBook
    limits: CallLimits
    clock: Callable[[], datetime]
    sessions: Sessions

    def sign_in(self, name: str, secret: str) -> None:
        """Begin a session for an operator's credential, and end the one that was open here; raises SignInError."""
        if not self.book.loaded:
            raise SignInError("not_ready", 503)
        credential = self.book.check(secret, name=name)
        if credential is None:
            may_try = self.limits.count_wrong_credential()
            raise SignInError("wrong", 401) if may_try else SignInError("too_many", 429)
        if credential.scope is not Scope.OPERATOR:
            raise SignInError("scope", 403)
        lifetime = current_app.permanent_session_lifetime
        begun = self.sessions.begin(credential.secret_hash, lifetime)
        self.sign_out()
        session.permanent = True
        session["id"] = begun
        session["until"] = (self.clock() + lifetime).timestamp()

    def operator(self) -> Operator | None:
        """Who is signed in, None where nobody is.

        A session ends with its time, by signing out wherever its cookie was copied to, and with its credential.
        """
        session_id, until = session.get("id"), session.get("until", 0.0)
        if not isinstance(session_id, str) or self.clock().timestamp() >= until:
            return None
        return self.sessions.operator(session_id)

    def sign_out(self) -> None:
        """End the session, here and on the server; the language stays."""
        session_id, language = session.get("id"), session.get("language")
        session.clear()
        if language:
            session["language"] = language
        if isinstance(session_id, str):
            self.sessions.end(session_id)


def way_back() -> str:
    """The path of this request with all that was typed into it, to come back to after signing in."""
    if request.method in {"GET", "HEAD"}:
        path = request.full_path.rstrip("?")
        return path if len(path) <= LONGEST_RETURN else request.path
    return with_typed(request.path, request.form)


def with_typed(path: str, form: MultiDict[str, str]) -> str:
    """A path that shows a form as it was typed, its secrets left out."""
    typed = urlencode([(name, value) for name, value in form.items(multi=True) if name not in _NEVER_KEPT])
    whole = f"{path}?{typed}" if typed else path
    return whole if len(whole) <= LONGEST_RETURN else path


def own_path(target: str | None) -> str:
    """A path to go to that lies on this host; the first page for anything else."""
    parts = urlsplit((target or "").replace("\\", "/"))
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith("/") and "//" not in parts.path
    return f"{parts.path}?{parts.query}" if is_ours and parts.query else parts.path if is_ours else "/"
