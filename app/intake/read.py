"""Reads the files of Currents that are new, each in one transaction, so that a reader that was killed goes on behind the last."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

from app.braze.currents.container import ContainerError
from app.braze.currents.reading import read_file
from app.feedback.exposure import ExposureError
from app.feedback.mail_events import KINDS, SEND
from app.intake.listing import Branch, branches, first_key_ahead, key_parts, new_objects
from app.intake.reader import FileOrigin, FileReader, ReadReport, Reject, clean
from app.intake.sorting import LateError, Sorted
from app.lake.objects import LakeError
from app.postgres.connecting import connect
from app.postgres.feedback import clicked, counts, ledger, retention, rows, users

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.braze.currents.reading import CurrentsFile
    from app.lake.objects import Lake, LakeObject

MOST_BYTES: Final = 1024**3
"""A file that is larger is refused: Braze's have 100,000 events at most."""
_AT_ONCE: Final = 20_000  # events in memory
_SUFFIX: Final = ".avro"
_UNFINISHED: Final = (".part", ".tmp", ".crc")


@dataclass(slots=True)
class _CurrentsReader(FileReader["CurrentsFile"]):
    files = ledger.CURRENTS
    foreign = ContainerError

    def read_all(self) -> None:
        # Sends first: a click whose mail is known is written once, with its posting.
        found = sorted(
            branches(self.lake, self.report.skipped), key=lambda one: KINDS.get(one.event_type or "") != SEND
        )
        for branch in found:
            try:
                self.read_branch(branch)
            except (LakeError, OSError) as error:
                self.report.stopped[branch.event_type or branch.prefix] = str(error)

    def read_branch(self, branch: Branch) -> None:
        """In the order of keys: what stops it, stops it before everything behind, which the next run begins with."""
        ahead = first_key_ahead(branch, self.now)
        last = ledger.select_last_key(
            self.driver, self.key_of(branch.prefix.rstrip("/") + "/"), self.key_of(ahead) if ahead else None
        )
        first = retention.first_day("click", self.now.date())
        objects = new_objects(self.lake, branch, last, datetime.combine(first, time(), UTC))
        self.read_new([one for one in objects if not one.key.endswith(_UNFINISHED)])

    def open(self, one: LakeObject) -> CurrentsFile:
        """Raises `ContainerError` if the file is not one of Currents'."""
        if not one.key.endswith(_SUFFIX):
            raise ContainerError(f"Its name does not end in {_SUFFIX}, so it is none of Currents'.")
        if one.size > MOST_BYTES:
            raise ContainerError(f"It has {one.size} bytes, more than the {MOST_BYTES} that a file may have.")
        return read_file(self.lake.read(one))

    def put(self, file: CurrentsFile, rejects: list[tuple[str, int, str]]) -> int:
        """Put a file's events, some at a time; returns how many were new."""
        new = 0
        counted: dict[counts.CountKey, counts.Tally] = defaultdict(counts.Tally)
        part = Sorted(self.now, self.tombstones, counted=counted)
        for number, event in enumerate(file.events(), 1):
            try:
                part.add(event)
            except (LateError, ExposureError) as error:
                rejects.append((f"event {file.rows}", 1, str(error)))
            if number % _AT_ONCE == 0:
                new += self.put_part(part)
                part = Sorted(self.now, self.tombstones, counted=counted)
        new += self.put_part(part)
        counts.put_counts(self.driver, counted)
        return new

    def put_part(self, part: Sorted) -> int:
        driver = self.driver
        new = rows.put_exposures(driver, part.exposures)
        new += rows.put_clicks(driver, clicked.with_postings(driver, part.clicks))
        new += rows.put_mail_events(driver, part.events)
        clicked.name_clicks(driver, part.exposures)
        if part.members:
            users.put_users(driver, part.members)
        if part.merged:
            users.put_merges(driver, part.merged)
        users.put_consents(driver, part.consents)
        gone = users.delete_users(driver, part.deleted)
        self.tombstones.users.update(map(users.user_hash, gone))
        self.report.deleted += len(part.deleted)
        self.report.without_exposure += part.without_exposure
        self.report.left_alone += part.left_alone
        return new

    def origin(self, one: LakeObject, file: CurrentsFile | None) -> FileOrigin:
        """What is known of a file."""
        parts = key_parts(one.key)
        if file is None:
            return FileOrigin(schema_id=parts.schema_id, hour=parts.hour)
        unknown = [clean(name) for name in file.schema.unknown]
        return FileOrigin(clean(file.schema.event_type), parts.schema_id, parts.hour, unknown)


def read_currents(
    url: str,
    lake: Lake,
    *,
    now: datetime,
    reject: Callable[[Reject], None] = lambda _reject: None,
    dry_run: bool = False,
) -> ReadReport:
    """Read what is new below a lake's prefix into the database at `url`, and drop what is past its time.

    Args:
        url: Of the database.
        lake: Where Currents puts its files.
        now: The time by which events are late, and days past.
        reject: Told of everything that is left out.
        dry_run: Read all the same, and keep nothing.

    Raises:
        ReaderBusyError: another reader is at work.
        LakeError: the lake does not answer.
    """
    with connect(url, application="connected-jobs currents", autocommit=True) as driver:
        with ledger.hold_reader_lock(driver):
            dropped = {} if dry_run else retention.drop_old(driver, now.date())
            reader = _CurrentsReader(driver, lake, now, users.select_tombstones(driver), reject, dry_run)
            reader.report.dropped = dropped
            reader.read_all()
            if not dry_run:
                with driver.transaction():
                    users.keep_erasures_out(driver, reader.tombstones)
                    users.name_the_nameless(driver)
        return reader.report
