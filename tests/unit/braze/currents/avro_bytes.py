"""Avro files byte by byte, also such as no writer writes."""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import cramjam
from fastavro import parse_schema, schemaless_writer

from app.demo.braze.schemas import EMAIL, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SYNC = bytes(range(16))
SEND = EMAIL + "Send"
V12 = schema(SEND, 12)


def long(value: int) -> bytes:
    """A number as Avro writes it."""
    left, found = (value << 1) ^ (value >> 63), bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*found, left])


def text(value: bytes) -> bytes:
    return long(len(value)) + value


def header(avro_schema: Any = V12, codec: str | None = None, **more: bytes) -> bytes:
    """A file's header; a schema of bytes is written as it is."""
    written = avro_schema if isinstance(avro_schema, bytes) else json.dumps(avro_schema).encode()
    entries = {b"avro.schema": written} | ({b"avro.codec": codec.encode()} if codec is not None else {})
    entries |= {name.encode(): value for name, value in more.items()}
    return (
        b"Obj\x01"
        + long(len(entries))
        + b"".join(text(name) + text(value) for name, value in entries.items())
        + long(0)
        + SYNC
    )


def block(count: int, content: bytes, size: int | None = None, sync: bytes = SYNC) -> bytes:
    return long(count) + long(len(content) if size is None else size) + content + sync


def record(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A send."""
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "user_id": f"{number:024x}",
        "time": 1_795_340_400 + number,
        "email_address": "secret@example.com",
        "external_user_id": f"m-{number}",
    } | fields


def packed(records: Sequence[Mapping[str, Any]], avro_schema: Any = V12) -> bytes:
    """Records as a block has them, before it is compressed."""
    out = BytesIO()
    parsed = parse_schema(avro_schema)
    for one in records:
        schemaless_writer(out, parsed, one)
    return out.getvalue()


def compress(codec: str, content: bytes) -> bytes:
    """A block's bytes, as a codec packs them."""
    return _PACKS[codec](content)


def _deflate(content: bytes) -> bytes:
    squeezing = zlib.compressobj(wbits=-15)
    return squeezing.compress(content) + squeezing.flush()


_PACKS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _deflate,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "snappy": lambda content: (
        bytes(cramjam.snappy.compress_raw(content)) + zlib.crc32(content).to_bytes(4, "big")
    ),
    "zstandard": lambda content: bytes(cramjam.zstd.compress(content)),
    "lz4": lambda content: (
        len(content).to_bytes(4, "little") + bytes(cramjam.lz4.compress_block(content, store_size=False))
    ),
}
