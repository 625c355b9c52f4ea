"""Counts reach Postgres once and whole, are measured when a send is over, and go when they are old."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import text

from app.capacity.campaign import Range
from app.postgres import migrate
from app.postgres.planning import instances, send_counts
from app.postgres.planning.register import PostgresRegister
from app.postgres.planning.send_counts import select_seconds
from app.postgres.serving.heartbeat import PostgresSendCounts, send_heartbeat
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import STATEMENTS
from app.runtime.errors import UnavailableError
from app.runtime.instance import Instance
from app.serving.distinct_members import ERROR, DistinctMembers
from app.serving.request import RequestOptions
from app.serving.send_counts import CountBatch, SecondCount, SendCounter, SketchPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

BEGIN = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
SECOND = int(BEGIN.timestamp())


@pytest.fixture
def pool(database_url: str) -> Iterator[ServingPool]:
    with_statements = ServingPool(database_url, STATEMENTS, size=4, wait_s=2, statement_timeout_ms=5_000)
    with_statements.open()
    yield with_statements
    with_statements.close()


@pytest.fixture
def counts(pool: ServingPool) -> PostgresSendCounts:
    return PostgresSendCounts(pool)


@pytest.fixture
def register(engine: Engine) -> PostgresRegister:
    return PostgresRegister(engine)


def batch(
    number: int = 1, worker: str = "w", *, calls: int = 3, members: tuple[str, ...] = ("a", "b")
) -> CountBatch:
    sketch = DistinctMembers()
    sketch.add(members)
    return CountBatch(
        worker,
        number,
        [SecondCount("weekly", "d-1", SECOND, calls, 1), SecondCount("weekly", "d-1", SECOND + 1, calls, 0)],
        [SketchPart("weekly", "d-1", f"{worker}-1", sketch.pack())],
    )


def seconds(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in select_seconds(connection, "weekly", "d-1")]


def test_batches_add_up_and_one_that_comes_again_does_not(counts: PostgresSendCounts, engine: Engine) -> None:
    counts.add(batch(1))
    counts.add(batch(1))
    counts.add(batch(2, calls=5))
    counts.add(batch(1, "v", calls=100))
    assert seconds(engine) == [(BEGIN, 108, 3), (BEGIN + timedelta(seconds=1), 108, 0)]


def test_a_batch_without_sketches_or_without_seconds_is_one_too(
    counts: PostgresSendCounts, engine: Engine
) -> None:
    whole = batch()
    counts.add(CountBatch("w", 1, whole.seconds, []))
    counts.add(CountBatch("w", 2, [], whole.sketches))
    assert len(seconds(engine)) == 2
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM connected_jobs.send_sketch")).scalar() == 1


def test_workers_that_add_the_same_seconds_at_once_wait_for_each_other_and_never_fail(
    counts: PostgresSendCounts, engine: Engine
) -> None:
    failures: list[BaseException] = []
    rows = [SecondCount("weekly", "d-1", SECOND + second, 1, 0) for second in range(200)]

    def add(worker: str) -> None:
        order = rows if worker < "c" else rows[::-1]
        try:
            for number in range(1, 6):
                counts.add(CountBatch(worker, number, order, []))
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=add, args=(worker,)) for worker in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert {calls for _, calls, _ in seconds(engine)} == {20}
    assert len(seconds(engine)) == 200


def test_what_two_workers_counted_is_one_send(counts: PostgresSendCounts, register: PostgresRegister) -> None:
    counts.add(batch(1, "v", members=tuple(f"m-{number}" for number in range(150))))
    counts.add(batch(1, "w", calls=200, members=tuple(f"m-{number}" for number in range(100, 200))))
    (send,) = register.sends("weekly")
    assert (send.key, send.send, send.calls, send.degraded) == ("weekly", "d-1", 406, 2)
    assert (send.first_at, send.last_at, send.peak_rps) == (BEGIN, BEGIN + timedelta(seconds=1), 203)
    assert send.members.likely == pytest.approx(200, rel=ERROR)
    assert send.calls_per_recipient is not None
    assert send.calls_per_recipient.likely == pytest.approx(406 / 200, rel=ERROR)
    assert register.seconds("weekly", "d-1") == [(BEGIN, 203, 2), (BEGIN + timedelta(seconds=1), 203, 0)]
    assert register.sends("other") == []


def test_brazes_own_count_is_kept_with_who_entered_it_and_can_be_taken_back(
    counts: PostgresSendCounts, register: PostgresRegister
) -> None:
    counts.add(batch(calls=300, members=tuple(f"m-{number}" for number in range(300))))
    entered = register.enter_sent("weekly", "d-1", 400, by="kim")
    assert entered is not None
    assert (entered.sent, entered.sent_by, entered.calls_per_recipient) == (400, "kim", Range.exactly(1.5))
    assert register.sends("weekly") == [entered]
    taken_back = register.enter_sent("weekly", "d-1", None, by="kim")
    assert taken_back is not None
    assert taken_back.sent is None
    assert register.enter_sent("weekly", "never", 1, by="kim") is None
    entries = [(one.who, one.what, one.subject, one.before, one.after) for one in register.audit_log()]
    assert entries == [
        ("kim", "sent entered", "weekly d-1", {"sent": 400, "by": "kim"}, {"sent": None}),
        ("kim", "sent entered", "weekly d-1", {"sent": None, "by": None}, {"sent": 400}),
    ]


def age(engine: Engine, days: float) -> None:
    """Let everything that was counted have happened days ago."""
    with engine.begin() as connection:
        for statement in (
            "UPDATE connected_jobs.send SET first_at = first_at - :age, last_at = last_at - :age",
            "UPDATE connected_jobs.send SET closed_at = closed_at - :age",
            "UPDATE connected_jobs.send_second SET second = second - :age",
            "UPDATE connected_jobs.send_flush SET at = at - :age",
        ):
            connection.execute(text(statement), {"age": timedelta(days=days)})


def rows(engine: Engine) -> list[int]:
    """How many there are of sends, seconds, sketches and workers' flushes."""
    with engine.connect() as connection:
        counted = connection.execute(
            text(
                "SELECT (SELECT count(*) FROM connected_jobs.send), (SELECT count(*) FROM connected_jobs.send_second),"
                " (SELECT count(*) FROM connected_jobs.send_sketch), (SELECT count(*) FROM connected_jobs.send_flush)"
            )
        ).one()
    return list(counted)


def count_now(counts: PostgresSendCounts) -> None:
    """A batch whose calls came just now."""
    shift = round(datetime.now(UTC).timestamp()) - SECOND - 1
    whole = batch(calls=300, members=tuple(f"m-{number}" for number in range(300)))
    moved = [
        SecondCount(one.campaign, one.send, one.second + shift, one.calls, one.degraded)
        for one in whole.seconds
    ]
    counts.add(CountBatch(whole.worker, whole.number, moved, whole.sketches))


def test_a_send_that_is_over_is_measured_and_outlives_its_seconds(
    counts: PostgresSendCounts, register: PostgresRegister, engine: Engine
) -> None:
    count_now(counts)
    register.tidy()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT measured FROM connected_jobs.send")).scalar() is None
    age(engine, 0.1)
    before = register.sends("weekly")
    register.tidy()
    assert register.sends("weekly") == before
    assert rows(engine) == [1, 2, 1, 1]
    age(engine, 15)
    register.tidy()
    assert rows(engine) == [1, 0, 0, 0]
    assert [(one.calls, one.members) for one in register.sends("weekly")] == [(600, before[0].members)]
    entered = register.enter_sent("weekly", "d-1", 300, by="kim")
    assert entered is not None
    assert entered.calls_per_recipient == Range.exactly(2.0)


def test_without_a_planner_a_refresh_measures_and_tidies(
    counts: PostgresSendCounts, register: PostgresRegister, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many sends nobody measured since."""
    monkeypatch.setattr(send_counts, "MOST_SENDS", 1)
    count_now(counts)
    with engine.begin() as connection:
        for table in ("send", "send_second", "send_sketch"):
            connection.execute(
                text(f"CREATE TEMPORARY TABLE another ON COMMIT DROP AS TABLE connected_jobs.{table}")
            )
            connection.execute(text("UPDATE another SET send = 'd-2'"))
            connection.execute(text(f"INSERT INTO connected_jobs.{table} TABLE another"))
            connection.execute(text("DROP TABLE another"))
    age(engine, 15)
    send_counts.tidy_counts(engine)
    assert rows(engine) == [2, 0, 0, 0]
    assert {one.calls for one in register.sends("weekly")} == {600}


def test_a_late_call_of_a_measured_send_is_measured_with_it_and_one_weeks_later_changes_nothing(
    counts: PostgresSendCounts, register: PostgresRegister, engine: Engine
) -> None:
    count_now(counts)
    age(engine, 0.1)
    register.tidy()
    now = round(datetime.now(UTC).timestamp())
    counts.add(CountBatch("v", 1, [SecondCount("weekly", "d-1", now, 5, 0)], []))
    assert [one.calls for one in register.sends("weekly")] == [605]
    age(engine, 0.1)
    register.tidy()
    age(engine, 20)
    register.tidy()
    counts.add(CountBatch("v", 2, [SecondCount("weekly", "d-1", now, 7, 0)], []))
    assert [one.calls for one in register.sends("weekly")] == [605]


def test_counts_wait_for_a_postgres_that_is_gone_and_arrive_once(
    pool: ServingPool, engine: Engine, register: PostgresRegister
) -> None:
    """Connections are cut and new ones refused for a while; calls go on being counted."""
    counter = SendCounter(PostgresSendCounts(pool))
    options = RequestOptions("weekly", "d-1", None, 10, "ko")
    with engine.connect() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
    for second in range(20):
        counter.note((options, f"m-{second}", BEGIN + timedelta(seconds=second), None))
        counter.count()
        if second == 5:
            refuse(pool, name, refused=True)
        if second == 10:
            refuse(pool, name, refused=False)
        try:
            counter.flush()
        except UnavailableError:
            assert second >= 5
    counter.finish()
    assert counter.waiting == 0
    (send,) = register.sends("weekly")
    assert send.calls == 20
    assert send.members.likely == pytest.approx(20, abs=1.1)


def refuse(pool: ServingPool, name: str, *, refused: bool) -> None:
    """Have Postgres let nobody into the database, or everybody again."""
    url = pool._pool.conninfo
    assert isinstance(url, str)
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {"false" if refused else "true"}')
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


def test_a_service_without_the_planners_tables_still_connects_and_says_that_counts_are_refused(
    engine: Engine, pool: ServingPool
) -> None:
    migrate.downgrade(engine, "service", "0003")
    with pytest.raises(UnavailableError, match="refused"):
        PostgresSendCounts(pool).add(batch())
    assert pool.rows(STATEMENTS[-1]) == []


# Heartbeats.
def instance(name: str = "web-1 127.0.0.1:8080", **change: Any) -> Instance:
    told = Instance(id=name, fingerprint="f", workers=2, settings={"threads": 16}, started_at=BEGIN)
    return replace(told, **change)


def grow_old(engine: Engine, seconds: float, *names: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE connected_jobs.instance SET beat_at = beat_at - make_interval(secs => :s)"
                " WHERE id = ANY(:names)"
            ),
            {"s": seconds, "names": list(names)},
        )


def running(engine: Engine) -> tuple[tuple[str, ...], int]:
    with engine.connect() as connection:
        return instances.select_running(connection)[:2]


def test_the_lowest_line_of_the_instances_that_run_is_known(pool: ServingPool, engine: Engine) -> None:
    lines = (
        {"hard_rps": 5000, "soft_rps": 0},
        {"hard_rps": 900, "soft_rps": 600},
        {"hard_rps": 0, "soft_rps": 0},
    )
    for name, settings in zip("abc", lines, strict=True):
        send_heartbeat(pool, replace(instance(name), settings=settings))
    with engine.connect() as connection:
        assert instances.select_running(connection)[2] == 600
        grow_old(engine, 61, "a", "b")
        assert instances.select_running(connection)[2] is None


def test_instances_that_told_of_themselves_within_a_minute_run(pool: ServingPool, engine: Engine) -> None:
    for name, fingerprint in (("a", "f"), ("b", "f"), ("c", "g")):
        send_heartbeat(pool, instance(name, fingerprint=fingerprint))
    assert running(engine) == (("f", "g"), 3)
    grow_old(engine, 59, "a", "c")
    assert running(engine) == (("f", "g"), 3)
    grow_old(engine, 2, "a", "c")
    assert running(engine) == (("f",), 1)
    send_heartbeat(pool, instance("c", fingerprint="g"))
    assert running(engine) == (("f", "g"), 2)


def test_all_workers_of_an_instance_are_one_row_and_a_restart_shows_at_once(
    pool: ServingPool, engine: Engine
) -> None:
    for _ in range(4):
        send_heartbeat(pool, instance())
    assert running(engine) == (("f",), 1)
    send_heartbeat(pool, instance(fingerprint="new", started_at=BEGIN + timedelta(hours=1)))
    assert running(engine) == (("new",), 1)


def test_instances_gone_for_a_day_are_forgotten(
    pool: ServingPool, engine: Engine, register: PostgresRegister
) -> None:
    for name in ("a", "b"):
        send_heartbeat(pool, instance(name))
    grow_old(engine, 86_500, "a")
    register.tidy()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id FROM connected_jobs.instance")).scalars().all() == ["b"]


def test_what_runs_is_told_with_the_sizes_of_what_it_serves(
    pool: ServingPool, engine: Engine, register: PostgresRegister
) -> None:
    send_heartbeat(pool, instance())
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO board.company (id, name) SELECT 'c-' || n, 'n' FROM generate_series(1, 5) n;"
                "CREATE VIEW public.many AS SELECT n FROM generate_series(1, 10) n"
            )
        )
        connection.execute(text("ANALYZE"))
    found = register.running()
    assert (found.fingerprints, found.instances) == (("f",), 1)
    assert set(found.tables) == {"postings", "members", "activity", "lists"}
    assert all(isinstance(count, int) for count in found.tables.values())
