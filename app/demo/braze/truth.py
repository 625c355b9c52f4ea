"""What really happened in the double's world, counted where it happened: to hold a reader's numbers against."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.demo.braze.delivery import Delivery
    from app.demo.braze.people import Response
    from app.demo.braze.sender import SentMail

NO_ARM = ""


@dataclass(slots=True)
class ArmTruth:
    """What happened to the members of one arm over all sends, or of none (`NO_ARM`)."""

    mailed: set[str] = field(default_factory=set)
    clicked: set[str] = field(default_factory=set)
    applied: set[str] = field(default_factory=set)
    unsubscribed: set[str] = field(default_factory=set)
    marked_spam: set[str] = field(default_factory=set)
    bounced: set[str] = field(default_factory=set)
    mails: int = 0
    person_clicks: int = 0
    scanner_clicks: int = 0
    applications: Counter[str] = field(default_factory=Counter)
    shown: int = 0
    repeated: int = 0

    @property
    def repeated_share(self) -> float:
        """The share of postings shown that the member had been mailed before and had let be."""
        return self.repeated / self.shown if self.shown else 0.0


@dataclass(slots=True)
class Truth:
    """What happened, by arm; who was held back and whose mail was aborted are of no arm."""

    arms: defaultdict[str, ArmTruth] = field(default_factory=lambda: defaultdict(ArmTruth))
    held_back: set[str] = field(default_factory=set)
    aborted: int = 0
    retries: int = 0
    _mailed_before: set[tuple[str, str]] = field(default_factory=set)
    _clicked: set[tuple[str, str]] = field(default_factory=set)

    def note(self, mail: SentMail, delivery: Delivery, response: Response) -> None:
        """Count a mail that went out."""
        arm = self.arms[mail.arm or NO_ARM]
        arm.mails += 1
        arm.mailed.add(mail.member_id)
        arm.scanner_clicks += len(delivery.scanner_clicks)
        arm.person_clicks += len(response.clicks)
        self._note_repeats(mail, response, arm)
        arm.applications.update(each.basis for each in response.applications)
        for members, happened in (
            (arm.clicked, response.clicks),
            (arm.applied, response.applications),
            (arm.bounced, delivery.bounced_at_s),
            (arm.marked_spam, response.marked_spam_at_s),
            (arm.unsubscribed, response.unsubscribed_at_s or delivery.scanner_unsubscribed_at_s),
        ):
            if happened:
                members.add(mail.member_id)

    def _note_repeats(self, mail: SentMail, response: Response, arm: ArmTruth) -> None:
        shown = {(mail.member_id, link.posting_id) for link in mail.links if link.posting_id}
        arm.shown += len(shown)
        arm.repeated += len(shown & self._mailed_before - self._clicked)
        self._mailed_before |= shown
        self._clicked |= {(mail.member_id, click.link.posting_id or "") for click in response.clicks}
