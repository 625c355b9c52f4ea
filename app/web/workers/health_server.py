"""Health checks on an address of their own, answered however many calls wait on the main one."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections import OrderedDict
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CLIENT_S: Final = 5.0  # timeout of a silent client
MOST_CLIENTS: Final = 16  # at once; a further one replaces the client connected for longest
_log = logging.getLogger("connected_jobs.health")
LIVE, READY = "/health/live", "/health/ready"


class HealthServer:
    """Answers `/health/live` and `/health/ready` in a thread of this worker's own.

    Calls and connections are bounded. A check that waits among them would declare a busy instance dead; a load balancer
    would then send its calls to the other instances and overload those too. Every worker opens the same address, and the
    kernel distributes the checks.
    """

    def __init__(self, bind: str, readiness: Callable[[], tuple[bool, Sequence[str]]]) -> None:
        host, _, port = bind.rpartition(":")
        self._server = _Server((host.strip("[]"), int(port)), _handler(readiness))

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def open(self) -> None:
        """Start to answer."""
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._clients: OrderedDict[socket.socket, None] = OrderedDict()
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override] # of TCP
        """Answer in a thread. Checks take milliseconds, so the oldest client is idle and is closed if there are too many."""
        with self._lock:
            if len(self._clients) >= MOST_CLIENTS:
                oldest, _ = self._clients.popitem(last=False)
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
            self._clients[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override] # same
        """Forget a client that was answered or that disconnected."""
        with self._lock:
            self._clients.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - its base class calls it so
        """Log unexpected errors; a client that disconnects is expected."""
        if not isinstance(sys.exception(), OSError):
            _log.exception("a health check was not answered")

    def server_bind(self) -> None:
        """Bind without a name server's look-up of this machine's name."""
        TCPServer.server_bind(self)


def _handler(readiness: Callable[[], tuple[bool, Sequence[str]]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = CLIENT_S
        server_version, sys_version = "connected-jobs", ""

        def do_GET(self) -> None:
            if self.path == LIVE:
                self._answer(200, {"status": "alive"})
            elif self.path == READY:
                able, missing = readiness()
                self._answer(200 if able else 503, {"ready": able, "missing": missing})
            else:
                self._answer(404, {"detail": f"Here are {LIVE} and {READY} only."})

        def _answer(self, status: int, document: dict[str, object]) -> None:
            body = msgspec.json.encode(document)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base class calls it so
            """Do not log: there is a check every second."""

    return Handler
