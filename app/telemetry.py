"""The names of metrics and log fields, in one place."""

from __future__ import annotations

from enum import StrEnum


class Metric(StrEnum):
    """Prometheus metric names; units are in the names."""

    ANSWERS = "cj_answers_total"
    ANSWER_SECONDS = "cj_answer_seconds"
    ERRORS = "cj_errors_total"
    CARDS = "cj_cards_total"
    WATCH_FAILURES = "cj_watch_failures_total"
    POSTGRES_FAILURES = "cj_postgres_failures_total"
    RUN_AGE_SECONDS = "cj_run_age_seconds"


class Field(StrEnum):
    """Keys of the JSON log lines."""

    TIME = "time"
    LEVEL = "level"
    EVENT = "event"
    LOGGER = "logger"
    ERROR = "error"
