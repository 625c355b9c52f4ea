"""Avro schemas of Currents' events, as its versions 9, 10 and 12 have them.

Source: the field lists of github.com/Appboy/currents-examples (sample-data/Avro, to version 10) and Braze's changelog of
Currents (docs/user_guide/data/distribution/braze_currents/changelogs: version 12 adds `send_time`, two fields on clicks, and
`message_extras` on aborts). Versions are one counter over all event types, so an event has a schema in each version.

Assumption ORDER_OF_FIELDS: the order is ours. Braze's has changed more than once, and a reader goes by name.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal

Version = Literal[9, 10, 12]
VERSIONS: Final[tuple[Version, ...]] = (9, 10, 12)

EMAIL: Final = "users.messages.email."
CANVAS_ENTRY: Final = "users.canvas.Entry"
ENROLL_IN_CONTROL: Final = "users.campaigns.EnrollInControl"
GLOBAL_STATE_CHANGE: Final = "users.behaviors.subscription.GlobalStateChange"
USER_DELETE_REQUEST: Final = "users.UserDeleteRequest"
USER_ORPHAN: Final = "users.UserOrphan"

_STRINGS: Final = {"type": "array", "items": "string"}
_MAIL: Final = "Send Delivery Open Click Bounce SoftBounce Deferral MarkAsSpam Unsubscribe Abort Retry"
_FIRST_WITH_DELETIONS: Final = 10
_DELETIONS: Final = (USER_DELETE_REQUEST, USER_ORPHAN)

# Of an e-mail event: field, type, the events that have it, the first version in which they do.
_MAIL_FIELDS: Final[tuple[tuple[str, Any, str, int], ...]] = (
    ("dispatch_id", "string", _MAIL, 9),
    ("send_id", "string", _MAIL, 9),
    ("send_time", "int", "Delivery Open Click Bounce SoftBounce Deferral MarkAsSpam", 12),
    ("campaign_id", "string", _MAIL, 9),
    ("campaign_name", "string", _MAIL, 9),
    ("message_variation_id", "string", _MAIL, 9),
    ("message_variation_name", "string", _MAIL, 9),
    ("canvas_id", "string", _MAIL, 9),
    ("canvas_name", "string", _MAIL, 9),
    ("canvas_variation_id", "string", _MAIL, 9),
    ("canvas_variation_name", "string", _MAIL, 9),
    ("canvas_step_id", "string", _MAIL, 9),
    ("canvas_step_name", "string", _MAIL, 9),
    ("canvas_step_message_variation_id", "string", "Deferral Abort Retry", 9),
    ("timezone", "string", _MAIL, 9),
    ("ip_pool", "string", _MAIL, 9),
    ("app_group_id", "string", _MAIL, 9),
    ("from_domain", "string", "Send Delivery Open Click Bounce SoftBounce Deferral MarkAsSpam", 9),
    ("esp", "string", "Delivery Open Click Bounce SoftBounce Deferral MarkAsSpam", 9),
    ("sending_ip", "string", "Delivery Bounce SoftBounce Deferral", 9),
    ("message_extras", "string", "Send", 9),
    ("message_extras", "string", "Abort", 12),
    ("url", "string", "Click", 9),
    ("link_id", "string", "Click", 9),
    ("link_alias", "string", "Click", 9),
    ("has_url_parameters", "boolean", "Click", 12),
    ("link_aliasing_enabled", "boolean", "Click", 12),
    ("user_agent", "string", "Open Click MarkAsSpam", 9),
    ("device_class", "string", "Open Click", 9),
    ("device_os", "string", "Open Click", 9),
    ("device_model", "string", "Open Click", 9),
    ("browser", "string", "Open Click", 9),
    ("mailbox_provider", "string", "Open Click", 9),
    ("is_amp", "boolean", "Open Click", 9),
    ("machine_open", "string", "Open", 9),
    ("is_suspected_bot_click", "boolean", "Click", 9),
    ("suspected_bot_click_reason", _STRINGS, "Click", 9),
    ("bounce_reason", "string", "Bounce SoftBounce", 9),
    ("is_drop", "boolean", "Bounce", 9),
    ("recipient_domain", "string", "Deferral", 9),
    ("deferral_reason", "string", "Deferral", 9),
    ("attempt_count", "int", "Deferral", 9),
    ("abort_type", "string", "Abort", 9),
    ("abort_log", "string", "Abort", 9),
    ("retry_type", "string", "Retry", 9),
    ("retry_log", "string", "Retry", 9),
    ("device_id", "string", "Abort Retry", 9),
    ("gender", "string", "Retry", 9),
    ("country", "string", "Retry", 9),
    ("language", "string", "Retry", 9),
)
# Of the other events: required fields, then optional ones, beside id and time.
_OTHER: Final[dict[str, tuple[dict[str, str], dict[str, str]]]] = {
    CANVAS_ENTRY: (
        {"user_id": "string", "canvas_id": "string", "canvas_variation_id": "string", "in_control_group": "boolean"},
        {"external_user_id": "string", "canvas_name": "string", "canvas_variation_name": "string",
         "canvas_step_id": "string", "canvas_step_name": "string", "timezone": "string", "app_group_id": "string"},
    ),
    ENROLL_IN_CONTROL: (
        {"user_id": "string", "campaign_id": "string"},
        {"external_user_id": "string", "campaign_name": "string", "message_variation_id": "string",
         "message_variation_name": "string", "send_id": "string", "app_id": "string", "timezone": "string",
         "app_group_id": "string"},
    ),
    GLOBAL_STATE_CHANGE: (
        {"user_id": "string", "subscription_status": "string"},
        {"external_user_id": "string", "email_address": "string", "channel": "string",
         "channel_identifier": "string", "state_change_source": "string", "campaign_id": "string",
         "canvas_id": "string", "timezone": "string", "app_group_id": "string"},
    ),
    USER_DELETE_REQUEST: ({"user_id": "string"}, {"app_group_id": "string"}),
    USER_ORPHAN: (
        {"user_id": "string", "orphaned_by_id": "string"},
        {"external_user_id": "string", "device_id": "string", "app_group_id": "string"},
    ),
}  # fmt: skip


def has_event(event_type: str, version: Version) -> bool:
    """Whether a version of Currents has an event of this type, as far as the double goes."""
    if event_type.startswith(EMAIL):
        return event_type.removeprefix(EMAIL) in _MAIL.split()
    return event_type in _OTHER and (version >= _FIRST_WITH_DELETIONS or event_type not in _DELETIONS)


@cache
def schema(event_type: str, version: Version) -> dict[str, Any]:
    """The Avro schema of an event type in a version of Currents.

    Raises:
        ValueError: the version has no such event.
    """
    if not has_event(event_type, version):
        raise ValueError(f"The double has no event {event_type} in version {version}.")
    required, optional = _fields(event_type, version)
    namespace, _, name = event_type.rpartition(".")
    given = {"id": "string", **required, "time": "int"}
    fields = [{"name": field, "type": kind} for field, kind in given.items()]
    nullable = [{"name": field, "type": ["null", kind], "default": None} for field, kind in optional.items()]
    return {
        "type": "record",
        "name": name,
        "namespace": f"dataexport.S3.inner.{namespace}",
        "fields": fields + nullable,
    }


def _fields(event_type: str, version: Version) -> tuple[dict[str, str], dict[str, Any]]:
    """Required and optional fields, beside id and time."""
    if not event_type.startswith(EMAIL):
        return _OTHER[event_type]
    name = event_type.removeprefix(EMAIL)
    more = {
        field: kind
        for field, kind, events, since in _MAIL_FIELDS
        if name in events.split() and version >= since
    }
    return {"user_id": "string", "email_address": "string"}, {"external_user_id": "string", **more}
