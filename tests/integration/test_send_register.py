"""The register of sends in Postgres: who comes first decides, what is over begins anew, and it ends nowhere else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.postgres.lists import publications
from app.postgres.serving import send_register
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import STATEMENTS, PostgresStore
from app.postgres.serving.send_register import PostgresSendRegister
from app.refresh.publish import drop_unneeded_runs
from app.refresh.rollback import roll_back
from app.runtime.clock import StoreClock
from app.runtime.deadline import Deadline
from app.serving.publications import Publications
from app.serving.request import RequestOptions
from app.serving.sends import LEAD, HeldSend, Sends, is_counting
from app.serving.store import Run
from tests.integration.small_board import change, rows
from tests.web.board import CUTOFF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

HOLD = timedelta(hours=24)
SEND = "weekly\x1fd-1"
RUN = """
    INSERT INTO connected_jobs.refresh_run (state, started_at, cutoff_at, finished_at, inputs, options)
    VALUES ('ready', :at, :at, :at, '{}', '{}')
    RETURNING id
"""


@pytest.fixture
def register(database_url: str) -> Iterator[PostgresSendRegister]:
    pool = ServingPool(database_url, STATEMENTS, size=4, wait_s=2, statement_timeout_ms=5_000)
    pool.open()
    yield PostgresSendRegister(pool)
    pool.close()


def published(engine: Engine, *, delay: timedelta = timedelta(0)) -> Run:
    """A run without lists, published."""
    change(engine, RUN, at=CUTOFF)
    run_id = rows(engine, "SELECT max(id) FROM connected_jobs.refresh_run")[0][0]
    with engine.begin() as connection:
        how = publications.Announcement(what="refresh", delay=delay)
        publications.insert_publication(connection, run_id, how)
    return Run(run_id, CUTOFF, CUTOFF)


def alive(engine: Engine) -> None:
    """An instance told of itself just now."""
    change(
        engine,
        "INSERT INTO connected_jobs.instance (id, fingerprint, workers, settings, started_at)"
        " VALUES ('one', 'f', 1, '{}', now())",
    )


def soon() -> Deadline:
    return Deadline(time.monotonic() + 5)


def claim(register: PostgresSendRegister, key: str = SEND, hold: timedelta = HOLD) -> int | None:
    held = register.claim(key, hold, soon())
    return held.run.id if held else None


def met(run: Run, *keys: str) -> list[HeldSend]:
    return [HeldSend(key, run, CUTOFF, CUTOFF, CUTOFF) for key in keys]


def test_of_many_who_claim_a_send_at_once_all_get_the_run_of_the_first(
    register: PostgresSendRegister, engine: Engine
) -> None:
    first = published(engine)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: claim(register), range(20))) == {first.id}
    published(engine)
    assert claim(register) == first.id
    assert rows(engine, "SELECT count(*) FROM connected_jobs.send_run") == [(1,)]


def test_a_claim_goes_by_the_run_that_postgres_holds_to_be_in_force(
    register: PostgresSendRegister, engine: Engine
) -> None:
    assert claim(register) is None
    first = published(engine)
    published(engine, delay=timedelta(minutes=15))
    assert claim(register) == first.id


def test_what_was_met_is_registered_unless_it_is(register: PostgresSendRegister, engine: Engine) -> None:
    first = published(engine)
    claim(register)
    second = published(engine)
    said = register.register(met(second, SEND, "weekly\x1fd-2"), HOLD)
    assert {held.key: held.run for held in said} == {SEND: first, "weekly\x1fd-2": second}
    assert [held.key for held in register.registered_sends(10, [], CUTOFF)] == [SEND]


def test_a_send_that_is_over_or_whose_run_is_gone_begins_anew(
    register: PostgresSendRegister, engine: Engine
) -> None:
    published(engine)
    claim(register, "weekly\x1fover", timedelta(0))
    claim(register)
    second = published(engine)
    assert claim(register, "weekly\x1fover") == second.id
    change(engine, "UPDATE connected_jobs.refresh_run SET state = 'dropped' WHERE id < :id", id=second.id)
    assert claim(register) == second.id


def test_a_rollback_that_moves_sends_ends_what_they_keep_on_newer_runs_when_it_is_in_force(
    register: PostgresSendRegister, engine: Engine
) -> None:
    first, second = published(engine), published(engine)
    register.register(met(first, "weekly\x1fold"), HOLD)
    claim(register, "weekly\x1funder way")
    alive(engine)
    done = roll_back(engine, moves_sends=True)
    claim(register, "weekly\x1flate")
    until = dict(rows(engine, "SELECT send, until = :at FROM connected_jobs.send_run", at=done.effective_at))
    assert (done.left, done.taken, done.on_left) == (second.id, first.id, ["weekly"])
    assert until == {"old": False, "under way": True, "late": True}


def test_a_publication_gives_instances_that_run_time_to_learn_of_it(engine: Engine) -> None:
    published(engine)
    alive(engine)
    published(engine)
    assert rows(engine, "SELECT effective_at - published_at FROM connected_jobs.publication ORDER BY id") == [
        (timedelta(0),),
        (LEAD,),
    ]


def test_the_runs_that_sends_keep_are_not_dropped(register: PostgresSendRegister, engine: Engine) -> None:
    kept = published(engine)
    claim(register)
    for _ in range(3):
        newest = published(engine)
    drop_unneeded_runs(engine)
    assert rows(engine, "SELECT id FROM connected_jobs.refresh_run WHERE state = 'ready' ORDER BY id") == [
        (kept.id,),
        (newest.id - 1,),
        (newest.id,),
    ]


def test_what_is_over_goes_and_so_do_the_sends_used_longest_ago_where_there_are_too_many(
    register: PostgresSendRegister, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_register, "MOST_ROWS", 3)
    run = published(engine)
    claim(register, "weekly\x1fover", timedelta(0))
    for number in range(5):
        register.register(met(run, f"weekly\x1fd-{number}"), HOLD)
    register.register(met(run, "weekly\x1fd-0"), HOLD)
    register.prune()
    found = rows(engine, "SELECT send FROM connected_jobs.send_run ORDER BY send")
    assert found == [("d-0",), ("d-3",), ("d-4",)]


def worker(database: PostgresSendRegister, store: PostgresStore) -> Sends:
    """What a worker knows, as it begins."""
    sends = Sends(Publications(store), database, StoreClock(), hold=HOLD)
    sends.update()
    return sends


def run_of(sends: Sends, register: PostgresSendRegister, send: str) -> int | None:
    options, now = RequestOptions("weekly", send, None, 10, "ko"), register.clock()
    run = sends.run_of(options, now)
    if run is None:
        claims = sends.must_claim(options, now)
        run = sends.claim(options, soon()) if claims else sends.begin(options, now)
    return run.id if run else None


def test_workers_agree_on_a_send_met_before_a_switch_at_it_and_long_after(
    register: PostgresSendRegister, database_url: str, engine: Engine
) -> None:
    pool = ServingPool(database_url, STATEMENTS, size=1, wait_s=2, statement_timeout_ms=5_000)
    pool.open()
    store = PostgresStore(pool)
    first = published(engine)
    change(engine, "UPDATE connected_jobs.publication SET effective_at = now() - interval '1 hour'")
    one, other = worker(register, store), worker(register, store)
    assert run_of(one, register, "under way") == first.id
    one.update()  # what it met is registered
    second = published(engine)
    for known in (one, other):
        known.update()  # the switch is just now: neither may go by what it knows alone
    assert {run_of(known, register, "under way") for known in (other, one)} == {first.id}
    assert {run_of(known, register, "new") for known in (other, one)} == {second.id}
    change(
        engine,
        "UPDATE connected_jobs.publication SET effective_at = now() - interval '10 s' WHERE run_id = :id",
        id=second.id,
    )
    for known in (other, worker(register, store)):
        known.update()
        now = register.clock()
        unheard_of = RequestOptions("weekly", "unheard of", None, 10, "ko")
        assert known.must_claim(unheard_of, now) == is_counting(now)  # for some seconds in ten minutes
        assert run_of(known, register, "under way") == first.id
        assert run_of(known, register, "unheard of") == second.id
        assert [run.id for run in known.held_runs(register.clock())] == [first.id, second.id]
    pool.close()
