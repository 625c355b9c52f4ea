"""The rejects file appears whole, at the end, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.postgres.rejects import Rejects
from app.postgres.rows import Fault
from app.postgres.sources import ImportRefusedError

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
