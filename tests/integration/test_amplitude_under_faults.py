"""Whatever fails in whatever order, after enough runs Amplitude has each event once, and of each member what the query says.

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

from tests.doubles.amplitude import Amplitude, amplitude
from tests.doubles.faulty_http import Faults
from tests.integration.sync_rig import Clock, RigOfSyncs

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBERS = [f"m{number}" for number in range(10)]  # shorter than the five characters that it takes by itself
LONG = "x" * 1_025
SILENCED = "m7"
FAULTS = st.lists(
    st.sampled_from(["", "", "", "500 before", "500 after", "cut before", "cut after", "429"]), max_size=10
)
KILLS = st.lists(st.sampled_from(["", "", "", "before", "after"]), max_size=8)
ROWS = st.dictionaries(
    st.sampled_from(MEMBERS),
    st.tuples(st.sampled_from(["a", "나", LONG, None]), st.one_of(st.none(), st.integers(-3, 3))),
    max_size=len(MEMBERS),
)
ROUNDS = st.lists(st.tuples(ROWS, FAULTS, KILLS), min_size=1, max_size=3)
PROPERTIES = """
destination = "amplitude"
null = "remove"
query = "SELECT member_id, word AS cj_word, number AS cj_number FROM rig.wanted"
[limits]
objects = 3
requests = 100
share = 1.0
connections = 2
[amplitude]
host = "{host}"
"""
EVENTS = """
destination = "amplitude"
kind = "events"
event = "Job Applied From Mail"
delivery = "{delivery}"
query = "SELECT event_key, member_id, time, word FROM rig.applied"
[limits]
objects = 3
requests = 100
share = 1.0
connections = 2
[amplitude]
host = "{host}"
"""
EXAMPLES = settings(
    max_examples=int(os.environ.get("CONNECTED_JOBS_SYNC_EXAMPLES", "5")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Rig(RigOfSyncs):
    """One database and one project."""

    def __init__(self, url: str, project: Amplitude, clock: Clock) -> None:
        super().__init__(url, clock)
        self.project = project

    def begin(self) -> None:
        """As on the first day."""
        self.sql(
            "TRUNCATE rig.wanted, rig.applied, connected_jobs.attribute_sent, connected_jobs.outbox, connected_jobs.sync_reject"
        )
        for kept in (self.project.events, self.project.properties, self.project._known):
            kept.clear()

    def put(self, rows: dict[str, tuple[str | None, int | None]]) -> None:
        told = [
            {"member_id": member, "word": word, "number": number} for member, (word, number) in rows.items()
        ]
        self.sql("TRUNCATE rig.wanted")
        self.sql(
            "INSERT INTO rig.wanted SELECT * FROM json_to_recordset(%s) AS r (member_id text, word text, number int)",
            [json.dumps(told)],
        )

    def until_done(self, text: str) -> None:
        self.project.faults.next = []
        for _ in range(3):
            report = self.run(text)
            if report is not None and report.state == "done":
                return
        raise AssertionError(report)


@pytest.fixture
def rig(database_url: str) -> Iterator[Rig]:
    clock = Clock()
    with amplitude(Amplitude(clock=clock, silenced={SILENCED}, faults=Faults())) as project:
        made = Rig(database_url, project, clock)
        made.sql("CREATE SCHEMA rig")
        made.sql("CREATE TABLE rig.wanted (member_id text PRIMARY KEY, word text, number int)")
        made.sql("CREATE TABLE rig.applied (event_key text, member_id text, time timestamptz, word text)")
        yield made
        made.engine.dispose()


@given(rounds=ROUNDS)
@EXAMPLES
def test_a_project_ends_as_the_query_says(rig: Rig, rounds: list[Any]) -> None:
    rig.begin()
    text = PROPERTIES.format(host=rig.project.url)
    for rows, faults, kills in rounds:
        rig.put(rows)
        rig.project.faults.next = list(faults)
        rig.run(text, kills=list(kills))
    rig.until_done(text)
    wanted = rounds[-1][0]
    valid = {one: row for one, row in wanted.items() if row[0] != LONG and one != SILENCED}
    for member, (word, number) in valid.items():
        values = {"cj_word": word, "cj_number": number}
        assert rig.project.properties[member] == {n: v for n, v in values.items() if v is not None}
    refused = {row[0] for row in rig.sql("SELECT key FROM connected_jobs.sync_reject WHERE sentence <> ''")}
    assert refused == set(wanted) - set(valid)
    requests = rig.project.requests
    rig.until_done(text)
    assert rig.project.requests == requests


@given(rounds=ROUNDS, delivery=st.sampled_from(["at_most_once", "at_least_once"]))
@EXAMPLES
def test_each_event_is_kept_once_and_sent_once_where_that_was_chosen(
    rig: Rig, rounds: list[Any], delivery: str
) -> None:
    rig.begin()
    doubled = rig.project.doubled
    text = EVENTS.format(host=rig.project.url, delivery=delivery)
    expected: set[str] = set()
    for number, (rows, faults, kills) in enumerate(rounds):
        rig.put(rows)
        rig.sql(
            "INSERT INTO rig.applied SELECT %s || '-' || member_id, member_id, '2026-11-20 09:12+09', word FROM rig.wanted",
            [str(number)],
        )
        expected |= {f"{number}-{one}" for one, (word, _) in rows.items() if word != LONG and one != SILENCED}
        rig.project.faults.next = list(faults)
        rig.run(text, kills=list(kills))
    rig.until_done(text)
    times = Counter(one.properties["cj_key"] for one in rig.project.events)
    assert set(times.values()) <= {1}
    if delivery == "at_least_once":
        assert set(times) == expected
        return
    unknown = {
        row[0] for row in rig.sql("SELECT once_key FROM connected_jobs.outbox WHERE state = 'unknown'")
    }
    assert set(times) | (unknown & expected) == expected
    assert rig.project.doubled == doubled  # none was even sent twice
