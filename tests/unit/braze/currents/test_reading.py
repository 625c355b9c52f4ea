"""A file of Currents is read by field name, whatever its version and codec, and what cannot be read is named."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from app.braze.currents import container
from app.braze.currents.container import CODECS, ContainerError
from app.braze.currents.reading import CurrentsFile, read_file
from app.demo.braze.schemas import EMAIL, schema
from tests.unit.braze.currents.avro_bytes import (
    SYNC,
    V12,
    block,
    compress,
    header,
    long,
    packed,
    record,
    text,
)

if TYPE_CHECKING:
    from app.feedback.mail_events import MailEvent

THREE = packed([record(1), record(2), record(3)])


def read(content: bytes) -> tuple[CurrentsFile, list[MailEvent]]:
    file = read_file(BytesIO(content))
    return file, list(file.events())


def members(events: list[MailEvent]) -> list[str | None]:
    return [event.member_id for event in events]


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_every_codec_is_read(codec: str) -> None:
    content = header(codec=codec) + block(3, compress(codec, THREE)) + block(3, compress(codec, THREE))
    file, events = read(content)
    assert members(events) == ["m-1", "m-2", "m-3"] * 2
    assert (file.rows, file.refused, file.schema.unknown) == (6, [], ())


def test_a_later_version_with_new_fields_and_one_gone_loads_and_says_so() -> None:
    v13: dict[str, Any] = V12 | {
        "fields": [
            {"name": "new_map", "type": ["null", {"type": "map", "values": "string"}], "default": None},
            *(one for one in V12["fields"] if one["name"] != "dispatch_id"),
            {"name": "new_number", "type": ["null", "double"], "default": None},
            {
                "name": "new_record",
                "type": {"type": "record", "name": "More", "fields": [{"name": "x", "type": "long"}]},
            },
        ]
    }
    given = record(1, new_map={"a": "b"}, new_number=1.5, new_record={"x": 3}, campaign_id="c")
    file, events = read(header(v13) + block(1, packed([given], v13)))
    assert members(events) == ["m-1"]
    assert (events[0].campaign_id, events[0].dispatch_id) == ("c", None)
    assert file.schema.unknown == ("new_map", "new_number", "new_record")


@pytest.mark.parametrize("field", ["channel", "one that is not read"])
def test_a_type_that_is_named_again_is_the_one_defined_before(field: str) -> None:
    """Which field has the definition, and whether we read it or the one that names it, is as Braze has it."""
    sort: dict[str, Any] = {"type": "enum", "name": "Sort", "symbols": ["A", "B"]}
    again = [one | {"type": ["null", "Sort"]} if one["name"] == field else one for one in V12["fields"]]
    v13 = V12 | {
        "fields": [
            {"name": "sort", "type": ["null", sort]},
            *again,
            {"name": "other_sort", "type": {"type": "array", "items": f"{V12['namespace']}.Sort"}},
        ]
    }
    given = record(1, sort="A", other_sort=["B", "A"], channel="B" if field == "channel" else None)
    file, events = read(header(v13) + block(1, packed([given], v13)))
    assert (members(events), file.refused) == (["m-1"], [])
    assert file.schema.unknown == ("other_sort", "sort")


def test_text_that_is_no_utf8_costs_the_event_that_is_known_by_it_and_no_other() -> None:
    korean = "개발자".encode("euc-kr")
    marks = [b"#member#", b"#variation#", b"#link#", b"#elsewhere#"]
    click = schema(EMAIL + "Click", 12)
    given = [
        record(1, external_user_id="#member#"),
        record(2, message_variation_id="#variation#"),
        record(3, url="https://jobs.example.com/1?q=#link#"),
        record(4, link_alias="#elsewhere#"),
        record(5),
    ]
    content = packed(given, click)
    for mark in marks:
        content = content.replace(mark, korean + bytes(b"x" * (len(mark) - len(korean))))
    file, events = read(header(click) + block(5, content))
    said = "A field holds bytes that are no text in UTF-8."
    assert file.refused == [("event 1", 1, said), ("event 2", 1, said)]
    assert members(events) == ["m-3", "m-4", "m-5"]
    assert events[0].url == "https://jobs.example.com/1?q=??????"


def test_personal_fields_never_leave_the_reader() -> None:
    click = schema(EMAIL + "Bounce", 12)
    given = record(
        1,
        bounce_reason="550 5.1.1 <secret@example.com> no such user",
        sending_ip="secret ip",
        timezone="secret zone",
        is_drop=False,
    )
    _, (event,) = read(header(click) + block(1, packed([given], click)))
    assert event.why == "550 5.1.1"
    assert "secret" not in repr(event)


def with_type(name: str, kind: Any) -> dict[str, Any]:
    return V12 | {"fields": [*V12["fields"], {"name": name, "type": kind}]}


def without(name: str) -> dict[str, Any]:
    return V12 | {"fields": [one for one in V12["fields"] if one["name"] != name]}


def retyped(name: str, kind: Any) -> dict[str, Any]:
    return V12 | {"fields": [one | {"type": kind} if one["name"] == name else one for one in V12["fields"]]}


def deep(levels: int) -> Any:
    kind: Any = "string"
    for _ in range(levels):
        kind = {"type": "array", "items": kind}
    return kind


def chain(types: int) -> Any:
    """A record none of whose fields is written deep: each is of a type that holds the one before."""
    made = [
        {"type": "record", "name": f"T{n}", "fields": [{"name": "t", "type": f"T{n - 1}" if n else "int"}]}
        for n in range(types)
    ]
    return {
        "type": "record",
        "name": "Chain",
        "fields": [{"name": f"t{n}", "type": one} for n, one in enumerate(made)],
    }


NOT_CURRENTS = {
    "empty": (b"", "The file ends before its end: it was cut, or is still being written."),
    "a word": (b"Obj", "The file ends before its end: it was cut, or is still being written."),
    "parquet": (b"PAR1" + bytes(64), "It is no Avro file: it does not begin as one."),
    "json lines": (b'{"id": "1"}\n' * 20, "It is no Avro file: it does not begin as one."),
    "header cut": (header()[:200], "The file ends before its end: it was cut, or is still being written."),
    "no schema": (
        b"Obj\x01" + long(1) + text(b"avro.codec") + text(b"null") + long(0) + SYNC,
        "Its header names no schema.",
    ),
    "schema no json": (header(b"{not json"), "The schema in its header is no JSON."),
    "schema nested beyond json": (header(b"[" * 200_000), "The schema in its header is no JSON."),
    "schema a string": (header(b'"string"'), "It is Avro, but holds no records, so it is none of Currents'."),
    "schema a number": (header(b"7"), "It is Avro, but holds no records, so it is none of Currents'."),
    "record without fields": (
        header(V12 | {"fields": []}),
        "It is Avro, but its records have no fields, or too many.",
    ),
    "a thousand fields": (
        header(V12 | {"fields": [{"name": f"f{n}", "type": "string"} for n in range(1000)]}),
        "It is Avro, but its records have no fields, or too many.",
    ),
    "field twice": (
        header(with_type("id", "string")),
        "The schema in its header is damaged: a field has no name, or one is there twice.",
    ),
    "field without name": (
        header(V12 | {"fields": [{"type": "string"}]}),
        "The schema in its header is damaged: a field has no name, or one is there twice.",
    ),
    "field without type": (
        header(with_type("x", None)),
        "The schema in its header is damaged: a field has no type.",
    ),
    "record of nothing": (
        header(with_type("x", {"type": "record", "name": "X"})),
        "The schema in its header is damaged: a record has no fields.",
    ),
    "no id": (header(without("id")), "Its records have no id, so it is none of Currents'."),
    "no id and no time": (
        header(V12 | {"fields": [{"name": "user_id", "type": "string"}]}),
        "Its records have no id and no time, so it is none of Currents'.",
    ),
    "named before it is defined": (
        header(
            V12
            | {
                "fields": [
                    {"name": "x", "type": "Later"},
                    *V12["fields"],
                    {"name": "y", "type": {"type": "enum", "name": "Later", "symbols": ["A"]}},
                ]
            }
        ),
        "The schema in its header names a type that is not read.",
    ),
    "nothing, named a thousand times": (
        header(
            with_type(
                "x",
                {
                    "type": "record",
                    "name": "E",
                    "fields": [
                        {
                            "name": "a",
                            "type": {
                                "type": "record",
                                "name": "N",
                                "fields": [{"name": "n", "type": "null"}],
                            },
                        },
                        {"name": "b", "type": "N"},
                    ],
                },
            )
        ),
        "The schema in its header names a type that is not read.",
    ),
    "array of nothing": (
        header(with_type("x", {"type": "array", "items": "null"})),
        "The schema in its header has an array of nothing.",
    ),
    "array of empty records": (
        header(with_type("x", {"type": "array", "items": {"type": "record", "name": "E", "fields": []}})),
        "The schema in its header has an array of nothing.",
    ),
    "type that holds itself": (
        header(
            with_type(
                "x", {"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}
            )
        ),
        "The schema in its header names a type that is not read.",
    ),
    "nested beyond reason": (
        header(with_type("x", deep(20))),
        "The schema in its header is nested beyond all reason.",
    ),
    "nested beyond reason by names": (
        header(with_type("x", chain(1000))),
        "The schema in its header is nested beyond all reason.",
    ),
    "unknown codec": (
        header(codec="brotli"),
        "Its codec 'brotli' is not read: only bzip2, deflate, lz4, null, snappy, xz, zstandard are.",
    ),
    "header too long": (
        header(padding=bytes(2 * 1024 * 1024)),
        "Its header is damaged, or longer than 1048576 bytes.",
    ),
    "header of endless entries": (
        b"Obj\x01" + long(2**40),
        "Its header is damaged: it has too many entries.",
    ),
    "endless number": (
        b"Obj\x01" + b"\xff" * 30,
        "A number in the file is longer than numbers are: it is damaged.",
    ),
}


@pytest.mark.parametrize("name", sorted(NOT_CURRENTS))
def test_a_file_that_is_none_of_currents_says_why(name: str) -> None:
    content, sentence = NOT_CURRENTS[name]
    with pytest.raises(ContainerError) as caught:
        read_file(BytesIO(content))
    assert str(caught.value) == sentence


MEGABYTE = 1024 * 1024
BOMB = bytes(MEGABYTE + 1)
OTHER = b"\x07" + compress("deflate", THREE)  # a kind of block that deflate does not have
FLIPPED = bytearray(compress("snappy", THREE))
FLIPPED[-1] ^= 1
SOUND = block(3, THREE)
ENDS = "The file ends before its end: it was cut, or is still being written."
NO_RECORDS = "A block is damaged: its bytes are no records."
UNPACKS = "A block unpacks to more than 1 MB."
DAMAGED = {
    "cut within a block": (header() + SOUND + SOUND[:-40], 3, [("after event 3", 0, ENDS)]),
    "cut within a number": (header() + SOUND + b"\x80", 3, [("after event 3", 0, ENDS)]),
    "another sync marker": (
        header() + SOUND + block(3, THREE, sync=bytes(16)) + SOUND,
        3,
        [("after event 3", 0, "A block does not end where it should: the rest of the file is lost.")],
    ),
    "negative count": (
        header() + SOUND + block(-3, THREE),
        3,
        [("after event 3", 0, "A block's size cannot be: the rest of the file is lost.")],
    ),
    "negative size": (
        header() + SOUND + block(3, THREE, size=-5),
        3,
        [("after event 3", 0, "A block's size cannot be: the rest of the file is lost.")],
    ),
    "endless size": (
        header() + SOUND + block(3, THREE, size=2**50),
        3,
        [("after event 3", 0, "A block's size cannot be: the rest of the file is lost.")],
    ),
    "more records than bytes": (
        header() + block(2**40, THREE) + SOUND,
        3,
        [("after event 0", 0, "A block says it has more records than bytes.")],
    ),
    "more records than there are": (
        header() + block(9, THREE) + SOUND,
        6,
        [("after event 3", 6, NO_RECORDS)],
    ),
    "bytes that are no records": (
        header() + block(3, b"\xff" * len(THREE)) + SOUND,
        3,
        [("after event 0", 3, NO_RECORDS)],
    ),
    "text of endless length": (
        header() + block(3, long(2**60) + THREE) + SOUND,
        3,
        [("after event 0", 3, NO_RECORDS)],
    ),
    "text that is no UTF-8": (
        header() + block(3, THREE.replace(b"00000000-0000", b"\xff\xfe\xff\xfe0000-0000", 1)) + SOUND,
        5,
        [("event 1", 1, "A field holds bytes that are no text in UTF-8.")],
    ),
    "damaged deflate": (
        header(codec="deflate") + block(3, OTHER) + block(3, compress("deflate", THREE)),
        3,
        [("after event 0", 3, "A block is damaged: it cannot be unpacked.")],
    ),
    "deflate cut short": (
        header(codec="deflate")
        + block(3, compress("deflate", THREE)[:-9])
        + block(3, compress("deflate", THREE)),
        3,
        [("after event 0", 3, "A block is damaged: its packed bytes end too soon.")],
    ),
    "snappy of another checksum": (
        header(codec="snappy") + block(3, bytes(FLIPPED)) + block(3, compress("snappy", THREE)),
        3,
        [("after event 0", 3, "A block is damaged: its checksum is another.")],
    ),
    **{
        f"bomb of {codec}": (
            header(codec=codec) + block(3, compress(codec, BOMB)) + block(3, compress(codec, THREE)),
            3,
            [
                (
                    "after event 0",
                    3,
                    UNPACKS if codec != "zstandard" else "A block is damaged: it cannot be unpacked.",
                )
            ],
        )
        for codec in ("deflate", "bzip2", "snappy", "zstandard", "lz4")
    },
    "no blocks": (header(), 0, []),
    "block of nothing": (header() + block(0, b"") + SOUND, 3, []),
}


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_what_is_damaged_is_named_and_the_rest_loads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MOST_BLOCK", MEGABYTE)
    content, loaded, refused = DAMAGED[name]
    file, events = read(content)
    assert (len(events), file.refused) == (loaded, refused)


IMPOSSIBLE = "A field has a value that cannot be: "
ODD: dict[str, tuple[dict[str, Any], Any, str]] = {
    "no id": (record(id=""), V12, IMPOSSIBLE + "Expected `str` of length >= 1 - at `$.id`."),
    "id of a novel": (record(id="x" * 256), V12, IMPOSSIBLE + "Expected `str` of length <= 255 - at `$.id`."),
    "before there was mail": (
        record(time=7),
        V12,
        IMPOSSIBLE + "Expected `int` >= 1200000000 - at `$.time`.",
    ),
    "in milliseconds": (
        record(time=1_795_340_400_000),
        retyped("time", "long"),
        IMPOSSIBLE + "Expected `int` <= 4294967295 - at `$.time`.",
    ),
    "time as text": (
        record(time="now"),
        retyped("time", "string"),
        IMPOSSIBLE + "Expected `int`, got `str` - at `$.time`.",
    ),
    "id as bytes": (
        record(id=b"abc"),
        retyped("id", "bytes"),
        IMPOSSIBLE + "Expected `str`, got `bytes` - at `$.id`.",
    ),
    "NUL in an id": (record(external_user_id="m\0"), V12, "A field holds a NUL character."),
}


@pytest.mark.parametrize("name", sorted(ODD))
def test_an_event_that_cannot_be_is_left_out_and_the_next_is_read(name: str) -> None:
    odd, avro_schema, sentence = ODD[name]
    sound = record(
        2, **{key: value for key, value in odd.items() if key == "time" and not isinstance(value, int)}
    )
    if isinstance(odd["id"], bytes):
        sound["id"] = b"other"
    file, events = read(header(avro_schema) + block(2, packed([odd, sound], avro_schema)))
    assert file.refused[0] == ("event 1", 1, sentence)
    assert file.rows == 2
    if avro_schema is V12:
        assert members(events) == ["m-2"]


@pytest.mark.parametrize("levels", [100, 500, 900])
def test_what_nests_deep_beside_the_types_costs_no_event(levels: int) -> None:
    """A value that stands for a missing field is never looked at."""
    v13 = V12 | {"fields": [*V12["fields"], {"name": "new", "type": "string", "default": "@"}]}
    deep_default = b'"default": ' + b"[" * levels + b"]" * levels
    written = json.dumps(v13).encode().replace(b'"default": "@"', deep_default)
    file, events = read(header(written) + block(1, packed([record(1, new="n")], v13)))
    assert (members(events), file.refused) == (["m-1"], [])


def test_a_type_that_is_not_read_is_not_decoded() -> None:
    other = V12 | {"name": "SessionStart", "namespace": "dataexport.S3.inner.users.behaviors.app"}
    file, events = read(header(other) + b"rubbish")
    assert (file.schema.event_type, events) == ("users.behaviors.app.SessionStart", [])


def test_there_are_forty_hostile_files_and_more() -> None:
    assert len(NOT_CURRENTS) + len(DAMAGED) + len(ODD) >= 40
