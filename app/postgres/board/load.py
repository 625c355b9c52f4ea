"""Load the board's data from import files: COPY into staging tables, then set-based upserts, all or nothing."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import psycopg
from psycopg import sql
from psycopg.adapt import Dumper
from sqlalchemy import text

from app.board.importing.files import ImportRefusedError, Reading, find_import_files, open_import_file
from app.board.importing.rejects import Rejects
from app.board.importing.rows import ACTIVITY, POSTINGS, BadRowError, Fault, Noun
from app.board.texts import OUR_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from psycopg import Cursor
    from sqlalchemy import Connection, Engine

    Progress = Callable[[str, int, int, int], None]

ROWS_PER_REPORT = 5_000
# Numbers of advisory locks: constants that no other program uses in this database.
_ONE_IMPORT = 4_250_112_027
ERASE_OR_MERGE = 4_250_112_030  # keeps erasures and imports apart
_TABLES = {"companies": "company", "postings": "posting", "members": "member", "activity": "activity"}


class _Staged(NamedTuple):
    noun: Noun
    read: int
    rejected: int
    erased: int = 0


class _Reference(NamedTuple):
    column: str
    table: str


_REFERENCES = {
    "postings": [_Reference("company_id", "company")],
    "activity": [_Reference("member_id", "member"), _Reference("posting_id", "posting")],
}

_OF_A_MEMBER = {
    "members": [_Reference("id", "member")],
    "activity": [_Reference("member_id", "member")],
}

# What stands in braces is filled with quoted identifiers: {stored} is the board's table.
STAGE = """
CREATE TEMPORARY TABLE {staged} ON COMMIT DROP AS
SELECT 0::bigint AS line, {columns} FROM {stored} WITH NO DATA
"""
COPY = "COPY {staged} (line, {columns}) FROM STDIN"
DELETE_DANGLING = """
DELETE FROM {staged} AS staged
 WHERE staged.{reference} IS NOT NULL AND NOT EXISTS (SELECT FROM {other} AS other WHERE other.id = staged.{reference})
"""
AND_NOT_STAGED = "AND NOT EXISTS (SELECT FROM {staged_other} AS other WHERE other.id = staged.{reference})"
RETURNING_DANGLING = " RETURNING line, {reference}"
DELETE_ERASED = """
DELETE FROM {staged} AS staged
 USING connected_jobs.erased_member AS erased
 WHERE erased.member_hash = sha256(convert_to(staged.{reference}, 'UTF8'))
"""
DELETE_REPEATED = """
DELETE FROM {staged} AS staged
 USING (SELECT id, max(line) AS line FROM {staged} GROUP BY id HAVING count(*) > 1) AS last
 WHERE last.id = staged.id AND last.line > staged.line
"""
# A changed row is stamped with the moment it is put in whatever the file says, so that whoever watches updated_at
# notices; a new row keeps the file's time, which must not run ahead of that watch.
MERGE = """
WITH merged AS (
  INSERT INTO {stored} AS stored ({compared}, updated_at)
  SELECT {compared_of_staged}, least(staged.updated_at, clock_timestamp())
    FROM {staged} AS staged LEFT JOIN {stored} AS known ON known.id = staged.id
   WHERE known.id IS NULL OR ({compared_of_known}) IS DISTINCT FROM ({compared_of_staged})
  ON CONFLICT (id) DO UPDATE
     SET ({compared}, updated_at) = ROW ({compared_of_excluded}, clock_timestamp())
  RETURNING stored.xmax = 0 AS inserted
)
SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM merged
"""
# In the primary key's order, which fills its pages one after the other.
# What is taken as it stands but may not be meant so: how many rows, and the first one's line.
NOTE = "SELECT count(*), min(line) FROM {staged} AS staged WHERE "
NOTES = {
    "postings": {
        "opened_at > now()": "opened later than now: check the clock or the zone of what wrote them",
        f"url ~* '[?&]({'|'.join(sorted(OUR_PARAMETERS))})='": "with a link that has a parameter rid, campaign, variant or"
        " position: answers put ours in its place, so rename it where the page needs it",
    },
    "members": {"withdrawn_at > now()": "withdrawn later than now, which counts as withdrawn already"},
    "activity": {"occurred_at > now()": "later than now: check the clock or the zone of what wrote them"},
}
ADD = """
INSERT INTO {stored} ({columns})
SELECT {columns} FROM {staged} ORDER BY member_id, kind, occurred_at, posting_id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """What became of a file's rows; `read` is the sum of the others.

    `erased` rows are of members who were erased. `repeated` rows gave way to a later row of the same id in the file. A row of activity that stands
    twice counts as unchanged the second time.
    """

    read: int
    inserted: int
    updated: int
    unchanged: int
    repeated: int
    rejected: int
    erased: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What an import did: counts by noun, the rejects file if there is one, and data files it did not know.

    `notes` are sentences about rows that were taken as they stand but may not be meant so.
    """

    counts: dict[str, RowCounts]
    rejects: Path | None
    not_read: tuple[str, ...]
    notes: tuple[str, ...] = ()


def _silent(noun: str, rows: int, bytes_done: int, bytes_total: int) -> None:
    """Report no progress."""


def load(engine: Engine, folder: Path, *, rejects: Path, progress: Progress = _silent) -> LoadReport:
    """Load a folder's import files in one transaction, in memory that does not grow with them.

    Everything is staged first and merged at the end, so that rows are locked only briefly before the commit; the
    postings last, since services look for what changed by the time it was put in. A row that is already stored as the file has it is not touched.

    Args:
        engine: On a role that owns the board's tables and may create temporary ones.
        folder: Holds the files, as docs/import-format.md describes them.
        rejects: Where rows that cannot be taken are listed.
        progress: Called with a noun, its rows read so far, and the bytes read and in all of its file.

    Raises:
        ImportRefusedError: nothing was changed (`BrokenFileError` where a file is to blame).
    """
    sources, not_read = find_import_files(folder)
    if rejects.resolve() in {source.path.resolve() for source in sources}:
        raise ImportRefusedError(f"The rejects would overwrite {rejects}: name another file with --rejects.")
    with Rejects(rejects) as rejected, ExitStack() as files:
        readings = [files.enter_context(open_import_file(source)) for source in sources]
        counts, notes = _load_all(engine, readings, rejected, progress)
    _analyze(engine, [noun for noun, count in counts.items() if count.inserted or count.updated])
    return LoadReport(
        counts=counts,
        rejects=rejected.path if rejected.rows else None,
        not_read=tuple(name for name in not_read if name != rejects.name),
        notes=notes,
    )


def _load_all(
    engine: Engine, readings: Sequence[Reading], rejects: Rejects, progress: Progress
) -> tuple[dict[str, RowCounts], tuple[str, ...]]:
    with engine.begin() as connection:
        cursor = _cursor(connection)
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_IMPORT])
        rejects.begin()
        _check_tables(cursor, [reading.source.noun for reading in readings])
        read = [_stage(cursor, reading, rejects, progress) for reading in readings]
        tables = {_TABLES[one.noun.name] for one in read}
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ERASE_OR_MERGE])
        staged = [
            _sift(cursor, one, reading.source.path.name, tables, rejects)
            for one, reading in zip(read, readings, strict=True)
        ]
        counts = {
            one.noun.name: _merge(cursor, one) for one in sorted(staged, key=lambda one: one.noun is POSTINGS)
        }
        notes = tuple(note for reading in readings for note in _notes(cursor, reading))
        rejects.finish()
        return {one.noun.name: counts[one.noun.name] for one in staged}, notes


def _cursor(connection: Connection) -> Cursor[Any]:
    """A psycopg cursor inside SQLAlchemy's transaction: it can COPY."""
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    cursor = driver.cursor()
    cursor.adapters.register_dumper(list, _TextArray)
    return cursor


class _TextArray(Dumper):
    """Lists of text as Postgres writes them; psycopg's own dumper looks up the type of every item."""

    oid = psycopg.adapters.types["text"].array_oid

    def dump(self, obj: list[str]) -> bytes:
        items = ['"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in obj]
        return ("{" + ",".join(items) + "}").encode()


def _check_tables(cursor: Cursor[Any], nouns: Sequence[Noun]) -> None:
    """Refuse to load into views, or into nothing."""
    for noun in nouns:
        table = f"board.{_TABLES[noun.name]}"
        cursor.execute("SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", [table])
        found = cursor.fetchone()
        if found is None:
            raise ImportRefusedError(
                f"There is no table {table}: run `connected-jobs migrate --board` first."
            )
        if found[0] not in ("r", "p"):
            raise ImportRefusedError(
                f"{table} is a view over tables of your own: load {noun.name} there, or leave its file out."
            )
        cursor.execute(
            "SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = to_regclass(%s)", [table]
        )
        (known,) = cursor.fetchone() or ([],)
        if not set(noun.names()) <= set(known):
            raise ImportRefusedError(
                f"{table} is of an earlier release: run `connected-jobs migrate --board` first."
            )
    cursor.execute("SELECT to_regclass('connected_jobs.erased_member')")
    if cursor.fetchone() == (None,):
        raise ImportRefusedError(
            "There is no table connected_jobs.erased_member, which says whom no import may bring back: "
            "run `connected-jobs migrate` first."
        )


def _stage(cursor: Cursor[Any], reading: Reading, rejects: Rejects, progress: Progress) -> _Staged:
    """Copy a file's good rows into its staging table."""
    noun, read, rejected_before = reading.source.noun, 0, rejects.rows
    cursor.execute(_statement(STAGE, noun))
    with cursor.copy(_statement(COPY, noun)) as copy:
        for read, (line, row) in enumerate(reading.records, 1):
            if isinstance(row, BadRowError):
                rejects.add(reading.source.path.name, line, *row.faults)
            else:
                copy.write_row((line, *row))
            if read % ROWS_PER_REPORT == 0:
                progress(noun.name, read, reading.file.tell(), reading.bytes_total)
    progress(noun.name, read, reading.bytes_total, reading.bytes_total)
    cursor.execute(_statement("ANALYZE {staged}", noun))
    return _Staged(noun, read, rejects.rows - rejected_before)


def _sift(
    cursor: Cursor[Any], staged: _Staged, file: str, tables: Collection[str], rejects: Rejects
) -> _Staged:
    """Take the rows of erased members out of what is staged, and those that refer to nothing."""
    noun, erased, rejected_before = staged.noun, 0, rejects.rows
    for reference in _OF_A_MEMBER.get(noun.name, []):
        erased += cursor.execute(_statement(DELETE_ERASED, noun, reference)).rowcount
    for reference in _REFERENCES.get(noun.name, []):
        template = (
            DELETE_DANGLING + (AND_NOT_STAGED if reference.table in tables else "") + RETURNING_DANGLING
        )
        reason = f"No {reference.table} with this id is loaded or imported; add it, or correct the id."
        for line, value in cursor.stream(_statement(template, noun, reference)):
            rejects.add(file, line, Fault(reference.column, value, reason))
    return staged._replace(rejected=staged.rejected + rejects.rows - rejected_before, erased=erased)


def _merge(cursor: Cursor[Any], staged: _Staged) -> RowCounts:
    """Bring the staged rows into the board's table."""
    noun = staged.noun
    repeated = updated = 0
    if noun is ACTIVITY:
        inserted = cursor.execute(_statement(ADD, noun)).rowcount
    else:
        repeated = cursor.execute(_statement(DELETE_REPEATED, noun)).rowcount
        inserted, updated = cursor.execute(_statement(MERGE, noun)).fetchone() or (0, 0)
    return RowCounts(
        read=staged.read,
        inserted=inserted,
        updated=updated,
        unchanged=staged.read - staged.rejected - staged.erased - repeated - inserted - updated,
        repeated=repeated,
        rejected=staged.rejected,
        erased=staged.erased,
    )


def _notes(cursor: Cursor[Any], reading: Reading) -> Iterator[str]:
    """Sentences about rows that are taken as they stand and may not be meant so."""
    noun, file = reading.source.noun, reading.source.path.name
    for condition, sentence in NOTES.get(noun.name, {}).items():
        count, line = cursor.execute(_statement(NOTE + condition, noun)).fetchone() or (0, 0)
        if count:
            rows = f"{count:,} rows (the first in line {line})" if count > 1 else f"a row (line {line})"
            yield f"{file} has {rows} {sentence}."


def _statement(template: str, noun: Noun, reference: _Reference | None = None) -> sql.Composed:
    """A template with the names of tables and columns filled in."""
    table, columns = _TABLES[noun.name], noun.names()
    compared = [name for name in columns if name != "updated_at"]
    return sql.SQL(template).format(
        stored=sql.Identifier("board", table),
        staged=sql.Identifier(f"staged_{table}"),
        columns=_identifiers(columns),
        compared=_identifiers(compared),
        compared_of_staged=_identifiers(compared, "staged"),
        compared_of_known=_identifiers(compared, "known"),
        compared_of_excluded=_identifiers(compared, "excluded"),
        reference=sql.Identifier(reference.column) if reference else sql.SQL(""),
        other=sql.Identifier("board", reference.table) if reference else sql.SQL(""),
        staged_other=sql.Identifier(f"staged_{reference.table}") if reference else sql.SQL(""),
    )


def _identifiers(names: Sequence[str], *table: str) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(*table, name) for name in names)


def _analyze(engine: Engine, nouns: Sequence[str]) -> None:
    """Let the planner know the new data; after the commit, for it must not keep the tables locked."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for noun in nouns:
            connection.execute(text(f"ANALYZE board.{_TABLES[noun]}"))
