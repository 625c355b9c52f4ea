"""Events of a few mails, as Currents tells of them: every kind that is read, some of them twice in different versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from app.braze.currents.container import MAGIC
from app.demo.braze.currents_files import avro_file, object_key
from app.demo.braze.schemas import (
    EMAIL,
    ENROLL_IN_CONTROL,
    GLOBAL_STATE_CHANGE,
    USER_DELETE_REQUEST,
    USER_ORPHAN,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from app.demo.braze.currents_files import CurrentsEvent
    from app.demo.braze.schemas import Version

NOW = datetime.now(UTC).replace(microsecond=0)
SENT_S = int((NOW - timedelta(days=2)).timestamp())
CAMPAIGN_ID = "9f0c3b1e-0000-4000-8000-00000000c0de"
assert MAGIC


def rid(member: int) -> str:
    return f"rid{member:013d}"


def user(member: int) -> str:
    return f"{member:024x}"


def event(kind: str, number: int, member: int, **fields: Any) -> CurrentsEvent:
    """An e-mail event of one member; `external` None is a profile without a member id."""
    external = fields.pop("external", f"m-{member}")
    common: dict[str, Any] = {
        "id": str(uuid5(NAMESPACE_OID, f"{kind} {number}")),
        "user_id": user(member),
        "external_user_id": external,
        "time": SENT_S + number,
        "email_address": f"secret{member}@example.com",
        "campaign_id": CAMPAIGN_ID,
        "message_variation_id": "v-a",
        "dispatch_id": "d" * 24,
    }
    return (kind if "." in kind else EMAIL + kind, common | fields)


def extras(member: int, campaign: str = "weekly-digest", arm: str = "b") -> str:
    return json.dumps(
        {"cj": f"v1|{rid(member)}|{campaign}|personalized|{arm}|3|p-1,p-2,p-{member + 100}", "other": "text"}
    )


def events() -> list[CurrentsEvent]:
    """What became of twelve mails."""
    found = []
    for member in range(1, 13):
        campaign = "preview-x" if member == 12 else "weekly-digest"
        found.append(event("Send", member, member, message_extras=extras(member, campaign)))
        found.append(event("Delivery", member, member, send_time=SENT_S))
        found.append(
            event(
                "Open", member, member, machine_open="true" if member % 3 == 0 else None, user_agent="agent"
            )
        )
        url = f"https://board.example/postings/p-2?rid={rid(member)}&campaign={campaign}&arm=b&position=2&lid=xyz"
        if member % 2 == 0:
            found.append(
                event(
                    "Click",
                    member,
                    member,
                    url=url,
                    send_time=SENT_S,
                    is_suspected_bot_click=None,
                    suspected_bot_click_reason=["user_agent"] if member == 4 else None,
                )
            )
    return [
        *found,
        event("Send", 90, 90, external=None, message_extras=extras(90)),
        event("Send", 91, 91, message_extras=None),
        event("Bounce", 92, 1, bounce_reason="550 5.1.1 <secret1@example.com> unknown", is_drop=False),
        event("MarkAsSpam", 93, 2),
        event("Unsubscribe", 94, 3),
        event(
            "Abort", 95, 5, abort_type="abort_message", abort_log="too few postings", message_extras=extras(5)
        ),
        event("Retry", 96, 6, retry_type="connected_content", gender="f"),
        event(ENROLL_IN_CONTROL, 97, 97),
        event(GLOBAL_STATE_CHANGE, 98, 7, subscription_status="Unsubscribed", channel="email"),
        event(GLOBAL_STATE_CHANGE, 99, 8, subscription_status="Unsubscribed", channel="email"),
        event(GLOBAL_STATE_CHANGE, 100, 8, subscription_status="Subscribed", channel="email"),
        event(USER_ORPHAN, 101, 90, external=None, orphaned_by_id=user(1)),
        event(USER_DELETE_REQUEST, 102, 9, external=None),
    ]


def write_files(folder: Path) -> list[Path]:
    """The events in small files: each in two of the three versions, so that every one comes twice with other fields."""
    files: dict[str, bytes] = {}
    for number, (event_type, record) in enumerate(events()):
        versions: tuple[Version, ...] = (10, 12) if event_type.startswith("users.User") else (9, 12)
        for version in versions:
            key = object_key(event_type, version, SENT_S + 600 * (number % 12), version % 3, number)
            files[key] = avro_file(event_type, version, [only_known(record)], ("deflate", "null")[number % 2])
    for key, content in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return [folder / key for key in files]


def only_known(record: Mapping[str, Any]) -> dict[str, Any]:
    return dict(record)
