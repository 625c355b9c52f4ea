"""What a workspace has scheduled, and the texts of a campaign's messages.

Pages: braze.com/docs/api/endpoints/messaging/schedule_messages/get_messages_scheduled, …/export/campaigns/get_campaign_details.
Neither tells the audience or the delivery speed; a recurring one appears once, with its next occurrence.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from app.braze.rest.workspace import said_in
from app.sync.definition import SyncError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.braze.rest.workspace import BrazeWorkspace

_NAMES_ONLY = frozenset({"channel", "name", "type", "from", "reply_to"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A campaign or Canvas that Braze will send.

    Args:
        at: Its next time, as Braze writes it.
        zoned: Whether that time has a zone.
        schedule: `local_time_zones`, `intelligent_delivery` or the company's zone.
    """

    id: str
    name: str
    kind: str
    at: str
    zoned: bool
    schedule: str
    tags: tuple[str, ...]


def read_scheduled(workspace: BrazeWorkspace, until: datetime) -> tuple[list[Scheduled], int]:
    """What is scheduled until a time, and how many entries could not be read.

    Raises:
        SyncError: Braze does not answer, or not as documented.
    """
    query = urlencode({"end_time": until.isoformat(timespec="seconds")})
    entries = _get(workspace, f"/messages/scheduled_broadcasts?{query}").get("scheduled_broadcasts")
    if not isinstance(entries, list):
        raise SyncError(
            "Braze's answer to /messages/scheduled_broadcasts has no list `scheduled_broadcasts`."
        )
    read = [_scheduled(entry) for entry in entries]
    return [one for one in read if one], read.count(None)


def read_messages(workspace: BrazeWorkspace, campaign_id: str) -> dict[str, dict[str, str]]:
    """The Liquid texts of a campaign's e-mails: by variation, then by field, `body` among them; controls are left out.

    Raises:
        SyncError: Braze does not answer, or not as documented.
    """
    path = f"/campaigns/details?{urlencode({'campaign_id': campaign_id})}"
    messages = _get(workspace, path).get("messages")
    if not isinstance(messages, dict):
        raise SyncError("Braze's answer to /campaigns/details has no object `messages`.")
    return {
        variation: {
            name: text for name, text in one.items() if isinstance(text, str) and name not in _NAMES_ONLY
        }
        for variation, one in messages.items()
        if isinstance(one, dict) and one.get("channel") == "email" and isinstance(one.get("body"), str)
    }


def _scheduled(entry: Any) -> Scheduled | None:
    if not isinstance(entry, dict):
        return None
    texts = [entry.get(name) for name in ("id", "name", "type", "next_send_time")]
    if not all(isinstance(text, str) and text for text in texts):
        return None
    try:
        zoned = datetime.fromisoformat(entry["next_send_time"]).tzinfo is not None
    except ValueError:
        return None
    tags = entry.get("tags")
    return Scheduled(
        id=entry["id"],
        name=" ".join(entry["name"].split()),
        kind=entry["type"],
        at=entry["next_send_time"],
        zoned=zoned,
        schedule=str(entry.get("schedule_type") or "unknown"),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _get(workspace: BrazeWorkspace, path: str) -> Mapping[str, Any]:
    answer = workspace.exchange("GET", path, None)
    where = path.partition("?")[0]
    if answer.status is None:
        raise SyncError(f"Braze did not answer {where}: {answer.failure}.")
    if answer.status != HTTPStatus.OK:
        hint = {
            401: " Look at CJ_BRAZE_KEY.",
            403: " Give the key this permission.",
            429: " Try again later.",
        }
        raise SyncError(
            f"Braze answers {where} with {answer.status}: {said_in(answer.body)}.{hint.get(answer.status, '')}"
        )
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SyncError(f"Braze's answer to {where} is not a JSON object, or is over 2 MB.")
    return found
