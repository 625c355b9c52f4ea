"""Log lines as JSON objects, one a line; the access log writes at most a few a second."""

from __future__ import annotations

import logging
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from app.telemetry import LogField

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from app.serving.answering import Answer

_EXTRA = frozenset(LogField)
_REQUEST_ID_CHARS = 64


class JsonFormatter(logging.Formatter):
    """Writes a record's fields of `LogField` and nothing else."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        line: dict[str, Any] = {
            LogField.TIME: datetime.fromtimestamp(record.created, UTC),
            LogField.LEVEL: record.levelname,
            LogField.LOGGER: record.name,
            LogField.PROCESS: record.process,
            LogField.EVENT: _utf8(record.getMessage()),
        }
        line.update((name, value) for name, value in record.__dict__.items() if name in _EXTRA)
        if record.exc_info:
            line[LogField.ERROR] = _utf8(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


def _utf8(text: str) -> str:
    """A text with lone surrogates escaped: a file name may hold any bytes."""
    return text.encode(errors="backslashreplace").decode()


def configure_logging() -> None:
    """Write what the service and its libraries log to standard error, as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


# gunicorn's `logconfig_dict`: its lines go through the root logger and get our format.
GUNICORN_LOGGING: dict[str, Any] = {
    "root": {"level": "INFO", "handlers": ["error_console"]},
    "loggers": {"gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True}},
    "formatters": {"generic": {"()": "app.web.observability.logs.JsonFormatter"}},
}


def log_uncaught() -> None:
    """Log an exception that ends a thread or the process as one line, instead of Python's traceback of many."""
    log = logging.getLogger("connected_jobs.uncaught")
    logging.captureWarnings(capture=True)

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            name = args.thread.name if args.thread else "of no name"
            log.error("thread %s ended", name, exc_info=args.exc_value)

    def of_process(
        _type: type[BaseException], error: BaseException, _traceback: TracebackType | None
    ) -> None:
        log.critical("the process ended", exc_info=error)

    threading.excepthook = of_thread
    sys.excepthook = of_process


class AccessLog:
    """Writes at most `per_s` lines a second; each says how many were skipped since the last."""

    def __init__(self, per_s: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = logging.getLogger("connected_jobs.access")
        self._per_s = per_s
        self._clock = clock
        self._second = 0
        self._written = 0
        self._skipped = 0

    def log_answer(self, answer: Answer, seconds: float, environ: Mapping[str, Any]) -> None:
        """Write an answer's line, if this second still has room."""
        if not self._has_room():
            return
        facts: dict[str, object] = {
            LogField.MEMBER_ID: answer.request.member_id,
            LogField.CAMPAIGN: answer.request.options.campaign,
            LogField.SOURCE: answer.source,
            LogField.DEGRADED: answer.degraded,
            LogField.CACHE: answer.cache,
            LogField.COUNT: len(answer.places),
            LogField.MILLISECONDS: round(seconds * 1000, 1),
        }
        self._write("answered", facts, environ)

    def log_error(self, status: int, environ: Mapping[str, Any]) -> None:
        """Write an error answer's line, if this second still has room; the query is not logged."""
        if self._has_room():
            path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
            self._write("refused", {LogField.STATUS: status, LogField.PATH: path}, environ)

    def _has_room(self) -> bool:
        second = int(self._clock())
        if second != self._second:
            self._second, self._written = second, 0
        if self._written >= self._per_s:
            self._skipped += 1
            return False
        self._written += 1
        return True

    def _write(self, event: str, facts: Mapping[str, object], environ: Mapping[str, Any]) -> None:
        skipped, self._skipped = self._skipped, 0
        self._log.info(
            event, extra={LogField.REQUEST_ID: request_id(environ), **facts, LogField.SKIPPED: skipped}
        )


def request_id(environ: Mapping[str, Any]) -> str:
    """The caller's X-Request-ID if it is printable ASCII of at most 64 characters, else a new id."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    if 0 < len(given) <= _REQUEST_ID_CHARS and given.isascii() and given.isprintable():
        return given
    return uuid.uuid4().hex
