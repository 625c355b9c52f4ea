"""The demo: a board, its lists, the service and the planner, from one command on an empty machine."""

from __future__ import annotations

import base64
import errno
import fcntl
import json
import os
import secrets
import shlex
import socket
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from app.braze.mails import TEMPLATES
from app.cli.campaigns import put_examples
from app.cli.database import CommandError, embedded_database
from app.cli.demo.board import DemoBoard, GeneratedBoard
from app.cli.planner import PLANNER
from app.cli.serving import GUNICORN
from app.cli.subprocesses import CONNECTED_JOBS, running, stop_on_signals
from app.credentials import Scope
from app.postgres.credentials import insert_credential, select_living_credential
from app.postgres.engines import batch_engine
from app.postgres.members import select_active_member_id
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import Engine

READY_S = 60.0
LAST_PORT = 65_535
PORTS_TRIED = 20
MAILS = 2_500  # a digest
SECRET_BYTES = 32
NAMES = {Scope.CONTENT: "braze", Scope.METRICS: "prometheus", Scope.OPERATOR: "operator"}
FILES = {
    Scope.CONTENT: "credential",
    Scope.METRICS: "metrics-credential",
    Scope.OPERATOR: "operator-credential",
}
# Where one of these is set in a person's shell, it is for other commands than the demo and what it starts.
OTHERS = {
    name: ""
    for secret in ("DATABASE_URL", "CJ_SESSION_KEY", "CJ_PREVIEW_CREDENTIAL")
    for name in (secret, f"{secret}_FILE")
}


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="A folder with postings in the import format.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, LAST_PORT))
@click.option(
    "--planner-port",
    type=click.IntRange(1, LAST_PORT),
    help="Where the planner answers; the first free port after --port.",
)
@click.option("--members", default=20_000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--postings", default=3_000, show_default=True, type=click.IntRange(1, 200_000))
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--mails",
    default=MAILS,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="Members whom two digests go to in the background, through a double of Braze.",
)
@click.option("--once", is_flag=True, help="Answer one call, print it and end.")
def demo(
    *,
    data: Path | None,
    port: int,
    planner_port: int | None,
    members: int,
    postings: int,
    seed: int,
    mails: int,
    once: bool,
) -> None:
    """Serve a board from an embedded Postgres, and print the call that answers with a member's postings."""
    board = DemoBoard(data, members, postings, seed)
    folder = Settings.from_env(os.environ | OTHERS).data_dir / f"demo-{port}"
    with (
        stop_on_signals(),
        _port_of_our_own(port, folder, planner_port),
        embedded_database(folder / "postgres", board.database_name()) as url,
    ):
        engine = batch_engine(url)
        board.prepare(engine, folder)
        put_examples(engine, datetime.now(UTC))
        with engine.connect() as connection:
            member_id = select_active_member_id(connection)
        shown = DemoCard(folder, port, member_id, _credentials(engine, folder))
        _write_secret(folder / "database-url", url)
        environment = {"DATABASE_URL": url, "CJ_BIND": f"127.0.0.1:{port}", "CJ_DATA_DIR": str(folder)}
        with _logging_to(folder / "service.log", GUNICORN, environment, port):
            if once:
                click.echo(json.dumps(shown.answer(), ensure_ascii=False, indent=2))
                return
            planner_port = planner_port or _free_port_after(port)
            environment |= _planner_environment(port, planner_port, folder)
            with _logging_to(folder / "planner.log", PLANNER, environment, planner_port) as wait:
                to_send = _mail_command(board.database_name(), folder, port, mails)
                click.echo(shown.card(planner_port, _mail_lines(folder, planner_port, to_send=bool(to_send))))
                with _mailing(folder / "mail.log", to_send, environment):
                    wait()


def _mail_command(database: str, folder: Path, port: int, mails: int) -> list[str]:
    """Return the command that sends the digests; nothing if none are asked for, all were sent, or the board was not generated."""
    board = GeneratedBoard.read(folder, database)
    if not mails or board is None or board.is_mailed(folder) or not find_spec("fastavro"):
        return []
    of_demo = ["--url", f"http://127.0.0.1:{port}", "--database-name", database, "--mails", str(mails)]
    return [*CONNECTED_JOBS, "demo-mail", *of_demo]


def _mail_lines(folder: Path, planner_port: int, *, to_send: bool) -> str:
    """Return the lines that say where results are shown, and whether digests are being sent now."""
    page = f"http://127.0.0.1:{planner_port}/results"
    if not to_send:
        return f"What became of mails:  {page}"
    return f"""What becomes of mails:  {page}
  Two weekly digests go out now, through a double of Braze; {_here(folder / "mail.log")} says when all is read."""


@contextmanager
def _mailing(log: Path, command: list[str], environment: Mapping[str, str]) -> Iterator[None]:
    """Send the digests in the background. If that fails, the demo goes on without them and `log` says why."""
    if not command:
        yield
        return
    with log.open("wb") as said, running(command, {**OTHERS, **environment}, log=said):
        yield


@contextmanager
def _port_of_our_own(port: int, folder: Path, planner_port: int | None) -> Iterator[None]:
    """Lock the port against other demos; refuse a port that another program listens on, and leave no files then."""
    _refuse_taken(port, "make demo PORT={}")
    if planner_port is not None:
        _refuse_taken(planner_port, "--planner-port {}")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _port_error(port, "is taken", "make demo PORT={}") from error
        yield


def _refuse_taken(port: int, way_out: str) -> None:
    try:
        _try_port(port)
    except OSError as error:
        what = "needs root" if error.errno == errno.EACCES else "is taken"
        raise _port_error(port, what, way_out) from error


def _port_error(port: int, what: str, way_out: str) -> CommandError:
    other = next(_free_ports_after(port), 8080) if what == "is taken" else 8080
    return CommandError(f"Port {port} {what}: choose another, `{way_out.format(other)}`.")


def _try_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def _free_port_after(port: int) -> int:
    for other in _free_ports_after(port):
        return other
    raise CommandError(f"No port after {port} is free for the planner: give one with --planner-port.")


def _free_ports_after(port: int) -> Iterator[int]:
    for other in range(port + 1, min(port + PORTS_TRIED, LAST_PORT) + 1):
        try:
            _try_port(other)
        except OSError:
            continue
        yield other


def _credentials(engine: Engine, folder: Path) -> dict[Scope, str]:
    """Return a secret for each purpose: that of an earlier demo on this port if its file is still there."""
    found = {scope: _keep_secret(folder / FILES[scope], NAMES[scope]) for scope in NAMES}
    with engine.begin() as connection:
        for scope, secret in found.items():
            if select_living_credential(connection, secret) is None:
                insert_credential(connection, NAMES[scope], scope, secret=secret)
    return found


def _keep_secret(path: Path, name: str = "") -> str:
    """Return the secret in a file, `name:secret` or alone; an empty or absent file gets a new one."""
    head = f"{name}:" if name else ""
    kept = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
    if kept.startswith(head) and len(kept) > len(head):
        return kept.removeprefix(head)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    _write_secret(path, head + secret)
    return secret


def _write_secret(path: Path, secret: str) -> None:
    """Write a file that only its owner may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")


def _planner_environment(port: int, planner_port: int, folder: Path) -> dict[str, str]:
    """Return the planner's settings: its previews call the demo's service, and its pages come over plain http."""
    key = folder / "session-key"
    _keep_secret(key)
    return {
        "CJ_PLANNER_BIND": f"127.0.0.1:{planner_port}",
        "CJ_PLANNER_HTTPS_ONLY": "off",
        "CJ_SESSION_KEY_FILE": str(key),
        "CJ_LOADTEST_COMMAND": f"make loadtest DEMO={port}",
        "CJ_PREVIEW_URL": f"http://127.0.0.1:{port}",
        "CJ_PREVIEW_CREDENTIAL_FILE": str(folder / FILES[Scope.CONTENT]),
    }


@contextmanager
def _logging_to(
    log: Path, command: list[str], environment: Mapping[str, str], port: int
) -> Iterator[Callable[[], int]]:
    """Run a server with its output in a file until it is ready at its port; the function yielded waits for its end."""
    with log.open("wb") as said, running(command, {**OTHERS, **environment}, log=said) as server:
        _wait_until_ready(port, server.poll, log)
        yield server.wait


def _wait_until_ready(port: int, ended: Callable[[], int | None], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if ended() is not None:
            raise CommandError(f"The service stopped while starting. The end of {log}:\n{_last_lines(log)}")
        try:
            _get(f"http://127.0.0.1:{port}/health/ready")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise CommandError(
        f"The service was not ready within {READY_S:.0f} s. The end of {log}:\n{_last_lines(log)}"
    )


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])


def _get(url: str, **headers: str) -> bytes:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - URLs of our own making
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # a proxy of the person's is for other hosts
    with direct.open(request, timeout=5) as answer:
        body: bytes = answer.read()
    return body


@dataclass(frozen=True, slots=True)
class DemoCard:
    """The text that a running demo shows; every line of it can be pasted into a shell."""

    folder: Path
    port: int
    member: str
    secrets: Mapping[Scope, str]

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def _call(self) -> str:
        return f"{self._url}/v1/members/{quote(self.member, safe='')}/recommendations?campaign=weekly-digest"

    def answer(self) -> Any:
        """Return the answer to the call that is shown."""
        token = base64.b64encode(f"{NAMES[Scope.CONTENT]}:{self.secrets[Scope.CONTENT]}".encode()).decode()
        return json.loads(_get(self._call, Authorization=f"Basic {token}"))

    def card(self, planner_port: int, of_mails: str) -> str:
        """Return calls and commands to paste, and who may sign in."""
        command, folder = _here(Path(sys.executable).with_name("connected-jobs")), _here(self.folder)
        template = _here(TEMPLATES / "jobs-mail.html.liquid")
        user = {scope: f"{name}:{self.secrets[scope]}" for scope, name in NAMES.items()}
        return f"""
The service answers on port {self.port}. Ask it for a member's postings, as Braze would:

  curl -su '{user[Scope.CONTENT]}' '{self._call}' | python3 -m json.tool --no-ensure-ascii

Health:    curl -sw '\\n' {self._url}/health/ready
Metrics:   curl -su '{user[Scope.METRICS]}' {self._url}/metrics
A mail:    {command} preview {template} \\
             --member {shlex.quote(self.member)} --url {self._url} \\
             --credential-file {folder}/{FILES[Scope.CONTENT]} > {folder}/mail.html
Its limit: make loadtest DEMO={self.port}

Other commands ask the demo's Postgres after the first of these lines:

  export DATABASE_URL_FILE={shlex.quote(str(self.folder.resolve() / "database-url"))}
  {command} campaigns list
  {command} warehouse export {folder}/warehouse{"" if find_spec("pyarrow") else " --format csv"}

The planner says whether a send may go out, and how fast:  http://127.0.0.1:{planner_port}/
  name:    {NAMES[Scope.OPERATOR]}
  secret:  {self.secrets[Scope.OPERATOR]}

{of_mails}

What both log is in {folder}/service.log and planner.log.
Ctrl-C stops the service and its Postgres."""


def _here(path: Path) -> str:
    """Return a path quoted for a shell, relative if it lies below the current folder."""
    whole = path.absolute()  # not resolved: a virtual environment's programs are links
    return shlex.quote(str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole))


COMMANDS = (demo,)
