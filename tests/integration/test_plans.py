"""Plans of the serving statements on a board large enough for the planner to take indexes seriously."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.postgres.engines import batch_engine
from app.postgres.serving import reads as serving_reads
from app.postgres.serving.pool import ServingPool, Statement
from tests.integration.plans import MODES, indexes, plan_of, read_whole
from tests.integration.small_board import change, fill
from tests.postgres_fixtures import _create, _drop, _url_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBERS, POSTINGS, RUNS = 20_000, 45_000, 2
MEMBER = "m-000123"
SOON = datetime.now(UTC)
# Whole tables by design, none of them once a call: all of a log that has a row a refresh, all living credentials
# (both a few dozen rows); a run's shelves, which are half the table; and the newest open postings, read only
# until the first refresh is published.
WHOLE_BY_DESIGN = {
    serving_reads.SHELVES: {"shelf"},
    serving_reads.SAME_JOBS: {"same_job"},
    serving_reads.WEIGHTS: {"refresh_run"},
    serving_reads.MEMBER_LIST: {"refresh_run"},  # only for a member who was mailed since
    serving_reads.PUBLICATIONS: {"publication", "refresh_run"},
    serving_reads.CREDENTIALS: {"credential"},
    serving_reads.SHELF_POOL: {"shelf_pool"},
    serving_reads.NEWEST: {"posting", "company"},
}
VALUES: dict[Statement, list[object]] = {
    serving_reads.PUBLICATIONS: [],
    serving_reads.SHELVES: [RUNS],
    serving_reads.SHELF_POOL: [RUNS],
    serving_reads.SAME_JOBS: [RUNS],
    serving_reads.HIDDEN: [SOON + timedelta(hours=1)],
    serving_reads.WEIGHTS: [RUNS],
    serving_reads.MEMBER_LIST: [RUNS, MEMBER, "weekly\x1fmonday"],
    serving_reads.PROFILE: [MEMBER],
    serving_reads.POSTINGS: [[f"p-{number:06}" for number in range(100, 116)]],
    serving_reads.NEWEST: [200],
    serving_reads.CLOCK: [],
    serving_reads.STANDINGS: [[f"p-{number:06}" for number in range(100, 1100)]],
    serving_reads.CHANGED: [SOON + timedelta(hours=1), 20_000],
    serving_reads.CREDENTIALS: [],
}
# Two runs with a list for every member and a shelf for every field and region: what a refresh leaves behind.
RUNS_OF_A_LARGE_BOARD = """
INSERT INTO connected_jobs.refresh_run (state, started_at, cutoff_at, finished_at, inputs, options)
SELECT 'ready', now(), now(), now(), '{}', '{}' FROM generate_series(1, 2);
INSERT INTO connected_jobs.publication (run_id, published_at, effective_at)
SELECT id, now(), now() FROM connected_jobs.refresh_run;
CREATE TABLE connected_jobs.recommendation_list_1 PARTITION OF connected_jobs.recommendation_list FOR VALUES IN (1);
CREATE TABLE connected_jobs.recommendation_list_2 PARTITION OF connected_jobs.recommendation_list FOR VALUES IN (2);
INSERT INTO connected_jobs.recommendation_list (run_id, member_id, posting_ids, reasons)
SELECT r.id, m.id, ARRAY(SELECT 'p-' || lpad(n::text, 6, '0') FROM generate_series(1, 50) n), decode(repeat('01', 50), 'hex')
FROM board.member m, connected_jobs.refresh_run r;
INSERT INTO connected_jobs.shelf (run_id, category, region, posting_ids, reasons)
SELECT r.id, c::text, g::text, '{p-000001}', decode('01', 'hex')
FROM connected_jobs.refresh_run r, generate_series(1, 120) c, generate_series(1, 18) g;
INSERT INTO connected_jobs.consent (braze_user, member_id, withdrawn, changed_at)
SELECT 'b-' || n, 'm-x' || n, true, now() FROM generate_series(1, 5000) n;
INSERT INTO connected_jobs.send_run (campaign, send, run_id, first_at, last_at, until)
SELECT 'weekly', 'send ' || n, 1, now(), now(), now() + interval '1 day' FROM generate_series(1, 5000) n;
UPDATE board.posting SET updated_at = now() - make_interval(mins => right(id, 6)::integer);
"""


@pytest.fixture(scope="module")
def large_board_url(server_url: str, template: str) -> Iterator[str]:
    name = _create(server_url, "cj_plans", template)
    engine = batch_engine(_url_of(server_url, name))
    fill(engine, members=MEMBERS, postings=POSTINGS)
    change(engine, RUNS_OF_A_LARGE_BOARD)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    yield _url_of(server_url, name)
    _drop(server_url, name)


def test_every_statement_has_values_to_be_planned_with() -> None:
    assert set(VALUES) == set(serving_reads.STATEMENTS)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "statement",
    [s for s in VALUES if s not in (serving_reads.CHANGED, serving_reads.HIDDEN)],
    ids=lambda s: s.name.decode(),
)
def test_no_serving_statement_reads_a_large_table_from_end_to_end(
    large_board_url: str, statement: Statement, mode: str
) -> None:
    with psycopg.connect(large_board_url) as connection:
        plan = plan_of(connection, statement, VALUES[statement], mode=mode)
    assert read_whole(plan) <= WHOLE_BY_DESIGN.get(statement, set())


def test_what_changed_is_found_by_the_index_on_the_time_of_change(large_board_url: str) -> None:
    """Given the instant; a plan for any instant would be for a third of all postings, so Postgres never keeps one."""
    with psycopg.connect(large_board_url) as connection:
        plan = plan_of(
            connection, serving_reads.CHANGED, VALUES[serving_reads.CHANGED], mode="force_custom_plan"
        )
    assert read_whole(plan) == set()
    assert "posting_updated_at" in indexes(plan)


@pytest.mark.parametrize("mode", MODES)
def test_a_members_list_is_read_by_primary_keys_of_their_own_partitions(
    large_board_url: str, mode: str
) -> None:
    """Planning for a given run leaves only its partition; otherwise the others are skipped when it is executed."""
    with psycopg.connect(large_board_url) as connection:
        plan = plan_of(connection, serving_reads.MEMBER_LIST, VALUES[serving_reads.MEMBER_LIST], mode=mode)
    used = indexes(plan)
    assert {"member_pkey", f"recommendation_list_{RUNS}_pkey"} <= used
    assert f"recommendation_list_{RUNS - 1}_pkey" not in used
    if mode == "force_custom_plan":
        assert len([name for name in used if name.startswith("activity_")]) == 1


def test_a_new_connection_has_run_what_calls_ask_so_the_first_call_need_not_wait_for_a_plan(
    large_board_url: str,
) -> None:
    ran = Statement(
        b"",
        b"SELECT name FROM pg_prepared_statements WHERE generic_plans > 0 ORDER BY name",
        planned_anew=True,
    )
    pool = ServingPool(
        large_board_url, serving_reads.STATEMENTS, size=1, wait_s=5.0, statement_timeout_ms=5_000
    )
    pool.open()
    try:
        assert pool.rows(ran) == [("member_list",), ("postings",)]
    finally:
        pool.close()


@pytest.mark.parametrize(
    "statement", [each for each in VALUES if each.rehearsed], ids=lambda each: each.name.decode()
)
def test_a_rehearsal_finds_nothing(large_board_url: str, statement: Statement) -> None:
    with psycopg.connect(large_board_url) as connection:
        connection.pgconn.prepare(statement.name, statement.sql)
        nothing = [None] * len(VALUES[statement])
        assert connection.pgconn.exec_prepared(statement.name, nothing).ntuples == 0  # type: ignore[arg-type]
