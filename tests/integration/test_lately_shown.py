"""What was read of mails since a refresh reaches the calls of new sends, in the read that they make anyway."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from app.feedback.lately_shown import COUNTS_EVERY_S, ignored_lately, since_counted_s
from app.postgres.engines import batch_engine
from app.postgres.members import delete_member
from app.postgres.serving.pool import ServingPool
from app.postgres.serving.reads import STATEMENTS, PostgresStore
from app.refresh.incremental import refresh_changed
from app.refresh.whole import refresh
from app.runtime.deadline import Deadline
from tests.integration.small_board import change, fill, rows, run_of
from tests.integration.test_mailed import click, mail
from tests.postgres_fixtures import _create, _drop, _url_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from app.serving.store import Run

MEMBER, OTHER = "m-000001", "m-000002"
NOTED = """
    SELECT member_id, counts_from, now() FROM connected_jobs.lately_shown WHERE counts_from < 'infinity'
"""
COUNTS = """
    UPDATE connected_jobs.lately_shown
    SET counts_from = now() + :late * interval '1 minute' WHERE counts_from < 'infinity'
"""


class Calls:
    """Reads as calls of sends make them."""

    def __init__(self, url: str, run: Run) -> None:
        self.pool = ServingPool(url, STATEMENTS, size=1, wait_s=5, statement_timeout_ms=5_000)
        self.pool.open()
        self.store, self.run = PostgresStore(self.pool), run

    def ignored(self, send: str, member_id: str = MEMBER) -> set[str]:
        row = self.store.member_row(
            member_id, self.run, f"weekly\x1f{send}".encode(), Deadline(time.monotonic() + 5)
        )
        assert row is not None
        assert row.posting_ids
        return set(ignored_lately(row.lately))


@pytest.fixture(scope="module")
def filled(server_url: str, template: str) -> Iterator[tuple[str, int]]:
    name = _create(server_url, "cj_lately", template)
    engine = batch_engine(_url_of(server_url, name))
    fill(engine, members=40, postings=60)
    run_id = refresh(engine, processes=1).run_id
    engine.dispose()
    yield name, run_id
    _drop(server_url, name)


@pytest.fixture
def url(server_url: str, filled: tuple[str, int]) -> Iterator[str]:
    name = _create(server_url, "cj_lately", filled[0])
    yield _url_of(server_url, name)
    _drop(server_url, name)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = batch_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def calls(url: str, engine: Engine, filled: tuple[str, int]) -> Iterator[Calls]:
    made = Calls(url, run_of(engine, filled[1]))
    yield made
    made.pool.close()


def register(engine: Engine, send: str, run: Run, *, minutes_ago: float) -> None:
    change(
        engine,
        """
        INSERT INTO connected_jobs.send_run (campaign, send, run_id, first_at, last_at, until)
        VALUES ('weekly', :send, :run, now() - :ago * interval '1 minute', now(), now() + interval '1 day')
        """,
        send=send,
        run=run.id,
        ago=minutes_ago,
    )


def test_a_send_shows_others_from_a_set_moment_on_and_one_under_way_keeps_its_list(
    engine: Engine, calls: Calls
) -> None:
    mail(engine, MEMBER, ["p-000001", "p-000002"], days_ago=0.01)
    assert calls.ignored("now") == set()  # it was read just now
    change(engine, COUNTS, late=-10)
    assert calls.ignored("now") == {"p-000001", "p-000002"}
    assert calls.ignored("now", OTHER) == set()
    change(
        engine, """UPDATE connected_jobs.refresh_run SET options = options || '{"learn_from_mails": false}'"""
    )
    assert calls.ignored("now") == set()  # a recipe that is not to learn from mails
    change(engine, "UPDATE connected_jobs.refresh_run SET options = options - 'learn_from_mails'")
    for send, began in (("before", 11), ("after", 9)):
        register(engine, send, calls.run, minutes_ago=began)
    assert calls.ignored("before") == set()
    assert calls.ignored("after") == {"p-000001", "p-000002"}


def test_what_was_clicked_stays_unless_a_scanner_clicked_it(engine: Engine, calls: Calls) -> None:
    postings = [f"p-{number:06}" for number in range(1, 7)]
    rid = mail(engine, MEMBER, postings, days_ago=0.01)
    click(engine, MEMBER, postings[0], rid=rid, days_ago=0.005, person=None)
    click(engine, MEMBER, postings[1], rid=rid, days_ago=0.005, person=False)
    change(engine, COUNTS, late=-1)
    assert calls.ignored("now") == set(postings[1:])


def test_what_is_read_counts_in_five_to_fifteen_minutes_at_moments_that_all_workers_know(
    engine: Engine,
) -> None:
    mail(engine, MEMBER, ["p-000001"], days_ago=0)
    ((_, counts_from, now),) = rows(engine, NOTED)
    assert isinstance(counts_from, datetime)
    assert since_counted_s(counts_from.timestamp()) == 0
    assert timedelta(minutes=4) < counts_from - now <= timedelta(minutes=5, seconds=COUNTS_EVERY_S)


def test_a_refresh_takes_what_was_read_before_it_and_one_of_what_changed_leaves_it(
    engine: Engine, calls: Calls
) -> None:
    mail(engine, MEMBER, ["p-000001"], days_ago=0.01)
    change(engine, COUNTS, late=-5)
    first = calls.run
    calls.run = run_of(engine, refresh_changed(engine, processes=1).run_id)
    assert calls.ignored("now") == {"p-000001"}
    calls.run = run_of(engine, refresh(engine, processes=1).run_id)
    change(engine, COUNTS, late=-20)
    assert calls.ignored("now") == set()
    change(
        engine, "UPDATE connected_jobs.refresh_run SET state = 'dropped' WHERE id = :first", first=first.id
    )


def test_old_mails_are_not_noted_and_erasing_a_member_reaches_what_is(engine: Engine) -> None:
    mail(engine, MEMBER, ["p-000001"], days_ago=4)
    assert rows(engine, NOTED) == []
    mail(engine, MEMBER, ["p-000001"], days_ago=1)
    mail(engine, OTHER, ["p-000001"], days_ago=1)
    assert delete_member(engine, MEMBER)["connected_jobs.lately_shown"] == 1
    assert [member_id for member_id, *_ in rows(engine, NOTED)] == [OTHER]
