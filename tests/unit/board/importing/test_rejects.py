"""The rejects file appears whole, at the end, or not at all."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from app.board.importing.files import ImportRefusedError
from app.board.importing.rejects import Rejects
from app.board.importing.rows import Fault

if TYPE_CHECKING:
    from pathlib import Path


def test_each_fault_is_a_line_and_each_row_counts_once(tmp_path: Path) -> None:
    with Rejects(tmp_path / "rejects.csv") as rejects:
        rejects.add(
            "postings.csv", 7, Fault("id", "", "Write one."), Fault("title", 'a "b"\n', "Shorten it.")
        )
        assert not (tmp_path / "rejects.csv").exists()
    assert rejects.rows == 1
    assert (tmp_path / "rejects.csv").read_bytes() == (
        b"file,line,field,value,reason\r\n"
        b"postings.csv,7,id,,Write one.\r\n"
        b'postings.csv,7,title,"a ""b""\n",Shorten it.\r\n'
    )
    assert [path.name for path in tmp_path.iterdir()] == ["rejects.csv"]


def test_without_a_rejected_row_an_earlier_file_goes_away(tmp_path: Path) -> None:
    (tmp_path / "rejects.csv").write_text("from last week")
    with Rejects(tmp_path / "rejects.csv"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_import_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "rejects.csv").write_text("from last week")

    def fail() -> None:
        with Rejects(tmp_path / "rejects.csv") as rejects:
            rejects.add("postings.csv", 7, Fault("id", "", "Write one."))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["from last week"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "rejects.csv"
    with pytest.raises(ImportRefusedError) as refused, Rejects(path) as rejects:
        rejects.add("postings.csv", 7, Fault("id", "", "Write one."))
    assert str(refused.value) == (
        f"The rejects file {path} cannot be written (No such file or directory): name another with --rejects."
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ('=HYPERLINK("http://x/";A1)', '\'=HYPERLINK("http://x/";A1)'),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("-2+3", "'-2+3"),
        ("\t=1+1", "'\t=1+1"),
        ("\r=1+1", "'\r=1+1"),
        ("=1", "'=1"),
        ("-1", "-1"),
        ("+82", "+82"),
        ("-1,000.5", "-1,000.5"),
        ("a=b", "a=b"),
        ("'=1", "'=1"),
    ],
)
def test_no_foreign_value_is_a_formula_to_a_spreadsheet(tmp_path: Path, value: str, written: str) -> None:
    with Rejects(tmp_path / "rejects.csv") as rejects:
        rejects.add("activity.csv", 2, Fault(value, value, "Correct it."))
    with (tmp_path / "rejects.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1] == ["activity.csv", "2", written, written, "Correct it."]


def test_what_a_killed_import_left_goes_at_the_next(tmp_path: Path) -> None:
    (tmp_path / "rejects.csv.part").write_text("ids of members")
    with Rejects(tmp_path / "rejects.csv") as rejects:
        rejects.begin()
    assert list(tmp_path.iterdir()) == []


def test_a_rejects_file_that_cannot_be_put_in_place_refuses_the_import_before_it_is_committed(
    tmp_path: Path,
) -> None:
    (tmp_path / "rejects.csv").mkdir()
    with Rejects(tmp_path / "rejects.csv") as rejects:
        rejects.add("activity.csv", 2, Fault("kind", "x", "Correct it."))
        with pytest.raises(ImportRefusedError, match="cannot be written"):
            rejects.finish()
    assert (tmp_path / "rejects.csv").is_dir()


def test_one_that_cannot_be_put_in_place_after_that_is_told_where_it_lies(tmp_path: Path) -> None:
    with Rejects(tmp_path / "rejects.csv") as rejects:
        rejects.add("activity.csv", 2, Fault("kind", "x", "Correct it."))
        rejects.finish()
        (tmp_path / "rejects.csv").mkdir()
    assert rejects.path == tmp_path / "rejects.csv.part"
    assert rejects.path.exists()
