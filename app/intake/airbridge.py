"""Reads the files of Airbridge's raw data that are new, each in one transaction, as those of Currents are read.

All days that are kept are listed at each run, and a file is read where its key or eTag is new: so one that comes weeks late is
not missed. They are few, some files a day.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Final

from app.intake.raw_data import MOST_BYTES, RawDataError, read_raw_data
from app.intake.reader import FileOrigin, FileReader, ReadReport, Reject, clean
from app.intake.sorting import AHEAD
from app.lake.objects import LakeError
from app.postgres.connecting import connect
from app.postgres.feedback import ledger, retention, rows, users

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.intake.raw_data import RawDataFile
    from app.intake.reader import Refused
    from app.lake.objects import Lake, LakeObject

_TABLE: Final = "airbridge_event"
_AT_ONCE: Final = 10_000
_KEY: Final = re.compile(
    r"(?:^|/)(?P<source>web|app|tracking-link)/(?P<version>[^/]+)/date=(?P<day>\d{4}-\d\d-\d\d)/"
)
_NO_DATA: Final = re.compile(r"(?:^|/)[_.][^/]*$")  # marks of what wrote them, such as _SUCCESS


@dataclass(frozen=True, slots=True)
class RawDataKey:
    """What a key says of its file: web, app or tracking-link, the version of its columns, and its day."""

    source: str
    version: str
    day: date


def raw_data_key(key: str) -> RawDataKey | None:
    """Read a key; None if Airbridge does not name files so."""
    found = _KEY.search(key)
    if found is None:
        return None
    with suppress(ValueError):
        return RawDataKey(found["source"], found["version"], date.fromisoformat(found["day"]))
    return None


@dataclass(frozen=True, slots=True)
class RawDataWords:
    """What a reader is told of files that no page tells: names of columns, and the zone of times that name none."""

    named: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC


@dataclass(slots=True)
class _RawDataReader(FileReader["RawDataFile"]):
    files = ledger.AIRBRIDGE
    foreign = RawDataError

    words: RawDataWords = field(default_factory=RawDataWords)

    def read_all(self) -> None:
        first = retention.first_day(_TABLE, self.now.date())
        try:
            objects = sorted(self.lake.newer(self.lake.prefix), key=lambda one: one.key)
            objects = [one for one in objects if self._may_be_read(one, first)]
            self.read_new(objects)
        except LakeError as error:
            self.report.stopped["raw data"] = str(error)

    def _may_be_read(self, one: LakeObject, first: date) -> bool:
        parts = raw_data_key(one.key)
        return not _NO_DATA.search(one.key) and (parts is None or parts.day >= first)

    def open(self, one: LakeObject) -> RawDataFile:
        """Raises `RawDataError` if the file is not one of Airbridge's."""
        parts = raw_data_key(one.key)
        if parts is None:
            raise RawDataError(
                "Its name is none of Airbridge's raw data: web, app or tracking-link, a version and date=YYYY-MM-DD."
            )
        if one.size == 0:
            raise RawDataError("It is empty.")
        if one.size > MOST_BYTES:
            raise RawDataError(
                f"It has {one.size:,} bytes, more than the {MOST_BYTES:,} that a file may have."
            )
        content = self.lake.read(one)
        return read_raw_data(content, source=parts.source, named=self.words.named, zone=self.words.zone)

    def put(self, file: RawDataFile, rejects: list[Refused]) -> int:
        """Put a file's events, some at a time; returns how many were new."""
        new, part = 0, list[rows.AirbridgeEventRow]()
        first = retention.first_day(_TABLE, self.now.date())
        for event in file.events():
            if event.day < first:
                kept = retention.KEPT_DAYS[_TABLE]
                rejects.append(
                    (f"row {file.rows}", 1, f"It is older than the {kept} days that such events are kept.")
                )
            elif event.at > self.now + AHEAD:
                rejects.append((f"row {file.rows}", 1, "It is of a day to come."))
            elif event.member_id is not None and self.tombstones.buries(event.member_id, ""):
                self.report.left_alone += 1
            else:
                part.append(event)
            if len(part) == _AT_ONCE:
                new += rows.put_airbridge_events(self.driver, part)
                part = []
        return new + rows.put_airbridge_events(self.driver, part)

    def origin(self, one: LakeObject, file: RawDataFile | None) -> FileOrigin:
        """What is known of a file."""
        parts = raw_data_key(one.key)
        if parts is None:
            return FileOrigin()
        day = datetime.combine(parts.day, time(), UTC)
        return FileOrigin(parts.source if file else "", clean(parts.version), day)


def read_airbridge(
    url: str,
    lake: Lake,
    *,
    now: datetime,
    reject: Callable[[Reject], None] = lambda _reject: None,
    dry_run: bool = False,
    words: RawDataWords | None = None,
) -> ReadReport:
    """Read what is new below a lake's prefix into the database at `url`, and drop what is past its time.

    Args:
        url: Of the database.
        lake: Where Airbridge puts its files.
        now: The time by which events are late, and days past.
        reject: Told of everything that is left out.
        dry_run: Read all the same, and keep nothing.
        words: What it is told of the files.

    Raises:
        ReaderBusyError: another reader is at work.
    """
    with (
        connect(url, application="connected-jobs airbridge", autocommit=True) as driver,
        ledger.hold_reader_lock(driver, ledger.AIRBRIDGE),
    ):
        dropped = {} if dry_run else retention.drop_old(driver, now.date())
        tombstones = users.select_tombstones(driver)
        reader = _RawDataReader(driver, lake, now, tombstones, reject, dry_run, words=words or RawDataWords())
        reader.report.dropped = dropped
        reader.read_all()
        return reader.report
