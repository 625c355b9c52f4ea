"""The real fetch: one HTTP or HTTPS request by the standard library, cut off after 2 s in all."""

import gzip
import socket
import ssl
import threading
import time
import zlib
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Self
from urllib.parse import SplitResult, urlsplit

from app.braze.calls import CUT_OFF_S, MAX_BYTES, CallAnswer, FetchError, Request

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def fetch_over_http(request: Request, *, cut_off_s: float = CUT_OFF_S) -> CallAnswer:
    """Return the answer, of any status; raises FetchError where none came within `cut_off_s`.

    A socket's own timeout starts anew with every packet, so a server that trickles would never be cut off; a timer
    that shuts the socket down ends the whole call. Looking up a host name and trying its several addresses is outside
    of the timer's reach: each address has `cut_off_s` to accept the connection.
    """
    started_s = time.monotonic()
    parts = urlsplit(request.url)
    connection = _connection(parts, cut_off_s)
    try:
        connection.connect()
        left_s = cut_off_s - (time.monotonic() - started_s)
        with _CutOff(connection.sock, max(left_s, 0.0)) as cut_off:
            return _exchange(connection, parts, request, cut_off)
    except TimeoutError as error:
        raise FetchError(f"no complete answer within {cut_off_s:g} s") from error
    except (OSError, HTTPException, ValueError) as error:
        raise FetchError(f"call failed: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()


def _connection(parts: SplitResult, timeout_s: float) -> HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return HTTPSConnection(host, parts.port, timeout=timeout_s, context=ssl.create_default_context())
    return HTTPConnection(host, parts.port, timeout=timeout_s)


class _CutOff:
    """Shuts a socket down after `after_s`, which ends any read or write of it at once."""

    def __init__(self, sock: socket.socket, after_s: float) -> None:
        self.passed = threading.Event()
        self._sock = sock
        self._timer = threading.Timer(after_s, self._cut)
        self._timer.daemon = True

    def _cut(self) -> None:
        self.passed.set()
        with suppress(OSError):  # the other side may have closed it just now
            self._sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()


def _exchange(
    connection: HTTPConnection, parts: SplitResult, request: Request, cut_off: _CutOff
) -> CallAnswer:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(request.method, target, body=request.body, headers=dict(request.headers))
        with connection.getresponse() as response:
            answer = CallAnswer(response.status, _body(response))
    except (OSError, HTTPException, ValueError) as error:
        if cut_off.passed.is_set():
            raise TimeoutError from error
        raise
    if cut_off.passed.is_set():  # a body without a length looks complete when the socket is shut down
        raise TimeoutError
    return answer


def _body(response: HTTPResponse) -> bytes:
    raw = response.read(MAX_BYTES + 1)
    if (
        response.length and len(raw) <= MAX_BYTES
    ):  # what Content-Length promised and read(amt) silently misses
        raise IncompleteRead(raw, response.length)
    if response.getheader("Content-Encoding", "").lower() != "gzip":
        return raw
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(raw, MAX_BYTES + 1)
    except zlib.error as error:
        raise gzip.BadGzipFile(f"body is not the gzip it claims to be: {error}") from error
