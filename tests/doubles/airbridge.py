"""One app of Airbridge over HTTP, held to its documents, and the raw data that it puts into a bucket of what it counted.

Pages, of help.airbridge.io/en: references/s2s-event/send-in-web-events and send-in-app-events (the paths, 400 and 401, 1,000
requests a minute, X-Forwarded-For, eventUUID by which a copy is known, eventTimestamp of 24 hours, one of externalUserID and
clientID or deviceUUID), guides/airbridge-event-elements (category, 128 characters, wrong types), guides/airbridge-event-types,
developers/event-property-faq (letters of action and label; a value of under 10 decimal places), developers/event-taxonomy-limitations
(custom attributes of 2,048 become ERROR_MAX_LENGTH_EXCEEDED, semantic texts are cut at 1,024, a product loses a wrong field) and
developers/aws-s3-faq (folders and files of raw data).

An event that breaks a rule of types or age is answered 200 all the same and not stored, as those pages have it ("not processed",
"not stored"): only what this double counted is there. Assumptions: a 429 has a body and no header that tells a wait; the minute is a
clock minute; a letter of action and label is one of any script (a board's report); 2,048 counts the custom attributes' JSON.
"""

from __future__ import annotations

import csv
import io
import ipaddress
import json
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from tests.doubles.faulty_http import Faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.doubles.faulty_http import HttpRequest, Said

TOKEN = "a-token-of-the-double"  # noqa: S105 - the double's own
DAY_MS = 24 * 3600 * 1000
STANDARD = {
    "airbridge.user.signup",
    "airbridge.user.signin",
    "airbridge.ecommerce.order.completed",
    "airbridge.subscribe",
}
_CUSTOM = re.compile(r"[A-Za-z0-9_]{1,128}")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "currency": str, "productListID": str, "cartID": str, "transactionID": str, "transactionType": str, "query": str,
    "totalValue": (int, float), "inAppPurchased": bool, "products": list,
}  # fmt: skip
RAW_NAMES = ["Event UUID", "Event Timestamp", "User ID", "Event Category", "Event Action", "Event Label", "Event Value",
             "Custom Event Properties", "Client IP", "Airbridge Device ID"]  # fmt: skip


class NotStoredError(Exception):
    """Why an event is not stored, which nobody is told."""


@dataclass
class Airbridge:
    """One app.

    Args:
        app: Its name.
        per_minute: Requests that it takes.
        clock: UTC seconds.
        blocked: Members whose events it refuses with 400, as a stand-in for what no page names.
    """

    app: str = "board"
    per_minute: int = 1_000
    clock: Callable[[], float] = time.time
    blocked: frozenset[str] = frozenset()
    faults: Faults = field(default_factory=Faults)
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    copies: int = 0
    dropped: list[str] = field(default_factory=list)
    requests: int = 0
    too_fast: int = 0
    _minute: tuple[int, int] = (0, 0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: HttpRequest) -> Said:
        """Take an event."""
        with self._lock:
            self.requests += 1
            paths = {f"/events/v2/apps/{self.app}/{one}" for one in ("web/9320", "mobile-app/9360")}
            if request.path not in paths or request.method != "POST":
                return 404, {"title": "Not Found"}, {}
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return 401, {"title": "Unauthorized"}, {}
            if not self._in_minute(forced=request.fault == "429"):
                self.too_fast += 1
                return 429, {"title": "Too Many Requests"}, {}
            try:
                body = json.loads(request.body)
                goal = body["eventData"]["goal"]
                if body.get("user", {}).get("externalUserID") in self.blocked:
                    return 400, {"title": "Bad Request", "detail": "this user is blocked"}, {}
            except (ValueError, KeyError, TypeError):
                return 400, {"title": "Bad Request", "detail": "invalid body"}, {}
            try:
                self._store(body, goal, request)
            except NotStoredError as error:
                self.dropped.append(str(error))
            return 200, {"at": int(self.clock() * 1000), "status": "ok"}, {}

    def _in_minute(self, *, forced: bool) -> bool:
        minute = int(self.clock() // 60)
        used = self._minute[1] if self._minute[0] == minute else 0
        fits = not forced and used < self.per_minute
        self._minute = (minute, used + fits)
        return fits

    def _store(self, body: Any, goal: Any, request: HttpRequest) -> None:
        at = body.get("eventTimestamp", int(self.clock() * 1000))
        if not isinstance(at, int) or len(str(at)) != 13:
            raise NotStoredError("eventTimestamp is no 13 digits")
        if self.clock() * 1000 - at > DAY_MS:
            raise NotStoredError("older than 24 hours")
        user, browser, device = body.get("user", {}), body.get("browser", {}), body.get("device", {})
        if not (user.get("externalUserID") or browser.get("clientID") or device.get("deviceUUID")):
            raise NotStoredError("nobody's")
        event_uuid = body.get("eventUUID") or str(uuid4())
        if UUID(event_uuid).version != 4:
            raise NotStoredError("eventUUID is no uuid4")
        stored = {
            "at": at,
            "member": user.get("externalUserID"),
            "goal": _goal(goal),
            "device": browser.get("clientID") or device.get("deviceUUID"),
            "address": _address(request),
            "app": request.path.endswith("9360"),
        }
        self.copies += event_uuid in self.stored
        self.stored.setdefault(event_uuid, stored)

    def raw_data(self, *, of_app: bool = False) -> list[dict[str, str]]:
        """What it counted, as rows of its export."""
        return [
            dict(
                zip(
                    RAW_NAMES,
                    [
                        event_uuid, str(one["at"]), one["member"] or "", one["goal"]["category"], one["goal"].get("action", ""),
                        one["goal"].get("label", ""), str(one["goal"].get("value", "")),
                        json.dumps(one["goal"].get("customAttributes", {}), ensure_ascii=False), one["address"], one["device"] or "",
                    ],
                    strict=True,
                )
            )
            for event_uuid, one in self.stored.items()
            if one["app"] is of_app
        ]  # fmt: skip

    def raw_files(self, *, parquet: bool) -> dict[str, bytes]:
        """A day's files by their keys: each of a hundred events, so that there are several."""
        files: dict[str, bytes] = {}
        day = datetime.fromtimestamp(self.clock(), UTC)
        for source, of_app in (("web", False), ("app", True)):
            rows = self.raw_data(of_app=of_app)
            for start in range(0, len(rows), 100):
                name = f"part-{start // 100:05}.{'parquet' if parquet else 'csv'}"
                key = f"{self.app}/{source}/v1.2/date={day:%Y-%m-%d}/{name}"
                files[key] = (_parquet if parquet else _csv)(rows[start : start + 100])
        return files


def _address(request: HttpRequest) -> str:
    """That of the header, else the server's, which is recorded as the member's."""
    given = request.headers.get("x-forwarded-for")
    return str(ipaddress.ip_address(given)) if given else "the server's"


def _goal(goal: Any) -> dict[str, Any]:
    """What is stored of a goal."""
    category = goal.get("category")
    if not isinstance(category, str):
        raise NotStoredError("category is no text")
    if category not in STANDARD and (
        not _CUSTOM.fullmatch(category[:128]) or category.startswith("airbridge.")
    ):
        raise NotStoredError("category is none")
    kept: dict[str, Any] = {"category": category[:128], **_words(goal)}
    for name, value in goal.get("semanticAttributes", {}).items():
        if not isinstance(value, _TYPES.get(name, object)) or (
            name == "totalValue" and isinstance(value, bool)
        ):
            raise NotStoredError(f"{name} is of a wrong type")
        kept.setdefault("semanticAttributes", {})[name] = value[:1024] if isinstance(value, str) else value
    custom = goal.get("customAttributes", {})
    if not isinstance(custom, dict):
        raise NotStoredError("customAttributes is no map")
    too_long = len(json.dumps(custom, ensure_ascii=False, separators=(",", ":"))) > 2048
    kept["customAttributes"] = dict.fromkeys(custom, "ERROR_MAX_LENGTH_EXCEEDED") if too_long else custom
    return kept


def _words(goal: Any) -> dict[str, Any]:
    """Its action, label and value."""
    kept: dict[str, Any] = {}
    for name in ("action", "label"):
        if name in goal:
            if not isinstance(goal[name], str) or not all(
                one.isalnum() or one in "?!,./&()-_ " for one in goal[name]
            ):
                raise NotStoredError(f"{name} is none")
            kept[name] = goal[name][:128]
    if "value" in goal:
        value = goal["value"]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or round(value, 9) != value:
            raise NotStoredError("value is no float of under 10 decimal places")
        kept["value"] = value
    return kept


def _csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, RAW_NAMES)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: list[dict[str, str]]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - of an extra
    import pyarrow.parquet as pq  # noqa: PLC0415 - same

    content = io.BytesIO()
    pq.write_table(pa.table({name: [one[name] or None for one in rows] for name in RAW_NAMES}), content)
    return content.getvalue()
