"""Forty wrong rows and names, and the sentence that each gets; what Braze takes passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.sync.definition import SyncError
from app.sync.rules import braze
from app.sync.values import BadRowValueError, SourceColumn, check_columns, values_of

LONG = "가" * 256
KINDS: dict[str, Any] = {"n": "number", "ns": "numbers", "d": "date", "t": "instant", "x": "text"}


def problem_of(member: str, text: str) -> str | None:
    """What a sync says of a member's row, whose values Postgres gives as this JSON text."""
    try:
        values = values_of(text, KINDS)
    except BadRowValueError as error:
        return str(error)
    return braze.member_problem(member) or braze.attributes_problem(values, array_items=25)


ROWS = [
    ("", "{}", "The member's id is empty."),
    ("  ", "{}", "The member's id is empty."),
    (" m-1", "{}", "The member's id has blanks around it, or a character that cannot be printed: Braze would know another member by it."),
    ("m\u200b1", "{}", "The member's id has blanks around it, or a character that cannot be printed: Braze would know another member by it."),
    ("m" * 998, "{}", "The member's id has more than 997 bytes."),
    ("m", '{"n": 9007199254740993}', "n: 9007199254740993 has more digits than a JSON number keeps: round it, or cast it to text."),
    ("m", '{"n": -9007199254740993}', "n: -9007199254740993 has more digits than a JSON number keeps: round it, or cast it to text."),
    ("m", '{"n": 0.12345678901234567890123}', "n: 0.12345678901234567890123 has more digits than a JSON number keeps: round it, or cast it to text."),
    ("m", '{"n": 1' + "0" * 400 + "}", "n: 1" + "0" * 39 + "… has more digits than a JSON number keeps: round it, or cast it to text."),
    ("m", '{"n": "NaN"}', "n: NaN and infinity are no numbers of JSON: give NULL instead."),
    ("m", '{"n": "-Infinity"}', "n: NaN and infinity are no numbers of JSON: give NULL instead."),
    ("m", '{"ns": [1, "NaN"]}', "ns: NaN and infinity are no numbers of JSON: give NULL instead."),
    ("m", '{"d": "infinity"}', "d: infinity is no date from year 1 to 2999: give NULL instead."),
    ("m", '{"d": "0044-03-15 BC"}', "d: 0044-03-15 BC is no date from year 1 to 2999: give NULL instead."),
    ("m", '{"t": "12026-01-01T00:00:00+00:00"}', "t: 12026-01-01T00:00:00+00:00 is no date from year 1 to 2999: give NULL instead."),
    ("m", '{"x": "' + LONG + '"}', "x: a text of 256 characters, and Braze takes 255."),
    ("m", json.dumps({"x": list(range(26))}), "x: an array of 26 elements, of which Braze would keep 25."),
    ("m", '{"x": ["a", "b", "a"]}', "x: an array with an element twice, of which Braze would keep one."),
    ("m", '{"x": [["a"]]}', "x: an array in an array, which Braze does not take."),
    ("m", '{"x": ["a", null]}', "x: a null within it, for which Braze drops the whole attribute."),
    ("m", '{"x": ["2026-11-20T09:12:00+09:00"]}', "x: the time 2026-11-20T09:12:00+09:00 in an array, which Braze does not take."),
    ("m", '{"x": ["' + LONG + '"]}', "x: a text of 256 characters within it, and Braze takes 255."),
    ("m", '{"x": {"k": null}}', "x: a null within it, for which Braze drops the whole attribute."),
    ("m", '{"x": {"a.b": 1}}', "x: the nested key 'a.b': Braze takes up to 255 characters, without dot, $ and blank."),
    ("m", '{"x": {"$a": 1}}', "x: the nested key '$a': Braze takes up to 255 characters, without dot, $ and blank."),
    ("m", '{"x": {"a b": 1}}', "x: the nested key 'a b': Braze takes up to 255 characters, without dot, $ and blank."),
    ("m", '{"x": {"": 1}}', "x: the nested key '': Braze takes up to 255 characters, without dot, $ and blank."),
    ("m", '{"x": {"k": {"l": null}}}', "x: a null within it, for which Braze drops the whole attribute."),
    ("m", '{"x": [{"k": null}]}', "x: a null within it, for which Braze drops the whole attribute."),
    ("m", json.dumps({"x": {str(n): "y" * 250 for n in range(400)}}), "x: 103,491 bytes, and Braze takes 100,000 of a nested value."),
    ("m", '{"x": {"k": 9007199254740993}}', "x: 9007199254740993 has more digits than a JSON number keeps: round it, or cast it to text."),
]  # fmt: skip
NAMES = [
    ("external_id", "The column 'external_id' is a word of Braze's own: name it otherwise."),
    ("_update_existing_only", "The column '_update_existing_only' is a word of Braze's own: name it otherwise."),
    ("Email", "The column 'Email' would be an address of the member, which no sync sends: leave it out."),
    ("email_subscribe", "The column 'email_subscribe' would change a member's consent, which no sync does: leave it out."),
    ("gender", "The column 'gender' would overwrite Braze's own profile field: name it otherwise, such as 'cj_gender'."),
    ("$field", "The column '$field' is no name of an attribute in Braze: begin it with a letter."),
    (" ", "The column ' ' is no name of an attribute in Braze: begin it with a letter."),
    ("a\nb", "The column 'a\\nb' is no name of an attribute in Braze: begin it with a letter."),
    ("n" * 256, f"The column '{'n' * 40}…' has 256 characters: Braze takes 255."),
]  # fmt: skip
COLUMNS = [
    (["m", "?column?"], "text", "A column of the query has no name: give it one with AS."),
    (["m", "x", "x"], "text", "The query gives the column 'x' twice: name one of them otherwise."),
    (["id", "x"], "text", "The query has no column 'm': it gives id, x. Name one so with AS."),
    (["m"], "text", "The query gives nothing to send beside its ids: add columns."),
    (["m", "x"], "local_time", "The column 'm' is a timestamp without a time zone, of which nobody knows the instant: write m AT TIME ZONE 'Asia/Seoul', or cast it to date."),
    (["m", "x"], "boolean", "The column 'm' is of type bytea, and an id is a text, a whole number or a uuid: cast it."),
    (["m", "x"], "other", "The column 'm' is of type bytea, which JSON has no word for: cast it to text, a number, a boolean, a date or timestamptz, or leave it out."),
]  # fmt: skip
PROPERTIES = [
    ("time", "The column 'time' is reserved in an event: name it otherwise."),
    ("event_name", "The column 'event_name' is reserved in an event: name it otherwise."),
    (
        "cj_attempt",
        "The column 'cj_attempt' is given to each event by the sync itself: name yours otherwise.",
    ),
]


@pytest.mark.parametrize(("member", "text", "sentence"), ROWS, ids=range(len(ROWS)))
def test_a_wrong_row_gets_its_sentence(member: str, text: str, sentence: str) -> None:
    assert problem_of(member, text) == sentence


@pytest.mark.parametrize(("name", "sentence"), NAMES, ids=range(len(NAMES)))
def test_a_wrong_name_gets_its_sentence(name: str, sentence: str) -> None:
    with pytest.raises(SyncError) as refused:
        braze.check_attribute_names([SourceColumn(name, "text", "text")])
    assert str(refused.value) == sentence


@pytest.mark.parametrize(("names", "kind", "sentence"), COLUMNS, ids=range(len(COLUMNS)))
def test_columns_that_cannot_be_sent_get_their_sentence(names: list[str], kind: Any, sentence: str) -> None:
    with pytest.raises(SyncError) as refused:
        check_columns([SourceColumn(name, kind, "bytea") for name in names], ["m"], member="m")
    assert str(refused.value) == sentence


@pytest.mark.parametrize(("name", "sentence"), PROPERTIES)
def test_a_reserved_property_gets_its_sentence(name: str, sentence: str) -> None:
    with pytest.raises(SyncError) as refused:
        braze.check_property_names([SourceColumn(name, "text", "text")])
    assert str(refused.value) == sentence


def test_what_braze_takes_passes() -> None:
    whole = {
        "n": 2**53, "x": "가" * 255, "t": "2026-11-20T00:12:00+00:00", "d": "2026-11-20", "ns": [1, 2.5],
        "o": {"k": [1, {"l": True}]}, "a": list(range(25)), "e": "", "nothing": None,
    }  # fmt: skip
    assert problem_of("m-000102", json.dumps(whole, ensure_ascii=False)) is None
    braze.check_attribute_names(
        [SourceColumn(name, "text", "text") for name in ("cj_분야", "cj_new_7d", "Job Field")]
    )
    assert braze.item_problem("p-1", {"title": "x" * 5_000}) is None
    assert (
        braze.item_problem("p 1", {})
        == "The id 'p 1' is none of a catalog: up to 250 letters, digits, _ and - are taken."
    )
