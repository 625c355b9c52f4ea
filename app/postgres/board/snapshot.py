"""A snapshot of the board: every read of it sees the same instant."""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, LiteralString

import numpy as np
from sqlalchemy import text

from app.board.model import BOARD_KINDS, ActivityLog, Member
from app.postgres.board.columns import (
    MEMBER_COLUMNS,
    POSTING_COLUMNS,
    POSTINGS_FROM,
    SHOWABLE,
    TAKES_MAIL,
    member_from,
    postings_from,
)
from app.postgres.board.failing_rows import ViewError, raise_view_errors, read_in_halves
from app.postgres.board.left_out import LeftOutRows, UnreadableRowError
from app.postgres.engines import driver_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import psycopg
    from numpy.typing import NDArray
    from sqlalchemy import Connection, Engine

    from app.board.model import Posting

# The collation "C" sorts by code point, as Python does; the database's own may differ.
# A collation of the board's may take "A" and "a" for one id, which Braze does not: ids are compared by "C", too.
_MEMBERS = f"""
    SELECT m.id COLLATE "C", count(*)
    FROM board.member m
    WHERE {TAKES_MAIL}
    GROUP BY 1
    ORDER BY 1
"""
_PROFILES_CHANGED_AT = f"SELECT max(m.updated_at) FROM board.member m WHERE {TAKES_MAIL}"
_POSTINGS = f'SELECT {POSTING_COLUMNS} FROM {POSTINGS_FROM} WHERE {SHOWABLE} ORDER BY p.id COLLATE "C"'
_MAILABLE = f"SELECT DISTINCT m.id COLLATE \"C\" FROM board.member m WHERE {TAKES_MAIL} AND m.id <> ''"
_WITHOUT_COMPANY = (
    f"SELECT p.id FROM board.posting p LEFT JOIN board.company c ON c.id = p.company_id WHERE NOT {SHOWABLE}"
)
_POSTING_IDS = "SELECT id FROM board.posting"
_POSTINGS_OF = f"SELECT {POSTING_COLUMNS} FROM {POSTINGS_FROM} WHERE {SHOWABLE} AND p.id = ANY(%s)"
_PROFILES = f"SELECT {MEMBER_COLUMNS} FROM board.member m WHERE m.id = ANY(%s)"
_KINDS = (
    "CASE a.kind " + " ".join(f"WHEN '{kind.name.lower()}' THEN {kind:d}" for kind in BOARD_KINDS) + " END"
)
# Members are numbered in the order of `member_ids`, postings as they are given.
NUMBERED = f"""
        WITH member AS (
            SELECT id, (row_number() OVER (ORDER BY id COLLATE "C") - 1)::int AS position
            FROM (
                SELECT DISTINCT m.id COLLATE "C" AS id
                FROM board.member m
                WHERE {TAKES_MAIL} AND m.id <> ''
            ) mailable
        ), posting AS (
            SELECT id, (position - 1)::int AS position
            FROM unnest(%s::text[]) WITH ORDINALITY AS p (id, position)
        )
"""
# Activity dated in the future becomes one second after the snapshot.
_ACTIVITY = f"""
    COPY (
        {NUMBERED}
        SELECT member.position,
               posting.position,
               ({_KINDS})::smallint,
               floor(extract(epoch FROM greatest('epoch', least(a.occurred_at, now() + interval '1 second'))))::bigint
        FROM board.activity a
        JOIN member ON member.id = a.member_id COLLATE "C"
        JOIN posting ON posting.id = a.posting_id COLLATE "C"
        WHERE {{of}} a.kind IN ('view', 'scrap', 'apply') AND a.occurred_at IS NOT NULL
    ) TO STDOUT (FORMAT binary)
"""
_MEMBER_ACTIVITY = """
    SELECT member_id, posting_id, kind, floor(extract(epoch FROM greatest('epoch', least(occurred_at, now()))))::bigint
    FROM board.activity
    WHERE member_id = ANY(%s) AND kind IN ('view', 'scrap', 'apply') AND occurred_at IS NOT NULL
"""
_ALL_ACTIVITY = _ACTIVITY.format(of="")
_ACTIVITY_OF = _ACTIVITY.format(of="a.member_id = ANY(%s) AND")
# A row of binary COPY: the number of fields, then each field's length and value, all big-endian.
_COPY_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("l1", ">i4"),
        ("member", ">i4"),
        ("l2", ">i4"),
        ("posting", ">i4"),
        ("l3", ">i4"),
        ("kind", ">i2"),
        ("l4", ">i4"),
        ("at", ">i8"),
    ]
)
_COMPACT = np.dtype([("member", np.int32), ("posting", np.int32), ("kind", np.int8), ("at", np.int64)])
_COPY_HEADER_BYTES = 19
_ROWS_AT_ONCE = 200_000
_log = logging.getLogger("connected_jobs.board")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Reads of the board as it was at `taken_at`; rows that cannot be used are left out and listed in `left_out`."""

    connection: Connection
    taken_at: datetime
    left_out: LeftOutRows = field(default_factory=LeftOutRows)

    def member_ids(self) -> list[str]:
        """Every member who takes mail, sorted; of the others nothing is read."""
        ids = []
        for member_id, rows in self.connection.execute(text(_MEMBERS)):
            if not member_id:
                self.left_out.add("member", member_id, UnreadableRowError("id", "is empty."))
                continue
            if rows > 1:
                self.left_out.add(
                    "member", member_id, UnreadableRowError("id", "stands there more than once.")
                )
            ids.append(member_id)
        return ids

    def profiles_changed_at(self) -> datetime | None:
        """When a profile changed last; None if no profile says when."""
        changed_at: datetime | None = self.connection.execute(text(_PROFILES_CHANGED_AT)).scalar_one()
        return changed_at

    def postings(self) -> list[Posting]:
        """The whole catalogue, sorted by id; without the postings of companies that the board does not have."""
        driver = driver_of(self.connection)
        self._name_those_without_company(driver)
        try:
            with raise_view_errors(driver):
                return postings_from(driver.execute(_POSTINGS), self.left_out)
        except ViewError:
            ids = sorted({row[0] for row in driver.execute(_POSTING_IDS) if row[0] is not None})
        rows = read_in_halves(
            "posting", lambda part: _rows_of(driver, _POSTINGS_OF, part), ids, self.left_out
        )
        return sorted(postings_from(rows, self.left_out), key=attrgetter("id"))

    def _name_those_without_company(self, driver: psycopg.Connection) -> None:
        try:
            ids = [row[0] for row in _rows_of(driver, _WITHOUT_COMPANY)]
        except ViewError:  # the row for which the view fails is named when postings are read
            return
        for posting_id in ids:
            self.left_out.add(
                "posting", posting_id, UnreadableRowError("company_id", "is not in board.company.")
            )

    def activity(self, posting_ids: Sequence[str]) -> ActivityLog:
        """Everything mailable members did with these postings; what lies in the future was done just now.

        Streamed as binary COPY straight into numpy: 17 bytes a row in memory, no Python object a row.
        """
        driver = driver_of(self.connection)
        catalogue = list(posting_ids)
        try:
            parts = copy_activity(driver, _ALL_ACTIVITY, catalogue)
        except ViewError:
            parts = read_in_halves(
                "activity",
                lambda members: copy_activity(driver, _ACTIVITY_OF, catalogue, list(members)),
                [row[0] for row in driver.execute(_MAILABLE)],
                self.left_out,
            )
        rows = join_parts(parts)
        now_s = math.floor(self.taken_at.timestamp())
        if ahead := np.count_nonzero(rows["at"] > now_s):
            _log.warning("%s rows of board.activity lie in the future: they count as of now.", f"{ahead:,}")
            rows["at"] = np.minimum(rows["at"], now_s)
        order = np.lexsort((rows["kind"], rows["posting"], rows["at"], rows["member"]))
        return ActivityLog(
            member=rows["member"][order],
            posting=rows["posting"][order],
            kind=rows["kind"][order],
            at=rows["at"][order],
        )


def copy_activity(
    driver: psycopg.Connection, statement: LiteralString, *parameters: object
) -> list[NDArray[np.void]]:
    """Rows (member, posting, kind, at) that a COPY to binary gives, in parts: 17 bytes a row, no Python object a row."""
    pending = bytearray()
    header = True
    parts = []
    with raise_view_errors(driver), driver.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        for block in copy:
            pending += block
            if header and len(pending) >= _COPY_HEADER_BYTES:
                del pending[:_COPY_HEADER_BYTES]
                header = False
            if len(pending) >= _ROWS_AT_ONCE * _COPY_ROW.itemsize:
                parts.append(_take_rows(pending))
    if not header:
        parts.append(_take_rows(pending))
    return parts


def join_parts(parts: Sequence[NDArray[np.void]]) -> NDArray[np.void]:
    """All rows of `copy_activity` in one array, with the fields `member`, `posting`, `kind` and `at`."""
    return np.concatenate(parts) if parts else np.empty(0, _COMPACT)


def _rows_of(
    driver: psycopg.Connection, statement: LiteralString, *ids: Sequence[str]
) -> list[tuple[Any, ...]]:
    with raise_view_errors(driver):
        return driver.execute(statement, [list(part) for part in ids]).fetchall()


def _take_rows(pending: bytearray) -> NDArray[np.void]:
    """Cut the whole rows off; what stays is a row's beginning, or the two bytes that end a COPY."""
    whole = len(pending) // _COPY_ROW.itemsize
    rows = np.frombuffer(bytes(pending[: whole * _COPY_ROW.itemsize]), _COPY_ROW)
    del pending[: whole * _COPY_ROW.itemsize]
    compact = np.empty(whole, _COMPACT)
    for name in _COMPACT.names or ():
        compact[name] = rows[name]
    return compact


@contextmanager
def snapshot(engine: Engine) -> Iterator[Snapshot]:
    """One read-only instant of the board."""
    with engine.connect().execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    ) as connection:
        yield Snapshot(connection, connection.execute(text("SELECT now()")).scalar_one())


def profiles(
    driver: psycopg.Connection, ids: Sequence[str], left_out: LeftOutRows | None = None
) -> list[Member]:
    """Members' profiles in the order of `ids`; one who left meanwhile, or cannot be read, has an empty one."""
    left_out = left_out or LeftOutRows()
    found: dict[str, Member] = {}
    for row in read_in_halves("member", lambda part: _rows_of(driver, _PROFILES, part), ids, left_out):
        try:
            found[row[0]] = member_from(row)
        except UnreadableRowError as error:
            left_out.add("member", row[0], error)
    return [found.get(member_id) or Member(id=member_id) for member_id in ids]


def member_activity(driver: psycopg.Connection, ids: Sequence[str]) -> Iterator[tuple[str, str, str, int]]:
    """What members did as of now: member id, posting id, kind and when (s since 1970), in no order."""
    yield from driver.execute(_MEMBER_ACTIVITY, [list(ids)])


def count_open_postings(connection: Connection) -> int:
    """How many postings are open today, in Seoul."""
    count: int = connection.execute(
        text("""
            SELECT count(*)
            FROM board.posting
            WHERE status = 'open' AND (deadline IS NULL OR deadline >= (now() AT TIME ZONE 'Asia/Seoul')::date)
        """)
    ).scalar_one()
    return count
