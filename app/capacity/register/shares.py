"""Links that show one campaign's report to whoever has them, until they expire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

LONGEST_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Share:
    """A link without its token."""

    id: int
    campaign_id: int
    created_at: datetime
    created_by: str
    expires_at: datetime


class ShareStore(Protocol):
    """Where links are kept; each method may raise `RegisterUnavailableError`."""

    def create(self, campaign_id: int, lifetime: timedelta, *, by: str) -> tuple[Share, str]:
        """Make a link to a campaign's report; returns it with its token, which is kept nowhere else."""

    def of_campaign(self, campaign_id: int) -> Sequence[Share]:
        """A campaign's links that still open, the newest first."""

    def campaign_of(self, token: str) -> int | None:
        """The campaign that a token shows, None for one that opens nothing."""

    def revoke(self, campaign_id: int, number: int, *, by: str) -> Share | None:
        """Take one of a campaign's links back; None if no link with this number works."""
