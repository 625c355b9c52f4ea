"""Airbridge's raw data as it puts it into a bucket: CSV (RFC 4180) or Parquet, a folder a day.

Sources, of help.airbridge.io/en: developers/aws-s3-faq (`{app}/{web, app or tracking-link}/{version}/date=YYYY-MM-DD/`,
several files of less than 128 MB, new columns with a new version) and guides/amazon-s3 (CSV or Parquet).
Assumptions: the columns' names, which those pages leave to an article behind a login; a file's kind, which is told here by its
first bytes; a time without a zone, which is UTC unless the reader is told otherwise.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import math
import re
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID

from app.feedback import links
from app.postgres.feedback.rows import AirbridgeEventRow
from app.runtime.parquet import ParquetError, parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_BYTES: Final = 256 * 1024**2  # Airbridge's have less than 128 MB
MOST_CHARACTERS: Final = 255
_MOST_FIELD: Final = 1024**2  # of one value in CSV
_AT_ONCE: Final = 5_000
_CHUNK: Final = 1024**2
_PARQUET: Final = b"PAR1"
_GZIP: Final = b"\x1f\x8b"
_MILLISECONDS_FROM: Final = 10**11  # a number of seconds beyond is one of milliseconds
MOST_ID: Final = 1_024  # bytes of a member's id; an index holds no more than some thousand
_ID: Final = re.compile(r"[^\x00-\x1f\x7f]+")
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "event_id": ("eventuuid", "eventid"),
    "at": ("eventtimestamp", "eventdatetime", "timestamp"),
    "member_id": ("userid", "externaluserid", "userexternaluserid"),
    "category": ("eventcategory", "category"),
    "action": ("eventaction", "action"),
    "label": ("eventlabel", "label"),
    "value": ("eventvalue", "value"),
    "channel": ("channel",),
    "campaign": ("campaign",),
    "ad_group": ("adgroup",),
    "ad_creative": ("adcreative",),
    "attributes": ("customeventproperties", "customattributes", "eventcustomattributes"),
    "deep_link": ("deeplink", "deeplinkurl", "trackinglink"),
}
"""What is read, each with the spellings of its column: small letters and digits alone, so that `Event UUID`, `event_uuid` and
`eventUUID` are one. All else, an address, a device or an advertising id among it, is never looked at."""
NEEDED: Final = ("at", "category")


class RawDataError(ValueError):
    """A file that is not Airbridge's, or the unreadable rest of a damaged file; the sentence says which."""


class RawRowError(ValueError):
    """A row that is left out; the sentence says why."""


class Readable(Protocol):
    """A file being read, from its beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or all."""


@dataclass(slots=True)
class RawDataFile:
    """A file being read.

    Attributes:
        source: Web, app or tracking-link.
        columns: Which of its columns is which of ours, by name.
        unread: Names of columns that are not read.
        rows: Rows met so far.
        refused: Rows left out so far, each with its place and its sentence.
    """

    source: str
    columns: Mapping[str, str]
    unread: Sequence[str]
    zone: tzinfo
    _rows: Iterator[Mapping[str, Any] | RawRowError]
    rows: int = 0
    refused: list[tuple[str, int, str]] = field(default_factory=list)

    def events(self) -> Iterator[AirbridgeEventRow]:
        """Its events; rows that are none are put into `refused`, and so is the rest of a damaged file."""
        try:
            for row in self._rows:
                self.rows += 1
                try:
                    if isinstance(row, RawRowError):
                        raise row
                    yield self._event(row)
                except RawRowError as error:
                    self.refused.append((f"row {self.rows}", 1, str(error)))
        except RawDataError as error:
            self.refused.append((f"after row {self.rows}", 0, str(error)))

    def _event(self, row: Mapping[str, Any]) -> AirbridgeEventRow:
        given = {ours: row.get(name) for ours, name in self.columns.items()}
        category = _text(given, "category")
        if category is None:
            raise RawRowError("It has no category, so it is no event.")
        at = _instant(given.get("at"), self.zone)
        return AirbridgeEventRow(
            day=at.date(),
            event_id=_event_id(given, row),
            source=self.source,
            at=at,
            member_id=_member(given.get("member_id")),
            category=category,
            action=_text(given, "action"),
            label=_text(given, "label"),
            value=_number(given.get("value")),
            channel=_text(given, "channel"),
            campaign=_text(given, "campaign"),
            ad_group=_text(given, "ad_group"),
            ad_creative=_text(given, "ad_creative"),
            rid=_rid(given),
        )


def read_raw_data(
    file: Readable, *, source: str = "web", named: Mapping[str, str] | None = None, zone: tzinfo = UTC
) -> RawDataFile:
    """Read a file, CSV, CSV in gzip, or Parquet.

    Args:
        file: From its beginning.
        source: Web, app or tracking-link.
        named: Names of columns that are not spelled as `COLUMNS` has them.
        zone: Of times that name none.

    Raises:
        RawDataError: it is none of Airbridge's, or what reads Parquet is not installed.
    """
    begin = file.read(len(_PARQUET))
    if begin == _PARQUET:
        names, rows = _parquet(begin + file.read(), named or {})
    else:
        chunks = _gunzipped(begin, file) if begin.startswith(_GZIP) else _chunks(begin, file)
        names, rows = _csv(chunks)
    columns = columns_of(names, named or {})
    read = set(columns.values())
    return RawDataFile(source, columns, [name for name in names if name not in read], zone, rows)


def columns_of(names: Sequence[str], named: Mapping[str, str]) -> dict[str, str]:
    """Which of a file's columns is which of ours.

    Raises:
        RawDataError: one that is needed is not among them.
    """
    if double := next((name for name in names if names.count(name) > 1), None):
        raise RawDataError(f"It has the column {_shown(double)!r} twice.")
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(_spelling(name), name)
    found: dict[str, str] = {}
    for ours, spellings in COLUMNS.items():
        if ours in named:
            if named[ours] not in names:
                raise RawDataError(
                    f"It has no column {named[ours]!r}, which --column gives for {ours}: {_told(names)}."
                )
            found[ours] = named[ours]
        elif (spelling := next((one for one in spellings if one in spelled), None)) is not None:
            found[ours] = spelled[spelling]
    if lacking := [ours for ours in NEEDED if ours not in found]:
        raise RawDataError(
            f"It has no column for {' and '.join(lacking)}: {_told(names)}. Name yours with --column {lacking[0]}=NAME, or see "
            "whether this is Airbridge's raw data."
        )
    return found


def _told(names: Sequence[str]) -> str:
    shown = ", ".join(_shown(name) for name in names[:8])
    return f"it has {shown}{' and more' if len(names) > 8 else ''}" if names else "it has none"  # noqa: PLR2004


def _shown(name: str) -> str:
    return "".join(one if one.isprintable() else "�" for one in name[:40])


def _spelling(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _chunks(begin: bytes, file: Readable) -> Iterator[bytes]:
    yield begin
    while chunk := file.read(_CHUNK):
        yield chunk


class _Joined(io.RawIOBase):
    """Bytes that were read before, then the rest of the file."""

    def __init__(self, begin: bytes, file: Readable) -> None:
        self._begin, self._file = begin, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        found, self._begin = (self._begin, b"") if self._begin else (self._file.read(len(buffer)), b"")
        buffer[: len(found)] = found
        return len(found)


def _gunzipped(begin: bytes, file: Readable) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=io.BufferedReader(_Joined(begin, file), _CHUNK)) as unpacked:
            while chunk := unpacked.read(_CHUNK):
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise RawDataError("The file is cut or damaged: it is no whole gzip. The rest is left out.") from None


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    """Lines with their ends; bytes that are no UTF-8 stay as they are, to be refused with their row."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
    left = ""
    for chunk in chunks:
        text = left + decoder.decode(chunk)
        *lines, left = text.split("\n")
        for line in lines:
            yield line + "\n"
        if len(left) > _MOST_FIELD * 8:
            raise RawDataError("The file has a line without an end: it is no CSV.")
    left += decoder.decode(b"", final=True)
    if left:
        yield left


def _csv(chunks: Iterator[bytes]) -> tuple[list[str], Iterator[Mapping[str, Any] | RawRowError]]:
    csv.field_size_limit(_MOST_FIELD)
    reader = csv.reader(_lines(chunks), strict=True)
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise RawDataError(f"It is no CSV: {error}.") from None
    return names, _csv_rows(reader, names)


def _csv_rows(reader: Iterator[list[str]], names: Sequence[str]) -> Iterator[Mapping[str, Any] | RawRowError]:
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            if "end of data" in str(error):
                raise RawDataError(
                    "The file is cut or damaged here: a quoted value has no end. The rest is left out."
                ) from None
            yield RawRowError(f"It is no CSV: {error}.")  # the reader begins anew with the next line
            continue
        if row is None:
            return
        if len(row) != len(names):
            if row:
                yield RawRowError(f"It has {len(row)} values, and the heading names {len(names)} columns.")
            continue
        yield dict(zip(names, row, strict=True))


def _parquet(
    content: bytes, named: Mapping[str, str]
) -> tuple[list[str], Iterator[Mapping[str, Any] | RawRowError]]:
    try:
        pa, pq = parquet()
    except ParquetError:
        raise RawDataError(
            "It is Parquet, and what reads that is not installed: install connected-jobs with its extra `parquet`."
        ) from None
    try:
        opened = pq.ParquetFile(pa.BufferReader(content))
        names = list(opened.schema_arrow.names)
    except (pa.ArrowException, OSError):
        raise RawDataError("The file is cut or damaged: it is no Parquet from its end on.") from None
    # Without an id each row is known by all its values.
    columns = columns_of(names, named)
    read = list(columns.values()) if "event_id" in columns else names

    def rows() -> Iterator[Mapping[str, Any] | RawRowError]:
        try:
            for batch in opened.iter_batches(batch_size=_AT_ONCE, columns=read):
                yield from _to_microseconds(batch).to_pylist()
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            raise RawDataError("The file is damaged here: the rest is left out.") from None

    return names, rows()


def _to_microseconds(batch: Any) -> Any:
    """A batch without nanoseconds, which Python's times do not have."""
    pa, _ = parquet()
    for place, column in enumerate(batch.schema):
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            coarse = batch.column(place).cast(pa.timestamp("us", column.type.tz), safe=False)
            batch = batch.set_column(place, column.name, coarse)
    return batch


def _text(given: Mapping[str, Any], ours: str) -> str | None:
    """A text, cut where it is long; what cannot be stored is refused."""
    found = given.get(ours)
    if found is None:
        return None
    text = str(found).strip()
    if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text):
        raise RawRowError(f"Its {ours} is no text in UTF-8.")
    return text[:MOST_CHARACTERS] or None


def _member(found: Any) -> str | None:
    if found is None or not (text := str(found)).strip():
        return None
    readable = _ID.fullmatch(text) and not any("\ud800" <= one <= "\udfff" for one in text)
    if not readable or len(text.encode()) > MOST_ID:
        raise RawRowError(f"Its user's id is no text in UTF-8 of up to {MOST_ID:,} bytes.")
    return text


def _event_id(given: Mapping[str, Any], row: Mapping[str, Any]) -> UUID:
    found = given.get("event_id")
    if "event_id" not in given:
        whole = json.dumps(row, sort_keys=True, default=str).encode()
        return UUID(bytes=blake2b(whole, digest_size=16).digest(), version=5)
    try:
        return found if isinstance(found, UUID) else UUID(str(found or ""))
    except ValueError:
        raise RawRowError("Its event's id is no UUID.") from None


def _instant(found: Any, zone: tzinfo) -> datetime:
    """Of seconds or milliseconds since 1970, or of ISO 8601."""
    try:
        if isinstance(found, datetime):
            instant = found
        elif isinstance(found, (int, float)) or re.fullmatch(r"-?\d{1,16}(\.\d*)?", str(found or "").strip()):
            number = float(found)
            seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
            instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        else:
            instant = datetime.fromisoformat(str(found or "").strip().replace(" UTC", "+00:00"))
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RawRowError("Its time is none.") from None


def _number(found: Any) -> float | None:
    if found is None or found == "":
        return None
    try:
        number = float(found)
    except (TypeError, ValueError):
        raise RawRowError("Its value is no number.") from None
    if not math.isfinite(number):
        raise RawRowError("Its value is no number.")
    return number


def _rid(given: Mapping[str, Any]) -> str | None:
    """The mail's recommendation id, of the attributes that we sent or of the link that was followed."""
    attributes = given.get("attributes")
    if isinstance(attributes, str) and attributes.startswith("{"):
        try:
            attributes = json.loads(attributes)
        except (ValueError, RecursionError):
            attributes = None
    if isinstance(attributes, list):  # a map of Parquet
        attributes = dict(one for one in attributes if isinstance(one, tuple))
    if isinstance(attributes, dict) and isinstance(rid := attributes.get("rid"), str):
        return links.parse(f"?rid={rid}").rid
    deep = given.get("deep_link")
    return links.parse(deep).rid if isinstance(deep, str) else None
