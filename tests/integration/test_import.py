"""An import is all or nothing for broken files, row by row for bad rows, and idempotent."""

from __future__ import annotations

import csv
import gzip
import resource
import threading
import tracemalloc
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import text

from app.board.importing.files import BrokenFileError, ImportRefusedError
from app.postgres.board.load import LoadReport, RowCounts, load
from app.postgres.members import delete_member, restore_member

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy import Engine

BASE = {
    "companies.csv": "id,name\nc1,Acme\n",
    "postings.csv": (
        "id,title,company_id,url,opened_at,categories,salary_min,salary_unit,career_min_years\n"
        "p1,Developer,c1,https://example.com/p1,2026-11-01T00:00:00+09:00,2|16,30000000,KRW/year,0.1\n"
    ),
    "members.csv": "id,mail_consent,skills\nm1,true,Java|C++\n",
    "activity.csv": "member_id,posting_id,kind,occurred_at\nm1,p1,view,2026-11-02T00:00:00Z\n",
}
COMPANIES = b"id,name\nc2,Beta\n"
POSTINGS = b"id,title,company_id,url,opened_at\n"
MEMBERS = b"id,mail_consent\n"
ACTIVITY = b"member_id,posting_id,kind,occurred_at\n"
NOW = b"2026-11-01T00:00:00+09:00"
YEAR_OUT = (
    "The year {} is not between 1970 and 2100; correct it, or leave the field empty where no time is meant."
)
# Row for row, with the transaction that wrote it: an untouched row keeps its xmin.
EVERYTHING = {
    "company": "SELECT xmin::text, company.* FROM board.company ORDER BY id",
    "posting": "SELECT xmin::text, posting.* FROM board.posting ORDER BY id",
    "member": "SELECT xmin::text, member.* FROM board.member ORDER BY id",
    "activity": "SELECT activity.* FROM board.activity ORDER BY member_id, kind, occurred_at, posting_id",
}


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def run(engine: Engine, folder: Path) -> LoadReport:
    return load(engine, folder, rejects=folder / "rejects.csv")


def tables(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            name: [tuple(row) for row in connection.execute(text(query))]
            for name, query in EVERYTHING.items()
        }


def column(engine: Engine, query: str) -> list[object]:
    with engine.connect() as connection:
        return list(connection.execute(text(query)).scalars())


def counts(**given: int) -> RowCounts:
    return RowCounts(**{name: given.get(name, 0) for name in RowCounts.__dataclass_fields__})


@pytest.fixture
def loaded(engine: Engine, tmp_path: Path) -> Engine:
    """A database that holds one row of each noun."""
    run(engine, write(tmp_path / "base", BASE))
    return engine


def test_every_column_lands_as_the_file_says(engine: Engine, tmp_path: Path) -> None:
    posting = (
        '{"id": "p1", "title": " A \\"b\\" \\\\ <초급> 😀 \\u202e ", "company_id": "c1", "url": "https://example.com/?a=1",'
        ' "opened_at": "2026-11-01T00:00:00+09:00", "categories": ["2", "a\\"b\\\\c,{}"], "regions": ["101000/강남구"],'
        ' "career_min_years": 0, "career_max_years": 2.5, "education": "master", "employment_types": ["regular"],'
        ' "salary_min": 17.5, "salary_max": 1000000000000000, "salary_unit": "USD/hour", "skills": ["NULL", "C++"],'
        ' "deadline": "2026-12-01T18:30", "status": "closed", "updated_at": "2026-11-02T00:00:00Z"}\n'
    )
    run(
        engine,
        write(
            tmp_path / "in",
            {
                "companies.csv": "id,name,industry,employees\nc1,(주)가나다,도매업,2147483647\n",
                "postings.jsonl": posting,
                "members.csv.gz": gzip.compress(
                    b"id,mail_consent,withdrawn_at,career_years,education,desired_salary,salary_unit\n"
                    b"\xed\x9a\x8c\xec\x9b\x90 1,false,2026-11-03T00:00:00Z,3.5,none,40000000,KRW/year\n"
                ),
                "activity.jsonl": '{"member_id": "회원 1", "posting_id": "p1", "kind": "scrap",'
                ' "occurred_at": "2026-11-01T12:00:00+14:00"}',
            },
        ),
    )
    assert column(engine, "SELECT to_jsonb(company) - 'updated_at' FROM board.company") == [
        {"id": "c1", "name": "(주)가나다", "industry": "도매업", "employees": 2147483647}
    ]
    assert column(engine, "SELECT to_jsonb(posting) FROM board.posting") == [
        {
            "id": "p1",
            "title": 'A "b" \\ <초급> 😀',
            "company_id": "c1",
            "categories": ["2", 'a"b\\c,{}'],
            "regions": ["101000/강남구"],
            "career_min_years": 0,
            "career_max_years": 2.5,
            "education": 4,
            "employment_types": ["regular"],
            "salary_min": 17.50,
            "salary_max": 10**15,
            "salary_unit": "USD/hour",
            "skills": ["NULL", "C++"],
            "opened_at": "2026-10-31T15:00:00+00:00",
            "deadline": "2026-12-01",
            "deadline_time": "18:30:00",
            "closes": "on_date",
            "status": "closed",
            "url": "https://example.com/?a=1",
            "updated_at": "2026-11-02T00:00:00+00:00",
        }
    ]
    assert column(engine, "SELECT to_jsonb(member) - 'updated_at' FROM board.member") == [
        {
            "id": "회원 1",
            "categories": [],
            "regions": [],
            "career_years": 3.5,
            "education": 0,
            "skills": [],
            "desired_salary": 40_000_000,
            "salary_unit": "KRW/year",
            "mail_consent": False,
            "withdrawn_at": "2026-11-03T00:00:00+00:00",
        }
    ]
    assert column(engine, "SELECT to_jsonb(activity) FROM board.activity") == [
        {
            "member_id": "회원 1",
            "posting_id": "p1",
            "kind": "scrap",
            "occurred_at": "2026-10-31T22:00:00+00:00",
        }
    ]


def test_what_other_programs_write_loads_as_a_person_means_it(engine: Engine, tmp_path: Path) -> None:
    """A spreadsheet's Unicode text, tabs, its booleans; JSON with numbers for ids; a posting whose company is not told."""
    files: dict[str, str | bytes] = {
        "companies.jsonl": '{"id": 7, "name": "A &amp; B <b>상사</b>", "employees": 12.0}\n',
        "postings.csv": (
            "sep=;\r\nID;Title;Company-ID;URL;Opened At;Salary Min;Salary Max;salary_unit;deadline;;\r\n"
            "p1;T;7;https://a.kr/1;2026-11-01T00:00:00Z;0;17,500.50;usd/Month;2026. 12. 1. 오후 6:00;;\r\n"
            ";;;;;;;;;;\r\n"
            "p2;U;null;https://a.kr/2?campaign=x;2100-11-01T00:00:00Z;0;0;;9999-12-31;;\r\n"
        ),
        "members.csv": "id\tmail_consent\nm1\tTRUE\nm2\tno\n".encode("utf-16"),
        "activity.csv": "member_id,posting_id,kind,occurred_at\nm1,p1,VIEW,2100-01-01T00:00:00Z\n",
    }
    report = run(engine, write(tmp_path / "in", files))
    assert {noun: count.rejected for noun, count in report.counts.items()} == dict.fromkeys(report.counts, 0)
    assert column(engine, "SELECT to_jsonb(c) - 'updated_at' FROM board.company c") == [
        {"id": "7", "name": "A & B 상사", "industry": None, "employees": 12}
    ]
    assert column(
        engine,
        "SELECT ARRAY[id, company_id, salary_min::text, salary_max::text, salary_unit, deadline::text,"
        " deadline_time::text, closes] FROM board.posting ORDER BY id",
    ) == [
        ["p1", "7", None, "17500.50", "USD/month", "2026-12-01", "18:00:00", "on_date"],
        ["p2", None, None, None, None, None, None, "always_open"],
    ]
    assert column(engine, "SELECT mail_consent FROM board.member ORDER BY id") == [True, False]
    assert report.notes == (
        (
            "postings.csv has a row (line 5) opened later than now: check the clock or the zone of what wrote"
            " them."
        ),
        (
            "postings.csv has a row (line 5) with a link that has a parameter rid, campaign, variant or"
            " position: answers put ours in its place, so rename it where the page needs it."
        ),
        "activity.csv has a row (line 2) later than now: check the clock or the zone of what wrote them.",
    )
    assert run(engine, tmp_path / "in").counts["postings"].unchanged == 2


def test_importing_the_same_files_twice_changes_nothing(loaded: Engine, tmp_path: Path) -> None:
    before = tables(loaded)
    assert all(before.values())
    report = run(loaded, tmp_path / "base")
    assert tables(loaded) == before
    assert report == LoadReport(
        counts={
            noun: counts(read=1, unchanged=1) for noun in ("companies", "postings", "members", "activity")
        },
        rejects=None,
        not_read=(),
    )


def test_only_rows_that_differ_are_updated_and_stamped(loaded: Engine, tmp_path: Path) -> None:
    more = "id,name\nc1,Acme\nc2,Beta\nc3,Gamma\n"
    run(loaded, write(tmp_path / "more", {"companies.csv": more}))
    before = tables(loaded)
    changed = more.replace("Beta", "Beta Inc.") + "c4,Delta\n"
    report = run(loaded, write(tmp_path / "more", {"companies.csv": changed}))
    after = tables(loaded)
    assert report.counts == {"companies": counts(read=4, inserted=1, updated=1, unchanged=2)}
    assert [row[1:3] for row in after["company"]] == [
        ("c1", "Acme"),
        ("c2", "Beta Inc."),
        ("c3", "Gamma"),
        ("c4", "Delta"),
    ]
    assert [after["company"][at] for at in (0, 2)] == [before["company"][at] for at in (0, 2)]
    assert column(loaded, "SELECT updated_at > (SELECT updated_at FROM board.company WHERE id = 'c1')"
                          " FROM board.company WHERE id = 'c2'") == [True]  # fmt: skip


def test_an_updated_at_in_the_file_never_hides_a_change_nor_runs_ahead_of_it(
    loaded: Engine, tmp_path: Path
) -> None:
    header = "id,name,updated_at\n"
    old, future = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
    first = f"{header}c7,Old,{old}\nc8,Future,{future}\n"
    run(loaded, write(tmp_path / "in", {"companies.csv": first}))
    stamps = "SELECT updated_at::text LIKE '2020%' OR updated_at > now() FROM board.company WHERE id > 'c6' ORDER BY id"
    assert column(loaded, stamps) == [True, False]
    before = tables(loaded)
    run(loaded, write(tmp_path / "in", {"companies.csv": first.replace(old, "2021-01-01T00:00:00Z")}))
    assert tables(loaded) == before, "a time alone is no change"
    run(loaded, write(tmp_path / "in", {"companies.csv": first.replace("Old", "Older")}))
    assert column(loaded, stamps) == [False, False]


def test_of_rows_with_one_id_the_last_counts(loaded: Engine, tmp_path: Path) -> None:
    files = {
        "companies.csv": "id,name\nc2,First\nc1,Acme\nc2,Middle\nc2,Second\nc2,\n",
        "activity.csv": BASE["activity.csv"] + "m1,p1,view,2026-11-02T09:00:00+09:00\n" * 2,
    }
    report = run(loaded, write(tmp_path / "in", files))
    assert column(loaded, "SELECT name FROM board.company ORDER BY id") == ["Acme", "Second"]
    assert report.counts == {
        "companies": counts(read=5, inserted=1, unchanged=1, repeated=2, rejected=1),
        "activity": counts(read=3, unchanged=3),
    }


def test_a_good_import_takes_an_old_rejects_file_away_and_names_files_it_did_not_know(
    engine: Engine, tmp_path: Path
) -> None:
    folder = write(tmp_path / "in", {**BASE, "member.csv": "id\n", "rejects.csv": "old", "notes.txt": ""})
    assert run(engine, folder).not_read == ("member.csv",)
    assert not (folder / "rejects.csv").exists()


def test_progress_is_told_while_a_file_is_read_and_at_its_end(engine: Engine, tmp_path: Path) -> None:
    rows = "".join(f"c{number},Company {number}\n" for number in range(12_000))
    folder = write(tmp_path / "in", {"companies.csv": "id,name\n" + rows})
    size = (folder / "companies.csv").stat().st_size
    told: list[tuple[str, int, int, int]] = []
    load(
        engine,
        folder,
        rejects=folder / "rejects.csv",
        progress=lambda *step: told.append(step),
    )
    assert [(noun, count, total) for noun, count, _, total in told] == [
        ("companies", 5_000, size),
        ("companies", 10_000, size),
        ("companies", 12_000, size),
    ]
    done = [bytes_done for _, _, bytes_done, _ in told]
    assert 0 < done[0] < done[1] <= done[2] == size


def test_memory_does_not_grow_with_the_file(engine: Engine, tmp_path: Path) -> None:
    members = "".join(f"m{number},true\n" for number in range(2_000))

    def peak_bytes(rows: int) -> int:
        activity = "".join(
            f"m{number % 2_000},p1,view,2026-11-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z\n"
            f"nobody-{number},p1,view,2026-11-01T00:00:00Z\n"
            for number in range(rows // 2)
        )
        folder = write(
            tmp_path / str(rows),
            BASE
            | {"members.csv": "id,mail_consent\n" + members, "activity.csv": ACTIVITY.decode() + activity},
        )
        del activity
        tracemalloc.start()
        try:
            report = run(engine, folder)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert report.counts["activity"].rejected == rows // 2
        return peak

    peak_bytes(100)  # imports and caches
    few, many = peak_bytes(2_000), peak_bytes(40_000)
    assert many < few + 500_000


def test_two_imports_at_once_both_end_well(engine: Engine, tmp_path: Path) -> None:
    rows = [f"c{number},Company {number}\n" for number in range(3_000)]
    folders = [
        write(tmp_path / "up", {"companies.csv": "id,name\n" + "".join(rows)}),
        write(tmp_path / "down", {"companies.csv": "id,name\n" + "".join(reversed(rows))}),
    ]
    inserted: list[int] = []
    threads = [
        threading.Thread(
            target=lambda folder=folder: inserted.append(run(engine, folder).counts["companies"].inserted)
        )
        for folder in folders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(inserted) == [0, 3_000]


def test_the_planner_knows_the_new_data(loaded: Engine) -> None:
    known = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'board'::regnamespace AND reltuples > 0 ORDER BY 1"
    )
    assert {"activity", "company", "member", "posting"} <= set(column(loaded, known))


def test_boards_with_views_and_databases_without_tables_are_told_so(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "in", BASE)
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE board.member RENAME TO people")
        connection.execute("CREATE VIEW board.member AS SELECT * FROM board.people")
    with pytest.raises(ImportRefusedError) as refused:
        run(engine, folder)
    assert str(refused.value) == (
        "board.member is a view over tables of your own: load members there, or leave its file out."
    )
    assert column(engine, "SELECT count(*) FROM board.company") == [0]
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP SCHEMA board CASCADE")
    with pytest.raises(ImportRefusedError) as refused:
        run(engine, folder)
    assert (
        str(refused.value) == "There is no table board.company: run `connected-jobs migrate --board` first."
    )


def test_rejects_that_cannot_be_written_keep_the_import_from_being_committed(
    engine: Engine, tmp_path: Path
) -> None:
    folder = write(tmp_path / "in", {**BASE, "companies.csv": "id,name\nc1,Acme\nc2,\n"})
    before = tables(engine)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, most[1]))  # a disk that has room for ten bytes
    try:
        with pytest.raises(ImportRefusedError, match=r"rejects\.csv cannot be written \(File too large\)"):
            run(engine, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    (folder / "rejects.csv").mkdir()
    with pytest.raises(ImportRefusedError, match=r"rejects\.csv cannot be written \(Is a directory\)"):
        run(engine, folder)
    assert tables(engine) == before
    assert sorted(path.name for path in folder.glob("rejects*")) == ["rejects.csv"]


def test_rejects_never_overwrite_an_import_file(engine: Engine, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", BASE)
    with pytest.raises(ImportRefusedError) as refused:
        load(engine, folder, rejects=folder / ".." / "in" / "members.csv")
    assert "would overwrite" in str(refused.value)
    assert (folder / "members.csv").read_text() == BASE["members.csv"]


BROKEN: list[tuple[str, dict[str, bytes], str]] = [
    ("no folder", {}, "The folder {folder} cannot be read (No such file or directory): name one that can."),
    (
        "nothing in it",
        {"notes.txt": b"x"},
        ("There is nothing to import in {folder}: put any of companies.csv, postings.csv, members.csv, activity.csv"
        " there (.jsonl and .gz are read too)."),
    ),
    (
        "two files of one noun",
        {"companies.csv": COMPANIES, "companies.jsonl.gz": b""},
        "companies.csv and companies.jsonl.gz both hold companies: keep one of them in {folder}.",
    ),
    ("empty CSV", {"members.csv": b""}, "members.csv is empty: export it again, or take it away."),
    ("empty JSON Lines", {"members.jsonl": b""}, "members.jsonl is empty: export it again, or take it away."),
    (
        "nothing gzipped",
        {"members.csv.gz": gzip.compress(b"")},
        "members.csv.gz is empty: export it again, or take it away.",
    ),
    (
        "only a byte order mark",
        {"members.jsonl": b"\xef\xbb\xbf"},
        "members.jsonl is empty: export it again, or take it away.",
    ),
    ("blank header", {"members.csv": b"\nm1,true\n"}, "members.csv has no header in line 1: begin it with the columns' names."),
    (
        "no header",
        {"members.csv": b"m1,true\nm2,true\n"},
        ("members.csv has the unknown column 'm1' in line 1: use one of id, mail_consent, withdrawn_at, categories,"
        " regions, career_years, education, skills, desired_salary, salary_unit, updated_at, or remove it."),
    ),
    (
        "missing column",
        {"members.csv": b"id,skills\nm1,Java\n"},
        "members.csv lacks the column 'mail_consent' in line 1: add it, it is required.",
    ),
    (
        "misspelt column",
        {"members.csv": b"id,mail_consent,carreer_years\nm1,true,1\n"},
        "members.csv has the unknown column 'carreer_years' in line 1: rename it to 'career_years', or remove it.",
    ),
    (
        "column twice",
        {"members.csv": b"id,mail_consent,id\nm1,true,m2\n"},
        "members.csv has the column 'id' twice in line 1: remove one.",
    ),
    (
        "EUC-KR",
        {"companies.csv": b"id,name\nc5,OK\nc6," + "가나다".encode("euc-kr") + b"\n"},
        ("companies.csv is not UTF-8 in line 3 but CP949, as Excel's plain CSV (not its CSV UTF-8) is: save it as UTF-8"
        " and import it again."),
    ),
    (
        "Latin-1",
        {"companies.csv": b"id,name\nc5,OK\nc6,Caf\xe9\n"},
        "companies.csv is not UTF-8 in line 3: save it as UTF-8 and import it again.",
    ),
    (
        "UTF-16 cut short",
        {"companies.csv": "id,name\nc5,OK\n".encode("utf-16")[:-1]},
        "companies.csv begins as UTF-16 and is not: save it as UTF-8 and import it again.",
    ),
    (
        "UTF-16 wrong in its first line",
        {"companies.csv": b"\xff\xfeid\x00\xd8,\x00\n\x00"},
        "companies.csv begins as UTF-16 and is not: save it as UTF-8 and import it again.",
    ),
    (
        "UTF-16 without its mark",
        {"companies.csv": "id,name\nc5,OK\n".encode("utf-16-le")},
        "companies.csv holds a NUL byte in line 1: export it again as text in UTF-8.",
    ),
    (
        "NUL byte",
        {"companies.csv": b"id,name\nc5,OK\nc6,a\0b\n"},
        "companies.csv holds a NUL byte in line 3: export it again as text in UTF-8.",
    ),
    (
        "Excel workbook",
        {"companies.csv": b"PK\x03\x04"},
        "companies.csv is a zip archive or an Excel workbook: save it as CSV with commas, in UTF-8.",
    ),
    (
        "gzipped without saying so",
        {"companies.csv": gzip.compress(COMPANIES)},
        "companies.csv is gzipped: rename it to companies.csv.gz.",
    ),
    (
        "not gzipped though it says so",
        {"companies.csv.gz": COMPANIES},
        "companies.csv.gz is not gzipped: gzip it, or take .gz off its name.",
    ),
    (
        "truncated gzip",
        {"members.csv.gz": gzip.compress(MEMBERS + b"m1,true\nm2,false\n", mtime=0)[:-6]},
        "members.csv.gz breaks off: the gzip file is truncated, copy it again.",
    ),
    (
        "damaged gzip",
        {"members.csv.gz": gzip.compress(MEMBERS + b"m1,true\n", mtime=0)[:-8] + b"12345678"},
        "members.csv.gz is damaged: gzip cannot unpack it, copy it again.",
    ),
    (
        "quote never closed",
        {"companies.csv": b'id,name\nc5,OK\nc6,"open\nc7,More\n'},
        "companies.csv opens a quote in the row at line 3 that is not closed: close it, or double it.",
    ),
    (
        "quote never closed in a large file",
        {"companies.csv": b'id,name\nc5,"open\n' + b"c6,More\n" * 50_000},
        "companies.csv has a field of over 131,072 characters in the row at line 2: shorten it, or close the quote that it opens.",
    ),
    (
        "text after a quote",
        {"companies.csv": b'id,name\nc5,"Acme" Inc.\n'},
        "companies.csv has a stray quote in the row at line 2: write a quote inside a quoted field twice.",
    ),
    (
        "carriage returns only",
        {"companies.csv": b"id,name\rc5,Acme\r"},
        "companies.csv ends lines with a lone carriage return at line 1: save it with line feeds.",
    ),
    (
        "a line without end",
        {"companies.csv": b"id,name\nc5," + b"x" * 1_000_000},
        "companies.csv has a line 2 of over 1,000,000 bytes: end each row with a line feed.",
    ),
    (
        "a JSON array",
        {"companies.jsonl": b'[\n{"id": "c5", "name": "Acme"}\n]\n'},
        ("companies.jsonl holds a JSON array in line 1: write one object a line, without brackets and commas around"
        " (jq -c '.[]')."),
    ),
    (
        "JSON over several lines",
        {"companies.jsonl": b'{\n  "id": "c5",\n  "name": "Acme"\n}\n'},
        "companies.jsonl breaks its objects over several lines: write one object a line (jq -c .).",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "sentence"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_a_broken_file_changes_nothing_in_any_table(
    loaded: Engine, tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    before = tables(loaded)
    folder = tmp_path / "in"
    if files:
        # Good files beside the broken one, and a bad row, would leave traces if anything did.
        beside = (
            {}
            if any(name.startswith(("companies", "notes")) for name in files)
            else {"companies.csv": COMPANIES}
        )
        activity = (
            {}
            if "notes.txt" in files
            else {"activity.csv": ACTIVITY + b"m1,p1,apply," + NOW + b"\nm1,p1,,\n"}
        )
        write(folder, beside | files | activity)
    with pytest.raises(BrokenFileError) as broken:
        run(loaded, folder)
    assert str(broken.value) == sentence.format(folder=folder)
    assert tables(loaded) == before
    assert sorted(path.name for path in folder.glob("rejects*")) == []


def test_a_folder_in_a_file_s_place_changes_nothing(loaded: Engine, tmp_path: Path) -> None:
    before = tables(loaded)
    folder = write(tmp_path / "in", {"companies.csv": COMPANIES})
    (folder / "members.csv").mkdir()
    with pytest.raises(BrokenFileError) as broken:
        run(loaded, folder)
    assert str(broken.value) == "members.csv is not a file: put a file there, or take it away."
    (folder / "members.csv").rmdir()
    (folder / "members.csv").symlink_to("nowhere")
    with pytest.raises(BrokenFileError) as broken:
        run(loaded, folder)
    assert str(broken.value) == (
        "members.csv cannot be read (No such file or directory): allow reading it, or take it away."
    )
    assert tables(loaded) == before


GOOD_POSTING = b"p9,Good,c1,https://example.com/9," + NOW + b"\n"
REJECTED: list[tuple[str, str, bytes, list[tuple[str, ...]]]] = [
    (
        "unknown company",
        "postings.csv",
        POSTINGS + b"p5,T,nobody,https://example.com," + NOW + b"\n" + GOOD_POSTING,
        [("2", "company_id", "nobody", "No company with this id is loaded or imported; add it, or correct the id.")],
    ),
    (
        "unknown member and posting, on physical lines",
        "activity.csv",
        ACTIVITY + b'\n"m1","p1",view,' + NOW + b"\nghost,p1,view," + NOW + b"\nm1,ghost,view," + NOW + b"\n",
        [
            ("4", "member_id", "ghost", "No member with this id is loaded or imported; add it, or correct the id."),
            ("5", "posting_id", "ghost", "No posting with this id is loaded or imported; add it, or correct the id."),
        ],
    ),
    (
        "a bad row after one of several lines",
        "companies.csv",
        b'id,name,industry\nc5,"A\nB",x\n"","No id","y\nz"\nc6,Good,\n',
        [("4", "id", "", "A value is required here; write one.")],
    ),
    (
        "too few and too many fields",
        "companies.csv",
        b"id,name\nc5\nc6,Acme, Inc.\nc7,Good\n",
        [
            ("2", "", "c5", "Fields in the row: 1, in the header: 2; quote fields that hold commas."),
            ("3", "", "c6,Acme, Inc.", "Fields in the row: 3, in the header: 2; quote fields that hold commas."),
        ],
    ),
    (
        "two faults in one row",
        "postings.csv",
        POSTINGS + b"p5,,c1,ftp://example.com," + NOW + b"\n" + GOOD_POSTING,
        [
            ("2", "title", "", "A value is required here; write one."),
            ("2", "url", "ftp://example.com",
             "Not a web address; write it like https://example.com/postings/1, without blanks."),
        ],
    ),
    (
        "a time without a zone, and none at all",
        "activity.csv",
        ACTIVITY + b"m1,p1,view,2026-11-01T00:00:00\nm1,p1,view,1764547200\nm1,p1,apply," + NOW + b"\n",
        [
            ("2", "occurred_at", "2026-11-01T00:00:00",
             "The time has no zone; add one at its end, like +09:00 or Z."),
            ("3", "occurred_at", "1764547200", "Not a time; write it like 2026-11-21T09:00:00+09:00."),
        ],
    ),
    (
        "times that Postgres could not hold",
        "activity.csv",
        ACTIVITY + b"m1,p1,view,0001-01-01T00:00:00+23:59\nm1,p1,view,9999-12-31T23:59:59-23:59\n"
        b"m1,p1,apply,2026-11-01T00:00:00+23:59\n",
        [
            ("2", "occurred_at", "0001-01-01T00:00:00+23:59", YEAR_OUT.format(1)),
            ("3", "occurred_at", "9999-12-31T23:59:59-23:59", YEAR_OUT.format(9999)),
        ],
    ),
    (
        "numbers that Postgres could not hold",
        "companies.csv",
        b"id,name,employees\nc5,A,2147483648\nc6,B,99999999999999999999\nc7,C,-1\nc8,Good,0\n",
        [
            ("2", "employees", "2147483648", "The number is not between 0 and 2147483647; correct it."),
            ("3", "employees", "99999999999999999999", "The number is not between 0 and 2147483647; correct it."),
            ("4", "employees", "-1", "-1 is below 0; leave the field empty where the number is not known."),
        ],
    ),
    (
        "ids that are too long, invisible or padded",
        "companies.csv",
        b"id,name\n" + b"x" * 201 + b",A\nc\xe2\x80\x8b5,B\nc6 ,C\nc7,Good\n",
        [
            ("2", "id", "x" * 200, "An id has at most 200 characters and this one has 201; shorten it."),
            ("3", "id", "c\u200b5", "An id is printable characters only; remove the invisible one."),
            ("4", "id", "c6 ", "The id begins or ends with a blank; remove it."),
        ],
    ),
    (
        "a range the wrong way round",
        "postings.csv",
        POSTINGS.strip() + b",career_min_years,career_max_years\np5,T,c1,https://example.com," + NOW + b",5,3\n",
        [("2", "career_max_years", "3.0", "Less than career_min_years; swap the two or correct one.")],
    ),
    (
        "a salary without its unit",
        "members.csv",
        MEMBERS.strip() + b",desired_salary\nm5,true,30000000\nm6,true,\n",
        [("2", "salary_unit", "", "A desired salary needs its unit; write one, like KRW/year.")],
    ),
    (
        "consent that is neither true nor false",
        "members.csv",
        MEMBERS + b"m5,maybe\nm6,2\nm7,\nm8,true\n",
        [
            ("2", "mail_consent", "maybe", "'maybe' is neither true nor false; write one of them."),
            ("3", "mail_consent", "2", "'2' is neither true nor false; write one of them."),
            ("4", "mail_consent", "", "A value is required here; write one."),
        ],
    ),
    (
        "lines that are no JSON objects",
        "companies.jsonl",
        b'{"id": "c5", "name": "A"\n\n"c6"\n{"id": "c7", "name": "\\ud800"}\n' + b"[" * 5_000 + b"\n"
        b'{"id": "c8", "name": "Good"}\n',
        [
            ("1", "", '{"id": "c5", "name": "A"', 'Not a JSON object; write one a line, like {"id": "1"}.'),
            ("3", "", '"c6"', 'Not a JSON object; write one a line, like {"id": "1"}.'),
            ("4", "", '{"id": "c7", "name": "\\ud800"}', 'Not a JSON object; write one a line, like {"id": "1"}.'),
            ("5", "", "[" * 200, 'Not a JSON object; write one a line, like {"id": "1"}.'),
        ],
    ),
    (
        "JSON of the wrong types",
        "companies.jsonl",
        (b'{"id": true, "name": "A"}\n{"id": "c6", "name": null}\n{"id": "c7", "name": "C", "employees": 1e400}\n'
        b'{"id": "c8", "name": "a\\u0000b", "size": 3}\n{"id": "c8", "name": "a\\u0000b"}\n{"id": "c9", "name": "Good"}\n'),
        [
            ("1", "id", "true", "true and false are no value here; write the text or the number that is meant."),
            ("2", "name", "", "A value is required here; write one."),
            ("3", "", '{"id": "c7", "name": "C", "employees": 1e400}',
             'Not a JSON object; write one a line, like {"id": "1"}.'),
            ("4", "size", "3", "There is no such key; the keys are id, name, industry, employees, updated_at."),
            ("5", "name", "a\0b", "The text holds the control character U+0000; remove it."),
        ],
    ),
]  # fmt: skip
LANDED = {
    "companies": "SELECT id FROM board.company WHERE id <> 'c1' ORDER BY id",
    "postings": "SELECT id FROM board.posting WHERE id <> 'p1'",
    "members": "SELECT id FROM board.member WHERE id <> 'm1'",
    "activity": "SELECT member_id FROM board.activity WHERE occurred_at <> '2026-11-02T00:00:00Z'",
}


@pytest.mark.parametrize(
    ("name", "content", "rejects"), [case[1:] for case in REJECTED], ids=[case[0] for case in REJECTED]
)
def test_bad_rows_are_listed_with_line_field_and_reason_while_good_ones_load(
    loaded: Engine, tmp_path: Path, name: str, content: bytes, rejects: list[tuple[str, ...]]
) -> None:
    folder = write(tmp_path / "in", {name: content})
    report = run(loaded, folder)
    noun = name.split(".", maxsplit=1)[0]
    assert report.rejects == folder / "rejects.csv"
    with report.rejects.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["file", "line", "field", "value", "reason"]
    assert [tuple(row) for row in rows] == [(name, *reject) for reject in rejects]
    landed = column(loaded, LANDED[noun])
    rejected = len({reject[0] for reject in rejects})
    assert report.counts == {
        noun: counts(read=len(landed) + rejected, inserted=len(landed), rejected=rejected)
    }


def test_an_erased_member_does_not_come_back_with_the_same_files_until_that_is_lifted(
    engine: Engine, tmp_path: Path
) -> None:
    folder = write(tmp_path / "in", {**BASE, "members.csv": "id,mail_consent,skills\nm1,true,\nm2,true,\n"})
    run(engine, folder)
    delete_member(engine, "m1")
    report = run(engine, folder)
    assert report.counts["members"] == counts(read=2, unchanged=1, erased=1)
    assert report.counts["activity"] == counts(read=1, erased=1)
    assert report.rejects is None
    assert column(engine, "SELECT id FROM board.member") == ["m2"]
    with engine.begin() as connection:
        assert restore_member(connection, "m1")
        assert not restore_member(connection, "m1")
    run(engine, folder)
    assert column(engine, "SELECT id FROM board.member ORDER BY id") == ["m1", "m2"]
    assert column(engine, "SELECT member_id FROM board.activity") == ["m1"]


def test_a_member_erased_while_an_import_puts_their_rows_in_leaves_none(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    run(engine, write(tmp_path / "in", BASE))
    with psycopg.connect(database_url, autocommit=True) as slow:
        slow.execute(
            "CREATE FUNCTION board.slow() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END'"
        )
        slow.execute(
            "CREATE TRIGGER slow BEFORE INSERT ON board.activity FOR EACH ROW EXECUTE FUNCTION board.slow()"
        )
        late = ACTIVITY + b"".join(b"m1,p1,view,2026-11-03T00:00:%02dZ\n" % second for second in range(20))
        importing = threading.Thread(
            target=run, args=(engine, write(tmp_path / "late", {"activity.csv": late}))
        )
        importing.start()
        under_way = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        )
        while slow.execute(under_way).fetchone() is None:
            pass
        delete_member(engine, "m1")
        importing.join()
    assert column(engine, "SELECT member_id FROM board.activity") == []


def test_a_change_is_stamped_with_the_moment_it_is_put_in_after_all_else(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    """A lock on activity holds an import up; whoever looks back from its end still finds what it closed."""
    run(engine, write(tmp_path / "in", BASE))
    closing = (
        POSTINGS.replace(b"\n", b",status\n")
        + b"p1,Developer,c1,https://example.com/p1,"
        + NOW
        + b",closed\n"
    )
    files = {"postings.csv": closing, "activity.csv": ACTIVITY + b"m1,p1,view,2026-11-04T00:00:00Z\n"}
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE board.activity IN SHARE MODE")
        importing = threading.Thread(target=run, args=(engine, write(tmp_path / "late", files)))
        importing.start()
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'board.activity'::regclass"
        with psycopg.connect(database_url, autocommit=True) as looking:
            while looking.execute(waits).fetchone() is None:
                pass
            (let_go,) = looking.execute("SELECT clock_timestamp()").fetchone() or (None,)
    importing.join()
    assert column(engine, "SELECT status FROM board.posting") == ["closed"]
    (stamped,) = column(engine, "SELECT updated_at FROM board.posting")
    assert stamped >= let_go


def test_activity_may_refer_to_a_posting_that_comes_with_it_but_not_to_one_that_is_refused(
    engine: Engine, tmp_path: Path
) -> None:
    rows = (
        b"p1,Developer,c2,https://example.com/p1,"
        + NOW
        + b"\np2,Cook,gone,https://example.com/p2,"
        + NOW
        + b"\n"
    )
    files = {
        "companies.csv": COMPANIES,
        "postings.csv": POSTINGS + rows,
        "members.csv": MEMBERS + b"m1,true\n",
        "activity.csv": ACTIVITY + b"m1,p1,view,2026-11-04T00:00:00Z\nm1,p2,view,2026-11-04T00:00:00Z\n",
    }
    report = run(engine, write(tmp_path / "in", files))
    assert report.counts["postings"] == counts(read=2, inserted=1, rejected=1)
    assert report.counts["activity"] == counts(read=2, inserted=1, rejected=1)
