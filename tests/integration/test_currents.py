"""Files of Currents into the loop's tables: in any order, any number of times, killed anywhere."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg.sql import SQL, Identifier

from app.board.veto import BOARD_ZONE
from app.demo.braze.currents_files import avro_file, object_key
from app.demo.braze.schemas import EMAIL, USER_DELETE_REQUEST, USER_ORPHAN
from app.intake.read import read_currents
from app.lake.objects import Lake, LakeError, LakeObject, open_lake
from app.postgres.connecting import connect
from app.postgres.feedback import ledger
from app.serving.distinct_members import estimate
from tests.doubles.braze_rest.server import KEY, BrazeRest, braze_rest
from tests.integration.currents_world import NOW, event, extras, rid, user, write_files

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

    from app.demo.braze.currents_files import CurrentsEvent
    from app.intake.reader import ReadReport, Reject
    from tests.integration.commands import Command

TABLES = ("exposure", "click", "mail_event", "mail_count", "braze_user", "consent", "erased_braze_user")
CLOCKS = ("noted_at", "erased_at")


def dump(url: str) -> dict[str, list[str]]:
    """Every row of every table, as text, but for when we learnt of it."""
    found = {}
    with connect(url) as driver:
        for table in TABLES:
            rows = driver.execute(
                SQL("SELECT to_jsonb(t)::jsonb - %s::text[] FROM {} t").format(
                    Identifier("connected_jobs", table)
                ),
                [list(CLOCKS)],
            ).fetchall()
            found[table] = sorted(map(str, rows))
    return found


def read(url: str, folder: Path, **more: Any) -> tuple[ReadReport, list[Reject]]:
    rejects: list[Reject] = []
    report = read_currents(url, open_lake(str(folder)), now=NOW, reject=rejects.append, **more)
    return report, rejects


def empty(url: str) -> None:
    with connect(url) as driver:
        for table in (*TABLES, "currents_file"):
            driver.execute(SQL("TRUNCATE {}").format(Identifier("connected_jobs", table)))


def test_a_day_is_read_twice_in_any_order_to_the_same_tables(database_url: str, tmp_path: Path) -> None:
    files = write_files(tmp_path / "all")
    report, rejects = read(database_url, tmp_path / "all")
    assert rejects == []
    whole = dump(database_url)
    again, _ = read(database_url, tmp_path / "all")
    assert again.types == {}
    assert dump(database_url) == whole
    draws = random.Random(7)
    for turn in range(3):
        empty(database_url)
        draws.shuffle(files)
        for start in range(0, len(files), 20):
            for file in files[start : start + 20]:
                place = tmp_path / f"turn{turn}" / file.relative_to(tmp_path / "all")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, place)
            read(database_url, tmp_path / f"turn{turn}")
        with connect(database_url) as driver:
            driver.execute("UPDATE connected_jobs.currents_file SET etag = 'another'")
        read(database_url, tmp_path / f"turn{turn}")
        assert dump(database_url) == whole
    assert report.without_exposure == 2


def test_what_was_read_is_what_happened(database_url: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    report, _ = read(database_url, tmp_path)
    with connect(database_url) as driver:
        exposures = driver.execute(
            "SELECT rid, member_id, arm, campaign, shown, posting_ids FROM connected_jobs.exposure ORDER BY rid"
        ).fetchall()
        clicks = driver.execute(
            "SELECT member_id, posting_id, position, arm, suspect, suspected, sent_at IS NULL FROM connected_jobs.click"
            " ORDER BY rid"
        ).fetchall()
        happened = dict(
            driver.execute("SELECT kind, min(why) FROM connected_jobs.mail_event GROUP BY kind").fetchall()
        )
        counts = driver.execute("SELECT kind, events, members FROM connected_jobs.mail_count").fetchall()
        consents = dict(driver.execute("SELECT member_id, withdrawn FROM connected_jobs.consent").fetchall())
        everything = str(dump(database_url))
    # 12 was a preview, 9 was deleted in Braze; 90 was merged into the profile of member 1
    members = sorted(set(range(1, 12)) - {9})
    assert exposures == [
        (rid(member), f"m-{member}", "b", "weekly-digest", 3, ["p-1", "p-2", f"p-{member + 100}"])
        for member in members
    ] + [(rid(90), "m-1", "b", "weekly-digest", 3, ["p-1", "p-2", "p-190"])]
    assert [click[:4] for click in clicks] == [(f"m-{member}", "p-2", 2, "b") for member in (2, 4, 6, 8, 10)]
    assert {click[4] for click in clicks} == {None}
    assert [click[5] for click in clicks] == [None, ["user_agent"], None, None, None]
    assert not any(click[6] for click in clicks)
    assert happened == {
        "bounce": "550 5.1.1",
        "spam": None,
        "unsubscribe": None,
        "abort": "abort_message: too few postings",
        "retry": "connected_content",
        "control": None,
        "consent": "Subscribed",
    }
    totals: dict[str, tuple[int, int]] = {}
    for kind, events, people in counts:
        totals[kind] = (round(estimate([bytes(events)]).likely), round(estimate([bytes(people)]).likely))
    assert totals == {"delivered": (12, 12), "opened": (8, 8), "opened_by_machine": (4, 4)}
    assert consents == {"m-7": True, "m-8": False}
    for secret in ("secret", "example.com", 'agent"', user(9)):
        assert secret not in everything
    assert report.types["users.messages.email.Send"].events == 28


def test_a_dry_run_says_what_it_found_and_keeps_nothing(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    write_files(tmp_path / "files")
    before = dump(database_url)
    ran = command("currents", "read", tmp_path / "files", "--dry-run")
    assert ran.code == 0
    assert "users.messages.email.Click: 12 files, 12 events" in ran.out
    assert dump(database_url) == before
    with connect(database_url) as driver:
        assert driver.execute("SELECT count(*) FROM connected_jobs.currents_file").fetchone() == (0,)


def test_an_erased_member_is_not_brought_back_by_a_late_file(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    write_files(tmp_path)
    read(database_url, tmp_path)
    ran = command("members", "erase", "m-2")
    assert ran.code == 0, ran.err
    erased = dump(database_url)
    assert "m-2'" not in str(erased)
    assert user(2) not in str(erased)
    with connect(database_url) as driver:
        driver.execute("DELETE FROM connected_jobs.currents_file")
    report, _ = read(database_url, tmp_path)
    assert report.left_alone > 0
    assert dump(database_url) == erased


def test_what_is_past_its_time_is_dropped_and_comes_too_late(database_url: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    read(database_url, tmp_path)
    later = NOW + timedelta(days=40)
    report = read_currents(database_url, open_lake(str(tmp_path)), now=later)
    assert report.dropped["exposure"] >= 1
    with connect(database_url) as driver:
        driver.execute("DELETE FROM connected_jobs.currents_file")
        assert driver.execute("SELECT count(*) FROM connected_jobs.exposure").fetchone() == (0,)
    rejects: list[Reject] = []
    read_currents(database_url, open_lake(str(tmp_path)), now=later, reject=rejects.append)
    assert {reject.reason for reject in rejects} == {
        "The event is older than the 35 days that such events are kept."
    }


def put(folder: Path, told: CurrentsEvent, *, queued_s: int, offset: int) -> None:
    """An event in a file of its own."""
    kind, record = told
    path = folder / object_key(kind, 12, queued_s, 0, offset)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(avro_file(kind, 12, [record]))


def test_a_file_dated_ahead_does_not_hide_those_that_come(database_url: str, tmp_path: Path) -> None:
    ahead_s, now_s = (int(at.timestamp()) for at in (NOW + timedelta(days=26_000), NOW))
    put(tmp_path, event("Unsubscribe", 1, 1), queued_s=ahead_s, offset=0)
    read(database_url, tmp_path)
    for number in (2, 3):
        put(tmp_path, event("Unsubscribe", number, number), queued_s=now_s, offset=number)
        report, _ = read(database_url, tmp_path)
        assert sum(one.new for one in report.types.values()) == 1, number
    report, _ = read(database_url, tmp_path)
    assert sum(one.files for one in report.types.values()) == 0


def test_a_deleted_profile_takes_all_along_that_were_merged_into_it(
    database_url: str, tmp_path: Path
) -> None:
    """Whatever file tells of it first, in the same run or in a later one."""
    queued_s = int(NOW.timestamp())
    for number, (old, new) in enumerate(((1, 2), (2, 3))):
        merged = event(USER_ORPHAN, number, old, external=None, orphaned_by_id=user(new))
        put(tmp_path, merged, queued_s=queued_s, offset=number)
    for member in (1, 2, 3, 4):
        put(tmp_path, event("MarkAsSpam", member, member), queued_s=queued_s, offset=member)
    read(database_url, tmp_path)
    put(tmp_path, event(USER_DELETE_REQUEST, 9, 3, external=None), queued_s=queued_s, offset=9)
    put(tmp_path, event("Unsubscribe", 8, 1), queued_s=queued_s + 7_200, offset=8)
    read(database_url, tmp_path)
    put(tmp_path, event("Bounce", 7, 2), queued_s=queued_s + 7_200, offset=7)
    read(database_url, tmp_path)
    with connect(database_url) as driver:
        kept = driver.execute("SELECT braze_user FROM connected_jobs.mail_event").fetchall()
    assert kept == [(user(4),)]


def test_gaps_names_what_is_missing(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    ran = command("currents", "gaps")
    assert (ran.code, ran.out) == (0, "Nothing is missing of the 0 sends of the last 7 days.\n")
    sent_at = NOW - timedelta(days=2)
    with connect(database_url) as driver:
        driver.execute(
            "INSERT INTO connected_jobs.send (campaign, send, first_at, last_at, sent, sent_by, sent_at)"
            " VALUES ('weekly-digest', %s, %s, %s, 40, 'me', now())",
            ["d" * 24, sent_at, sent_at + timedelta(minutes=20)],
        )
        driver.execute(
            "INSERT INTO connected_jobs.send_second (campaign, send, second, calls, degraded)"
            " VALUES ('weekly-digest', %s, %s, 150, 0)",
            ["d" * 24, sent_at],
        )
    write_files(tmp_path)
    for file in tmp_path.rglob("event_type=users.messages.email.Click/**/*.avro"):
        file.unlink()
    read(database_url, tmp_path)
    ran = command("currents", "gaps")
    assert ran.code == 3
    assert ran.out.splitlines() == [
        "No file of users.messages.email.Click was ever read: switch this event on in Braze's Currents integration.",
        f"weekly-digest, send {'d' * 24}: Braze says 40 were sent, and 11 sends with an exposure were read, 72.5% fewer.",
    ]
    assert '"kind": "never"' in command("currents", "gaps", "--json").out
    _ask_braze(database_url, sent_at, command, monkeypatch)


def _ask_braze(
    database_url: str, sent_at: datetime, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key, what Braze says counts in place of what was entered."""
    with connect(database_url) as driver:
        driver.execute(
            "INSERT INTO connected_jobs.send_result (campaign, day, counts)"
            " VALUES ('weekly-digest', %s, '{\"campaign_ids\": [\"c-1\"]}')",
            [sent_at.date()],
        )
    day = sent_at.astimezone(BOARD_ZONE).date().isoformat()
    with braze_rest(BrazeRest()) as braze:
        refused = command("currents", "gaps", "--host", braze.url)
        assert (refused.code, "Set CJ_BRAZE_KEY" in refused.sentence) == (1, True)
        monkeypatch.setenv("CJ_BRAZE_KEY", KEY)
        monkeypatch.setenv("CJ_BRAZE_PRIVATE", "on")
        ran = command("currents", "gaps", "--host", braze.url)
        assert (ran.code, "/campaigns/data_series" in ran.sentence) == (1, True)
        braze.calendar.sent["c-1"] = {day: [6, 5]}
        assert "Braze says" not in command("currents", "gaps", "--host", braze.url).out
        braze.calendar.sent["c-1"] = {day: [16, 6]}
        ran = command("currents", "gaps", "--host", braze.url)
        assert (ran.code, "Braze says 22 were sent, and 11 sends" in ran.out) == (3, True)


DYING = """
import os, signal, sys
from datetime import datetime
from app.intake.read import read_currents
from app.lake.objects import open_lake
from app.postgres.feedback import ledger

url, folder, now, files = sys.argv[1], sys.argv[2], datetime.fromisoformat(sys.argv[3]), int(sys.argv[4])
noted, seen = ledger.upsert_file, []

def note(driver, file, *files_of):
    noted(driver, file, *files_of)
    seen.append(file)
    if len(seen) > files:
        os.kill(os.getpid(), signal.SIGKILL)

ledger.upsert_file = note
read_currents(url, open_lake(folder), now=now)
"""


def test_a_reader_killed_anywhere_goes_on_to_the_same_tables(database_url: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    read(database_url, tmp_path)
    whole = dump(database_url)
    empty(database_url)
    for files in (0, 30):  # within the first file, and within one far behind
        died = subprocess.run(
            [sys.executable, "-c", DYING, database_url, str(tmp_path), NOW.isoformat(), str(files)],
            timeout=120,
            check=False,
        )
        assert died.returncode == -signal.SIGKILL
        with connect(database_url) as driver:
            assert driver.execute("SELECT count(*) FROM connected_jobs.currents_file").fetchone() == (files,)
    assert dump(database_url) != whole
    read(database_url, tmp_path)
    assert dump(database_url) == whole


def test_a_second_reader_says_so_and_reads_nothing(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with connect(database_url, autocommit=True) as driver, ledger.hold_reader_lock(driver):
        ran = command("currents", "read", tmp_path)
    assert ran.code == 1
    assert "Another `currents read` is at work" in ran.sentence


def test_foreign_and_damaged_files_are_named_once_and_the_rest_loads(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    folder = tmp_path / "bucket"
    files = write_files(folder)
    hour = files[0].parent
    (hour / "foreign.avro").write_bytes(b"PAR1" + bytes(100))
    (hour / "_SUCCESS").write_bytes(b"")
    (hour / "half.avro.part").write_bytes(b"")
    cut = next(file for file in files if "email.Click" in str(file))
    cut.write_bytes(cut.read_bytes()[:-5])
    poison = next(file for file in files if "email.Send" in str(file) and "/9/" in str(file))
    record = event("Send", 70, 70, message_extras=extras(70).replace("p-2", "p%00"))[1]
    poison.write_bytes(
        avro_file(f"{EMAIL}Send", 9, [record, event("Send", 71, 71, message_extras=extras(71)[:-30])[1]])
    )
    rejects = tmp_path / "rejects.jsonl"
    ran = command("currents", "read", folder, "--rejects", rejects)
    assert ran.code == 3
    found = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert {(Path(one["file"]).name, one["where"], one["reason"]) for one in found} == {
        ("foreign.avro", "file", "It is no Avro file: it does not begin as one."),
        ("_SUCCESS", "file", "Its name does not end in .avro, so it is none of Currents'."),
        (cut.name, "after event 0", "The file ends before its end: it was cut, or is still being written."),
        (poison.name, "event 1", "The exposure names a posting with a NUL character."),
        (poison.name, "event 2", "The message extras are no JSON."),
    }
    assert "email.Bounce: 2 files, 2 events, 1 new, 0 left out" in ran.out
    again = command("currents", "read", folder, "--rejects", rejects)
    assert (again.code, again.out) == (0, "No new files.\n")
    cut.write_bytes(b"".join(cut.read_bytes() for _ in range(1)) + bytes(5))
    assert command("currents", "read", folder).code == 3


def test_a_file_that_cannot_be_fetched_stops_its_type_and_the_next_run_begins_with_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path)
    fetch = Lake.read

    def fail(lake: Lake, one: LakeObject) -> Any:
        if "email.Send" in one.key:
            raise LakeError("s3://bucket cannot be used: it does not answer.")
        return fetch(lake, one)

    monkeypatch.setattr(Lake, "read", fail)
    report, rejects = read(database_url, tmp_path)
    assert report.stopped == {"users.messages.email.Send": "s3://bucket cannot be used: it does not answer."}
    assert rejects == []
    monkeypatch.undo()
    report, _ = read(database_url, tmp_path)
    assert list(report.types) == ["users.messages.email.Send"]
    with connect(database_url) as driver:
        assert driver.execute("SELECT DISTINCT posting_id FROM connected_jobs.click").fetchall() == [("p-2",)]
