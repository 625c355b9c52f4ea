"""What keeps a load test from beginning is said in one true sentence with the way out, whoever stands at the address."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from loadtest.errors import LoadtestError
from loadtest.generator import diagnosis
from loadtest.generator.http_client import CutOffError, HttpClient, NoReplyError, Reply
from loadtest.generator.options import trusting
from loadtest.generator.readiness import await_ready, trouble
from loadtest.generator.sender import Sender
from loadtest.generator.target import Origin, Traffic, allowed_origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_openssl = pytest.mark.skipif(
    not shutil.which("openssl"), reason="openssl is not installed: no certificate can be made"
)
ANSWER = b'{"recommendation_id": "r", "postings": []}'


class Handler(BaseHTTPRequestHandler):
    """Answers as the test's server was told to."""

    reply: tuple[int, str, bytes] = (200, "application/json", ANSWER)

    def do_GET(self) -> None:
        status, kind, body = self.reply
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if 300 <= status < 400:
            self.send_header("Location", "https://www.example.com/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Quiet(HTTPServer):
    """A server to which a refused handshake is no news."""

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def serving(*reply: object, certificate: Path | None = None, ask_client: bool = False) -> Iterator[int]:
    """The port of a server, over TLS where it has a certificate (and key, in one file)."""
    handler = type("Told", (Handler,), {"reply": reply} if reply else {})
    with _Quiet(("127.0.0.1", 0), handler) as server:
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            if ask_client:
                tls.verify_mode = ssl.CERT_REQUIRED
                tls.load_verify_locations(certificate)
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def made(folder: Path, *, names: str, days: int = 1) -> Path:
    """A certificate that signed itself, with its key."""
    key, asked, signed = folder / "key.pem", folder / "asked.pem", folder / "signed.pem"
    extension = folder / "names"
    extension.write_text(f"subjectAltName={names}\n")
    new: list[str | Path] = [
        "openssl",
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=test",
    ]
    subprocess.run([*new, "-keyout", key, "-out", asked], check=True, capture_output=True)
    sign: list[str | Path] = [
        "openssl",
        "x509",
        "-req",
        "-in",
        asked,
        "-signkey",
        key,
        "-days",
        str(days),
        "-extfile",
        extension,
    ]
    subprocess.run([*sign, "-out", signed], check=True, capture_output=True)
    both = folder / "certificate.pem"
    both.write_text(signed.read_text() + key.read_text())
    return both


def said(url: str, ca_file: Path | None = None) -> str | None:
    origin = allowed_origin(url)
    sender = Sender(
        client=HttpClient(origin, headers={"Host": origin.authority}, tls=trusting(ca_file)),
        members=("m",),
        traffic=Traffic(),
    )
    found = trouble(sender)
    sender.client.close()
    return found.sentence if found else None


@needs_openssl
def test_a_certificate_of_ones_own_is_trusted_when_its_authority_is_given(tmp_path: Path) -> None:
    certificate = made(tmp_path, names="IP:127.0.0.1")
    with serving(certificate=certificate) as port:
        assert said(f"https://127.0.0.1:{port}") == (
            f"The certificate of https://127.0.0.1:{port} is from an authority this machine does not trust (self-signed "
            "certificate): give that authority's certificate with --ca-file FILE; Braze trusts public ones only."
        )
        assert said(f"https://127.0.0.1:{port}", certificate) is None


@needs_openssl
@pytest.mark.parametrize(
    ("names", "days", "beginning"),
    [
        ("IP:127.0.0.1", -1, "The certificate of {} has expired, so Braze would refuse it: renew it."),
        ("DNS:jobs.example.com", 1, "The certificate of {} is for other names (IP address mismatch"),
    ],
    ids=["expired", "another name"],
)
def test_a_certificate_that_does_not_hold_is_told_by_its_fault(
    tmp_path: Path, names: str, days: int, beginning: str
) -> None:
    certificate = made(tmp_path, names=names, days=days)
    with serving(certificate=certificate) as port:
        url = f"https://127.0.0.1:{port}"
        assert str(said(url, certificate)).startswith(beginning.format(url))


@needs_openssl
def test_the_other_scheme_is_told_from_both_sides(tmp_path: Path) -> None:
    certificate = made(tmp_path, names="IP:127.0.0.1")
    with serving(certificate=certificate) as secure, serving() as plain:
        assert f"give --host http://127.0.0.1:{plain}" in str(said(f"https://127.0.0.1:{plain}"))
        assert f"give --host https://127.0.0.1:{secure}" in str(said(f"http://127.0.0.1:{secure}"))


@needs_openssl
def test_an_entrance_that_asks_for_the_callers_certificate_is_told(tmp_path: Path) -> None:
    certificate = made(tmp_path, names="IP:127.0.0.1")
    with serving(certificate=certificate, ask_client=True) as port:
        url = f"https://127.0.0.1:{port}"
        # Whether the last word of the server's arrives before the end is up to the moment.
        assert "its callers for a certificate, and Braze has none" in str(said(url, certificate))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read (No such file or directory): mend --ca-file."),
        ("nothing", "holds no certificate: give --ca-file one that begins -----BEGIN CERTIFICATE-----."),
    ],
)
def test_a_file_that_holds_no_authority_is_refused(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(LoadtestError) as caught:
        trusting(file)
    assert str(caught.value).endswith(sentence)


PROBLEM = b'{"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "This credential is for metrics."}'


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (200, "text/html", b"<html>Welcome</html>", ["answers with something else than postings"]),
        (200, "application/json", b'{"status": "ok"}', ["answers with something else than postings"]),
        (200, "application/json", b"[]", ["answers with something else than postings"]),
        (
            301,
            "text/html",
            b"",
            ["redirects (301) to 'https://www.example.com/'", "Braze follows no redirect"],
        ),
        (308, "text/html", b"", ["redirects (308)"]),
        (400, "text/html", b"The plain HTTP request was sent to HTTPS port", ["speaks TLS", "https://127"]),
        (
            400,
            "application/problem+json",
            b'{"detail": "No such thing."}',
            ["answers 400", "(No such thing)"],
        ),
        (401, "text/html", b"", ["refused the credential (401)", "credential create"]),
        (403, "text/plain", b"Use https.\n", ["takes no plain http (403)"]),
        (403, "application/problem+json", PROBLEM, ["(This credential is for metrics)", "scope content"]),
        (404, "text/html", b"", ["not to /v1/members/… (404)"]),
        (407, "text/html", b"", ["is a proxy (407)"]),
        (429, "application/json", b"{}", ["over its limit before the test has begun (429)"]),
        (500, "text/html", b"", ["answers 500", "log"]),
        (502, "text/html", b"", ["reaches no service behind it (502)"]),
        (503, "application/problem+json", b'{"detail": "Just started."}', ["not ready (503) (Just started)"]),
        (504, "text/html", b"", ["no answer in time from the service behind it (504)"]),
    ],
)
def test_each_answer_that_is_none_has_its_sentence(
    status: int, kind: str, body: bytes, words: list[str]
) -> None:
    with serving(status, kind, body) as port:
        sentence = said(f"http://127.0.0.1:{port}")
    assert sentence is not None
    assert [word for word in words if word not in sentence] == []
    assert "\n" not in sentence


def test_an_answer_is_no_trouble() -> None:
    with serving() as port:
        assert said(f"http://127.0.0.1:{port}") is None


def test_what_may_pass_is_waited_for_and_nothing_else() -> None:
    """A refused connection is a service that starts; a refused credential stays one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sender = Sender(
        client=HttpClient(Origin("http", "127.0.0.1", port), headers={}), members=("m",), traffic=Traffic()
    )
    looks = iter([0.0, 1.0, 2.0, 99.0, 99.0])
    assert await_ready(sender, within_s=10, clock=lambda: next(looks)) == (
        f"Nothing listens at 127.0.0.1:{port}: start the service, or mend the port in --host."
    )
    assert next(looks) == 99.0
    with serving(401, "text/plain", b"") as other:
        sender = Sender(
            client=HttpClient(Origin("http", "127.0.0.1", other), headers={}),
            members=("m",),
            traffic=Traffic(),
        )
        looks = iter([0.0, 1.0])
        assert "refused the credential (401)" in str(
            await_ready(sender, within_s=10, clock=lambda: next(looks))
        )
        assert next(looks) == 1.0


FAR = Origin("https", "jobs.example.com", 443)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "host name jobs.example.com is not known",
        ),
        (
            OSError(113, "No route to host"),
            "No way leads from here to jobs.example.com:443 (No route to host)",
        ),
        (OSError(101, "Network is unreachable"), "No way leads from here"),
    ],
)
def test_what_the_network_says_is_passed_on_and_a_proxy_is_named(cause: OSError, words: str) -> None:
    error = NoReplyError("network")
    error.__cause__ = cause
    told = diagnosis.of_silence(FAR, error, environ={"HTTPS_PROXY": "http://proxy.example:3128"})
    assert words in told.sentence
    assert told.sentence.endswith("Calls go straight there as Braze's do, not through HTTPS_PROXY.")
    assert "PROXY" not in diagnosis.of_silence(FAR, error, environ={}).sentence


def test_no_answer_in_time_and_a_closed_connection_are_told_apart() -> None:
    assert "did not answer in time" in diagnosis.of_silence(FAR, CutOffError(), environ={}).sentence
    assert (
        "closes the connection without an answer"
        in diagnosis.of_silence(FAR, NoReplyError("closed")).sentence
    )
    assert "does not speak HTTP" in diagnosis.of_silence(FAR, NoReplyError("unreadable")).sentence


def test_a_packed_answer_is_unpacked_and_a_broken_one_is_no_answer() -> None:
    assert diagnosis.of_reply(FAR, Reply(200, b"no gzip", gzipped=True)) is not None
    assert diagnosis.of_reply(FAR, Reply(200, ANSWER, gzipped=False)) is None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Jobs.Example.com", "jobs.example.com"),
        ("https://jobs.example.com.", "jobs.example.com"),
        ("https://채용.example", "xn--oo5bn6h.example"),
    ],
)
def test_a_host_name_is_compared_as_name_servers_do(url: str, host: str) -> None:
    assert allowed_origin(url, allowed=frozenset({host.title()})).host == host


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:21", "tls://127.0.0.1:443", "127.0.0.1:8080", "https://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(LoadtestError, match="is not an address: write it like http://127"):
        allowed_origin(url)
