"""Whatever fails in whatever order, after enough runs Braze has what the query says, and no event twice that may not be.

The engine runs on a real Postgres against the double over HTTP: server errors before and after taking, cut connections, 429s,
and the process's end before and after any request.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doubles.braze_rest.catalogs import Catalogs
from tests.doubles.braze_rest.limits import RequestLimits
from tests.doubles.braze_rest.profiles import Profiles
from tests.doubles.braze_rest.server import BrazeRest, braze_rest
from tests.integration.sync_rig import Clock, SyncRig

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBERS = [f"m{number:02}" for number in range(12)]
LONG = "x" * 256
BLOCKED = "m07"
FAULTS = st.lists(
    st.sampled_from(["", "", "", "500 before", "500 after", "cut before", "cut after", "429"]), max_size=12
)
KILLS = st.lists(st.sampled_from(["", "", "", "before", "after"]), max_size=8)
ROWS = st.dictionaries(
    st.sampled_from(MEMBERS),
    st.tuples(st.sampled_from(["a", "나", LONG, None]), st.one_of(st.none(), st.integers(-3, 3))),
    max_size=len(MEMBERS),
)
ROUNDS = st.lists(st.tuples(ROWS, FAULTS, KILLS), min_size=1, max_size=3)

ATTRIBUTES = """
destination = "braze"
null = "remove"
query = "SELECT member_id, word AS cj_word, number AS cj_number FROM rig.wanted"
[limits]
objects = 3
share = 1.0
connections = 2
[braze]
host = "{host}"
"""
EVENTS = """
destination = "braze"
kind = "events"
event = "applied_from_mail"
delivery = "{delivery}"
query = "SELECT event_key, member_id, time, word FROM rig.applied"
[limits]
objects = 3
share = 1.0
connections = 2
[braze]
host = "{host}"
"""
CATALOG = """
destination = "braze"
kind = "catalog"
member = "id"
query = "SELECT member_id AS id, word AS title, number AS places FROM rig.wanted"
[limits]
objects = 3
share = 1.0
[braze]
host = "{host}"
catalog = "postings"
"""
EXAMPLES = settings(
    max_examples=int(os.environ.get("CONNECTED_JOBS_SYNC_EXAMPLES", "5")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def rig(database_url: str) -> Iterator[SyncRig]:
    clock = Clock()
    braze = BrazeRest(limits=RequestLimits(clock=clock))
    with braze_rest(braze):
        made = SyncRig(database_url, braze, clock)
        made.sql("CREATE SCHEMA rig")
        made.sql("CREATE TABLE rig.wanted (member_id text PRIMARY KEY, word text, number int)")
        made.sql("CREATE TABLE rig.applied (event_key text, member_id text, time timestamptz, word text)")
        yield made
        made.engine.dispose()


def begin(rig: SyncRig) -> None:
    """As on the first day."""
    rig.sql(
        "TRUNCATE rig.wanted, rig.applied, connected_jobs.attribute_sent, connected_jobs.outbox, connected_jobs.sync_reject"
    )
    rig.braze.profiles = Profiles(members={one: {} for one in MEMBERS}, blocked={BLOCKED})
    rig.braze.catalogs = Catalogs(fields={"postings": {"title", "places"}})
    rig.braze.faults.next = []


def put(rig: SyncRig, rows: dict[str, tuple[str | None, int | None]]) -> None:
    told = [{"member_id": member, "word": word, "number": number} for member, (word, number) in rows.items()]
    rig.sql("TRUNCATE rig.wanted")
    rig.sql(
        "INSERT INTO rig.wanted SELECT * FROM json_to_recordset(%s) AS r (member_id text, word text, number int)",
        [json.dumps(told)],
    )


def until_done(rig: SyncRig, text: str) -> None:
    rig.braze.faults.next = []
    for _ in range(3):
        report = rig.run(text)
        if report is not None and report.state == "done":
            return
    raise AssertionError(report)


@given(rounds=ROUNDS)
@EXAMPLES
def test_a_workspace_ends_as_the_query_says(rig: SyncRig, rounds: list[Any]) -> None:
    """Rows change between the runs, back to what they were too, and whatever run comes to its end is right."""
    begin(rig)
    text = ATTRIBUTES.format(host=rig.braze.url)
    for rows, faults, kills in rounds:
        put(rig, rows)
        rig.braze.faults.next = list(faults)
        rig.run(text, kills=list(kills))
    until_done(rig, text)
    wanted = rounds[-1][0]
    valid = {one: row for one, row in wanted.items() if row[0] != LONG and one != BLOCKED}
    for member, (word, number) in valid.items():
        values = {"cj_word": word, "cj_number": number}
        told = {name: value for name, value in values.items() if value is not None}
        assert rig.braze.profiles.members[member] == told
    refused = {row[0] for row in rig.sql("SELECT key FROM connected_jobs.sync_reject WHERE sentence <> ''")}
    assert refused == set(wanted) - set(valid)
    sent_before = rig.braze.requests
    until_done(rig, text)
    assert (rig.braze.requests - sent_before, rig.braze.profiles.made) == (0, 0)


@given(rounds=ROUNDS, delivery=st.sampled_from(["at_most_once", "at_least_once"]))
@EXAMPLES
def test_an_event_is_sent_once_and_again_only_where_that_was_chosen_and_is_seen(
    rig: SyncRig, rounds: list[Any], delivery: str
) -> None:
    begin(rig)
    text = EVENTS.format(host=rig.braze.url, delivery=delivery)
    expected: set[str] = set()
    for number, (rows, faults, kills) in enumerate(rounds):
        put(rig, rows)
        rig.sql(
            "INSERT INTO rig.applied SELECT %s || '-' || member_id, member_id, '2026-11-20 09:12+09', word FROM rig.wanted",
            [str(number)],
        )
        expected |= {f"{number}-{one}" for one, (word, _) in rows.items() if word != LONG and one != BLOCKED}
        rig.braze.faults.next = list(faults)
        rig.run(text, kills=list(kills))
    until_done(rig, text)
    attempts = [(one.properties["cj_key"], one.properties["cj_attempt"]) for one in rig.braze.profiles.events]
    assert len(set(attempts)) == len(attempts)
    times = Counter(key for key, _ in attempts)
    if delivery == "at_least_once":
        assert set(times) == expected
        return
    assert set(times.values()) <= {1}
    unknown = {
        row[0] for row in rig.sql("SELECT once_key FROM connected_jobs.outbox WHERE state = 'unknown'")
    }
    assert set(times) | (unknown & expected) == expected


@given(rounds=ROUNDS)
@EXAMPLES
def test_a_catalog_ends_as_the_query_says_and_what_is_gone_is_deleted(
    rig: SyncRig, rounds: list[Any]
) -> None:
    begin(rig)
    text = CATALOG.format(host=rig.braze.url)
    for rows, faults, kills in rounds:
        put(rig, rows)
        rig.braze.faults.next = list(faults)
        rig.run(text, kills=list(kills))
    until_done(rig, text)
    told = {
        item: {name: value for name, value in {"title": word, "places": number}.items() if value is not None}
        for item, (word, number) in rounds[-1][0].items()
    }
    assert rig.braze.catalogs.items.get("postings", {}) == told
