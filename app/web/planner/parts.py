"""What the planner's application is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app.feedback.results.store import NoResults
from app.web.planner.metrics import PlannerInstruments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.capacity.register.ports import EvidenceStore, Register
    from app.credentials import CredentialBook
    from app.feedback.results.store import ResultsStore
    from app.web.limits import CallLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookie:
    """How the pages' session cookie is signed and sent.

    `key` signs it; `https_only` is off where the planner is reached over plain http, on loopback; a session ends
    `lifetime` after the sign-in.
    """

    key: bytes = field(repr=False)
    https_only: bool = True
    lifetime: timedelta = timedelta(hours=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerParts:
    """The parts of the planner's application, which its JSON API and its pages share.

    Attributes:
        register: The campaigns on record.
        evidence: The load tests kept.
        book: Credentials; only those of the scope `operator` open anything here, but for the metrics.
        limits: Slows down those who try wrong credentials.
        cookie: The pages' session cookie.
        readiness: Whether it can answer, and what is missing.
        clock: Now, aware.
        instruments: What is measured.
        results: What sends and experiments came to.
        random_member: Draws the id of some member who has a list; None where nobody has.
    """

    register: Register
    evidence: EvidenceStore
    book: CredentialBook
    limits: CallLimits
    cookie: SessionCookie
    readiness: Callable[[], tuple[bool, Sequence[str]]] = lambda: (True, ())
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    instruments: PlannerInstruments = field(default_factory=PlannerInstruments)
    results: ResultsStore = field(default_factory=NoResults)
    random_member: Callable[[], str | None] = lambda: None
