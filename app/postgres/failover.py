"""Of several hosts the primary of now. One that was the primary before and comes back takes writes too: it is not asked.

Each promotion begins a timeline, numbered upward, so the primary of now is the one on the highest. Whoever connects
looks at all hosts, remembers the best of them for a while, and never goes back to a lower timeline than it has seen.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LOOK_AGAIN_S = 10.0
_TIMELINE = "SELECT pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8)"
_LISTED = ("host", "hostaddr", "port")
_Connection = TypeVar("_Connection", bound="psycopg.Connection[Any]")


class OldPrimaryError(psycopg.OperationalError):
    """Only a primary of before a failover can be reached."""


@dataclass(frozen=True, slots=True)
class _Best:
    host: int
    timeline: int
    seen_s: float


_best: dict[tuple[str, ...], _Best] = {}
_lock = threading.Lock()


def one_by_one(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parameters that name several hosts, as those of each."""
    lists = {name: str(parameters[name]).split(",") for name in _LISTED if parameters.get(name)}
    count = max(len(values) for values in lists.values())
    return [
        {**parameters, **{name: values[min(n, len(values) - 1)] for name, values in lists.items()}}
        for n in range(count)
    ]


def connect_to_newest(
    hosts: Sequence[Mapping[str, Any]],
    connect: Callable[[Mapping[str, Any]], _Connection],
    *,
    look: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[_Connection, int]:
    """A connection, autocommitting, to the host on the highest timeline, and that timeline.

    Args:
        hosts: Parameters of each.
        connect: Connects to one.
        look: Look at all of them now, however short ago that was done.
        clock: In seconds.

    Raises:
        psycopg.Error: none can be connected to.
        OldPrimaryError: those that can are on a lower timeline than was seen before.
    """
    key = tuple(f"{one.get('host')} {one.get('hostaddr')} {one.get('port')}" for one in hosts)
    with _lock:
        best = _best.get(key)
        if best and not look and clock() - best.seen_s < LOOK_AGAIN_S:
            try:
                connection = connect(hosts[best.host])
            except psycopg.Error:  # it may be another one by now
                pass
            else:
                if (timeline := _timeline(connection)) >= best.timeline:
                    return connection, timeline
                connection.close()
        return _look(key, hosts, connect, clock)


def _look(
    key: tuple[str, ...],
    hosts: Sequence[Mapping[str, Any]],
    connect: Callable[[Mapping[str, Any]], _Connection],
    clock: Callable[[], float],
) -> tuple[_Connection, int]:
    found: list[tuple[int, int, _Connection]] = []
    refused: psycopg.Error | None = None
    for number, host in enumerate(hosts):
        try:
            connection = connect(host)
        except psycopg.Error as error:
            refused = error
        else:
            found.append((_timeline(connection), -number, connection))
    if not found:
        raise refused or psycopg.OperationalError("no host is named")
    timeline, number, connection = max(found, key=lambda one: one[:2])
    before = _best[key].timeline if key in _best else 0
    for _, _, other in found:
        if other is not connection or timeline < before:
            other.close()
    if timeline < before:
        raise OldPrimaryError(f"timeline {timeline}, after {before} was seen")
    _best[key] = _Best(-number, timeline, clock())
    return connection, timeline


def _timeline(connection: psycopg.Connection[Any]) -> int:
    """Which timeline a primary writes; 0 where it cannot be read."""
    try:
        row = connection.execute(_TIMELINE).fetchone()
    except psycopg.Error:
        return 0
    return int(row[0], 16) if row else 0
