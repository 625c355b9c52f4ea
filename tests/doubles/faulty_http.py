"""An HTTP server of a double on loopback, with the faults that a test or a draw gives each request."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Fault = Literal["500 before", "500 after", "cut before", "cut after", "429", "slow", ""]
Said = tuple[int, Any, "Mapping[str, str]"]  # status, JSON body (bytes go as they are), headers


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What came: names of headers in lower case; `fault` is "429" where others used the limit up just now."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    fault: Fault


@dataclass
class Faults:
    """What befalls requests.

    Args:
        next: The next ones, in turn.
        draw: Those after them.
    """

    next: list[Fault] = field(default_factory=list)
    draw: Callable[[], Fault] = field(default=lambda: "")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> Fault:
        """What befalls one more request."""
        with self._lock:
            return self.next.pop(0) if self.next else self.draw()


class HttpDouble(Protocol):
    """Somebody's service; used by several threads."""

    @property
    def faults(self) -> Faults:
        """What befalls its requests."""

    def answer(self, request: HttpRequest) -> Said:
        """Take a request and answer it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    double: HttpDouble

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.double.faults.take()
        if fault == "slow":
            time.sleep(0.05)
        if fault == "cut before":
            return self._cut()
        if fault == "500 before":
            return self._say(500, {"error": "Internal Server Error"}, {})
        headers = {name.lower(): text for name, text in self.headers.items()}
        said = self.double.answer(HttpRequest(self.command, self.path, headers, body, fault))
        if fault == "cut after":
            return self._cut()
        if fault == "500 after":
            return self._say(502, {"error": "Bad Gateway"}, {})
        return self._say(*said)

    do_POST = do_PUT = do_DELETE = do_GET = _any  # noqa: N815 - http.server's names

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _say(self, status: int, said: Any, headers: Mapping[str, str]) -> None:
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def faulty_http(double: HttpDouble) -> Iterator[str]:
    """A running double; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"double": double}))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a cut connection is meant
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
