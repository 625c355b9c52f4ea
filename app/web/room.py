"""How many calls a server takes in hand before their senders see that they wait; see docs/decisions/worker-class.md."""

from __future__ import annotations

GUNICORN_BACKLOG = 64  # calls that wait longer than this many others would be cut off anyway
# With 1,000, calls queue inside and all are late: these are answered, the others wait where their callers see it.
GUNICORN_CONNECTIONS = 64
GRANIAN_BACKLOG = 128  # the least that it takes
GRANIAN_CONNECTIONS = 512  # that a worker looks after at once, idle ones included

_ROOM = {
    "gunicorn": GUNICORN_BACKLOG + GUNICORN_CONNECTIONS,
    "granian": GRANIAN_BACKLOG + GRANIAN_CONNECTIONS,
}


def quick_turn_s(server: str, *, threads: int, deadline_s: float) -> float:
    """How long a call may take for a worker of so many threads to answer all it has in hand within a deadline."""
    return deadline_s * threads / _ROOM[server]
