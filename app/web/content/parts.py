"""The parts that the content application is built from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from app.credentials import CredentialBook
    from app.serving.answering import Answering
    from app.serving.send_counts import Note
    from app.web.limits import CallLimits
    from app.web.observability.logs import AccessLog
    from app.web.observability.metrics import Instruments


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentParts:
    """The parts of the application that campaigns call.

    Attributes:
        answering: Answers requests.
        book: Credentials; calls need one of the scope `content`, metrics one of the scope `metrics`.
        limits: Counts calls and wrong credentials against their limits.
        instruments: The Prometheus metrics.
        access_log: Writes a line for at most so many calls a second.
        readiness: Returns whether it can answer, and sentences on what is missing.
        clock: Returns now, with a time zone.
        deadline_s: Seconds after a call's start from which on its answer begins no new read.
        trust_request_start: Whether a call starts when `X-Request-Start` says, as a proxy of ours sets it.
        wall: Returns now by this machine's clock, seconds since 1970, to compare with a proxy's.
        on_answer: Called with what is counted of each answer.
    """

    answering: Answering
    book: CredentialBook
    limits: CallLimits
    instruments: Instruments
    access_log: AccessLog
    readiness: Callable[[], tuple[bool, Sequence[str]]]
    clock: Callable[[], datetime]
    deadline_s: float
    trust_request_start: bool = False
    wall: Callable[[], float] = time.time
    on_answer: Callable[[Note], None] = lambda _note: None
