"""What becomes of a mail before anybody reads it: mailbox providers take it, put it off or refuse it, machines look into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from app.demo.braze.machines import SCANNER_UNSUBSCRIBES, Mailbox
from app.demo.random_draws import generator

if TYPE_CHECKING:
    from app.demo.braze.people import DeliveredMail, LinkClick

# Assumptions of the double: shares of mails.
BOUNCES: Final = 0.006
SOFT_BOUNCES: Final = 0.004
DEFERRED: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a mail was taken; times in seconds since 1970 UTC, `delivered_at_s` None where it bounced."""

    delivered_at_s: int | None = None
    bounced_at_s: int | None = None
    soft_bounced_at_s: int | None = None
    deferred_at_s: list[int] = field(default_factory=list)
    machine_opens_at_s: list[int] = field(default_factory=list)
    scanner_clicks: list[LinkClick] = field(default_factory=list)
    scanner_unsubscribed_at_s: int | None = None


def deliver(mail: DeliveredMail, seed: int) -> Delivery:
    """How the member's provider and the machines before the mailbox take a mail; the same for the same seed."""
    draws = generator(seed, f"delivery {mail.dispatch_id} {mail.member_id}")
    after_s = int(draws.integers(1, 6))
    fate, put_off = draws.random(2).tolist()
    if fate < BOUNCES:
        return Delivery(bounced_at_s=mail.sent_s + after_s)
    if fate < BOUNCES + SOFT_BOUNCES:
        return Delivery(soft_bounced_at_s=mail.sent_s + after_s)
    mailbox = Mailbox.of(mail.member_id, seed)
    clicks = mailbox.clicks(mail, draws)
    opened_at_s = mailbox.opened_at_s(mail, draws)
    unsubscribes = clicks and draws.random() < SCANNER_UNSUBSCRIBES
    return Delivery(
        delivered_at_s=mail.sent_s + after_s,
        deferred_at_s=[mail.sent_s + 1] if put_off < DEFERRED else [],
        machine_opens_at_s=[opened_at_s] if opened_at_s else [],
        scanner_clicks=clicks,
        scanner_unsubscribed_at_s=clicks[-1].at_s if unsubscribes else None,
    )
