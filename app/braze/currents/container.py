"""Avro's container: a header with the schema, and blocks, each decompressed by itself and bounded in size.

Source: Apache Avro specification, "Object Container Files" and "Required Codecs", "Optional Codecs". A block that is damaged
is left out and the next one read; where the end of a block cannot be found, the rest of the file is lost.
"""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import cramjam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAGIC: Final = b"Obj\x01"
SYNC_BYTES: Final = 16
MOST_HEADER: Final = 1024 * 1024
MOST_BLOCK: Final = 64 * 1024 * 1024
"""Bytes of a block, packed or unpacked: 100,000 events of 600 bytes fit."""
_MOST_SHIFT: Final = 63
_MOST_ENTRIES: Final = 1000
_CRC_BYTES: Final = 4


class ReadableBytes(Protocol):
    """Where a file's bytes come from, in order."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer at the end of the file."""


class ContainerError(ValueError):
    """A file that is no Avro, or of which the rest is lost; the sentence says why."""


class BlockError(ValueError):
    """A block that cannot be unpacked; the next one may be sound."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself before its first block."""

    schema: Any
    schema_json: bytes
    codec: str
    sync: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """A block: how many records it says it has, and their bytes, or why these cannot be had."""

    count: int
    content: bytes
    damage: str | None = None


def read_header(file: ReadableBytes) -> Header:
    """Read a file's header, and leave the file at its first block.

    Raises:
        ContainerError: it is no Avro file.
    """
    if _read(file, len(MAGIC)) != MAGIC:
        raise ContainerError("It is no Avro file: it does not begin as one.")
    entries: dict[str, bytes] = {}
    left = MOST_HEADER
    while count := _long(file):
        if count < 0:
            _long(file)
        if abs(count) > _MOST_ENTRIES:
            raise ContainerError("Its header is damaged: it has too many entries.")
        for _ in range(abs(count)):
            name, value = _text(file, left), _text(file, left)
            left -= len(name) + len(value) + 2
            if left < 0:
                raise ContainerError(f"Its header is longer than {MOST_HEADER} bytes.")
            entries[name.decode(errors="replace")] = value
    schema = _schema(entries)
    return Header(schema, entries["avro.schema"], _codec(entries), _read(file, SYNC_BYTES))


def _schema(entries: dict[str, bytes]) -> Any:
    try:
        return json.loads(entries["avro.schema"])
    except KeyError:
        raise ContainerError("Its header names no schema.") from None
    except (ValueError, RecursionError) as error:
        raise ContainerError("The schema in its header is no JSON.") from error


def _codec(entries: dict[str, bytes]) -> str:
    codec = entries.get("avro.codec", b"null").decode(errors="replace") or "null"
    if codec not in CODECS:
        raise ContainerError(f"Its codec '{codec[:20]}' is not read: only {', '.join(sorted(CODECS))} are.")
    return codec


def read_blocks(file: ReadableBytes, header: Header) -> Iterator[Block]:
    """Blocks to the end of the file; one whose bytes cannot be unpacked says so.

    Raises:
        ContainerError: the file ends within a block, or the end of one is not where it should be.
    """
    unpack = CODECS[header.codec]
    while first := file.read(1):
        count, size = _long(file, bytes(first)), _long(file)
        if count < 0 or size < 0 or size > MOST_BLOCK:
            raise ContainerError("A block's size cannot be: the rest of the file is lost.")
        packed = _read(file, size)
        if _read(file, SYNC_BYTES) != header.sync:
            raise ContainerError("A block does not end where it should: the rest of the file is lost.")
        yield _block(unpack, count, packed)


def _block(unpack: Callable[[bytes], bytes], count: int, packed: bytes) -> Block:
    try:
        content = unpack(packed)
    except BlockError as error:
        return Block(count, b"", str(error))
    except Exception:  # noqa: BLE001 - each codec has errors of its own
        return Block(count, b"", "A block is damaged: it cannot be unpacked.")
    if count > len(content):  # no record of ours is shorter than a byte
        return Block(0, b"", "A block says it has more records than bytes.")
    return Block(count, content)


def _read(file: ReadableBytes, size: int) -> bytes:
    found = bytes(file.read(size)) if size else b""
    if len(found) < size:
        raise ContainerError("The file ends before its end: it was cut, or is still being written.")
    return found


def _long(file: ReadableBytes, first: bytes = b"") -> int:
    """A number of variable length, zig-zag."""
    value = shift = 0
    while True:
        (byte,) = first or _read(file, 1)
        first = b""
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return (value >> 1) ^ -(value & 1)
        shift += 7
        if shift > _MOST_SHIFT:
            raise ContainerError("A number in the file is longer than numbers are: it is damaged.")


def _text(file: ReadableBytes, most: int) -> bytes:
    size = _long(file)
    if not 0 <= size <= most:
        raise ContainerError(f"Its header is damaged, or longer than {MOST_HEADER} bytes.")
    return _read(file, size)


def _bounded(size: int) -> int:
    if size > MOST_BLOCK:
        raise BlockError(f"A block unpacks to more than {MOST_BLOCK // 1024 // 1024} MB.")
    return size


def _whole(found: bytes, *, ended: bool) -> bytes:
    _bounded(len(found))
    if not ended:
        raise BlockError("A block is damaged: its packed bytes end too soon.")
    return found


def _deflate(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    found = unpacking.decompress(packed, MOST_BLOCK + 1)
    return _whole(found, ended=unpacking.eof)


def _bzip2(packed: bytes) -> bytes:
    unpacking = bz2.BZ2Decompressor()
    found = unpacking.decompress(packed, MOST_BLOCK + 1)
    return _whole(found, ended=unpacking.eof)


def _xz(packed: bytes) -> bytes:
    unpacking = lzma.LZMADecompressor(memlimit=4 * MOST_BLOCK)
    found = unpacking.decompress(packed, MOST_BLOCK + 1)
    return _whole(found, ended=unpacking.eof)


def _snappy(packed: bytes) -> bytes:
    body, crc = packed[:-_CRC_BYTES], packed[-_CRC_BYTES:]
    _bounded(cramjam.snappy.decompress_raw_len(body))
    found = bytes(cramjam.snappy.decompress_raw(body))
    if zlib.crc32(found) != int.from_bytes(crc, "big"):
        raise BlockError("A block is damaged: its checksum is another.")
    return found


def _zstandard(packed: bytes) -> bytes:
    """Grows with what is unpacked: a frame need not say how long it will be."""
    room = max(64 * 1024, 8 * len(packed))
    while True:
        buffer = bytearray(min(room, MOST_BLOCK))
        try:
            return bytes(buffer[: cramjam.zstd.decompress_into(packed, buffer)])
        except cramjam.DecompressionError:
            if room >= MOST_BLOCK:
                raise
            room *= 8


def _lz4(packed: bytes) -> bytes:
    size = _bounded(int.from_bytes(packed[:4], "little"))
    return bytes(cramjam.lz4.decompress_block(packed[4:], output_len=size))


CODECS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "null": bytes,
    "deflate": _deflate,
    "bzip2": _bzip2,
    "xz": _xz,
    "snappy": _snappy,
    "zstandard": _zstandard,
    "lz4": _lz4,
}
"""What unpacks a block of each codec, never to more than `MOST_BLOCK` bytes."""
