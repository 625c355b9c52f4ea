"""A sync sends what changed and nothing else, says what it did, and hands each refused row back with a sentence."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psycopg
import pytest

from app.postgres.engines import batch_engine
from app.postgres.syncs.register import PostgresSyncs
from tests.doubles.braze_rest.catalogs import Catalogs
from tests.doubles.braze_rest.limits import RequestLimits
from tests.doubles.braze_rest.profiles import Profiles
from tests.doubles.braze_rest.server import KEY, BrazeRest, braze_rest
from tests.integration.small_board import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from app.sync.record import SyncRunRecord
    from tests.integration.commands import Command

ATTRIBUTES = """
destination = "braze"
null = "{null}"
query = '''
{query}
'''
[limits]
share = 1.0
[braze]
host = "{host}"
"""


LONG = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 100) AS i)"  # which no index packs
ROOT = Path(__file__).parents[2]
EXPOSURE = """
    INSERT INTO connected_jobs.exposure (day, event_id, rid, member_id, braze_user, campaign, source, shown, posting_ids, sent_at)
    VALUES (current_date - %s::int, gen_random_uuid(), 'r', %s, 'b', 'weekly', 'profile', 12, '{}', now())
"""
CLICK = """
    INSERT INTO connected_jobs.click (day, event_id, member_id, braze_user, at, person)
    VALUES (current_date, gen_random_uuid(), %s, 'b', now(), true)
"""


class World:
    """A table that a sync reads, a workspace that it writes to, and the command."""

    def __init__(self, url: str, braze: BrazeRest, command: Command, folder: Path) -> None:
        self.url, self.braze, self.command, self.folder = url, braze, command, folder

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def file(
        self,
        query: str = "SELECT * FROM board_out.wanted",
        *,
        name: str = "wanted",
        null: str = "skip",
        more: str = "",
    ) -> Path:
        path = self.folder / f"{name}.toml"
        path.write_text(
            more + ATTRIBUTES.format(query=query, null=null, host=self.braze.url), encoding="utf-8"
        )
        return path

    def sync(self, *words: object) -> Any:
        ran = self.command("sync", *words)
        self.braze.settle()
        return ran


@pytest.fixture
def world(
    database_url: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CJ_BRAZE_KEY", KEY)
    monkeypatch.setenv("CJ_BRAZE_PRIVATE", "on")
    members: dict[str, dict[str, Any]] = {f"m-{number:04}": {} for number in range(400)}
    with braze_rest(BrazeRest(profiles=Profiles(members=members))) as braze:
        made = World(database_url, braze, command, tmp_path)
        made.sql("CREATE SCHEMA board_out")
        made.sql(
            "CREATE TABLE board_out.wanted AS SELECT 'm-' || lpad(n::text, 4, '0') AS member_id, "
            "'field ' || n % 7 AS cj_field, n % 5 AS cj_new, n % 2 = 0 AS cj_tired FROM generate_series(0, 299) AS n"
        )
        yield made


def test_only_what_changed_is_sent_and_known_as_sent_when_it_was_acknowledged(world: World) -> None:
    file = world.file()
    planned = json.loads(world.sync("plan", file, "--json").out)
    assert (planned["compared"]["changed"], planned["compared"]["values"], planned["requests"]) == (
        300,
        900,
        4,
    )
    assert (planned["billed"], len(planned["examples"]), world.braze.requests) == (
        {"data_points": 900},
        10,
        0,
    )
    ran = world.sync("run", file)
    assert ran.code == 0, ran.err
    assert world.braze.profiles.members["m-0008"] == {"cj_field": "field 1", "cj_new": 3, "cj_tired": True}
    assert (world.braze.requests, world.braze.profiles.data_points, world.braze.profiles.made) == (4, 900, 0)
    assert world.sync("run", file).code == 0
    assert world.braze.requests == 4
    world.sql("UPDATE board_out.wanted SET cj_new = 77 WHERE member_id = 'm-0008'")
    assert world.sync("run", file).code == 0
    assert (world.braze.requests, world.braze.profiles.data_points) == (5, 901)
    explained = world.sync("explain", file, "m-0008").out
    assert "cj_new = 77  sent" in explained
    assert "by run 3 of wanted: it was 3" in explained
    assert "by run 1 of wanted: nothing was known of it before" in explained
    assert "wanted" in world.sync("status").out
    world.braze.profiles.members["m-0008"] = {}  # a profile that is new in Braze
    assert world.sync("run", file, "--all").code == 0
    assert world.braze.profiles.members["m-0008"] == {"cj_field": "field 1", "cj_new": 77, "cj_tired": True}


def test_the_first_plan_to_a_destination_says_that_other_databases_are_not_seen(world: World) -> None:
    file = world.file()
    assert "Nothing was sent there from this database yet." in world.sync("plan", file).out
    assert json.loads(world.sync("plan", file, "--json").out)["compared"]["changed"] == 300
    assert world.sync("run", file).code == 0
    assert "from this database" not in world.sync("plan", file).out


def test_wrong_rows_are_listed_with_their_sentence_until_they_are_right(world: World) -> None:
    world.braze.profiles.blocked = {"m-0003"}
    world.sql("UPDATE board_out.wanted SET cj_field = repeat('x', 256) WHERE member_id = 'm-0002'")
    file = world.file()
    ran = world.sync("run", file)
    assert (ran.code, world.braze.profiles.members["m-0002"], world.braze.profiles.members["m-0003"]) == (
        3,
        {},
        {},
    )
    listed = json.loads(world.sync("rejects", "--json").out)
    assert {(one["key"], one["sentence"]) for one in listed} == {
        ("m-0002", "cj_field: a text of 256 characters, and Braze takes 255."),
        ("m-0003", "Braze refuses it: provided external_id is blacklisted and disallowed."),
    }
    requests = world.braze.requests
    assert world.sync("run", file).code == 3  # they have not changed: nothing is sent
    assert world.braze.requests == requests
    world.braze.profiles.blocked = set()
    assert world.sync("run", file, "--again").code == 3
    world.sql("UPDATE board_out.wanted SET cj_field = 'x' WHERE member_id = 'm-0002'")
    assert world.sync("run", file).code == 0
    assert world.sync("rejects").out == ""
    assert "Refused" not in world.sync("explain", file, "m-0002").out


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("SELEC 1", 'The query is not one SELECT (syntax error at or near "1"): write one, with values in place of parameters'),
        ("SELECT member_id, $1 AS x FROM board_out.wanted", "The query is not one SELECT (bind message supplies 0 parameters"),
        ("SELECT member_id, :since AS x FROM board_out.wanted", "The query is not one SELECT (syntax error"),
        ("SELECT member_id, 1 AS x FROM board_out.wanted; -- all", "The query is not one SELECT (syntax error"),
        ("UPDATE board_out.wanted SET cj_new = 1 RETURNING member_id, cj_new", "The query is not one SELECT (syntax error"),
        ("SELECT member_id, set_config('transaction_read_only', 'off', true) AS x FROM board_out.wanted", "The query changes something"),
        ("SELECT cj_new::float4 AS member_id, 1 AS x FROM board_out.wanted", "The column 'member_id' is of type real, and an id is a text,"),
        ("SELECT to_jsonb(member_id) AS member_id, 1 AS x FROM board_out.wanted", "The column 'member_id' is of type jsonb, and an id is"),
        ("SELECT ARRAY[member_id] AS member_id, 1 AS x FROM board_out.wanted", "The column 'member_id' is of type text[], and an id is"),
        ("SELECT member_id FROM wanted", 'The query cannot run: relation "wanted" does not exist. Tables and functions'),
        ("SELECT 1 AS member_id, 2 AS x) AS a; DROP TABLE board_out.wanted; --", "The query is not one SELECT (syntax error"),
        ("SELECT cj_new FROM board_out.wanted", "The query has no column 'member_id': it gives cj_new."),
        ("SELECT * FROM board_out.wanted UNION ALL SELECT * FROM board_out.wanted", "The query gives 'm-0000' in two rows"),
        ("SELECT NULL AS member_id, 1 AS x", "The query gives a row whose member_id is NULL"),
        (f"SELECT {LONG} AS member_id, 1 AS x", "The query gives a row whose member_id has more than 2,000 bytes (c4ca4238a0b923820dcc509a6f75849bc81e728d…)"),
        ("SELECT member_id, now()::timestamp AS x FROM board_out.wanted", "The column 'x' is a timestamp without a time zone"),
        ("SELECT member_id, '\\x00'::bytea AS x FROM board_out.wanted", "The column 'x' is of type bytea"),
        ("SELECT member_id, 1 / (cj_new - cj_new) AS x FROM board_out.wanted", "The query cannot run: division by zero.\n"),
        ("SELECT 'a' AS member_id, txid_current() AS x, nextval('board_out.numbers') AS y", "The query changes something"),
        ("SELECT 'a' AS member_id, pg_sleep(3)::text AS x", "The query took longer than query_timeout_s = 1"),
        ("SELECT member_id, cj_new AS email FROM board_out.wanted", "The column 'email' would be an address"),
        ('SELECT member_id, json \'"\\u0000"\' AS x FROM board_out.wanted', "The query cannot run: unsupported Unicode escape"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_query_that_cannot_be_sent_is_one_sentence(world: World, query: str, sentence: str) -> None:
    world.sql("CREATE SEQUENCE board_out.numbers")
    ran = world.sync("run", world.file(query, more="query_timeout_s = 1\n"))
    said = ran.sentence.removeprefix("connected-jobs: ") + "\n"
    assert (ran.code, said[: len(sentence)]) == (1, sentence)
    assert world.sql("SELECT count(*) FROM board_out.wanted") == [(300,)]
    assert world.braze.requests == 0


def test_two_at_once_and_one_attribute_by_two_syncs_are_refused(world: World) -> None:
    file = world.file()
    assert world.sync("run", file).code == 0
    other = world.file("SELECT member_id, cj_new FROM board_out.wanted", name="other")
    assert "The sync 'wanted' sends 'cj_new' to the same destination" in world.sync("run", other).sentence
    ((number,),) = world.sql("SELECT id FROM connected_jobs.sync_destination")
    with psycopg.connect(world.url) as connection:
        connection.execute("SELECT pg_advisory_lock(425011203, %s)", [number])
        assert "is running: wait for it to end" in world.sync("run", file).sentence
    assert world.sync("run", file).code == 0


def within_an_hour() -> None:
    """Let the clock's next hour begin first, where it is near: budgets begin anew with it."""
    if (left_s := 3_600 - time.time() % 3_600) < 20:
        time.sleep(left_s + 0.1)


def test_a_spent_hour_pauses_the_run_and_the_next_goes_on(world: World) -> None:
    within_an_hour()
    world.braze.limits = RequestLimits(hourly=3, dialect="mau")
    file = world.file()
    ran = world.sync("run", file, "--no-wait")
    assert (ran.code, "paused until " in ran.err, "(Asia/Seoul)" in ran.err) == (4, True, True)
    assert world.sync("run", file, "--no-wait").code == 4  # what this hour has used is known
    assert "paused until " in world.sync("status").out
    assert world.braze.limits.refused <= 1
    world.sql("UPDATE connected_jobs.sync_batch SET at = at - interval '1 hour'")
    world.sql("UPDATE connected_jobs.sync_run SET paused_until = now()")
    world.braze.limits = RequestLimits()
    assert world.sync("run", file, "--no-wait").code == 0
    assert sum(map(bool, world.braze.profiles.members.values())) == 300


@pytest.mark.parametrize(
    ("key", "private", "sentence"),
    [
        ("wrong", "on", "Braze does not know the key: see CJ_BRAZE_KEY"),
        ("narrow", "on", "Braze knows the key, which lacks the permission"),
        (None, "on", "CJ_BRAZE_KEY is not set"),
        (
            KEY,
            "off",
            "is inside a private network, or would be called without https: set CJ_BRAZE_PRIVATE=on",
        ),
    ],
)
def test_what_does_not_let_us_in_ends_the_run_at_once_and_no_secret_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, key: str | None, private: str, sentence: str
) -> None:
    world.braze.keys["narrow"] = {"users.delete"}
    monkeypatch.setenv("CJ_BRAZE_PRIVATE", private)
    monkeypatch.delenv("CJ_BRAZE_KEY") if key is None else monkeypatch.setenv("CJ_BRAZE_KEY", key)
    ran = world.sync("run", world.file())
    assert (ran.code, sentence in ran.sentence) == (1, True)
    kept = world.sql(
        "SELECT r::text FROM connected_jobs.sync_run r UNION ALL SELECT b::text FROM connected_jobs.sync_batch b"
    )
    assert KEY not in ran.err + ran.out + str(kept)
    assert world.braze.requests <= 4


EVENTS = "SELECT member_id || '/p-1' AS event_key, member_id, now() AS time, 'p-1' AS posting_id FROM board_out.wanted"


def test_events_are_sent_once_and_explained(world: World) -> None:
    file = world.file(EVENTS, name="applied", more='kind = "events"\nevent = "applied_from_mail"\n')
    assert json.loads(world.sync("plan", file, "--json").out)["compared"]["changed"] == 300
    assert world.sync("run", file).code == 0
    assert world.sync("run", file).code == 0
    assert len(world.braze.profiles.events) == 300
    assert world.braze.profiles.events[0].properties["cj_attempt"] == 1
    assert world.sync("explain", file, "m-0008").out.startswith("m-0008/p-1  sent ")


def test_an_event_may_have_no_property_and_a_member_whose_id_is_a_number(world: World) -> None:
    world.braze.profiles.members["7"] = {}
    query = "SELECT 7 AS member_id, 1 AS event_key, now() AS time"
    file = world.file(query, name="bare", more='kind = "events"\nevent = "came_back"\n')
    assert world.sync("run", file).code == 0
    (event,) = world.braze.profiles.events
    assert (event.member, event.properties) == ("7", {"cj_key": "1", "cj_attempt": 1})


def test_an_event_of_no_key_or_of_a_member_whose_id_is_a_book_is_refused_and_the_others_go(
    world: World,
) -> None:
    world.braze.profiles.members["m-1"] = {}
    rows = f"('m-1', 'a'), ('m-1', ''), ({LONG}, 'b')"
    query = f"SELECT v.id AS member_id, v.key AS event_key, now() AS time FROM (VALUES {rows}) AS v (id, key)"  # noqa: S608
    file = world.file(query, name="bare", more='kind = "events"\nevent = "came_back"\n')
    assert world.sync("run", file).code == 3
    assert [one.member for one in world.braze.profiles.events] == ["m-1"]
    told = {one["key"]: one["sentence"] for one in json.loads(world.sync("rejects", "--json").out)}
    assert told == {
        "": "event_key is empty: by it an event is sent once.",
        "b": "The member's id has more than 2,000 bytes.",
    }


def test_a_plan_shows_the_begin_of_a_long_value(world: World) -> None:
    ran = world.sync(
        "plan",
        world.file(
            "SELECT 'm-0001' AS member_id, (SELECT array_agg(repeat('x', 200) || i) FROM generate_series(1, 9) AS i) AS x"
        ),
    )
    assert 200 < max(map(len, ran.out.splitlines())) < 300


def test_a_refused_event_is_sent_again_where_that_is_asked_as_the_query_gives_it_then(world: World) -> None:
    world.braze.profiles.blocked = {"m-0003"}
    file = world.file(EVENTS, name="applied", more='kind = "events"\nevent = "applied_from_mail"\n')
    assert world.sync("run", file).code == 3
    world.braze.profiles.blocked = set()
    requests = world.braze.requests
    assert world.sync("run", file).code == 3
    assert world.braze.requests == requests
    world.file(
        EVENTS.replace("'p-1' AS", "'p-2' AS"),
        name="applied",
        more='kind = "events"\nevent = "applied_from_mail"\n',
    )
    assert json.loads(world.sync("plan", file, "--again", "--json").out)["compared"]["changed"] == 1
    assert world.sync("run", file, "--again").code == 0
    (event,) = (one for one in world.braze.profiles.events if one.member == "m-0003")
    assert (event.properties["posting_id"], event.properties["cj_attempt"]) == ("p-2", 2)
    assert (len(world.braze.profiles.events), world.sync("rejects").out) == (300, "")


def test_a_pause_leaves_no_event_unknown_that_did_not_leave(world: World) -> None:
    within_an_hour()
    world.braze.limits = RequestLimits(hourly=2, dialect="mau")
    more = 'kind = "events"\nevent = "applied_from_mail"\ndelivery = "at_most_once"\n'
    file = world.file(EVENTS, name="applied", more=more)
    assert world.sync("run", file, "--no-wait").code == 4
    world.sql("UPDATE connected_jobs.sync_batch SET at = at - interval '1 hour'")
    world.sql("UPDATE connected_jobs.sync_run SET paused_until = now()")
    world.braze.limits = RequestLimits()
    assert world.sync("run", file).code == 0
    assert len(world.braze.profiles.events) == 300


def test_a_destination_that_only_answers_429_pauses_the_run_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sync.courier.TOO_FAST_TRIES", 2)
    world.braze.limits = RequestLimits(burst=0)
    ran = world.sync("run", world.file(more="query_timeout_s = 60\n"))
    assert ran.code == 4
    assert "Braze has answered 429 to one request 2 times in turn: paused until " in ran.err
    assert "Braze has answered 429 to one request 2 times in turn." in world.sync("status").out


def test_erasing_a_member_reaches_braze_and_what_syncs_know_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.members.LET_GO_S", 0.0)
    file = world.file()
    assert world.sync("run", file).code == 0
    world.braze.keys[KEY].discard("users.delete")
    refused = world.command("members", "erase", "m-0008", "--in-braze", file)
    assert "Nothing was erased here either" in refused.sentence
    world.braze.keys[KEY].add("users.delete")
    erased = world.command("members", "erase", "m-0008", "--in-braze", file)
    assert (erased.code, "Braze deleted 1 profile." in erased.out) == (0, True)
    assert "m-0008" not in world.braze.profiles.members
    sent = world.braze.requests
    assert world.sync("run", file).code == 0  # the query still gives them
    assert world.braze.requests == sent
    assert world.sync("rejects").out == ""


def test_the_same_delta_as_files_is_sent_once_and_waits_for_the_interval(world: World) -> None:
    out = world.folder / "cdi"
    out.mkdir()
    file = world.file()
    ran = world.sync("export", file, out)
    (written,) = out.iterdir()
    assert ran.code == 0
    assert re.fullmatch(r"wanted-\d{8}T\d{6}Z-00000001-001\.jsonl", written.name)
    lines = [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()]
    assert (len(lines), lines[8]["external_id"]) == (300, "m-0008")
    assert json.loads(lines[8]["payload"]) == {"cj_field": "field 1", "cj_new": 3, "cj_tired": True}
    assert "have no order: wait 15 minutes" in world.sync("export", file, out).sentence
    world.sql("UPDATE board_out.wanted SET cj_new = 77 WHERE member_id = 'm-0008'")
    assert world.sync("export", file, out, "--interval-minutes", 0, "--format", "csv").code == 0
    (changed,) = out.glob("*.csv")
    assert changed.read_text(encoding="utf-8") == 'external_id,payload\nm-0008,"{""cj_new"":77}"\n'
    assert world.sync("run", file).code == 0
    assert world.braze.requests == 0
    names = {path.name for path in out.iterdir()}
    world.sql(
        "TRUNCATE connected_jobs.attribute_sent"
    )  # as a database that a dump of before the first export was restored to
    world.sql("ALTER TABLE connected_jobs.sync_run ALTER COLUMN id RESTART")
    world.sql("TRUNCATE connected_jobs.sync_run CASCADE")
    time.sleep(1)
    assert world.sync("export", file, out, "--interval-minutes", 0).code == 0
    assert len({path.name for path in out.iterdir()} - names) == 1
    ids = world.folder / "left.txt"
    ids.write_text("m-1\nm-2\nm-1\n", encoding="utf-8")
    assert world.sync("deletes", ids, out).out == "2 members are in delete-left.jsonl.\n"
    assert "is there already" in world.sync("deletes", ids, out).sentence
    ids.write_text("\ufeffm-0001\r\n", encoding="utf-8")  # as an editor of Windows saves it
    assert world.sync("deletes", ids.rename(ids.with_name("more.txt")), out).code == 0
    assert json.loads((Path(out) / "delete-more.jsonl").read_text(encoding="utf-8")) == {
        "external_id": "m-0001"
    }


def ready(world: World, name: str) -> Path:
    """A sync that comes with the project, to the double."""
    text = (ROOT / "docs/syncs" / name).read_text(encoding="utf-8")
    path = world.folder / name
    path.write_text(text.replace("https://rest.kr-01.braze.com", world.braze.url), encoding="utf-8")
    return path


def test_the_ready_syncs_give_each_member_the_coarse_attributes_and_each_open_posting_an_item(
    world: World, engine: Engine
) -> None:
    fill(engine, members=40, postings=60)
    world.sql("INSERT INTO board.member (id, mail_consent) VALUES ('m-bare', true), ('m-none', false)")
    for table in ("exposure", "click"):
        world.sql(
            f"CREATE TABLE connected_jobs.{table}_of_a_test PARTITION OF connected_jobs.{table} DEFAULT"
        )
    for day in range(2):  # 24 postings and no click, and as many with one
        for member in ("m-000001", "m-000002"):
            world.sql(EXPOSURE, day, member)
    world.sql(CLICK, "m-000002")
    world.braze.profiles.members |= {f"m-{number:06}": {} for number in range(1, 41)} | {
        "m-bare": {},
        "m-none": {},
    }
    assert world.sync("run", ready(world, "members.toml")).code == 0
    members = world.braze.profiles.members
    (applied,) = world.sql(
        "SELECT (max(occurred_at) AT TIME ZONE 'Asia/Seoul')::date::text FROM board.activity WHERE member_id = 'm-000001' AND kind = 'apply'"
    )
    assert members["m-000001"] == {
        "cj_source": "profile", "cj_field": "3", "cj_region": "101000", "cj_new_7d": "10+", "cj_last_apply": applied[0],
        "cj_tired": True,
    }  # fmt: skip
    assert members["m-000002"]["cj_tired"] is False
    assert (members["m-bare"], members["m-none"]) == (
        {"cj_source": "popular", "cj_new_7d": "0", "cj_tired": False},
        {},
    )
    world.braze.catalogs = Catalogs(fields={"postings": {"title", "company", "region", "deadline", "url"}})
    assert world.sync("run", ready(world, "postings.toml")).code == 0
    assert len(world.braze.catalogs.items["postings"]) == 60
    world.sql("UPDATE board.posting SET status = 'closed' WHERE id = 'p-000007'")
    assert world.sync("run", ready(world, "postings.toml")).code == 0
    assert "p-000007" not in world.braze.catalogs.items["postings"]


def test_a_paused_sync_sends_nothing_until_somebody_lets_it_go_on(world: World) -> None:
    file = world.file()
    assert "There is no sync 'wanted' on record" in world.sync("pause", "wanted").sentence
    world.sql("UPDATE board_out.wanted SET cj_field = repeat('x', 256) WHERE member_id = 'm-0002'")
    assert world.sync("run", file).code == 3
    world.sql("UPDATE board_out.wanted SET cj_new = 9")
    assert world.sync("pause", "wanted", "--by", "kim").out.startswith("wanted is paused since 20")
    assert "by kim" in world.sync("pause", "wanted", "--by", "lee").out  # it was paused before
    requests, out = world.braze.requests, file.parent / "out"
    out.mkdir()
    for words in (("run", file), ("export", file, out)):
        ran = world.sync(*words)
        assert (ran.code, world.braze.requests, list(out.iterdir())) == (4, requests, [])
        assert "by kim: nothing was sent.\n`connected-jobs sync resume wanted` lets it go on." in ran.err
    assert world.sync("status").out.startswith("wanted is paused since 20")
    assert json.loads(world.sync("status", "--json").out)[0]["pause"]["by"] == "kim"
    assert world.sync("plan", file).code == 0
    assert world.sync("resume", "wanted", "--by", "lee").out == "wanted goes on with its next `sync run`.\n"
    assert world.sync("resume", "wanted").out == "wanted was not paused.\n"
    assert world.sync("run", file).code == 3
    assert world.braze.profiles.members["m-0008"]["cj_new"] == 9
    assert world.sql("SELECT who, what, subject FROM connected_jobs.audit ORDER BY id") == [
        ("kim", "sync pause", "wanted"),
        ("lee", "sync resume", "wanted"),
    ]


@pytest.mark.parametrize("kind", ["attributes", "events"])
def test_a_run_under_way_ends_after_its_requests_when_somebody_pauses_it(
    world: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.loop.syncs._LOOK_S", 0.0)
    slow = "objects = 5\nrequests = 60\nconnections = 2\n"
    query, more = "SELECT * FROM board_out.wanted", ""
    if kind == "events":
        query = "SELECT member_id AS event_key, member_id, now() AS time, cj_field FROM board_out.wanted"
        more = 'kind = "events"\nevent = "applied_from_mail"\n'
    file = world.file(query, more=more)
    file.write_text(file.read_text().replace("share = 1.0", f"{slow}share = 1.0"))

    def draw() -> Literal[""]:
        if world.braze.requests == 3:
            world.sql(
                "INSERT INTO connected_jobs.sync_pause (sync, paused_by) VALUES ('wanted', 'kim') ON CONFLICT DO NOTHING"
            )
        return ""

    world.braze.faults.draw = draw
    ran = world.sync("run", file)
    assert (ran.code, ran.err) == (
        4,
        "It was paused by kim. What was acknowledged is kept, and the rest waits.\n",
    )
    assert 3 < world.braze.requests < 60
    ((state, sentence, taken, waiting),) = world.sql(
        "SELECT state, sentence, (figures ->> 'taken')::int, (SELECT count(*) FROM connected_jobs.outbox WHERE state = 'sending')"
        " FROM connected_jobs.sync_run"
    )
    assert (state, sentence, taken, waiting) == (
        "paused",
        "It was paused by kim.",
        5 * world.braze.requests,
        0,
    )
    assert world.sync("resume", "wanted").code == 0
    assert world.sync("run", file).code == 0
    assert world.braze.requests == 60  # nothing was sent twice


def test_a_run_says_on_record_how_far_it_is_and_until_when_its_hour_holds_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.loop.syncs._LOOK_S", 0.0)
    file = world.file()
    file.write_text(
        file.read_text().replace(
            "share = 1.0", "objects = 30\nconnections = 1\nrequests_per_hour = 4\nshare = 1.0"
        )
    )
    engine = batch_engine(world.url)
    register = PostgresSyncs(engine)
    seen: list[SyncRunRecord] = []

    def pause_when_it_waits() -> None:
        for _ in range(300):
            if register.syncs() and (found := register.syncs()[0].last).paused_until:
                seen.append(found)
                break
            time.sleep(0.05)
        world.sql("INSERT INTO connected_jobs.sync_pause (sync, paused_by) VALUES ('wanted', 'kim')")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(pause_when_it_waits)
        ran = world.sync("run", file)
    assert (ran.code, ran.err.count("paused until")) == (4, 1)
    (found,) = seen
    assert (found.state, found.total, found.done, found.share) == ("running", 300, 120, 0.4)
    assert found.paused_until is not None
    assert found.ends_at is not None
    assert timedelta(hours=1) <= found.ends_at - found.paused_until < timedelta(hours=1, minutes=1)
    world.sql("UPDATE connected_jobs.sync_run SET state = 'running'")
    assert register.syncs()[0].last.state == "killed"  # nobody holds the destination
    engine.dispose()


def test_a_run_at_a_terminal_draws_a_bar_with_the_time_left(world: World) -> None:
    file = world.file()
    file.write_text(
        file.read_text().replace("share = 1.0", "objects = 5\nrequests = 90\nconnections = 2\nshare = 1.0")
    )
    leader, follower = pty.openpty()
    words = [sys.executable, "-c", "from app.cli.main import main; main()", "sync", "run", str(file)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=follower, env=environment) as process:
        os.close(follower)
        said = b""
        with suppress(OSError):  # EIO, where the other side is closed
            while more := os.read(leader, 65_536):
                said += more
        assert process.wait() == 0
    os.close(leader)
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode())
    assert re.search(r"sending +\S+ +[1-9][0-9]?% 0:00:0[0-9]", drawn), drawn[-400:]
