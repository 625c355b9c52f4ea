"""Deliver a message to a webhook: no address inside the network, no redirect, a few tries; its URL is never told."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from app.runtime.outgoing import PrivateAddressError, look_up, retry_after_s

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES: Final = 4
TIMEOUT_S: Final = 10.0
FIRST_WAIT_S: Final = 1.0  # doubled at each try
LONGEST_WAIT_S: Final = 60.0
_MOST_ANSWER: Final = 200


class WebhookError(Exception):
    """The message was not taken; the sentence names the host alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where messages go.

    Args:
        url: A secret: who has it may post. Settings have looked at its form.
        private: Whether a private or loopback address, and plain http, are taken.
    """

    url: str = field(repr=False)
    private: bool = False

    @property
    def host(self) -> str:
        """The host that is called."""
        return urlsplit(self.url).hostname or ""

    def post(self, body: bytes, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Post a JSON body, and again where the host is busy or away.

        Raises:
            WebhookError: it is refused, or not taken after all tries.
        """
        for tried in range(1, TRIES + 1):
            wait_s = min(FIRST_WAIT_S * 2 ** (tried - 1), LONGEST_WAIT_S)
            try:
                status, retry_after_s, said = self._exchange(body)
            except (OSError, HTTPException) as error:
                why = f"does not answer ({type(error).__name__})"
            else:
                if 200 <= status < 300:  # noqa: PLR2004 - Slack says 200, a workflow 202
                    return
                why = f"answers {status}{f' {said}' if said else ''}"
                if status != 429 and status < 500:  # noqa: PLR2004 - nothing that waiting mends
                    raise WebhookError(
                        f"The webhook at {self.host} {why}: check its URL in CJ_WATCH_WEBHOOK."
                    )
                wait_s = min(max(wait_s, retry_after_s), LONGEST_WAIT_S)
            if tried < TRIES:
                sleep(wait_s)
        raise WebhookError(
            f"The webhook at {self.host} {why}, {TRIES} times: nothing is stored, run this again."
        )

    def _exchange(self, body: bytes) -> tuple[int, float, str]:
        """One request: status, seconds to wait, and the begin of what was said."""
        connection = self._connection()
        parts = urlsplit(self.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(
                "POST", target, body=body, headers={"Content-Type": "application/json; charset=utf-8"}
            )
            with connection.getresponse() as answer:
                text = answer.read(_MOST_ANSWER).decode(errors="replace")
                said = text if text.isprintable() and target not in text else ""
                waits = retry_after_s(answer.getheader("Retry-After"), time.time())
                return answer.status, waits or 0.0, said
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        """A connection to an address that was looked at: a second look-up could give another."""
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not self.private:
            raise WebhookError(
                f"The webhook at {self.host} is not https: give such a URL, or set CJ_WATCH_PRIVATE=on."
            )
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = self._address(port)
        sock = socket.create_connection((address, port), timeout=TIMEOUT_S)
        if parts.scheme == "https":
            secure = HTTPSConnection(self.host, port, timeout=TIMEOUT_S)
            secure.sock = ssl.create_default_context().wrap_socket(sock, server_hostname=self.host)
            return secure
        plain = HTTPConnection(self.host, port, timeout=TIMEOUT_S)
        plain.sock = sock
        return plain

    def _address(self, port: int) -> str:
        try:
            return look_up(self.host, port, private=self.private)
        except PrivateAddressError:
            raise WebhookError(
                f"The webhook at {self.host} is inside a private network: set CJ_WATCH_PRIVATE=on where that is meant."
            ) from None
