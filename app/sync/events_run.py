"""A sync of events: into the outbox once, marked before they leave, and never twice but where the definition says so."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from app.sync.courier import TRIES, Courier, Manner, RunHaltedError, RunPausedError, RunStoppedError
from app.sync.delta import ClearedRow, DeltaCounts, RefusedRow
from app.sync.door import OutboxEvent
from app.sync.ledger import SettledBatch
from app.sync.packing import Packer
from app.sync.report import Foresight, RunProgress, SyncExample, SyncPlan, SyncReport
from app.sync.rows_run import EXAMPLES, ended, seconds_for
from app.sync.values import EPOCH, MOST_KEY, BadRowValueError, check_columns, row_digest, values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from app.sync.definition import SyncDefinition
    from app.sync.door import Door
    from app.sync.ledger import Ledger, SourceRows
    from app.sync.pacing import Pacer
    from app.sync.values import ColumnKind

_CHUNK: Final = 1_000
_TICK_S: Final = 0.2


class EventsRun:
    """One run of a sync of events.

    Args:
        definition: The sync.
        door: Its destination.
        source: The query's rows.
        ledger: The outbox.
        again: Send events that the destination refused before, as the query gives them now.
    """

    def __init__(
        self,
        definition: SyncDefinition,
        door: Door[OutboxEvent],
        source: SourceRows,
        ledger: Ledger,
        *,
        again: bool = False,
    ) -> None:
        self.report = SyncReport()
        self._again = again
        self._definition = definition
        self._door = door
        self._source = source
        self._ledger = ledger
        self._lock = threading.Lock()
        self._failures: list[BaseException] = []
        self._unknown_in_turn = 0

    def plan(self, pacer: Pacer, clock: Callable[[], float] = time.time) -> SyncPlan:
        """What a run would do now; nothing is sent or recorded.

        Raises:
            SyncError: the query or its rows cannot be sent at all.
        """
        counts, refused = DeltaCounts(), list[tuple[str, str]]()
        examples: list[SyncExample] = []
        for events, bad in self._new_events(counts, clock()):
            refused += [(one.key, one.sentence) for one in bad[: EXAMPLES - len(refused)]]
            examples += [
                SyncExample(key=one.key, values={"member": one.member, **self._shown(one)}, before={})
                for one in events[: EXAMPLES - len(examples)]
            ]
        sent, billed = counts.changed + self._ledger.waiting(), self._door.limits.billed
        requests = -(-sent // self._door.limits.objects)
        return SyncPlan(
            compared=counts,
            requests=requests,
            seconds=seconds_for(requests, pacer),
            billed={billed: sent} if billed else {},
            examples=examples,
            refused=refused,
        )

    def run(self, pacer: Pacer, manner: Manner, watch: Callable[[RunProgress], None]) -> SyncReport:
        """Put the query's new events into the outbox, and send what waits there.

        Args:
            pacer: The destination's budget.
            manner: How; `repeat_unknown` of it is off.
            watch: As of a run of rows.

        Raises:
            SyncError: the query or its rows cannot be sent at all.
        """
        courier: Courier[OutboxEvent] = Courier(self._door, pacer, manner)
        self.report.http = courier.counts
        _, self.report.unknown = self._ledger.recover()
        foresight = Foresight(pacer, objects=self._door.limits.objects, clock=manner.clock)
        threads = [
            threading.Thread(target=self._guarded, args=(courier, manner))
            for _ in range(self._definition.limits.connections)
        ]
        try:
            self._enqueue(manner.clock(), watch)
            total = self._ledger.waiting()
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                threads[-1].join(_TICK_S)
                watch(foresight.at(self.report.taken + self.report.refused, total))
        except RunHaltedError as halted:
            self._failures.insert(0, halted)
        finally:
            courier.stopping.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        return ended(self.report, self._failures)

    def _enqueue(self, now: float, watch: Callable[[RunProgress], None]) -> None:
        for events, bad in self._new_events(self.report.compared, now):
            watch(RunProgress())
            self._ledger.note([*bad, *(ClearedRow(one.key) for one in events)])
            self._ledger.enqueue(events)
        self._ledger.clear_others()

    def _shown(self, one: OutboxEvent) -> dict[str, Any]:
        """An event's properties, for a person to see."""
        passing = self._door.limits.passing
        return {name: "…" if name in passing else value for name, value in one.properties.items()}

    def _new_events(
        self, counts: DeltaCounts, now: float
    ) -> Iterator[tuple[list[OutboxEvent], list[RefusedRow]]]:
        """The query's events that were not in the outbox, in chunks, and those that cannot be sent."""
        definition = self._definition
        columns = self._source.columns()
        needed = [definition.key, definition.member, definition.time]
        check_columns(columns, needed, member=definition.member, alone=True)
        self._door.check_columns([one for one in columns if one.name not in needed])
        kinds = {column.name: column.kind for column in columns}
        chunk: list[tuple[str, str]] = []
        with self._source.rows(definition.key) as rows:
            for row in rows:
                chunk.append(row)
                if len(chunk) == _CHUNK:
                    yield self._checked(chunk, kinds, counts, now)
                    chunk = []
        yield self._checked(chunk, kinds, counts, now)

    def _checked(
        self,
        chunk: Sequence[tuple[str, str]],
        kinds: Mapping[str, ColumnKind],
        counts: DeltaCounts,
        now: float,
    ) -> tuple[list[OutboxEvent], list[RefusedRow]]:
        queued = self._ledger.queued([key for key, _ in chunk], again=self._again)
        counts.members += len(chunk)
        events: dict[str, OutboxEvent] = {}
        refused: list[RefusedRow] = []
        for key, text in chunk:
            if key in queued or key in events:
                counts.unchanged += 1
                continue
            found = self._event(key, text, kinds)
            if isinstance(found, OutboxEvent) and (late := self._late(found, now)):
                found = RefusedRow(key, row_digest(text), late, found.member)
            if isinstance(found, RefusedRow):
                refused.append(found)
            elif found is not None:
                events[key] = found
                counts.values += len(found.properties)
        counts.changed += len(events)
        counts.refused += len(refused)
        return list(events.values()), refused

    def _event(self, key: str, text: str, kinds: Mapping[str, ColumnKind]) -> OutboxEvent | RefusedRow | None:
        """An event out of a row, or what is wrong with it; None where its member was erased here."""
        digest, member = row_digest(text), None
        if not key:
            return RefusedRow(key, digest, f"{self._definition.key} is empty: by it an event is sent once.")
        try:
            values = values_of(text, kinds)
            member = _member_of(values.pop(self._definition.member), self._definition.member)
            time = _time_of(values.pop(self._definition.time), self._definition.time, kinds)
        except BadRowValueError as error:
            return RefusedRow(key, digest, str(error), member)
        if self._ledger.is_erased(
            member
        ):  # not refused either: a list of refused rows would be a trace of them
            return None
        properties: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
        if (problem := self._door.problem(member, properties)) is not None:
            return RefusedRow(key, digest, problem, member)
        return OutboxEvent(key, member, time, properties)

    def _guarded(self, courier: Courier[OutboxEvent], manner: Manner) -> None:
        try:
            while not courier.stopping.is_set() and (
                claimed := self._ledger.claim(self._door.limits.objects)
            ):
                self._send(courier, manner, claimed)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            with self._lock:
                self._failures.append(error)
            courier.stopping.set()

    def _send(self, courier: Courier[OutboxEvent], manner: Manner, claimed: Sequence[OutboxEvent]) -> None:
        left = {one.key: one for one in claimed}
        try:
            self._refuse_late(manner, left)
            for batch in self._packed(list(left.values())):
                for settled in courier.deliver(batch):
                    self._settle(settled, left)
                    if settled.unknown:
                        (manner.sleep or courier.stopping.wait)(min(2.0 ** (self._unknown_in_turn - 1), 16.0))
        except (RunStoppedError, RunPausedError):  # what is left did not leave
            self._ledger.unclaim(list(left.values()))
            raise

    def _packed(self, events: Sequence[OutboxEvent]) -> Iterator[list[OutboxEvent]]:
        limits = self._door.limits
        packer = Packer[OutboxEvent](most=limits.objects, most_bytes=limits.most_bytes, size=self._door.size)
        for one in events:
            if full := packer.add(one):
                yield full
        if rest := packer.rest():
            yield rest

    def _refuse_late(self, manner: Manner, left: dict[str, OutboxEvent]) -> None:
        """Refuse events that the destination would not take any more for their age."""
        now = manner.clock()
        late = [(one, why) for one in left.values() if (why := self._late(one, now))]
        if late:
            self._count(SettledBatch(None, refused=late), left)

    def _late(self, one: OutboxEvent, now: float) -> str | None:
        return self._door.limits.too_late(one.time, now, self._door.who)

    def _settle(self, settled: SettledBatch[OutboxEvent], left: dict[str, OutboxEvent]) -> None:
        self._count(settled, left)
        with self._lock:
            self._unknown_in_turn = self._unknown_in_turn + 1 if settled.unknown else 0
            in_turn = self._unknown_in_turn
        if in_turn >= TRIES:
            raise RunStoppedError(
                f"{self._door.who} has left {in_turn} requests in turn without an answer to rely on. Run it again later."
            )

    def _count(self, settled: SettledBatch[OutboxEvent], left: dict[str, OutboxEvent]) -> None:
        self._ledger.settle_events(settled)
        with self._lock:
            self.report.count_taken(one.properties for one in settled.taken)
            self.report.refused += len(settled.refused)
            if self._definition.delivery == "at_most_once":
                self.report.unknown += len(settled.unknown)
        for one in (*settled.taken, *(one for one, _ in settled.refused), *settled.unknown):
            left.pop(one.key, None)


def _member_of(found: Any, name: str) -> str:
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if not isinstance(found, str) or not found:
        raise BadRowValueError(f"{name} is no text: an event needs its member's id.")
    if len(found.encode()) > MOST_KEY:
        raise BadRowValueError(f"The member's id has more than {MOST_KEY:,} bytes.")
    return found


def _time_of(found: Any, name: str, kinds: Mapping[str, ColumnKind]) -> str:
    if not isinstance(found, str) or kinds[name] != "instant":
        raise BadRowValueError(f"{name} is no instant: an event needs its time, as timestamptz.")
    if datetime.fromisoformat(found) < EPOCH:
        raise BadRowValueError(f"{name}: {found} is before 1970: an event needs the time when it happened.")
    return found
