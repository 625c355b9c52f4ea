"""Requests as an attacker, a fuzzer or a mistyped template makes them, each with the exact answer to it."""

from __future__ import annotations

import re
import socket
import time
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from app.recommend.reasons import Reason
from tests.web import expected
from tests.web.board import AWKWARD_ID, SECRETS
from tests.web.expected import answer, invalid
from tests.web.wire import Answer, basic, bearer, exchange, request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.web.gunicorn_server import Server

GOOD = basic("braze")
QUERY = "?campaign=weekly&send=s&limit=1"
RID = re.compile(r"[A-Za-z0-9_-]{16}")

POPULAR: dict[str, Any] = {}
OWN_LIST = {"posting_id": "p-12", "source": "personalized", "reason": Reason.SIMILAR_TO_VIEWED}
SLUG = "must be 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit."
SEND = "send must be 1 to 100 of letters, digits and . _ : - (Braze's dispatch id fits)."
LIMIT = "limit must be a whole number from 1 to 50."
MISSING = "campaign is missing: add ?campaign=NAME, the name that reports will show."


@dataclass(frozen=True, slots=True)
class Row:
    """A request and what must come back; `body` None for none, a dict of `answer`'s options for an answer."""

    name: str
    sent: bytes
    status: int
    headers: Mapping[str, str]
    body: Any = None
    answer: Mapping[str, Any] | None = field(default=None, kw_only=True)


def path(member: str, query: str = QUERY) -> str:
    return f"/v1/members/{member}/recommendations{query}"


def answered(name: str, sent: bytes, options: Mapping[str, Any]) -> Row:
    return Row(name, sent, 200, expected.ANSWER_HEADERS, answer=options)


def refused(name: str, sent: bytes, body: Mapping[str, Any]) -> Row:
    headers = {
        401: expected.CHALLENGE_HEADERS,
        405: expected.METHOD_HEADERS,
    }.get(body["status"], expected.PROBLEM_HEADERS)
    return Row(name, sent, body["status"], headers, body)


def good(target: str, **more: Any) -> bytes:
    return request(target, authorization=GOOD, **more)


def member(name: str, encoded: str, options: Mapping[str, Any]) -> Row:
    return answered(f"member {name}", good(path(encoded)), options)


def bad_member(name: str, encoded: str, detail: str) -> Row:
    return refused(f"member {name}", good(path(encoded)), invalid("external_id", detail))


def query(text: str, parameter: str, detail: str) -> Row:
    return refused(f"query {text[:60]}", good(path("x", "?" + text)), invalid(parameter, detail))


def good_query(text: str) -> Row:
    return answered(f"query {text[:60]}", good(path("x", "?send=s&" + text)), POPULAR)


def auth(name: str, value: str | None, body: Mapping[str, Any]) -> Row:
    return refused(f"authorization {name}", request(path("x"), authorization=value), body)


def good_auth(name: str, value: str) -> Row:
    return answered(f"authorization {name}", request(path("x"), authorization=value), POPULAR)


def hidden(code: str) -> str:
    return f"external_id must be printable characters: this one has U+{code}."


NOT_UTF8 = "external_id must be UTF-8, percent-encoded: this one has other bytes."

MEMBERS = [
    member("unknown", "nobody", POPULAR),
    member("with every awkward character", quote(AWKWARD_ID, safe=""), OWN_LIST),
    member("with slashes left as they are", quote(AWKWARD_ID, safe="/"), OWN_LIST),
    member("two dots", "..", OWN_LIST),
    member("two dots, encoded", "%2e%2E", OWN_LIST),
    member("one dot", ".", POPULAR),
    member("dot segments", "../../metrics/..", POPULAR),
    member("an encoded slash", "%2F", POPULAR),
    member("two slashes", "a//b", POPULAR),
    member("a blank", "%20", POPULAR),
    member("the route's own words", "recommendations/recommendations", POPULAR),
    member("a lone percent sign", "%", POPULAR),
    member("a bad escape", "%zz", POPULAR),
    member("markup", "%3Cscript%3Ealert(1)%3C/script%3E", POPULAR),
    member("SQL", "%27%20OR%201=1;--", POPULAR),
    member("the replacement character itself", "%EF%BF%BD", POPULAR),
    member("200 characters", "a" * 200, POPULAR),
    member("200 characters of 4 bytes each", "%F0%9F%9A%80" * 200, POPULAR),
    bad_member("201 characters", "a" * 201, "external_id has 201 characters: 200 are allowed."),
    bad_member("empty", "", "external_id is empty: the path is /v1/members/{external_id}/recommendations."),
    bad_member("a byte that is no UTF-8", "%FF", NOT_UTF8),
    bad_member("a cut UTF-8 sequence", "a%F0%9F", NOT_UTF8),
    bad_member("an overlong UTF-8 sequence", "%C0%AF", NOT_UTF8),
    bad_member("a surrogate", "%ED%A0%80", NOT_UTF8),
    bad_member("NUL", "a%00b", hidden("0000")),
    bad_member("a line break", "a%0D%0ASet-Cookie:%20a=b", hidden("000D")),
    bad_member("a line break at its end", "a%0A", hidden("000A")),
    bad_member("an escape character", "%1B%5B2J", hidden("001B")),
    bad_member("a right-to-left override", "%E2%80%AEx", hidden("202E")),
    bad_member("a zero-width joiner", "%E2%80%8D", hidden("200D")),
    bad_member("a line separator", "%E2%80%A8", hidden("2028")),
]

QUERIES = [
    query("", "campaign", MISSING),
    query("campaign=", "campaign", MISSING),
    query("campaign", "campaign", MISSING),
    query("Campaign=weekly", "campaign", MISSING),
    query("campaign[]=weekly", "campaign", MISSING),
    query("campaign=Weekly", "campaign", f"campaign {SLUG}"),
    query("campaign=" + "a" * 65, "campaign", f"campaign {SLUG}"),
    query("campaign=-weekly", "campaign", f"campaign {SLUG}"),
    query("campaign=weekly;limit=3", "campaign", f"campaign {SLUG}"),
    query("campaign=%EC%A3%BC%EA%B0%84", "campaign", f"campaign {SLUG}"),
    query("campaign=weekly%0A", "campaign", f"campaign {SLUG}"),
    query("campaign=a%0d%0aSet-Cookie:%20a=b", "campaign", f"campaign {SLUG}"),
    query("campaign=%FF", "campaign", f"campaign {SLUG}"),
    query("campaign=%00", "campaign", f"campaign {SLUG}"),
    query("campaign={{campaign.${name}}}", "campaign", f"campaign {SLUG}"),
    query("campaign=a&campaign=b", "campaign", "campaign is given 2 times: give it once."),
    query("campaign=a&limit=1&limit=1&limit=1", "limit", "limit is given 3 times: give it once."),
    query("campaign=a&limit=0", "limit", LIMIT),
    query("campaign=a&limit=51", "limit", LIMIT),
    query("campaign=a&limit=-1", "limit", LIMIT),
    query("campaign=a&limit=1e3", "limit", LIMIT),
    query("campaign=a&limit=1.0", "limit", LIMIT),
    query("campaign=a&limit=0x10", "limit", LIMIT),
    query("campaign=a&limit=1_0", "limit", LIMIT),
    query("campaign=a&limit=%EF%BC%91%EF%BC%90", "limit", LIMIT),  # full-width digits
    query("campaign=a&limit=+5", "limit", LIMIT),
    query("campaign=a&limit=%2B5", "limit", LIMIT),
    query("campaign=a&limit=%205%20", "limit", LIMIT),
    query("campaign=a&limit=5%0A", "limit", LIMIT),
    query("campaign=a&limit=" + "9" * 1000, "limit", LIMIT),
    query("campaign=a&limit=null", "limit", LIMIT),
    query("campaign=a&variant=B", "variant", f"variant {SLUG}"),
    query("campaign=a&variant=%3Cb%3E", "variant", f"variant {SLUG}"),
    query("campaign=a&variant=a&variant=b", "variant", "variant is given 2 times: give it once."),
    query("campaign=a&lang=fr", "lang", "lang must be one of ko, en."),
    query("campaign=a&lang=KO", "lang", "lang must be one of ko, en."),
    query("campaign=a&lang=ko%00", "lang", "lang must be one of ko, en."),
    query("campaign=a&send=a%20b", "send", SEND),
    query("campaign=a&send=" + "s" * 101, "send", SEND),
    query("campaign=a&send=%F0%9F%9A%80", "send", SEND),
    good_query("campaign=weekly&limit=001"),
    good_query("campaign=weekly&limit=1&variant=&lang="),
    good_query("campaign=weekly&limit=1&LIMIT=0&%FF=%FF&x=1&x=2&=&&"),
    good_query("campaign=weekly&limit=1&junk=" + "x" * 3_800),
    good_query("campaign=weekly&limit=1" + "&k=v" * 90),
    refused(
        "query of 900 parameters",
        good(path("x", "?campaign=weekly" + "&k=v" * 900)),
        expected.problem(
            400,
            "Invalid query",
            "The query has over 100 parameters: this path takes those in /openapi.json.",
        ),
    ),
    good_query("campaign=weekly&limit=1#limit=0"),
]

AUTHORIZATIONS = [
    auth("none", None, expected.NO_CREDENTIAL),
    auth("empty", "", expected.NO_CREDENTIAL),
    auth("Basic and nothing", "Basic", expected.BAD_CREDENTIAL),
    auth("Basic with no Base64", "Basic !!!!", expected.BAD_CREDENTIAL),
    auth("Basic with half Base64", GOOD[:-3], expected.BAD_CREDENTIAL),
    auth("Basic without a colon", "Basic " + b64encode(b"braze").decode(), expected.BAD_CREDENTIAL),
    auth("Basic in Latin-1", "Basic " + b64encode(b"\xff:\xff").decode(), expected.BAD_CREDENTIAL),
    auth("Basic with NUL", basic("braze", "\0"), expected.BAD_CREDENTIAL),
    auth("Basic with an empty secret", basic("braze", ""), expected.BAD_CREDENTIAL),
    auth("Basic with a wrong secret", basic("braze", "wrong"), expected.BAD_CREDENTIAL),
    auth("Basic with another's secret", basic("braze-new", SECRETS["braze"]), expected.BAD_CREDENTIAL),
    auth("Basic with the stored hash", basic("braze", "0" * 64), expected.BAD_CREDENTIAL),
    auth("of a revoked credential", basic("left"), expected.BAD_CREDENTIAL),
    auth("Bearer and nothing", "Bearer", expected.BAD_CREDENTIAL),
    auth("Bearer with a wrong secret", "Bearer wrong", expected.BAD_CREDENTIAL),
    auth("Bearer of a revoked credential", bearer("left"), expected.BAD_CREDENTIAL),
    auth("Bearer in Latin-1", "Bearer \xe9\xff", expected.BAD_CREDENTIAL),
    auth("of an unknown scheme", "Digest username=braze", expected.BAD_CREDENTIAL),
    auth("the secret alone", SECRETS["braze"], expected.BAD_CREDENTIAL),
    auth("two in one header", f"{GOOD}, {GOOD}", expected.BAD_CREDENTIAL),
    auth("8,000 characters long", "Bearer " + "x" * 8_000, expected.BAD_CREDENTIAL),
    auth("for metrics", basic("prometheus"), expected.wrong_scope("metrics", "content")),
    auth("for operators", bearer("operator kim"), expected.wrong_scope("operator", "content")),
    refused(
        "authorization in two headers",
        request(path("x"), authorization=GOOD, headers=(f"Authorization: {GOOD}",)),
        expected.BAD_CREDENTIAL,
    ),
    refused(
        "a mistake in the query without a credential", request(path("x", "?limit=0")), expected.NO_CREDENTIAL
    ),
    good_auth("Basic, in lower case", GOOD.replace("Basic", "basic")),
    good_auth("Bearer", bearer("braze")),
    good_auth("Bearer, spelt oddly, with blanks", "bEaReR   " + SECRETS["braze"] + "  "),
    good_auth("of the second of two credentials alive", basic("braze-new")),
]

METHODS = [
    Row("method HEAD", good(path("nobody"), method="HEAD"), 200, expected.ANSWER_HEADERS),
    Row(
        "method HEAD without a credential",
        request(path("x"), method="HEAD"),
        401,
        expected.CHALLENGE_HEADERS,
    ),
    Row("method HEAD with a bad query", good(path("x", ""), method="HEAD"), 400, expected.PROBLEM_HEADERS),
    *(
        refused(f"method {method}", good(path("x"), method=method), expected.NOT_ALLOWED)
        for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "FOO")
    ),
    refused("method POST without a credential", request(path("x"), method="POST"), expected.NOT_ALLOWED),
    refused("method POST to nothing", good("/nothing", method="POST"), expected.NOT_FOUND),
]

BODIES = [
    answered("a body", good(path("x"), headers=("Content-Length: 5",), body=b"limit"), POPULAR),
    answered(
        "a body of 1 MB that never comes", good(path("x"), headers=("Content-Length: 999999",)), POPULAR
    ),
    answered(
        "a form",
        good(
            path("x"),
            headers=("Content-Type: application/x-www-form-urlencoded", "Content-Length: 7"),
            body=b"limit=0",
        ),
        POPULAR,
    ),
    answered(
        "chunks of garbage",
        good(path("x"), headers=("Transfer-Encoding: chunked",), body=b"zz\r\nhello\r\n0\r\n\r\n"),
        POPULAR,
    ),
    answered("two slashes to begin with", good("/" + path("x")), POPULAR),
    answered("another host in the target", good("http://evil.example" + path("x")), POPULAR),
    answered(
        "headers that name another path", good(path("x"), headers=("X-Rewrite-URL: /metrics",)), POPULAR
    ),
    answered(
        "headers that name another method",
        good(path("x"), headers=("X-HTTP-Method-Override: POST",)),
        POPULAR,
    ),
    answered(
        "a wish for HTML", good(path("x"), headers=("Accept: text/html", "Accept-Language: fr")), POPULAR
    ),
    answered(
        "an old validator", good(path("x"), headers=('If-None-Match: "*"', "Range: bytes=0-1")), POPULAR
    ),
]

PATHS = [
    refused(f"path {target}", good(target), expected.NOT_FOUND)
    for target in (
        "/",
        "/v1",
        "/v1/members/x",
        "/v1/members/x/recommendations/?campaign=weekly",
        "/V1/members/x/recommendations?campaign=weekly",
        "/v1//members/x/recommendations?campaign=weekly",
        "//evil.example/",
        "/metrics/",
        "/static/../settings.py",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/health/live%00",
        "/%FF",
    )
]

ROWS = [*MEMBERS, *QUERIES, *AUTHORIZATIONS, *METHODS, *BODIES, *PATHS]


def exchange_patiently(port: int, row: Row) -> Answer:
    """Wrong credentials are slowed down after some in a second, with 429: then wait for the next."""
    give_up_s = time.monotonic() + 10
    while (
        (got := exchange(port, row.sent)).status == 429 and row.status == 401 and time.monotonic() < give_up_s
    ):
        assert got.headers["retry-after"] == "1"
        time.sleep(0.2)
    return got


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_hostile_request_gets_exactly_this(server: Server, row: Row) -> None:
    got = exchange_patiently(server.port, row)
    unimportant = {"server", "date", "connection", "content-length", "server-timing"}
    assert got.status == row.status
    assert {name: value for name, value in got.headers.items() if name not in unimportant} == row.headers
    if row.answer is not None:
        rid = got.json()["recommendation_id"]
        assert RID.fullmatch(rid)
        assert got.json() == answer(rid, **row.answer)
    elif row.body is None:
        assert got.body == b""
    else:
        assert got.json() == row.body


# What gunicorn cannot read never reaches the service: it answers itself, in HTML, and hangs up.
UNREADABLE = {
    "an id of 8 KB": (good(path("a" * 8_192)), 414),
    "a raw byte in the path": (request(b"/v1/members/\xff/recommendations?campaign=weekly"), 400),
    "raw UTF-8 in the path": (request("/v1/members/회원/recommendations?campaign=weekly".encode()), 400),
    "a raw NUL in the path": (request(b"/v1/members/a\0b/recommendations?campaign=weekly"), 400),
    "a raw blank in the path": (good(path("a b")), 400),
    "a method in lower case": (good(path("x"), method="get"), 400),
    "an Authorization of 9,000 characters": (request(path("x"), authorization="Bearer " + "x" * 9_000), 431),
    "60 headers": (good(path("x"), headers=tuple(f"X-{n}: 1" for n in range(60))), 431),
    "a header's name with a blank": (good(path("x"), headers=("Bad Header: 1",)), 400),
    "a header folded over two lines": (good(path("x"), headers=("X: a\r\n b",)), 400),
    "a NUL in a header": (good(path("x"), headers=("X: a\0b",)), 400),
    "two hosts": (good(path("x"), headers=("Host: two",)), 400),
    "a negative length": (good(path("x"), headers=("Content-Length: -1",)), 400),
    "a length and chunks": (
        good(path("x"), headers=("Content-Length: 3", "Transfer-Encoding: chunked"), body=b"0\r\n\r\n"),
        400,
    ),
    "an unknown expectation": (good(path("x"), headers=("Expect: tea",)), 417),
    "a version from the future": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    "the start of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "half a request line": (b"GET\r\n\r\n", 400),
}


@pytest.mark.parametrize(("sent", "status"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_http_is_refused_by_gunicorn_itself(server: Server, sent: bytes, status: int) -> None:
    got = exchange(server.port, sent)
    assert (got.status, got.headers["content-type"], got.headers["connection"]) == (
        status,
        "text/html",
        "close",
    )
    assert b"Traceback" not in got.body


def test_an_id_means_the_same_however_it_is_encoded(server: Server) -> None:
    encoded = quote(AWKWARD_ID, safe="")
    lower = re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), encoded)
    spellings = [encoded, lower, quote(AWKWARD_ID, safe="/")]
    assert len({exchange(server.port, good(path(spelling))).body for spelling in spellings}) == 1
    others = [
        AWKWARD_ID,
        AWKWARD_ID.replace("//", "/"),
        AWKWARD_ID.replace("%2F", "/"),
        "a",
        "A",
        "e\u0301",
        "é",
    ]
    rids = {
        exchange(server.port, good(path(quote(other, safe="")))).json()["recommendation_id"]
        for other in others
    }
    assert len(rids) == len(others)


def test_head_has_the_headers_of_get_and_no_body(server: Server) -> None:
    get, head = (exchange(server.port, good(path("nobody"), method=method)) for method in ("GET", "HEAD"))
    assert head.body == b""
    changing = {"date": "", "server-timing": ""}
    assert head.headers | changing == get.headers | changing
    assert int(head.headers["content-length"]) == len(get.body)


def test_options_names_the_methods_without_a_credential_and_says_nothing(server: Server) -> None:
    got = exchange(server.port, request(path("x"), method="OPTIONS"))
    assert (got.status, got.body) == (200, b"")
    assert set(got.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert "content-type" not in got.headers


def test_a_connection_goes_on_after_a_refused_request(server: Server) -> None:
    first = request(path("x", "?limit=0"), authorization=GOOD).replace(b"Connection: close\r\n", b"")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(first + good(path("x")))
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"400", b"200"]


def test_a_hundred_hostile_requests_later_the_log_has_no_stack_trace_and_no_secret(server: Server) -> None:
    for row in ROWS:
        exchange(server.port, row.sent)
    for sent, _ in UNREADABLE.values():
        exchange(server.port, sent)
    log = server.log.read_text(errors="replace")
    assert "Traceback" not in log
    assert not [secret for secret in SECRETS.values() if secret in log]
    assert exchange(server.port, good(path("x"))).status == 200
