"""What a process that answers may use: open files for its connections, and when it looks for garbage."""

from __future__ import annotations

import gc
import resource

# Answers make no cycles: looking for them often only costs the slowest calls.
GC_THRESHOLDS = (50_000, 20, 100)
OTHER_FILES = 64  # that a worker has open beside its connections: its log, its counts, its listening sockets


def most_connections(wanted: int, *, beside: int) -> int:
    """How many connections a worker may have, which need an open file each; the limit of those is raised if it may be.

    Args:
        wanted: As many as are of use.
        beside: Open files that it needs for something else, such as connections to Postgres, at most.
    """
    beside += OTHER_FILES
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < wanted + beside:
        allowed = wanted + beside if most == resource.RLIM_INFINITY else min(wanted + beside, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return wanted if allowed == resource.RLIM_INFINITY else max(1, min(wanted, allowed - beside))


def tune_garbage_collection() -> None:
    """Look for garbage seldom, and never in what lives as long as the process; call it when all of that is there.

    In a process that others are forked from it keeps theirs from being looked at, and so copied, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
