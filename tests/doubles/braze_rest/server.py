"""A workspace of Braze over HTTP, with keys, scopes, sizes, limits, asynchronous application, and faults when told to.

Pages: braze.com/docs/api/errors (400, 401, 403, 404, 413, 429, 5XX), …/api/api_limits (4 MB -> 413), …/post_user_track
(201; `errors` beside `message`; 75 objects in total, 50 for MAU CY 24-25, 75 of each before), …/post_user_delete (50 ids).
That an error of a 201 has `type`, `input_array` and `index` is an assumption, from the answers of /users/identify.
"""

from __future__ import annotations

import json
import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.doubles.braze_rest.calendar import Calendar
from tests.doubles.braze_rest.catalogs import Catalogs
from tests.doubles.braze_rest.limits import RequestLimits
from tests.doubles.braze_rest.profiles import Profiles, RefusedError
from tests.doubles.faulty_http import Faults, faulty_http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.doubles.faulty_http import HttpRequest

MOST_BYTES = 4 * 1024 * 1024
SCOPES = {
    "/users/track": "users.track",
    "/users/delete": "users.delete",
    "/messages/scheduled_broadcasts": "messages.schedule_broadcasts",
    "/campaigns/details": "campaigns.details",
    "/campaigns/data_series": "campaigns.data_series",
    "/canvas/details": "canvas.details",
    "PUT /catalogs": "catalogs.replace_items",
    "DELETE /catalogs": "catalogs.delete_items",
}
KEY = "a-key-of-the-double"


@dataclass
class BrazeRest:
    """One workspace.

    Args:
        most_objects: Of a request, in total or of each array.
        each: Whether that is meant of each array.
        too_many: How a request with more is answered: 400 by the docs, 429 by a board's report.
        faults: What befalls its requests.
    """

    profiles: Profiles = field(default_factory=Profiles)
    catalogs: Catalogs = field(default_factory=Catalogs)
    calendar: Calendar = field(default_factory=Calendar)
    limits: RequestLimits = field(default_factory=RequestLimits)
    keys: dict[str, set[str]] = field(default_factory=lambda: {KEY: set(SCOPES.values())})
    most_objects: int = 75
    each: bool = False
    too_many: int = 400
    faults: Faults = field(default_factory=Faults)
    requests: int = 0
    objects: list[int] = field(default_factory=list)
    url: str = ""
    _pending: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def settle(self) -> None:
        """Apply all that was accepted; between requests there is no order (`two requests for one member may cross`)."""
        with self._lock:
            pending, self._pending = self._pending, []
            random.Random(len(pending)).shuffle(pending)
            for apply in pending:
                apply()

    def answer(self, request: HttpRequest) -> tuple[int, Any, dict[str, str]]:  # noqa: PLR0911 - one for each rule
        """Answer a request: status, JSON body, headers."""
        method, path, body = request.method, request.path, request.body
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        with self._lock:
            self.requests += 1
            kind = f"{method} /catalogs" if path.startswith("/catalogs/") else path.partition("?")[0]
            if (
                kind not in SCOPES
                or (kind.startswith("/users") and method != "POST")
                or (kind.startswith(("/messages", "/campaigns", "/canvas")) and method != "GET")
            ):
                return 404, {"message": "Not Found"}, {}
            if key not in self.keys:
                return 401, {"message": "Invalid API key"}, {}
            if SCOPES[kind] not in self.keys[key]:
                return 403, {"message": "Your API key does not have permissions for this endpoint"}, {}
            fits, headers = self.limits.take(forced=request.fault == "429")
            if not fits:
                return 429, {"message": "Rate limit exceeded"}, headers
            if method == "GET":
                status, said, more = self.calendar.answer(path, self.url)
                return status, said, headers | more
            if len(body) > MOST_BYTES:
                return 413, {"message": "Request Entity Too Large"}, headers
            try:
                given = json.loads(body)
            except ValueError:
                return 400, {"message": "Invalid JSON"}, headers
            answer = {"/users/track": self._track, "/users/delete": self._delete}.get(kind)
            status, said = answer(given) if answer else self._catalog(method, path, given)
            return status, said, headers

    def _track(self, given: Any) -> tuple[int, Any]:
        arrays = (
            {name: given.get(name, []) for name in ("attributes", "events", "purchases")}
            if isinstance(given, dict)
            else {}
        )
        if (
            not arrays
            or not all(isinstance(one, list) for one in arrays.values())
            or not any(arrays.values())
        ):
            return 400, {"message": "No attributes, events or purchases in the request"}
        counts = [len(one) for one in arrays.values()]
        self.objects.append(sum(counts))
        if (max(counts) if self.each else sum(counts)) > self.most_objects:
            return self.too_many, {"message": "Max Input Length Exceeded"}
        errors = []
        works: list[Callable[[], None]] = []
        checks = {
            "attributes": (self.profiles.checked_attributes, self.profiles.apply_attributes),
            "events": (self.profiles.checked_event, self.profiles.apply_event),
        }
        for array, (check, apply) in checks.items():
            for index, one in enumerate(arrays[array]):
                try:
                    checked = check(one)
                except RefusedError as error:
                    errors.append({"type": str(error), "input_array": array, "index": index})
                else:
                    works.append(lambda apply=apply, checked=checked: apply(checked))  # type: ignore[misc] # bound now
        self._pending += [lambda: _in_turn(works)]
        said = {
            "message": "success",
            "attributes_processed": len(works),
            **({"errors": errors} if errors else {}),
        }
        return 201, said

    def _delete(self, given: Any) -> tuple[int, Any]:
        ids = given.get("external_ids") if isinstance(given, dict) and len(given) == 1 else None
        if not isinstance(ids, list) or not 0 < len(ids) <= 50:
            return 400, {"message": "up to 50 of one kind of identifier"}
        self.settle()
        deleted = sum(self.profiles.members.pop(one, None) is not None for one in ids)
        return 201, {"deleted": deleted, "message": "success"}

    def _catalog(self, method: str, path: str, given: Any) -> tuple[int, Any]:
        parts = path.split("/")
        if len(parts) != 4 or parts[3] != "items":
            return 404, {"message": "Not Found"}
        problem = self.catalogs.problem(parts[2], given, deleting=method == "DELETE")
        if problem:
            status = 404 if problem[0] == "catalog-not-found" else 400
            return status, {
                "message": "Invalid Request",
                "errors": [{"id": problem[0], "message": problem[1]}],
            }
        work = self.catalogs.delete if method == "DELETE" else self.catalogs.put
        self._pending.append(lambda: work(parts[2], given["items"]))
        return 202, {"message": "success"}


def _in_turn(works: list[Callable[[], None]]) -> None:
    """Attributes, then events, in their order [track]."""
    for work in works:
        work()


@contextmanager
def braze_rest(braze: BrazeRest) -> Iterator[BrazeRest]:
    """A running one."""
    with faulty_http(braze) as braze.url:
        yield braze
