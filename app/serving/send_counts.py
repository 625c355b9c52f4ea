"""Count the calls of each send, second by second, without a call noticing.

An answer's thread leaves a note in a queue, which is all it pays; the worker's scheduler makes counts of the notes and
adds them to Postgres every few seconds. Counts are for planning, answers are not: whatever goes wrong here costs
counts, within bounds, and is said.
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

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from app.serving.request import RequestOptions

NOT_COUNTED = ("loadtest", "preview")  # campaigns whose names begin so are nobody's send
PREVIEW = "preview"  # what previews of any campaign give for Braze's dispatch id
COUNT_EVERY_S = 2.0
FLUSH_EVERY_S = 2.0
MOST_NOTES = 100_000  # what 5,000 calls/s leave in 20 s: the scheduler is never away so long
MOST_ROWS = 20_000  # seconds of sends kept while Postgres is away: an hour of five sends at once
MOST_ROWS_AT_ONCE = 5_000
MOST_SENDS = 400  # of campaigns on record
MOST_UNKNOWN_SENDS = 100  # of names that are not on record: more are counted together
OTHERS = "~others"  # their name, which is no campaign's
MOST_SENDS_OF_ONE = (
    20  # of a campaign at once; with more, its dispatch id is one of a member and not of a send
)
FORGET_S = 3_600  # a send without calls for so long is over for this worker
SKETCH_EVERY = 5  # flushes
FINISH_WAIT_S = 1.0
_log = logging.getLogger("connected_jobs.counting")

Note: TypeAlias = "tuple[RequestOptions, str, datetime, str | None]"  # options, member, when, why degraded


@dataclass(frozen=True, slots=True)
class SecondCount:
    """Calls of a send in one second, as this worker saw it; `second` is Unix time."""

    campaign: str
    send: str
    second: int
    calls: int
    degraded: int


@dataclass(frozen=True, slots=True)
class SketchPart:
    """The members of a send that one worker saw; `part` tells it from other workers' and from its own earlier ones."""

    campaign: str
    send: str
    part: str
    sketch: bytes


@dataclass(frozen=True, slots=True)
class CountBatch:
    """What a worker adds at once: its `number` is one more than that of the batch before."""

    worker: str
    number: int
    seconds: Sequence[SecondCount]
    sketches: Sequence[SketchPart]


class CountsStore(Protocol):
    """Where counts are added up; may raise `UnavailableError`."""

    def add(self, batch: CountBatch) -> None:
        """Add a batch, unless it is in already; a sketch takes the place of the same part's earlier one."""


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
    """Counts of one worker.

    `note` takes a note in well under a microsecond; `count` and `flush` are the scheduler's. A batch whose end is
    not known is sent again as it was, so nothing is added twice.

    Args:
        store: Where counts are added up.
        on_lost: Told how many calls could not be counted, 0 where their number is not known.
        most_notes: How many notes wait; the oldest go when there are more.
        most_rows: How many seconds of sends are kept while the store is away; later ones are lost.
        new_id: Names this worker, at its first flush, which is after the fork.
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
        self._dated_campaigns: set[str] = set()  # campaigns with more sends at once than a campaign has
        self._on_record: frozenset[str] = frozenset()
        self._rows = 0
        self._worker = ""
        self._parts = count(1)
        self._flushes = 0
        self._batches = 0
        self._pending: CountBatch | None = None
        self._lock = Lock()

    def set_on_record(self, on_record: Collection[str]) -> None:
        """Set which campaigns are on record: names that nobody put there never take their room."""
        self._on_record = frozenset(on_record)

    @property
    def waiting(self) -> int:
        """Seconds of sends that are not in the store yet."""
        return self._rows + (len(self._pending.seconds) if self._pending else 0)

    def count(self) -> None:
        """Make counts of the notes there are."""
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
        """Begin a send; the day stands in for it where a campaign has a send for every member.

        Names that are not on record have little room: a template that writes the member into the name makes as many
        as there are members. Those without room are counted together.
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
        """Add to the store what was counted since; raises `UnavailableError`, and what was counted is kept."""
        with self._lock:
            self._flushes += 1
            self._send_batches(sketches=self._flushes % SKETCH_EVERY == 0)
            self._forget()

    def finish(self) -> None:
        """Count and add all there is, before the worker ends, unless that would hold it up.

        Raises:
            UnavailableError: the store is away, or the scheduler has been waiting for it: what is left is lost.
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
        """What is to be added next, taken out of the counts; None for nothing."""
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
        """Let go of sends that are over and wholly in the store."""
        newest_s = max((send.last_s for send in self._sends.values()), default=0)
        self._sends = {
            key: send
            for key, send in self._sends.items()
            if send.changed or send.seconds or send.last_s > newest_s - FORGET_S
        }
        self._dated_campaigns &= {campaign for campaign, _ in self._sends}
