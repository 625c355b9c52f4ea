"""Reads the files of Currents that are new, each in one transaction, so that a reader that was killed goes on behind the last."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

import psycopg

from app.braze.currents.container import ContainerError
from app.braze.currents.reading import read_file
from app.feedback.exposure import ExposureError
from app.feedback.mail_events import KINDS, SEND
from app.intake.listing import Branch, branches, key_parts, new_objects
from app.intake.sorting import LateError, Sorted
from app.lake.objects import LakeError
from app.postgres.connecting import connect
from app.postgres.feedback import clicked, counts, ledger, retention, rows, users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from app.braze.currents.reading import CurrentsFile
    from app.lake.objects import Lake, LakeObject
    from app.postgres.feedback.users import Tombstones

MOST_BYTES: Final = 1024**3
"""A file that is larger is refused: Braze's have 100,000 events at most."""
_AT_ONCE: Final = 20_000  # events in memory
_KEYS_AT_ONCE: Final = 1_000
_SUFFIX: Final = ".avro"
_UNFINISHED: Final = (".part", ".tmp", ".crc")


@dataclass(frozen=True, slots=True)
class Reject:
    """What was left out of a file: where in it, how many events (0 where that is not known), and why."""

    file: str
    where: str
    events: int
    reason: str


@dataclass(slots=True)
class TypeReport:
    """What was read of one event type: files, events, those that were new, those refused, and names of unknown fields."""

    files: int = 0
    events: int = 0
    new: int = 0
    refused: int = 0
    unknown: set[str] = field(default_factory=set)


@dataclass(slots=True)
class ReadReport:
    """What a run did.

    Attributes:
        types: By event type, `""` for files that are none of Currents'.
        rejects: How many rejects there were.
        skipped: Event types that lie there and are not read.
        without_exposure: Sends whose template gave no exposure.
        left_alone: Events of erased members, previews and load tests.
        deleted: Profiles deleted in Braze.
        stopped: Why the rest of a branch is left for the next run, by branch.
        dropped: Days, months or rows that were past their time, by table.
    """

    types: dict[str, TypeReport] = field(default_factory=lambda: defaultdict(TypeReport))
    rejects: int = 0
    skipped: set[str] = field(default_factory=set)
    without_exposure: int = 0
    left_alone: int = 0
    deleted: int = 0
    stopped: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Reader:
    driver: psycopg.Connection
    lake: Lake
    now: datetime
    tombstones: Tombstones
    reject: Callable[[Reject], None]
    dry_run: bool
    report: ReadReport = field(default_factory=ReadReport)

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
        last = ledger.select_last_key(self.driver, self.key_of(branch.prefix.rstrip("/") + "/"))
        first = retention.first_day("click", self.now.date())
        objects = new_objects(self.lake, branch, last, datetime.combine(first, time(), UTC))
        for start in range(0, len(objects), _KEYS_AT_ONCE):
            some = objects[start : start + _KEYS_AT_ONCE]
            known = ledger.select_etags(self.driver, [self.key_of(one.key) for one in some])
            for one in some:
                if known.get(self.key_of(one.key)) != one.etag and not one.key.endswith(_UNFINISHED):
                    self.read_object(one)

    def key_of(self, key: str) -> str:
        """The key under which a file is known, its bucket or folder included."""
        return f"{self.lake.url}/{key}".replace("\0", "")

    def read_object(self, one: LakeObject) -> None:
        rejects: list[tuple[str, int, str]] = []
        try:
            file = self.open(one)
        except ContainerError as error:
            with self.transaction():
                self.note(one, None, 0, [("file", 0, str(error))])
            return
        try:
            with self.transaction():
                users.keep_erasures_out(self.driver, self.tombstones)
                new = self.put(file, rejects)
                self.note(one, file, new, rejects)
        except psycopg.DataError:  # else one file would be in everybody's way for ever
            with self.transaction():
                self.note(
                    one,
                    None,
                    0,
                    [("file", 0, "Postgres takes a value in it for none; nothing of it is kept.")],
                )

    def open(self, one: LakeObject) -> CurrentsFile:
        """Raises `ContainerError` for a file that is none of Currents'."""
        if not one.key.endswith(_SUFFIX):
            raise ContainerError(f"Its name does not end in {_SUFFIX}, so it is none of Currents'.")
        if one.size > MOST_BYTES:
            raise ContainerError(f"It has {one.size} bytes, more than the {MOST_BYTES} that a file may have.")
        return read_file(self.lake.read(one))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.driver.transaction(force_rollback=self.dry_run):
            yield

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
        users.delete_users(driver, part.deleted)
        self.tombstones.users.update(map(users.user_hash, part.deleted))
        self.report.deleted += len(part.deleted)
        self.report.without_exposure += part.without_exposure
        self.report.left_alone += part.left_alone
        return new

    def note(
        self, one: LakeObject, file: CurrentsFile | None, new: int, rejects: Sequence[tuple[str, int, str]]
    ) -> None:
        """Write down what became of a file, in its transaction, and tell of what was left out."""
        found = [
            (where, events, _clean(why)) for where, events, why in (*(file.refused if file else ()), *rejects)
        ]
        parts = key_parts(one.key)
        event_type = _clean(file.schema.event_type) if file else ""
        unknown = [_clean(name) for name in file.schema.unknown] if file else []
        refused = sum(events for _, events, _ in found)
        report = self.report.types[event_type]
        report.files += 1
        report.new += new
        report.refused += refused
        if file is not None:
            report.events += file.rows
            report.unknown.update(unknown)
        self.report.rejects += len(found)
        ledger.upsert_file(
            self.driver,
            ledger.ReadFile(
                object_key=self.key_of(one.key),
                etag=one.etag,
                event_type=event_type,
                schema_id=parts.schema_id,
                hour=parts.hour,
                size=one.size,
                rows=file.rows if file else 0,
                new_rows=new,
                refused=refused,
                unknown_fields=unknown,
                refusal=found[0][2] if found else None,
            ),
        )
        for where, events, reason in found:
            self.reject(Reject(self.key_of(one.key), where, events, reason))


def _clean(text: str) -> str:
    """A text that Postgres takes."""
    return text.replace("\0", "").encode(errors="replace").decode()


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
            reader = _Reader(driver, lake, now, users.select_tombstones(driver), reject, dry_run)
            reader.report.dropped = dropped
            reader.read_all()
            if not dry_run:
                with driver.transaction():
                    users.keep_erasures_out(driver, reader.tombstones)
                    users.name_the_nameless(driver)
        return reader.report
