"""What stands between a sync and its destination: proxies, certificates, names, and answers that are cut or packed."""

from __future__ import annotations

import gzip
import re
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from app.braze.rest.workspace import BrazeOptions, BrazeWorkspace
from app.runtime.outgoing import HttpAnswer, OutgoingClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_openssl = pytest.mark.skipif(
    not shutil.which("openssl"), reason="openssl is not installed: no certificate can be made"
)
PAGE = b"<html><title>502 Bad Gateway</title></html>"
TAKEN = b'{"message": "success"}'


@contextmanager
def saying(
    said: bytes, *, tls: ssl.SSLContext | None = None, family: socket.AddressFamily = socket.AF_INET
) -> Iterator[int]:
    """A server that says these bytes to each request; gives its port."""
    listener = socket.create_server(("::1" if family is socket.AF_INET6 else "127.0.0.1", 0), family=family)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with tls.wrap_socket(connection, server_side=True) if tls else connection as caller:
                    read_request(caller)
                    caller.sendall(said)
            except OSError:  # the caller did not like the certificate
                continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def read_request(caller: socket.socket) -> None:
    """Read a request to its end: who closes with something unread cuts off what he said."""
    read = caller.recv(65_536)
    if read.startswith(b"\x16"):  # a greeting of TLS
        return
    while b"\r\n\r\n" not in read and (more := caller.recv(65_536)):
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.MULTILINE)
    missing = (int(length[1]) if length else 0) - len(body)
    while missing > 0 and (more := caller.recv(missing)):
        missing -= len(more)


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def workspace(host: str) -> BrazeWorkspace:
    options = BrazeOptions(host=host, workspace="main", array_items=25, catalog=None)
    return BrazeWorkspace(options, "key", private=True)


def asked(said: bytes) -> tuple[HttpAnswer, str, str]:
    """An answer, what it means for a batch, and its sentence."""
    with saying(said) as port:
        there = workspace(f"http://127.0.0.1:{port}")
        answer = there.exchange("POST", "/users/track", b"{}")
        fate = there.fate(answer, "attributes")
    return answer, fate.meaning, fate.sentence


@pytest.mark.parametrize(
    ("said", "meaning", "sentence"),
    [
        (http("502 Bad Gateway", PAGE, "Content-Type: text/html"), "unknown", "Braze answers 502."),
        (
            http("200 OK", PAGE, "Content-Type: text/html"),
            "stop",
            "What answers 200 in place of Braze is a page: see whether the host is right, and whether a proxy answers.",
        ),
        (
            http("301 Moved Permanently", b"", "Location: https://elsewhere.example/users/track"),
            "stop",
            "Braze answers 301, which its documents do not name: see whether the host is right.",
        ),
        (http("201 Created", gzip.compress(TAKEN), "Content-Encoding: gzip"), "taken", ""),
        (http("201 Created", b"\xef\xbb\xbf" + TAKEN, "Content-Type: application/json"), "taken", ""),
        (http("202 Accepted", b'{"message": "queued"}'), "taken", ""),
        (http("200 OK", b"ok", "Content-Type: text/plain"), "taken", ""),
        (
            http("200 OK", b"Sign in", "Content-Type: text/html; charset=utf-8"),
            "stop",
            "What answers 200 in place of Braze is a page: see whether the host is right, and whether a proxy answers.",
        ),
        (
            http("201 Created", PAGE, "Content-Encoding: gzip"),
            "unknown",
            "Braze does not answer (its answer cannot be unpacked).",
        ),
        (
            b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + TAKEN,
            "unknown",
            "Braze does not answer (the connection was cut).",
        ),
        (
            b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n" + TAKEN,
            "unknown",
            "Braze does not answer (the connection was cut).",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "unknown", "Braze does not answer (the connection was cut)."),
    ],
    ids=["page of a proxy", "page for an answer", "moved", "packed", "marked", "queued", "no JSON", "page of words", "packed badly",
         "chunks cut", "body cut", "no HTTP"],
)  # fmt: skip
def test_an_answer_of_something_else_is_never_taken_for_braze(
    said: bytes, meaning: str, sentence: str
) -> None:
    assert asked(said)[1:] == (meaning, sentence)


def test_what_a_packed_answer_refuses_is_refused() -> None:
    errors = b'{"message": "success", "errors": [{"type": "no", "input_array": "attributes", "index": 0}]}'
    with saying(http("201 Created", gzip.compress(errors), "Content-Encoding: gzip")) as port:
        there = workspace(f"http://127.0.0.1:{port}")
        fate = there.fate(there.exchange("POST", "/users/track", b"{}"), "attributes")
    assert fate.refused == {0: "Braze refuses it: no."}


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'a' * 64}.example", "rest..example"])
def test_a_host_that_has_no_address_was_sent_nothing(host: str) -> None:
    answer = OutgoingClient(f"https://{host}", headers={}).exchange("POST", "/", b"{}")
    assert answer == HttpAnswer(None, sent=False, failure="its name is not known")


def test_a_host_of_ipv6_alone_is_called_by_name_and_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        server = saying(http("201 Created", TAKEN), family=socket.AF_INET6)
        port = server.__enter__()
    except OSError:
        pytest.skip("this machine has no IPv6")
    found = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))]
    asked_for = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *more, **by: found if host == "six.example" else asked_for(host, *more, **by),
    )
    for host in ("six.example", "[::1]"):
        client = OutgoingClient(f"http://{host}:{port}", headers={}, private=True)
        assert client.exchange("POST", "/", b"{}").body == TAKEN
    server.__exit__(None, None, None)


def test_of_several_addresses_one_that_takes_no_connection_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with saying(http("201 Created", TAKEN)) as port:
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.9", "127.0.0.1")
        ]
        asked_for = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *more, **by: found if host == "two.example" else asked_for(host, *more, **by),
        )
        client = OutgoingClient(f"http://two.example:{port}", headers={}, private=True)
        assert client.exchange("POST", "/", b"{}").body == TAKEN


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", made],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return context


def secure(port: int) -> HttpAnswer:
    client = OutgoingClient(f"https://localhost:{port}", headers={}, private=True)
    return client.exchange("POST", "/", b"{}")


@needs_openssl
def test_where_no_tls_comes_about_nothing_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = certificate(tmp_path, "localhost"), certificate(tmp_path, "elsewhere.example")
    with saying(http("201 Created", TAKEN), tls=own) as port:
        assert secure(port) == HttpAnswer(
            None, sent=False, failure="its certificate is not trusted: self-signed certificate"
        )
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
        assert secure(port).body == TAKEN
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "elsewhere.example.pem"))
    with saying(http("201 Created", TAKEN), tls=other) as port:
        answer = secure(port)
        assert (answer.status, answer.sent) == (None, False)
        assert answer.failure.startswith("its certificate is not trusted: Hostname mismatch")
    with saying(http("400 Bad Request", PAGE)) as port:  # plain http at that port
        assert secure(port) == HttpAnswer(None, sent=False, failure="no TLS with it")


@needs_openssl
def test_a_connection_that_breaks_after_its_tls_may_have_taken_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
    with saying(b"", tls=own) as port:
        answer = secure(port)
    assert (answer.status, answer.sent, answer.failure) == (None, True, "the connection was cut")
