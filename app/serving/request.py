"""A call's request and context, and the recommendation id, which is the same on every instance."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from app.board.veto import board_day

if TYPE_CHECKING:
    from datetime import datetime

    from app.runtime.deadline import Deadline

_RID_BYTES = 12


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """The options of a call, which all calls of a send share; read once from a query and cached.

    Attributes:
        campaign: The campaign's key.
        send: The send's name; the board's day where the caller gave none.
        variant: The campaign's variant, if any.
        limit: How many postings.
        lang: The language of labels.
        key: The options as bytes, for recommendation ids.
        send_key: The campaign and the send, by which sends are held.
        send_name: The same as bytes, for reads.
        tracking: The tracking parameters of each place's link, without an experiment's arm.
    """

    campaign: str
    send: str
    variant: str | None
    limit: int
    lang: str
    key: bytes = field(init=False, repr=False, compare=False)
    send_key: str = field(init=False, repr=False, compare=False)
    send_name: bytes = field(init=False, repr=False, compare=False)
    tracking: tuple[bytes, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = (self.campaign, self.send, self.variant or "", str(self.limit), self.lang)
        object.__setattr__(self, "key", "\x1f".join(parts).encode() + b"\x1f")
        object.__setattr__(self, "send_key", f"{self.campaign}\x1f{self.send}")
        object.__setattr__(self, "send_name", self.send_key.encode())
        object.__setattr__(self, "tracking", _tracking(self, None))


def _tracking(options: RequestOptions, arm: str | None) -> tuple[bytes, ...]:
    variant = f"&variant={options.variant}" if options.variant else ""
    link = f"&campaign={options.campaign}{variant}{f'&arm={arm}' if arm else ''}&position="
    return tuple(f"{link}{place}".encode() for place in range(1, options.limit + 1))


_tracking_of_arm = lru_cache(maxsize=1024)(_tracking)


def tracking_of(options: RequestOptions, arm: str | None) -> tuple[bytes, ...]:
    """The tracking parameters of each place's link, with the arm that the member is in, if any."""
    return options.tracking if arm is None else _tracking_of_arm(options, arm)


class RecommendationRequest(NamedTuple):
    """A request for one member's postings, with the options of a send."""

    member_id: str
    options: RequestOptions


class CallContext:
    """When a call is answered: the instant, its second since 1970, the board's day, and the call's deadline."""

    __slots__ = ("deadline", "now", "second", "today")

    def __init__(self, now: datetime, deadline: Deadline) -> None:
        self.now = now
        self.today = board_day(now)
        self.second = int(now.timestamp())
        self.deadline = deadline


def recommendation_id(request: RecommendationRequest, run_id: int, arm: str | None = None) -> str:
    """16 URL-safe characters that name this request to this run and arm, on every instance and in every retry."""
    named = request.options.key + b"%d\x1f" % run_id + request.member_id.encode()
    if arm is not None:
        named += b"\x1f" + arm.encode()
    return urlsafe_b64encode(blake2b(named, digest_size=_RID_BYTES).digest()).decode()
