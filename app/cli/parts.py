"""What commands share: a database to use, and progress on a terminal."""

from __future__ import annotations

import getpass
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click
from psycopg import sql
from psycopg.errors import DuplicateDatabase, UniqueViolation
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.postgres.connecting import connect
from app.postgres.embedded import embedded_postgres
from app.postgres.engine import batch_engine
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

EMBEDDED_DATABASE = "connected_jobs"


class CommandError(Exception):
    """A command that cannot do what it was asked; the sentence says why and what to do."""


def _by() -> str:
    """Who is at the terminal, for the record of changes."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user has no name
        return "command line"


by_option = click.option("--by", default=_by, help="Who makes the change.", show_default="you")


@contextmanager
def database() -> Iterator[str]:
    """The URL of the database to use: DATABASE_URL, or one in the embedded server, started if need be."""
    settings = Settings.from_env()
    if settings.database_url is not None:
        yield settings.database_url
        return
    with embedded_database(settings.data_dir / "postgres", EMBEDDED_DATABASE) as url:
        yield url


@contextmanager
def embedded_database(data_dir: Path, name: str) -> Iterator[str]:
    """The URL of a database in an embedded server, made where it does not exist."""
    with embedded_postgres(data_dir) as server:
        with connect(server.url, autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                with suppress(DuplicateDatabase, UniqueViolation):  # another command made it meanwhile
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield server.database_url(name)


@contextmanager
def database_engine() -> Iterator[Engine]:
    """An engine on the database to use."""
    with database() as url:
        engine = batch_engine(url, through_pgbouncer=Settings.from_env().pgbouncer)
        yield engine
        engine.dispose()


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """A bar with time left for each stage, on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        tasks = {}

        def report(stage: str, share: float) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=1.0)
            bars.update(tasks[stage], completed=share)

        yield report
