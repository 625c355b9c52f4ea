"""What a running instance tells of itself, so that a plan knows whether its evidence is of what runs now."""

from __future__ import annotations

import hashlib
import json
import socket
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from app.settings import Settings

BEAT_EVERY_S = 15.0
ALIVE_S = 60.0  # an instance that has not told of itself for so long does not run
_CODE = Path(__file__).parents[1]
_LOCK = _CODE.parent / "uv.lock"
# What no answer to a call runs through.
_BESIDE = (
    "braze",
    "capacity",
    "cli",
    "demo",
    "planner_gunicorn_conf",
    "refresh",
    "web/pages",
    "web/planner",
    "wsgi_planner",
)
# Where an instance stands and what it is called make it no faster.
_PLACES = ("bind", "data_dir", "health_bind", "instance", "snapshot")
# The lines are off while a ceiling is searched and set by what it found; the planner counts them by themselves.
_LINES = ("hard_rps", "soft_rps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One server with its workers, as its heartbeat tells."""

    id: str
    fingerprint: str
    workers: int
    settings: dict[str, Any]
    started_at: datetime


def this_instance(settings: Settings, *, started_at: datetime, host: str | None = None) -> Instance:
    """This instance: called by its setting or by its machine and address, the same in all its workers."""
    return Instance(
        id=settings.instance or f"{host or socket.gethostname()} {settings.bind}",
        fingerprint=fingerprint(settings),
        workers=settings.workers,
        settings=settings_told(settings),
        started_at=started_at,
    )


def settings_told(settings: Settings) -> dict[str, Any]:
    """The settings that serving goes by, without secrets."""
    return {
        one.name: _plain(getattr(settings, one.name))
        for one in fields(settings)
        if "secret" not in one.metadata and not one.metadata["of_the_planner"]
    }


def fingerprint(settings: Settings) -> str:
    """What the service's speed depends on here: the code that answers, its locked packages and its settings."""
    digest = hashlib.sha256()
    for path in [*_serving_code(), *([_LOCK] if _LOCK.exists() else [])]:
        digest.update(str(path.relative_to(_CODE.parent)).encode() + b"\0" + path.read_bytes() + b"\0")
    named = {name: value for name, value in settings_told(settings).items() if name not in _PLACES + _LINES}
    digest.update(json.dumps(named, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _serving_code() -> Iterator[Path]:
    for path in sorted(_CODE.rglob("*.py")):
        if not path.relative_to(_CODE).as_posix().startswith(_BESIDE):
            yield path


def _plain(value: object) -> str | int | bool | None:
    return value if value is None or isinstance(value, (bool, int)) else str(value)
