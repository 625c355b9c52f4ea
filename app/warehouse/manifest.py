"""The manifest of an export: which days lie there, of which state each is, and what is to be written or removed next."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from app.warehouse.tables import TABLES, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ExportFormat = Literal["parquet", "csv"]
FORMATS: Final[tuple[ExportFormat, ...]] = ("parquet", "csv")
FOLDER: Final = f"v{VERSION}"
NAME: Final = f"{FOLDER}/manifest.json"
DAY_ZONE: Final = "UTC"
NO_DAY: Final = date(1970, 1, 1)  # of the empty file of a table without any row
Part = tuple[str, date]  # a table and a day: one file
_OLDER = re.compile(r"v(\d+)")


class WarehouseError(Exception):
    """An export that cannot be made; the sentence says why and what to do."""


class PartState(msgspec.Struct, frozen=True, kw_only=True):
    """A day's file: which state of the day it holds, since when that is known, and how much it is."""

    state: str
    as_of: datetime
    rows: int
    size: int
    day_over: bool


class Manifest(msgspec.Struct, kw_only=True):
    """What an export left; it is written last, so that whatever it names is there, whole.

    Attributes:
        schema_version: Of the columns: see docs/warehouse.
        format: Of the files.
        day_zone: The time zone of all days.
        database: Which database's days these are; "" where an export of before it was noted wrote them.
        exported_at: When the export ended; a day that was not over by then may grow.
        tables: By table and day, the files.
    """

    schema_version: int = VERSION
    format: ExportFormat
    day_zone: str = DAY_ZONE
    database: str = ""
    exported_at: datetime
    tables: dict[str, dict[date, PartState]] = {}

    def part(self, part: Part) -> PartState | None:
        """A day's file, None where there is none."""
        table, day = part
        return self.tables.get(table, {}).get(day)

    def put(self, part: Part, state: PartState) -> None:
        """Note a file."""
        table, day = part
        self.tables.setdefault(table, {})[day] = state

    def encoded(self, now: datetime) -> bytes:
        """Its JSON, of an export that ends now."""
        today = now.date()
        ordered = {
            table.name: {
                day: msgspec.structs.replace(state, day_over=day < today)
                for day, state in sorted(self.tables.get(table.name, {}).items())
            }
            for table in TABLES
        }
        whole = msgspec.structs.replace(self, exported_at=now, tables=ordered)
        return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"


def key_of(part: Part, kind: ExportFormat) -> str:
    """The file of a day, below the place of the export."""
    table, day = part
    return f"{FOLDER}/{table}/day={day:%Y-%m-%d}/{table}.{kind}"


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        WarehouseError: it is none of this version.
    """
    try:
        found = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise WarehouseError(
            f"{NAME} is no manifest of an export: remove it, and all is exported again."
        ) from error
    if found.schema_version != VERSION:
        raise WarehouseError(
            f"{NAME} says that its files are of schema version {found.schema_version}, and {FOLDER} is for version {VERSION}: "
            f"export to another place, or remove {FOLDER} and all is exported again."
        )
    return found


def with_empty(states: Mapping[Part, str]) -> dict[Part, str]:
    """The state of each day, with a day without rows for a table that has none: who reads files finds its columns."""
    there = {table for table, _day in states}
    empty = {(table.name, NO_DAY): "empty" for table in TABLES if table.name not in there}
    return {**states, **empty}


def to_write(
    states: Mapping[Part, str], manifest: Manifest, sizes: Mapping[str, int], *, everything: bool
) -> list[Part]:
    """Days whose file is not there as the manifest says, or is of another state than the day; all where that is asked.

    Args:
        states: The state that each day is in.
        manifest: What was exported.
        sizes: Bytes of what lies there, by key.
        everything: Write all of them.
    """
    return [
        part
        for part, state in sorted(states.items())
        if everything
        or (known := manifest.part(part)) is None
        or known.state != state
        or sizes.get(key_of(part, manifest.format)) != known.size
    ]


def to_remove(states: Mapping[Part, str], kind: ExportFormat, keys: Mapping[str, int]) -> list[str]:
    """Files of days that have no rows any more, whether or not a manifest ever named them."""
    wanted = {key_of(part, kind) for part in states}
    ours = re.compile(rf"{FOLDER}/(\w+)/day=\d{{4}}-\d\d-\d\d/\1\.{kind}")
    return sorted(key for key in keys if ours.fullmatch(key) and key not in wanted)


def older_versions(folders: Iterable[str]) -> list[str]:
    """Of the folders at the place of an export, those of earlier versions, which are no longer kept up."""
    return sorted(name for name in folders if (found := _OLDER.fullmatch(name)) and int(found[1]) < VERSION)
