"""The names of metrics and log fields, in one place."""

from __future__ import annotations

from enum import StrEnum


class Metric(StrEnum):
    """Prometheus metric names; units are in the names."""

    ANSWERS = "cj_answers_total"
    ANSWER_SECONDS = "cj_answer_seconds"
    ERRORS = "cj_errors_total"
    LIMITED = "cj_limited_total"
    PLANS = "cj_plans_total"
    CARDS_READ = "cj_cards_read_total"
    WATCH_FAILURES = "cj_watch_failures_total"
    POSTGRES_FAILURES = "cj_postgres_failures_total"
    LIMITS_FALLBACK = "cj_limits_fallback_total"
    RUN_AGE_SECONDS = "cj_run_age_seconds"
    CARDS_KEPT = "cj_cards_kept"
    PLANS_KEPT = "cj_plans_kept"
    POOL_SIZE = "cj_pool_connections"
    POOL_IDLE = "cj_pool_idle_connections"
    POOL_WAITING = "cj_pool_waiting_calls"
    BREAKER_OPEN = "cj_breaker_open"
    ROWS_LEFT_OUT = "cj_rows_left_out_total"
    COUNTS_WAITING = "cj_counts_waiting"
    COUNTS_LOST = "cj_counts_lost_total"
    BUILD_INFO = "cj_build_info"
    WORKER_MEASURED_AT = "cj_worker_measured_at_seconds"
    WORKER_CPU = "cj_worker_cpu_seconds"
    WORKER_RESIDENT = "cj_worker_resident_bytes"
    WORKER_OPEN_FILES = "cj_worker_open_files"
    PLANNER_REQUESTS = "cj_planner_requests_total"
    PLANNER_SECONDS = "cj_planner_request_seconds"
    PLANNER_CAMPAIGNS = "cj_planner_campaigns"
    PLANNER_LEFT_OUT = "cj_planner_left_out"
    PLANNER_FORECAST = "cj_planner_forecast_peak_rps"
    PLANNER_USABLE = "cj_planner_usable_rps"
    PLANNER_EVIDENCE_AGE = "cj_planner_evidence_age_seconds"
    PLANNER_JUDGED_AT = "cj_planner_judged_at_seconds"


class Field(StrEnum):
    """Keys of the JSON log lines."""

    TIME = "time"
    LEVEL = "level"
    EVENT = "event"
    LOGGER = "logger"
    PROCESS = "process"
    ERROR = "error"
    REQUEST_ID = "request_id"
    MEMBER_ID = "member_id"
    CAMPAIGN = "campaign"
    SOURCE = "source"
    DEGRADED = "degraded"
    CACHE = "cache"
    COUNT = "count"
    MILLISECONDS = "ms"
    PATH = "path"
    STATUS = "status"
    SKIPPED = "lines_skipped"
