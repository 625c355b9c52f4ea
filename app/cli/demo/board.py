"""The board that a demo serves: real postings from a folder, or all of it generated, with its lists."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from app.board.importing.files import ImportFile, ImportRefusedError, find_import_files
from app.cli.board import load_summary
from app.cli.database import CommandError, progress_bar
from app.cli.refreshing import summary as refresh_summary
from app.demo.generate import generate
from app.postgres import migrate
from app.postgres.board.load import load
from app.postgres.board.snapshot import snapshot
from app.postgres.lists.runs import select_last_finished_at
from app.refresh.whole import refresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

    from app.board.model import Posting

STALE = timedelta(days=1)  # a generated board's newest postings age, so it is made anew


class DemoBoard:
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
        with engine.connect() as connection:
            made_at = select_last_finished_at(connection)
        if made_at is not None and datetime.now(UTC) - made_at < STALE:
            return
        for branch in ("service", "board"):
            migrate.downgrade(engine, branch)
            migrate.upgrade(engine, branch)
        # A summary is printed when its bar is gone: the bar would be drawn over it.
        with TemporaryDirectory() as made, progress_bar() as progress:
            done = list(self._fill(engine, Path(made), progress))
        click.echo("\n".join(done))
        with progress_bar() as progress:
            report = refresh(engine, progress=progress)
        click.echo(refresh_summary(report))

    def _fill(self, engine: Engine, made: Path, progress: Callable[[str, float], None]) -> Iterator[str]:
        """Import what the folder has; generate the whole board, or the members and activity it lacks."""
        if self._data:
            yield _import(engine, self._data, made, progress)
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
        yield f"Generated, not real: {rows}."
        yield _import(engine, made / "generated", made, progress)


def _postings(engine: Engine) -> Sequence[Posting]:
    """The board's postings, as they were imported."""
    with snapshot(engine) as board:
        if postings := board.postings():
            return postings
    raise CommandError("None of the postings could be loaded: mend them as the rejects say.")


def _sources(folder: Path) -> Sequence[ImportFile]:
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}: give one with postings in the import format.")
    try:
        sources, _ = find_import_files(folder)
    except ImportRefusedError as error:
        raise CommandError(str(error)) from error
    if "postings" not in [source.noun.name for source in sources]:
        raise CommandError(f"{folder} has no postings file: see docs/import-format.md.")
    return sources


def _import(engine: Engine, folder: Path, made: Path, progress: Callable[[str, float], None]) -> str:
    try:
        report = load(
            engine,
            folder,
            rejects=made / "rejects.csv",
            progress=lambda noun, _rows, done, total: progress(f"load {noun}", done / max(total, 1)),
        )
    except ImportRefusedError as error:
        raise CommandError(str(error)) from error
    return load_summary(report)
