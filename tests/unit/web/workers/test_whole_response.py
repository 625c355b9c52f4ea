"""Answers are the bytes that gunicorn would write, in one piece where that is possible."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, cast

import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser, wsgi
from hypothesis import given
from hypothesis import strategies as st

from app.web.workers.whole_response import WholeResponse

if TYPE_CHECKING:
    from socket import socket

GET = b"GET /v1/members/m-1/recommendations HTTP/1.1\r\nHost: here\r\n\r\n"
STATUSES = (
    "200 OK",
    "204 No Content",
    "206 Partial Content",
    "304 Not Modified",
    "404 Not Found",
    "500 Oops",
)


class Line:
    """A connection that takes so many writes before it breaks, and remembers them."""

    def __init__(self, breaks_after: int = 100) -> None:
        self.writes: list[bytes] = []
        self._breaks_after = breaks_after

    def sendall(self, data: bytes) -> None:
        if len(self.writes) == self._breaks_after:
            raise BrokenPipeError
        self.writes.append(data)


def answered(
    made: type[wsgi.Response],
    request: bytes,
    status: str,
    pieces: list[bytes],
    length: int | None,
    line: Line | None = None,
) -> Line:
    """What a connection is written for such an answer, without the date."""
    line = line or Line()
    parsed = next(iter(get_parser(Config(), [request], ("127.0.0.1", 1))))
    response = made(parsed, cast("socket", line), Config())
    headers = [("Content-Type", "application/json"), ("X-Odd", "\xe9 b")]
    response.start_response(
        status, [*headers, *([("Content-Length", str(length))] if length is not None else [])]
    )
    for piece in pieces:
        response.write(piece)
    response.close()
    return line


def test_a_whole_answer_leaves_in_one_write() -> None:
    line = answered(WholeResponse, GET, "200 OK", [b"{}"], 2)
    assert len(line.writes) == 1
    assert line.writes[0].endswith(b"\r\n\r\n{}")


@given(
    method=st.sampled_from((b"GET", b"HEAD", b"POST", b"OPTIONS")),
    version=st.sampled_from((b"HTTP/1.0", b"HTTP/1.1")),
    kept=st.sampled_from((b"", b"Connection: close\r\n", b"Connection: keep-alive\r\n")),
    status=st.sampled_from(STATUSES),
    pieces=st.lists(st.binary(max_size=20), max_size=3),
    length=st.none() | st.integers(0, 40),
)
def test_every_answer_is_the_bytes_that_gunicorn_writes(
    method: bytes, version: bytes, kept: bytes, status: str, pieces: list[bytes], length: int | None
) -> None:
    request = (
        GET.replace(b"GET", method)
        .replace(b"HTTP/1.1", version)
        .replace(b"\r\n\r\n", b"\r\n" + kept + b"\r\n")
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gunicorn.util.http_date", lambda: "Mon, 30 Nov 2026 00:00:00 GMT")
        ours, theirs = (
            b"".join(answered(made, request, status, pieces, length).writes)
            for made in (WholeResponse, wsgi.Response)
        )
    assert ours == theirs


@given(length=st.sampled_from((2, None)))
def test_an_answer_that_breaks_off_says_that_its_head_is_out(length: int | None) -> None:
    responses: list[wsgi.Response] = []

    class Remembered(WholeResponse):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)  # type: ignore[arg-type]
            responses.append(self)

    with suppress(BrokenPipeError):
        answered(Remembered, GET, "200 OK", [b"{}"], length, Line(breaks_after=0 if length else 1))
    assert responses[0].headers_sent
