"""Counts the calls of each send by the second, without delaying a call.

A call only appends a note to a queue. The worker's scheduler turns notes into counts and adds these to Postgres every few
seconds. Counts serve planning only: a failure here loses counts, within bounds, is logged, and never touches an answer.
"""

from __future__ import annotations

import logging
import uuid
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeAlias

from app.board.veto import board_day
from app.runtime.errors import UnavailableError
from app.serving.distinct_members import DistinctMembers
from app.serving.sends import PREVIEW

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from app.serving.request import RequestOptions

NOT_COUNTED = ("loadtest", "preview")  # prefixes of campaigns that are not counted
COUNT_EVERY_S = 2.0
FLUSH_EVERY_S = 2.0
MOST_NOTES = 100_000  # 20 s of 5,000 calls/s; the scheduler never takes so long
MOST_ROWS = 20_000  # counted seconds kept while Postgres is away: an hour of five sends
MOST_ROWS_AT_ONCE = 5_000
MOST_SENDS = 400  # of campaigns on record, at once
MOST_UNKNOWN_SENDS = 100  # of campaigns not on record; more are counted together
OTHERS = "~others"  # the name they are counted under; no campaign has it
MOST_SENDS_OF_ONE = 20  # of a campaign at once; with more, its dispatch id must name members and not sends
FORGET_S = 3_600  # after so long without calls a worker forgets a send
SKETCH_EVERY = 5  # flushes between two writes of sketches
FINISH_WAIT_S = 1.0
_log = logging.getLogger("connected_jobs.counting")

Note: TypeAlias = "tuple[RequestOptions, str, datetime, str | None]"  # options, member, when, why degraded


@dataclass(frozen=True, slots=True)
class SecondCount:
    """The calls of a send in one second that this worker counted; `second` is Unix time."""

    campaign: str
    send: str
    second: int
    calls: int
    degraded: int


@dataclass(frozen=True, slots=True)
class SketchPart:
    """A sketch of the members of a send that one worker saw; `part` is unique to the worker and the time it kept the send."""

    campaign: str
    send: str
    part: str
    sketch: bytes


@dataclass(frozen=True, slots=True)
class CountBatch:
    """What a worker adds in one transaction; `number` counts its batches, so that none is added twice."""

    worker: str
    number: int
    seconds: Sequence[SecondCount]
    sketches: Sequence[SketchPart]


class CountsStore(Protocol):
    """Adds counts up; may raise `UnavailableError`."""

    def add(self, batch: CountBatch) -> None:
        """Add a batch, unless it was added before; a sketch replaces the earlier one of the same part."""


@dataclass(slots=True)
class _CountedSend:
    campaign: str
    send: str
    part: str
    last_s: int
    members_seen: set[str] = field(default_factory=set)
    members: DistinctMembers = field(default_factory=DistinctMembers)
    seconds: dict[int, list[int]] = field(default_factory=dict)
    changed: bool = False


class SendCounter:
    """Counts the calls that one worker answers.

    Calls use `note`, which takes well under a microsecond; the scheduler calls `count` and `flush`. A batch whose commit is
    not known to have succeeded is sent again unchanged, and the store adds it once.

    Args:
        store: Adds counts up.
        on_lost: Called with how many calls could not be counted, 0 where the number is unknown.
        most_notes: The most notes in the queue; the oldest are dropped.
        most_rows: The most counted seconds kept while the store is away; later ones are lost.
        new_id: Makes this worker's id, at its first flush, which is after the fork.
    """

    def __init__(
        self,
        store: CountsStore,
        *,
        on_lost: Callable[[int], None] = lambda _calls: None,
        most_notes: int = MOST_NOTES,
        most_rows: int = MOST_ROWS,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._store = store
        self._on_lost = on_lost
        self._most_rows = most_rows
        self._new_id = new_id
        self._notes: deque[Note] = deque(maxlen=most_notes)
        self.note: Callable[[Note], None] = self._notes.append
        self._sends: dict[tuple[str, str], _CountedSend] = {}
        self._dated_campaigns: set[str] = set()  # campaigns with too many sends at once, counted by day
        self._on_record: frozenset[str] = frozenset()
        self._rows = 0
        self._worker = ""
        self._parts = count(1)
        self._flushes = 0
        self._batches = 0
        self._pending: CountBatch | None = None
        self._lock = Lock()

    def set_on_record(self, on_record: Collection[str]) -> None:
        """Set which campaigns are on record; other names never take up their room."""
        self._on_record = frozenset(on_record)

    @property
    def waiting(self) -> int:
        """How many counted seconds are not in the store yet."""
        return self._rows + (len(self._pending.seconds) if self._pending else 0)

    def count(self) -> None:
        """Turn the notes in the queue into counts."""
        with self._lock:
            self._count()

    def _count(self) -> None:
        notes, lost = self._notes, 0
        if len(notes) == notes.maxlen:
            _log.warning(
                "over %d calls came before the scheduler came round: the oldest are not counted", len(notes)
            )
            self._on_lost(0)
        for _ in range(len(notes)):
            options, member_id, now, degraded = notes.popleft()
            if options.send != PREVIEW and not options.campaign.startswith(NOT_COUNTED):
                lost += not self._add(options, member_id, now, degraded is not None)
        for send in self._sends.values():
            send.members.add(send.members_seen)
            send.members_seen.clear()
        if lost:
            _log.warning(
                "%d calls are not counted: Postgres has been away for too long, or there are too many sends",
                lost,
            )
            self._on_lost(lost)

    def _add(self, options: RequestOptions, member_id: str, now: datetime, degraded: bool) -> bool:  # noqa: FBT001 - one caller
        """Count a call; false where there is no room."""
        second = int(now.timestamp())
        send = self._sends.get((options.campaign, options.send)) or self._new_send(options, now)
        if send is None:
            return False
        calls_and_degraded = send.seconds.get(second)
        if calls_and_degraded is None:
            room = self._most_rows if self._is_known(send.campaign) else self._most_rows // 2
            if self.waiting >= room:
                return False
            calls_and_degraded = send.seconds[second] = [0, 0]
            self._rows += 1
        calls_and_degraded[0] += 1
        calls_and_degraded[1] += degraded
        send.members_seen.add(member_id)
        send.last_s, send.changed = max(send.last_s, second), True
        return True

    def _new_send(self, options: RequestOptions, now: datetime) -> _CountedSend | None:
        """Begin to count a send; a campaign with too many sends at once is counted by day.

        Campaigns not on record have little room, because a template that writes the member into the campaign's name makes
        as many names as members. Those without room are counted together; None where one on record has no room.
        """
        campaign, name = options.campaign, options.send
        if campaign not in self._dated_campaigns and self._sends_of(campaign) >= MOST_SENDS_OF_ONE:
            self._dated_campaigns.add(campaign)
        if campaign in self._dated_campaigns:
            name = board_day(now).isoformat()
        key = (campaign, name)
        if key not in self._sends and not self._has_room(campaign):
            if campaign in self._on_record:
                return None
            key = (OTHERS, board_day(now).isoformat())
        if key not in self._sends:
            self._sends[key] = _CountedSend(*key, str(next(self._parts)), int(now.timestamp()))
        return self._sends[key]

    def _is_known(self, campaign: str) -> bool:
        return campaign in self._on_record or not self._on_record

    def _has_room(self, campaign: str) -> bool:
        if campaign in self._on_record:
            return sum(other in self._on_record for other, _ in self._sends) < MOST_SENDS
        return sum(other not in self._on_record for other, _ in self._sends) < MOST_UNKNOWN_SENDS

    def _sends_of(self, campaign: str) -> int:
        return sum(1 for other, _ in self._sends if other == campaign)

    def flush(self) -> None:
        """Add new counts to the store; raises `UnavailableError`, and the counts are kept."""
        with self._lock:
            self._flushes += 1
            self._send_batches(sketches=self._flushes % SKETCH_EVERY == 0)
            self._forget()

    def finish(self) -> None:
        """Count and add everything before the worker ends.

        Raises:
            UnavailableError: the store is away, or the scheduler still waits for it; the remaining counts are lost.
        """
        if not self._lock.acquire(timeout=FINISH_WAIT_S):
            raise UnavailableError("pool")
        try:
            self._count()
            self._send_batches(sketches=True)
        finally:
            self._lock.release()

    def _send_batches(self, *, sketches: bool) -> None:
        while (batch := self._pending or self._batch(sketches=sketches)) is not None:
            self._pending = batch
            self._store.add(batch)
            self._pending = None

    def _batch(self, *, sketches: bool) -> CountBatch | None:
        """Take the next batch out of the counts; None where there is nothing to add."""
        seconds = self._take_seconds()
        parts = self._take_sketches() if sketches else []
        if not seconds and not parts:
            return None
        self._worker = self._worker or self._new_id()
        self._batches += 1
        parts = [replace(part, part=f"{self._worker}-{part.part}") for part in parts]
        return CountBatch(self._worker, self._batches, seconds, parts)

    def _take_seconds(self) -> list[SecondCount]:
        taken: list[SecondCount] = []
        for send in self._sends.values():
            while send.seconds and len(taken) < MOST_ROWS_AT_ONCE:
                second, (calls, degraded) = send.seconds.popitem()
                taken.append(SecondCount(send.campaign, send.send, second, calls, degraded))
        self._rows -= len(taken)
        return taken

    def _take_sketches(self) -> list[SketchPart]:
        changed = [send for send in self._sends.values() if send.changed]
        for send in changed:
            send.changed = False
        return [SketchPart(one.campaign, one.send, one.part, one.members.pack()) for one in changed]

    def _forget(self) -> None:
        """Forget sends that are over and completely in the store."""
        newest_s = max((send.last_s for send in self._sends.values()), default=0)
        self._sends = {
            key: send
            for key, send in self._sends.items()
            if send.changed or send.seconds or send.last_s > newest_s - FORGET_S
        }
        self._dated_campaigns &= {campaign for campaign, _ in self._sends}
