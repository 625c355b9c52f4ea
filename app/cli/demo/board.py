"""The board that a demo serves: real postings from a folder, or all of it generated, with its lists."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
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
from app.demo.tastes import Tastes
from app.postgres import migrate
from app.postgres.board.load import load
from app.postgres.board.snapshot import snapshot
from app.postgres.lists.runs import select_last_finished_at
from app.refresh.whole import refresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Engine

    from app.board.model import Posting

_GENERATED, _MAILED = "generated.json", "mailed"  # in the demo's folder
STALE = timedelta(days=1)  # a generated board's newest postings age, so it is made anew


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedBoard:
    """The seed and sizes a demo's members were generated from, kept beside its Postgres; their tastes are drawn again from them."""

    database: str
    members: int
    postings: int
    seed: int
    made_at: datetime
    around: bool

    def write(self, folder: Path) -> None:
        """Keep it in a demo's folder."""
        values = asdict(self) | {"made_at": self.made_at.isoformat()}
        (folder / _GENERATED).write_text(json.dumps(values), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, database: str) -> GeneratedBoard | None:
        """Return the generated board of a database, or None if its members were not generated."""
        path = folder / _GENERATED
        if not path.exists():
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
        board = cls(**values | {"made_at": datetime.fromisoformat(values["made_at"])})
        return board if board.database == database else None

    def is_mailed(self, folder: Path) -> bool:
        """Return whether the digests of this board have been sent and read."""
        path = folder / _MAILED
        return path.exists() and path.read_text(encoding="utf-8") == self.made_at.isoformat()

    def note_mailed(self, folder: Path) -> None:
        """Record that the digests have been sent and read."""
        (folder / _MAILED).write_text(self.made_at.isoformat(), encoding="utf-8")

    def tastes(self, engine: Engine) -> Tastes:
        """Return what the board's members look for."""
        return Tastes.of(
            members=self.members,
            postings=self.postings,
            seed=self.seed,
            now=self.made_at,
            around=imported_postings(engine) if self.around else None,
        )


class DemoBoard:
    """What the demo serves: real postings from a folder, or all of it generated."""

    def __init__(self, data: Path | None, members: int, postings: int, seed: int) -> None:
        self._data = data.resolve() if data else None
        self._sources = _sources(self._data) if self._data else []
        self._members = members
        self._postings = postings
        self._seed = seed

    def database_name(self) -> str:
        """Return the database's name. Each board has its own, so that another run with the same files and options finds it filled."""
        files = [(str(s.path), s.path.stat().st_size, s.path.stat().st_mtime_ns) for s in self._sources]
        key = f"{files} {self._members} {self._postings} {self._seed}"
        return "demo_" + hashlib.sha256(key.encode()).hexdigest()[:12]

    def prepare(self, engine: Engine, folder: Path) -> None:
        """Make tables, data and lists, or use those of an earlier run today; `folder` keeps what they are made of."""
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
            done = list(self._fill(engine, Path(made), folder, progress))
        click.echo("\n".join(done))
        with progress_bar() as progress:
            report = refresh(engine, progress=progress)
        click.echo(refresh_summary(report))

    def _fill(
        self, engine: Engine, made: Path, folder: Path, progress: Callable[[str, float], None]
    ) -> Iterator[str]:
        """Import what the folder has; generate the whole board, or the members and activity it lacks."""
        if self._data:
            yield _import(engine, self._data, made, progress)
        if "members" in [source.noun.name for source in self._sources]:
            return
        board = GeneratedBoard(
            database=self.database_name(),
            members=self._members,
            postings=self._postings,
            seed=self._seed,
            made_at=datetime.now(UTC),
            around=self._data is not None,
        )
        summary = generate(
            made / "generated",
            members=board.members,
            postings=board.postings,
            seed=board.seed,
            now=board.made_at,
            around=imported_postings(engine) if self._data else None,
            progress=progress,
        )
        rows = ", ".join(f"{count:,} {noun}" for noun, count in summary.rows.items())
        yield f"Generated, not real: {rows}."
        yield _import(engine, made / "generated", made, progress)
        board.write(folder)


def imported_postings(engine: Engine) -> Sequence[Posting]:
    """Return the board's postings, as they were imported."""
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
