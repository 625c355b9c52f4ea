"""Log lines as JSON objects, one a line; of answers only a few a second, however many there are."""

from __future__ import annotations

import logging
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from app.telemetry import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.serving.answering import Answer

_EXTRA = frozenset(Field)
_REQUEST_ID_CHARS = 64


class JsonFormatter(logging.Formatter):
    """A record with the fields we name and nothing else of it."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        line: dict[str, Any] = {
            Field.TIME: datetime.fromtimestamp(record.created, UTC),
            Field.LEVEL: record.levelname,
            Field.LOGGER: record.name,
            Field.EVENT: record.getMessage(),
        }
        line.update((name, value) for name, value in record.__dict__.items() if name in _EXTRA)
        if record.exc_info:
            line[Field.ERROR] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def configure_logging() -> None:
    """Send what the service and its libraries log to standard error, as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class AccessLog:
    """At most `per_s` lines a second, each saying how many were not written since the last."""

    def __init__(self, per_s: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = logging.getLogger("connected_jobs.access")
        self._per_s = per_s
        self._clock = clock
        self._second = 0
        self._written = 0
        self._skipped = 0

    def answered(self, answer: Answer, seconds: float, environ: Mapping[str, Any]) -> None:
        """Write an answer's line, if this second still has room."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._written = second, 0
        if self._written >= self._per_s:
            self._skipped += 1
            return
        self._written += 1
        skipped, self._skipped = self._skipped, 0
        self._log.info(
            "answered",
            extra={
                Field.REQUEST_ID: request_id(environ),
                Field.MEMBER_ID: answer.question.member_id,
                Field.CAMPAIGN: answer.question.terms.campaign,
                Field.SOURCE: answer.source,
                Field.DEGRADED: answer.degraded,
                Field.CACHE: answer.cache,
                Field.COUNT: len(answer.places),
                Field.MILLISECONDS: round(seconds * 1000, 1),
                Field.SKIPPED: skipped,
            },
        )


def request_id(environ: Mapping[str, Any]) -> str:
    """The caller's id of this call where it sent a decent one, else one of ours."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    if 0 < len(given) <= _REQUEST_ID_CHARS and given.isascii() and given.isprintable():
        return given
    return uuid.uuid4().hex
