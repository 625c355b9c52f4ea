"""The one way to Postgres: every connection says what it relies on, and every refusal is a sentence without secrets.

A server, a database, a role, the environment may set anything otherwise: time zone, encoding, search path, timeouts,
read-only. What is set when a session begins beats all of them, so it is sent with the connection; what only some
versions know, and what the environment sends after it, is set before the connection is used.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from app.postgres.failover import OldPrimaryError, connect_to_newest, one_by_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MINIMUM_VERSION = 15
CONNECT_S = 10  # longest wait for one host, unless DATABASE_URL says another
SEARCH_PATH = "pg_catalog, pg_temp"  # so that no other function or operator hides Postgres's own
# What the server reports of a session, and PgBouncer keeps for each of its clients.
_REPORTED = {
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "standard_conforming_strings": "on",
}
_PINNED = {
    "search_path": SEARCH_PATH,
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "statement_timeout": "0",
    "lock_timeout": "5min",  # a longer wait ends with an error
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "row_security": "on",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",  # the names of types and tables are compared as they are
    "client_min_messages": "warning",
    "jit": "off",  # compiling costs more than any statement of ours can win
}
_PINNED_SINCE = {17: {"transaction_timeout": "0"}}
# Through PgBouncer these are the role's to set.
_OF_THE_ROLE = {"search_path": SEARCH_PATH, "default_transaction_read_only": "off"}
_BEGIN_PINNED = "; ".join(
    [
        "BEGIN",
        *(
            f"SET LOCAL {name} TO {', '.join(map(repr, value.split(', ')))}"
            for name, value in {
                "transaction_read_only": "off",
                "transaction_isolation": "read committed",
                **_PINNED,
            }.items()
        ),
    ]
).encode()
_ENVIRONMENT = ("PGTZ", "PGDATESTYLE", "PGGEQO")  # libpq sends them after what we send
_NO_UNICODE = "SQL_ASCII"
_HOST = re.compile(r"[/@].*|[\w.:\[\]%-]*", re.ASCII)
_PORT = re.compile(r"[0-9]{0,5}")
_OLD_PRIMARY = (
    "Of the hosts of DATABASE_URL only a primary of before the failover answers: bring the new one back, and this one as "
    "its standby."
)
_log = logging.getLogger("connected_jobs.postgres")


class DatabaseUrlError(Exception):
    """A DATABASE_URL that cannot be read. The sentence repeats nothing of it: there is a password in it."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"DATABASE_URL cannot be read: {why}. Write it as postgresql://user:password@host:port/name, in the password "
            "%40 for @, %3A for :, %2F for /, %3F for ?, %23 for # and %25 for %."
        )


class CannotConnectError(psycopg.OperationalError):
    """No usable connection could be made; the sentence says why and never contains the password."""


@dataclass(frozen=True, slots=True)
class ConnectionTarget:
    """How to reach a database.

    Attributes:
        parameters: As libpq takes them, `options` among them where the way is direct.
        hosts: How many hosts it names.
        chosen: Whether it is for us to say which of several hosts is asked.
    """

    parameters: Mapping[str, Any] = field(repr=False)
    hosts: int
    chosen: bool

    @property
    def attributes(self) -> str:
        """Which server is asked for."""
        attributes = self.parameters.get("target_session_attrs") or os.environ.get("PGTARGETSESSIONATTRS")
        return str(attributes or "any")

    @property
    def writable(self) -> bool:
        """Whether the URL asks for a server that takes writes."""
        return self.attributes in ("read-write", "primary")

    @property
    def of_a_standby(self) -> bool:
        """Whether the URL asks for a server that takes no writes."""
        return self.attributes in ("read-only", "standby", "prefer-standby")


class PinnedConnection(psycopg.Connection[Any]):
    """A connection whose session is as we rely on it, whatever server, database, role and environment say.

    Its transactions are as psycopg has them, its times in UTC.
    """

    timeline = 0  # where one of several hosts was chosen

    @classmethod
    def connect(  # type: ignore[override] # what psycopg takes besides, no caller of ours needs
        cls,
        conninfo: str = "",
        *,
        application: str = "connected-jobs",
        through_pgbouncer: bool = False,
        settings: Mapping[str, str] | None = None,
        autocommit: bool = False,
        look: bool = False,
        **more: Any,
    ) -> Self:
        """Connect; of several hosts to the one that is the primary now.

        Args:
            conninfo: A URL, or what else libpq reads; several hosts are allowed.
            application: What Postgres calls it.
            through_pgbouncer: Leave nothing in the session, for it is lent to others.
            settings: Of this connection, beside those of all.
            autocommit: As psycopg.
            look: Look anew which of several hosts that is.
            more: What psycopg takes besides.

        Raises:
            DatabaseUrlError: the URL cannot be read.
            CannotConnectError: there is no connection, or none that could be used.
        """
        for name in _ENVIRONMENT:
            os.environ.pop(name, None)
        target = read_database_url(conninfo, through_pgbouncer=through_pgbouncer, settings=settings or {})
        parameters = {
            "connect_timeout": CONNECT_S,
            **target.parameters,
            "application_name": application,
            **more,
        }
        connect_to = super().connect

        def open_(chosen: Mapping[str, Any]) -> Any:
            return connect_to("", autocommit=True, **chosen)

        connection: Self
        connection, connection.timeline = _connect_to(target, parameters, open_, look=look)
        try:
            _configure_session(connection, through_pgbouncer=through_pgbouncer)
            connection.autocommit = autocommit
        except BaseException:
            connection.close()
            raise
        return connection


def _connect_to(
    target: ConnectionTarget,
    parameters: Mapping[str, Any],
    connect: Callable[[Mapping[str, Any]], Any],
    *,
    look: bool,
) -> tuple[Any, int]:
    """A connection to the host that is asked for, and its timeline; 0 where no primary had to be chosen.

    Raises:
        CannotConnectError: no host that fits lets us in.
    """
    try:
        return _try_hosts(target, parameters, connect, look=look)
    except OldPrimaryError:
        raise CannotConnectError(_OLD_PRIMARY) from None
    except psycopg.Error as error:
        raise CannotConnectError(sentence_of(error, target.parameters)) from None


def _try_hosts(
    target: ConnectionTarget,
    parameters: Mapping[str, Any],
    connect: Callable[[Mapping[str, Any]], Any],
    *,
    look: bool,
) -> tuple[Any, int]:
    """The same; psycopg's errors are raised as they are."""
    if target.hosts > 1 and target.writable:
        return connect_to_newest(one_by_one(parameters), connect, look=look)
    if target.hosts > 1 and target.attributes == "prefer-standby":  # psycopg asks one host after the other
        try:
            return connect({**parameters, "target_session_attrs": "standby"}), 0
        except psycopg.Error:
            return connect({**parameters, "target_session_attrs": "any"}), 0
    return connect(parameters), 0


def begin_pinned(connection: psycopg.Connection[Any]) -> None:
    """Begin a transaction through PgBouncer, with the session's settings for it alone.

    All in one message: a role's timeouts cannot end it before it is pinned.
    """
    connection.autocommit = True  # else psycopg sends a BEGIN of its own before
    connection.execute(_BEGIN_PINNED)


def read_database_url(
    url: str, *, through_pgbouncer: bool = False, settings: Mapping[str, str] | None = None
) -> ConnectionTarget:
    """Read a DATABASE_URL.

    Of several hosts the one that takes writes is asked, unless the URL itself says which.

    Raises:
        DatabaseUrlError: it cannot be read.
    """
    given = _read(url)
    hosts = len((given.get("hostaddr") or given.get("host") or os.environ.get("PGHOST", "")).split(","))
    chosen = hosts > 1 and not (given.get("target_session_attrs") or os.environ.get("PGTARGETSESSIONATTRS"))
    parameters: dict[str, Any] = {**given, "client_encoding": "UTF8"}
    if chosen:
        parameters["target_session_attrs"] = "read-write"
    theirs = given.get("options") or ""  # PGOPTIONS is not read: what is meant for us stands in the URL
    pinned = {} if through_pgbouncer else {**_REPORTED, **_PINNED, **(settings or {})}
    parameters["options"] = " ".join(
        filter(None, [theirs, *(f"-c {name}={_escape(value)}" for name, value in pinned.items())])
    )
    return ConnectionTarget(parameters, hosts, chosen)


def _read(url: str) -> dict[str, Any]:
    if not url.isprintable():
        raise DatabaseUrlError("a line break stands in it, or another character that cannot be printed")
    if url.startswith(("'", '"')):
        raise DatabaseUrlError("it begins with a quotation mark")
    if "://" in url and not url.startswith(("postgresql://", "postgres://")):
        raise DatabaseUrlError("it does not begin with postgresql://")
    try:
        given = {name: value for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        raise DatabaseUrlError("libpq does not understand it") from None
    for name, pattern, what in (
        ("host", _HOST, "a host"),
        ("hostaddr", _HOST, "an address"),
        ("port", _PORT, "a port"),
    ):
        for part in str(given.get(name, "")).split(","):
            if not pattern.fullmatch(part):
                raise DatabaseUrlError(f"where {what} should stand is something that is none")
    if any(int(port) > 65535 for port in str(given.get("port", "")).split(",") if port):  # noqa: PLR2004
        raise DatabaseUrlError("its port is above 65535")
    if "@" in str(given.get("dbname", "")) or "://" in str(given.get("dbname", "")):
        raise DatabaseUrlError("where the database's name should stand is an @")
    return given


def _configure_session(connection: psycopg.Connection[Any], *, through_pgbouncer: bool) -> None:
    """Set what is not yet as it should be; refuse what cannot work.

    Raises:
        CannotConnectError: it cannot.
    """
    info = connection.info
    version = info.server_version // 10_000
    if version < MINIMUM_VERSION:
        raise CannotConnectError(f"This is Postgres {version}: version {MINIMUM_VERSION} or newer is needed.")
    if info.parameter_status("server_encoding") == _NO_UNICODE:
        raise CannotConnectError(
            "The database's encoding is SQL_ASCII, which says nothing of what its bytes mean: dump it and restore it "
            "into a database made with ENCODING 'UTF8'."
        )
    wrong = {n: v for n, v in _REPORTED.items() if info.parameter_status(n) not in (None, v)}
    if not through_pgbouncer:
        for since, settings in _PINNED_SINCE.items():
            wrong |= settings if version >= since else {}
    watched = list(_OF_THE_ROLE)
    current = [sql.SQL("pg_catalog.current_setting({})").format(name) for name in watched]
    setting = [
        sql.SQL("pg_catalog.set_config({}, {}, false)").format(name, value) for name, value in wrong.items()
    ]
    try:
        row = connection.execute(
            sql.SQL("SELECT {}").format(sql.SQL(", ").join([*current, *setting]))
        ).fetchone()
    except psycopg.Error as error:
        raise CannotConnectError(sentence_of(error, {})) from None
    found = dict(zip(watched, row or (), strict=False))
    different = {name for name, value in found.items() if value.replace('"', "") != _OF_THE_ROLE[name]}
    if different and not through_pgbouncer:
        raise CannotConnectError(
            "Something between here and Postgres leaves out what a connection sets, as a pooler does: "
            "set CJ_PGBOUNCER=on if it is a PgBouncer, or connect to Postgres itself."
        )
    if different:
        _warn_once(info.user, {name: _OF_THE_ROLE[name] for name in sorted(different)})


def remind_of_the_role(connection: psycopg.Connection[Any], name: str, value: str) -> None:
    """Through PgBouncer: say once that the role does not set what a session cannot."""
    row = connection.execute("SELECT pg_catalog.current_setting(%s)", [name]).fetchone()
    if row != (value,):
        _warn_once(connection.info.user, {name: value})


_warned: set[tuple[str, ...]] = set()


def _warn_once(role: str, different: Mapping[str, str]) -> None:
    """Through PgBouncer the role has to say some of it; remind of that once."""
    if (key := (role, *different)) not in _warned:
        _warned.add(key)
        for name, value in different.items():
            _log.warning(
                "PgBouncer lends sessions whose %s may be anything: "
                "run ALTER ROLE %s SET %s = %s as a superuser, or as the role",
                name,
                role,
                name,
                value,
            )


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


# The first that fits; what a server says is in its own language only where the last line stands.
_REFUSALS = (
    ("unrecognized configuration parameter.*idle_session_timeout", f"This Postgres is too old: version {MINIMUM_VERSION} or newer is needed."),
    ("starting up|shutting down|not yet accepting|recovery mode", "Postgres is starting up or shutting down: try again in a moment."),
    ("unsupported startup parameter", "DATABASE_URL leads to a PgBouncer, which does not let a connection set what it relies on: set CJ_PGBOUNCER=on, or connect to Postgres itself."),
    ("too many (clients|connections)|remaining connection slots|no more connections allowed", "Postgres has no connection left: end some, lower CJ_CONNECTIONS or CJ_WORKERS, or raise max_connections."),
    ("password authentication failed|no password supplied|authentication failed", "Postgres refuses the role or the password of DATABASE_URL: correct them."),
    ("no pg_hba.conf entry.*(no encryption|SSL off)|pg_hba.conf rejects.*(no encryption|SSL off)", "Postgres wants an encrypted connection, or lets this role in from elsewhere only: add sslmode=require to DATABASE_URL, or an entry to pg_hba.conf."),
    ("pg_hba.conf", "Postgres lets this role into this database from elsewhere only: add an entry to pg_hba.conf."),
    ("server does not support SSL", "Postgres offers no encrypted connection: turn ssl on there, or leave sslmode out of DATABASE_URL."),
    ("certificate|root.crt|SSL error", "The encrypted connection to Postgres does not come about: check sslmode and sslrootcert of DATABASE_URL against the server's certificate."),
    ("role .* does not exist|not permitted to log in", "There is no role of DATABASE_URL's name that may log in: correct the name, or make the role."),
    ("database .* does not exist|no such database", "There is no database of DATABASE_URL's name: correct the name, or make the database."),
    ("permission denied for database|CONNECT privilege", "The role of DATABASE_URL may not connect to this database: GRANT CONNECT ON DATABASE to it."),
    ("not currently accepting connections", "The database of DATABASE_URL accepts no connections: ALTER DATABASE … ALLOW_CONNECTIONS true, or name another."),
    ("session is read-only|hot standby mode|server is in hot standby", "None of the hosts of DATABASE_URL takes writes: bring the primary back, promote a standby, or say target_session_attrs=any to read from one."),
    ("session is not read-only|server is not in hot standby", "None of the hosts of DATABASE_URL is a standby, which its target_session_attrs asks for."),
    ("could not translate host name|name or service not known|resolve", "The host name of DATABASE_URL is not known here: correct it, or the name server."),
    ("refused|no such file|is the server running|unreachable|no route", "Nothing answers at the host and port of DATABASE_URL: start Postgres there, or correct them."),
    ("timeout", "The host of DATABASE_URL does not answer in time: see whether it runs and a firewall lets through."),
    ("closed the connection unexpectedly|reset by peer|connection has been closed|EOF detected|broken pipe", "Postgres broke the connection off: see its log, then try again."),
    ("invalid value for parameter|unrecognized configuration parameter", "Postgres does not take a setting that DATABASE_URL gives in `options`: correct it."),
)  # fmt: skip


def sentence_of(error: psycopg.Error, parameters: Mapping[str, Any]) -> str:
    """Why there is no connection and what to do, with nothing of the URL in it."""
    message = str(error)
    for pattern, sentence in _REFUSALS:
        if re.search(pattern, message, re.IGNORECASE | re.DOTALL):
            return sentence
    return f"Postgres cannot be used: {_redact(parameters, message)}"


def _redact(parameters: Mapping[str, Any], message: str) -> str:
    """The first line of what libpq says, without what stands in quotation marks or in the URL."""
    line = next(iter(message.strip().splitlines()), "it says nothing")
    line = re.sub(r'["“«„].*?["”»“]|\'.*?\'', "…", line)
    for part in _secrets(parameters):
        line = line.replace(part, "…")
    return line.removeprefix("connection failed: ").strip()


def _secrets(parameters: Mapping[str, Any]) -> Iterator[str]:
    for name, value in parameters.items():
        if name not in ("options", "client_encoding", "target_session_attrs"):
            yield from (part for part in [str(value), *re.split(r"\W+", str(value))] if part)


connect = PinnedConnection.connect
