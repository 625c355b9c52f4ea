"""Outcomes to Airbridge: within a day, from the member's address, once; whatever fails in whatever order, and back as raw data."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.analytics.airbridge import event_uuid
from app.postgres.syncs.ledger import PostgresLedger
from app.postgres.syncs.runs import hold_destination, start_run
from app.sync.definition import read_definition
from app.sync.door import OutboxEvent
from tests.doubles.airbridge import TOKEN, Airbridge
from tests.doubles.faulty_http import faulty_http
from tests.integration.sync_rig import Clock, RigOfSyncs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.commands import Command

ROOT = Path(__file__).parents[2]
ADDRESS = "123.123.123.123"
LONG = "가" * 129
BLOCKED = "m07"
MEMBERS = [f"m{number:02}" for number in range(12)]
FAULTS = st.lists(
    st.sampled_from(["", "", "", "500 before", "500 after", "cut before", "cut after", "429"]), max_size=16
)
KILLS = st.lists(st.sampled_from(["", "", "", "", "before", "after"]), max_size=10)
ROWS = st.dictionaries(
    st.sampled_from(MEMBERS),
    st.tuples(st.sampled_from(["IT", "개발 (신입)", LONG, "a:b"]), st.sampled_from([ADDRESS, ADDRESS, None, "10.0.0.1"]), st.sampled_from([1, 1, 25])),
    max_size=len(MEMBERS),
)  # fmt: skip
ROUNDS = st.lists(st.tuples(ROWS, FAULTS, KILLS), min_size=1, max_size=3)
EXAMPLES = settings(
    max_examples=int(os.environ.get("CONNECTED_JOBS_SYNC_EXAMPLES", "5")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SYNC = """
destination = "airbridge"
kind = "events"
event = "job_apply"
delivery = "{delivery}"
query = "SELECT event_key, member_id, time, action, address, rid, client_id FROM rig.applied"
[limits]
share = 1.0
connections = 2
[airbridge]
host = "{host}"
app = "board"
fields = {{ "browser.clientID" = "client_id" }}
"""


class AirbridgeRig(RigOfSyncs):
    """One database and one app."""

    def __init__(self, url: str, airbridge: Airbridge, clock: Clock, host: str) -> None:
        super().__init__(url, clock)
        self.airbridge, self.host = airbridge, host

    def sync(self, delivery: str = "at_least_once") -> str:
        return SYNC.format(host=self.host, delivery=delivery)

    def put(self, key: str, *, action: str = "IT", address: str | None = ADDRESS, hours: float = 1) -> None:
        at = datetime.fromtimestamp(self.clock.now, UTC) - timedelta(hours=hours)
        self.sql(
            "INSERT INTO rig.applied VALUES (%s, %s, %s, %s, %s, 'aqBdGfU6K_NRfVp3', 'cookie-7')",
            [key, key.rpartition("-")[2], at, action, address],
        )

    def rejects(self) -> dict[str, str]:
        return dict(
            self.sql(
                "SELECT key, sentence FROM connected_jobs.sync_reject UNION ALL "
                "SELECT once_key, sentence FROM connected_jobs.outbox WHERE state = 'refused'"
            )
        )

    def begin(self) -> None:
        """As on the first day."""
        self.sql("TRUNCATE rig.applied, connected_jobs.outbox, connected_jobs.sync_reject")
        self.airbridge.stored.clear()
        self.airbridge.dropped.clear()
        self.airbridge.copies, self.airbridge.faults.next = 0, []


@pytest.fixture
def rig(database_url: str) -> Iterator[AirbridgeRig]:
    clock = Clock()
    airbridge = Airbridge(clock=clock, blocked=frozenset({BLOCKED}))
    with faulty_http(airbridge) as host:
        made = AirbridgeRig(database_url, airbridge, clock, host)
        made.sql("CREATE SCHEMA rig")
        made.sql(
            "CREATE TABLE rig.applied (event_key text, member_id text, time timestamptz, action text, address text, rid text,"
            " client_id text)"
        )
        yield made
        made.engine.dispose()


def until_done(rig: AirbridgeRig, text: str) -> None:
    rig.airbridge.faults.next = []
    for _ in range(3):
        report = rig.run(text)
        if report is not None and report.state == "done":
            return
    raise AssertionError(report)


@given(rounds=ROUNDS, delivery=st.sampled_from(["at_most_once", "at_least_once"]))
@EXAMPLES
def test_every_valid_event_is_counted_once_whatever_fails(
    rig: AirbridgeRig, rounds: list[Any], delivery: str
) -> None:
    rig.begin()
    text = rig.sync(delivery)
    expected: dict[str, str] = {}
    refused: set[str] = set()
    for number, (rows, faults, kills) in enumerate(rounds):
        for member, (action, address, hours) in rows.items():
            key = f"{number}-{member}"
            rig.put(key, action=action, address=address, hours=hours)
            if address != ADDRESS or action in (LONG, "a:b") or hours > 24 or member == BLOCKED:
                refused.add(key)
            else:
                expected[str(event_uuid("job_apply", key))] = key
        rig.airbridge.faults.next = list(faults)
        rig.run(text, kills=list(kills))
    until_done(rig, text)
    airbridge = rig.airbridge
    assert airbridge.dropped == []
    unknown = {
        key for (key,) in rig.sql("SELECT once_key FROM connected_jobs.outbox WHERE state = 'unknown'")
    }
    assert set(airbridge.stored) <= set(expected)
    if delivery == "at_least_once":
        assert (set(airbridge.stored), unknown) == (set(expected), set())
    else:
        assert airbridge.copies == 0
        assert {expected[one] for one in airbridge.stored} | (unknown & set(expected.values())) == set(
            expected.values()
        )
    assert set(rig.rejects()) == refused - unknown
    assert {one["address"] for one in airbridge.stored.values()} <= {ADDRESS}
    assert {one["member"] for one in airbridge.stored.values()} == {
        expected[one].partition("-")[2] for one in airbridge.stored
    }


def test_the_plan_says_which_events_are_too_late_and_shows_no_address(
    rig: AirbridgeRig, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rig.clock.now = datetime.now(UTC).timestamp()
    for key, hours in (("a-m1", 1.0), ("b-m2", 23.9), ("c-m3", 30.0)):
        rig.put(key, hours=hours)
    monkeypatch.setenv("DATABASE_URL", rig.url)
    monkeypatch.setenv("CJ_AIRBRIDGE_TOKEN", TOKEN)
    monkeypatch.setenv("CJ_AIRBRIDGE_PRIVATE", "on")
    file = tmp_path / "airbridge.toml"
    file.write_text(rig.sync(), encoding="utf-8")
    planned = command("sync", "plan", file)
    assert planned.code == 0, planned.err
    late = (
        "It happened more than 24 hours ago, with a margin of 10 minutes, and Airbridge takes none that old."
    )
    assert f"b-m2 is refused. {late}" in planned.out
    assert f"c-m3 is refused. {late}" in planned.out
    assert 'address = "…"' in planned.out
    assert ADDRESS not in planned.out
    assert "cookie-7" not in planned.out
    assert rig.airbridge.requests == 0
    ran = command("sync", "run", file)
    assert ran.code == 3, ran.err
    assert len(rig.airbridge.stored) == 1
    assert late in command("sync", "rejects").out


def test_an_event_that_waited_too_long_is_refused_and_not_sent(rig: AirbridgeRig) -> None:
    rig.put("a-m1", hours=23)
    rig.airbridge.faults.next = ["500 before"] * 6
    report = rig.run(rig.sync())
    assert (report and report.state) == "stopped"
    rig.clock.now += 3600
    rig.airbridge.faults.next = []
    rig.sql("TRUNCATE rig.applied")
    rig.run(rig.sync())
    assert rig.airbridge.stored == {}
    assert list(rig.rejects()) == ["a-m1"]


def test_what_is_no_more_given_is_no_more_listed(rig: AirbridgeRig) -> None:
    rig.put("a-m1", hours=30)
    rig.put("b-m2", address=None)
    rig.run(rig.sync())
    assert set(rig.rejects()) == {"a-m1", "b-m2"}
    rig.sql("DELETE FROM rig.applied WHERE event_key = 'a-m1'")
    rig.run(rig.sync())
    assert set(rig.rejects()) == {"b-m2"}
    rig.sql("UPDATE rig.applied SET address = %s", [ADDRESS])
    rig.run(rig.sync())
    assert (rig.rejects(), len(rig.airbridge.stored)) == ({}, 1)


def test_addresses_and_ids_of_devices_are_forgotten_once_an_events_end_is_known(rig: AirbridgeRig) -> None:
    for number, fault in enumerate(["", "500 after", ""]):
        rig.put(f"{number}-m{number}")
        rig.airbridge.faults.next += [fault]  # type: ignore[list-item] # a fault
    rig.put(f"9-{BLOCKED}")
    rig.run(rig.sync("at_most_once"))
    rows = rig.sql("SELECT state, properties FROM connected_jobs.outbox ORDER BY state")
    assert [state for state, _ in rows] == ["refused", "sent", "sent", "unknown"]
    assert {tuple(sorted(properties)) for _, properties in rows} == {("action", "rid")}
    one = next(iter(rig.airbridge.stored.values()))
    assert (one["address"], one["device"]) == (ADDRESS, "cookie-7")
    assert set(one["goal"]["customAttributes"]) == {"rid", "cj_key", "cj_attempt"}


def test_no_more_is_claimed_than_was_asked_for(rig: AirbridgeRig) -> None:
    """Whatever plan Postgres takes: what is claimed and not sent is unknown for good after a kill, where each is sent at most once."""
    definition = read_definition(rig.sync().encode(), stem="rig")
    with hold_destination(rig.engine, "a destination") as (number, _):
        run_id = start_run(rig.engine, definition, destination_id=number, names=["x"])
        ledger = PostgresLedger(rig.engine, definition, destination_id=number, run_id=run_id)
        time = "2026-11-20T09:12:00+09:00"
        for start in range(0, 3_000, 1_000):
            ledger.enqueue([OutboxEvent(f"e-{one}", "m-1", time, {}) for one in range(start, start + 1_000)])
        assert [len(ledger.claim(most)) for most in (1, 1, 20, 1)] == [1, 1, 20, 1]


def test_the_pace_keeps_to_the_minute_and_a_429_waits(rig: AirbridgeRig) -> None:
    rig.airbridge.per_minute = 40
    for number in range(100):
        rig.put(f"{number}-m{number}")
    alone = rig.sync().replace(
        "connections = 2", "connections = 1"
    )  # two share the clock that each one's waits move
    rig.run(alone.replace("share = 1.0", "requests = 2\nshare = 1.0"))
    assert len(rig.airbridge.stored) == 100
    assert rig.airbridge.too_fast == 0
    rig.put("x-m1")
    rig.airbridge.faults.next = ["429", "429", "429"]
    rig.run(rig.sync())
    assert (len(rig.airbridge.stored), rig.airbridge.too_fast) == (101, 3)


def test_the_token_is_never_logged_listed_or_stored(
    rig: AirbridgeRig, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rig.clock.now = datetime.now(UTC).timestamp()
    rig.put("a-m1")
    monkeypatch.setenv("DATABASE_URL", rig.url)
    monkeypatch.setenv("CJ_AIRBRIDGE_PRIVATE", "on")
    file, secret = tmp_path / "airbridge.toml", "another-token-of-somebody"
    file.write_text(rig.sync(), encoding="utf-8")
    assert "CJ_AIRBRIDGE_TOKEN is not set" in command("sync", "plan", file).sentence
    kept = tmp_path / "token"
    kept.write_text(secret, encoding="utf-8")
    kept.chmod(0o600)
    monkeypatch.setenv("CJ_AIRBRIDGE_TOKEN_FILE", str(kept))
    ran = command("sync", "run", file)
    assert ran.code == 1
    assert "Airbridge does not know the key: see CJ_AIRBRIDGE_TOKEN" in ran.sentence
    said = ran.out + ran.err + command("sync", "status", "--json").out + command("sync", "rejects").out
    assert secret not in said
    for table in ("outbox", "sync_run", "sync_reject", "sync_batch"):
        assert secret not in str(rig.sql(f"SELECT to_jsonb(t) FROM connected_jobs.{table} t"))  # noqa: S608 - ours


def test_a_private_host_is_refused_unless_that_is_meant(
    rig: AirbridgeRig, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rig.clock.now = datetime.now(UTC).timestamp()
    rig.put("a-m1")
    monkeypatch.setenv("DATABASE_URL", rig.url)
    monkeypatch.setenv("CJ_AIRBRIDGE_TOKEN", TOKEN)
    file = tmp_path / "airbridge.toml"
    file.write_text(rig.sync(), encoding="utf-8")
    assert "set CJ_AIRBRIDGE_PRIVATE=on where that is meant" in command("sync", "run", file).sentence
    assert rig.airbridge.requests == 0


OUTCOME = """
INSERT INTO connected_jobs.outcome (member_id, posting_id, occurred_at, rid, campaign, basis, lag, rule_version)
SELECT 'm-' || n, 'p-' || n, now() - interval '3 hours', 'aqBdGfU6K_NRfVp3', 'weekly-digest', 'clicked', '1 hour', 1
FROM generate_series(1, 5) n
"""


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_ready_sync_sends_our_outcomes_and_they_come_back_as_raw_data(
    rig: AirbridgeRig, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    rig.clock.now = datetime.now(UTC).timestamp()
    rig.sql(
        f"CREATE TABLE connected_jobs.outcome_now PARTITION OF connected_jobs.outcome FOR VALUES FROM ('{datetime.now(UTC) - timedelta(days=9):%Y-%m-%d}') TO ('{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}')"
    )
    rig.sql(OUTCOME)
    rig.sql("CREATE TABLE board.member_address (member_id text, posting_id text, address inet)")
    rig.sql(
        "INSERT INTO board.member_address SELECT 'm-' || n, 'p-' || n, %s::inet FROM generate_series(1, 4) n",
        [ADDRESS],
    )
    monkeypatch.setenv("DATABASE_URL", rig.url)
    monkeypatch.setenv("CJ_AIRBRIDGE_TOKEN", TOKEN)
    monkeypatch.setenv("CJ_AIRBRIDGE_PRIVATE", "on")
    file = tmp_path / "airbridge-outcomes.toml"
    text = (ROOT / "docs/syncs/airbridge-outcomes.toml").read_text(encoding="utf-8")
    rig.airbridge.app = "exampleboard"
    file.write_text(text.replace("[airbridge]", f'[airbridge]\nhost = "{rig.host}"'), encoding="utf-8")
    ran = command("sync", "run", file)
    assert ran.code == 3, ran.err
    assert "It has no address of the member" in command("sync", "rejects").out
    assert (len(rig.airbridge.stored), rig.airbridge.dropped) == (4, [])
    for key, content in rig.airbridge.raw_files(parquet=kind == "parquet").items():
        place = tmp_path / "bucket" / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    assert command("airbridge", "read", tmp_path / "bucket").code == 0
    back = rig.sql(
        "SELECT member_id, category, rid, event_id::text FROM connected_jobs.airbridge_event ORDER BY member_id"
    )
    assert [row[:3] for row in back] == [
        (f"m-{number}", "job_apply", "aqBdGfU6K_NRfVp3") for number in range(1, 5)
    ]
    assert {row[3] for row in back} == set(rig.airbridge.stored)
    assert json.loads(command("sync", "status", "--json").out)[0]["state"] == "done"
