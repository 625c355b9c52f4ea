"""The columns that the board's four relations must have, whether they are tables or views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

_TEXT = frozenset({"text", "character varying"})
_TEXTS = frozenset({"text[]", "character varying[]"})
_REAL = frozenset({"real", "double precision"})
_WHOLE = frozenset({"smallint", "integer", "bigint"})
_TIME = frozenset({"timestamp with time zone"})
_DEADLINE = frozenset({"date", "timestamp with time zone"})
_AMOUNT = _WHOLE | _REAL | {"numeric"}
_TRUTH = frozenset({"boolean"})

COLUMNS = {
    "company": {"id": _TEXT, "name": _TEXT, "industry": _TEXT, "employees": _WHOLE, "updated_at": _TIME},
    "posting": {
        "id": _TEXT,
        "title": _TEXT,
        "company_id": _TEXT,
        "categories": _TEXTS,
        "regions": _TEXTS,
        "career_min_years": _REAL,
        "career_max_years": _REAL,
        "education": _WHOLE,
        "employment_types": _TEXTS,
        "salary_min": _AMOUNT,
        "salary_max": _AMOUNT,
        "salary_unit": _TEXT,
        "skills": _TEXTS,
        "opened_at": _TIME,
        "deadline": _DEADLINE,
        "closes": _TEXT,
        "status": _TEXT,
        "url": _TEXT,
        "updated_at": _TIME,
    },
    "member": {
        "id": _TEXT,
        "categories": _TEXTS,
        "regions": _TEXTS,
        "career_years": _REAL,
        "education": _WHOLE,
        "skills": _TEXTS,
        "desired_salary": _AMOUNT,
        "salary_unit": _TEXT,
        "mail_consent": _TRUTH,
        "withdrawn_at": _TIME,
        "updated_at": _TIME,
    },
    "activity": {"member_id": _TEXT, "posting_id": _TEXT, "kind": _TEXT, "occurred_at": _TIME},
}
_MAY_BE_MISSING = {("posting", "deadline_time"): frozenset({"time without time zone"})}
_FOUND = """
    SELECT c.relname, a.attname, a.atttypid::regtype::text
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'board'
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""


def mismatches(connection: Connection) -> list[str]:
    """A sentence for each relation or column of the board that is missing or of another type; empty if all fit."""
    found = {(table, column): type_ for table, column, type_ in connection.execute(text(_FOUND))}
    tables = {table for table, _ in found}
    sentences = [
        f"There is no board.{table}: make it a view (docs/your-own-board.md), or run `connected-jobs migrate --board`."
        for table in COLUMNS
        if table not in tables
    ]
    for table, columns in COLUMNS.items():
        for column, types in columns.items() if table in tables else ():
            type_ = found.get((table, column))
            wanted = " or ".join(sorted(types))
            if type_ is None:
                sentences.append(
                    f"board.{table} has no column {column}: add it, as {wanted}, NULL if need be."
                )
            elif type_ not in types:
                sentences.append(f"board.{table}.{column} is {type_}: cast it to {wanted}.")
    for (table, column), types in _MAY_BE_MISSING.items():
        if (type_ := found.get((table, column))) is not None and type_ not in types:
            sentences.append(f"board.{table}.{column} is {type_}: cast it to time, or leave it out.")
    return sentences
