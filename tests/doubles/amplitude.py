"""One project of Amplitude on loopback: `POST /batch` with its limits, what it keeps of members, and their deletion.

Pages: [batch] amplitude.com/docs/apis/analytics/batch-event-upload, [v2] …/http-v2, [retries] …/http-api-batching-retries,
[identify] …/identify, [privacy] …/user-privacy. What no page says is an assumption, named so.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from tests.doubles.faulty_http import Faults, faulty_http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.doubles.faulty_http import HttpRequest, Said

KEY = "a-key-of-the-project"
SECRET = "a-secret-of-the-project"  # noqa: S105 - it opens nothing
DELETED_AT_ONCE = 100  # users of a deletion request, one a second [privacy]
DELETED_AFTER = timedelta(days=10)  # a job runs 10 to 13 days after its first request [privacy]
MOST_BYTES = 20_000_000  # [batch]
MOST_EVENTS = 2_000  # [retries] of a request to HTTP V2; that it holds for /batch is an assumption
MOST_TEXT = 1_024  # [v2]; that a longer one is cut is an assumption
MOST_LAYERS = 40  # [batch]
WINDOW_S = 30  # over which rates are averaged [batch]
KEPT_S = 7 * 86_400  # how long an insert_id is known [batch]
MOST_UPDATES = 1_800  # of one user's properties in an hour; more are dropped without a word [batch]
NOBODY = {
    "anonymous",
    "nil",
    "none",
    "null",
    "n/a",
    "na",
    "undefined",
    "unknown",
    "-1",
    "0",
    "",
}  # [v2], refused with 400
OPERATIONS = (
    "$set",
    "$setOnce",
    "$add",
    "$append",
    "$prepend",
    "$unset",
    "$preInsert",
    "$postInsert",
    "$remove",
)


@dataclass(frozen=True)
class KeptEvent:
    """An event as the project keeps it."""

    user: str
    name: str
    time: int
    session: int
    properties: Mapping[str, Any]


@dataclass
class Amplitude:
    """A project.

    Args:
        eps: Events a second of one user, above which its requests are throttled.
        quota: Events of one user in a day.
        starter: Events a second of the whole project on a Starter plan [v2]; None is no such limit.
        silenced: Users whose device the project blocks or filters.
        failing: Users of whom each request fails as such: a wrong request that names no event.
        clock: UTC seconds.
        faults: What befalls its requests.
    """

    eps: int = 1_000
    quota: int = 500_000
    starter: int | None = 1_000
    silenced: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    clock: Callable[[], float] = time.time
    faults: Faults = field(default_factory=Faults)
    events: list[KeptEvent] = field(default_factory=list)
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    to_delete: dict[str, Any] = field(default_factory=dict)
    doubled: int = 0
    requests: int = 0
    throttled: int = 0
    caused: int = 0
    url: str = ""
    _deletion_at: float | None = None
    _known: dict[tuple[str, str], float] = field(default_factory=dict)
    _recent: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    _today: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    _updates: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, request: HttpRequest) -> Said:
        """Take a request whole, or nothing of it [retries]."""
        with self._lock:
            self.requests += 1
            if request.path == "/api/2/deletions/users":
                return self._delete(request)
            problem = self._wrong_request(request)
            if problem is not None:
                return problem
            given = json.loads(request.body)
            events = given["events"]
            least = given.get("options", {}).get("min_id_length", 5)  # [batch]
            found = self._wrong_events(events, least) or self._wrong_users(events)
            found = found or self._too_fast(events, forced=request.fault == "429")
            if found is not None:
                return found
            for event in events:
                self._keep(event)
            told = {"code": 200, "events_ingested": len(events), "payload_size_bytes": len(request.body)}
            return 200, {**told, "server_upload_time": int(self.clock() * 1000)}, {}

    def _delete(self, request: HttpRequest) -> Said:
        """Put users into a job, all of them or none [privacy]."""
        basic = b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":  # that it is a 401 is an assumption
            return 401, {"error": "Unauthorized"}, {}
        now = self.clock()
        if self._deletion_at is not None and now - self._deletion_at < 1:
            return 429, {"error": "Too many requests"}, {}
        self._deletion_at = now
        given = json.loads(request.body)
        users = given.get("user_ids", [])
        if request.method != "POST" or not 0 < len(users) <= DELETED_AT_ONCE:
            return _refused("Invalid number of ids")
        known = {one.user for one in self.events} | set(self.properties)
        strangers = [user for user in users if user not in known]
        if strangers and given.get("ignore_invalid_id") not in ("true", "True"):  # a text, as people report
            return _refused(f"Invalid user ids: {strangers}")
        found = [user for user in users if user in known]
        self.to_delete |= dict.fromkeys(found, given.get("requester"))
        if not found:  # that no job is named then is an assumption
            return 200, {"amplitude_ids": [], "invalid_ids": strangers}, {}
        day = (datetime.fromtimestamp(now, UTC) + DELETED_AFTER).date().isoformat()
        ids = [{"amplitude_id": at, "requester": given.get("requester")} for at, _ in enumerate(found)]
        job = {"day": day, "status": "staging", "amplitude_ids": ids}
        return 200, job | ({"invalid_ids": strangers} if strangers else {}), {}

    def _wrong_request(self, request: HttpRequest) -> Said | None:  # noqa: PLR0911 - one for each rule
        if (request.method, request.path) != ("POST", "/batch"):
            return 404, {"code": 404, "error": "Not Found"}, {}
        if len(request.body) > MOST_BYTES:
            return 413, {"code": 413, "error": "Payload too large"}, {}
        if request.headers.get("content-type") != "application/json":  # [batch]
            return _refused("Content-Type must be application/json")
        try:
            given = json.loads(request.body)
        except ValueError:
            return _refused("Invalid JSON request body")
        if not isinstance(given, dict):
            return _refused("Invalid JSON request body")
        lacking = next((name for name in ("api_key", "events") if not given.get(name)), None)
        if lacking:
            return _refused("Request missing required field", missing_field=lacking)
        if given["api_key"] != KEY:  # that the answer repeats it is what people report
            return _refused(f"Invalid API key: {given['api_key']}")
        if not isinstance(given["events"], list) or not all(isinstance(one, dict) for one in given["events"]):
            return _refused("Invalid field values on some events")
        if len(given["events"]) > MOST_EVENTS:
            return 413, {"code": 413, "error": "Payload too large"}, {}
        return None

    def _wrong_events(self, events: list[dict[str, Any]], least: int) -> Said | None:
        """Events whose fields are missing, of a wrong type, or too short, by place [batch]."""
        lacking, invalid, short = (defaultdict[str, list[int]](list) for _ in range(3))
        for at, event in enumerate(events):
            user = event.get("user_id")
            if not isinstance(event.get("event_type"), str) or not event["event_type"]:
                lacking["event_type"].append(at)
            if user is None:
                lacking["user_id"].append(at)
            elif not isinstance(user, str) or user.lower() in NOBODY:
                invalid["user_id"].append(at)
            elif len(user) < least:
                short["user_id"].append(at)
            for name in _wrong_fields(event):
                invalid[name].append(at)
        if lacking or invalid or short:
            return _refused(
                "Request missing required field" if lacking else "Invalid field values on some events",
                events_with_missing_fields=lacking,
                events_with_invalid_fields=invalid,
                events_with_invalid_id_lengths=short,
            )
        return None

    def _wrong_users(self, events: list[dict[str, Any]]) -> Said | None:
        silenced = [at for at, event in enumerate(events) if event["user_id"] in self.silenced]
        if silenced:
            devices = sorted({_device(events[at]["user_id"]) for at in silenced})
            return _refused(
                "Events silenced for device_id", silenced_devices=devices, silenced_events=silenced
            )
        if any(event["user_id"] in self.failing for event in events):
            return _refused("Bad request")
        return None

    def _too_fast(self, events: list[dict[str, Any]], *, forced: bool) -> Said | None:
        now, counts = self.clock(), defaultdict[str, int](int)
        for event in events:
            counts[event["user_id"]] += 1
        for name in [*counts, "*"]:
            self._recent[name] = [one for one in self._recent[name] if one[0] > now - WINDOW_S]
        rates = {user: (sum(n for _, n in self._recent[user]) + n) / WINDOW_S for user, n in counts.items()}
        fast = {user: rate for user, rate in rates.items() if rate > self.eps}
        full = {user: n for user in counts if (n := self._today[user, int(now // 86_400)]) >= self.quota}
        everybody = (sum(n for _, n in self._recent["*"]) + len(events)) / WINDOW_S
        busy = self.starter is not None and everybody > self.starter
        if not (fast or full or busy or forced):
            for user, n in counts.items():
                self._recent[user].append((now, n))
                self._today[user, int(now // 86_400)] += n
            self._recent["*"].append((now, len(events)))
            return None
        self.throttled += 1
        self.caused += bool(fast or full or busy)
        guilty = {*fast, *full}
        told = {
            "code": 429, "error": "Too many requests for some devices and users", "eps_threshold": self.eps,
            "throttled_devices": {}, "throttled_users": fast,
            "exceeded_daily_quota_users": full, "exceeded_daily_quota_devices": {},
            "throttled_events": [at for at, event in enumerate(events) if event["user_id"] in guilty],
        }  # fmt: skip
        return 429, told, {}

    def _keep(self, event: dict[str, Any]) -> None:
        user, now = event["user_id"], self.clock()
        if event["event_type"] == "$identify":
            self._identify(user, event.get("user_properties", {}))
            return
        known = (_device(user), event.get("insert_id") or "")
        if known[1] and self._known.get(known, 0.0) > now - KEPT_S:
            self.doubled += 1
            return
        if known[1]:
            self._known[known] = now
        self.events.append(
            KeptEvent(
                user,
                event["event_type"],
                event.get("time", int(now * 1000)),
                event.get("session_id", -1),
                {name: _cut(value) for name, value in event.get("event_properties", {}).items()},
            )
        )

    def _identify(self, user: str, operations: dict[str, dict[str, Any]]) -> None:
        hour = (user, int(self.clock() // 3600))
        self._updates[hour] += 1
        if self._updates[hour] > MOST_UPDATES:
            return
        kept = self.properties.setdefault(user, {})
        for name, value in operations.get("$set", {}).items():
            kept[name] = _cut(value)
        for name in operations.get("$unset", {}):
            kept.pop(name, None)


def _refused(error: str, **more: Any) -> Said:
    return 400, {"code": 400, "error": error, **more}, {}


def _device(user: str) -> str:
    """Without a device_id, a hash of the user_id stands for it [batch]; by it and the insert_id an event is known."""
    return sha256(user.encode()).hexdigest()[:32]


def _wrong_fields(event: dict[str, Any]) -> Iterator[str]:
    for name in ("time", "session_id"):  # milliseconds [batch]
        if name in event and (not isinstance(event[name], int) or isinstance(event[name], bool)):
            yield name
    if not isinstance(event.get("insert_id", ""), str):
        yield "insert_id"
    for name in ("event_properties", "user_properties"):
        found = event.get(name, {})
        if not isinstance(found, dict) or _layers(found) > MOST_LAYERS:
            yield name
    properties = event.get("user_properties", {})
    operations = [name in OPERATIONS for name in properties] if isinstance(properties, dict) else []
    if any(operations) and not (
        all(operations) and event.get("event_type") == "$identify"
    ):  # not mixed [identify]
        yield "user_properties"


def _layers(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_layers, inner), default=0)


def _cut(value: Any) -> Any:
    return value[:MOST_TEXT] if isinstance(value, str) else value


@contextmanager
def amplitude(project: Amplitude) -> Iterator[Amplitude]:
    """A running one."""
    with faulty_http(project) as project.url:
        yield project
