"""A sync of rows: one thread compares, a few send, and each acknowledged request is recorded before the next."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from app.sync.courier import Courier, Manner, RunHaltedError, RunPausedError, RunStoppedError
from app.sync.delta import ChangedRow, ClearedRow, DeltaCounts, DeltaRules, KnownRows, RefusedRow, differences
from app.sync.packing import Packer
from app.sync.report import Foresight, SyncExample, SyncPlan, SyncReport
from app.sync.spool import Spool
from app.sync.values import check_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.sync.definition import SyncDefinition
    from app.sync.delta import Difference
    from app.sync.door import Door
    from app.sync.ledger import Ledger, SettledBatch, SourceRows
    from app.sync.pacing import Pacer
    from app.sync.report import RunProgress

EXAMPLES: Final = 10
_NOTED: Final = 500  # refused rows recorded at once
_TICK_S: Final = 0.2


class RowsRun:
    """One run of a sync of attributes, or of a catalog's items.

    Args:
        definition: The sync.
        door: Its destination.
        source: The query's rows.
        ledger: What is known of the destination.
        again: Send rows that were refused before, though they say the same.
        everything: Send all values, also those that were acknowledged.
    """

    def __init__(
        self,
        definition: SyncDefinition,
        door: Door[ChangedRow],
        source: SourceRows,
        ledger: Ledger,
        *,
        again: bool = False,
        everything: bool = False,
    ) -> None:
        self.report = SyncReport()
        self._everything = everything
        self._definition = definition
        self._door = door
        self._source = source
        self._ledger = ledger
        self._again = again
        self._lock = threading.Lock()
        self._failures: list[BaseException] = []

    def _differences(self, counts: DeltaCounts) -> Iterator[Difference]:
        definition = self._definition
        columns = self._source.columns()
        check_columns(columns, [definition.member], member=definition.member)
        self._door.check_columns([one for one in columns if one.name != definition.member])
        rules = DeltaRules(
            kinds={column.name: column.kind for column in columns},
            null=definition.null,
            check=self._door.problem,
            whole=definition.kind == "catalog",
            remove_gone=definition.kind == "catalog",
            again=self._again,
            is_erased=self._ledger.is_erased,
        )
        with self._source.rows(definition.member) as rows, self._ledger.known() as known:
            believed = KnownRows(iter(()), known.refused) if self._everything else known
            yield from differences(rows, believed, rules, counts)

    def plan(self, pacer: Pacer) -> SyncPlan:
        """What a run would do now; nothing is sent or recorded.

        Raises:
            SyncError: the query or its rows cannot be sent at all.
        """
        counts, requests = DeltaCounts(), 0
        examples: list[SyncExample] = []
        refused: list[tuple[str, str]] = []
        packers: dict[str, Packer[ChangedRow]] = {}
        for one in self._differences(counts):
            if isinstance(one, RefusedRow) and len(refused) < EXAMPLES:
                refused.append((one.key, one.sentence))
            if isinstance(one, ChangedRow):
                if len(examples) < EXAMPLES:
                    examples.append(SyncExample(key=one.key, values=one.values, before=one.before))
                requests += self._packer(packers, one).add(one) is not None
        requests += sum(bool(packer.rest()) for packer in packers.values())
        billed = self._door.limits.billed
        return SyncPlan(
            compared=counts,
            requests=requests,
            seconds=seconds_for(requests, pacer),
            billed={billed: counts.values} if billed else {},
            examples=examples,
            refused=refused,
        )

    def changed(self) -> Iterator[ChangedRow]:
        """What changed, for a file; rows that are refused are recorded on the way.

        Raises:
            SyncError: the query or its rows cannot be sent at all.
        """
        for one in self._differences(self.report.compared):
            if isinstance(one, ChangedRow):
                yield one
            else:
                self._ledger.note([one])

    def run(self, pacer: Pacer, manner: Manner, watch: Callable[[RunProgress], None]) -> SyncReport:
        """Send what changed.

        Args:
            pacer: The destination's budget.
            manner: How.
            watch: Told now and then how far it is; raises `RunHaltedError` where the run is to end after the requests under way.

        Raises:
            SyncError: the query or its rows cannot be sent at all; what was acknowledged before is recorded.
        """
        courier: Courier[ChangedRow] = Courier(self._door, pacer, manner)
        self.report.http = courier.counts
        spool: Spool[ChangedRow] = Spool(ChangedRow)
        compared = threading.Event()
        threads = [threading.Thread(target=self._guarded, args=(self._compare, courier, spool, compared))]
        threads += [
            threading.Thread(target=self._guarded, args=(self._send, courier, spool, compared))
            for _ in range(self._definition.limits.connections)
        ]
        foresight = Foresight(pacer, objects=self._door.limits.objects, clock=manner.clock)
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                threads[-1].join(_TICK_S)
                compares = self.report.compared
                total = compares.changed + compares.gone if compared.is_set() else None
                watch(foresight.at(self.report.taken + self.report.refused, total))
        except RunHaltedError as halted:
            self._failures.insert(0, halted)
        finally:
            courier.stopping.set()
            spool.finish()
            for thread in threads:
                thread.join()
            spool.close()
        return self._ended()

    def _guarded(
        self,
        work: Callable[[Courier[ChangedRow], Spool[ChangedRow], threading.Event], None],
        courier: Courier[ChangedRow],
        spool: Spool[ChangedRow],
        compared: threading.Event,
    ) -> None:
        try:
            work(courier, spool, compared)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            with self._lock:
                self._failures.append(error)
            courier.stopping.set()
            spool.finish()

    def _compare(
        self, courier: Courier[ChangedRow], spool: Spool[ChangedRow], compared: threading.Event
    ) -> None:
        packers: dict[str, Packer[ChangedRow]] = {}
        notes: list[RefusedRow | ClearedRow] = []
        for one in self._differences(self.report.compared):
            if courier.stopping.is_set():
                break
            if isinstance(one, ChangedRow):
                if full := self._packer(packers, one).add(one):
                    spool.put(full)
                continue
            notes.append(one)
            if len(notes) >= _NOTED:
                self._ledger.note(notes)
                notes.clear()
        self._ledger.note(notes)
        for packer in packers.values():
            if rest := packer.rest():
                spool.put(rest)
        compared.set()
        spool.finish()

    def _packer(self, packers: dict[str, Packer[ChangedRow]], one: ChangedRow) -> Packer[ChangedRow]:
        lane = self._door.lane(one)
        if lane not in packers:
            limits = self._door.limits
            packers[lane] = Packer(most=limits.objects, most_bytes=limits.most_bytes, size=self._door.size)
        return packers[lane]

    def _send(
        self, courier: Courier[ChangedRow], spool: Spool[ChangedRow], _compared: threading.Event
    ) -> None:
        while not courier.stopping.is_set() and (batch := spool.take()) is not None:
            self._ledger.intend(batch)
            for settled in courier.deliver(batch):
                self._ledger.settle(settled)
                self._count(settled)

    def _count(self, settled: SettledBatch[ChangedRow]) -> None:
        with self._lock:
            self.report.count_taken(one.values for one in settled.taken)
            self.report.refused += len(settled.refused)

    def _ended(self) -> SyncReport:
        return ended(self.report, self._failures)


def ended(report: SyncReport, failures: list[BaseException]) -> SyncReport:
    """A report with how its run ended; what is no end of a run is raised."""
    report.state = "done"
    for error in failures:
        if isinstance(error, RunPausedError):
            report.state, report.paused_until, report.sentence = "paused", error.until, error.sentence
        elif not isinstance(error, (RunStoppedError, RunHaltedError)):
            raise error
    for error in failures:
        if isinstance(error, RunHaltedError):
            report.state, report.paused_until, report.sentence = "paused", None, str(error)
    stops = [str(error) for error in failures if isinstance(error, RunStoppedError)]
    if stops and report.state != "paused":
        report.state, report.sentence = "stopped", stops[0]
    return report


def seconds_for(requests: int, pacer: Pacer) -> float:
    """How long so many requests take at a pacer's full pace, its hourly pauses included."""
    within = requests if pacer.hourly is None else requests % pacer.hourly
    hours = 0 if pacer.hourly is None else requests // pacer.hourly
    return hours * 3600.0 + within / pacer.full_per_s
