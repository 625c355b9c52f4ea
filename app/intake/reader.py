"""Reads files that are new, each in one transaction that notes it, so that a reader that was killed goes on behind the last."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Generic, Protocol, TypeVar

import psycopg

from app.postgres.feedback import ledger, users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from app.lake.objects import Lake, LakeObject
    from app.postgres.feedback.ledger import FilesOf
    from app.postgres.feedback.users import Tombstones

_KEYS_AT_ONCE: Final = 1_000
Refused = tuple[str, int, str]  # where in a file, how many events, and why


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
        types: By event type, `""` for foreign files.
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


class OpenFile(Protocol):
    """A file being read: its events met so far, and those left out."""

    rows: int
    refused: list[Refused]


FileT = TypeVar("FileT", bound=OpenFile)


@dataclass(frozen=True, slots=True)
class FileOrigin:
    """What is known of a file: its event type, its schema's number or version, its hour, and names of fields not known."""

    event_type: str = ""
    schema_id: str | None = None
    hour: datetime | None = None
    unknown: Sequence[str] = ()


@dataclass(slots=True)
class FileReader(Generic[FileT]):
    """Reads objects of a lake into tables; what a file is and where its events go is said by those who inherit.

    Args:
        driver: In autocommit.
        lake: Where files lie.
        now: The time by which events are late.
        tombstones: Whose events are passed over.
        reject: Told of everything that is left out.
        dry_run: Read all the same, and keep nothing.
    """

    files: ClassVar[FilesOf]
    foreign: ClassVar[type[Exception]]

    driver: psycopg.Connection
    lake: Lake
    now: datetime
    tombstones: Tombstones
    reject: Callable[[Reject], None]
    dry_run: bool
    report: ReadReport = field(default_factory=ReadReport)

    def open(self, one: LakeObject) -> FileT:
        """Open an object; raises what `foreign` names for one that is no such file."""
        raise NotImplementedError

    def put(self, file: FileT, rejects: list[Refused]) -> int:
        """Put a file's events, in a transaction; what is left out is added to `rejects`. Gives how many were new."""
        raise NotImplementedError

    def origin(self, one: LakeObject, file: FileT | None) -> FileOrigin:
        """What is known of a file, None where it was foreign."""
        raise NotImplementedError

    def read_new(self, objects: Sequence[LakeObject]) -> None:
        """Read those of the objects that were not read, or have changed since."""
        for start in range(0, len(objects), _KEYS_AT_ONCE):
            some = objects[start : start + _KEYS_AT_ONCE]
            known = ledger.select_etags(self.driver, [self.key_of(one.key) for one in some], self.files)
            for one in some:
                if known.get(self.key_of(one.key)) != one.etag:
                    self.read_object(one)

    def key_of(self, key: str) -> str:
        """The key under which a file is known, its bucket or folder included."""
        return f"{self.lake.url}/{key}".replace("\0", "")

    def read_object(self, one: LakeObject) -> None:
        """Read one, and note it."""
        rejects: list[Refused] = []
        try:
            file = self.open(one)
        except self.foreign as error:
            with self.transaction():
                self.note(one, None, 0, [("file", 0, str(error))])
            return
        try:
            with self.transaction():
                users.keep_erasures_out(self.driver, self.tombstones)
                new = self.put(file, rejects)
                self.note(one, file, new, [*file.refused, *rejects])
        except psycopg.DataError:  # else one file would be in everybody's way for ever
            why = "Postgres takes a value in it for none; nothing of it is kept."
            with self.transaction():
                self.note(one, None, 0, [("file", 0, why)])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, of which a dry run keeps nothing."""
        with self.driver.transaction(force_rollback=self.dry_run):
            yield

    def note(self, one: LakeObject, file: FileT | None, new: int, left_out: Iterable[Refused]) -> None:
        """Write down what became of a file, in its transaction, and tell of what was left out."""
        found = [(where, events, clean(why)) for where, events, why in left_out]
        origin = self.origin(one, file)
        refused = sum(events for _, events, _ in found)
        report = self.report.types[origin.event_type]
        report.files += 1
        report.new += new
        report.refused += refused
        report.unknown.update(origin.unknown)
        report.events += file.rows if file else 0
        self.report.rejects += len(found)
        ledger.upsert_file(
            self.driver,
            ledger.ReadFile(
                object_key=self.key_of(one.key),
                etag=one.etag,
                event_type=origin.event_type,
                schema_id=origin.schema_id,
                hour=origin.hour,
                size=one.size,
                rows=file.rows if file else 0,
                new_rows=new,
                refused=refused,
                unknown_fields=origin.unknown,
                refusal=found[0][2] if found else None,
            ),
            self.files,
        )
        for where, events, reason in found:
            self.reject(Reject(self.key_of(one.key), where, events, reason))


def clean(text: str) -> str:
    """A text that Postgres takes."""
    return text.replace("\0", "").encode(errors="replace").decode()
