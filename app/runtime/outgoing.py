"""Calls that go out with a secret: to an address that was looked at, by few connections, and whatever happens is an answer."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_S: Final = 5.0
READ_S: Final = 30.0
_MOST_ANSWER: Final = 2 * 1024 * 1024


class PrivateAddressError(Exception):
    """A host stands inside a private network, and nobody said that this is meant."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back of one request.

    Args:
        status: Of HTTP; None where no whole answer came.
        headers: Their names in lower case.
        body: As it came, cut at some length.
        sent: False where the request certainly never left, as without a connection.
        failure: What kept the answer away, in a few words.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    sent: bool = True
    failure: str = ""


def retry_after_s(text: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` asks to wait: a number of them, or a date of HTTP; None where it is neither.

    Args:
        text: The header.
        now: Seconds of the epoch.
    """
    told = (text or "").strip()
    if told.isascii() and told.replace(".", "", 1).isdigit():
        return float(told)
    try:
        at = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)


def look_up(host: str, port: int, *, private: bool) -> str:
    """An address of a host; of several the first that takes a connection, for a machine may have no way to IPv6.

    Raises:
        OSError: its name is not known.
        PrivateAddressError: an address of it is private, and that is not meant.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not private and not all(is_public(address) for address in addresses):
        raise PrivateAddressError(host)
    for address in addresses[:-1]:
        try:
            socket.create_connection((address, port), timeout=CONNECT_S).close()
        except OSError:
            continue
        return address
    return addresses[-1]


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_global)


class OutgoingClient:
    """Requests to one host; used by several threads. No redirect is followed, nothing is tried again.

    Args:
        url: The host's address, http or https, without a path.
        headers: Of each request; secrets among them.
        private: Whether a private or loopback address, and plain http, are meant.
        connections: Kept open at most.
    """

    def __init__(
        self, url: str, *, headers: Mapping[str, str], private: bool = False, connections: int = 4
    ) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self._secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._name = parts.netloc
        self._headers = {**headers, "Host": self._name}
        self._private = private
        self._connections = connections
        self._pool: Any = None
        self._lock = threading.Lock()

    def exchange(
        self, method: str, path: str, body: bytes | None = None, *, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """One request, with a JSON body and headers of its own beside those of all.

        Raises:
            PrivateAddressError: the host is inside a private network, or would be called without TLS.
        """
        import urllib3  # noqa: PLC0415 - of an extra, which all else does without

        if not self._secure and not self._private:
            raise PrivateAddressError(self.host)
        of_json = {} if body is None else {"Content-Type": "application/json"}
        sent = {**self._headers, **of_json, **(headers or {})}
        try:
            pool = self._connected()
            answer = pool.urlopen(
                method, path, body=body, headers=sent, redirect=False, retries=False, preload_content=False
            )
            with answer:
                content = answer.read(_MOST_ANSWER, decode_content=True)
                return HttpAnswer(
                    answer.status, {name.lower(): text for name, text in answer.headers.items()}, content
                )
        except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            if never_left := _never_left(error):
                self._forget()  # the host may have moved
            return HttpAnswer(None, sent=not never_left, failure=_in_words(error))

    def close(self) -> None:
        """End the connections."""
        self._forget()

    def _connected(self) -> Any:
        """Connections to an address that was looked at: a second look-up could give another."""
        import urllib3  # noqa: PLC0415 - of an extra, which all else does without

        with self._lock:
            if self._pool is None:
                address = look_up(self.host, self._port, private=self._private)
                timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
                kept: dict[str, Any] = {"timeout": timeout, "maxsize": self._connections, "retries": False}
                if self._secure:
                    kept |= {"server_hostname": self.host}  # which the context checks
                    kept |= {"ssl_context": ssl.create_default_context()}
                    self._pool = urllib3.HTTPSConnectionPool(address, self._port, **kept)
                    self._pool.ConnectionCls = _telling(self._pool.ConnectionCls)
                else:
                    self._pool = urllib3.HTTPConnectionPool(address, self._port, **kept)
            return self._pool

    def _forget(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None


def _telling(connection: Any) -> Any:
    """That class of connections, which tells a TLS that did not come about from one that broke later."""
    import urllib3  # noqa: PLC0415 - of an extra, which all else does without

    class TellingConnection(connection):  # type: ignore[misc] # known at run time
        def connect(self) -> None:
            try:
                super().connect()
            except (OSError, ValueError) as error:
                raise urllib3.exceptions.NewConnectionError(self, "no TLS") from error

    return TellingConnection


def _never_left(error: Exception) -> bool:
    """Whether the request certainly was not sent: the name is unknown, or no connection came about."""
    import urllib3  # noqa: PLC0415 - of an extra, which all else does without

    of_urllib3 = urllib3.exceptions
    refused = (of_urllib3.NewConnectionError, of_urllib3.ConnectTimeoutError, of_urllib3.ClosedPoolError)
    return isinstance(error, (*refused, socket.gaierror, UnicodeError, ConnectionRefusedError))


def _in_words(error: Exception) -> str:
    """What happened, without an address or a path."""
    import urllib3  # noqa: PLC0415 - of an extra, which all else does without

    of_urllib3, cause = urllib3.exceptions, error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    for kinds, words in (
        ((socket.gaierror, UnicodeError), "its name is not known"),
        (
            of_urllib3.NewConnectionError,
            "no TLS with it" if isinstance(cause, ssl.SSLError) else "no connection",
        ),
        (ConnectionRefusedError, "no connection"),
        (of_urllib3.ConnectTimeoutError, "no connection in time"),
        (of_urllib3.ReadTimeoutError, "nothing came in time"),
        (of_urllib3.DecodeError, "its answer cannot be unpacked"),
    ):
        if isinstance(error, kinds):
            return words
    return "the connection was cut"
