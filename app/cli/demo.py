"""The demo: a board, its lists and the service, from one command on an empty machine."""

from __future__ import annotations

import base64
import errno
import fcntl
import hashlib
import json
import os
import socket
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
from sqlalchemy import text

from app.cli.board import load_summary
from app.cli.campaigns import put_examples
from app.cli.children import running, stopped_by_signals
from app.cli.parts import CommandError, embedded_database, progress_bar
from app.cli.planner import PLANNER
from app.cli.refreshing import summary as refresh_summary
from app.cli.serving import GUNICORN
from app.demo.generate import generate
from app.postgres import migrate
from app.postgres.board_snapshot import snapshot
from app.postgres.credentials import insert_credential, revoke_credential, select_credentials
from app.postgres.engine import batch_engine
from app.postgres.load import load
from app.postgres.refresh import refresh
from app.postgres.sources import ImportRefusedError, Source, find_sources
from app.serving.credentials import Scope
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

    from app.recommend.board import Posting

READY_S = 60.0
LAST_PORT = 65_535
PORTS_TRIED = 20
STALE = timedelta(days=1)  # a generated board's newest postings age, so it is made anew
CREDENTIALS = {Scope.CONTENT: "braze", Scope.METRICS: "prometheus", Scope.OPERATOR: "operator"}


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
@click.option("--once", is_flag=True, help="Answer one call, print it and end.")
def demo(
    *,
    data: Path | None,
    port: int,
    planner_port: int | None,
    members: int,
    postings: int,
    seed: int,
    once: bool,
) -> None:
    """Serve a board from an embedded Postgres, and print the call that answers with a member's postings."""
    board = Board(data, members, postings, seed)
    folder = Settings.from_env().data_dir / f"demo-{port}"
    with (
        stopped_by_signals(),
        _port_of_our_own(port, folder),
        embedded_database(folder / "postgres", board.database_name()) as url,
    ):
        engine = batch_engine(url)
        board.prepare(engine)
        put_examples(engine, datetime.now(UTC))
        secrets = _new_credentials(engine)
        for scope, file in ((Scope.CONTENT, "credential"), (Scope.OPERATOR, "operator-credential")):
            _write_secret(folder / file, f"{CREDENTIALS[scope]}:{secrets[scope]}")
        _write_secret(folder / "database-url", url)
        environment = {"DATABASE_URL": url, "CJ_BIND": f"127.0.0.1:{port}", "CJ_DATA_DIR": str(folder)}
        with running(GUNICORN, environment) as gunicorn:
            _wait_until_ready(port, gunicorn.poll)
            call = _call(engine, port)
            if once:
                _introduce(call, port, secrets, folder)
                click.echo(json.dumps(_answer(call, secrets[Scope.CONTENT]), ensure_ascii=False, indent=2))
                return
            planner_port = planner_port or _free_port_after(port)
            with running(PLANNER, environment | _planner_environment(port, planner_port, folder)) as planner:
                _wait_until_ready(planner_port, planner.poll)
                _introduce(call, port, secrets, folder, planner_port)
                gunicorn.wait()


class Board:
    """What the demo serves: real postings from a folder, or all of it generated."""

    def __init__(self, data: Path | None, members: int, postings: int, seed: int) -> None:
        self._data = data.resolve() if data else None
        self._sources = _sources(self._data) if self._data else []
        self._members = members
        self._postings = postings
        self._seed = seed

    def database_name(self) -> str:
        """One database for each board, so that another run with the same files and options finds it filled."""
        files = [(str(s.path), s.path.stat().st_size, s.path.stat().st_mtime_ns) for s in self._sources]
        key = f"{files} {self._members} {self._postings} {self._seed}"
        return "demo_" + hashlib.sha256(key.encode()).hexdigest()[:12]

    def prepare(self, engine: Engine) -> None:
        """Tables, data and lists: those of an earlier run today, or all made anew."""
        migrate.upgrade(engine, "board")
        migrate.upgrade(engine, "service")
        made_at = _last_refresh(engine)
        if made_at is not None and datetime.now(UTC) - made_at < STALE:
            return
        for branch in ("service", "board"):
            migrate.downgrade(engine, branch)
            migrate.upgrade(engine, branch)
        with TemporaryDirectory() as made, progress_bar() as progress:
            self._fill(engine, Path(made), progress)
        with progress_bar() as progress:
            click.echo(refresh_summary(refresh(engine, progress=progress)))

    def _fill(self, engine: Engine, made: Path, progress: Callable[[str, float], None]) -> None:
        """Import what the folder has; generate the whole board, or the members and activity it lacks."""
        if self._data:
            _import(engine, self._data, made, progress)
        if "members" in [source.noun.name for source in self._sources]:
            return
        summary = generate(
            made / "generated",
            members=self._members,
            postings=self._postings,
            seed=self._seed,
            now=datetime.now(UTC),
            around=_postings(engine) if self._data else None,
            progress=progress,
        )
        rows = ", ".join(f"{count:,} {noun}" for noun, count in summary.rows.items())
        click.echo(f"Generated, not real: {rows}.")
        _import(engine, made / "generated", made, progress)


def _postings(engine: Engine) -> Sequence[Posting]:
    """The board's postings, as they were imported."""
    with snapshot(engine) as board:
        if postings := board.postings():
            return postings
    raise CommandError("None of the postings could be loaded: mend them as the rejects say.")


def _sources(folder: Path) -> Sequence[Source]:
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}: give one with postings in the import format.")
    try:
        sources, _ = find_sources(folder)
    except ImportRefusedError as error:
        raise CommandError(str(error)) from error
    if "postings" not in [source.noun.name for source in sources]:
        raise CommandError(f"{folder} has no postings file: see docs/import-format.md.")
    return sources


def _import(engine: Engine, folder: Path, made: Path, progress: Callable[[str, float], None]) -> None:
    try:
        report = load(
            engine,
            folder,
            rejects=made / "rejects.csv",
            progress=lambda noun, _rows, done, total: progress(f"load {noun}", done / max(total, 1)),
        )
    except ImportRefusedError as error:
        raise CommandError(str(error)) from error
    click.echo(load_summary(report))


def _last_refresh(engine: Engine) -> datetime | None:
    with engine.connect() as connection:
        made_at: datetime | None = connection.execute(
            text("SELECT max(finished_at) FROM connected_jobs.refresh_run WHERE state = 'ready'")
        ).scalar()
    return made_at


@contextmanager
def _port_of_our_own(port: int, folder: Path) -> Iterator[None]:
    """Keep other demos off the port from now on, and refuse one that any other program listens on."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _try_port(port)
        except OSError as error:
            what = "needs root" if error.errno == errno.EACCES else "is taken"
            other = port + 1 if error.errno != errno.EACCES else 8080
            raise CommandError(f"Port {port} {what}: choose another, `make demo PORT={other}`.") from error
        yield


def _try_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def _free_port_after(port: int) -> int:
    for other in range(port + 1, min(port + PORTS_TRIED, LAST_PORT) + 1):
        try:
            _try_port(other)
        except OSError:
            continue
        return other
    raise CommandError(f"No port after {port} is free for the planner: give one with --planner-port.")


def _new_credentials(engine: Engine) -> dict[Scope, str]:
    """A credential for each purpose; those of earlier demos are revoked, since their secrets are gone."""
    with engine.begin() as connection:
        for row in select_credentials(connection):
            if row.revoked_at is None and row.name in CREDENTIALS.values():
                revoke_credential(connection, row.id)
        return {scope: insert_credential(connection, name, scope)[1] for scope, name in CREDENTIALS.items()}


def _write_secret(path: Path, secret: str) -> None:
    """A file that only its owner may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")


def _wait_until_ready(port: int, ended: Callable[[], int | None]) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if ended() is not None:
            raise CommandError("The service stopped while starting; its messages above say why.")
        try:
            _get(f"http://127.0.0.1:{port}/health/ready")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise CommandError(f"The service was not ready within {READY_S:.0f} s; its messages above say why.")


def _call(engine: Engine, port: int) -> str:
    """The URL that asks for the postings of a member with much activity."""
    with engine.connect() as connection:
        member_id: str = connection.execute(
            text("""
                SELECT a.member_id
                FROM board.activity a
                JOIN board.member m ON m.id = a.member_id AND m.mail_consent AND m.withdrawn_at IS NULL
                WHERE a.kind = 'apply'
                GROUP BY a.member_id
                ORDER BY abs(count(*) - 8), a.member_id
                LIMIT 1
            """)
        ).scalar_one()
    return f"http://127.0.0.1:{port}/v1/members/{quote(member_id, safe='')}/recommendations?campaign=weekly-digest"


def _answer(call: str, secret: str) -> Any:
    token = base64.b64encode(f"{CREDENTIALS[Scope.CONTENT]}:{secret}".encode()).decode()
    return json.loads(_get(call, Authorization=f"Basic {token}"))


def _get(url: str, **headers: str) -> bytes:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - URLs of our own making
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        body: bytes = answer.read()
    return body


def _planner_environment(port: int, planner_port: int, folder: Path) -> dict[str, str]:
    """The planner's settings: its previews call the demo's service, and its pages come over plain http."""
    return {
        "CJ_PLANNER_BIND": f"127.0.0.1:{planner_port}",
        "CJ_PLANNER_HTTPS_ONLY": "off",
        "CJ_PREVIEW_URL": f"http://127.0.0.1:{port}",
        "CJ_PREVIEW_CREDENTIAL_FILE": str(folder / "credential"),
    }


def _introduce(
    call: str, port: int, secrets: dict[Scope, str], folder: Path, planner_port: int | None = None
) -> None:
    content, metrics = secrets[Scope.CONTENT], secrets[Scope.METRICS]
    planner = f"""
The planner says whether a send may go out, and how fast:  http://127.0.0.1:{planner_port}/
  name:    {CREDENTIALS[Scope.OPERATOR]}
  secret:  {secrets[Scope.OPERATOR]}
"""
    click.echo(f"""
The service answers on port {port}. Ask it for a member's postings, as Braze would:

  curl -su '{CREDENTIALS[Scope.CONTENT]}:{content}' '{call}'

Health:    curl -s http://127.0.0.1:{port}/health/ready
Metrics:   curl -su '{CREDENTIALS[Scope.METRICS]}:{metrics}' http://127.0.0.1:{port}/metrics
A mail:    connected-jobs preview docs/templates/jobs-mail.html.liquid --member ID \\
             --url http://127.0.0.1:{port} --credential-file {folder / "credential"}
{planner if planner_port else ""}
Ctrl-C stops the service and its Postgres.""")


COMMANDS = (demo,)
