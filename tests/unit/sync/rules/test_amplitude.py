"""Wrong rows and names for Amplitude, and the sentence that each gets; what Amplitude takes passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.sync import values
from app.sync.definition import SyncError
from app.sync.rules import amplitude
from app.sync.values import BadRowValueError, SourceColumn, values_of

LONG = "가" * 1_025
KINDS: dict[str, Any] = {"n": "number", "ns": "numbers", "d": "date", "t": "instant", "x": "text"}
DEEP = json.dumps({"x": json.loads("[" * 41 + "]" * 41)})


def problem_of(member: str, text: str, least: int = 1) -> str | None:
    """What a sync says of a member's row, whose values Postgres gives as this JSON text."""
    try:
        values = values_of(text, KINDS)
    except BadRowValueError as error:
        return str(error)
    return amplitude.member_problem(member, least=least) or amplitude.properties_problem(values)


NOBODY = "The member's id {!r} is one that Amplitude takes for nobody's."
UNPRINTED = "The member's id has blanks around it, or a character that cannot be printed: Amplitude would know another member by it."
DIGITS = "has more digits than a JSON number keeps: round it, or cast it to text."
ROWS = [
    ("", "{}", "The member's id is empty."),
    (" \t", "{}", "The member's id is empty."),
    ("m-1 ", "{}", UNPRINTED),
    ("m\u200b1", "{}", UNPRINTED),
    ("m\x001", "{}", UNPRINTED),
    ("null", "{}", NOBODY.format("null")),
    ("NULL", "{}", NOBODY.format("NULL")),
    ("0", "{}", NOBODY.format("0")),
    ("-1", "{}", NOBODY.format("-1")),
    ("anonymous", "{}", NOBODY.format("anonymous")),
    ("Unknown", "{}", NOBODY.format("Unknown")),
    ("undefined", "{}", NOBODY.format("undefined")),
    ("N/A", "{}", NOBODY.format("N/A")),
    ("m" * 1_025, "{}", "The member's id has more than 1,024 characters."),
    ("m", '{"n": 9007199254740993}', f"n: 9007199254740993 {DIGITS}"),
    ("m", '{"n": 0.12345678901234567890123}', f"n: 0.12345678901234567890123 {DIGITS}"),
    ("m", '{"n": 1' + "0" * 400 + "}", "n: 1" + "0" * 39 + f"… {DIGITS}"),
    ("m", '{"n": "NaN"}', "n: NaN and infinity are no numbers of JSON: give NULL instead."),
    ("m", '{"ns": [1, "Infinity"]}', "ns: NaN and infinity are no numbers of JSON: give NULL instead."),
    ("m", '{"d": "infinity"}', "d: infinity is no date from year 1 to 2999: give NULL instead."),
    ("m", '{"t": "12026-01-01T00:00:00+00:00"}', "t: 12026-01-01T00:00:00+00:00 is no date from year 1 to 2999: give NULL instead."),
    ("m", '{"x": "' + LONG + '"}', "x: a text of 1,025 characters, and Amplitude takes 1,024."),
    ("m", '{"x": ["' + LONG + '"]}', "x: a text of 1,025 characters, and Amplitude takes 1,024."),
    ("m", '{"x": {"k": {"l": "' + LONG + '"}}}', "x: a text of 1,025 characters, and Amplitude takes 1,024."),
    ("m", DEEP, "x: an object of more than 40 layers, which Amplitude does not take."),
    ("m", '{"x": {"$set": 1}}', "x: the nested key '$set': Amplitude takes up to 1,024 characters, the first no $."),
    ("m", '{"x": [{"": 1}]}', "x: the nested key '': Amplitude takes up to 1,024 characters, the first no $."),
]  # fmt: skip
EVENT_NAMES = [
    ("$identify", "`event` = '$identify' is an event of Amplitude's own: name yours otherwise."),
    ("[Amplitude] Page Viewed", "`event` = '[Amplitude] Page Viewed' is an event of Amplitude's own: name yours otherwise."),
    ("session_start", "`event` = 'session_start' is an event of Amplitude's own: name yours otherwise."),
    ("revenue_amount", "`event` = 'revenue_amount' is an event of Amplitude's own: name yours otherwise."),
    ("a\nb", "`event` = 'a\\nb' is no name of an event in Amplitude: give up to 1,024 characters that can be printed."),
    ("n" * 1_025, f"`event` = '{'n' * 40}…' is no name of an event in Amplitude: give up to 1,024 characters that can be printed."),
]  # fmt: skip
NAMES = [
    ("$set", "The column '$set' begins as Amplitude's own properties do: name it otherwise."),
    ("[Amplitude] Country", "The column '[Amplitude] Country' begins as Amplitude's own properties do: name it otherwise."),
    ("Email", "The column 'Email' would be an address of the member, which no sync sends: leave it out."),
    ("ip", "The column 'ip' would be an address of the member, which no sync sends: leave it out."),
    ("a\u0007", "The column 'a\\x07' is no name of a property: begin it with a letter."),
    ("n" * 1_025, f"The column '{'n' * 40}…' is no name of a property: begin it with a letter."),
    ("cj_key", "The column 'cj_key' is given to each event by the sync itself: name yours otherwise."),
]  # fmt: skip


@pytest.mark.parametrize(("member", "text", "sentence"), ROWS, ids=range(len(ROWS)))
def test_a_wrong_row_gets_its_sentence(member: str, text: str, sentence: str) -> None:
    assert problem_of(member, text) == sentence


def test_an_id_is_as_long_as_the_sync_file_says() -> None:
    assert (
        problem_of("m-12", "{}", least=5)
        == "The member's id 'm-12' has 4 characters, and min_id_length is 5."
    )
    assert (problem_of("m-123", "{}", least=5), problem_of("7", "{}")) == (None, None)


@pytest.mark.parametrize(("name", "sentence"), EVENT_NAMES, ids=range(len(EVENT_NAMES)))
def test_a_wrong_event_gets_its_sentence(name: str, sentence: str) -> None:
    with pytest.raises(SyncError) as refused:
        amplitude.check_event_name(name)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(("name", "sentence"), NAMES, ids=range(len(NAMES)))
def test_a_wrong_name_gets_its_sentence(name: str, sentence: str) -> None:
    with pytest.raises(SyncError) as refused:
        amplitude.check_property_names([SourceColumn(name, "text", "text")], event=True)
    assert str(refused.value) == sentence


def test_what_amplitude_takes_passes() -> None:
    whole = {
        "n": 2**53, "x": "가" * 1_024, "t": "2026-11-20T00:12:00+00:00", "d": "2026-11-20", "ns": [1, 2.5],
        "o": {"k": [1, {"l": True, "m": None}]}, "a": ["b", "b"], "e": "", "nothing": None,
    }  # fmt: skip
    assert problem_of("m-000102", json.dumps(whole, ensure_ascii=False)) is None
    amplitude.check_event_name("Job Applied From Mail")
    columns = [SourceColumn(name, "text", "text") for name in ("cj_분야", "cj_key", "Job Field")]
    amplitude.check_property_names(columns, event=False)


@pytest.mark.parametrize(
    ("time", "milliseconds"),
    [
        ("2026-11-20T09:12:00+09:00", 1_795_133_520_000),
        ("2026-11-20T00:12:00.999999+00:00", 1_795_133_520_999),
        ("1970-01-01T00:00:00+00:00", 0),
        ("1969-12-31T23:59:59.9995+00:00", -1),
    ],
)
def test_instants_are_whole_milliseconds(time: str, milliseconds: int) -> None:
    assert values.milliseconds(time) == milliseconds


def test_an_event_outside_any_session_has_the_session_that_is_none() -> None:
    assert (amplitude.session_of(None), amplitude.session_problem(None)) == (-1, None)
    assert amplitude.session_problem("1970-01-01T00:00:00+00:00") is not None
