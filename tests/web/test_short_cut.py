"""The short cut past Flask's request machinery answers every request as Flask itself does."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.web.content.api import member_asked_for
from tests.web.board import AWKWARD_ID
from tests.web.wire import basic, bearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.web.service import Service

GOOD = "campaign=weekly&send=s"
PATH = "/v1/members/m-list/recommendations"

SEGMENTS = st.sampled_from(
    ["v1", "members", "recommendations", "m-list", "nobody", "", ".", "..", "health", "live", "metrics"]
) | st.text(max_size=8)
PATHS = (
    st.lists(SEGMENTS, max_size=8).map("/".join).map(lambda path: "/" + path)
    | (st.text(max_size=30) | st.just(AWKWARD_ID)).map(lambda member: f"/v1/members/{member}/recommendations")
    | st.text(max_size=30)
)
QUERIES = (
    st.just(GOOD) | st.sampled_from(["", "campaign=weekly&limit=3", "campaign=A"]) | st.text(max_size=30)
)
CREDENTIALS = st.sampled_from(
    [basic("braze"), bearer("braze"), basic("prometheus"), basic("braze", "wrong"), "Basic", "", None]
)
METHODS = st.just("GET") | st.sampled_from(["HEAD", "OPTIONS", "POST", "get", "FOO", ""])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "HTTP_HOST": st.sampled_from(["jobs.example", "a b", "é", "[::1", "", ":1", "x:99999"])
        | st.text(max_size=9),
        "HTTP_UPGRADE": st.sampled_from(["websocket", "h2c", ""]),
        "HTTP_CONNECTION": st.sampled_from(["Upgrade", "close", "keep-alive, upgrade"]),
        "HTTP_X_REQUEST_START": st.sampled_from(["t=1", "t=nan", "x", "1736910000.0"]),
        "CONTENT_LENGTH": st.sampled_from(["0", "5", "99999999", "x", "-1"]),
        "CONTENT_TYPE": st.sampled_from(["application/json", "x"]),
        "HTTP_TRANSFER_ENCODING": st.just("chunked"),
        "SCRIPT_NAME": st.sampled_from(["", "/under"]),
        "wsgi.url_scheme": st.sampled_from(["http", "https"]),
    },
)


def environ(
    method: str, path: str, query: str, credential: str | None, headers: dict[str, str]
) -> dict[str, Any]:
    """A request as a WSGI server hands it over: text is bytes as Latin-1."""
    given = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode(errors="replace").decode("latin-1"),
        "QUERY_STRING": query.encode(errors="replace").decode("latin-1"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(b"limit=0"),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    return given | ({"HTTP_AUTHORIZATION": credential} if credential is not None else {}) | headers


def said(call: Callable[..., Any], request: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers (how long it took aside) and body."""
    heard: list[tuple[str, list[tuple[str, str]]]] = []
    answer = call(request, lambda status, headers, _error=None: heard.append((status, headers)))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    ((status, headers),) = heard
    return status, sorted((name, re.sub(r"answer;dur=[0-9.]+", "", value)) for name, value in headers), body


def by_both(reader: Service, request: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]], bytes]]:
    """What the application says, and what Flask itself says."""
    ways = (reader.app, lambda *arguments: Flask.wsgi_app(reader.app, *arguments))
    return [said(way, dict(request)) for way in ways]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=METHODS, path=PATHS, query=QUERIES, credential=CREDENTIALS, headers=HEADERS)
@example(method="GET", path=PATH, query=GOOD, credential=basic("braze"), headers={})
@example(
    method="GET",
    path=PATH,
    query=GOOD,
    credential=basic("braze"),
    headers={"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade"},
)
@example(method="GET", path="/v1/members/recommendations", query=GOOD, credential=basic("braze"), headers={})
@example(method="GET", path="/v1/members//recommendations", query=GOOD, credential=basic("braze"), headers={})
@example(method="GET", path="/" + PATH, query=GOOD, credential=basic("braze"), headers={})
@example(method="GET", path=PATH + "/", query=GOOD, credential=basic("braze"), headers={})
@example(method="GET", path=PATH * 3, query=GOOD, credential=basic("braze"), headers={})
@example(
    method="GET", path="/v1/members/é\n/recommendations", query=GOOD, credential=basic("braze"), headers={}
)
def test_every_request_is_answered_as_flask_answers_it(
    reader: Service, method: str, path: str, query: str, credential: str | None, headers: dict[str, str]
) -> None:
    ours, flasks = by_both(reader, environ(method, path, query, credential, headers))
    assert ours == flasks


@pytest.mark.parametrize(
    ("query", "credential", "status"),
    [
        (GOOD, basic("braze"), "200 OK"),
        ("campaign=A", basic("braze"), "400 BAD REQUEST"),
        (GOOD, None, "401 UNAUTHORIZED"),
        (GOOD, basic("prometheus"), "403 FORBIDDEN"),
    ],
)
def test_what_comes_by_the_short_cut_is_answered_so(
    reader: Service, query: str, credential: str | None, status: str
) -> None:
    request = environ("GET", PATH, query, credential, {})
    assert member_asked_for(request) == "m-list"
    ours, flasks = by_both(reader, request)
    assert (ours[0], ours) == (status, flasks)


def test_what_nobody_foresaw_is_a_problem_object_on_the_short_cut_too(
    reader: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_now: object) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(reader.publications, "in_force", fail)
    ours, flasks = by_both(reader, environ("GET", PATH, GOOD, basic("braze"), {}))
    assert (ours[0], ours) == ("500 INTERNAL SERVER ERROR", flasks)
