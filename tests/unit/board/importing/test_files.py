"""Files: which are read, in which order, and on which line each record begins."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from app.board.importing.files import BrokenFileError, find_import_files, open_import_file
from app.board.importing.rows import BadRowError

if TYPE_CHECKING:
    from pathlib import Path


def companies(folder: Path, content: bytes, name: str = "companies.csv") -> list[tuple[int, object]]:
    """The lines and ids of a file's records; None for a bad row."""
    (folder / name).write_bytes(content)
    (source,), _ = find_import_files(folder)
    with open_import_file(source) as reading:
        return [(line, None if isinstance(row, BadRowError) else row[0]) for line, row in reading.records]


def test_files_are_read_in_the_order_in_which_they_refer_to_each_other(tmp_path: Path) -> None:
    for name in (
        "activity.csv",
        "members.jsonl",
        "postings.csv.gz",
        "companies.jsonl.gz",
        "member.csv",
        "notes.txt",
    ):
        (tmp_path / name).touch()
    sources, not_read = find_import_files(tmp_path)
    assert [source.path.name for source in sources] == [
        "companies.jsonl.gz",
        "postings.csv.gz",
        "members.jsonl",
        "activity.csv",
    ]
    assert not_read == ["member.csv"]


def test_a_file_of_a_known_name_and_another_form_is_named(tmp_path: Path) -> None:
    (tmp_path / "Postings.json").touch()
    with pytest.raises(BrokenFileError, match=r"Postings\.json neither: save it as CSV, or as JSON Lines"):
        find_import_files(tmp_path)
    (tmp_path / "companies.csv").touch()
    assert find_import_files(tmp_path)[1] == ["Postings.json"]


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"id,name\na,A\nb,B\n", [(2, "a"), (3, "b")]),
        (b"id,name\na,A", [(2, "a")]),
        (b"id,name\r\na,A\r\nb,B\r\n", [(2, "a"), (3, "b")]),
        (b"\xef\xbb\xbfid,name\na,A\n", [(2, "a")]),
        (b'"id","name"\n"a","A\n2\n3"\nb,B\n', [(2, "a"), (5, "b")]),
        (b'id,name\na,"A ""the best"""\nb,5" disk\n', [(2, "a"), (3, "b")]),
        (b"id,name\n\n\na,A\n\nb,B\n\n", [(4, "a"), (6, "b")]),
        (b'id,name\n,"x\ny"\nb,B\n', [(2, None), (4, "b")]),
        (b"id,name\n", []),
        (b"ID;Name;;\na;A;;\n;;;\nb;B;;\n", [(2, "a"), (4, "b")]),
        (b"sep=\t\n Id\tNAME\na\tA, Inc.\n", [(3, "a")]),
        ("id,name\r\na,가\r\n".encode("utf-16"), [(2, "a")]),
        (b"\xfe\xff" + 'id\tname\na\t"가\u2028\n나"\nb\tB'.encode("utf-16-be"), [(2, "a"), (4, "b")]),
    ],
)
def test_a_record_has_the_line_on_which_it_begins(
    tmp_path: Path, content: bytes, records: list[tuple[int, object]]
) -> None:
    assert companies(tmp_path, content) == records


def test_json_lines_may_be_blank_and_end_without_a_line_feed(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbf{"id": "a", "name": "A"}\n\n  \n{"id": "b", "name": "B"}'
    assert companies(tmp_path, content, "companies.jsonl") == [(1, "a"), (4, "b")]


def test_gzipped_files_read_the_same_and_tell_progress_in_bytes_on_the_disk(tmp_path: Path) -> None:
    plain = b"id,name\n" + b"".join(b"c%d,Company %d\n" % (n, n) for n in range(100_000))
    (tmp_path / "companies.csv.gz").write_bytes(gzip.compress(plain))
    (source,), _ = find_import_files(tmp_path)
    with open_import_file(source) as reading:
        assert reading.file.tell() < reading.bytes_total
        assert sum(1 for _ in reading.records) == 100_000
        assert reading.file.tell() == reading.bytes_total == (tmp_path / "companies.csv.gz").stat().st_size


def test_a_row_of_any_length_is_bounded_in_memory(tmp_path: Path) -> None:
    with pytest.raises(
        BrokenFileError, match="has a line 2 of over 1,000,000 bytes: end each row with a line feed"
    ):
        companies(tmp_path, b"id,name\n" + b"x" * 3_000_000)


def test_a_header_that_begins_like_a_zip_archive_is_a_header(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError, match="has the unknown column 'pk' in line 1"):
        companies(tmp_path, b"PK,id,name\n1,a,A\n")


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"PK\x05\x06"])
def test_a_zip_archive_is_told_from_text(tmp_path: Path, magic: bytes) -> None:
    with pytest.raises(BrokenFileError, match="is a zip archive or an Excel workbook: save it as CSV"):
        companies(tmp_path, magic + b"\0" * 30)


def test_a_field_that_is_too_long_is_not_blamed_on_a_quote_alone(tmp_path: Path) -> None:
    with pytest.raises(
        BrokenFileError, match=r"a field of over 131,072 characters in the row at line 2: shorten it"
    ):
        companies(tmp_path, b"id,name\na," + b"x" * 131_073 + b"\n")


@pytest.mark.parametrize(
    ("begins", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Excel workbook: save it as CSV"),
        (b"PAR1\x15\x04", "is a Parquet file: export it as CSV"),
        (b"\x28\xb5\x2f\xfd\x04", "is packed by zstd: unpack it"),
        (b"\xfd7zXZ\0", "is packed by xz: unpack it"),
        (b"BZh91AY&SY", "is packed by bzip2: unpack it"),
        (b",id,name\n0,a,A\n", r"has a column without a name in line 1: .*index=False"),
    ],
)
def test_what_other_programs_write_is_called_by_its_name(tmp_path: Path, begins: bytes, said: str) -> None:
    with pytest.raises(BrokenFileError, match=said):
        companies(tmp_path, begins)
