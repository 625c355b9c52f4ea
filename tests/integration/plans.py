"""Query plans of the serving statements, as Postgres makes them for prepared statements."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from app.postgres.serving.pool import Statement

MODES = ("force_custom_plan", "force_generic_plan")  # a prepared statement may be given either


def plan_of(
    connection: psycopg.Connection, statement: Statement, values: Sequence[object], *, mode: str
) -> dict[str, Any]:
    """The plan of a statement with these values."""
    name = sql.Identifier(statement.name.decode())
    connection.execute(sql.SQL("SET plan_cache_mode = {}").format(sql.Identifier(mode)))
    connection.execute(sql.SQL("PREPARE {} AS {}").format(name, sql.SQL(statement.sql.decode())))
    arguments = (
        sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, values))) if values else sql.SQL("")
    )
    try:
        row = connection.execute(
            sql.SQL("EXPLAIN (FORMAT JSON) EXECUTE {}{}").format(name, arguments)
        ).fetchone()
    finally:
        connection.execute(sql.SQL("DEALLOCATE {}").format(name))
    assert row is not None
    plan: dict[str, Any] = (row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes, each before those below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def read_whole(plan: dict[str, Any]) -> set[str]:
    """The tables that a plan reads from end to end."""
    return {
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] in {"Seq Scan", "Parallel Seq Scan"}
    }


def indexes(plan: dict[str, Any]) -> set[str]:
    """The indexes that a plan uses."""
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
