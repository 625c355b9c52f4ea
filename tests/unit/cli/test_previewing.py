"""The preview command: the mail, what is said beside it, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from app.cli.database import CommandError
from app.cli.previewing import ABORTED, WOULD_BE_RETRIED, preview

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

CALL = "{% connected_content https://jobs.example.com/x :basic_auth a :save jobs %}"


class _Always(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/x" else 503)
        self.end_headers()
        self.wfile.write(b'{"name": "pen"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """A service that answers one path."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Always) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template that calls and greets."""
    (tmp_path / "credential").write_text("a:b\n")
    path = tmp_path / "mail.html.liquid"
    path.write_text(
        CALL + "Hi {{${first_name}}}, a {{ jobs.name }} {{custom_attribute.${size}}}", encoding="utf-8"
    )
    return path


def _run(template: Path, service: str, *options: str) -> Result:
    credential = template.with_name("credential")
    line = [
        str(template),
        "--member",
        "m-1",
        "--url",
        service,
        "--credential-file",
        str(credential),
        *options,
    ]
    return CliRunner().invoke(preview, line)


def test_the_mail_is_printed_and_what_has_no_value_is_named_beside_it(template: Path, service: str) -> None:
    done = _run(template, service)
    assert (done.exit_code, done.stdout) == (0, "Hi , a pen \n")
    assert (
        "No value for ${first_name}, custom_attribute.${size}: give it with --attributes FILE." in done.stderr
    )
    assert f"GET {service}/x -> 200 in " in done.stderr


def test_attributes_come_from_a_file(template: Path, service: str) -> None:
    attributes = template.with_name("attributes.json")
    attributes.write_text(
        json.dumps({"first_name": "민지", "custom_attribute": {"size": "L"}}), encoding="utf-8-sig"
    )
    done = _run(template, service, "--attributes", str(attributes))
    assert (done.stdout, "No value" in done.stderr) == ("Hi 민지, a pen L\n", False)


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ("{'a': 1}", "is no JSON at line 1, column 2: "),
        ("[1]", 'does not hold an object such as {"first_name"'),
        ("[" * 100_000, "is nested too deep"),
    ],
)
def test_attributes_that_cannot_be_read_are_refused_in_one_sentence(
    template: Path, service: str, held: str, sentence: str
) -> None:
    attributes = template.with_name("attributes.json")
    attributes.write_text(held)
    refused = _run(template, service, "--attributes", str(attributes)).exception
    assert isinstance(refused, CommandError)
    assert sentence in str(refused)


def test_the_mail_is_written_whole_and_never_over_its_template(template: Path, service: str) -> None:
    out = template.with_name("mail.html")
    assert _run(template, service, "--out", str(out)).stdout == ""
    assert out.read_text(encoding="utf-8") == "Hi , a pen "
    refused = _run(template, service, "--out", str(template)).exception
    missing = _run(template, service, "--out", str(template.with_name("no") / "mail.html")).exception
    assert "over its own template" in str(refused)
    assert "cannot be written" in str(missing)
    assert sorted(path.name for path in template.parent.iterdir()) == [
        "credential",
        "mail.html",
        "mail.html.liquid",
    ]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (CALL + "{% abort_message('few') %}", ABORTED, "nothing would be sent: few"),
        (CALL.replace("/x", "/y").replace(" :save", " :retry :save"), WOULD_BE_RETRIED, "at most 5 times"),
    ],
)
def test_how_it_ends_tells_an_abort_from_a_retry(
    template: Path, service: str, text: str, code: int, said: str
) -> None:
    template.write_text(text)
    done = _run(template, service)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


def test_half_characters_are_replaced_where_they_are_printed(template: Path, service: str) -> None:
    attributes = template.with_name("attributes.json")
    attributes.write_text('{"first_name": "a\\ud800"}')
    assert _run(template, service, "--attributes", str(attributes)).stdout == "Hi a?, a pen \n"


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "http://", "http://[::1", "http://h:port", "ftp://h"])
def test_an_address_that_is_none_is_refused(template: Path, url: str) -> None:
    refused = _run(template, url).exception
    assert isinstance(refused, CommandError)
    assert f"--url {url} is no address of a service" in str(refused)


def test_a_template_without_calls_needs_no_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain.liquid").write_text("{{ 1 | plus: 1 }}")
    Path("calling.liquid").write_text(CALL)
    assert CliRunner().invoke(preview, ["plain.liquid", "--member", "m"]).stdout == "2\n"
    refused = CliRunner().invoke(preview, ["calling.liquid", "--member", "m"]).exception
    assert "The template's calls need a credential" in str(refused)


def test_the_mail_is_opened_in_the_browser_there_is(template: Path, service: str) -> None:
    shown = template.with_name("shown")
    browser = template.with_name("browser")
    browser.write_text(f'#!/bin/sh\necho "$1" > {shown}\n')
    browser.chmod(0o755)
    done = subprocess.run(
        [
            sys.executable, "-c", "from app.cli.main import main; main()", "preview", str(template), "--member", "m",
            "--url", service, "--credential-file", str(template.with_name("credential")), "--open",
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"BROWSER": f"{browser} %s", "TMPDIR": str(template.parent)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert shown.read_text().strip().startswith("file://")


def test_lost_message_extras_are_said_loudly_beside_a_mail_that_goes_out(
    template: Path, service: str
) -> None:
    template.write_text("Hi{% message_extras :key cj :value v2|x %}", encoding="utf-8")
    ended = _run(template, service)
    assert (ended.exit_code, ended.stdout) == (0, "Hi\n")
    assert ended.stderr == (
        'Message extras: {"cj": "v2|x"}\n'
        "LOST ON THE WAY: The mail will not be known in any result: "
        "An exposure begins with v1|; this text begins with 'v2'.\n"
    )
