"""Files for Braze's Cloud Data Ingestion: members' attributes, a catalog's items, members to delete.

Sources: braze.com/docs/user_guide/data/unification/cloud_ingestion, pages file_storage_integrations (JSON Lines, CSV, Parquet;
no UPDATED_AT; no order in and between files; one invalid line skips the file; unique names), sync_catalogs_data (`id`,
`payload`, `deleted`) and delete_users (identifiers only: a payload makes the sync fail).
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from app.runtime.parquet import parquet
from app.sync.definition import SyncError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from app.sync.delta import ChangedRow

FileFormat = Literal["jsonl", "csv", "parquet"]
FORMATS: Final[tuple[FileFormat, ...]] = ("jsonl", "csv", "parquet")
Lines = list[dict[str, Any]]
MOST_PAYLOAD: Final = 1_000_000  # bytes of one row's


def user_lines(rows: Iterable[ChangedRow]) -> Lines:
    """Members' lines: the id, and what changed as JSON text without it."""
    return [{"external_id": one.key, "payload": _payload(one.values)} for one in rows]


def catalog_lines(rows: Iterable[ChangedRow]) -> Lines:
    """A catalog's lines: items whole, and those that are gone marked so."""
    return [{"id": one.key, "payload": _payload(one.values), "deleted": one.gone} for one in rows]


def deletion_lines(members: Iterable[str]) -> Lines:
    """Lines of members to delete: their ids and nothing else."""
    return [{"external_id": member} for member in members]


def _payload(values: Mapping[str, Any]) -> str:
    return msgspec.json.encode(values).decode()


def encoded(lines: Lines, kind: FileFormat) -> bytes:
    """A file's bytes, read back and looked at as a whole, for one wrong line would cost all.

    Raises:
        ParquetError: Parquet is asked for, and its library not installed.
        SyncError: a line would void the file.
    """
    content = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}[kind](lines)
    check(decoded(content, kind))
    return content


def _jsonl(lines: Lines) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def _csv(lines: Lines) -> bytes:
    text = io.StringIO()
    writer = csv.writer(
        text
    )  # whose line end is CRLF, without which a lone CR in a value would not be quoted
    writer.writerow(lines[0])
    writer.writerows([_cell(value) for value in line.values()] for line in lines)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parquet(lines: Lines) -> bytes:
    pa, pq = parquet()
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(lines), sink)
    return sink.getvalue()


def decoded(content: bytes, kind: FileFormat) -> Sequence[Mapping[str, Any]]:
    """A file's lines as a reader finds them; of CSV all values are texts."""
    if kind == "jsonl":
        return [json.loads(line) for line in content.decode().split("\n")[:-1]]
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    _, pq = parquet()
    found: list[dict[str, Any]] = pq.read_table(io.BytesIO(content)).to_pylist()
    return found


def check(lines: Sequence[Mapping[str, Any]]) -> None:
    """Hold a file against what makes Braze skip it, or leaves open what it means.

    Raises:
        SyncError: an id is missing or doubled, or a payload is none.
    """
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        key = line.get("external_id") or line.get("id")
        if not isinstance(key, str) or not key:
            raise SyncError(f"Line {number} of the file has no id: nothing was written.")
        if key in seen:
            raise SyncError(
                f"Line {number} of the file names {key!r} again, and lines have no order: nothing was written."
            )
        seen.add(key)
        if "payload" not in line:
            continue
        payload = json.loads(line["payload"])
        if not isinstance(payload, dict) or {"external_id", "id"} & set(payload):
            raise SyncError(f"Line {number} of the file has a payload that is none: nothing was written.")
        if len(line["payload"].encode()) > MOST_PAYLOAD:
            raise SyncError(
                f"Line {number} of the file has a payload of more than {MOST_PAYLOAD:,} bytes: nothing was written."
            )
