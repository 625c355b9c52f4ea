"""HTTP as bytes on a socket, so that a test can send what no client library would."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from tests.web.board import SECRETS

PATIENCE_S = 10.0


def basic(name: str, secret: str | None = None) -> str:
    """The value of an Authorization header, HTTP Basic."""
    return "Basic " + b64encode(f"{name}:{SECRETS[name] if secret is None else secret}".encode()).decode(
        "ascii"
    )


def bearer(name: str) -> str:
    """The value of an Authorization header, Bearer."""
    return "Bearer " + SECRETS[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole: names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def request(
    target: str | bytes,
    *,
    method: str = "GET",
    authorization: str | None = None,
    headers: tuple[str, ...] = (),
    body: bytes = b"",
) -> bytes:
    """A request's bytes; it asks for the connection to be closed."""
    lines = ["Host: jobs.example", "Connection: close", *headers]
    if authorization is not None:
        lines.append(f"Authorization: {authorization}")
    path = target if isinstance(target, bytes) else target.encode("ascii")
    head = "\r\n".join(lines).encode("latin-1")
    return method.encode() + b" " + path + b" HTTP/1.1\r\n" + head + b"\r\n\r\n" + body


def exchange(port: int, sent: bytes) -> Answer:
    """Send bytes and read the one answer to them."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(sent)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return parse(received)


def parse(received: bytes) -> Answer:
    """Read an answer's bytes; its length must be the one it states, or nothing (HEAD)."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        assert name.lower() not in headers, f"{name} twice"
        headers[name.lower()] = value.strip()
    if body and "content-length" in headers:
        assert len(body) == int(headers["content-length"])
    return Answer(int(first.split()[1]), headers, body)


def call(port: int, target: str | bytes, *, authorization: str | None = None, method: str = "GET") -> Answer:
    """One request, one answer."""
    return exchange(port, request(target, method=method, authorization=authorization))
