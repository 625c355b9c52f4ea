"""Airbridge's raw data into its table: in any order, any number of times, late, damaged, foreign, and the reader killed."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import pyarrow as pa
import pyarrow.parquet as pq

from app.intake.airbridge import read_airbridge
from app.lake.objects import open_lake
from app.postgres import members
from app.postgres.connecting import connect
from tests.s3 import client_of, s3_with

if TYPE_CHECKING:
    import pytest
    from sqlalchemy import Engine

    from app.intake.reader import ReadReport, Reject
    from tests.integration.commands import Command

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = NOW - timedelta(days=3)
NAMES = ["Event UUID", "Event Timestamp", "User ID", "Event Category", "Event Action", "Event Value", "Channel",
         "Custom Event Properties", "Client IP", "GAID"]  # fmt: skip
RID = "aqBdGfU6K_NRfVp3"
ADDRESS = "123.123.123.123"


def event(number: int, at: datetime = DAY, **changed: Any) -> dict[str, Any]:
    made = {
        "Event UUID": str(uuid5(NAMESPACE_OID, str(number))),
        "Event Timestamp": str(int(at.timestamp() * 1000)),
        "User ID": f"m-{number % 4}",
        "Event Category": "job_apply",
        "Event Action": "IT",
        "Event Value": "2.5",
        "Channel": "braze_email",
        "Custom Event Properties": json.dumps({"rid": RID}),
        "Client IP": ADDRESS,
        "GAID": "38400000-8cf0-11bd-b23e-10b96e40000d",
    }
    return made | {name.replace("_", " "): value for name, value in changed.items()}


def csv_of(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, NAMES)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet_of(rows: list[dict[str, Any]]) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({name: [one[name] or None for one in rows] for name in NAMES}), content)
    return content.getvalue()


def put(folder: Path, content: bytes, name: str, *, source: str = "web", day: datetime = DAY) -> Path:
    path = folder / "board" / source / "v1.2" / f"date={day:%Y-%m-%d}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def read(url: str, folder: Path, **more: Any) -> tuple[ReadReport, list[Reject]]:
    rejects: list[Reject] = []
    report = read_airbridge(url, open_lake(str(folder)), now=NOW, reject=rejects.append, **more)
    return report, rejects


STORED = """
    SELECT event_id, source, member_id, category, action, value, channel, rid, at
    FROM connected_jobs.airbridge_event ORDER BY 1
"""


def stored(url: str) -> list[Any]:
    with connect(url) as driver:
        return driver.execute(STORED).fetchall()


def fill(folder: Path) -> None:
    """A day of each source, in both kinds of file, some events in two files."""
    put(folder, csv_of([event(number) for number in range(20)]), "part-0.csv")
    put(folder, parquet_of([event(number) for number in range(15, 40)]), "part-1.parquet")
    put(
        folder,
        csv_of([event(number, User_ID="") for number in range(100, 110)]),
        "part-0.csv",
        source="tracking-link",
    )
    put(folder, parquet_of([event(number) for number in range(200, 210)]), "part-0.parquet", source="app")
    put(folder, b"", "_SUCCESS")


def test_both_kinds_of_file_make_one_table_without_addresses_and_devices(
    database_url: str, tmp_path: Path
) -> None:
    fill(tmp_path)
    report, rejects = read(database_url, tmp_path)
    assert rejects == []
    assert {source: (one.files, one.events, one.new) for source, one in report.types.items()} == {
        "web": (2, 45, 40), "app": (1, 10, 10), "tracking-link": (1, 10, 10),
    }  # fmt: skip
    rows = stored(database_url)
    assert len(rows) == 60
    assert {row[1:8] for row in rows if row[1] == "app"} == {
        ("app", f"m-{number}", "job_apply", "IT", 2.5, "braze_email", RID) for number in range(4)
    }
    assert {row[2] for row in rows if row[1] == "tracking-link"} == {None}
    assert {row[8] for row in rows} == {DAY}
    with connect(database_url) as driver:
        whole = str(driver.execute("SELECT to_jsonb(e) FROM connected_jobs.airbridge_event e").fetchall())
    assert ADDRESS not in whole
    assert "38400000" not in whole


def test_files_are_read_once_and_again_where_they_changed(database_url: str, tmp_path: Path) -> None:
    fill(tmp_path)
    read(database_url, tmp_path)
    before = stored(database_url)
    again, _ = read(database_url, tmp_path)
    assert again.types == {}
    put(tmp_path, csv_of([event(number) for number in range(25)]), "part-0.csv")
    put(tmp_path, csv_of([event(number) for number in range(5)]), "a-double.csv")
    changed, _ = read(database_url, tmp_path)
    assert (changed.types["web"].files, changed.types["web"].new) == (2, 0)
    assert stored(database_url) == before


def test_a_file_that_comes_weeks_late_is_read_and_one_past_its_time_is_not(
    database_url: str, tmp_path: Path
) -> None:
    fill(tmp_path)
    read(database_url, tmp_path)
    late, old = NOW - timedelta(days=50), NOW - timedelta(days=401)
    put(
        tmp_path,
        csv_of([event(900, late), event(901, old), event(902, NOW + timedelta(days=2))]),
        "late.csv",
        day=late,
    )
    put(tmp_path, csv_of([event(903, old)]), "old.csv", day=old)
    report, rejects = read(database_url, tmp_path)
    assert (report.types["web"].files, report.types["web"].new) == (1, 1)
    assert [(one.where, one.reason) for one in rejects] == [
        ("row 2", "It is older than the 400 days that such events are kept."),
        ("row 3", "It is of a day to come."),
    ]


def test_what_is_damaged_or_foreign_is_named_and_the_rest_is_read(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    fill(tmp_path)
    put(tmp_path, csv_of([event(300), event(301)])[:-70], "cut.csv")
    put(tmp_path, parquet_of([event(302)])[:-9], "cut.parquet")
    put(tmp_path, b"\x89PNG\r\n", "picture.csv")
    put(tmp_path, csv_of([event(303), event(304, Event_Category="")]), "rows.csv")
    put(tmp_path, b"", "empty.csv")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    log = tmp_path.with_suffix(".jsonl")
    ran = command("airbridge", "read", tmp_path, "--rejects", log)
    assert ran.code == 3, ran.err
    told = {
        Path(one["file"]).name: one["reason"]
        for one in map(json.loads, log.read_text(encoding="utf-8").splitlines())
    }
    assert told == {
        "cut.csv": "The file is cut or damaged here: a quoted value has no end. The rest is left out.",
        "cut.parquet": "The file is cut or damaged: it is no Parquet from its end on.",
        "picture.csv": told["picture.csv"],
        "rows.csv": "It has no category, so it is no event.",
        "empty.csv": "It is empty.",
        "notes.txt": "Its name is none of Airbridge's raw data: web, app or tracking-link, a version and date=YYYY-MM-DD.",
    }
    assert "It has no column for at and category" in told["picture.csv"]
    assert len(stored(database_url)) == 62
    assert "web: 4 files" in ran.out
    assert "none of Airbridge: 4 files" in ran.out
    log.unlink()
    assert command("airbridge", "read", tmp_path, "--rejects", log).code == 0


def test_a_bucket_is_read_as_a_folder_is_and_each_file_once(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    with s3_with("raw-data") as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        client = client_of(environment)
        for path in tmp_path.rglob("*.*"):
            if path.is_file():
                client.put_object(
                    Bucket="raw-data", Key=str(path.relative_to(tmp_path)), Body=path.read_bytes()
                )
        ran = command("airbridge", "read", "s3://raw-data/board")
        assert (ran.code, "web: 2 files, 45 events, 40 new" in ran.out) == (0, True), ran.out + ran.err
        again = command("airbridge", "read", "s3://raw-data/board")
    assert (again.code, again.out) == (0, "No new files.\n")
    assert len(stored(database_url)) == 60


def test_packed_files_of_a_bucket_are_read_in_any_packing(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CSV in gzip of several members, named and labelled as packed or neither; Parquet of each packing and many row groups."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    label = hashlib.sha512
    rows = [event(number, Event_Action=label(b"%d" % number).hexdigest()) for number in range(2_000)]
    packed = gzip.compress(csv_of(rows[:1_000])) + gzip.compress(csv_of(rows[1_000:]).split(b"\r\n", 1)[1])
    objects: list[tuple[str, bytes, dict[str, str]]] = [
        (
            "web/v1.2/date={}/part-00000.csv.gz",
            packed,
            {"ContentEncoding": "gzip", "ContentType": "text/csv"},
        ),
        ("web/v1.2/date={}/part-00001.csv", gzip.compress(csv_of([event(2_000)])), {}),
    ]
    for at, packing in enumerate(("snappy", "gzip", "zstd", "none")):
        content = io.BytesIO()
        table = pa.table({name: [event(7_000 + at * 100 + n)[name] for n in range(100)] for name in NAMES})
        pq.write_table(table, content, compression=packing, row_group_size=9)
        objects.append((f"app/v1.2/date={{}}/part-{at:05}.{packing}.parquet", content.getvalue(), {}))
    with s3_with("packed-data") as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for key, body, more in objects:
            client_of(environment).put_object(
                Bucket="packed-data", Key=f"board/{key.format(DAY.date())}", Body=body, **more
            )
        ran = command("airbridge", "read", "s3://packed-data/board", "--rejects", tmp_path / "rejects.jsonl")
    assert (ran.code, ran.err) == (0, "")
    assert "web: 2 files, 2,001 events, 2,001 new" in ran.out
    assert "app: 4 files, 400 events, 400 new" in ran.out


def test_a_dry_run_keeps_nothing(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    fill(tmp_path)
    ran = command("airbridge", "read", tmp_path, "--dry-run")
    assert ran.code == 0, ran.err
    assert "web: 2 files, 45 events, 45 new" in ran.out
    assert stored(database_url) == []


def test_columns_and_the_zone_may_be_named(
    database_url: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    local = DAY.astimezone().astimezone(UTC) + timedelta(hours=9)
    lines = f"id,moment,what\n{uuid5(NAMESPACE_OID, 'x')},{local:%Y-%m-%d %H:%M:%S},job_apply\n"
    put(tmp_path, lines.encode(), "own.csv")
    words = [
        "--column",
        "event_id=id",
        "--column",
        "at=moment",
        "--column",
        "category=what",
        "--zone",
        "Asia/Seoul",
    ]
    assert command("airbridge", "read", tmp_path, *words).code == 0
    assert [row[8] for row in stored(database_url)] == [DAY]
    assert "--column 'at' does not fit" in command("airbridge", "read", tmp_path, "--column", "at").sentence
    assert (
        "--zone 'Seoul' is no time zone" in command("airbridge", "read", tmp_path, "--zone", "Seoul").sentence
    )


DYING = """
import os, signal, sys
from datetime import datetime
from app.intake import airbridge
from app.lake.objects import open_lake
from app.postgres.feedback import ledger

noted, seen = ledger.upsert_file, []

def note(driver, file, files):
    noted(driver, file, files)
    seen.append(file)
    if len(seen) > int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

ledger.upsert_file = note
airbridge.read_airbridge(sys.argv[1], open_lake(sys.argv[2]), now=datetime.fromisoformat(sys.argv[3]))
"""


def test_a_reader_killed_anywhere_goes_on_to_the_same_table(database_url: str, tmp_path: Path) -> None:
    fill(tmp_path)
    for files in (0, 2):
        died = subprocess.run(
            [sys.executable, "-c", DYING, database_url, str(tmp_path), NOW.isoformat(), str(files)],
            timeout=120,
            check=False,
        )
        assert died.returncode == -signal.SIGKILL
        with connect(database_url) as driver:
            assert driver.execute("SELECT count(*) FROM connected_jobs.airbridge_file").fetchone() == (files,)
    read(database_url, tmp_path)
    assert len(stored(database_url)) == 60


def test_an_erased_member_is_gone_and_no_late_file_brings_them_back(
    database_url: str, engine: Engine, tmp_path: Path
) -> None:
    fill(tmp_path)
    read(database_url, tmp_path)
    erased = members.delete_member(engine, "m-1")
    assert erased["connected_jobs.airbridge_event"] == len(
        [n for n in (*range(40), *range(200, 210)) if n % 4 == 1]
    )
    put(tmp_path, csv_of([event(number) for number in range(400, 408)]), "later.csv")
    report, rejects = read(database_url, tmp_path)
    assert (report.types["web"].new, report.left_alone, rejects) == (6, 2, [])
    assert "m-1" not in {row[2] for row in stored(database_url)}


def test_days_past_their_time_are_dropped(database_url: str, tmp_path: Path) -> None:
    first = NOW - timedelta(days=400)
    put(tmp_path, csv_of([event(1, first)]), "a.csv", day=first)
    read(database_url, tmp_path)
    assert len(stored(database_url)) == 1
    report = read_airbridge(database_url, open_lake(str(tmp_path)), now=NOW + timedelta(days=1))
    assert report.dropped == {"airbridge_event": 1}
    assert stored(database_url) == []
