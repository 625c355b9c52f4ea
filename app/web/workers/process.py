"""Limits of a serving process: open files for its connections, and how often garbage is collected."""

from __future__ import annotations

import gc
import resource

# Answers create no reference cycles, so frequent collections would only delay the slowest calls.
GC_THRESHOLDS = (50_000, 20, 100)
OTHER_FILES = 64  # a worker's open files beside its connections: log, counts, listening sockets


def most_connections(wanted: int, *, beside: int) -> int:
    """How many connections a worker may have; raises the process's limit of open files as far as it may.

    Args:
        wanted: The most that are useful.
        beside: The most open files needed for something else, such as connections to Postgres.
    """
    beside += OTHER_FILES
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < wanted + beside:
        allowed = wanted + beside if most == resource.RLIM_INFINITY else min(wanted + beside, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return wanted if allowed == resource.RLIM_INFINITY else max(1, min(wanted, allowed - beside))


def tune_garbage_collection() -> None:
    """Collect garbage rarely, and never among the objects alive now; call it when the application is loaded.

    Called before a fork, it also keeps the collector from writing to, and so copying, pages shared with the parent.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
