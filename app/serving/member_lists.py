"""A cache of members' lists, for the other parts of a message and for outages."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from app.runtime.errors import UnavailableError
from app.serving.erasures import member_hash
from app.serving.store import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from app.runtime.deadline import Deadline


_NOTHING: frozenset[str] = frozenset()


class MemberList(NamedTuple):
    """A member's ranked postings and where they come from; compact, because many are kept.

    Attributes:
        source: As `Answer.source`.
        run_id: The refresh run it belongs to; 0 before any.
        made_s: When it was read, by the monotonic clock.
        send_key: The send that it was read for.
        posting_ids: Ids, best first, joined by `SEPARATOR`.
        reasons: A byte for each posting.
        applied: Ids of the postings that the member applied to, joined by `SEPARATOR`.
        anchors, anchored: What reasons name, as in `MemberRow`.
        ignored: Ids of postings that go behind others also where a popular list fills up, joined by `SEPARATOR`.
    """

    source: str
    run_id: int
    made_s: float
    posting_ids: str = ""
    reasons: bytes = b""
    applied: str = ""
    anchors: str = ""
    anchored: bytes = b""
    send_key: str = ""
    ignored: str = ""

    def ids(self) -> list[str]:
        """Posting ids, best first."""
        return self.posting_ids.split(SEPARATOR) if self.posting_ids else []

    def applied_ids(self) -> frozenset[str]:
        """Ids of the postings that the member applied to."""
        return frozenset(self.applied.split(SEPARATOR)) if self.applied else _NOTHING


def recipe_key(member_id: str, recipe: str) -> str:
    """What a recipe's list of a member is kept under; no member's id has a control character."""
    return f"{member_id}{SEPARATOR}{recipe}"


class _Flight:
    """A list that one call is making (single flight); the lock `done` is held until it is made."""

    __slots__ = ("done", "result")

    def __init__(self) -> None:
        self.done = Lock()
        self.done.acquire()
        self.result: MemberList | None = None


class MemberLists:
    """Lists by member and recipe: fresh for `fresh_s`, then stale until `stale_s`; a stale one is used while the store is away.

    Parts of one message ask within milliseconds of each other; the first call makes the list and the others wait for it.
    Every use applies the veto again, so a list is kept and never an answer. `fresh_s` bounds how long the member's own new
    application may go unnoticed.
    """

    def __init__(
        self, *, size: int, fresh_s: float, stale_s: float, timer: Callable[[], float] = time.monotonic
    ) -> None:
        # A list holds the time it was made, so a cache that keeps times would do this twice.
        self._kept: OrderedDict[str, MemberList] = OrderedDict()  # made longest ago first
        self._size = size
        self._fresh_s = fresh_s
        self._stale_s = stale_s
        self._timer = timer
        self._lock = Lock()
        self._flights: dict[tuple[str, int, str], _Flight] = {}

    def get(
        self,
        member_id: str,
        run_id: int,
        send_key: str,
        deadline: Deadline,
        make: Callable[[], MemberList],
    ) -> tuple[MemberList, str]:
        """The member's list for a send, and whether it was a "hit", a "miss" (made now) or "stale".

        The list of a recipe is kept beside the usual one, under `recipe_key`.

        Raises:
            UnavailableError: it could not be made and none is kept.
        """
        now_s = self._timer()
        with self._lock:
            kept = self._usable(member_id, now_s)
            if kept is not None and self._is_fresh(kept, run_id, send_key, now_s):
                return kept, "hit"
            # A member's sends may be on different runs, which have different lists, and may have begun at different times.
            wanted = (member_id, run_id, send_key)
            flight = self._flights.get(wanted)
            if flight is None:
                mine = self._flights[wanted] = _Flight()
        if flight is not None:
            return self._await_flight(flight, member_id, deadline, now_s)
        try:
            result = mine.result = make()
            with self._lock:
                self._keep(member_id, result)
        except UnavailableError:
            if kept is None:
                raise
            return kept, "stale"
        finally:
            with self._lock:
                del self._flights[wanted]
            mine.done.release()
        return result, "miss"

    def _await_flight(
        self, flight: _Flight, member_id: str, deadline: Deadline, now_s: float
    ) -> tuple[MemberList, str]:
        """Wait for the list that another call is making."""
        if flight.done.acquire(timeout=max(0.0, deadline.remaining_s())):
            flight.done.release()
        if flight.result is not None:
            return flight.result, "hit"
        with self._lock:
            kept = self._usable(member_id, now_s)
        if kept is None:
            raise UnavailableError("shared")
        return kept, "stale"

    def _keep(self, member_id: str, member_list: MemberList) -> None:
        self._kept[member_id] = member_list
        self._kept.move_to_end(member_id)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def _usable(self, member_id: str, now_s: float) -> MemberList | None:
        kept = self._kept.get(member_id)
        return kept if kept is not None and kept.made_s > now_s - self._stale_s else None

    def _is_fresh(self, member_list: MemberList, run_id: int, send_key: str, now_s: float) -> bool:
        return (
            member_list.made_s > now_s - self._fresh_s
            and member_list.run_id == run_id
            and member_list.send_key == send_key
        )

    def last_known(self, member_id: str) -> MemberList | None:
        """The list last read of a member, however stale; for an answer that reads nothing."""
        with self._lock:
            return self._usable(member_id, self._timer())

    def forget(self, hashes: AbstractSet[bytes]) -> None:
        """Drop the lists of members whose ids have these hashes."""
        with self._lock:
            kept = list(self._kept)
        for member_id in [one for one in kept if member_hash(one.partition(SEPARATOR)[0]) in hashes]:
            with self._lock:
                self._kept.pop(member_id, None)

    def __len__(self) -> int:
        """How many lists are kept."""
        return len(self._kept)

    def evict(self) -> None:
        """Drop the lists that are too old to use."""
        oldest_s = self._timer() - self._stale_s
        with self._lock:
            for member_id in [
                one for one, member_list in self._kept.items() if member_list.made_s <= oldest_s
            ]:
                del self._kept[member_id]
