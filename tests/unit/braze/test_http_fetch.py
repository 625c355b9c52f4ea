"""The real fetch against a loopback server that answers whatever bytes a test hands it."""

import gzip
import re
import socketserver
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from app.braze.calls import MAX_BYTES, CallAnswer, FetchError, Request, StoredCredential
from app.braze.http_fetch import fetch_over_http
from app.braze.preview import Rendered, preview


class _Server(socketserver.TCPServer):
    """Reads one request, then writes the chunks with pauses between them."""

    allow_reuse_address = True
    chunks: Sequence[bytes] = ()
    pause_s = 0.0
    received = b""


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        server.received = self._whole_request()
        with suppress(OSError):  # the client hangs up when its time is over
            for chunk in server.chunks:
                self.request.sendall(chunk)
                time.sleep(server.pause_s)

    def _whole_request(self) -> bytes:
        """Read head and body, which may come in separate packets."""
        received = b""
        while (packet := self.request.recv(65536)) != b"":
            received += packet
            head, blank_line, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            if blank_line and len(body) >= (int(length[1]) if length else 0):
                break
        return received


@contextmanager
def _serving(*chunks: bytes, pause_s: float = 0.0) -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.chunks, server.pause_s = chunks, pause_s
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _request(server: _Server, *, method: str = "GET", body: bytes | None = None) -> Request:
    port = server.server_address[1]
    headers = {"User-Agent": "Braze Sender x", "Accept-Encoding": "gzip"}
    return Request(method=method, url=f"http://127.0.0.1:{port}/v1/a?b=%EA%B0%80", headers=headers, body=body)


def _response(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "404 Not Found", "503 Service Unavailable"])
def test_an_answer_of_any_status_comes_back_whole(status: str) -> None:
    with _serving(_response(status, b'{"a": 1}')) as server:
        assert fetch_over_http(_request(server)) == CallAnswer(int(status[:3]), b'{"a": 1}')


def test_the_request_goes_out_as_given() -> None:
    with _serving(_response("200 OK", b"{}")) as server:
        request = _request(server, method="POST", body=b"a=1")
        fetch_over_http(request)
        port = server.server_address[1]
    head, _, body = server.received.partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        "POST /v1/a?b=%EA%B0%80 HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Length: 3",
        "User-Agent: Braze Sender x",
        "Accept-Encoding: gzip",
    ]
    assert body == b"a=1"


def test_a_redirect_is_handed_back_and_not_followed() -> None:
    with _serving(_response("302 Found", b"", "Location: http://127.0.0.1:1/")) as server:
        assert fetch_over_http(_request(server)) == CallAnswer(302, b"")


def test_a_gzipped_body_is_unpacked() -> None:
    with _serving(_response("200 OK", gzip.compress(b'{"a": "x"}'), "Content-Encoding: gzip")) as server:
        assert fetch_over_http(_request(server)) == CallAnswer(200, b'{"a": "x"}')


def test_a_small_gzip_of_a_huge_body_is_unpacked_no_further_than_the_limit() -> None:
    bomb = gzip.compress(b"0" * (64 * MAX_BYTES))
    with _serving(_response("200 OK", bomb, "Content-Encoding: gzip")) as server:
        assert len(fetch_over_http(_request(server)).body) == MAX_BYTES + 1


def test_a_body_over_the_limit_is_read_no_further() -> None:
    with _serving(_response("200 OK", b"x" * (3 * MAX_BYTES))) as server:
        assert len(fetch_over_http(_request(server)).body) == MAX_BYTES + 1


@pytest.mark.parametrize(
    ("chunks", "pause_s"),
    [
        pytest.param((b"HTTP/1.1 200 OK\r\n",), 0.6, id="silence after the status line"),
        pytest.param(
            (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", *[b"x"] * 50), 0.05, id="a trickled body"
        ),
        pytest.param((b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 50), 0.05, id="a trickled body without a length"),
        pytest.param((b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n"] * 50), 0.05, id="trickled headers"),
    ],
)
def test_a_slow_answer_is_cut_off_as_a_whole(chunks: tuple[bytes, ...], pause_s: float) -> None:
    with _serving(*chunks, pause_s=pause_s) as server:
        started_s = time.monotonic()
        with pytest.raises(FetchError, match=r"^no complete answer within 0\.3 s$"):
            fetch_over_http(_request(server), cut_off_s=0.3)
        assert time.monotonic() - started_s < 1.5  # uncut, the trickles would last 2.5 s


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param((), id="nothing"),
        pytest.param((b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nxx",), id="a body cut short"),
        pytest.param((b"hello\r\n\r\n",), id="no HTTP"),
        pytest.param((_response("200 OK", b"not gzip", "Content-Encoding: gzip"),), id="no gzip"),
    ],
)
def test_a_broken_answer_is_reported_as_no_answer(chunks: tuple[bytes, ...]) -> None:
    with _serving(*chunks) as server, pytest.raises(FetchError, match=r"^call failed: .+"):
        fetch_over_http(_request(server))


def test_a_closed_port_is_reported_as_no_answer() -> None:
    with _serving() as server:
        request = _request(server)
    with pytest.raises(FetchError, match=r"^call failed: .*refused"):
        fetch_over_http(request)


def test_a_header_with_a_line_break_is_never_sent() -> None:
    with _serving(_response("200 OK", b"{}")) as server:
        plain = _request(server)
        request = Request(method="GET", url=plain.url, headers={"X-A": "b\r\nX-Evil: 1"})
        with pytest.raises(FetchError, match=r"^call failed: Invalid header value"):
            fetch_over_http(request)


def test_a_preview_calls_the_running_service_it_is_pointed_at() -> None:
    with _serving(_response("200 OK", b'{"name": "a"}')) as server:
        part = preview(
            "{% connected_content https://jobs.example.com/v1/x :basic_auth any :save jobs %}{{ jobs.name }}",
            user_id="m",
            credential=StoredCredential("preview", "secret"),
            base_url=f"http://127.0.0.1:{server.server_address[1]}",
        )
    assert part.outcome == Rendered("a")
    assert b"Authorization: Basic cHJldmlldzpzZWNyZXQ=\r\n" in server.received
    assert b"User-Agent: Braze Sender " in server.received
