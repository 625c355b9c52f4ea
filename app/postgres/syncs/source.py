"""A sync's query: read-only, in its own transaction, with a timeout, ordered by its key."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql
from sqlalchemy import text

from app.postgres.engines import driver_of
from app.sync.definition import SyncError
from app.sync.values import MOST_KEY, SourceColumn, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Engine

    from app.sync.values import ColumnKind

AT_ONCE: Final = 5_000  # rows fetched
SORT_MB: Final = 128  # of Postgres's memory for the order of the rows; the rest goes to its disk
_KINDS: dict[str, ColumnKind] = {
    "bool": "boolean", "date": "date", "timestamptz": "instant", "timestamp": "local_time", "json": "json", "jsonb": "json",
    **dict.fromkeys(("int2", "int4", "int8", "float4", "float8", "numeric"), "number"),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "uuid", "citext", "char"), "text"),
}  # fmt: skip
_ARRAYS: dict[ColumnKind, ColumnKind] = {
    "number": "numbers", "text": "array", "boolean": "array", "date": "array", "instant": "array", "json": "array",
}  # fmt: skip
_NAMES_UNKNOWN: Final = frozenset({"3F000", "42P01", "42883", "42704"})  # a schema, table, function, type
_TYPES = """
    SELECT t.oid, pg_catalog.format_type(t.oid, NULL), b.typname, b.typtype, b.typcategory, e.typname, e.typtype
    FROM pg_catalog.pg_type AS t
    JOIN pg_catalog.pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_catalog.pg_type AS e ON e.oid = b.typelem AND b.typcategory = 'A'
    WHERE t.oid = ANY (%s)
"""


class PostgresSource:
    """The rows of a query.

    Args:
        engine: Where it runs.
        query: One SELECT, as a person wrote it.
        timeout_s: How long Postgres may work at a stretch.
    """

    def __init__(self, engine: Engine, query: str, *, timeout_s: int) -> None:
        self._engine = engine
        self._query = query.strip().rstrip(";")
        self._timeout_s = timeout_s
        self._columns: Sequence[SourceColumn] | None = None

    def columns(self) -> Sequence[SourceColumn]:
        """Its columns.

        Raises:
            SyncError: it is no query that can run.
        """
        if self._columns is None:
            with self._transaction() as connection:
                driver = driver_of(connection)
                # Asked in binary, which takes one statement and no second one behind a semicolon.
                cursor = driver.execute(
                    f"SELECT * FROM (\n{self._query}\n) AS q LIMIT 0".encode(), binary=True
                )
                described = [(one.name, one.type_code) for one in cursor.description or ()]
                types = {row[0]: row for row in driver.execute(_TYPES, [[oid for _, oid in described]])}
            self._columns = [
                SourceColumn(name, _kind(*types[oid][2:]), types[oid][1]) for name, oid in described
            ]
        return self._columns

    @contextmanager
    def rows(self, key: str, only: str | None = None) -> Iterator[Iterator[tuple[str, str]]]:
        """Each row's key and its other columns as JSON text, ordered by key; of one key alone where that is asked.

        Raises:
            SyncError: the query fails, or gives a row without a key.
        """
        with self._transaction() as connection:
            driver = driver_of(connection)
            name = sql.Identifier(key)
            order = sql.SQL('q.{}::text COLLATE "C"').format(name)
            if (
                driver.info.parameter_status("server_encoding") != "UTF8"
            ):  # whose order of bytes is not that of characters
                order = sql.SQL("convert_to(q.{}::text, 'UTF8')").format(name)
            statement = sql.SQL(
                # Rows are ordered before JSON is made of them: what is sorted is small, and the first row comes early.
                "SELECT q.{name}::text, (to_jsonb(q) - {key})::text "
                "FROM (SELECT q.* FROM (\n{query}\n) AS q {where} ORDER BY {order} NULLS FIRST) AS q"
            ).format(
                name=name,
                key=sql.Literal(key),
                query=sql.SQL(self._query),  # its author may read whatever this role may
                where=sql.SQL("")
                if only is None
                else sql.SQL("WHERE q.{}::text = {}").format(name, sql.Literal(only)),
                order=order,
            )
            with driver.cursor(name="connected_jobs_sync") as cursor:
                cursor.itersize = AT_ONCE
                cursor.execute(statement)
                yield self._checked(cursor, key)

    def _checked(self, cursor: Iterator[tuple[str | None, str]], key: str) -> Iterator[tuple[str, str]]:
        for found, values in cursor:
            if found is None:
                raise SyncError(f"The query gives a row whose {key} is NULL: leave such rows out with WHERE.")
            if len(found) > MOST_KEY or len(found.encode()) > MOST_KEY:
                raise SyncError(
                    f"The query gives a row whose {key} has more than {MOST_KEY:,} bytes ({shortened(found)}): leave such rows out with "
                    "WHERE."
                )
            yield found, values

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection.execute(text("SET TRANSACTION READ ONLY"))
                connection.execute(text(f"SET LOCAL work_mem = '{SORT_MB}MB'"))
                connection.execute(text(f"SET LOCAL statement_timeout = {self._timeout_s * 1000}"))
                yield connection
        except psycopg.Error as error:
            if (sentence := self._sentence(error)) is None:
                raise
            raise SyncError(sentence) from None

    def _sentence(self, error: psycopg.Error) -> str | None:
        """What is wrong with the query; None where something else is."""
        state = error.sqlstate or ""
        said = " ".join((error.diag.message_primary or "").split()) or type(error).__name__
        if state == "57014":
            return (
                f"The query took longer than query_timeout_s = {self._timeout_s}: make it faster, such as with an index, "
                "or allow it more."
            )
        if state[:2] == "25":
            return f"The query changes something ({said}): it is run read-only."
        if state == "42501":
            return f"The query reads what this role may not ({said}): grant it SELECT."
        if state in ("42601", "08P01"):  # wrong grammar; a parameter, which nobody gives
            return (
                f"The query is not one SELECT ({said}): write one, with values in place of parameters, and nothing behind its "
                "semicolon."
            )
        if state[:2] in ("22", "42", "3F", "0A", "21"):
            hint = " Tables and functions are named with their schema, such as board.member."
            return f"The query cannot run: {said}.{hint if state in _NAMES_UNKNOWN else ''}"
        return None


def _kind(name: str, type_: str, category: str, element: str | None, element_type: str | None) -> ColumnKind:
    if category == "A" and element is not None:
        inner: ColumnKind = "text" if element_type == "e" else _KINDS.get(element, "other")
        return _ARRAYS.get(inner, "other")
    return "text" if type_ == "e" else _KINDS.get(name, "other")
