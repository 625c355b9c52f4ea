"""Mailboxes and machines take mails in the stated shares, and the same way each time."""

from __future__ import annotations

from app.demo.braze.delivery import BOUNCES, SOFT_BOUNCES, deliver
from app.demo.braze.machines import APPLE_MAIL, KNOWN_SCANNERS, UNKNOWN_SCANNERS
from app.demo.braze.people import DeliveredMail, Link

LINKS = [
    Link("https://b.example/"),
    *(Link(f"https://b.example/{place}", f"p{place}", place) for place in range(1, 11)),
]
MAILS = [
    DeliveredMail(member_id=f"m{number}", dispatch_id="d", sent_s=1_000_000, links=LINKS)
    for number in range(5_000)
]


def test_shares_are_those_stated() -> None:
    taken = [deliver(mail, 1) for mail in MAILS]
    bounced = sum(each.bounced_at_s is not None for each in taken) / len(taken)
    soft = sum(each.soft_bounced_at_s is not None for each in taken) / len(taken)
    scanned = sum(bool(each.scanner_clicks) for each in taken) / len(taken)
    opened = sum(bool(each.machine_opens_at_s) for each in taken) / len(taken)
    assert abs(bounced - BOUNCES) < 0.005
    assert abs(soft - SOFT_BOUNCES) < 0.004
    assert abs(scanned - KNOWN_SCANNERS - UNKNOWN_SCANNERS) < 0.02
    assert abs(opened - APPLE_MAIL) < 0.03
    assert taken[:50] == [deliver(mail, 1) for mail in MAILS[:50]]


def test_a_scanner_without_a_reason_opens_every_link_within_seconds() -> None:
    of_mails = [deliver(mail, 1).scanner_clicks for mail in MAILS]
    unknown = [clicks for clicks in of_mails if clicks and not clicks[0].reasons]
    assert all({click.link for click in clicks} == set(LINKS) for clicks in unknown)
    assert all(clicks[-1].at_s - clicks[0].at_s < 10 for clicks in unknown)
    assert all(click.reasons for clicks in of_mails if clicks and clicks not in unknown for click in clicks)
