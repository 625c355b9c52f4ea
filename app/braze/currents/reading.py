"""One file of Currents: its events, and what could not be read of it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, cast

import fastavro

from app.braze.currents.container import MAGIC, Block, ContainerError, Header, read_blocks, read_header
from app.braze.currents.schemas import FileSchema, file_schema
from app.feedback.mail_events import EventError, MailEvent, from_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.braze.currents.container import ReadableBytes


@dataclass(slots=True)
class CurrentsFile:
    """A file being read: `events` is read once.

    Attributes:
        schema: What its header says.
        rows: Records met so far.
        refused: Why events or parts of the file were left out: where, how many events, the sentence.
    """

    schema: FileSchema
    rows: int = 0
    refused: list[tuple[str, int, str]] = field(default_factory=list)
    _file: ReadableBytes = field(repr=False, kw_only=True)
    _header: Header = field(repr=False, kw_only=True)

    def events(self) -> Iterator[MailEvent]:
        """Every event that can be had, in the file's order; none of a type that is not read."""
        if self.schema.reader is None:
            return
        for number, record in self._records():
            try:
                yield from_fields(self.schema.event_type, record)
            except EventError as error:
                self.refused.append((f"event {number}", 1, str(error)))

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Records with their number from 1; after one that cannot be decoded, those of the next block."""
        stream = _Plain(self._file, self._header, self)
        while not stream.ended:
            stream.begin_again()
            try:
                # A text that is no UTF-8 costs its event at most, and not its block.
                for record in fastavro.reader(
                    cast("IO[bytes]", stream), self.schema.reader, handle_unicode_errors="surrogateescape"
                ):
                    self.rows += 1
                    yield self.rows, cast("dict[str, Any]", record)
            except ContainerError as error:
                self.refused.append((f"after event {self.rows}", 0, str(error)))
                return
            except OSError:  # the file's, not of what it holds
                raise
            except Exception:  # noqa: BLE001 - what fastavro raises of bytes that are no records is anything
                lost = max(0, stream.promised - self.rows)
                where = f"after event {self.rows}"
                if not stream.advanced:
                    self.refused.append((where, 0, "The schema in its header is damaged."))
                    return
                self.refused.append((where, lost, "A block is damaged: its bytes are no records."))
                self.rows += lost


class _Plain(io.RawIOBase):
    """The file as fastavro reads it: the same records, uncompressed, each block when it is asked for.

    `promised` is how many records the file has said it has up to the end of the last block.
    """

    def __init__(self, file: ReadableBytes, header: Header, of: CurrentsFile) -> None:
        self._blocks = read_blocks(file, header)
        self._header = _plain_header(header)
        self._of = of
        self._sync = header.sync
        self._left = memoryview(b"")
        self.promised = 0
        self.ended = False
        self.advanced = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Some of the bytes; at the end of a block, of the next one."""
        if not self._left:
            self._left = memoryview(self._next())
        found = bytes(self._left[:size] if size >= 0 else self._left)
        self._left = self._left[len(found) :]
        return found

    def _next(self) -> bytes:
        for block in self._blocks:
            if block.damage is None:
                self.promised = self._of.rows + block.count
                self.advanced = True
                return _framed(block, self._sync)
            self._of.refused.append((f"after event {self._of.rows}", block.count, block.damage))
            self._of.rows += block.count
        self.ended = True
        return b""

    def begin_again(self) -> None:
        """Give the header, and after it the next block."""
        self._left = memoryview(self._header)
        self.advanced = False


def read_file(file: ReadableBytes) -> CurrentsFile:
    """Read a file's header.

    Raises:
        ContainerError: it is no Avro file, or none of Currents'.
    """
    header = read_header(file)
    return CurrentsFile(file_schema(header.schema), _file=file, _header=header)


def _plain_header(header: Header) -> bytes:
    """The header of the same file, uncompressed."""
    entries = {"avro.schema": header.schema_json, "avro.codec": b"null"}
    pairs = b"".join(_text(name.encode()) + _text(value) for name, value in entries.items())
    return MAGIC + _long(len(entries)) + pairs + _long(0) + header.sync


def _framed(block: Block, sync: bytes) -> bytes:
    return b"".join((_long(block.count), _text(block.content), sync))


def _text(value: bytes) -> bytes:
    return _long(len(value)) + value


def _long(value: int) -> bytes:
    """A number as Avro writes it, from 0."""
    left, found = value << 1, bytearray()
    while left > 0x7F:  # noqa: PLR2004 - seven bits a byte
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*found, left])
