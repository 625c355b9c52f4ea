"""An export holds what the tables hold, by the day, whatever became of the one before and wherever it lies."""

from __future__ import annotations

import io
import json
import resource
import runpy
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import IO, TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest

from app.lake.objects import open_lake
from app.lake.place import LakePlace
from app.postgres.connecting import connect
from app.postgres.feedback.recompute import recompute_outcomes
from app.postgres.members import delete_member
from app.postgres.warehouse import PostgresDays, hold_export
from app.warehouse.export import WarehouseExport
from app.warehouse.tables import TABLES
from tests.integration.test_outcomes import DAY, HOUR, MINUTE, NOW, SENT, Loop
from tests.s3 import client_of, s3_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

    from tests.integration.commands import Command

BUCKET = "warehouse"
SECRETS = (b"b-m-1", b"b-m-2", b"user_agent")  # ids of Braze's profiles, and what a rule quotes of Braze
ROOT = Path(__file__).parents[2]


def fill(loop: Loop, engine: Engine) -> None:
    """Two weeks' mails to four members, with clicks of every kind, an experiment, and outcomes counted."""
    loop.experiment()
    for weeks in (1, 0):
        at = SENT - weeks * 7 * DAY
        mails = {member: loop.mail(member, at=at) for member in ("m-1", "m-2", "m-3", "m-4")}
        loop.click("m-2", mails["m-2"], "p-1", at=at + HOUR)
        loop.click("m-1", mails["m-1"], "p-1", at=at + HOUR, suspected=["user_agent"])
        loop.click("m-4", mails["m-4"], None, at=at + 2 * HOUR, campaign=None)
        loop.apply("m-2", "p-1", at + 2 * HOUR)
        loop.apply("m-1", "p-2", at + 23.4 * HOUR)  # 08:54 of the next day in Seoul, the same in UTC
    loop.event("unsubscribe", "m-4", at=SENT + 2 * HOUR)
    recompute_outcomes(engine, now=NOW, days=16)
    loop.click("m-3", "rid-m-3-2000", "p-2", at=SENT + 3 * DAY)  # nobody has looked at it


@dataclass
class Warehouse:
    """A database with the loop's rows, and a place that they are exported to."""

    loop: Loop
    engine: Engine
    command: Command
    out: str
    environment: dict[str, str] | None

    def export(self, *more: object) -> Any:
        return self.command("warehouse", "export", self.out, *more)

    def files(self) -> dict[str, bytes]:
        """Everything that lies there."""
        if self.environment is None:
            return {
                str(path.relative_to(self.out)): path.read_bytes()
                for path in Path(self.out).rglob("*")
                if path.is_file()
            }
        client = client_of(self.environment)
        prefix = self.out.removeprefix(f"s3://{BUCKET}/") + "/"
        listed = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {
            one["Key"].removeprefix(prefix): client.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()
            for one in listed
        }

    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files()["v1/manifest.json"])
        return found

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A table's rows, with their day."""
        found = []
        for key, content in sorted(self.files().items()):
            if key.startswith(f"v1/{table}/") and key.endswith(".parquet"):
                day = key.split("/")[2].removeprefix("day=")
                found += [row | {"day": day} for row in pq.read_table(io.BytesIO(content)).to_pylist()]
        return found


@pytest.fixture
def loop(database_url: str) -> Iterator[Loop]:
    with connect(database_url) as driver:
        driver.autocommit = True
        yield Loop(driver)


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with s3_with(BUCKET) as environment:
        yield environment


@pytest.fixture
def warehouse(
    loop: Loop,
    engine: Engine,
    database_url: str,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Warehouse:
    monkeypatch.setenv("DATABASE_URL", database_url)
    fill(loop, engine)
    return Warehouse(loop, engine, command, str(tmp_path / "made" / "here"), None)


@pytest.fixture(params=["folder", "s3"])
def anywhere(
    request: pytest.FixtureRequest, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> Warehouse:
    if request.param == "folder":
        return warehouse
    environment = request.getfixturevalue("s3")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return replace(warehouse, out=f"s3://{BUCKET}/{id(warehouse)}/nightly", environment=environment)


def test_an_export_holds_the_rows_of_every_table_and_nobody_s_profile(anywhere: Warehouse) -> None:
    ran = anywhere.export()
    assert ran.code == 0, ran.err
    assert "exposures  2 days written (8 rows), 0 as they were, 0 removed" in ran.out
    files = anywhere.files()
    assert {key.split("/")[1] for key in files} == {*(table.name for table in TABLES), "manifest.json"}
    exposures = anywhere.rows("exposures")
    assert [
        sorted(row["member_id"] for row in exposures if row["day"] == day)
        for day in ("2026-11-13", "2026-11-20")
    ] == [["m-1", "m-2", "m-3", "m-4"]] * 2
    assert exposures[0] | {"event_id": "", "as_of": ""} == {
        "event_id": "", "rid": "rid-m-1-1300", "member_id": "m-1", "campaign": "weekly", "campaign_id": "C1", "variation_id": "V1",
        "canvas_id": None, "dispatch_id": None, "source": "personalized", "arm": "popular", "shown": 2, "posting_ids": ["p-1", "p-2"],
        "sent_at": SENT - 7 * DAY, "as_of": "", "day": "2026-11-13",
    }  # fmt: skip
    clicks = anywhere.rows("clicks")
    told = {
        (row["member_id"], row["day"]): (row["person"], row["taken_by"], row["rule_version"])
        for row in clicks
    }
    assert told["m-3", "2026-11-23"] == (None, None, None)  # not looked at is not "a scanner's"
    assert told["m-2", "2026-11-20"] == (True, None, 1)
    assert told["m-1", "2026-11-20"] == (False, "flagged", 1)
    assert [(row["member_id"], row["basis"], row["lag_s"], row["day"]) for row in anywhere.rows("outcomes")][
        2:
    ] == [
        ("m-1", "seen", 84_240, "2026-11-20"),
        ("m-2", "clicked", 3600, "2026-11-20"),
    ]
    sends = anywhere.rows("sends")
    assert [
        (
            row["day"],
            row["arm"],
            row["mailed"],
            row["clicked"],
            row["scanners_flagged"],
            row["applied"],
            row["unsubscribed"],
        )
        for row in sends
    ] == [
        ("2026-11-13", "popular", 2, 1, 1, 1, 0),
        ("2026-11-13", "recommended", 2, 1, 0, 1, 0),
        ("2026-11-20", "popular", 2, 1, 1, 1, 1),
        ("2026-11-20", "recommended", 2, 1, 0, 1, 0),
    ]
    assert [
        (row["day"], row["arm"], row["is_control"], row["members"], row["applied"])
        for row in anywhere.rows("results")
    ] == [
        ("2026-11-19", "popular", True, 2, 1),
        ("2026-11-19", "recommended", False, 2, 1),
    ]
    assert not [key for key, content in files.items() if any(secret in content for secret in SECRETS)]


def test_the_manifest_says_what_is_there(warehouse: Warehouse) -> None:
    now = datetime.now(UTC)
    warehouse.loop.mail("m-1", at=now - MINUTE, rid="today")
    warehouse.export()
    manifest = warehouse.manifest()
    assert (manifest["schema_version"], manifest["format"], manifest["day_zone"]) == (1, "parquet", "UTC")
    files = warehouse.files()
    noted = {
        f"v1/{table}/day={day}/{table}.parquet": (part["rows"], part["size"])
        for table, days in manifest["tables"].items()
        for day, part in days.items()
    }
    assert noted == {
        key: (pq.read_metadata(io.BytesIO(content)).num_rows, len(content))
        for key, content in files.items()
        if key != "v1/manifest.json"
    }
    parts = manifest["tables"]["exposures"]
    today = datetime.fromisoformat(manifest["exported_at"]).date()
    assert parts["2026-11-20"]["day_over"] is True
    assert parts[f"{(now - MINUTE).date()}"]["day_over"] is ((now - MINUTE).date() < today)


def test_an_export_again_writes_days_that_changed_and_no_others(warehouse: Warehouse) -> None:
    warehouse.export()
    before = warehouse.files()
    ran = warehouse.export()
    assert "exposures  0 days written (0 rows), 2 as they were" in ran.out
    after = warehouse.files()
    assert {key for key in before if before[key] != after[key]} == {"v1/manifest.json"}
    warehouse.loop.click("m-2", "rid-m-2-1300", "p-2", at=SENT - 6 * DAY)  # a file of Braze's that came late
    assert "clicks     1 day written (1 row), 3 as they were" in warehouse.export().out
    assert {key for key in warehouse.files() if key not in after} == {
        "v1/clicks/day=2026-11-14/clicks.parquet"
    }
    everything = warehouse.files()
    warehouse.export("--all")
    again = warehouse.files()
    assert {key for key in everything if everything[key] != again[key]} == {
        "v1/manifest.json"
    }  # the same bytes
    with warehouse.loop.driver.transaction():  # what is judged is changed
        warehouse.loop.driver.execute(
            "UPDATE connected_jobs.click SET person = true, rule_version = 1 WHERE person IS NULL"
        )
        assert "clicks     0 days written" in warehouse.export().out  # not yet for anybody else
    assert "clicks     2 days written" in warehouse.export().out


def test_whom_nobody_has_any_more_leaves_the_export_too(anywhere: Warehouse, engine: Engine) -> None:
    """Old days are written again, days of nobody else go, and so do files that no manifest names."""
    anywhere.loop.mail("m-1", at=SENT - 14 * DAY)
    anywhere.export()
    files = anywhere.files()
    lone = "v1/exposures/day=2026-11-06/exposures.parquet"
    place = LakePlace(open_lake(anywhere.out))
    for day in (
        "2026-01-05",
        "2026-01-06",
    ):  # of an export that was killed, and days that are past their time since
        place.write(lone.replace("2026-11-06", day), files[lone])
    place.write("v1/exposures/notes.txt", b"a person's own")
    place.write("v1x/exposures.parquet", b"the same")
    delete_member(engine, "m-1")
    ran = anywhere.export()
    assert "exposures  2 days written (6 rows), 0 as they were, 3 removed" in ran.out
    held = {
        key for key, content in anywhere.files().items() if b"m-1" in content and key.endswith(".parquet")
    }
    assert (held, lone in anywhere.files(), "v1/exposures/notes.txt" in anywhere.files()) == (
        set(),
        False,
        True,
    )
    assert not [
        row
        for table in ("exposures", "clicks", "outcomes")
        for row in anywhere.rows(table)
        if row["member_id"] == "m-1"
    ]
    assert anywhere.files()["v1x/exposures.parquet"] == b"the same"
    assert "2026-11-06" not in anywhere.manifest()["tables"]["exposures"]


class KilledError(BaseException):
    """As if the process had ended."""


class KilledPlace:
    """A place whose user is killed before or after one of its writes or deletions."""

    def __init__(self, place: LakePlace, steps: int) -> None:
        self._place, self._left = place, steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place, name)

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise KilledError

    def write(self, key: str, content: bytes) -> None:
        self._step()
        self._place.write(key, content)
        self._step()

    def write_file(self, key: str, file: IO[bytes]) -> None:
        self._step()
        self._place.write_file(key, file)
        self._step()

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._step()
            self._place.delete([key])
            self._step()


def test_an_export_that_is_killed_leaves_each_day_old_or_new_and_the_next_ends_it(
    warehouse: Warehouse, engine: Engine, tmp_path: Path
) -> None:
    draws = Random(7)
    warehouse.export()
    old = contents(warehouse)
    delete_member(engine, "m-4")
    warehouse.loop.mail("m-2", at=SENT + DAY)
    whole = replace(warehouse, out=str(tmp_path / "whole"))
    whole.export()
    new = contents(whole)
    for _ in range(12):
        place = KilledPlace(LakePlace(open_lake(warehouse.out)), draws.randrange(8))
        with exporting(warehouse) as driver:
            export = WarehouseExport(PostgresDays(driver), place, "parquet", lambda: datetime.now(UTC))
            with pytest.raises(KilledError):
                export.run(everything=True)
        now = contents(warehouse)
        assert all(rows in (old.get(key), new.get(key)) for key, rows in now.items())
        for table, days in warehouse.manifest()["tables"].items():
            assert all(f"v1/{table}/day={day}/{table}.parquet" in now for day in days)
    warehouse.export()
    assert contents(warehouse) == new
    assert warehouse.manifest()["tables"].keys() == whole.manifest()["tables"].keys()


def contents(warehouse: Warehouse) -> dict[str, Any]:
    """The rows of each file but for when they were found."""
    return {
        key: pq.read_table(io.BytesIO(content)).drop_columns("as_of").to_pylist()
        for key, content in warehouse.files().items()
        if key.endswith(".parquet")
    }


@contextmanager
def exporting(warehouse: Warehouse) -> Iterator[Any]:
    with connect(warehouse.loop.driver.info.dsn) as driver:
        driver.autocommit = True
        yield driver


def test_csv_says_the_same(warehouse: Warehouse) -> None:
    warehouse.export()
    csv = replace(warehouse, out=warehouse.out + "-csv")
    assert csv.export("--format", "csv").code == 0
    read = duckdb.connect()
    read.sql("SET TimeZone = 'UTC'")
    for table in TABLES:
        lists = "REPLACE (posting_ids::VARCHAR[] AS posting_ids)" if table.name == "exposures" else ""
        parquet, text = (
            read.sql(f"FROM {files} SELECT * EXCLUDE (as_of) {lists} ORDER BY ALL").fetchall()
            for files in (
                f"read_parquet('{warehouse.out}/v1/{table.name}/*/*.parquet', hive_partitioning = true)",
                f"read_csv('{csv.out}/v1/{table.name}/*/*.csv', hive_partitioning = true)",
            )
        )
        assert parquet == text
    refused = warehouse.export("--format", "csv")
    assert (refused.code, refused.sentence) == (
        1,
        "connected-jobs: v1 holds files of parquet: export csv to another place, or remove v1 first.",
    )


def test_a_table_without_rows_has_an_empty_file(warehouse: Warehouse) -> None:
    """Which goes when it has some."""
    warehouse.loop.driver.execute("DELETE FROM connected_jobs.experiment_result")
    assert "results    1 day written (0 rows)" in warehouse.export().out
    (empty,) = [key for key in warehouse.files() if key.startswith("v1/results/")]
    assert empty == "v1/results/day=1970-01-01/results.parquet"
    assert pq.read_schema(io.BytesIO(warehouse.files()[empty])).names[:2] == ["experiment", "campaign"]
    recompute_outcomes(warehouse.engine, now=NOW)
    assert "results    1 day written (2 rows), 0 as they were, 1 removed" in warehouse.export().out
    assert empty not in warehouse.files()


def test_a_file_that_somebody_cut_or_took_away_is_written_again(warehouse: Warehouse) -> None:
    warehouse.export()
    before = warehouse.files()
    cut, gone = (Path(warehouse.out, key) for key in sorted(before) if key.startswith("v1/exposures/"))
    cut.write_bytes(b"PAR1")
    gone.unlink()
    assert "exposures  2 days written" in warehouse.export().out
    assert {key: content for key, content in warehouse.files().items() if "manifest" not in key} == {
        key: content for key, content in before.items() if "manifest" not in key
    }


def test_a_manifest_that_is_none_is_one_sentence_and_nothing_is_touched(warehouse: Warehouse) -> None:
    warehouse.export()
    Path(warehouse.out, "v1/manifest.json").write_bytes(b"{")
    before = warehouse.files()
    ran = warehouse.export()
    assert (ran.code, ran.sentence) == (
        1,
        "connected-jobs: v1/manifest.json is no manifest of an export: remove it, and all is exported again.",
    )
    assert warehouse.files() == before


def test_files_of_an_earlier_version_are_left_and_said(warehouse: Warehouse) -> None:
    old = Path(warehouse.out, "v0/exposures/day=2026-11-01/exposures.parquet")
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    ran = warehouse.export()
    assert ran.code == 0
    assert (
        "v0 is of an earlier version and no longer kept up, so that members erased since are still in it: remove it."
        in ran.err
    )
    assert old.read_bytes() == b"old"


def test_places_that_cannot_be_written_to_are_one_sentence(
    warehouse: Warehouse, s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "file").write_text("")
    refused = {
        str(tmp_path / "file" / "below"): f"There can be no folder {tmp_path}/file/below: Not a directory.",
        "s3://nowhere/x": "s3://nowhere ",
        "ftp://host/x": "ftp:// is not read: give s3://BUCKET/PREFIX, gs://, az:// or a folder.",
    }
    for out, sentence in refused.items():
        ran = replace(warehouse, out=out).export()
        assert (ran.code, ran.sentence.removeprefix("connected-jobs: ")[: len(sentence)]) == (1, sentence)
    Path(warehouse.out, "v1/exposures").mkdir(parents=True)
    Path(warehouse.out, "v1/exposures/day=2026-11-13").write_text("in the way")
    ran = warehouse.export()
    assert (ran.code, len(ran.sentence.splitlines())) == (1, 1)
    assert ran.sentence.startswith(f"connected-jobs: {warehouse.out} cannot be used: ")


def test_a_full_disk_leaves_what_was_there(warehouse: Warehouse) -> None:
    warehouse.export()
    before = warehouse.files()
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, most[1]))  # a disk that has room for so many bytes
    try:
        ran = warehouse.export("--all")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert (ran.code, len(ran.sentence.splitlines())) == (1, 1)
    assert warehouse.files() == before


def test_two_exports_at_once_are_refused(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with exporting(warehouse) as driver, hold_export(driver):
        ran = warehouse.export()
    assert (ran.code, ran.sentence) == (
        1,
        "connected-jobs: Another export of this database is running: wait for it to end.",
    )
    monkeypatch.setenv("CJ_PGBOUNCER", "on")
    assert warehouse.export().sentence.startswith(
        "connected-jobs: An export holds a connection of its own: point DATABASE_URL"
    )


def test_a_place_with_the_days_of_another_database_is_refused_and_left_as_it_was(
    warehouse: Warehouse,
) -> None:
    warehouse.export()
    before = warehouse.files()
    warehouse.loop.driver.execute("UPDATE connected_jobs.database_id SET id = gen_random_uuid()")
    ran = warehouse.export()
    assert (ran.code, ran.sentence) == (
        1,
        "connected-jobs: v1 holds the days of another database: export to another place, or remove v1 first.",
    )
    assert warehouse.files() == before


def test_an_export_of_before_databases_were_noted_goes_on(warehouse: Warehouse) -> None:
    warehouse.export()
    manifest = Path(warehouse.out, "v1/manifest.json")
    noted = json.loads(manifest.read_bytes())
    manifest.write_text(json.dumps({key: value for key, value in noted.items() if key != "database"}))
    assert "exposures  0 days written" in warehouse.export().out
    assert json.loads(manifest.read_bytes())["database"] == noted["database"] != ""


def test_a_place_is_taken_before_its_first_day_is_written(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LakePlace, "write_file", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    warehouse.export()
    assert list(warehouse.files()) == ["v1/manifest.json"]


def test_days_that_were_there_before_the_notes_were_are_exported(warehouse: Warehouse) -> None:
    warehouse.loop.driver.execute("TRUNCATE connected_jobs.changed_day, connected_jobs.exported_day")
    warehouse.loop.driver.execute(
        runpy.run_path(str(ROOT / "migrations/versions/0021_warehouse.py"))["THERE"]
    )
    ran = warehouse.export()
    assert "exposures  2 days written (8 rows)" in ran.out
    assert "clicks     3 days written (7 rows)" in ran.out
    assert "outcomes   2 days written (4 rows)" in ran.out
