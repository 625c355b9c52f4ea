"""What a call asks, and the id that the same question has everywhere."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2b

_RID_BYTES = 12


@dataclass(frozen=True, slots=True)
class Question:
    """One member's postings for one send of a campaign.

    `send` names the send; where the caller gave none, the board's day stands in.
    """

    member_id: str
    campaign: str
    send: str
    variant: str | None
    limit: int
    lang: str


def recommendation_id(question: Question, run_id: int) -> str:
    """16 URL-safe characters that name this question to this run, on every instance and in every retry."""
    parts = (
        question.member_id,
        question.campaign,
        question.send,
        question.variant or "",
        str(question.limit),
        question.lang,
        str(run_id),
    )
    digest = blake2b("\x1f".join(parts).encode(), digest_size=_RID_BYTES).digest()
    return urlsafe_b64encode(digest).decode()
