"""Who is signed in: an operator's credential once, then a signed cookie that ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from flask import current_app, request, session

from app.serving.credentials import Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from werkzeug.datastructures import MultiDict

    from app.serving.credentials import Credential, CredentialBook
    from app.web.limits import CallLimits

LONGEST_RETURN = 4_000  # characters of a path to go back to: a whole form fits
_NEVER_KEPT = frozenset({"csrf_token", "secret"})


class SignInError(Exception):
    """Nobody was signed in; `reason` is `wrong`, `scope`, `too_many` or `not_ready`."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Signs operators in and out, and knows who is in."""

    book: CredentialBook
    limits: CallLimits
    clock: Callable[[], datetime]

    def sign_in(self, name: str, secret: str) -> None:
        """Begin a session for an operator's credential; raises SignInError."""
        if not self.book.loaded:
            raise SignInError("not_ready", 503)
        credential = self.book.check(secret, name=name)
        if credential is None:
            may_try = self.limits.unknown_may_try()
            raise SignInError("wrong", 401) if may_try else SignInError("too_many", 429)
        if credential.scope is not Scope.OPERATOR:
            raise SignInError("scope", 403)
        language = session.get("language")
        session.clear()
        session.permanent = True
        session["operator"] = credential.name
        session["key"] = _key(credential)
        session["until"] = (self.clock() + current_app.permanent_session_lifetime).timestamp()
        if language:
            session["language"] = language

    def operator(self) -> str | None:
        """The name of who is signed in, None where nobody is: the time is over, or the credential was revoked."""
        name, until = session.get("operator"), session.get("until", 0.0)
        if not isinstance(name, str) or self.clock().timestamp() >= until:
            return None
        alive = any(_key(known) == session.get("key") for known in self._operators())
        return name if alive else None

    def _operators(self) -> list[Credential]:
        return [known for known in self.book.all() if known.scope is Scope.OPERATOR]


def sign_out() -> None:
    """End the session; the language stays."""
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language


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


def _key(credential: Credential) -> str:
    """What ties a session to one credential: with its revocation the session ends, whatever the next is called."""
    return sha256(b"session:" + credential.secret_hash).hexdigest()[:32]
