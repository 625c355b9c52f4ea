"""A sync's engine on a real Postgres and the double over HTTP, by a clock that only waiting moves; killed where a test says."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg

from app.cli.loop.doors import open_door
from app.postgres.syncs.ledger import PostgresLedger
from app.postgres.syncs.runs import end_run, hold_destination, start_run, sync_engine
from app.postgres.syncs.source import PostgresSource
from app.settings import Settings
from app.sync.courier import Manner
from app.sync.definition import read_definition
from app.sync.events_run import EventsRun
from app.sync.pacing import Pacer
from app.sync.rows_run import RowsRun
from tests.doubles import airbridge, amplitude
from tests.doubles.braze_rest.server import KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.runtime.outgoing import HttpAnswer
    from app.sync.report import SyncReport
    from tests.doubles.braze_rest.server import BrazeRest


class KilledError(BaseException):
    """As if the process had ended: nothing of ours cleans up after it."""


class Clock:
    """Seconds that pass only where somebody waits."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


class KilledDoor:
    """A door whose process ends at some of its requests: `before` it left, or `after` its answer came."""

    def __init__(self, door: Any, kills: list[str]) -> None:
        self._door, self.kills = door, kills

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door, name)

    def send(self, batch: Sequence[Any]) -> HttpAnswer:
        kill = self.kills.pop(0) if self.kills else ""
        if kill == "before":
            raise KilledError
        answer: HttpAnswer = self._door.send(batch)
        if kill == "after":
            raise KilledError
        return answer


class RigOfSyncs:
    """One database, and the keys of every destination."""

    settings = Settings(
        braze_key=KEY,
        braze_private=True,
        airbridge_token=airbridge.TOKEN,
        airbridge_private=True,
        amplitude_key=amplitude.KEY,
        amplitude_private=True,
    )

    def __init__(self, url: str, clock: Clock) -> None:
        self.url, self.clock = url, clock
        self.engine = sync_engine(url, connections=4, through_pgbouncer=False)

    def sql(self, statement: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def run(self, text: str, *, kills: list[str] | None = None, again: bool = False) -> SyncReport | None:
        """Run a sync once; None where it was killed."""
        definition = read_definition(text.encode(), stem="rig")
        events = definition.kind == "events"
        door: Any = KilledDoor(open_door(definition, self.settings), kills if kills is not None else [])
        source = PostgresSource(self.engine, definition.query, timeout_s=60)
        manner = Manner(repeat_unknown=not events, clock=self.clock, sleep=self.clock.sleep)
        with hold_destination(self.engine, door.identity) as (number, _):
            run_id = start_run(self.engine, definition, destination_id=number, names=["x"])
            ledger = PostgresLedger(
                self.engine,
                definition,
                destination_id=number,
                run_id=run_id,
                passing=door.limits.passing,
            )
            work: RowsRun | EventsRun
            if events:
                work = EventsRun(definition, door, source, ledger, again=again)
            else:
                work = RowsRun(definition, door, source, ledger, again=again)
            pacer = Pacer(definition.limits, requests=door.limits.requests)
            try:
                report = work.run(pacer, manner, lambda _share: None)
                end_run(self.engine, run_id, report)
            except KilledError:
                report = None
        return report


class SyncRig(RigOfSyncs):
    """One database and one workspace of Braze."""

    def __init__(self, url: str, braze: BrazeRest, clock: Clock) -> None:
        super().__init__(url, clock)
        self.braze = braze

    def run(self, text: str, *, kills: list[str] | None = None, again: bool = False) -> SyncReport | None:
        """Run a sync once, after which Braze applies what it took; None where it was killed."""
        report = super().run(text, kills=kills, again=again)
        self.braze.settle()
        return report
