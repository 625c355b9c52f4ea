"""What a running instance reports of itself; a plan compares it with what its load test measured."""

from __future__ import annotations

import socket
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from app.settings import Settings

BEAT_EVERY_S = 15.0
ALIVE_S = 60.0  # without a heartbeat for so long, an instance is taken to have ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One server with its workers, as its heartbeat reports it."""

    id: str
    fingerprint: str
    workers: int
    settings: dict[str, Any]
    started_at: datetime


def this_instance(
    settings: Settings, *, fingerprint: str, started_at: datetime, host: str | None = None
) -> Instance:
    """This instance; its id is CJ_INSTANCE or its machine and address, the same in all its workers."""
    return Instance(
        id=settings.instance or f"{host or socket.gethostname()} {settings.bind}",
        fingerprint=fingerprint,
        workers=settings.workers,
        settings=reported_settings(settings),
        started_at=started_at,
    )


def reported_settings(settings: Settings) -> dict[str, Any]:
    """The settings of the service, without secrets and without those of the planner."""
    return {
        one.name: _plain(getattr(settings, one.name))
        for one in fields(settings)
        if "secret" not in one.metadata and not one.metadata["of_the_planner"]
    }


def _plain(value: object) -> str | int | bool | None:
    return value if value is None or isinstance(value, (bool, int)) else str(value)
