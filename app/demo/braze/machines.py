"""What machines do with a mail: security scanners that open its links, and mail apps that load its images unseen.

Sources: docs/user_guide/administrative/app_settings/email_settings/bot_filtering (suspected clicks have reasons with the setting on
or off; while it is off `is_suspected_bot_click` is null; unsubscribes by scanners are never filtered) and the page on machine
opens of Apple's Mail Privacy Protection (`machine_open` is the text `true`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.demo.braze.people import LinkClick
from app.demo.random_draws import generator

if TYPE_CHECKING:
    import numpy as np

    from app.demo.braze.people import DeliveredMail

# Assumptions of the double.
KNOWN_SCANNERS: Final = 0.06  # of mailboxes: Braze knows the scanner and gives reasons
UNKNOWN_SCANNERS: Final = 0.10  # of mailboxes: only its haste tells
APPLE_MAIL: Final = 0.35  # of mailboxes that load images through Apple's proxy
SCANNER_UNSUBSCRIBES: Final = 0.01  # of mails scanned: the scanner's click takes the member off the list
REASONS: Final = ("user_agent", "ip_address")
_MOST_KNOWN_CLICKS: Final = 6
_UNKNOWN_WITHIN_S: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """What stands before a member's mailbox."""

    known_scanner: bool
    unknown_scanner: bool
    apple_mail: bool

    @classmethod
    def of(cls, member_id: str, seed: int) -> Mailbox:
        """The member's mailbox; the same for the same seed."""
        kind, mail = generator(seed, f"mailbox {member_id}").random(2).tolist()
        known = kind < KNOWN_SCANNERS
        return cls(
            known_scanner=known,
            unknown_scanner=not known and kind < KNOWN_SCANNERS + UNKNOWN_SCANNERS,
            apple_mail=mail < APPLE_MAIL,
        )

    def clicks(self, mail: DeliveredMail, draws: np.random.Generator) -> list[LinkClick]:
        """Scanners' clicks: some links for reasons that Braze sees, or every link of the mail within seconds."""
        if self.known_scanner:
            count = min(len(mail.links), int(draws.integers(1, _MOST_KNOWN_CLICKS + 1)))
            chosen = draws.choice(len(mail.links), count, replace=False).tolist()
            at_s = mail.sent_s + int(draws.integers(1, 300))
            reasons = REASONS[: int(draws.integers(1, len(REASONS) + 1))]
            return [LinkClick(at_s + place, mail.links[one], reasons) for place, one in enumerate(chosen)]
        if self.unknown_scanner:
            at_s = mail.sent_s + int(draws.integers(1, 60))
            return [
                LinkClick(at_s + place * _UNKNOWN_WITHIN_S // len(mail.links), link)
                for place, link in enumerate(mail.links)
            ]
        return []

    def opened_at_s(self, mail: DeliveredMail, draws: np.random.Generator) -> int | None:
        """When Apple's proxy loads the mail's images, whoever reads it."""
        return mail.sent_s + int(draws.integers(5, 3_600)) if self.apple_mail else None
