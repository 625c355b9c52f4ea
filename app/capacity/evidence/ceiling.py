"""What is known of the service: load tests as a plan needs them, and what runs now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.capacity.evidence.file import Evidence

Kind = Literal["ceiling", "at_least", "unconfirmed", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCeiling:
    """One load test. Rates are calls/s; `low_rps` is what was surely answered, `high_rps` the lowest that broke.

    `fingerprint`, `instances` and `tables` say what was loaded; None, or no tables, where the test was not told.
    `limiter_rps` is the lower of the service's own limiting lines then, None where both were off or not told.
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

    @classmethod
    def of(cls, evidence: Evidence) -> MeasuredCeiling:
        """Return what a plan needs of an evidence file."""
        verdict, told = evidence.verdict, evidence.environment.service
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


def _limiter_rps(settings: Mapping[str, Any] | None) -> float | None:
    if settings is None:
        return None
    lines = [settings.get(name) for name in ("soft_rps", "hard_rps")]
    return min((float(line) for line in lines if isinstance(line, int | float) and line > 0), default=None)
