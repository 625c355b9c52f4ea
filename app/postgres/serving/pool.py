"""Connections for answering: a bounded pool, statements prepared once, and a wait that ends with the deadline.

A statement is sent and awaited through psycopg's own binding of libpq rather than through a cursor: a third of
the CPU time, and the wait for the reply is bounded on this side too, so that a server that is frozen rather than
down costs a call no more than its deadline.
"""

from __future__ import annotations

import logging
import re
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import DiagnosticField, ExecStatus, Format
from psycopg_pool import ConnectionPool, PoolTimeout

from app.postgres.board.failing_rows import ViewError, is_of_a_row
from app.postgres.connecting import PinnedConnection, remind_of_the_role
from app.runtime.admission import AdmissionControl
from app.runtime.deadline import Deadline
from app.runtime.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.pq.abc import PGconn, PGresult

BACKGROUND_S = 5.0  # longest wait of a read that no call is waiting for
# Its longest wait for a connection: a worker that starts without Postgres gives up some reads before it answers.
BACKGROUND_CHECKOUT_S = 1.0
CONNECT_S = 2  # the least that libpq accepts
_TIMEOUT = b"57014"
# A session has no such statement, or its plan is of tables as they were. Without a pooler only a new connection helps; through
# one that keeps statements itself, another server, or it was restarted with another setting.
_STATEMENT_GONE = (b"26000", b"0A000")
# Asks a session whether it knows this statement under our own name: a pooler that keeps statements gives them names of its own.
_PROBE = b"connected_jobs_probe"
_IS_OURS = b"SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements WHERE name OPERATOR(pg_catalog.=) $1::text"
_NOT_THERE = (b"42P01", b"42703", b"3F000")  # a table, a column, a schema
_NOT_IN_ITS_ENCODING = (b"22P05", b"22021")
# Classes of errors that go on: read-only, no right or no table, too little of something.
_LASTING = (b"25", b"42", b"53", b"54")
_LOOK_S = 0.02
_PLANS = "force_generic_plan"  # else Postgres plans the member's read anew at every call, which costs more than running it
_log = logging.getLogger("connected_jobs.postgres")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement under its name, with parameters $1, $2 and so on.

    One plan serves all calls, unless the best plan depends on a parameter's value: `planned_anew` then. One that is
    `rehearsed` is run once with NULLs when a connection is made, which must find nothing: what Postgres reads and plans
    at a statement's first run on a connection takes a hundred times as long as the next.
    """

    name: bytes
    sql: bytes
    planned_anew: bool = False
    rehearsed: bool = False

    @property
    def parameters(self) -> int:
        """How many it takes."""
        return max(map(int, re.findall(rb"\$(\d+)", self.sql)), default=0)


class _Connection(PinnedConnection):
    """A connection that can wait for its own socket, and whether it has the statements prepared."""

    poller: select.poll
    prepared = False


class UntranslatableError(UnavailableError):
    """A text that was asked for or given cannot stand in the database at all, in its encoding."""

    def __init__(self) -> None:
        super().__init__("untranslatable")


class UnreadableError(ViewError, UnavailableError):
    """An expression in a view fails for a row of this read."""

    def __init__(self, state: str) -> None:
        UnavailableError.__init__(self, "refused")
        self.state = state


class ServingPool:
    """A pool of autocommitting connections; every failure is an `UnavailableError`.

    All are made when it is opened: one that calls wait for, while Postgres has much to do, can take a second.

    Args:
        url: As libpq reads it; several hosts are allowed.
        statements: All that will be run, prepared when a connection is made.
        size: How many connections.
        wait_s: The longest wait for a connection; a call that would wait longer is refused at once.
        statement_timeout_ms: After which the server gives a statement up too.
        threads: How many answer calls; while Postgres is slow one of them does not wait for it.
        through_pgbouncer: Keep nothing in the session: PgBouncer lends it to others after each statement. Timeouts and
            how plans are kept are then the role's; where PgBouncer does not keep statements, they are planned each time.
    """

    def __init__(
        self,
        url: str,
        statements: Sequence[Statement],
        *,
        size: int,
        wait_s: float,
        statement_timeout_ms: int,
        threads: int | None = None,
        through_pgbouncer: bool = False,
    ) -> None:
        self._url = url
        self._through_pgbouncer = through_pgbouncer
        self._timeline = 0
        self._statements = statements
        self._wait_s = wait_s
        self._admission = AdmissionControl(size, longest_s=wait_s, threads=threads)
        self._said: set[tuple[bytes, bytes]] = set()
        self._lost = True  # the last connection that was used broke, or there was none yet
        self._pool = ConnectionPool(
            url,
            connection_class=_Connection,
            kwargs={
                "application": "connected-jobs serve",
                "through_pgbouncer": through_pgbouncer,
                "settings": {
                    "statement_timeout": str(statement_timeout_ms),
                    "plan_cache_mode": _PLANS,
                },
                "autocommit": True,
                "connect_timeout": CONNECT_S,
                "prepare_threshold": None,
            },
            configure=self._configure,
            min_size=size,
            max_size=size,
            reconnect_timeout=10.0,
            open=False,
            name="serving",
        )

    def open(self, backlog: Callable[[], int] | None = None) -> None:
        """Begin to connect, in the background; call it in the process that uses the pool.

        Args:
            backlog: Returns how many calls wait for a thread; None where the server does not report it.
        """
        self._admission.backlog = backlog
        self._pool.open()

    def await_connected(self, within_s: float) -> None:
        """Wait until every connection is made, at most so long; what is missing then is made later."""
        until_s = time.monotonic() + within_s
        while self._pool.get_stats()["pool_available"] < self._pool.max_size and time.monotonic() < until_s:
            time.sleep(_LOOK_S)

    def follow_primary(self) -> None:
        """Replace connections to a former primary; raises `UnavailableError` where there is no new one.

        A machine that was cut off and came back does not report the end of its connections.
        """
        try:
            with PinnedConnection.connect(
                self._url,
                look=True,
                autocommit=True,
                connect_timeout=CONNECT_S,
                through_pgbouncer=self._through_pgbouncer,
            ) as newest:
                timeline = newest.timeline
        except psycopg.Error as error:
            raise UnavailableError("lost") from error
        if 0 < self._timeline < timeline:
            self._pool.drain()
        self._timeline = max(self._timeline, timeline)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def stats(self) -> dict[str, int]:
        """The pool's own counts, under psycopg_pool's names."""
        return self._pool.get_stats()

    def run(
        self, statement: Statement, values: list[bytes | None], deadline: Deadline | None = None
    ) -> PGresult:
        """Run a statement with parameters as Postgres's text; the result is binary.

        Raises:
            UntranslatableError: a text is none that the database could hold.
            UnreadableError: a view fails for a row.
            UnavailableError: no connection, no reply before the deadline, or an error in its place.
        """
        return _rows_or_raise(self._with_connection(statement, values, None, deadline))

    def rows(
        self, statement: Statement, parameters: Sequence[object] = (), deadline: Deadline | None = None
    ) -> list[tuple[Any, ...]]:
        """Run a statement with Python parameters and read its rows as Python values; raises as `run` does."""
        adapt = Transformer()
        values = adapt.dump_sequence(parameters, [PyFormat.TEXT] * len(parameters))
        plain = [value if value is None else bytes(value) for value in values]
        result = _rows_or_raise(self._with_connection(statement, plain, adapt.types, deadline))
        adapt.set_pgresult(result)
        return adapt.load_rows(0, result.ntuples, tuple)

    def _with_connection(
        self,
        statement: Statement,
        values: list[bytes | None],
        types: Sequence[int] | None,
        deadline: Deadline | None,
    ) -> PGresult:
        if deadline is None:
            deadline = Deadline(time.monotonic() + BACKGROUND_S)
            return self._ask(self._checkout(BACKGROUND_CHECKOUT_S), statement, values, types, deadline)
        remaining_s = deadline.remaining_s()
        if remaining_s <= 0:
            raise UnavailableError("deadline")
        if not self._admission.enter():
            raise UnavailableError("pool")
        try:
            connection = self._checkout(min(self._wait_s, remaining_s))
            began_s = time.monotonic()
            try:
                return self._ask(connection, statement, values, types, deadline)
            finally:
                self._admission.record_turn(time.monotonic() - began_s)
        finally:
            self._admission.leave()

    def _checkout(self, wait_s: float) -> _Connection:
        try:
            connection = self._pool.getconn(timeout=wait_s)
            # Where one broke others have: Postgres ended them, and there is something to read, its last word or the end.
            while self._lost and connection.poller.poll(0):
                connection.close()
                self._pool.putconn(connection)
                connection = self._pool.getconn(timeout=wait_s)
        except PoolTimeout as error:  # every connection is busy, or there is none and none can be made
            raise UnavailableError("lost" if self._lost else "pool") from error
        return connection

    def _ask(
        self,
        connection: _Connection,
        statement: Statement,
        values: list[bytes | None],
        types: Sequence[int] | None,
        deadline: Deadline,
    ) -> PGresult:
        """Ask over a connection and give it back; one that is not known to be idle again is closed."""
        try:
            result = self._run(connection, statement, values, types, deadline.remaining_s())
        except psycopg.Error as error:
            self._lost = True
            connection.close()
            raise UnavailableError("broken") from error
        except UnavailableError:
            self._lost = True
            connection.close()
            raise
        finally:
            self._pool.putconn(connection)
        self._lost = False
        return result

    def _run(
        self,
        connection: _Connection,
        statement: Statement,
        values: list[bytes | None],
        types: Sequence[int] | None,
        remaining_s: float,
    ) -> PGresult:
        pgconn = connection.pgconn
        until_s = time.monotonic() + remaining_s
        if prepared := connection.prepared and not statement.planned_anew:
            pgconn.send_query_prepared(statement.name, values, None, Format.BINARY)
        else:
            pgconn.send_query_params(statement.sql, values, types, None, Format.BINARY)
        result = _reply(pgconn, connection.poller, remaining_s)
        if prepared and self._through_pgbouncer and _state(result) in _STATEMENT_GONE:
            connection.prepared = False  # until it is made anew
            pgconn.send_query_params(statement.sql, values, types, None, Format.BINARY)
            result = _reply(pgconn, connection.poller, until_s - time.monotonic())
        # Such a refusal is of this call alone, and the connection is as good as before.
        if result.status == ExecStatus.TUPLES_OK or is_of_a_row(_state(result).decode()):
            return result
        if _state(result) == _TIMEOUT:
            raise UnavailableError("timeout")
        self._say_once(statement, result)
        raise UnavailableError("refused")

    def _say_once(self, statement: Statement, result: PGresult) -> None:
        """Log once what Postgres does not permit; it continues until somebody grants it."""
        key = (statement.name, _state(result))
        if key[1][:2] in _LASTING and key not in self._said:
            self._said.add(key)
            primary = result.error_field(DiagnosticField.MESSAGE_PRIMARY) or b""
            _log.warning("Postgres refuses %s: %s", statement.name.decode(), primary.decode(errors="replace"))

    def _configure(self, connection: _Connection) -> None:
        connection.poller = select.poll()
        connection.poller.register(connection.pgconn.socket, select.POLLIN)
        connection.prepared = not self._through_pgbouncer or _keeps_statements(connection)
        if not connection.prepared:
            return
        if self._through_pgbouncer:
            remind_of_the_role(connection, "plan_cache_mode", _PLANS)
        for statement in self._statements:
            _prepare(connection.pgconn, statement)
            if statement.rehearsed:
                # Postgres could be asked how many these are, but psycopg holds the interpreter until it has said so.
                nothing = [None] * statement.parameters
                connection.pgconn.exec_prepared(statement.name, nothing)  # type: ignore[arg-type] # None is NULL


def _prepare(pgconn: PGconn, statement: Statement) -> None:
    """Raises `OperationalError`, which the pool logs: of tables older than this version it says how to mend that."""
    result = pgconn.prepare(statement.name, statement.sql)
    if _state(result) in _NOT_THERE:
        primary = result.error_field(DiagnosticField.MESSAGE_PRIMARY) or b""
        raise psycopg.OperationalError(
            f"the database lacks what this version reads ({primary.decode(errors='replace')}): "
            "run `connected-jobs migrate` of this version, and see whether the board's views are there"
        )
    _succeeded(result)


def _keeps_statements(connection: psycopg.Connection[Any]) -> bool:
    """Whether what is between here and Postgres keeps our statements, whichever session it lends, as PgBouncer does since 1.21.

    In one transaction, so that it is one session that is asked; nothing stays in it.
    """
    connection.execute("BEGIN")
    try:
        _succeeded(connection.pgconn.prepare(_PROBE, _IS_OURS))
        found = _succeeded(connection.pgconn.exec_prepared(_PROBE, [_PROBE])).get_value(0, 0)
        if found != b"0":
            connection.execute(b"DEALLOCATE " + _PROBE)
    finally:
        connection.execute("ROLLBACK")
    return found == b"0"


def _succeeded(result: PGresult) -> PGresult:
    """Raise OperationalError where it says so."""
    if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
    return result


def _reply(pgconn: PGconn, poller: select.poll, remaining_s: float) -> PGresult:
    """The whole reply to what was sent.

    Raises:
        UnavailableError: there is none in time.
    """
    pgconn.flush()
    _await_reply(pgconn, poller, remaining_s)
    result = pgconn.get_result()
    while pgconn.get_result() is not None:
        pass
    if result is None:
        raise UnavailableError("refused")
    return result


def _await_reply(pgconn: PGconn, poller: select.poll, remaining_s: float) -> None:
    """Read until the reply is whole; the last wait may begin just before the deadline, so it ends by twice."""
    while True:
        if not poller.poll(max(1, int(remaining_s * 1000))):
            raise UnavailableError("timeout")
        pgconn.consume_input()
        if not pgconn.is_busy():
            return


def _rows_or_raise(result: PGresult) -> PGresult:
    if result.status == ExecStatus.TUPLES_OK:
        return result
    if (state := _state(result)) in _NOT_IN_ITS_ENCODING:
        raise UntranslatableError
    raise UnreadableError(state.decode())


def _state(result: PGresult) -> bytes:
    return result.error_field(DiagnosticField.SQLSTATE) or b""
