"""Dates and times that Postgres holds and Python cannot: `infinity`, years before 1 and after 9999, 24:00.

psycopg refuses a whole result for one such value. Here it is read as the nearest value that is safe to reckon with, so
that one row harms no other; who reads it decides what it means (a deadline of `infinity` is none).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.adapt import Loader
from psycopg.pq import Format

if TYPE_CHECKING:
    from psycopg.abc import AdaptContext, Buffer
    from psycopg.adapt import AdaptersMap

# Far enough from Python's own ends that a time zone or some days more do not lead over them.
EARLIEST, LATEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_BOUNDS: dict[str, tuple[date, date] | tuple[time, time]] = {
    "timestamptz": (EARLIEST, LATEST),
    "date": (EARLIEST.date(), LATEST.date()),
    "time": (time.min, time.max),
    "timetz": (time.min, time.max),
}


def read_any_instant(adapters: AdaptersMap) -> None:
    """Let connections made with these adapters read every `timestamptz`, `date` and `time` there is."""
    for name, (earliest, latest) in _BOUNDS.items():
        for wire in (Format.TEXT, Format.BINARY):
            usual = adapters.get_loader(adapters.types[name].oid, wire)
            if usual is not None and not issubclass(usual, _BoundedInstantLoader):
                values = {"format": wire, "usual": usual, "earliest": earliest, "latest": latest}
                adapters.register_loader(
                    name, type(f"Bounded{usual.__name__}", (_BoundedInstantLoader,), values)
                )


class _BoundedInstantLoader(Loader):
    """Reads as psycopg's own loader does where it can."""

    usual: type[Any]
    earliest: date | time
    latest: date | time

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._usual = self.usual(oid, context)

    def load(self, data: Buffer) -> date | time:
        """The value, or the bound it lies beyond."""
        try:
            value: date | time = self._usual.load(data)
        except (psycopg.DataError, ValueError, OverflowError):
            return self.earliest if self._is_early(bytes(data)) else self.latest
        return value

    @classmethod
    def _is_early(cls, data: bytes) -> bool:
        """Whether what cannot be read lies before all that can: counted from 2000 in binary, said in text."""
        if cls.format == Format.BINARY:
            return data[:1] >= b"\x80"
        return data.startswith(b"-") or data.endswith(b"BC")
