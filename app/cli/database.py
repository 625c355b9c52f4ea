"""What commands share: a database to use, files that people name, and progress on a terminal."""

from __future__ import annotations

import fcntl
import getpass
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.postgres.embedded import embedded_postgres, make_database
from app.postgres.engines import batch_engine
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Engine

EMBEDDED_DATABASE = "connected_jobs"
EXIT_REJECTS = 3  # what could be taken was; what could not is listed


class CommandError(Exception):
    """A command that cannot do what it was asked; the sentence says why and what to do."""


def read_text(path: Path, what: str) -> str:
    """Read a file that a person named.

    Raises:
        CommandError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, what, error) from error


def unreadable(path: Path, what: str, error: OSError | ValueError) -> CommandError:
    """The sentence for a file that a person named and that cannot be read."""
    if isinstance(error, UnicodeDecodeError):
        return CommandError(f"The {what} {path} cannot be read: it is not in UTF-8; save it so.")
    why = error.strerror if isinstance(error, OSError) and error.strerror else error
    return CommandError(f"The {what} {path} cannot be read: {why}.")


def refuse_pgbouncer(who_holds: str) -> None:
    """Refuse PgBouncer: it gives the connection to another client after each transaction.

    Args:
        who_holds: What needs connections of its own, as the beginning of a sentence.

    Raises:
        CommandError: CJ_PGBOUNCER is on.
    """
    if Settings.from_env().pgbouncer:
        raise CommandError(
            f"{who_holds} of its own: point DATABASE_URL at Postgres itself and leave CJ_PGBOUNCER off."
        )


def _by() -> str:
    """Return the user at the terminal, for the audit log."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user has no name
        return "command line"


by_option = click.option("--by", default=_by, help="Who makes the change.", show_default="you")


@contextmanager
def database(*, make: bool = False) -> Iterator[str]:
    """Yield the URL of the database to use: DATABASE_URL, or else an embedded one, which is named on standard error.

    That is the embedded one in CJ_DATA_DIR, started if need be, or else that of the one demo that runs there.

    Args:
        make: Make the embedded one where there is none: for what a database begins with.

    Raises:
        CommandError: there is none, or it is not known which.
    """
    settings = Settings.from_env()
    if settings.database_url is not None:
        yield settings.database_url
        return
    own = settings.data_dir / "postgres"
    demos = _running_demos(settings.data_dir)
    if own.exists() or (make and not demos):
        click.echo(f"DATABASE_URL is not set: this is of the embedded Postgres in {own}.", err=True)
        with embedded_database(own, EMBEDDED_DATABASE) as url:
            yield url
        return
    if len(demos) != 1 or make:
        raise CommandError(_which_database(settings.data_dir, demos))
    click.echo(f"DATABASE_URL is not set: this is of the demo that runs in {demos[0].parent}.", err=True)
    yield demos[0].read_text(encoding="utf-8").strip()


def _running_demos(data_dir: Path) -> list[Path]:
    """Return where each demo that runs says which database is its own."""
    return [
        file for file in sorted(data_dir.glob("demo-*/database-url")) if _is_locked(file.with_name("lock"))
    ]


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _which_database(data_dir: Path, demos: Sequence[Path]) -> str:
    if demos:
        ways = " or ".join(f"`export DATABASE_URL_FILE={shlex.quote(str(file.resolve()))}`" for file in demos)
        return f"DATABASE_URL is not set, and a demo runs in {data_dir}: say {ways}, or which other database is meant."
    return (
        "DATABASE_URL is not set: say `export DATABASE_URL=postgresql://user@host/name`, or DATABASE_URL_FILE and a file; "
        f"`connected-jobs migrate --board` makes an embedded Postgres in {data_dir} for trying things out."
    )


@contextmanager
def embedded_database(data_dir: Path, name: str) -> Iterator[str]:
    """Yield the URL of a database in an embedded server, made where it does not exist."""
    with embedded_postgres(data_dir) as server:
        make_database(server, name)
        yield server.database_url(name)


@contextmanager
def database_engine(*, make: bool = False) -> Iterator[Engine]:
    """Yield an engine on the database to use: see `database`."""
    with database(make=make) as url:
        engine = batch_engine(url, through_pgbouncer=Settings.from_env().pgbouncer)
        yield engine
        engine.dispose()


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float | None], None]]:
    """Yield a bar with time left for each stage, on a terminal; nothing elsewhere. A stage of None is none that can be told."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        tasks = {}

        def report(stage: str, share: float | None) -> None:
            if stage not in tasks:
                for task in bars.tasks:  # of an earlier stage
                    bars.update(task.id, total=1.0, completed=1.0)
                tasks[stage] = bars.add_task(stage, total=None if share is None else 1.0)
            bars.update(tasks[stage], completed=share)

        yield report
