"""A TCP proxy in front of a server that can slow, stall, refuse and cut: the network as the fault."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Upstream = Path | tuple[str, int]  # a Unix socket or a TCP address
_Pair = tuple[socket.socket, socket.socket]  # the client's end and the server's
_CHUNK_BYTES = 65_536


class Proxy:
    """Passes bytes both ways between its port and `upstream`, both of which a test may change at any time.

    `delay_s` is added to every reply; while `stalled` nothing passes and connections hang, while `refusing`
    new ones are closed at once.
    """

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.delay_s = 0.0
        self.refusing = False
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._pairs: list[_Pair] = []
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        return int(self._listener.getsockname()[1])

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._pairs)

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Let nothing pass, as a network that swallows packets does."""
        self._flowing.clear()
        try:
            yield
        finally:
            self._flowing.set()

    @contextmanager
    def slowed(self, delay_s: float) -> Iterator[None]:
        """Hold every reply back."""
        self.delay_s = delay_s
        try:
            yield
        finally:
            self.delay_s = 0.0

    @contextmanager
    def down(self) -> Iterator[None]:
        """Cut all there is and refuse what comes."""
        self.refusing = True
        self.cut()
        try:
            yield
        finally:
            self.refusing = False

    def cut(self) -> None:
        """Break every connection."""
        for pair in list(self._pairs):
            self._end(pair)

    def close(self) -> None:
        """Stop listening and break every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flowing.set()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._open, args=(client,), daemon=True).start()

    def _open(self, client: socket.socket) -> None:
        self._flowing.wait()
        try:
            if self.refusing:
                raise ConnectionRefusedError
            server = _connect(self.upstream)
        except OSError:
            client.close()
            return
        pair = (client, server)
        self._pairs.append(pair)
        threading.Thread(target=self._pump, args=(pair, client, server), daemon=True).start()
        self._pump(pair, server, client)

    def _pump(self, pair: _Pair, source: socket.socket, sink: socket.socket) -> None:
        try:
            while chunk := source.recv(_CHUNK_BYTES):
                self._flowing.wait()
                if self.delay_s and source is pair[1]:
                    time.sleep(self.delay_s)
                sink.sendall(chunk)
        except OSError:
            pass
        self._end(pair)

    def _end(self, pair: _Pair) -> None:
        with suppress(ValueError):
            self._pairs.remove(pair)
        for end in pair:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _connect(upstream: Upstream) -> socket.socket:
    if isinstance(upstream, Path):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(upstream))
        except OSError:
            server.close()
            raise
        return server
    return socket.create_connection(upstream)


@contextmanager
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    """A proxy, closed at the end."""
    running = Proxy(upstream)
    try:
        yield running
    finally:
        running.close()
