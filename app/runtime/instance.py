"""What a running instance tells of itself, so that a plan knows whether its evidence is of what runs now."""

from __future__ import annotations

import socket
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from app.settings import Settings

BEAT_EVERY_S = 15.0
ALIVE_S = 60.0  # an instance that has not told of itself for so long does not run


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One server with its workers, as its heartbeat tells."""

    id: str
    fingerprint: str
    workers: int
    settings: dict[str, Any]
    started_at: datetime


def this_instance(
    settings: Settings, *, fingerprint: str, started_at: datetime, host: str | None = None
) -> Instance:
    """This instance: called by its setting or by its machine and address, the same in all its workers."""
    return Instance(
        id=settings.instance or f"{host or socket.gethostname()} {settings.bind}",
        fingerprint=fingerprint,
        workers=settings.workers,
        settings=reported_settings(settings),
        started_at=started_at,
    )


def reported_settings(settings: Settings) -> dict[str, Any]:
    """The settings that serving goes by, without secrets."""
    return {
        one.name: _plain(getattr(settings, one.name))
        for one in fields(settings)
        if "secret" not in one.metadata and not one.metadata["of_the_planner"]
    }


def _plain(value: object) -> str | int | bool | None:
    return value if value is None or isinstance(value, (bool, int)) else str(value)
