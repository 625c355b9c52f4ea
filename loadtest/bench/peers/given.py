"""What the runner gives every peer: the bytes to answer, the statement to run, the database to run it on."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

BODY = Path(os.environ["BENCH_BODY"]).read_bytes()
HEADERS = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Server-Timing", "queue;dur=0.0, answer;dur=0.5"),
]
MEMBER_LIST = (Path(__file__).parent / "member_list.sql").read_text(encoding="utf-8")
PLANS = "force_generic_plan"  # else Postgres plans the list's read anew at each call, three times as dear
SESSION = {"plan_cache_mode": PLANS, "search_path": "pg_catalog"}  # statements name every schema of ours
PUBLICATION = """
    SELECT r.cutoff_at, r.id
    FROM connected_jobs.publication p
    JOIN connected_jobs.refresh_run r ON r.id = p.run_id
    WHERE p.effective_at <= now()
    ORDER BY p.id DESC
    LIMIT 1
"""
DATABASE_URL = os.environ["DATABASE_URL"]
GC_THRESHOLDS = (50_000, 20, 100)  # the service's own
CONNECTIONS = int(os.environ["BENCH_CONNECTIONS"])


async def no_reset(_connection: Any) -> None:
    """For an asyncpg pool: spare the round trip it makes when a connection goes back; nothing was set in it."""


def tune_garbage_collection() -> None:
    """What the service does when a worker has started: collect garbage seldom, and never what lives as long as it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
