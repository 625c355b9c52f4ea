"""What Currents tells of one mail or member: its fields by name, whatever the version of the schema, as one event of ours.

Field names and types are Braze's (github.com/Appboy/currents-examples, sample-data/Avro, and the changelog of Currents to
version 12). Personal data ends here: of a bounce's reason its SMTP codes are kept, e-mail addresses are never read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from collections.abc import Mapping

SEND: Final = "send"
DELIVERED: Final = "delivered"
OPENED: Final = "opened"
OPENED_BY_MACHINE: Final = "opened_by_machine"
CLICK: Final = "click"
BOUNCE: Final = "bounce"
SOFT_BOUNCE: Final = "soft_bounce"
DEFERRED: Final = "deferred"
SPAM: Final = "spam"
UNSUBSCRIBE: Final = "unsubscribe"
ABORT: Final = "abort"
RETRY: Final = "retry"
CONTROL: Final = "control"
ENTRY: Final = "entry"
CONSENT: Final = "consent"
DELETED: Final = "deleted"
ORPHANED: Final = "orphaned"

KINDS: Final = {
    "users.messages.email.Send": SEND,
    "users.messages.email.Delivery": DELIVERED,
    "users.messages.email.Open": OPENED,
    "users.messages.email.Click": CLICK,
    "users.messages.email.Bounce": BOUNCE,
    "users.messages.email.SoftBounce": SOFT_BOUNCE,
    "users.messages.email.Deferral": DEFERRED,
    "users.messages.email.MarkAsSpam": SPAM,
    "users.messages.email.Unsubscribe": UNSUBSCRIBE,
    "users.messages.email.Abort": ABORT,
    "users.messages.email.Retry": RETRY,
    "users.campaigns.EnrollInControl": CONTROL,
    "users.canvas.Entry": ENTRY,
    "users.canvas.experimentstep.SplitEntry": ENTRY,
    "users.behaviors.subscription.GlobalStateChange": CONSENT,
    "users.UserDeleteRequest": DELETED,
    "users.UserOrphan": ORPHANED,
}
"""What each type of event is to us; a type that is not here is not read."""
COUNTED: Final = frozenset({DELIVERED, OPENED, OPENED_BY_MACHINE, DEFERRED})
"""Kinds of which only distinct events and members are counted."""

_MOST_CHARACTERS: Final = 255
_MOST_URL: Final = 16_384
_MOST_WHY: Final = 200
_MOST_REASONS: Final = 16
_EARLIEST: Final = 1_200_000_000  # 2008: no mail of ours is older
_LATEST: Final = 2**32
_SMTP = re.compile(r"\b([245]\d\d)(?:[ -]+(\d\.\d{1,3}\.\d{1,3}))?\b", re.ASCII)
_MAIL_CHANNELS = ("", "email")
_WITHDRAWN = "unsubscribed"
_GIVEN = ("subscribed", "opted in", "opted_in")

_Id = Annotated[str, Meta(min_length=1, max_length=_MOST_CHARACTERS)]
_Word = Annotated[str, Meta(max_length=_MOST_CHARACTERS)]
_Second = Annotated[int, Meta(ge=_EARLIEST, lt=_LATEST)]


class EventError(ValueError):
    """An event that cannot be used; the sentence says why and quotes nothing of it."""


class _Fields(msgspec.Struct):
    """What is read of any event, by Braze's names; every other field is skipped unread."""

    id: _Id
    user_id: _Id
    time: _Second
    external_user_id: _Word | None = None
    dispatch_id: _Word | None = None
    campaign_id: _Word | None = None
    message_variation_id: _Word | None = None
    canvas_id: _Word | None = None
    canvas_variation_id: _Word | None = None
    canvas_step_message_variation_id: _Word | None = None
    experiment_step_id: _Word | None = None
    experiment_split_id: _Word | None = None
    send_time: _Second | None = None
    message_extras: str | None = None
    url: str | None = None
    is_suspected_bot_click: bool | None = None
    suspected_bot_click_reason: list[_Word] | None = None
    machine_open: str | bool | None = None
    bounce_reason: str | None = None
    is_drop: bool | None = None
    abort_type: str | None = None
    abort_log: str | None = None
    retry_type: str | None = None
    in_control_group: bool | None = None
    subscription_status: _Word | None = None
    channel: _Word | None = None
    orphaned_by_id: _Word | None = None


WANTED: Final = frozenset(field.name for field in msgspec.structs.fields(_Fields))
"""Names of the fields that are read; no other field of a record needs to be decoded."""
REQUIRED: Final = frozenset({"id", "user_id", "time"})
"""Names of the fields that every event has."""


class MailEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event, in our words.

    Attributes:
        kind: One of this module's kinds.
        event_id: What tells the event from all others.
        braze_user: Braze's id of the profile.
        member_id: The member, Braze's external id; None for a profile without one.
        at: When it happened, in seconds since 1970 UTC, as `sent_at`.
        variation_id: The variant of a campaign's or Canvas's message, or the split of an experiment step.
        sent_at: When the mail that it belongs to was sent; None where the version does not say.
        extras: The message extras of a send or abort, as JSON text.
        url: What was clicked.
        suspect: Whether Braze suspects a bot; None where it was not asked.
        suspected: Why it does, sorted; None where it does not say.
        why: A bounce's SMTP codes, an abort's reason, a change's status.
        withdrawn: Of a change of consent to mail, whether it was withdrawn.
        merged_into: The profile that remains of an orphaned one.
    """

    kind: str
    event_id: UUID
    braze_user: str
    member_id: str | None
    at: int
    campaign_id: str | None = None
    variation_id: str | None = None
    canvas_id: str | None = None
    dispatch_id: str | None = None
    sent_at: int | None = None
    extras: str | None = None
    url: str | None = None
    suspect: bool | None = None
    suspected: tuple[str, ...] | None = None
    why: str | None = None
    withdrawn: bool | None = None
    merged_into: str | None = None


def from_fields(event_type: str, record: Mapping[str, Any]) -> MailEvent:
    """An event from its fields.

    Args:
        event_type: One of `KINDS`.
        record: The fields by Braze's names; others are overlooked, optional ones may be absent.

    Raises:
        EventError: a field that every event has is absent, or one has a value that cannot be.
    """
    try:
        fields = msgspec.convert(record, _Fields)
    except msgspec.ValidationError as error:
        raise EventError(f"A field has a value that cannot be: {error}.") from error
    kept = "".join(filter(None, (
        fields.id, fields.user_id, fields.external_user_id, fields.dispatch_id, fields.campaign_id,
        fields.message_variation_id, fields.canvas_id, fields.canvas_variation_id, fields.experiment_split_id,
        fields.experiment_step_id, fields.canvas_step_message_variation_id, fields.subscription_status,
        fields.orphaned_by_id,
    )))  # fmt: skip
    if "\0" in kept:
        raise EventError("A field holds a NUL character.")
    if _readable(kept) != kept:
        raise EventError("A field holds bytes that are no text in UTF-8.")
    kind = _kind(KINDS[event_type], fields)
    return MailEvent(
        kind=kind,
        event_id=_event_id(fields.id),
        braze_user=fields.user_id,
        member_id=fields.external_user_id or None,
        at=fields.time,
        campaign_id=fields.campaign_id or None,
        variation_id=_variation(fields),
        canvas_id=fields.canvas_id or None,
        dispatch_id=fields.dispatch_id or None,
        sent_at=fields.send_time,
        extras=_readable(fields.message_extras) if fields.message_extras else fields.message_extras,
        url=_readable(fields.url[:_MOST_URL]) if fields.url else None,
        suspect=fields.is_suspected_bot_click,
        suspected=_reasons(fields.suspected_bot_click_reason),
        why=_why(kind, fields),
        withdrawn=_withdrawn(fields) if kind == CONSENT else None,
        merged_into=_merged_into(kind, fields),
    )


def _readable(text: str) -> str:
    """A text with a question mark for each byte that was no UTF-8."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _event_id(text: str) -> UUID:
    """Braze's ids are UUIDs; any other text gets one of its own."""
    try:
        return UUID(text)
    except ValueError:
        return uuid5(NAMESPACE_URL, text)


def _kind(kind: str, fields: _Fields) -> str:
    if kind == OPENED and fields.machine_open not in (None, "", "false", False):
        return OPENED_BY_MACHINE
    if kind == ENTRY:
        if fields.in_control_group is None:
            raise EventError("An entry does not say whether it is of the control group.")
        return CONTROL if fields.in_control_group else ENTRY
    return kind


def _variation(fields: _Fields) -> str | None:
    return (
        fields.experiment_split_id
        or fields.message_variation_id
        or fields.canvas_variation_id
        or fields.canvas_step_message_variation_id
        or None
    )


def _reasons(reasons: list[str] | None) -> tuple[str, ...] | None:
    """Why Braze suspects a bot, in an order that two copies of an event share."""
    if reasons is None:
        return None
    return tuple(sorted({_readable(reason.replace("\0", "")) for reason in reasons})[:_MOST_REASONS])


def _why(kind: str, fields: _Fields) -> str | None:
    text: str | None = None
    if kind in (BOUNCE, SOFT_BOUNCE):
        text = "drop" if fields.is_drop else _smtp(fields.bounce_reason)
    elif kind == ABORT:
        text = ": ".join(filter(None, (fields.abort_type, _impersonal(fields.abort_log))))
    elif kind == RETRY:
        text = fields.retry_type
    elif kind == CONSENT:
        text = fields.subscription_status
    elif kind in (CONTROL, ENTRY):
        text = fields.experiment_step_id
    return _readable((text or "").replace("\0", ""))[:_MOST_WHY] or None


def _smtp(reason: str | None) -> str | None:
    """The codes in an SMTP reply, whose text may quote the address."""
    found = _SMTP.search(reason[:_MOST_URL]) if reason else None
    return " ".join(filter(None, found.groups())) if found else None


def _impersonal(text: str | None) -> str | None:
    """A template's own text, unless it seems to quote an address."""
    return None if text is None or "@" in text else text


def _withdrawn(fields: _Fields) -> bool | None:
    """Whether consent to mail was withdrawn; None for a change that is not about mail.

    Raises:
        EventError: a status that Braze does not document.
    """
    if (fields.channel or "").lower() not in _MAIL_CHANNELS:
        return None
    status = (fields.subscription_status or "").lower()
    if status == _WITHDRAWN:
        return True
    if status in _GIVEN:
        return False
    raise EventError("A change of consent has a status other than Subscribed, Unsubscribed and Opted In.")


def _merged_into(kind: str, fields: _Fields) -> str | None:
    if kind == ORPHANED and not fields.orphaned_by_id:
        raise EventError("An orphaned profile does not say which one remains.")
    return fields.orphaned_by_id or None
