"""HTTP/1.1 GETs with keep-alive on gevent sockets, as lean as a truthful client can be.

Measured on one core against a stub that answers at once: 48 to 62 microseconds of CPU a call for bare sockets, 92 for
geventhttpclient's HTTPClient, 160 for Locust's FastHttpSession (which builds on the former). Cheap calls are what
lets one core offer thousands of calls a second punctually, so the parser is geventhttpclient's and the rest is here.
Its connection pool was rejected for two habits that falsify an overload: it repeats a call on every broken
connection as often as the pool is large, and it drops keep-alive beyond 1,024 sockets (it asks select()).
"""

import gzip
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import gevent
from gevent import socket as gsocket
from gevent import ssl as gssl
from geventhttpclient.response import HTTPParseError, HTTPResponse

from loadtest.generator.target import Origin

READ_BYTES = 65_536
REDIRECTS = range(300, 400)


class CutOffError(Exception):
    """The reply did not come in time."""


class NoReplyError(Exception):
    """The connection could not be made or broke; `kind` says which: refused, closed, unreadable, network.

    Where the system or TLS said more, that is its cause.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True)
class Reply:
    """A whole reply; `body` as it came, gzipped where `gzipped` says so; `location` of a redirect."""

    status: int
    body: bytes
    gzipped: bool
    location: str | None = None

    @property
    def content(self) -> bytes:
        """The body as it was before it was packed."""
        return gzip.decompress(self.body) if self.gzipped else self.body


class _ResponseParser(HTTPResponse):
    """Collects the body."""

    def __init__(self) -> None:
        super().__init__(method="GET")
        self.body = bytearray()

    def _on_body(self, buf: bytearray) -> None:
        self.body += buf


class HttpClient:
    """Connections to one origin, the last used first; one greenlet uses a connection at a time.

    `replaced` counts kept connections that were found closed when they were used, and whose call was made on a new one.
    """

    def __init__(
        self, origin: Origin, *, headers: Mapping[str, str], tls: ssl.SSLContext | None = None
    ) -> None:
        self.origin = origin
        self._address = (origin.host, origin.port)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._tail = f" HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
        self._tls = (tls or ssl.create_default_context()) if origin.scheme == "https" else None
        self._idle: list[gsocket.socket] = []
        self.replaced = 0

    def get(self, path: str, *, within_s: float) -> Reply:
        """One GET. A kept connection that breaks before it answers is replaced by a new one, once (RFC 9112, 9.3.1).

        Raises:
            CutOffError: no whole reply within `within_s`, connecting included.
            NoReplyError: no connection, or it broke.
        """
        request = b"GET " + path.encode("ascii") + self._tail
        timeout = gevent.Timeout(within_s)
        try:
            with timeout:
                if self._idle:
                    try:
                        return self._exchange(self._idle.pop(), request)
                    except NoReplyError as error:
                        if error.kind != "closed":
                            raise
                        self.replaced += 1
                return self._exchange(self._connect(), request)
        except gevent.Timeout as fired:
            if fired is not timeout:
                raise
            raise CutOffError from None

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> gsocket.socket:
        try:
            connection = gsocket.create_connection(self._address)
            connection.setsockopt(gsocket.IPPROTO_TCP, gsocket.TCP_NODELAY, 1)
            if self._tls is None:
                return connection
            return gssl.SSLSocket(sock=connection, server_hostname=self.origin.host, _context=self._tls)
        except ConnectionRefusedError as error:
            raise NoReplyError("refused") from error
        except OSError as error:
            raise NoReplyError("network") from error

    def _exchange(self, connection: gsocket.socket, request: bytes) -> Reply:
        """Send and read; the connection is kept only after a whole reply that allows it."""
        reply = _ResponseParser()
        keep = False
        try:
            connection.sendall(request)
            while not reply.message_complete:
                data = connection.recv(READ_BYTES)
                reply.feed(data)  # of nothing, too: a body without length ends with the connection
                if not data and not reply.message_complete:
                    raise NoReplyError("closed")
            keep = not reply.should_close()
        except ConnectionError:
            raise NoReplyError("closed") from None
        except HTTPParseError:
            raise NoReplyError("unreadable") from None
        except OSError as error:
            raise NoReplyError("network") from error
        finally:
            if keep:
                self._idle.append(connection)
            else:
                connection.close()
        status = reply.get_code()
        location = str(reply.get("location") or "") if status in REDIRECTS else None
        return Reply(status, bytes(reply.body), reply.get("content-encoding") == "gzip", location)
