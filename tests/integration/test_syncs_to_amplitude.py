"""Outcomes, exposures and properties reach Amplitude within its limits, each refused one has its sentence, and no secret is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.doubles.amplitude import KEY, SECRET, Amplitude, amplitude
from tests.doubles.faulty_http import Faults
from tests.integration.small_board import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.integration.commands import Command

ROOT = Path(__file__).parents[2]
FILE = """
destination = "amplitude"
{more}
query = '''
{query}
'''
[limits]
share = 1.0
requests = 3000
{limits}
[amplitude]
host = "{host}"
{options}
"""
EVENTS = 'kind = "events"\nevent = "Job Applied From Mail"\n'
APPLIED = "SELECT member_id || '/p-1' AS event_key, member_id, at AS time, 'p-1' AS posting_id FROM board_out.applied"
EXPOSURE = """
    INSERT INTO connected_jobs.exposure (day, event_id, rid, member_id, braze_user, campaign, source, arm, shown, posting_ids, sent_at)
    SELECT current_date - 2, gen_random_uuid(), 'r-' || n, 'm-' || lpad(n::text, 6, '0'), 'b' || n, 'weekly', 'personalized', 'new', 3,
           ARRAY['p-000003', 'p-000007', 'p-000009'], now() - interval '2 days'
    FROM generate_series(1, 3000) AS n
"""
OUTCOME = """
    INSERT INTO connected_jobs.outcome (member_id, posting_id, occurred_at, rid, campaign, arm, basis, lag, rule_version)
    SELECT 'm-' || lpad(n::text, 6, '0'), 'p-000007', now() - make_interval(hours => CASE n WHEN 3 THEN 2 ELSE 30 END),
           'r-' || n, 'weekly', 'new', 'clicked', interval '18 hours', 1
    FROM generate_series(1, 3) AS n
"""


class World:
    """Tables that syncs read, a project that they write to, and the command."""

    def __init__(self, url: str, project: Amplitude, command: Command, folder: Path) -> None:
        self.url, self.project, self.command, self.folder = url, project, command, folder

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def applied(self, *members: str) -> None:
        self.sql(
            "INSERT INTO board_out.applied SELECT unnest(%s::text[]), timestamptz '2026-11-20 09:12+09'",
            list(members),
        )

    def file(self, query: str = APPLIED, *, more: str = EVENTS, limits: str = "", options: str = "") -> Path:
        path = self.folder / "applied.toml"
        text = FILE.format(query=query, more=more, limits=limits, options=options, host=self.project.url)
        path.write_text(text, encoding="utf-8")
        return path

    def ready(self, name: str) -> Path:
        """A sync that comes with the project, to the double, without its waits."""
        text = (ROOT / "docs/syncs" / name).read_text(encoding="utf-8")
        text = text.replace("https://api2.amplitude.com", self.project.url)
        path = self.folder / name
        path.write_text(
            re.sub(r"^requests = 3\b", "requests = 3000", text, flags=re.MULTILINE), encoding="utf-8"
        )
        return path

    def sync(self, *words: object) -> Any:
        return self.command("sync", *words)

    def rejects(self) -> dict[str, str]:
        return {one["key"]: one["sentence"] for one in json.loads(self.sync("rejects", "--json").out)}


@pytest.fixture
def world(
    database_url: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("CJ_AMPLITUDE_KEY", KEY)
    monkeypatch.setenv("CJ_AMPLITUDE_PRIVATE", "on")
    monkeypatch.setattr("app.analytics.amplitude.upload.THROTTLED_WAIT_S", 0)
    with amplitude(Amplitude()) as project:
        made = World(database_url, project, command, tmp_path)
        made.sql("CREATE SCHEMA board_out")
        made.sql("CREATE TABLE board_out.applied (member_id text, at timestamptz)")
        yield made


def test_short_ids_arrive_with_their_time_and_once(world: World) -> None:
    """Without min_id_length Amplitude drops ids of fewer than five characters."""
    world.applied("7", "12", "m-000102")
    file = world.file()
    assert "\n  events, where a contract bills them " in world.sync("plan", world.file()).out
    assert world.sync("run", file).code == 0
    assert world.sync("run", file).code == 0
    assert {(one.user, one.time, one.session) for one in world.project.events} == {
        (member, 1_795_133_520_000, -1) for member in ("7", "12", "m-000102")
    }
    assert len(world.project.events) == 3
    assert world.sync("explain", file, "7").out.startswith("7/p-1  sent ")


def test_an_event_stands_in_the_session_that_a_column_names(world: World) -> None:
    world.applied("m-1", "m-2")
    query = APPLIED.replace(
        "'p-1' AS posting_id",
        "CASE member_id WHEN 'm-1' THEN timestamptz '2026-11-20 09:00+09' END AS logged_in_at, 1 AS n",
    )
    assert world.sync("run", world.file(query, options='session = "logged_in_at"')).code == 0
    assert {one.user: one.session for one in world.project.events} == {"m-1": 1_795_132_800_000, "m-2": -1}
    assert all("logged_in_at" not in one.properties for one in world.project.events)


def test_what_amplitude_refuses_is_named_and_the_rest_arrives(world: World) -> None:
    members = [f"m-{number:04}" for number in range(40)]
    world.applied(*members, "anonymous", "m-zwsp\u200b")
    world.applied("m-bc")
    world.sql("UPDATE board_out.applied SET at = '1950-01-01 00:00+00' WHERE member_id = 'm-bc'")
    world.project.silenced = {"m-0003", "m-0017"}
    world.project.failing = {"m-0021"}
    ran = world.sync("run", world.file())
    assert ran.code == 3, ran.err
    assert {one.user for one in world.project.events} == set(members) - {"m-0003", "m-0017", "m-0021"}
    silenced = "Amplitude has silenced this member's device: its project blocks or filters it."
    assert world.rejects() == {
        "m-0003/p-1": silenced,
        "m-0017/p-1": silenced,
        "m-0021/p-1": "Amplitude refuses it: Bad request.",
        "anonymous/p-1": "The member's id 'anonymous' is one that Amplitude takes for nobody's.",
        "m-zwsp\u200b/p-1": "The member's id has blanks around it, or a character that cannot be printed: Amplitude would know another member by it.",
        "m-bc/p-1": "time: 1950-01-01T00:00:00+00:00 is before 1970: an event needs the time when it happened.",
    }


def test_a_member_beyond_the_day_is_refused_and_sent_when_the_day_is_over(world: World) -> None:
    world.applied("m-1", "m-2", "m-3")
    world.project._today["m-2", int(world.project.clock() // 86_400)] = 500_000
    file = world.file()
    assert world.sync("run", file).code == 3
    assert sorted(one.user for one in world.project.events) == ["m-1", "m-3"]
    (sentence,) = world.rejects().values()
    assert sentence.startswith("Amplitude has had 500,000 events of this member today and takes no more")
    world.project._today.clear()
    assert world.sync("run", file, "--again").code == 0
    assert sorted(one.user for one in world.project.events) == ["m-1", "m-2", "m-3"]


def test_what_was_taken_behind_a_server_error_is_kept_once(world: World) -> None:
    world.applied(*(f"m-{number:04}" for number in range(30)))
    world.project.faults = Faults(next=["500 after", "429", "", "cut after"])
    assert world.sync("run", world.file(limits="objects = 10\nconnections = 1")).code == 0
    assert (len(world.project.events), world.project.doubled) == (30, 20)


def test_a_request_that_is_too_large_is_halved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.doubles.amplitude.MOST_BYTES", 4_000)
    world.applied(*(f"m-{number:04}" for number in range(40)))
    assert world.sync("run", world.file()).code == 0
    assert len(world.project.events) == 40


def test_the_ready_syncs_bring_outcomes_sampled_exposures_and_properties(
    world: World, engine: Engine
) -> None:
    fill(engine, members=40, postings=60)
    for table in ("exposure", "click", "outcome"):
        world.sql(
            f"CREATE TABLE connected_jobs.{table}_of_a_test PARTITION OF connected_jobs.{table} DEFAULT"
        )
    world.sql(EXPOSURE)
    world.sql(OUTCOME)
    assert world.sync("run", world.ready("amplitude-outcomes.toml")).code == 0
    applied = {one.user: one for one in world.project.events}
    assert set(applied) == {"m-000001", "m-000002"}  # the third is two hours old
    found = dict(applied["m-000001"].properties)
    assert found.pop("cj_key").startswith("m-000001/p-000007/2")
    assert found == {
        "posting_id": "p-000007", "campaign": "weekly", "arm": "new", "rid": "r-1", "basis": "clicked", "source": "personalized",
        "position": 2, "hours_after_mail": 18, "cj_attempt": 1,
    }  # fmt: skip
    assert world.sync("run", world.ready("amplitude-exposures.toml")).code == 0
    shown = [one for one in world.project.events if one.name == "Job Recommended"]
    (sampled,) = world.sql(
        "SELECT array_agg(DISTINCT member_id) FROM connected_jobs.exposure WHERE hashtext(member_id) % 100 = 0"
    )
    assert sorted(one.user for one in shown) == sorted(sampled[0])
    assert 5 < len(shown) < 90
    assert shown[0].properties["postings"] == ["p-000003", "p-000007", "p-000009"]
    events = len(world.project.events)
    assert world.sync("run", world.ready("amplitude-members.toml")).code == 0
    assert world.project.properties["m-000001"] | {"cj_last_apply": ""} == {
        "cj_source": "profile", "cj_field": "3", "cj_region": "101000", "cj_new_7d": "10+", "cj_last_apply": "", "cj_tired": False,
    }  # fmt: skip
    assert len(world.project.events) == events


def test_a_property_that_is_null_is_taken_away_where_that_was_chosen(world: World) -> None:
    world.sql(
        "CREATE TABLE board_out.wanted AS SELECT 'm-1' AS member_id, 'IT' AS cj_field, '서울' AS cj_region"
    )
    file = world.file("SELECT * FROM board_out.wanted", more='null = "remove"')
    assert world.sync("run", file).code == 0
    assert world.project.properties == {"m-1": {"cj_field": "IT", "cj_region": "서울"}}
    world.sql("UPDATE board_out.wanted SET cj_field = NULL")
    assert world.sync("run", file).code == 0
    assert world.project.properties == {"m-1": {"cj_region": "서울"}}
    assert (world.project.requests, len(world.project.events)) == (2, 0)


@pytest.mark.parametrize(
    ("key", "private", "sentence"),
    [
        ("a-wrong-key", "on", "Amplitude does not know the key: see CJ_AMPLITUDE_KEY, and whether the host is that of your project."),
        (None, "on", "CJ_AMPLITUDE_KEY is not set: give the project's API key, there or in the file that CJ_AMPLITUDE_KEY_FILE names."),
        (KEY, "off", "is inside a private network, or would be called without https: set CJ_AMPLITUDE_PRIVATE=on where that is meant."),
    ],
    ids=["wrong", "none", "private"],
)  # fmt: skip
def test_what_does_not_let_us_in_is_one_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch, key: str | None, private: str, sentence: str
) -> None:
    world.applied("m-1")
    monkeypatch.setenv("CJ_AMPLITUDE_PRIVATE", private)
    monkeypatch.delenv("CJ_AMPLITUDE_KEY") if key is None else monkeypatch.setenv("CJ_AMPLITUDE_KEY", key)
    ran = world.sync("run", world.file())
    assert (ran.code, sentence in ran.sentence) == (1, True), ran.err
    assert (key or KEY) not in ran.out + ran.err
    assert world.project.events == []


def test_the_key_is_nowhere_but_in_the_request(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It comes from a file here; Amplitude's answers repeat what they are sent, as a wrong key in their error."""
    secret = "a-key-that-the-project-does-not-know"  # noqa: S105 - it opens nothing
    (tmp_path / "key").write_text(secret, encoding="utf-8")
    world.applied("m-1", "m-2")
    runs = [world.sync("run", world.file())]
    world.applied("m-3", "m-4")
    world.project.failing = {"m-3"}
    runs.append(world.sync("run", world.file()))
    monkeypatch.delenv("CJ_AMPLITUDE_KEY")
    monkeypatch.setenv("CJ_AMPLITUDE_KEY_FILE", str(tmp_path / "key"))
    world.applied("m-5")
    runs.append(world.sync("run", world.file()))
    runs += [world.sync("status"), world.sync("rejects"), world.sync("plan", world.file())]
    assert [one.code for one in runs] == [0, 3, 1, 0, 0, 0]
    tables = [
        name for (name,) in world.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'connected_jobs'")
    ]
    kept = "".join(str(world.sql(f"SELECT t::text FROM connected_jobs.{name} AS t")) for name in tables)  # noqa: S608 - its own tables
    told = "".join(one.out + one.err for one in runs)
    assert "m-1/p-1" in kept
    assert [one for one in (KEY, secret) if one in kept + told] == []


@pytest.fixture
def erasing(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two members whom Amplitude knows, and the keys with which it deletes."""
    monkeypatch.setattr("app.cli.members.LET_GO_S", 0.0)
    monkeypatch.setenv("CJ_AMPLITUDE_SECRET_KEY", SECRET)
    world.project.clock = lambda: 1_795_133_520 + world.project.requests * 2
    world.applied("m-1", "m-2")
    file = world.file(options=f'deletion_host = "{world.project.url}"')
    assert world.sync("run", file).code == 0
    return world


def erase(world: World, member: str) -> Any:
    return world.command("members", "erase", member, "--in-amplitude", world.folder / "applied.toml")


def test_erasing_a_member_asks_amplitude_for_it_and_no_sync_sends_them_again(erasing: World) -> None:
    erased = erase(erasing, "m-1")
    assert (erased.code, erased.err) == (0, "")
    assert re.search(r"^Amplitude deletes the member on 2026-1\d-\d\d\.$", erased.out, re.MULTILINE)
    assert erasing.project.to_delete == {"m-1": "connected-jobs"}
    erasing.sql("UPDATE board_out.applied SET at = at + interval '1 day'")
    events = len(erasing.project.events)
    assert erasing.sync("run", erasing.folder / "applied.toml").code == 0
    assert erasing.project.events[events:] == []


def test_a_member_whom_amplitude_does_not_know_is_erased_here(erasing: World) -> None:
    erasing.sql("INSERT INTO board.member (id, mail_consent) VALUES ('m-9', true)")
    erased = erase(erasing, "m-9")
    assert (erased.code, erased.out.splitlines()[0]) == (0, "Amplitude does not know the member.")
    assert erasing.sql("SELECT count(*) FROM board.member WHERE id = 'm-9'") == [(0,)]


@pytest.mark.parametrize(
    ("secret", "fault", "options", "sentence"),
    [
        ("another", "", None, "Amplitude does not know the key: see CJ_AMPLITUDE_SECRET_KEY, and whether it belongs to the host."),
        (None, "", None, "CJ_AMPLITUDE_SECRET_KEY is not set: give it, there or in the file that CJ_AMPLITUDE_SECRET_KEY_FILE names."),
        (SECRET, "500 after", None, "Amplitude answers 502. Nothing was erased here: run it again."),
        (SECRET, "", "", "give `deletion_host`, where the User Privacy API is, for `host` is none of Amplitude's."),
    ],
    ids=["wrong secret", "no secret", "unknown", "no host"],
)  # fmt: skip
def test_where_amplitude_does_not_say_that_it_deletes_nothing_is_erased_here(
    erasing: World,
    monkeypatch: pytest.MonkeyPatch,
    secret: str | None,
    fault: Any,
    options: str | None,
    sentence: str,
) -> None:
    erasing.sql("INSERT INTO board.member (id, mail_consent) VALUES ('m-1', true)")
    if secret is None:
        monkeypatch.delenv("CJ_AMPLITUDE_SECRET_KEY")
    else:
        monkeypatch.setenv("CJ_AMPLITUDE_SECRET_KEY", secret)
    if options is not None:
        erasing.file(options=options)
    erasing.project.faults.next = [fault]
    ran = erase(erasing, "m-1")
    assert (ran.code, sentence in ran.sentence) == (1, True), ran.err
    assert [one for one in (KEY, secret or SECRET) if one in ran.out + ran.err] == []
    assert erasing.sql("SELECT count(*) FROM board.member WHERE id = 'm-1'") == [(1,)]
