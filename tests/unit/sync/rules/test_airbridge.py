"""Wrong rows, names and options, and the sentence that each gets; what Airbridge takes passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.sync.definition import SyncError
from app.sync.rules import airbridge
from app.sync.values import BadRowValueError, SourceColumn, check_columns, values_of

FINE = "123.123.123.123"
KINDS: dict[str, Any] = {"value": "number", "n": "number", "totalValue": "number"}
LONG = "가" * 129


def problem_of(text: str, *, member: str = "m-1", address: Any = FINE, letters: Any = "any") -> str | None:
    """What a sync says of an event, whose values Postgres gives as this JSON text."""
    try:
        values = values_of(text, KINDS)
    except BadRowValueError as error:
        return str(error)
    return (
        airbridge.member_problem(member)
        or airbridge.address_problem(address)
        or airbridge.values_problem(values, letters=letters, fields={"client_id"})
    )


ROWS = [
    ('{"action": "' + LONG + '"}', "action: a text of 129 characters, which Airbridge would cut to 128."),
    ('{"label": "' + LONG + '"}', "label: a text of 129 characters, which Airbridge would cut to 128."),
    ('{"action": "a:b"}', "action: 'a:b' has other characters than letters, digits, blanks and ? ! , . / & ( ) - _."),
    ('{"action": "C#"}', "action: 'C#' has other characters than letters, digits, blanks and ? ! , . / & ( ) - _."),
    ('{"label": "a\\nb"}', "label: 'a\\nb' has other characters than letters, digits, blanks and ? ! , . / & ( ) - _."),
    ('{"label": "😀"}', "label: '😀' has other characters than letters, digits, blanks and ? ! , . / & ( ) - _."),
    ('{"value": 0.1234567891}', "value: 0.1234567891 has 10 decimal places, and Airbridge takes 9: round it."),
    ('{"value": 1e-12}', "value: 0.000000000001 has 12 decimal places, and Airbridge takes 9: round it."),
    ('{"value": "NaN"}', "value: NaN and infinity are no numbers of JSON: give NULL instead."),
    ('{"value": 9007199254740993}', "value: 9007199254740993 has more digits than a JSON number keeps: round it, or cast it to text."),
    ('{"n": "Infinity"}', "n: NaN and infinity are no numbers of JSON: give NULL instead."),
    ('{"transactionID": "' + "x" * 1025 + '"}', "transactionID: a text of 1,025 characters, which Airbridge would cut to 1,024."),
    ('{"totalValue": 0.1234567891}', "totalValue: 0.1234567891 has 10 decimal places, and Airbridge takes 9: round it."),
    ('{"products": {}}', "products: no list of objects, without which Airbridge stores no event."),
    ('{"products": [1]}', "products: no list of objects, without which Airbridge stores no event."),
    ('{"products": [{"id": "p"}]}', "products: 'id' is no field of a product: known are productID, name, currency, price, quantity, position."),
    ('{"products": [{"productID": 5}]}', "products: productID: no text of up to 1,024 characters, and Airbridge drops such a field."),
    ('{"products": [{"price": "5"}]}', "products: price: no number, and Airbridge drops such a field."),
    ('{"products": [{"price": true}]}', "products: price: no number, and Airbridge drops such a field."),
    ('{"products": [{"quantity": 1.5}]}', "products: quantity: no whole number, and Airbridge drops such a field."),
    ('{"x": ["a"]}', "x: an array or object, for which Airbridge names no custom attribute: give texts, numbers or booleans."),
    ('{"x": {"k": 1}}', "x: an array or object, for which Airbridge names no custom attribute: give texts, numbers or booleans."),
    (
        json.dumps({"x": "가" * 1_785}),
        "The custom attributes have 1,793 characters as JSON: above 1,792, and 256 of the sync's own, Airbridge keeps ERROR_MAX_LENGTH_EXCEEDED in their place.",
    ),
    ('{"client_id": " "}', "client_id: no id: give up to 1,024 characters that can be printed, or NULL."),
    ('{"client_id": "' + "c" * 1025 + '"}', "client_id: no id: give up to 1,024 characters that can be printed, or NULL."),
]  # fmt: skip
OF_MEMBERS = [
    ("", "The member's id is empty."),
    (" m", "The member's id has blanks around it, or a character that cannot be printed: Airbridge would know another member by it."),
    ("m\u200b", "The member's id has blanks around it, or a character that cannot be printed: Airbridge would know another member by it."),
    ("m" * 1025, "The member's id has more than 1,024 characters."),
]  # fmt: skip
NONE = "The member's address is none of IPv4 or IPv6, such as 123.123.123.123: of an inet give host(…)."
CLOSED = "The member's address is none of the open internet: it may be that of a proxy in front of the board."
ADDRESSES = [
    (
        None,
        "It has no address of the member: without one Airbridge would record this server's as the member's.",
    ),
    ("", NONE),
    ("kim@example.com", NONE),
    ("123.123.123.123/32", NONE),
    ("123.123.123.123, 10.0.0.1", NONE),
    ("123.123.123.123\r\nAuthorization: x", NONE),
    (5, CLOSED),
    ("10.0.0.7", CLOSED),
    ("127.0.0.1", CLOSED),
    ("192.168.0.1", CLOSED),
    ("::1", CLOSED),
    ("fe80::1%eth0", CLOSED),
    ("::ffff:10.0.0.1", CLOSED),
]


@pytest.mark.parametrize(("text", "sentence"), ROWS)
def test_a_wrong_event_gets_its_sentence(text: str, sentence: str) -> None:
    assert problem_of(text) == sentence


@pytest.mark.parametrize(("member", "sentence"), OF_MEMBERS)
def test_an_id_that_is_none_gets_its_sentence(member: str, sentence: str) -> None:
    assert problem_of("{}", member=member) == sentence


@pytest.mark.parametrize(("address", "sentence"), ADDRESSES)
def test_an_event_without_the_members_address_is_left_out_and_the_sentence_has_none(
    address: Any, sentence: str
) -> None:
    assert problem_of("{}", address=address) == sentence


TAKEN = [
    '{"action": "개발, IT (신입)/경력", "label": "personalized", "value": 0.123456789}',
    '{"label": "Ünïcode 日本語 한글_1"}',
    '{"value": -3, "rid": "aqBdGfU6K_NRfVp3", "position": 1, "first": true}',
    '{"transactionID": "t", "totalValue": 1.5, "currency": "KRW", "inAppPurchased": false}',
    '{"products": [{"productID": "p-1", "name": "공고", "price": 0, "quantity": 1, "position": 2}]}',
    json.dumps({"x": "가" * 1_784}),
    "{}",
]


@pytest.mark.parametrize("text", TAKEN)
def test_what_airbridge_takes_passes(text: str) -> None:
    assert problem_of(text) is None


@pytest.mark.parametrize(
    "address", [FINE, "2001:e60:87e3:81d4:cd57:5d52:ee2e:ff8d", "::ffff:123.123.123.123"]
)
def test_an_address_of_the_open_internet_passes(address: str) -> None:
    assert problem_of("{}", address=address) is None


def test_letters_of_korean_are_refused_where_the_file_says_latin() -> None:
    assert problem_of('{"action": "개발"}', letters="latin") == (
        "action: '개발' has other characters than letters from a to z, digits, blanks and ? ! , . / & ( ) - _."
    )
    assert problem_of('{"action": "IT, dev (new)"}', letters="latin") is None


CATEGORIES = [
    ("airbridge.job.apply", "begins with airbridge. and is no standard event"),
    ("Airbridge.x", "begins with airbridge. and is no standard event"),
    ("job:apply", "is no category in Airbridge: give up to 128 letters from a to z, digits and underscores"),
    ("job apply", "is no category"),
    ("job.apply", "is no category"),
    ("지원", "is no category"),
    ("x" * 129, "is no category"),
    ("", "is no category"),
]


@pytest.mark.parametrize(("name", "sentence"), CATEGORIES)
def test_a_category_that_is_none_is_refused_before_anything_is_sent(name: str, sentence: str) -> None:
    with pytest.raises(SyncError) as told:
        airbridge.check_category(name)
    assert sentence in str(told.value)


def test_standard_and_custom_categories_pass() -> None:
    for name in ("job_apply", "JobApply2", "airbridge.user.signup", "x" * 128):
        airbridge.check_category(name)


COLUMNS = [
    ("ip", "text", "The query has no column 'address', which [airbridge] names: it gives ip besides. Without the member's address Airbridge records this server's."),
    ("email", "text", "The column 'email' would be an address of the member, which no sync sends: leave it out."),
    ("phone", "text", "The column 'phone' would be an address of the member, which no sync sends: leave it out."),
    ("cj_key", "text", "The column 'cj_key' is given to each event by the sync itself: name yours otherwise."),
    ("action", "number", "The column 'action' is of type number, and Airbridge stores no event in which it is not a text: cast it."),
    ("label", "boolean", "The column 'label' is of type boolean, and Airbridge stores no event in which it is not a text: cast it."),
    ("value", "text", "The column 'value' is of type text, and Airbridge stores no event in which it is not a number: cast it."),
    ("totalValue", "text", "The column 'totalValue' is of type text, and Airbridge stores no event in which it is not a number: cast it."),
    ("inAppPurchased", "text", "The column 'inAppPurchased' is of type text, and Airbridge stores no event in which it is not true or false: cast it."),
    ("products", "text", "The column 'products' is of type text, and Airbridge stores no event in which it is not a list of objects: cast it."),
    ("a\tb", "text", "The column 'a\\tb' is no name of an attribute: begin it with a letter."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "sentence"), COLUMNS)
def test_a_column_that_no_event_has_is_refused_before_anything_is_sent(
    name: str, kind: Any, sentence: str
) -> None:
    given = [
        SourceColumn(name, kind, kind),
        *([] if name == "ip" else [SourceColumn("address", "text", "text")]),
    ]
    with pytest.raises(SyncError) as told:
        airbridge.check_columns(given, address="address", fields=())
    assert str(told.value) == sentence


def test_an_address_as_inet_is_told_how_to_be_cast() -> None:
    columns = [SourceColumn(name, "text", "text") for name in ("event_key", "member_id", "time")]
    with pytest.raises(SyncError, match="of type inet, which JSON has no word for: cast it to text"):
        check_columns(
            [*columns, SourceColumn("address", "other", "inet")],
            ("event_key", "member_id", "time"),
            member="member_id",
        )


def test_an_events_parts_have_their_places() -> None:
    values = {"action": "IT", "value": 2, "transactionID": "t", "rid": "r", "client_id": "c"}
    assert airbridge.goal_of(values, "job_apply", {"client_id"}) == {
        "category": "job_apply",
        "action": "IT",
        "value": 2,
        "semanticAttributes": {"transactionID": "t"},
        "customAttributes": {"rid": "r"},
    }
