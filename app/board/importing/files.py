"""Import files: which of a folder's files hold which noun, and their records with line numbers."""

from __future__ import annotations

import codecs
import csv
import difflib
import gzip
import io
import itertools
import re
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple, NoReturn, Protocol, TypeVar

from app.board.importing.rows import NOUNS, BadRowError, Noun, Row, csv_rows, json_rows
from app.board.texts import shown_text

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

ENDINGS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
LINE_BYTES = 1_000_000
_BUFFER_BYTES = 256 * 1024
_BLOCK_BYTES = 16 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
# What other formats begin with, and what to do with them.
_WORKBOOK = "a zip archive or an Excel workbook: save it as CSV with commas, in UTF-8."
_FOREIGN = {
    b"PK\x03\x04": _WORKBOOK,
    b"PK\x05\x06": _WORKBOOK,
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save it as CSV with commas, in UTF-8.",
    b"PAR1": "a Parquet file: export it as CSV or JSON Lines.",
    b"\x28\xb5\x2f\xfd": "packed by zstd: unpack it, or pack it by gzip.",
    b"\xfd7zX": "packed by xz: unpack it, or pack it by gzip.",
    b"BZh9": "packed by bzip2: unpack it, or pack it by gzip.",
}
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = ",;\t"
_LONGEST_FIELD = 131_072  # characters
_SEPARATOR_HINT = "sep="  # a first line by which Excel is told
_EMPTY = " is empty: export it again, or take it away."
_Raw = TypeVar("_Raw", list[str], str)


class ImportRefusedError(Exception):
    """Nothing was imported; one sentence says what is wrong, where, and how to mend it."""


class BrokenFileError(ImportRefusedError):
    """Something is wrong with a file, or the folder, as a whole."""


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file of one noun."""

    noun: Noun
    path: Path

    def broken(self, sentence: str) -> NoReturn:
        """Refuse the file; the sentence follows its name."""
        raise BrokenFileError(f"{self.path.name}{sentence}") from None


class Record(NamedTuple):
    """A record: the line on which it begins (the first is 1), and its values or what is wrong with it."""

    line: int
    row: Row | BadRowError


@dataclass(frozen=True, slots=True)
class Reading:
    """A file being read; `file` is the file on disk, so its position is the progress."""

    source: ImportFile
    records: Iterator[Record]
    file: IO[bytes]
    bytes_total: int


def find_import_files(folder: Path) -> tuple[list[ImportFile], list[str]]:
    """The files to read, in the order of loading, and the names of data files that are none of them.

    Raises:
        BrokenFileError: no folder, nothing to import in it, or two files of one noun.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise BrokenFileError(
            f"The folder {folder} cannot be read ({error.strerror}): name one that can."
        ) from None
    sources = []
    for noun in NOUNS:
        found = [name for name in names if name in {noun.name + ending for ending in ENDINGS}]
        if len(found) > 1:
            raise BrokenFileError(
                f"{' and '.join(found)} both hold {noun.name}: keep one of them in {folder}."
            )
        sources += [ImportFile(noun, folder / name) for name in found]
    read = {source.path.name for source in sources}
    nouns = {noun.name for noun in NOUNS}
    not_read = [
        name
        for name in names
        if name not in read and (name.endswith(ENDINGS) or name.split(".")[0].lower() in nouns)
    ]
    if not sources and not_read:
        raise BrokenFileError(
            f"Nothing in {folder} has the name of an import file, {not_read[0]} neither: save it as CSV, or as JSON"
            " Lines (`jq -c '.[]' postings.json > postings.jsonl`)."
        )
    if not sources:
        wanted = ", ".join(f"{noun.name}.csv" for noun in NOUNS)
        raise BrokenFileError(
            f"There is nothing to import in {folder}: put any of {wanted} there (.jsonl and .gz are read too)."
        )
    return sources, not_read


@contextmanager
def open_import_file(source: ImportFile) -> Iterator[Reading]:
    """Open a file and read its header; its records come when they are asked for.

    Raises:
        BrokenFileError: now or while the records are read.
    """
    if source.path.exists() and not source.path.is_file():
        source.broken(" is not a file: put a file there, or take it away.")
    try:
        file = source.path.open("rb")
    except OSError as error:
        source.broken(f" cannot be read ({error.strerror}): allow reading it, or take it away.")
    with file:
        total = source.path.stat().st_size
        lines = _lines(source, _unpack(source, file, total))
        records = _csv_records if ".csv" in source.path.suffixes else _json_records
        yield Reading(source, records(source, lines), file, total)


def _unpack(source: ImportFile, file: io.BufferedReader, total: int) -> IO[bytes]:
    if not total:
        source.broken(_EMPTY)
    begun = file.peek(4)[:4]
    magic = begun[:2]
    if source.path.suffix == ".gz":
        if magic != _GZIP_MAGIC:
            source.broken(" is not gzipped: gzip it, or take .gz off its name.")
        return io.BufferedReader(gzip.GzipFile(fileobj=file), _BUFFER_BYTES)
    if magic == _GZIP_MAGIC:
        source.broken(f" is gzipped: rename it to {source.path.name}.gz.")
    if what := _FOREIGN.get(begun):
        source.broken(f" is {what}")
    return file


class _HasLines(Protocol):
    def readline(self, limit: int, /) -> bytes: ...


class _FromUtf16:
    """A file in UTF-16, which Excel calls Unicode text: its lines as they would be in UTF-8."""

    def __init__(self, begun: bytes, file: IO[bytes]) -> None:
        self._blocks = itertools.chain([begun], iter(lambda: file.read(_BLOCK_BYTES), b""))
        self._decode = codecs.getincrementaldecoder("utf-16")().decode
        self._text = ""

    def readline(self, limit: int, /) -> bytes:
        """The next line; a longer one is cut."""
        while "\n" not in self._text and len(self._text) < limit:
            block = next(self._blocks, b"")
            self._text += self._decode(block, final=not block)
            if not block:
                break
        end = self._text.find("\n") + 1 or len(self._text)
        line, self._text = self._text[:end], self._text[end:]
        return line.encode()


def _lines(source: ImportFile, file: IO[bytes]) -> Iterator[str]:
    """Physical lines as text; the limit on their length bounds what is held in memory."""
    lines: _HasLines = file
    for number in itertools.count(1):
        line = _next_line(source, lines)
        if number == 1 and line.startswith(_UTF_16_MARKS):
            lines = _FromUtf16(line, file)
            line = _next_line(source, lines)
        if not line:
            return
        if b"\0" in line:
            source.broken(f" holds a NUL byte in line {number}: export it again as text in UTF-8.")
        if len(line) > LINE_BYTES:
            source.broken(
                f" has a line {number} of over {LINE_BYTES:,} bytes: end each row with a line feed."
            )
        try:
            text = line.decode()
        except UnicodeDecodeError:
            source.broken(
                f" is not UTF-8 in line {number}{_guess_encoding(line)}: save it as UTF-8 and import it again."
            )
        yield text.removeprefix("\ufeff") if number == 1 else text


def _guess_encoding(line: bytes) -> str:
    """Which encoding a line is in that is not UTF-8, as the rest of a sentence; empty where it cannot be guessed."""
    try:
        korean = re.search("[가-힣]{2}", line.decode("cp949"))
    except UnicodeDecodeError:
        return ""
    return " but CP949, as Excel's plain CSV (not its CSV UTF-8) is" if korean else ""


def _next_line(source: ImportFile, file: _HasLines) -> bytes:
    try:
        return file.readline(LINE_BYTES + 1)
    except UnicodeDecodeError:
        source.broken(" begins as UTF-16 and is not: save it as UTF-8 and import it again.")
    except EOFError:
        source.broken(" breaks off: the gzip file is truncated, copy it again.")
    except (gzip.BadGzipFile, zlib.error):
        source.broken(" is damaged: gzip cannot unpack it, copy it again.")
    except OSError as error:
        source.broken(f" cannot be read to its end ({error.strerror}): copy it again.")


def _csv_records(source: ImportFile, lines: Iterator[str]) -> Iterator[Record]:
    first = next(lines, "")
    csv.field_size_limit(_LONGEST_FIELD)  # the process has one, which others set too
    reader = csv.reader(
        itertools.chain([first] if first else [], lines), strict=True, delimiter=_separator(source, first)
    )
    header = _next_fields(source, reader, 1)
    if first.startswith(_SEPARATOR_HINT):
        header = _next_fields(source, reader, 2)
    if header is None:
        source.broken(_EMPTY)
    header = [_column_name(name) for name in header]
    while header and not header[-1]:
        header.pop()
    if not header:
        source.broken(" has no header in line 1: begin it with the columns' names.")
    _check_header(source, header)
    return _records_under(source, reader, csv_rows(source.noun, header))


def _separator(source: ImportFile, header: str) -> str:
    """What stands between the columns: of comma, semicolon and tab the one that makes most names known."""
    if header.startswith(_SEPARATOR_HINT) and header[4:5] in _SEPARATORS:
        return header[4:5] or ","
    names = set(source.noun.names())
    return max(_SEPARATORS, key=lambda mark: len(names.intersection(map(_column_name, header.split(mark)))))


def _column_name(name: str) -> str:
    """A column's name whatever its case, and with blanks or hyphens for underscores."""
    return re.sub(r"[\s_-]+", "_", shown_text(name).strip(' "').lower())


def _records_under(source: ImportFile, reader: Reader, read: Callable[[list[str]], Row]) -> Iterator[Record]:
    while True:
        begins = reader.line_num + 1
        fields = _next_fields(source, reader, begins)
        if fields is None:
            return
        if any(fields):  # else a blank line
            yield Record(begins, _row_or_faults(read, fields))


def _next_fields(source: ImportFile, reader: Reader, line: int) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        _refuse_quoting(source, str(error), line)


def _refuse_quoting(source: ImportFile, why: str, line: int) -> NoReturn:
    if "field limit" in why:
        source.broken(
            f" has a field of over {_LONGEST_FIELD:,} characters in the row at line {line}: shorten it, or close the"
            " quote that it opens."
        )
    if "unexpected end" in why:
        source.broken(f" opens a quote in the row at line {line} that is not closed: close it, or double it.")
    if "new-line" in why:
        source.broken(f" ends lines with a lone carriage return at line {line}: save it with line feeds.")
    source.broken(f" has a stray quote in the row at line {line}: write a quote inside a quoted field twice.")


def _check_header(source: ImportFile, header: Sequence[str]) -> None:
    names = source.noun.names()
    for name in header:
        if not name:
            source.broken(
                " has a column without a name in line 1: name it, or remove it (pandas: to_csv(index=False))."
            )
        if name not in names:
            close = difflib.get_close_matches(name.strip().lower(), names, 1)
            way_out = f"rename it to {close[0]!r}" if close else f"use one of {', '.join(names)}"
            source.broken(f" has the unknown column {name!r} in line 1: {way_out}, or remove it.")
        if header.count(name) > 1:
            source.broken(f" has the column {name!r} twice in line 1: remove one.")
    for column in source.noun.columns:
        if column.required and column.name not in header:
            source.broken(f" lacks the column {column.name!r} in line 1: add it, it is required.")


def _json_records(source: ImportFile, lines: Iterator[str]) -> Iterator[Record]:
    first = next(lines, "")
    if not first:
        source.broken(_EMPTY)
    if first.lstrip().startswith("["):
        source.broken(
            " holds a JSON array in line 1: write one object a line, without brackets and commas around (jq -c '.[]')."
        )
    if first.strip() == "{":
        source.broken(" breaks its objects over several lines: write one object a line (jq -c .).")
    read = json_rows(source.noun)
    return (
        Record(number, _row_or_faults(read, line))
        for number, line in enumerate(itertools.chain([first], lines), 1)
        if line.strip()
    )


def _row_or_faults(read: Callable[[_Raw], Row], raw: _Raw) -> Row | BadRowError:
    try:
        return read(raw)
    except BadRowError as bad:
        return bad
