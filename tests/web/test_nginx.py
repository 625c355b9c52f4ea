"""The published nginx.conf, run by a real nginx before the real service: TLS, limits, raw paths, nothing else open."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.wire import Answer, basic, call, parse, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.gunicorn_server import Server

CONF = Path(__file__).parents[2] / "docs" / "nginx.conf"
HOST = "jobs-api.example.com"
ASKED = "?campaign=weekly-digest"

pytestmark = [
    pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed (Debian: nginx-light)"),
    pytest.mark.skipif(
        not shutil.which("openssl"), reason="openssl is not installed: no certificate can be made"
    ),
]


@dataclass(frozen=True, slots=True)
class Front:
    """A running nginx."""

    https: int
    http: int
    certificate: Path
    log: Path

    @contextmanager
    def connection(self) -> Iterator[ssl.SSLSocket]:
        """A TLS connection, the certificate checked."""
        trust = ssl.create_default_context(cafile=self.certificate)
        with (
            socket.create_connection(("127.0.0.1", self.https), timeout=10) as plain,
            trust.wrap_socket(plain, server_hostname=HOST) as secure,
        ):
            yield secure

    def exchange(self, sent: bytes) -> Answer:
        """One request and its answer over TLS; the request asks for the connection to be closed."""
        with self.connection() as secure:
            secure.sendall(sent)
            received = b""
            while chunk := secure.recv(65_536):
                received += chunk
        return parse(received)

    def call(self, target: str, *headers: str) -> Answer:
        """Ask as a campaign's credential."""
        return self.exchange(request(target, authorization=basic("braze"), headers=headers))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def self_signed(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def placed(conf: str, changes: dict[str, str]) -> str:
    """The file with its addresses and paths replaced; each must be in it."""
    for before, after in changes.items():
        assert before in conf, before
        conf = conf.replace(before, after)
    return conf


@contextmanager
def nginx(folder: Path, *service_ports: int, connections: int = 256) -> Iterator[Front]:
    certificate, key = self_signed(folder)
    https, http = free_port(), free_port()
    log = folder / "connected-jobs.log"
    site = placed(
        CONF.read_text(encoding="utf-8"),
        {
            "server 127.0.0.1:8080;": " ".join(f"server 127.0.0.1:{port};" for port in service_ports),
            "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
            "listen 80;": f"listen 127.0.0.1:{http};",
            "/etc/ssl/connected-jobs/fullchain.pem": str(certificate),
            "/etc/ssl/connected-jobs/privkey.pem": str(key),
            "/var/log/nginx/connected-jobs.log": str(log),
            "/var/www/acme": str(folder),
            "flush=5s": "flush=100ms",
        },
    )
    temporary = "".join(
        f"{name}_temp_path {folder / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off; worker_processes 1; pid {folder / 'nginx.pid'}; error_log {folder / 'error.log'};\n"
        f"events {{ worker_connections {connections}; }}\nhttp {{\n{temporary}{site}\n}}\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(["nginx", "-p", folder, "-c", main], stderr=subprocess.PIPE)
    try:
        wait_until_listening(process, https)
        yield Front(https, http, certificate, log)
    finally:
        process.terminate()
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s:
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("nginx does not listen")


@pytest.fixture(scope="module")
def front(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with nginx(tmp_path_factory.mktemp("nginx"), server.port) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Echo:
    """What reached the service's port, as bytes."""

    front: Front
    listener: socket.socket

    def reached(self, sent: bytes) -> str:
        """Send a request to nginx; the head that it passes on."""
        with self.front.connection() as secure:
            secure.sendall(sent)
            upstream, _ = self.listener.accept()
            with upstream:
                upstream.settimeout(5)
                head = b""
                while b"\r\n\r\n" not in head:
                    head += upstream.recv(65_536)
                upstream.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            secure.recv(1)
        return head.decode("latin-1")


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echo]:
    """Nginx before a socket of ours, which sees what a service would."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        nginx(tmp_path_factory.mktemp("echo"), listener.getsockname()[1]) as front,
    ):
        listener.settimeout(5)
        # nginx was found listening by a connection that sent nothing, and nothing of it came here
        yield Echo(front, listener)


def test_a_call_through_nginx_gets_the_services_own_answer(front: Front, server: Server) -> None:
    target = f"/v1/members/m-1/recommendations{ASKED}"
    direct = call(server.port, target, authorization=basic("braze"))
    through = front.call(target)
    assert (through.status, through.body) == (direct.status, direct.body)
    assert through.headers["content-type"] == "application/json"
    assert (direct.status, direct.json()["campaign"]) == (200, "weekly-digest")


def test_a_call_without_a_credential_is_refused_by_the_service(front: Front) -> None:
    answer = front.exchange(request(f"/v1/members/m-1/recommendations{ASKED}"))
    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize(
    "path",
    [
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/",
        "/v1/../metrics",
        "//metrics",
        "/v1/%2e%2e/metrics",
    ],
)
def test_nothing_but_the_api_is_open_to_the_world(front: Front, path: str) -> None:
    sent = request(path, authorization=basic("prometheus"))
    answer = front.exchange(sent)
    assert answer.status == 404
    assert b"nginx" in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/metrics/../v1/",
        "/metrics%2f..%2fv1/",
        "/v1/..%2fmetrics",
        "/health/live/..;/v1/",
        "/v1/x/..%2f..%2fmetrics",
    ],
)
def test_no_spelling_of_a_path_leads_to_metrics_or_health(front: Front, path: str) -> None:
    answer = front.exchange(request(path, authorization=basic("prometheus")))
    assert answer.status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/v1/members/a%2Fb/recommendations?campaign=x",
        "/v1/members/a%2fb%2F/recommendations?campaign=x",
        "/v1/members/%ED%9A%8C%EC%9B%90%201/recommendations?campaign=x&send=a%3Ab",
        "/v1/members/a//b/recommendations?campaign=x",
        "/v1/members/100%25/recommendations?campaign=x",
        "/v1/members/" + "%ED%9A%8C" * 200 + "/recommendations?campaign=x",
    ],
    ids=[
        "encoded slash",
        "both cases",
        "Korean and a space",
        "two slashes",
        "a percent sign",
        "the longest id",
    ],
)
def test_the_path_reaches_the_service_as_it_was_sent(echo: Echo, path: str) -> None:
    assert echo.reached(request(path)).splitlines()[0] == f"GET {path} HTTP/1.1"


def test_the_service_is_told_when_nginx_had_the_request_and_is_kept_connected(echo: Echo) -> None:
    before_s = time.time()
    head = echo.reached(
        request("/v1/members/m/recommendations", headers=("Accept-Encoding: gzip", "X-Request-Start: t=1"))
    )
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    started_s = float(headers["X-Request-Start"].removeprefix("t="))
    assert before_s - 0.01 <= started_s <= time.time()
    assert headers["Host"] == "jobs.example"
    assert "Connection" not in headers
    assert "Accept-Encoding" not in headers


def test_one_connection_carries_many_calls_on_both_sides(front: Front, server: Server) -> None:
    sent = request(f"/v1/members/m-1/recommendations{ASKED}", authorization=basic("braze"))
    sent = sent.replace(b"Connection: close\r\n", b"")
    with front.connection() as secure:
        for _ in range(20):
            secure.sendall(sent)
            assert read_one(secure).startswith(b"HTTP/1.1 200 OK\r\n")
    assert connections_to(server.port) <= 3  # one nginx worker kept them from this test and those before


def read_one(secure: ssl.SSLSocket) -> bytes:
    """One answer with a stated length, read to its end."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += secure.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += secure.recv(65_536)
    return head + b"\r\n\r\n" + body


def connections_to(port: int) -> int:
    """Established connections of which a local port is the server's end."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    return len([f for f in fields if f[3] == "01" and int(f[1].split(":")[1], 16) == port])


def test_an_answer_is_packed_for_a_caller_that_takes_it(front: Front) -> None:
    target = f"/v1/members/m-1/recommendations{ASKED}"
    plain, packed = front.call(target), front.call(target, "Accept-Encoding: gzip")
    assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
    assert gzip.decompress(unchunked(packed)) == plain.body
    assert len(packed.body) < 0.6 * len(plain.body)


def unchunked(answer: Answer) -> bytes:
    """A body without the marks of chunked transfer."""
    if answer.headers.get("transfer-encoding") != "chunked":
        return answer.body
    body, rest = b"", answer.body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            return body
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


def test_a_body_beyond_the_limit_is_refused_before_it_reaches_the_service(front: Front) -> None:
    body = b"x" * 16_385
    length = f"Content-Length: {len(body)}"
    sent = request(f"/v1/members/m-1/recommendations{ASKED}", method="POST", headers=(length,), body=body)
    answer = front.exchange(sent)
    assert (answer.status, b"nginx" in answer.body) == (413, True)


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/v1/" + "x" * 9_000, (), 414),
        ("/v1/members/m-1/recommendations?campaign=x", ("X-Long: " + "x" * 9_000,), 400),
        ("/v1/members/m-1/recommendations?campaign=x", ("X-Much: " + "x" * 7_000,) * 6, 400),
    ],
    ids=["a URL", "a header", "headers together"],
)
def test_urls_and_headers_beyond_the_limits_are_refused(
    front: Front, target: str, headers: tuple[str, ...], status: int
) -> None:
    assert front.exchange(request(target, headers=headers)).status == status


def test_plain_http_gives_no_answer_and_no_redirect(front: Front) -> None:
    answer = call(front.http, f"/v1/members/m-1/recommendations{ASKED}", authorization=basic("braze"))
    assert (answer.status, answer.body) == (403, b"Use https.\n")
    assert "location" not in answer.headers


def test_old_tls_is_refused(front: Front) -> None:
    old = ssl.create_default_context(cafile=front.certificate)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert handshake(front, old) == "TLSv1.2"
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        handshake(front, old)


def handshake(front: Front, trust: ssl.SSLContext) -> str | None:
    with (
        socket.create_connection(("127.0.0.1", front.https), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname=HOST) as secure,
    ):
        return secure.version()


def test_the_log_names_no_member_and_no_credential(front: Front) -> None:
    front.call(f"/v1/members/somebody-private/recommendations{ASKED}", "User-Agent: Braze Sender 7")
    deadline_s = time.monotonic() + 5
    while '"Braze Sender 7"' not in front.log.read_text() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    log = front.log.read_text()
    assert '"Braze Sender 7"' in log
    assert "somebody-private" not in log
    assert "Basic" not in log


def test_a_service_that_is_down_is_a_bad_gateway_at_once(tmp_path: Path) -> None:
    with nginx(tmp_path, free_port()) as front:
        start_s = time.monotonic()
        assert front.call(f"/v1/members/m-1/recommendations{ASKED}").status == 502
        assert time.monotonic() - start_s < 1.0


def test_the_planners_entrance_in_the_documents_is_one_that_nginx_takes(tmp_path: Path) -> None:
    page = (CONF.parent / "production.md").read_text(encoding="utf-8")
    (site,) = re.findall(r"^```nginx\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    certificate, key = self_signed(tmp_path)
    placed_site = placed(
        site,
        {
            "/etc/ssl/connected-jobs/planner.pem": str(certificate),
            "/etc/ssl/connected-jobs/planner-key.pem": str(key),
        },
    )
    conf = tmp_path / "nginx.conf"
    conf.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{placed_site}}}\n")
    tried = subprocess.run(
        ["nginx", "-t", "-c", conf, "-e", tmp_path / "error.log"], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stderr


def test_a_load_test_goes_the_way_that_braze_goes(front: Front, tmp_path: Path) -> None:
    """Through TLS and where nothing but /v1/ is open; what stands in the way is one sentence."""
    (tmp_path / "members").write_text("m-1\n")
    name, _, secret = basic("braze")[6:].partition(" ")
    (tmp_path / "credential").write_text(base64.b64decode(name + secret).decode())

    def load(*more: str | Path) -> tuple[int, str]:
        files: list[str | Path] = [
            "--member-file",
            tmp_path / "members",
            "--credential-file",
            tmp_path / "credential",
        ]
        ran = subprocess.run(
            [sys.executable, "-m", "loadtest", *more, *files],
            cwd=CONF.parents[1],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return ran.returncode, ran.stdout + ran.stderr

    secure = ["--host", f"https://127.0.0.1:{front.https}"]
    short = [
        "--any-source",
        "--highest-rps",
        "10",
        "--start-rps",
        "10",
        "--step-s",
        "1",
        "--soak-s",
        "1",
        "--longest-soak-s",
        "1",
        "--overload-s",
        "0",
    ]
    out = tmp_path / "evidence.json"
    code, said = load("ceiling", *secure, "--ca-file", front.certificate, *short, "--out", out)
    assert out.exists(), said
    found = json.loads(out.read_text())
    assert (found["host"], found["steps"][0]["failures"]) == (secure[1], {}), said
    assert load("rehearse", tmp_path / "no-plan", *secure)[0] == 2
    code, said = load("ceiling", *secure)
    assert (code, "give that authority's certificate with --ca-file FILE" in said) == (2, True), said
    code, said = load("ceiling", "--host", f"http://127.0.0.1:{front.http}")
    assert (code, "takes no plain http (403): give --host with https://." in said) == (2, True), said


def test_problems_are_json_for_the_service_alone(front: Front) -> None:
    answer = front.call("/v1/members/m-1/recommendations")
    assert json.loads(answer.body)["parameter"] == "campaign"
