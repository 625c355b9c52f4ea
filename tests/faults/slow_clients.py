"""Clients that hold connections and say little or nothing."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

_DRIP_S = 0.5
_PATIENCE_S = 10.0
_BEGUN = b"GET /v1/members/m-list/recommendations?campaign=weekly HTTP/1.1\r\nHost: jobs.example\r\n"
Tls = tuple["ssl.SSLContext", str]


@contextmanager
def idle(port: int, count: int, tls: Tls) -> Iterator[None]:
    """Connections on which nothing is ever sent, not even a TLS hello."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(_open(port))
        assert tls
        yield


@contextmanager
def dripping(port: int, count: int, tls: Tls) -> Iterator[None]:
    """Slow-loris: half a request each, and another header line now and then, so that it never ends."""
    trust, name = tls
    with ExitStack() as stack:
        wrapped = [
            stack.enter_context(trust.wrap_socket(_open(port), server_hostname=name)) for _ in range(count)
        ]
        stopping = threading.Event()

        def drip() -> None:
            words = _BEGUN
            while True:
                for connection in wrapped:
                    with suppress(OSError):  # thrown out, as it should be
                        connection.send(words)
                words = b"X-Drip: drop\r\n"
                if stopping.wait(_DRIP_S):
                    return

        thread = threading.Thread(target=drip, name="drip", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


def _open(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
