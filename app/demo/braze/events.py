"""A mail and what became of it as events of Currents.

Source of what comes when: docs/user_guide/data/distribution/braze_currents/event_glossary/message_engagement_events. Names of campaigns,
and who opened with which device, are left out: they may be null.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app.demo.braze.messages import CanvasMessage
from app.demo.braze.profiles import braze_uuid
from app.demo.braze.schemas import CANVAS_ENTRY, EMAIL, ENROLL_IN_CONTROL, GLOBAL_STATE_CHANGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.demo.braze.currents_files import CurrentsEvent
    from app.demo.braze.delivery import Delivery
    from app.demo.braze.messages import BrazeMessage
    from app.demo.braze.people import Response
    from app.demo.braze.profiles import Profiles
    from app.demo.braze.sender import SentMail

MOST_LOG: Final = 128
ABORT_TYPE: Final = "liquid_abort_message"  # assumption: no page lists the values
RETRY_TYPE: Final = "connected_content"  # assumption: no page lists the values
ESP: Final = "SparkPost"
FROM_DOMAIN: Final = "mail.invalid"
_BROWSER: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_SCANNER: Final = "Mozilla/5.0 (compatible; link-check)"


@dataclass(frozen=True, slots=True)
class MailEvents:
    """The events of one member and one send; each has an id of its own."""

    message: BrazeMessage
    profiles: Profiles

    def aborted(self, mail: SentMail) -> Iterator[CurrentsEvent]:
        """A mail that its template aborted."""
        log = (mail.abort_reason or "")[:MOST_LOG]
        yield self._event(
            "Abort", mail, mail.at_s, abort_type=ABORT_TYPE, abort_log=log, message_extras=_extras(mail)
        )

    def retried(self, mail: SentMail) -> Iterator[CurrentsEvent]:
        """Each time that a failed call with `:retry` sent the message to the back of the queue."""
        for number, (at_s, failure) in enumerate(mail.retried):
            log = failure[:MOST_LOG]
            yield self._event("Retry", mail, at_s, retry_type=RETRY_TYPE, retry_log=log, number=number)

    def sent(self, mail: SentMail, delivery: Delivery) -> Iterator[CurrentsEvent]:
        """A mail that went out, and how mailboxes took it."""
        yield self._event("Send", mail, mail.at_s, from_domain=FROM_DOMAIN, message_extras=_extras(mail))
        common: dict[str, Any] = {"from_domain": FROM_DOMAIN, "esp": ESP, "send_time": mail.at_s}
        for number, at_s in enumerate(delivery.deferred_at_s):
            yield self._event(
                "Deferral", mail, at_s, **common, deferral_reason="421 try again", attempt_count=number + 1
            )
        if delivery.soft_bounced_at_s:
            yield self._event(
                "SoftBounce", mail, delivery.soft_bounced_at_s, **common, bounce_reason="452 mailbox full"
            )
        if delivery.bounced_at_s:
            yield self._event(
                "Bounce",
                mail,
                delivery.bounced_at_s,
                **common,
                bounce_reason="550 no such user",
                is_drop=False,
            )
        if delivery.delivered_at_s:
            yield self._event("Delivery", mail, delivery.delivered_at_s, **common)

    def answered(self, mail: SentMail, delivery: Delivery, response: Response) -> Iterator[CurrentsEvent]:
        """What people and machines did with a mail that was delivered."""
        common: dict[str, Any] = {"from_domain": FROM_DOMAIN, "esp": ESP, "send_time": mail.at_s}
        opens: list[tuple[int, str | None]] = [(at_s, "true") for at_s in delivery.machine_opens_at_s]
        opens += [(at_s, None) for at_s in response.read_at_s]
        for at_s, machine in opens:
            yield self._event("Open", mail, at_s, **common, machine_open=machine, user_agent=_BROWSER)
        for number, click in enumerate([*delivery.scanner_clicks, *response.clicks]):
            yield self._event(
                "Click",
                mail,
                click.at_s,
                **common,
                url=click.link.url,
                user_agent=_SCANNER if number < len(delivery.scanner_clicks) else _BROWSER,
                suspected_bot_click_reason=list(click.reasons) or None,
                has_url_parameters="?" in click.link.url,
                link_aliasing_enabled=False,
                number=number,
            )
        if response.marked_spam_at_s:
            yield self._event("MarkAsSpam", mail, response.marked_spam_at_s, **common)
        for at_s in filter(None, (response.unsubscribed_at_s, delivery.scanner_unsubscribed_at_s)):
            yield self._event("Unsubscribe", mail, at_s)
            yield self._state_change(mail, at_s)

    def entered(self, member_id: str, at_s: int, *, held_back: bool) -> Iterator[CurrentsEvent]:
        """A member of the audience: into a Canvas everybody enters, into a campaign's control group who gets no mail.

        Neither event has a dispatch.
        """
        of_send = self.message.fields(member_id)
        if isinstance(self.message, CanvasMessage):
            kind, more = CANVAS_ENTRY, {"in_control_group": held_back}
        elif held_back:
            kind, more = ENROLL_IN_CONTROL, {}
            of_send = {"campaign_id": of_send["campaign_id"]}
        else:
            return
        of_send.pop("dispatch_id", None)
        yield (
            kind,
            {
                "id": braze_uuid(kind, self.message.send, member_id),
                **self.profiles.fields(member_id),
                **of_send,
                **more,
                "time": at_s,
            },
        )

    def _event(self, name: str, mail: SentMail, at_s: int, *, number: int = 0, **more: Any) -> CurrentsEvent:
        return EMAIL + name, {
            "id": braze_uuid(name, self.message.send, mail.member_id, at_s, number),
            **self.profiles.fields(mail.member_id),
            **self.message.fields(mail.member_id),
            "email_address": self.profiles.address(mail.member_id),
            "time": at_s,
            **more,
        }

    def _state_change(self, mail: SentMail, at_s: int) -> CurrentsEvent:
        of_send = self.message.fields(mail.member_id)
        return GLOBAL_STATE_CHANGE, {
            "id": braze_uuid(GLOBAL_STATE_CHANGE, self.message.send, mail.member_id, at_s),
            **self.profiles.fields(mail.member_id),
            "email_address": self.profiles.address(mail.member_id),
            "channel": "email",
            "subscription_status": "Unsubscribed",
            "state_change_source": "email",
            **{name: of_send[name] for name in ("campaign_id", "canvas_id") if name in of_send},
            "time": at_s,
        }


def _extras(mail: SentMail) -> str | None:
    """Message extras as JSON text of texts; nothing where the template tagged none."""
    return json.dumps(dict(mail.extras), ensure_ascii=False) if mail.extras else None
