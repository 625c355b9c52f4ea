"""What a workspace has scheduled, the texts of the messages of a campaign or a Canvas, and what a campaign sent.

Pages: braze.com/docs/api/endpoints/messaging/schedule_messages/get_messages_scheduled, …/export/campaigns/get_campaign_details,
…/export/canvas/get_canvas_details, …/export/campaigns/get_campaign_analytics. None of the first three tells the audience or the delivery speed; a recurring one appears once, with
its next occurrence. No page speaks of a second page of the list: an answer whose `Link` header names a next one, as
those of other exports do (…/custom_events/get_custom_events_data), is followed.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from app.braze.rest.workspace import said_in
from app.runtime.outgoing import retry_after_s
from app.sync.definition import SyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.braze.rest.workspace import BrazeWorkspace
    from app.runtime.outgoing import HttpAnswer

_NAMES_ONLY = frozenset({"channel", "name", "type", "from", "reply_to", "title"})
_NEXT: Final = re.compile(r"<([^>]*)>\s*;[^,]*\brel=\"?next\"?")
_TRIES: Final = 3
_LONGEST_WAIT_S: Final = 65.0  # what a 3-s window and most minutes ask for; a spent hour is not waited for
_MOST_PAGES: Final = 50
_EPOCH: Final = 1_000_000  # `Reset` below it is seconds, else an instant


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An entry of the list that cannot be used; `id` and `name` where it has them."""

    id: str | None
    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMessage:
    """A message of a campaign or of a Canvas step: what people call it, its channel, and its Liquid texts by field."""

    name: str
    channel: str
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BrazeCalendar:
    """Reads a workspace's calendar; what is too fast or fails is asked for again, as reading changes nothing.

    Args:
        workspace: Where.
        sleep: Waits so many seconds.
        clock: UTC seconds, by which the headers count.
    """

    workspace: BrazeWorkspace
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def scheduled(self, until: datetime) -> tuple[list[Scheduled], list[Unread]]:
        """What is scheduled until a time, and the entries that cannot be used.

        Raises:
            SyncError: Braze does not answer, or not as documented.
        """
        path: str | None = (
            f"/messages/scheduled_broadcasts?{urlencode({'end_time': until.isoformat(timespec='seconds')})}"
        )
        found: dict[tuple[str, str], Scheduled] = {}
        unread: list[Unread] = []
        seen: set[str] = set()
        while path is not None and path not in seen and len(seen) < _MOST_PAGES:
            seen.add(path)
            body, path = self._get(path)
            entries = body.get("scheduled_broadcasts")
            if not isinstance(entries, list):
                raise SyncError(
                    "Braze's answer to /messages/scheduled_broadcasts has no list `scheduled_broadcasts`."
                )
            for entry in entries:
                one = _scheduled(entry)
                if isinstance(one, Scheduled):
                    found.setdefault((one.id, one.at), one)
                else:
                    unread.append(one)
        return list(found.values()), unread

    def messages(self, one: Scheduled) -> list[TemplateMessage]:
        """The messages of a campaign or Canvas, control groups left out.

        Raises:
            SyncError: Braze does not answer, or not as documented.
        """
        if one.kind == "Canvas":
            return self._canvas_messages(one.id)
        body, _ = self._get(f"/campaigns/details?{urlencode({'campaign_id': one.id})}")
        return _messages(body.get("messages"), "/campaigns/details", "")

    def sent(self, campaign_id: str, until: datetime, days: int) -> dict[date, int]:
        """E-mails that a campaign sent, by day; in which zone a day is, no page says: assumed, that of the company.

        `/sends/data_series` would tell one send from another, but only of API campaigns whose call named a `send_id`.

        Raises:
            SyncError: Braze does not answer, or not as documented.
        """
        where = "/campaigns/data_series"
        asked = {
            "campaign_id": campaign_id,
            "length": days,
            "ending_at": until.isoformat(timespec="seconds"),
        }
        body, _ = self._get(f"{where}?{urlencode(asked)}")
        series = body.get("data")
        if not isinstance(series, list):
            raise SyncError(f"Braze's answer to {where} has no list `data`.")
        try:
            return {
                date.fromisoformat(one["time"][:10]): sum(
                    int(variation.get("sent") or 0)
                    for variation in (one.get("messages") or {}).get("email") or ()
                )
                for one in series
            }
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise SyncError(f"Braze's answer to {where} has a day that cannot be read.") from error

    def _canvas_messages(self, canvas_id: str) -> list[TemplateMessage]:
        where = "/canvas/details"
        body, _ = self._get(f"{where}?{urlencode({'canvas_id': canvas_id})}")
        steps = body.get("steps")
        if not isinstance(steps, list):
            raise SyncError(f"Braze's answer to {where} has no list `steps`.")
        return [
            message
            for step in steps
            if isinstance(step, dict) and step.get("messages")  # a step that waits or splits has none
            for message in _messages(step["messages"], where, _line(step.get("name")))
        ]

    def _get(self, path: str) -> tuple[Mapping[str, Any], str | None]:
        """The object that a path answers, and the path of the next page."""
        for last in (*[False] * (_TRIES - 1), True):
            answer = self.workspace.exchange("GET", path, None)
            wait_s = self._wait_s(answer)
            if answer.status == HTTPStatus.OK or wait_s is None or last:
                break
            self.sleep(wait_s)
        return _object_of(answer, path.partition("?")[0]), _next(answer, path)

    def _wait_s(self, answer: HttpAnswer) -> float | None:
        """After how many seconds it is worth asking again; None where it is not."""
        if answer.status is None or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return 1.0
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
            return None
        told = answer.headers.get("x-ratelimit-retry-after") or answer.headers.get("x-ratelimit-reset") or ""
        if re.fullmatch(r"\d{1,12}", told, re.ASCII):
            seconds = float(told) if int(told) < _EPOCH else int(told) - self.clock()
        else:
            asked = retry_after_s(answer.headers.get("retry-after"), self.clock())
            seconds = 3.0 if asked is None else asked
        return max(0.1, seconds) if seconds <= _LONGEST_WAIT_S else None


def _messages(found: Any, where: str, step: str) -> list[TemplateMessage]:
    if not isinstance(found, dict):
        raise SyncError(f"Braze's answer to {where} has no object `messages`.")
    return [
        TemplateMessage(
            name=_line(one.get("name")) or step or variation,
            channel=str(one.get("channel")),
            parts={
                name: text for name, text in one.items() if isinstance(text, str) and name not in _NAMES_ONLY
            },
        )
        for variation, one in found.items()
        if isinstance(one, dict) and one.get("type") != "control"
    ]


def _scheduled(entry: Any) -> Scheduled | Unread:
    if not isinstance(entry, dict):
        return Unread(id=None, name="", why="it is no object")
    texts = {name: entry.get(name) for name in ("id", "name", "type", "next_send_time")}
    braze_id, name = (_line(texts[field]) for field in ("id", "name"))
    for field, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            return Unread(id=braze_id or None, name=name, why=f"it has no text `{field}`")
    if entry["type"] not in {"Campaign", "Canvas"}:
        return Unread(id=braze_id, name=name, why=f"its type is {_line(entry['type'])!r}")
    try:
        zoned = datetime.fromisoformat(entry["next_send_time"]).tzinfo is not None
    except ValueError:
        return Unread(id=braze_id, name=name, why=f"its next_send_time is {_line(entry['next_send_time'])!r}")
    tags = entry.get("tags")
    return Scheduled(
        id=braze_id,
        name=name,
        kind=entry["type"],
        at=entry["next_send_time"],
        zoned=zoned,
        schedule=_line(entry.get("schedule_type")) or "unknown",
        tags=tuple(_line(tag) for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _line(text: Any) -> str:
    """A text as one line that a terminal and a database take; empty where it is none."""
    if not isinstance(text, str):
        return ""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text[:500]).split())


def _next(answer: HttpAnswer, path: str) -> str | None:
    """The path of the next page, on the same host and of the same kind."""
    found = _NEXT.search(answer.headers.get("link", ""))
    if found is None:
        return None
    parts = urlsplit(found[1])
    if parts.path != path.partition("?")[0] or not parts.query:
        return None
    return f"{parts.path}?{parts.query}"


def _object_of(answer: HttpAnswer, where: str) -> Mapping[str, Any]:
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
