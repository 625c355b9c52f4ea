"""A day's rows as a file, Parquet or CSV: written as they come, so that memory does not grow with the day."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final

from app.runtime.parquet import parquet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.warehouse.manifest import ExportFormat
    from app.warehouse.tables import ColumnType, WarehouseTable

Rows = list[tuple[Any, ...]]
ROW_GROUP: Final = 100_000  # rows of Parquet that are kept until they are written


def write_rows(
    file: IO[bytes], table: WarehouseTable, kind: ExportFormat, batches: Iterable[Rows], as_of: datetime
) -> int:
    """Write the rows of a day; returns how many. The same rows give the same bytes.

    Args:
        file: Where to.
        table: Whose rows they are; each batch has its columns but the last.
        kind: The format.
        batches: The rows, in their order.
        as_of: The last column.
    """
    return (_parquet if kind == "parquet" else _csv)(file, table, batches, as_of)


def _parquet(file: IO[bytes], table: WarehouseTable, batches: Iterable[Rows], as_of: datetime) -> int:
    pa, pq = parquet()
    types = {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "instant": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema(
        [pa.field(one.name, types[one.type], nullable=not one.required) for one in table.columns]
    )
    rows = 0
    waiting: list[Any] = []
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in filter(None, batches):
            columns = [*zip(*batch, strict=True), [as_of] * len(batch)]
            arrays = [
                pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)
            ]
            waiting.append(pa.record_batch(arrays, schema=schema))
            rows += len(batch)
            if sum(one.num_rows for one in waiting) >= ROW_GROUP:
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, schema))
    return rows


def _csv(file: IO[bytes], table: WarehouseTable, batches: Iterable[Rows], as_of: datetime) -> int:
    rows = 0
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(
        text
    )  # whose line end is CRLF, without which a lone CR in a value would not be quoted
    writer.writerow([column.name for column in table.columns])
    types = [column.type for column in table.columns]
    for batch in filter(None, batches):
        writer.writerows(
            [_cell(value, type_) for value, type_ in zip((*row, as_of), types, strict=True)] for row in batch
        )
        rows += len(batch)
    text.detach()
    return rows


def _cell(value: Any, type_: ColumnType) -> Any:
    """A value as a field: null is an empty one, a list is JSON, a moment is in UTC."""
    if value is None:
        return ""
    if type_ == "boolean":
        return "true" if value else "false"
    if type_ == "texts":
        return json.dumps(list(value), ensure_ascii=False)
    if type_ == "instant":
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
    return value
