"""What is known of the service: load tests as a plan needs them, and what runs now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from app.capacity.evidence.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.capacity.evidence.file import Evidence

Kind = Literal["ceiling", "at_least", "unconfirmed", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCeiling:
    """One load test. Rates are calls/s; `low_rps` is what was surely answered, `high_rps` the lowest that broke.

    `fingerprint`, `instances` and `tables` say what was loaded; None, or no tables, where the test was not told.
    `limiter_rps` is the lower of the service's own limiting lines then, None where both were off or not told. `soak_calls` are
    None where they were not told. `host` is the name that was loaded, `same_machine` whether from the service's own machine,
    `git_dirty` whether with a program that stands in no commit.
    """

    evidence_id: str
    kind: Kind
    rps: float
    low_rps: float
    high_rps: float | None
    ended_at: datetime
    fingerprint: str | None = None
    instances: int | None = None
    tables: Mapping[str, int] = field(default_factory=dict)
    bound_by: tuple[str, ...] = ()
    limiter_rps: float | None = None
    soak_calls: int | None = None
    host: str | None = None
    same_machine: bool = False
    git_dirty: bool = False

    @property
    def soak_s(self) -> float | None:
        """Seconds of the soak that confirmed it; None where that is not known."""
        return self.soak_calls / self.rps if self.soak_calls is not None and self.rps > 0 else None

    @classmethod
    def of(cls, evidence: Evidence) -> MeasuredCeiling:
        """Return what a plan needs of an evidence file."""
        verdict, told = evidence.verdict, evidence.environment.service
        host = _host_name(evidence.host)
        return cls(
            evidence_id=evidence.id,
            kind=verdict.kind,
            rps=verdict.rps,
            low_rps=verdict.low_rps,
            high_rps=verdict.high_rps,
            ended_at=evidence.ended_at,
            fingerprint=told.fingerprint,
            instances=told.instances or None,
            tables=told.tables or {},
            bound_by=verdict.bound_by,
            limiter_rps=_limiter_rps(told.settings),
            soak_calls=verdict.soak_calls,
            host=host,
            same_machine=evidence.environment.generator.get("same_machine_as_service") is True
            or (host is not None and is_loopback(host)),
            git_dirty=evidence.environment.git_dirty is True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """What runs now: the different fingerprints of all instances alive, how many, and how large its tables are.

    No `tables` where nobody knows. `limiter_rps` is the lowest of their limiting lines, None where all are off.
    """

    fingerprints: tuple[str, ...]
    instances: int
    tables: Mapping[str, int] = field(default_factory=dict)
    limiter_rps: float | None = None


def _host_name(host: str) -> str | None:
    """The name in an address like https://jobs.example:8443; None where there is none."""
    try:
        return urlsplit(host if "//" in host else f"//{host}").hostname
    except ValueError:
        return None


def _limiter_rps(settings: Mapping[str, Any] | None) -> float | None:
    if settings is None:
        return None
    lines = [settings.get(name) for name in ("soft_rps", "hard_rps")]
    return min((float(line) for line in lines if isinstance(line, int | float) and line > 0), default=None)
