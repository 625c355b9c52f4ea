"""What Postgres refuses while a command runs, as a sentence: what is wrong, and what to do.

Why there is no connection in the first place, `connecting` says.
"""

from __future__ import annotations

import psycopg

from app.postgres.connecting import CannotConnectError

_AGAIN = "then run it again: what it had not finished is as it was before"
_MIGRATE = (
    "run `connected-jobs migrate` (with --board for a board of its own) with this version of the program"
)
# By SQLSTATE, the longest first; {said} is what Postgres says, which may be in the server's language.
_SENTENCES = {
    "53100": f"Postgres's disk is full ({{said}}): make room there, {_AGAIN}.",
    "53200": f"Postgres has no memory left ({{said}}): lower what else it does, {_AGAIN}.",
    "53300": f"Postgres has no connection left ({{said}}): end some or raise max_connections, {_AGAIN}.",
    "53400": f"A limit that is set in Postgres is reached ({{said}}): raise it, {_AGAIN}.",
    "53": f"Postgres lacks what it needs ({{said}}): provide it, {_AGAIN}.",
    "58": f"Postgres cannot use its files ({{said}}): see its log and its disk, {_AGAIN}.",
    "XX": "Postgres finds its own data damaged ({said}): see its log before anything else is done.",
    "42501": "The role of DATABASE_URL may not do this ({said}): grant it what docs/your-own-board.md lists, "
    "or use the role that owns the tables.",
    "25006": "This Postgres takes no writes ({said}): it is a standby, or made read-only. Name the primary in "
    "DATABASE_URL; with several hosts add target_session_attrs=read-write.",
    "42P01": f"The database has not the tables this needs ({{said}}): {_MIGRATE}.",
    "42703": f"The database's tables are of another version ({{said}}): {_MIGRATE}.",
    "3F000": f"The database has not the schema this needs ({{said}}): {_MIGRATE}.",
    "42883": f"The database has not the function this needs ({{said}}): {_MIGRATE}.",
    "42P07": "What is to be made is there already ({said}): leave --board out where the board has views or tables of its own.",
    "2BP01": "Something else in the database depends on this ({said}): drop that first.",
    "55P03": "Somebody else holds a lock for too long ({said}): wait until they have ended, then run it again.",
    "57014": f"Postgres was told to give this up ({{said}}): find out by whom, {_AGAIN}.",
    "57": f"Postgres has ended the connection ({{said}}): wait until it takes some again, {_AGAIN}.",
    "40": "Others changed the same at the same moment ({said}): run it again.",
    "25P": f"Postgres has ended the connection ({{said}}): it waited too long for us, {_AGAIN}.",
    "08": f"The connection to Postgres is lost ({{said}}): see whether it runs, {_AGAIN}.",
    "22P05": "The database's encoding lacks a character ({said}): take it out, or use a database made with ENCODING 'UTF8'.",
    "22021": "A text is none in the database's encoding ({said}): correct it, or use a database made with ENCODING 'UTF8'.",
}
_LOST = f"The connection to Postgres is lost in the middle: see whether it runs, {_AGAIN}."
_IN_A_FUNCTION = (
    "A function in the database cannot be run ({said}). One that a view calls is run with a search path of Postgres's own "
    "functions alone: name what it uses with a schema, or ALTER FUNCTION … SET search_path."
)
_NAMES_NOT_FOUND = ("42P01", "42703", "3F000", "42883")


def refusal(error: psycopg.Error) -> str:
    """What Postgres refuses, and what to do."""
    if isinstance(error, CannotConnectError):
        return str(error)
    state = error.sqlstate
    if state is None:
        return (
            _LOST
            if isinstance(error, psycopg.OperationalError)
            else f"Postgres cannot be used: {_first_line(error)}."
        )
    said = _message(error)
    if state in _NAMES_NOT_FOUND and "function" in (error.diag.context or ""):
        return _IN_A_FUNCTION.format(said=said)
    for length in (5, 3, 2):
        if sentence := _SENTENCES.get(state[:length]):
            return sentence.format(said=said)
    return f"Postgres refuses this ({said}; SQLSTATE {state}): see whether the board's views give what docs/your-own-board.md says."


def is_transient(error: object) -> bool:
    """Whether it may well be over in a moment, as a lock, a restart or a lost connection is."""
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return state is None or state[:2] in ("08", "40", "55", "57") or state == "53300"


def _message(error: psycopg.Error) -> str:
    where = (error.diag.context or "").split("\n", 1)[0]
    said = error.diag.message_primary or _first_line(error)
    return f"{said}, at {where}" if where.startswith("COPY") else said


def _first_line(error: psycopg.Error) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
