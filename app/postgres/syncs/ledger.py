"""What a destination acknowledged and refused, and the outbox: each request's outcome is one transaction."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.postgres.engines import driver_of
from app.serving.erasures import member_hash
from app.sync.delta import ChangedRow, ClearedRow, KnownRows, RefusedRow
from app.sync.door import OutboxEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import psycopg
    from sqlalchemy import Engine

    from app.sync.definition import SyncDefinition
    from app.sync.ledger import SettledBatch

AT_ONCE: Final = 5_000  # rows fetched
_KNOWN = """
    SELECT member_id, sent::text FROM connected_jobs.attribute_sent WHERE destination_id = %(destination)s
    ORDER BY {order}
"""
_REFUSED = "SELECT key, row_digest FROM connected_jobs.sync_reject WHERE sync = %(sync)s ORDER BY {order}"
_BATCH = """
    INSERT INTO connected_jobs.sync_batch (run_id, status, taken, refused, unknown, sent_values)
    VALUES (%s, %s, %s, %s, %s, %s)
    RETURNING id
"""
_MERGE = """
    INSERT INTO connected_jobs.attribute_sent AS a (destination_id, member_id, sent, batches, before)
    SELECT %(destination)s, t.member_id, t.sent::jsonb, t.batches::jsonb, t.before::jsonb
    FROM unnest(%(keys)s::text[], %(sent)s::text[], %(batches)s::text[], %(before)s::text[])
         AS t (member_id, sent, batches, before)
    ON CONFLICT (destination_id, member_id) DO UPDATE SET
        sent = a.sent || excluded.sent, batches = a.batches || excluded.batches, before = a.before || excluded.before
"""
_REPLACE = _MERGE.replace(
    "sent = a.sent || excluded.sent, batches = a.batches || excluded.batches, before = a.before || excluded.before",
    "sent = excluded.sent, batches = excluded.batches, before = excluded.before",
)
# A run fills tables and reads them before Postgres has counted their rows, and is planned as if there were one. What changes some of
# them names their keys, else all would be read for each batch.
_INTEND = """
    UPDATE connected_jobs.attribute_sent AS a
    SET sent = a.sent - ARRAY(SELECT jsonb_array_elements_text(t.names::jsonb))
    FROM unnest(%(keys)s::text[], %(names)s::text[]) AS t (member_id, names)
    WHERE a.destination_id = %(destination)s AND a.member_id = t.member_id
      AND a.member_id = ANY (%(keys)s::text[])
"""
_INTEND_WHOLE = """
    INSERT INTO connected_jobs.attribute_sent (destination_id, member_id, sent, batches, before)
    SELECT %(destination)s, t.member_id, 'null', '{}', '{}'
    FROM unnest(%(keys)s::text[]) AS t (member_id)
    ON CONFLICT (destination_id, member_id) DO UPDATE SET sent = 'null'
"""
_RESTORE = """
    UPDATE connected_jobs.attribute_sent AS a
    SET sent = a.sent || t.before::jsonb
    FROM unnest(%(keys)s::text[], %(before)s::text[]) AS t (member_id, before)
    WHERE a.destination_id = %(destination)s AND a.member_id = t.member_id
      AND a.member_id = ANY (%(keys)s::text[])
"""
_FORGET = (
    "DELETE FROM connected_jobs.attribute_sent WHERE destination_id = %s AND member_id = ANY (%s::text[])"
)
_REJECT = """
    INSERT INTO connected_jobs.sync_reject AS r (sync, key, member_id, row_digest, sentence, run_id)
    SELECT %(sync)s, t.key, t.member_id, t.row_digest, t.sentence, %(run)s
    FROM unnest(%(keys)s::text[], %(members)s::text[], %(digests)s::bytea[], %(sentences)s::text[])
         AS t (key, member_id, row_digest, sentence)
    ON CONFLICT (sync, key) DO UPDATE SET
        member_id = excluded.member_id, row_digest = excluded.row_digest, sentence = excluded.sentence,
        run_id = excluded.run_id, last_at = now()
"""
_CLEAR = "DELETE FROM connected_jobs.sync_reject WHERE sync = %s AND key = ANY (%s::text[])"
_ENQUEUE = """
    INSERT INTO connected_jobs.outbox AS o (destination_id, sync, once_key, member_id, happened_at, properties)
    SELECT %(destination)s, %(sync)s, t.once_key, t.member_id, t.happened_at, t.properties::jsonb
    FROM unnest(%(keys)s::text[], %(members)s::text[], %(times)s::text[], %(properties)s::text[])
         AS t (once_key, member_id, happened_at, properties)
    ON CONFLICT (destination_id, sync, once_key) DO UPDATE SET
        member_id = excluded.member_id, happened_at = excluded.happened_at, properties = excluded.properties,
        state = 'waiting', sentence = '', settled_at = NULL
    WHERE o.state = 'refused'
"""
_CLAIM = """
    UPDATE connected_jobs.outbox AS o
    SET state = 'sending', attempts = o.attempts + 1
    WHERE o.destination_id = %(destination)s AND o.sync = %(sync)s AND o.once_key = ANY (ARRAY(
        SELECT once_key FROM connected_jobs.outbox
        WHERE destination_id = %(destination)s AND sync = %(sync)s AND state = 'waiting'
        ORDER BY queued_at, once_key
        LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING o.once_key, o.member_id, o.happened_at, o.properties::text, o.attempts
"""
_SETTLE = """
    UPDATE connected_jobs.outbox AS o
    SET state = t.state, sentence = t.sentence, batch_id = %(batch)s,
        properties = CASE WHEN t.state = 'waiting' THEN o.properties ELSE o.properties - %(passing)s::text[] END,
        settled_at = CASE WHEN t.state = 'waiting' THEN NULL ELSE now() END
    FROM unnest(%(keys)s::text[], %(states)s::text[], %(sentences)s::text[]) AS t (once_key, state, sentence)
    WHERE o.destination_id = %(destination)s AND o.sync = %(sync)s AND o.once_key = t.once_key
      AND o.once_key = ANY (%(keys)s::text[])
"""
_RECOVER = """
    UPDATE connected_jobs.outbox
    SET state = %(state)s::text, sentence = %(sentence)s, settled_at = CASE WHEN %(state)s::text = 'unknown' THEN now() END,
        properties = CASE WHEN %(state)s::text = 'waiting' THEN properties ELSE properties - %(passing)s::text[] END
    WHERE destination_id = %(destination)s AND sync = %(sync)s AND state = 'sending'
"""
_UNCLAIM = """
    UPDATE connected_jobs.outbox SET state = 'waiting', attempts = attempts - 1
    WHERE destination_id = %(destination)s AND sync = %(sync)s AND once_key = ANY (%(keys)s::text[]) AND state = 'sending'
"""
_CLEAR_OTHERS = "DELETE FROM connected_jobs.sync_reject WHERE sync = %s AND run_id < %s"
UNKNOWN: Final = "Whether it was taken is not known, and the sync sends each event at most once."


class PostgresLedger:
    """The ledger of one run.

    Args:
        engine: With a pool, for several threads record at once.
        definition: The sync.
        destination_id: Of `sync_destination`.
        run_id: Of `sync_run`; None for a plan, which records nothing.
        passing: Properties that an event loses when its end is known.
    """

    def __init__(
        self,
        engine: Engine,
        definition: SyncDefinition,
        *,
        destination_id: int,
        run_id: int | None,
        passing: Collection[str] = (),
    ) -> None:
        self._engine = engine
        self._definition = definition
        self._destination = destination_id
        self._run = run_id
        self._own = {"destination": destination_id, "sync": definition.name, "passing": list(passing)}
        self._erased: frozenset[bytes] | None = None

    @contextmanager
    def _driver(self) -> Iterator[psycopg.Connection]:
        """The driver's connection in a transaction of its own."""
        with self._engine.begin() as connection:
            yield driver_of(connection)

    @contextmanager
    def known(self) -> Iterator[KnownRows]:
        """What was acknowledged and refused, ordered by key."""
        with self._driver() as driver:
            driver.execute("SET TRANSACTION READ ONLY")
            utf8 = driver.info.parameter_status("server_encoding") == "UTF8"
            order = "{}" if utf8 else "convert_to({}, 'UTF8')"  # as the source's rows
            with driver.cursor(name="cj_known") as sent, driver.cursor(name="cj_refused") as refused:
                sent.itersize = refused.itersize = AT_ONCE
                sent.execute(_KNOWN.format(order=order.format("member_id")).encode(), self._own)
                refused.execute(_REFUSED.format(order=order.format("key")).encode(), self._own)
                yield KnownRows(iter(sent), iter(refused))

    def is_erased(self, member: str) -> bool:
        """Whether a member was erased here."""
        if self._erased is None:
            with self._driver() as driver:
                found = driver.execute("SELECT member_hash FROM connected_jobs.erased_member")
                self._erased = frozenset(row[0] for row in found)
        return bool(self._erased) and member_hash(member) in self._erased

    def note(self, differences: Sequence[RefusedRow | ClearedRow]) -> None:
        """Record rows that are refused before sending, or no longer."""
        if not differences:
            return
        refused = [one for one in differences if isinstance(one, RefusedRow)]
        cleared = [one.key for one in differences if isinstance(one, ClearedRow)]
        with self._driver() as driver:
            driver.execute(_CLEAR, [self._definition.name, cleared])
            self._reject(driver, refused)

    def clear_others(self) -> None:
        """Refused rows that this run has not noted are given no more, or were sent: they are no longer listed."""
        with self._driver() as driver:
            driver.execute(_CLEAR_OTHERS, [self._definition.name, self._run])

    def _reject(self, driver: psycopg.Connection, refused: Sequence[RefusedRow]) -> None:
        if not refused:
            return
        of_members = self._definition.kind == "attributes"
        given = {
            **self._own,
            "run": self._run,
            "keys": [one.key for one in refused],
            "members": [one.key if of_members else one.member for one in refused],
            "digests": [one.row for one in refused],
            "sentences": [one.sentence for one in refused],
        }
        driver.execute(_REJECT, given)

    def intend(self, batch: Sequence[ChangedRow]) -> None:
        """Before a batch leaves: what it overwrites is no longer known, until its answer is recorded.

        Else a run that is killed now and a value that changes back would leave the destination with what was under way.
        """
        whole = self._definition.kind == "catalog"
        known = batch if whole else [one for one in batch if one.before]
        if not known:
            return
        given = {
            **self._own,
            "keys": [one.key for one in known],
            "names": [_json(list(one.before)) for one in known],
        }
        with self._driver() as driver:
            driver.execute(_INTEND_WHOLE if whole else _INTEND, given)

    def settle(self, batch: SettledBatch[ChangedRow]) -> None:
        """Record what became of a request, in one transaction."""
        taken = [one for one in batch.taken if not one.gone]
        gone = [one.key for one in batch.taken if one.gone]
        with self._driver() as driver:
            number = self._batch(driver, batch, values=sum(len(one.values) for one in taken))
            if taken:
                given = {
                    **self._own,
                    "keys": [one.key for one in taken],
                    "sent": [_json(one.values) for one in taken],
                    "batches": [_json(dict.fromkeys(one.values, number)) for one in taken],
                    "before": [_json(one.before) for one in taken],
                }
                driver.execute(_REPLACE if self._definition.kind == "catalog" else _MERGE, given)
            if gone:
                driver.execute(_FORGET, [self._destination, gone])
            driver.execute(_CLEAR, [self._definition.name, [one.key for one in batch.taken]])
            self._reject(driver, [RefusedRow(one.key, one.row, why) for one, why in batch.refused])
            kept = [one for one, _ in batch.refused if one.before and self._definition.kind == "attributes"]
            if kept:  # the destination said that it has what it had
                driver.execute(
                    _RESTORE,
                    {
                        **self._own,
                        "keys": [one.key for one in kept],
                        "before": [_json(one.before) for one in kept],
                    },
                )

    def _batch(self, driver: psycopg.Connection, batch: SettledBatch[Any], *, values: int) -> int:
        row = driver.execute(
            _BATCH,
            [self._run, batch.status, len(batch.taken), len(batch.refused), len(batch.unknown), values],
        ).fetchone()
        assert row is not None  # noqa: S101 - an INSERT ... RETURNING of one row
        number: int = row[0]
        return number

    def enqueue(self, events: Sequence[OutboxEvent]) -> int:
        """Put events into the outbox unless they were there before; a refused one waits again. Gives how many wait now."""
        given = {
            **self._own,
            "keys": [one.key for one in events],
            "members": [one.member for one in events],
            "times": [one.time for one in events],
            "properties": [_json(one.properties) for one in events],
        }
        with self._driver() as driver:
            return driver.execute(_ENQUEUE, given).rowcount

    def queued(self, keys: Collection[str], *, again: bool = False) -> frozenset[str]:
        """Which of these events were in the outbox before; `again` leaves out those that were refused."""
        statement = """
            SELECT once_key FROM connected_jobs.outbox
            WHERE destination_id = %(destination)s AND sync = %(sync)s AND once_key = ANY (%(keys)s::text[])
              AND NOT (%(again)s AND state = 'refused')
        """
        given = {**self._own, "keys": list(keys), "again": again}
        with self._driver() as driver:
            return frozenset(row[0] for row in driver.execute(statement, given))

    def waiting(self) -> int:
        """How many events wait to be sent."""
        statement = """
            SELECT count(*) FROM connected_jobs.outbox
            WHERE destination_id = %(destination)s AND sync = %(sync)s AND state = 'waiting'
        """
        with self._driver() as driver:
            row = driver.execute(statement, self._own).fetchone()
        return row[0] if row else 0

    def recover(self) -> tuple[int, int]:
        """Events that a killed run left under way: how many wait again, and how many stay unknown for good."""
        again = self._definition.delivery == "at_least_once"
        with self._driver() as driver:
            state = "waiting" if again else "unknown"
            given = {**self._own, "state": state, "sentence": "" if again else UNKNOWN}
            found = driver.execute(_RECOVER, given).rowcount
        return (found, 0) if again else (0, found)

    def claim(self, most: int) -> list[OutboxEvent]:
        """Events to send now, marked as under way before they leave, so that a kill does not hide them."""
        with self._driver() as driver:
            found = driver.execute(_CLAIM, {**self._own, "most": most}).fetchall()
        return [
            OutboxEvent(key, member, time, msgspec.json.decode(p), n) for key, member, time, p, n in found
        ]

    def settle_events(self, batch: SettledBatch[OutboxEvent]) -> None:
        """Record what became of claimed events, in one transaction."""
        again = self._definition.delivery == "at_least_once"
        unknown = ("waiting", "") if again else ("unknown", UNKNOWN)
        states = [(one.key, "sent", "") for one in batch.taken]
        states += [(one.key, "refused", why) for one, why in batch.refused]
        states += [(one.key, *unknown) for one in batch.unknown]
        with self._driver() as driver:
            number = self._batch(driver, batch, values=sum(len(one.properties) for one in batch.taken))
            given = {
                **self._own,
                "batch": number,
                "keys": [key for key, _, _ in states],
                "states": [state for _, state, _ in states],
                "sentences": [sentence for _, _, sentence in states],
            }
            driver.execute(_SETTLE, given)

    def unclaim(self, events: Sequence[OutboxEvent]) -> None:
        """Events that certainly did not leave: they wait again, as if they had not been claimed."""
        with self._driver() as driver:
            driver.execute(_UNCLAIM, {**self._own, "keys": [one.key for one in events]})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
