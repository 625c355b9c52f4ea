"""The benchmark's database: an embedded Postgres with a generated board, kept from run to run.

The service's own commands make it.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from loadtest.bench.processes import free_port, last_lines, output_of, running
from loadtest.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from subprocess import Popen

PEERS = "loadtest.bench.peers"
COMMAND = str(Path(sys.executable).with_name("connected-jobs"))
STALE_S = 20 * 60 * 60  # a generated board's postings close day by day
_START_S = 60.0
_PREPARE_S = 60 * 60.0
_PID, _SOCKET_DIR, _STATUS = 0, 4, 7  # lines of postmaster.pid


@dataclass(frozen=True, slots=True)
class BoardSize:
    """How large the generated board is."""

    members: int
    postings: int


@dataclass(frozen=True, slots=True)
class BoardDatabase:
    """A database with lists in force, and the calls to make.

    Attributes:
        url: of the database.
        postgres_pid: the server's first process, whose tree costs CPU time.
        data_dir: where the server keeps its data.
        authorization: the header of a credential that opens answers.
        every: a file of paths, one a line, each another member's.
        one: a file of one path.
        members: how many paths `every` has.
    """

    url: str
    postgres_pid: int
    data_dir: Path
    authorization: str
    every: Path
    one: Path
    members: int


@contextmanager
def board_database(
    data_dir: Path, board: BoardSize, *, folder: Path, cores: Sequence[int], say: Callable[[str], None]
) -> Iterator[BoardDatabase]:
    """Run Postgres on `data_dir`, filled if it is new; `folder` takes the questions and the logs.

    The server is held by an idle instance of the service, so it ends with the block.

    Raises:
        BenchError: a command failed, or the folder holds another board.
    """
    with postgres(data_dir, folder=folder, cores=cores) as server:
        environment = {**server.environment, "DATABASE_URL": server.url}
        _fill(server.data_dir, board, environment, say)
        every, one = write_questions(folder, _members_with_lists(environment))
        yield BoardDatabase(
            url=server.url,
            postgres_pid=server.pid,
            data_dir=server.data_dir,
            authorization=authorization(environment),
            every=every,
            one=one,
            members=sum(1 for _ in every.open(encoding="ascii")),
        )


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running Postgres: its database `connected_jobs`, its process, and the environment of commands that use it."""

    url: str
    pid: int
    data_dir: Path
    environment: Mapping[str, str]


@contextmanager
def postgres(data_dir: Path, *, folder: Path, cores: Sequence[int]) -> Iterator[PostgresServer]:
    """Run Postgres on `data_dir` for as long as the block lasts, held by an idle instance of the service.

    Raises:
        BenchError: it did not start.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    environment = {
        "DATABASE_URL": "",  # what a shell says of one is for other commands
        "DATABASE_URL_FILE": "",
        "CJ_DATA_DIR": str(data_dir),
        "CJ_WORKERS": "1",
        "CJ_BIND": f"127.0.0.1:{free_port()}",
        "CJ_SNAPSHOT": str(folder / "saved-of-the-idle-one.json"),
    }
    log = folder / "postgres.log"
    # What a database begins with makes the embedded one where there is none; the service would not.
    output_of([COMMAND, "migrate", "--board"], cores=(), environment=environment, limit_s=_PREPARE_S)
    with running([COMMAND, "serve"], cores=cores, environment=environment, log=log) as idle:
        socket_dir, pid = _wait_for_postgres(data_dir / "postgres" / "postmaster.pid", idle, log)
        yield PostgresServer(
            f"postgresql://postgres@/connected_jobs?host={socket_dir}", pid, data_dir, environment
        )


def _wait_for_postgres(pid_file: Path, idle: Popen[bytes], log: Path) -> tuple[str, int]:
    """Where its socket is, and its process."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and idle.poll() is None:
        time.sleep(0.1)
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        ready = len(lines) > _STATUS and lines[_STATUS].strip() == "ready"
        if ready and (Path(lines[_SOCKET_DIR]) / ".s.PGSQL.5432").exists():
            return lines[_SOCKET_DIR], int(lines[_PID])
    raise BenchError(f"The embedded Postgres did not start: {last_lines(log)}")


def _fill(
    data_dir: Path, board: BoardSize, environment: Mapping[str, str], say: Callable[[str], None]
) -> None:
    """Generate, import and refresh, unless an earlier run did."""
    mark, wanted = data_dir / "board.json", {"members": board.members, "postings": board.postings}
    if mark.exists():
        made = json.loads(mark.read_text(encoding="utf-8"))
        if made != wanted or time.time() - mark.stat().st_mtime > STALE_S:
            raise BenchError(
                f"{data_dir} holds a board of {made['members']:,} members and {made['postings']:,} postings, made "
                f"{(time.time() - mark.stat().st_mtime) / 3600:.0f} h ago: remove it, or give another --data."
            )
        return
    say(f"Making a board of {board.members:,} members and {board.postings:,} postings in {data_dir}.")
    sizes = ("--members", str(board.members), "--postings", str(board.postings))
    with TemporaryDirectory() as made:
        for command in (
            ("generate", made, *sizes),
            ("import", made),
            ("refresh", "--at-once"),
        ):
            output_of([COMMAND, *command], cores=(), environment=environment, limit_s=_PREPARE_S)
    mark.write_text(json.dumps(wanted), encoding="utf-8")


def _members_with_lists(environment: Mapping[str, str]) -> list[str]:
    """Ids of the members whose list fills an answer.

    Raises:
        BenchError: there is none.
    """
    program = [sys.executable, "-m", f"{PEERS}.members_with_lists"]
    given = {"BENCH_BODY": "/dev/null", "BENCH_CONNECTIONS": "1"}
    members = output_of(
        program, cores=(), environment={**environment, **given}, limit_s=_START_S
    ).splitlines()
    if not members:
        raise BenchError("No member of the generated board has a list that fills an answer.")
    return members


def write_questions(folder: Path, members: Iterable[str]) -> tuple[Path, Path]:
    """Files of paths: one that asks for every member once, one that asks for the first again and again."""
    every, one = folder / "every.txt", folder / "one.txt"
    lines = [f"/v1/members/{member}/recommendations?campaign=weekly-digest\n" for member in members]
    every.write_text("".join(lines), encoding="ascii")
    one.write_text(lines[0], encoding="ascii")
    return every, one


def authorization(environment: Mapping[str, str]) -> str:
    """The header of a new credential."""
    said = output_of(
        [COMMAND, "credential", "create", "bench"], cores=(), environment=environment, limit_s=_START_S
    )
    secrets = [line.split()[1] for line in said.splitlines() if line.strip().startswith("secret:")]
    return f"Bearer {secrets[0]}"
