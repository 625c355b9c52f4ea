"""The models of docs/warehouse are SQL that other warehouses take too, over columns that there are, and say what they say in DuckDB."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import duckdb
import jinja2
import pytest
import sqlglot
import yaml
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from app.warehouse.files import write_rows
from app.warehouse.manifest import key_of
from app.warehouse.tables import CLICKS, EXPOSURES, OUTCOMES, RESULTS, SENDS, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
PROJECT = ROOT / "docs/warehouse"
TYPES = {
    "text": "VARCHAR",
    "texts": "ARRAY",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "instant": "TIMESTAMP",
}
WAREHOUSES = ("bigquery", "snowflake", "redshift", "databricks")
MODELS = ("stg_exposures", "stg_clicks", "stg_outcomes", "stg_sends", "stg_results", "mart_send_arms", "mart_experiment_arms", "member_attributes", "sends_agree")  # each after those that it reads  # fmt: skip
AT = datetime(2026, 11, 20, 1, tzinfo=UTC)


def rendered(name: str, warehouse: str = "bigquery") -> str:
    """A model as dbt renders it for a warehouse: what its files ask of dbt are these few names."""
    quote = "`" if warehouse == "bigquery" else ""
    (path,) = [*PROJECT.glob(f"models/*/{name}.sql"), *PROJECT.glob(f"tests/{name}.sql")]
    macros = "".join(macro.read_text(encoding="utf-8") for macro in PROJECT.glob("macros/*.sql"))
    template = jinja2.Environment(autoescape=False).from_string(macros + path.read_text(encoding="utf-8"))  # noqa: S701 - it is SQL
    return template.render(
        ref=lambda model: f"{quote}analytics.{model}{quote}",
        source=lambda source, table: f"{quote}{source}.{table}{quote}",
        config=lambda **_options: "",
        env_var=lambda _name, default: default,
        var=yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"].get,
        target=SimpleNamespace(type=warehouse),
    )


def sources(warehouse: str) -> MappingSchema:
    tables = {
        table.name: {"day": "DATE"} | {column.name: TYPES[column.type] for column in table.columns}
        for table in TABLES
    }
    return MappingSchema({"connected_jobs": tables}, dialect=warehouse)


def test_every_model_is_looked_at_here() -> None:
    files = {path.stem for folder in ("models", "tests") for path in (PROJECT / folder).rglob("*.sql")}
    assert files == set(MODELS)


@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_a_warehouse_takes_every_model_and_every_column_is_there(warehouse: str) -> None:
    schema = sources(warehouse)
    for name in MODELS:
        tree = sqlglot.parse_one(rendered(name, warehouse), read=warehouse)
        assert not list(tree.find_all(exp.Anonymous)), f"{name}: a function that {warehouse} does not have"
        assert not list(tree.find_all(exp.Command)), name
        found = qualify(tree, schema=schema, dialect=warehouse, validate_qualify_columns=True)
        assert isinstance(found, exp.Query)
        schema.add_table(
            f"analytics.{name}", dict.fromkeys(found.named_selects, "VARCHAR"), dialect=warehouse
        )


def test_no_model_says_what_one_of_them_lacks_or_means_otherwise() -> None:
    """A parser takes more than a warehouse does.

    Redshift has no IS NOT DISTINCT FROM, and its whole numbers divide to whole ones. A UNION must say DISTINCT in BigQuery and must not
    in Redshift.
    """
    for name in MODELS:
        tree = sqlglot.parse_one(rendered(name), read="bigquery")
        assert not list(tree.find_all(exp.NullSafeEQ)), name
        assert not [one for one in tree.find_all(exp.Union) if one.args.get("distinct")], name
        for division in tree.find_all(exp.Div):
            assert division.this.sql().startswith("1.0 * "), f"{name}: {division.sql()}"


def test_the_sources_are_the_tables() -> None:
    (source,) = yaml.safe_load((PROJECT / "models/sources.yml").read_text(encoding="utf-8"))["sources"]
    assert [table["name"] for table in source["tables"]] == [table.name for table in TABLES]


@pytest.fixture
def read(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """BigQuery's models, as DuckDB runs them, over two mails, two clicks, an application and what was counted of them."""
    mail: tuple[Any, ...] = ("weekly", "C", "V", None, "D", "profile", "a", 1, ["p"], AT)
    events = (1, 0, 0, 0, 0)
    rows: dict[str, list[tuple[Any, ...]]] = {
        EXPOSURES.name: [("e1", "r1", "m-1", *mail), ("e2", "r2", "m-2", *mail)],
        CLICKS.name: [
            ("c1", "r1", "m-1", "weekly", "C", "V", None, "D", "a", None, "p", 1, AT, None, True, None, 1),
            ("c2", "r2", "m-2", "weekly", "C", "V", None, "D", "a", None, "p", 1, AT, None, None, None, None),
        ],
        OUTCOMES.name: [("m-1", "p", AT, "r1", "weekly", "a", "clicked", 60, 1)],
        SENDS.name: [("weekly", "a", 2, 2, 1, 1, 0, 0, 0, 1, 1, 0, 0, *events)],
        RESULTS.name: [
            ("x", "weekly", "running", arm, arm == "a", 0.5, None, 4, 1, applied, 1, 1, *events, 0, AT, None, None, AT)
            for arm, applied in (("a", 1), ("b", 2))
        ],
    }  # fmt: skip
    for table in TABLES:
        path = tmp_path / key_of((table.name, date(2026, 11, 20)), "parquet")
        path.parent.mkdir(parents=True)
        with path.open("w+b") as file:
            write_rows(file, table, "parquet", [rows[table.name]], AT)
    with duckdb.connect() as connection:
        connection.sql("SET TimeZone = 'UTC'; CREATE SCHEMA connected_jobs; CREATE SCHEMA analytics")
        for table in TABLES:
            files = f"{tmp_path}/v1/{table.name}/*/*.parquet"
            # Loaded twice, as by a job that appends, once before m-9 was erased.
            connection.sql(
                f"CREATE TABLE connected_jobs.{table.name} AS FROM read_parquet('{files}', hive_partitioning = true)"
            )
            connection.sql(f"INSERT INTO connected_jobs.{table.name} FROM connected_jobs.{table.name}")
        connection.sql(
            "INSERT INTO connected_jobs.exposures FROM connected_jobs.exposures SELECT * REPLACE"
            " ('gone' AS event_id, 'm-9' AS member_id, as_of - INTERVAL 1 DAY AS as_of)"
        )
        for name in MODELS:
            statement = re.sub(r"\bcurrent_date\b", "date '2026-11-21'", rendered(name))
            connection.sql(
                f"CREATE VIEW analytics.{name} AS {sqlglot.transpile(statement, read='bigquery', write='duckdb')[0]}"
            )
        yield connection


def test_the_models_say_what_was_mailed_clicked_and_applied(read: duckdb.DuckDBPyConnection) -> None:
    assert read.sql("SELECT event_id FROM analytics.stg_exposures ORDER BY 1").fetchall() == [
        ("e1",),
        ("e2",),
    ]
    assert read.sql(
        "SELECT mailed, members, clicked, clicks, scanners, not_looked_at, applied, applications, unsubscribed FROM analytics.mart_send_arms"
    ).fetchall() == [(2, 2, 1, 1, 0, 1, 1, 1, 1)]
    assert read.sql("FROM analytics.sends_agree").fetchall() == []
    assert read.sql(
        "SELECT arm, applied_share, applied_share_above_control FROM analytics.mart_experiment_arms ORDER BY arm"
    ).fetchall() == [("a", 0.25, 0.0), ("b", 0.5, 0.25)]
    assert read.sql("FROM analytics.member_attributes").fetchall() == [
        ("m-1", "1-3", "1-3", date(2026, 11, 20)),
        ("m-2", "1-3", "0", None),
    ]


def test_counts_that_differ_are_named(read: duckdb.DuckDBPyConnection) -> None:
    read.sql("UPDATE connected_jobs.sends SET clicks = 7")
    assert len(read.sql("FROM analytics.sends_agree").fetchall()) == 1
