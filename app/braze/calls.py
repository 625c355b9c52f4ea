"""Connected Content calls: what Braze sends, which answers it accepts, and what a template gets of them.

An answer is usable only if its status is 2xx, it comes within 2 s and has at most 1 MB; redirects are not followed.
Otherwise the variable is nil, and the message is sent nevertheless, unless the template aborts or asks for retries.

Source: https://www.braze.com/docs/user_guide/personalization_and_dynamic_content/connected_content/making_an_api_call
"""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from app.braze.errors import TemplateError

CUT_OFF_S = 2.0
MAX_BYTES = 1024 * 1024
MAX_JSON_DEPTH = 100
STATUS_KEY = "__http_status_code__"

_HTTP_PORTS = (None, 80, 443)
_OK = range(200, 300)
_REDIRECT = range(300, 400)


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential stored in Braze: `:basic_auth` sends name and secret, `:auth_credentials` the secret as a Bearer token."""

    name: str
    secret: str = field(repr=False)

    def basic(self) -> str:
        """Return the Authorization header of `:basic_auth`."""
        return "Basic " + b64encode(f"{self.name}:{self.secret}".encode()).decode()

    def bearer(self) -> str:
        """Return the Authorization header of `:auth_credentials`."""
        return f"Bearer {self.secret}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """An HTTP request, without Host and Content-Length."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """A status and the decompressed body; a fetch may stop after MAX_BYTES + 1 bytes."""

    status: int
    body: bytes


class FetchError(Exception):  # it is an outcome a fetch reports, and reads as one
    """No answer came; the message says why."""


class Fetch(Protocol):
    """Performs one request within CUT_OFF_S, follows no redirect, raises FetchError without an answer."""

    def __call__(self, request: Request, /) -> CallAnswer:
        """Return the answer, whatever its status."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call and its outcome; `failure` is None where the template could use the answer.

    `cacheable_s` is how long Braze may answer the same URL from its cache; a preview never does.
    """

    method: str
    url: str
    status: int | None
    duration_s: float
    size_bytes: int
    failure: str | None
    cacheable_s: int | None


def build_request(
    *,
    url: str,
    method: str,
    headers: Mapping[str, str],
    body: str | None,
    content_type: str | None,
    authorization: str | None,
    base_url: str | None,
) -> Request:
    """Return the request that Braze makes for a tag whose Liquid is rendered.

    With `base_url` the call goes there instead of to the template's scheme and host. So a template made for production can
    be previewed against any running service, and no credential is sent to another host.
    """
    parts = _parse_url(url.replace("\u00a0", ""))
    sent = _headers(method, content_type) | {_canonical(name): value for name, value in headers.items()}
    sent["X-Braze-Sender-Version"] = "preview"
    if authorization or parts.username:
        sent["Authorization"] = authorization or _basic_authorization(parts)
    return Request(
        method=method,
        url=_target(parts, base_url),
        headers=sent,
        body=_body(body, sent["Content-Type"], asked=content_type),
    )


def _parse_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TemplateError(f"connected_content can't read the URL '{url}': {error}.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise TemplateError(
            f"connected_content needs a URL that starts with https:// and a host, not '{url}'."
        )
    if port not in _HTTP_PORTS:
        raise TemplateError(f"connected_content can't call port {port}; Braze reaches ports 80 and 443 only.")
    return parts


def _headers(method: str, content_type: str | None) -> dict[str, str]:
    default = "application/x-www-form-urlencoded" if method == "POST" else "application/json"
    return {
        "User-Agent": "Braze Sender 7c1d0f5e",
        "Accept-Encoding": "gzip",
        "Accept": content_type or "*/*",
        "Content-Type": content_type or default,
    }


def _canonical(name: str) -> str:
    return "-".join(word.capitalize() for word in name.split("-"))


def _basic_authorization(parts: SplitResult) -> str:
    return StoredCredential(unquote(parts.username or ""), unquote(parts.password or "")).basic()


def _target(parts: SplitResult, base_url: str | None) -> str:
    host = parts.netloc.rpartition("@")[2]
    if base_url is None:
        return parts._replace(netloc=host, fragment="").geturl()
    base = urlsplit(base_url)
    path = base.path.rstrip("/") + parts.path
    return parts._replace(scheme=base.scheme, netloc=base.netloc, path=path, fragment="").geturl()


def _body(body: str | None, content_type: str, *, asked: str | None) -> bytes | None:
    """Encode the body; with `:content_type application/json`, `k=v&k2=v2` becomes JSON, as in Braze."""
    if body is None:
        return None
    if asked and content_type.startswith("application/json") and not _is_json(body):
        body = json.dumps(dict(parse_qsl(body, keep_blank_values=True)), ensure_ascii=False)
    return body.encode()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def perform(
    request: Request,
    *,
    fetch: Fetch,
    clock: Callable[[], float] = time.monotonic,
    cacheable_s: int | None = None,
) -> tuple[Call, CallAnswer | None]:
    """Make one call; the answer is None where Braze would give the template nil."""
    started_s = clock()
    answer, failure = _attempt(request, fetch)
    duration_s = clock() - started_s
    if answer is not None:
        failure = _unusable_because(answer, duration_s)
    call = Call(
        method=request.method,
        url=request.url,
        status=answer.status if answer else None,
        duration_s=duration_s,
        size_bytes=len(answer.body) if answer else 0,
        failure=failure,
        cacheable_s=cacheable_s,
    )
    return call, answer if failure is None else None


def _attempt(request: Request, fetch: Fetch) -> tuple[CallAnswer | None, str | None]:
    if not request.url.isascii() or any(character <= " " for character in request.url):
        return None, "the URL holds characters no URL may hold; print values through | url_param_escape"
    try:
        return fetch(request), None
    except FetchError as error:
        return None, str(error)


def _unusable_because(answer: CallAnswer, duration_s: float) -> str | None:
    if answer.status in _REDIRECT:
        return f"redirect {answer.status}, which Braze does not follow"
    if answer.status not in _OK:
        return f"status {answer.status}"
    if duration_s >= CUT_OFF_S:
        return f"no complete answer within {CUT_OFF_S:g} s"
    if len(answer.body) > MAX_BYTES:
        return f"answer over {MAX_BYTES} bytes"
    return None


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """A JSON answer; its value is assigned to the template's variable."""

    value: object


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """An answer that is not JSON; it replaces the tag in the mail."""

    text: str


def read_answer(text: str, status: int) -> JsonAnswer | TextAnswer:
    """Return what a template gets of a usable answer; only an object gets the status added.

    JSON is what Ruby's parser accepts: bare numbers and strings, but neither NaN nor Infinity nor nesting deeper than 100.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
        _check_depth(value, MAX_JSON_DEPTH)
    except (ValueError, RecursionError):
        return TextAnswer(text)
    return JsonAnswer(value | {STATUS_KEY: status} if isinstance(value, dict) else value)


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _check_depth(value: object, left: int) -> None:
    if isinstance(value, str):
        value.encode()  # raises for half a surrogate pair, which Ruby does not accept either
    if isinstance(value, dict | list):
        if not left:
            raise ValueError
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_depth(item, left - 1)
