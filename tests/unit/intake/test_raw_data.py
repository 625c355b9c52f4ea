"""Airbridge's raw data is read from CSV, CSV in gzip and Parquet; of what is damaged the rest is left out with a sentence."""

from __future__ import annotations

import gzip
import io
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.intake.raw_data import RawDataError, RawDataFile, columns_of, read_raw_data

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = datetime(2026, 11, 20, 0, 12, 0, 123_000, tzinfo=UTC)
IDS = [UUID(int=(4 << 76) + (8 << 62) + number) for number in range(9)]
HEADING = ["Event UUID", "Event Timestamp", "User ID", "Event Category", "Event Action", "Event Label", "Event Value",
           "Channel", "Campaign", "Ad Group", "Ad Creative", "Custom Event Properties", "Deeplink", "Client IP"]  # fmt: skip
RID = "aqBdGfU6K_NRfVp3"


def row(number: int, **changed: Any) -> dict[str, Any]:
    made = {
        "Event UUID": str(IDS[number]),
        "Event Timestamp": str(int(AT.timestamp() * 1000) + number),
        "User ID": f"m-{number}",
        "Event Category": "job_apply",
        "Event Action": "IT, 개발",
        "Event Label": 'a "quoted"\nlabel',
        "Event Value": "1.5",
        "Channel": "braze_email",
        "Campaign": "weekly-digest",
        "Custom Event Properties": json.dumps({"rid": RID, "position": 1}),
        "Client IP": "203.0.113.9",
    }
    return (
        dict.fromkeys(HEADING, "") | made | {name.replace("_", " "): value for name, value in changed.items()}
    )


def csv_of(rows: Sequence[dict[str, Any]], heading: Sequence[str] = HEADING) -> bytes:
    """As RFC 4180 has it, with CRLF."""
    lines = [heading, *([one[name] for name in heading] for one in rows)]
    quoted = [",".join('"' + str(value).replace('"', '""') + '"' for value in line) for line in lines]
    return ("\r\n".join(quoted) + "\r\n").encode()


def parquet_of(rows: Sequence[dict[str, Any]], **columns: Any) -> bytes:
    table = pa.table({name: [one[name] or None for one in rows] for name in HEADING} | columns)
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def read(content: bytes, **more: Any) -> tuple[list[Any], RawDataFile]:
    file = read_raw_data(io.BytesIO(content), **more)
    return list(file.events()), file


@pytest.mark.parametrize("kind", ["csv", "gzip", "parquet"])
def test_an_event_is_the_same_from_each_kind_of_file(kind: str) -> None:
    rows = [row(number) for number in range(3)]
    content = {"csv": csv_of, "gzip": lambda rows: gzip.compress(csv_of(rows)), "parquet": parquet_of}[kind](
        rows
    )
    events, file = read(content)
    assert [one.event_id for one in events] == IDS[:3]
    assert file.refused == []
    first = events[0]
    assert (first.member_id, first.category, first.action, first.value) == (
        "m-0",
        "job_apply",
        "IT, 개발",
        1.5,
    )
    assert (first.label, first.channel, first.campaign, first.rid) == (
        'a "quoted"\nlabel',
        "braze_email",
        "weekly-digest",
        RID,
    )
    assert (first.at, first.ad_group) == (AT, None)
    assert file.unread == ["Client IP"]
    assert not any("203.0.113.9" in str(one) for one in events)


TIMES = [
    ("1795133520123", AT),
    (1795133520123, AT),
    ("1795133520", AT.replace(microsecond=0)),
    ("2026-11-20T09:12:00.123+09:00", AT),
    ("2026-11-20 00:12:00.123 UTC", AT),
    ("2026-11-20 09:12:00.123", AT),
]


@pytest.mark.parametrize(("told", "meant"), TIMES)
def test_a_time_is_seconds_milliseconds_or_a_text_of_which_the_reader_knows_the_zone(
    told: Any, meant: datetime
) -> None:
    file = csv_of([row(0, Event_Timestamp=told)])
    (event,), _ = read(file, zone=ZoneInfo("Asia/Seoul"))
    assert event.at == meant


def test_nanoseconds_of_parquet_are_cut() -> None:
    stamps = pa.array([1795133520123456789], pa.timestamp("ns", "UTC"))
    (event,), file = read(parquet_of([row(0)], **{"Event Timestamp": stamps}))
    assert event.at == datetime(2026, 11, 20, 0, 12, 0, 123456, tzinfo=UTC), file.refused


def test_columns_are_known_by_any_spelling_or_named() -> None:
    for names in (
        ["event_uuid", "event_datetime", "event_category"],
        ["eventUUID", "eventDatetime", "eventCategory"],
    ):
        assert list(columns_of(names, {})) == ["event_id", "at", "category"]
    assert columns_of(["when", "Event_Category"], {"at": "when"})["at"] == "when"
    with pytest.raises(RawDataError, match="It has no column 'x', which --column gives for at"):
        columns_of(["when", "category"], {"at": "x"})


def test_without_a_column_of_ids_a_row_is_known_by_all_its_values() -> None:
    heading = [name for name in HEADING if name != "Event UUID"]
    twice = csv_of([row(1), row(1), row(2)], heading)
    events, _ = read(twice)
    assert events[0].event_id == events[1].event_id != events[2].event_id


WRONG = [
    ({"Event_Category": " "}, "It has no category, so it is no event."),
    ({"Event_UUID": "no-uuid"}, "Its event's id is no UUID."),
    ({"Event_UUID": ""}, "Its event's id is no UUID."),
    ({"Event_Timestamp": "yesterday"}, "Its time is none."),
    ({"Event_Timestamp": ""}, "Its time is none."),
    ({"Event_Timestamp": "9" * 16}, "Its time is none."),
    ({"Event_Value": "much"}, "Its value is no number."),
    ({"Event_Value": "inf"}, "Its value is no number."),
    ({"Event_Action": "a\0b"}, "Its action is no text in UTF-8."),
    ({"User_ID": "m\x01"}, "Its user's id is no text in UTF-8 of up to 1,024 bytes."),
    ({"User_ID": "m" * 1025}, "Its user's id is no text in UTF-8 of up to 1,024 bytes."),
    ({"User_ID": "가" * 342}, "Its user's id is no text in UTF-8 of up to 1,024 bytes."),
]


@pytest.mark.parametrize(("changed", "sentence"), WRONG)
def test_a_wrong_row_is_left_out_with_a_sentence_and_the_rest_is_read(
    changed: dict[str, Any], sentence: str
) -> None:
    events, file = read(csv_of([row(0), row(1, **changed), row(2)]))
    assert [one.member_id for one in events] == ["m-0", "m-2"]
    assert file.refused == [("row 2", 1, sentence)]


def test_bytes_that_are_no_utf_8_cost_their_row_alone() -> None:
    content = csv_of([row(0), row(1, Event_Label="LABEL"), row(2)]).replace(b"LABEL", b"\xff\xfe")
    events, file = read(content)
    assert (len(events), file.refused) == (2, [("row 2", 1, "Its label is no text in UTF-8.")])


def test_a_row_with_other_columns_and_one_that_is_no_csv_cost_themselves_alone() -> None:
    lines = csv_of([row(0), row(1, Event_Label="x"), row(2, Event_Label="x")]).split(b"\r\n")
    lines.insert(-2, b'"too","few"')
    lines.insert(-2, b'"broken"quote","x"')
    events, file = read(b"\r\n".join(lines))
    assert [one.member_id for one in events] == ["m-0", "m-1", "m-2"]
    assert [sentence for _, _, sentence in file.refused] == [
        "It has 2 values, and the heading names 14 columns.",
        "It is no CSV: ',' expected after '\"'.",
    ]


CUT = [
    (
        lambda: csv_of([row(0), row(1)])[:-40],
        "The file is cut or damaged here: a quoted value has no end. The rest is left out.",
    ),
    (
        lambda: gzip.compress(csv_of([row(0), row(1)]))[:-30],
        "The file is cut or damaged: it is no whole gzip. The rest is left out.",
    ),
    (
        lambda: gzip.compress(csv_of([row(0)]))[:20] + b"\xff" * 50,
        "The file is cut or damaged: it is no whole gzip. The rest is left out.",
    ),
]


@pytest.mark.parametrize(("make", "sentence"), CUT)
def test_of_a_cut_file_the_rest_is_left_out(make: Any, sentence: str) -> None:
    assert sentence_of(make()) == sentence


def sentence_of(content: bytes) -> str:
    """The last that is said of a file."""
    with suppress(RawDataError):
        return read(content)[1].refused[-1][2]
    with pytest.raises(RawDataError) as told:
        read(content)
    return str(told.value)


def damaged_parquet() -> bytes:
    content = bytearray(parquet_of([row(number % 9) for number in range(100)]))
    content[8:400] = b"\xaa" * 392
    return bytes(content)


FOREIGN = [
    (lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "It has no column for at and category"),
    (
        lambda: b"a,b\n1,2\n",
        "It has no column for at and category: it has a, b. Name yours with --column at=NAME",
    ),
    (lambda: b'"a', "It is no CSV: unexpected end of data."),
    (lambda: b"", "It has no column for at and category: it has none"),
    (lambda: b"Event Category,event_category,at\n", "It has no column for at"),
    (lambda: b"at,at,category\n", "It has the column 'at' twice."),
    (lambda: b"x" * (9 * 1024**2), "The file has a line without an end: it is no CSV."),
    (lambda: parquet_of([row(0)])[:-8], "The file is cut or damaged: it is no Parquet from its end on."),
    (lambda: b"PAR1", "The file is cut or damaged: it is no Parquet from its end on."),
]


@pytest.mark.parametrize(("make", "sentence"), FOREIGN)
def test_a_foreign_file_is_left_out_with_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(RawDataError) as told:
        read(make())
    assert str(told.value).startswith(sentence)


def test_a_parquet_file_damaged_within_is_left_out_from_there_on() -> None:
    events, file = read(damaged_parquet())
    assert (events, file.refused) == (
        [],
        [("after row 0", 0, "The file is damaged here: the rest is left out.")],
    )


def test_a_rid_is_found_in_attributes_and_in_the_link_that_was_followed() -> None:
    link = f"https://abr.ge/@board/braze_email?campaign=x&deeplink_url=https%3A%2F%2Fboard.example%2Fp%3Frid%3D{RID}%26position%3D2"
    for changed in (
        {"Deeplink": link, "Custom_Event_Properties": ""},
        {"Custom_Event_Properties": f'{{"rid": "{RID}"}}'},
    ):
        (event,), _ = read(csv_of([row(0, **changed)]))
        assert event.rid == RID
    for wrong in ('{"rid": 5}', '{"rid": "short"}', "{broken", "[" * 5000, ""):
        (event,), _ = read(csv_of([row(0, Custom_Event_Properties=wrong)]))
        assert event.rid is None


def test_attributes_of_parquet_may_be_a_map_or_a_struct() -> None:
    attributes = pa.array([[("rid", RID)]], pa.map_(pa.string(), pa.string()))
    struct = pa.array([{"rid": RID}])
    for column in (attributes, struct):
        (event,), _ = read(parquet_of([row(0)], **{"Custom Event Properties": column}))
        assert event.rid == RID


def test_a_zone_is_that_of_times_without_one_alone() -> None:
    (event,), _ = read(
        csv_of([row(0, Event_Timestamp="2026-11-20T00:12:00+00:00")]), zone=timezone(timedelta(hours=9))
    )
    assert event.at == AT.replace(microsecond=0)
