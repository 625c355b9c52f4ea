"""What a call asks, and the id that the same question has everywhere."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

_RID_BYTES = 12


@dataclass(frozen=True, slots=True)
class Terms:
    """What all calls of one send ask alike; read once from a query and kept for the next thousand.

    `send` names the send; where the caller gave none, the board's day stands in.
    """

    campaign: str
    send: str
    variant: str | None
    limit: int
    lang: str
    key: bytes = field(init=False, repr=False, compare=False)
    send_key: str = field(init=False, repr=False, compare=False)
    tracking: tuple[bytes, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = (self.campaign, self.send, self.variant or "", str(self.limit), self.lang)
        object.__setattr__(self, "key", "\x1f".join(parts).encode() + b"\x1f")
        object.__setattr__(self, "send_key", f"{self.campaign}\x1f{self.send}")
        variant = f"&variant={self.variant}" if self.variant else ""
        links = (f"&campaign={self.campaign}{variant}&position={n}" for n in range(1, self.limit + 1))
        object.__setattr__(self, "tracking", tuple(link.encode() for link in links))


class Question(NamedTuple):
    """One member's postings on a send's terms."""

    member_id: str
    terms: Terms


def recommendation_id(question: Question, run_id: int) -> str:
    """16 URL-safe characters that name this question to this run, on every instance and in every retry."""
    named = question.terms.key + b"%d\x1f" % run_id + question.member_id.encode()
    return urlsafe_b64encode(blake2b(named, digest_size=_RID_BYTES).digest()).decode()
