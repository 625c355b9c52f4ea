"""A day's file holds its rows as they come, and the same rows are the same bytes."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest

from app.warehouse import files
from app.warehouse.files import write_rows
from app.warehouse.tables import CLICKS, EXPOSURES, TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from app.warehouse.tables import WarehouseTable

SENT = datetime(2026, 11, 20, 9, 30, tzinfo=timezone(timedelta(hours=9)))
MAIL = ("e", "r", None, "주간", None, None, None, None, "profile", None, 2, ['p,"1"', "p\n2"], SENT)
RETURN = ("e", "r", "m\r1", *MAIL[3:])
CLICK = ("e", None, "m", None, None, None, None, None, None, None, None, None, SENT, None, None, None, None)


def test_a_large_day_waits_in_memory_by_the_row_group_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ROW_GROUP", 100)
    file = io.BytesIO()
    assert write_rows(file, EXPOSURES, "parquet", ([MAIL] * 20 for _ in range(17)), SENT) == 340
    found = pq.read_metadata(file)
    assert [found.row_group(number).num_rows for number in range(found.num_row_groups)] == [100, 100, 100, 40]


def test_moments_are_in_utc_and_what_is_unknown_is_null() -> None:
    file = io.BytesIO()
    write_rows(file, CLICKS, "parquet", [[CLICK]], SENT)
    (row,) = pq.read_table(file).to_pylist()
    assert (row["clicked_at"], row["person"], row["position"]) == (SENT, None, None)
    assert str(row["clicked_at"].tzinfo) == "UTC"


DUCKDB = {
    "text": "VARCHAR", "texts": "VARCHAR[]", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN",
    "instant": "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
ARROW = {
    "text": "string", "texts": "list<element: string>", "integer": "int64", "number": "double", "boolean": "bool",
    "instant": "timestamp[us, tz=UTC]",
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_readers_find_the_types_that_the_document_names(table: WarehouseTable, tmp_path: Path) -> None:
    with (tmp_path / "x.parquet").open("w+b") as file:
        write_rows(file, table, "parquet", [], SENT)
    fields = pq.read_schema(tmp_path / "x.parquet")
    with duckdb.connect() as connection:
        connection.sql("SET TimeZone = 'Asia/Seoul'")
        found = connection.sql(f"DESCRIBE FROM read_parquet('{tmp_path}/x.parquet')").fetchall()
    for column, field, (name, duckdb_type, *_) in zip(table.columns, fields, found, strict=True):
        assert (field.name, str(field.type), field.nullable) == (
            column.name,
            ARROW[column.type],
            not column.required,
        )
        assert (name, duckdb_type) == (column.name, DUCKDB[column.type])


def test_csv_quotes_what_would_break_a_line_and_can_be_written_on() -> None:
    file = io.BytesIO()
    assert write_rows(file, EXPOSURES, "csv", [[MAIL], [MAIL]], SENT) == 2
    assert not file.closed
    head, *rest = file.getvalue().decode().split("\r\n")
    assert head == ",".join(column.name for column in EXPOSURES.columns)
    assert rest == [
        'e,r,,주간,,,,,profile,,2,"[""p,\\""1\\"""", ""p\\n2""]",2026-11-20 00:30:00.000000+00,2026-11-20 00:30:00.000000+00'
    ] * 2 + [""]  # fmt: skip


def test_csv_gives_back_a_lone_return(tmp_path: Path) -> None:
    with (tmp_path / "x.csv").open("w+b") as file:
        write_rows(file, EXPOSURES, "csv", [[RETURN]], SENT)
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as text:
        assert [row["member_id"] for row in csv.DictReader(text)] == ["m\r1"]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_same_rows_are_the_same_bytes(kind: Any) -> None:
    def bytes_of(*batches: list[tuple[Any, ...]]) -> bytes:
        file = io.BytesIO()
        write_rows(file, EXPOSURES, kind, batches, SENT)
        return file.getvalue()

    assert bytes_of([MAIL] * 3, [MAIL]) == bytes_of([MAIL] * 3, [MAIL])
    assert bytes_of() != bytes_of([MAIL])
