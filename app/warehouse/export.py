"""An export: days that changed are written, days that are gone are removed, and the manifest is put last.

Each day is one file, which is put whole: killed anywhere, a day is as it was or as it is. What was written without being
noted is written again by the next export, and what nobody has any more is found by its name.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Protocol

from app.warehouse.files import write_rows
from app.warehouse.manifest import (
    FOLDER,
    NAME,
    Manifest,
    PartState,
    WarehouseError,
    key_of,
    older_versions,
    read_manifest,
    to_remove,
    to_write,
    with_empty,
)
from app.warehouse.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from app.warehouse.files import Rows
    from app.warehouse.manifest import ExportFormat, Part

NOTED_AFTER = 25  # files: an export that is killed goes on from there


class DayRows(Protocol):
    """Where the rows come from."""

    def database(self) -> str:
        """What tells this database from others."""

    def states(self) -> Mapping[Part, str]:
        """The state of each day that has rows: another one whenever any row of it changed."""

    def rows(self, part: Part) -> AbstractContextManager[Iterator[Rows]]:
        """A day's rows, at one instant, in the order of their key, some at a time."""


class ExportPlace(Protocol):
    """A folder or a bucket; keys are below the place that was asked for."""

    def folders(self) -> list[str]:
        """The names of the folders there."""

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every object in a folder, by key; remains of writes that were killed are removed."""

    def read(self, key: str, size: int) -> bytes:
        """An object of a size, whole."""

    def write(self, key: str, content: bytes) -> None:
        """Put an object, whole or not at all."""

    def write_file(self, key: str, file: IO[bytes]) -> None:
        """The same of a file."""

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""


@dataclass(slots=True)
class TableReport:
    """What became of a table's files: days written, as they were, removed, and rows written."""

    written: int = 0
    kept: int = 0
    removed: int = 0
    rows: int = 0


@dataclass(slots=True)
class ExportReport:
    """What an export did, by table; folders of earlier versions, which it leaves as they are."""

    tables: dict[str, TableReport] = field(
        default_factory=lambda: {table.name: TableReport() for table in TABLES}
    )
    older: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WarehouseExport:
    """Our tables, by the day, to a place.

    Args:
        source: The rows.
        place: Where to.
        kind: The files' format.
        now: The clock.
    """

    source: DayRows
    place: ExportPlace
    kind: ExportFormat
    now: Callable[[], datetime]

    def run(
        self,
        *,
        everything: bool = False,
        progress: Callable[[str, float], None] = lambda _stage, _share: None,
    ) -> ExportReport:
        """Bring the place up to date; days that have not changed are left alone, unless everything is asked for.

        Raises:
            WarehouseError: what lies there is of another database, format or kind.
        """
        report = ExportReport()
        sizes = self.place.sizes(FOLDER)
        manifest = self._manifest(sizes)
        report.older = older_versions(self.place.folders())
        states = with_empty(self.source.states())
        writing = to_write(states, manifest, sizes, everything=everything)
        for table, _day in states.keys() - set(writing):
            report.tables[table].kept += 1
        for number, part in enumerate(writing, 1):
            written = self._write(part, states[part], manifest)
            manifest.put(part, written)
            report.tables[part[0]].written += 1
            report.tables[part[0]].rows += written.rows
            progress("days", number / len(writing))
            if number % NOTED_AFTER == 0:
                self._note(manifest, states)
        gone = to_remove(states, self.kind, sizes)
        self.place.delete(gone)
        for key in gone:
            report.tables.setdefault(key.split("/")[1], TableReport()).removed += 1
        self._note(manifest, states)
        return report

    def _manifest(self, sizes: Mapping[str, int]) -> Manifest:
        database = self.source.database()
        if NAME in sizes:
            found = read_manifest(self.place.read(NAME, sizes[NAME]))
            if found.database not in ("", database):
                raise WarehouseError(
                    f"{FOLDER} holds the days of another database: export to another place, or remove {FOLDER} first."
                )
            found.database = database
            if found.format != self.kind:
                raise WarehouseError(
                    f"{FOLDER} holds files of {found.format}: export {self.kind} to another place, or remove {FOLDER} first."
                )
            return found
        other = re.compile(rf"{FOLDER}/\w+/day=[\d-]+/\w+\.(?!{self.kind}$)\w+")
        if strange := next((key for key in sorted(sizes) if other.fullmatch(key)), None):
            raise WarehouseError(
                f"{strange} lies there without a manifest: export to another place, or remove {FOLDER} first."
            )
        manifest = Manifest(format=self.kind, database=database, exported_at=self.now())
        self._note(manifest, ())  # the place is taken before anything is written
        return manifest

    def _write(self, part: Part, state: str, manifest: Manifest) -> PartState:
        """Write a day into a file without a name, and put that under its key at once."""
        table = next(table for table in TABLES if table.name == part[0])
        known = manifest.part(part)
        as_of = known.as_of if known and known.state == state else self.now()
        with tempfile.TemporaryFile() as file, self.source.rows(part) as batches:
            rows = write_rows(file, table, self.kind, batches, as_of)
            size = file.seek(0, 2)
            file.seek(0)
            self.place.write_file(key_of(part, self.kind), file)
        return PartState(state=state, as_of=as_of, rows=rows, size=size, day_over=False)

    def _note(self, manifest: Manifest, states: Iterable[Part]) -> None:
        """Put the manifest, without days that are gone."""
        there = set(states)
        for table, days in manifest.tables.items():
            for day in [day for day in days if (table, day) not in there]:
                del days[day]
        self.place.write(NAME, manifest.encoded(self.now()))
