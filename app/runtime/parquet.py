"""Parquet's library, which is an extra's: asked for where a file is written or read, and missed in one sentence."""

from __future__ import annotations

from typing import Any


class ParquetError(Exception):
    """Parquet cannot be written or read here; the sentence says what to do."""


def parquet() -> tuple[Any, Any]:
    """Return the library, and its part for files.

    Raises:
        ParquetError: it is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra's
        import pyarrow.parquet as pq  # noqa: PLC0415 - same
    except ImportError as error:
        raise ParquetError(
            "What writes and reads Parquet is not installed: install connected-jobs with its extra `parquet`, "
            "or choose another format."
        ) from error
    return pa, pq
