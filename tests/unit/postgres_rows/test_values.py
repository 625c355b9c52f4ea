"""One value: what is taken, as what, and the sentence for what is not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.postgres import values
from app.postgres.values import BadValueError

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {
    "id": values.words(values.identifier),
    "name": values.words(values.plain(10)),
    "url": values.words(values.url),
    "regions": values.listed(values.region),
    "unit": values.words(values.salary_unit),
    "moment": values.words(values.moment),
    "day": values.words(values.day),
    "choice": values.words(values.choice({"none": 0, "doctor": 5})),
    "whole": values.whole(1000),
    "years": values.career_years(),
    "truth": values.truth(),
    "list": values.listed(values.identifier),
}


@pytest.mark.parametrize(
    ("kind", "text", "taken"),
    [
        ("id", "회원 1️⃣/ü%2F", "회원 1️⃣/ü%2F"),
        ("id", "x" * 200, "x" * 200),
        ("name", " a\tb\r\n c ", "a b c"),
        ("name", "<b>{{7}}</b>"[:10], "<b>{{7}}</"),
        ("url", "HTTPS://예시.kr/공고?a=1#x", "HTTPS://예시.kr/공고?a=1#x"),
        ("regions", "101000/강남구|102000 / 성남시 / 분당구", ["101000/강남구", "102000/성남시/분당구"]),
        ("unit", "USD/hour", "USD/hour"),
        ("moment", "2026-11-21T09:00:00+09:00", datetime(2026, 11, 21, tzinfo=UTC)),
        ("moment", "2026-11-21 00:00:00.5Z", datetime(2026, 11, 21, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("moment", "2026-11-21T23:59:00+23:59", datetime(2026, 11, 21, tzinfo=UTC)),
        ("day", "2028-02-29", date(2028, 2, 29)),
        ("choice", "doctor", 5),
        ("whole", "0", 0),
        ("whole", "0001000", 1000),
        ("years", "2.5", 2.5),
        ("years", "70", 70.0),
        ("truth", "false", False),
        ("list", "2|16| 2 ", ["2", "16"]),
    ],
)
def test_a_good_value_is_taken_as_what_it_means(kind: str, text: str, taken: object) -> None:
    assert KINDS[kind].text(text) == taken


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("id", "x" * 201, "An id has at most 200 characters and this one has 201; shorten it."),
        ("id", "a\u200bb", "An id is printable characters only; remove the invisible one."),
        ("id", "a\0b", "An id is printable characters only; remove the invisible one."),
        ("id", "\ud800", "An id is printable characters only; remove the invisible one."),
        ("id", "a ", "The id begins or ends with a blank; remove it."),
        ("name", "  ", "Only blanks stand here; write a value or leave the field empty."),
        ("name", "x" * 11, "At most 10 characters fit and these are 11; shorten the text."),
        ("name", "a\0b", "The text holds the control character U+0000; remove it."),
        ("name", "a\x1bb", "The text holds the control character U+001B; remove it."),
        (
            "url",
            "javascript:alert(1)",
            "Not a web address; write it like https://example.com/postings/1, without blanks.",
        ),
        (
            "url",
            "https://",
            "Not a web address; write it like https://example.com/postings/1, without blanks.",
        ),
        (
            "url",
            "https://a b",
            "Not a web address; write it like https://example.com/postings/1, without blanks.",
        ),
        (
            "regions",
            "101000//x",
            "The region '101000//x' has an empty part; write it from large to small, like 101000/강남구.",
        ),
        (
            "unit",
            "원/년",
            "Not a salary unit; write a currency and year, month, week, day or hour: KRW/year.",
        ),
        ("moment", "yesterday", "Not a time; write it like 2026-11-21T09:00:00+09:00."),
        ("moment", "2026-02-30T00:00:00Z", "Not a time; write it like 2026-11-21T09:00:00+09:00."),
        ("moment", "2026-11-21T09:00:00", "The time has no zone; add one at its end, like +09:00 or Z."),
        ("moment", "0001-01-01T00:00:00+09:00", "The year 1 is not between 1970 and 2100; correct it."),
        ("moment", "9999-12-31T23:59:59-09:00", "The year 9999 is not between 1970 and 2100; correct it."),
        ("day", "2026-W01-1", "Not a date; write it like 2026-12-01."),
        ("day", "20261201", "Not a date; write it like 2026-12-01."),
        ("day", "2026-02-29", "Not a date; write it like 2026-12-01."),
        ("day", "２０２６-12-01", "Not a date; write it like 2026-12-01."),
        ("day", "2101-01-01", "The year 2101 is not between 1970 and 2100; correct it."),
        ("choice", "phd", "'phd' is not known here; write one of none, doctor."),
        ("whole", "1,000", "Not a whole number of at most 16 digits; write digits only, like 36000000."),
        ("whole", "-1", "Not a whole number of at most 16 digits; write digits only, like 36000000."),
        ("whole", "१", "Not a whole number of at most 16 digits; write digits only, like 36000000."),
        ("whole", "9" * 17, "Not a whole number of at most 16 digits; write digits only, like 36000000."),
        ("whole", "1001", "The number is not between 0 and 1000; correct it."),
        ("years", "3년", "Not a number of years; write digits, like 3 or 2.5."),
        ("years", "nan", "Not a number of years; write digits, like 3 or 2.5."),
        ("years", "71", "Years of career lie between 0 and 70; correct the number."),
        ("truth", "True", "'True' is not known here; write one of true, false."),
        ("list", "2||16", "The list has an empty item; remove it."),
        (
            "list",
            "|".join(map(str, range(201))),
            "A list has at most 200 items and this one has 201; shorten it.",
        ),
    ],
)
def test_a_bad_value_is_refused_with_the_way_to_mend_it(kind: str, text: str, reason: str) -> None:
    with pytest.raises(BadValueError) as refused:
        KINDS[kind].text(text)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        ("whole", 7, 7),
        ("years", 3, 3),
        ("years", 0.5, 0.5),
        ("truth", True, True),
        ("list", ["a", "b", "a"], ["a", "b"]),
        ("list", [], []),
        ("id", "a", "a"),
    ],
)
def test_a_good_json_value_is_taken(kind: str, value: object, taken: object) -> None:
    assert KINDS[kind].json(value) == taken


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("id", 7, "JSON text is needed here; put the value in quotes."),
        ("whole", "7", "A whole JSON number is needed here, like 36000000 without quotes."),
        ("whole", 7.0, "A whole JSON number is needed here, like 36000000 without quotes."),
        ("whole", True, "A whole JSON number is needed here, like 36000000 without quotes."),
        ("whole", -1, "The number is not between 0 and 1000; correct it."),
        ("years", "3", "A JSON number of years is needed here, like 2.5 without quotes."),
        ("years", False, "A JSON number of years is needed here, like 2.5 without quotes."),
        ("years", 1e300, "Years of career lie between 0 and 70; correct the number."),
        ("truth", "true", "JSON true or false is needed here, without quotes."),
        ("truth", 1, "JSON true or false is needed here, without quotes."),
        ("list", "2|16", 'A JSON array of texts is needed here, like ["2", "16"].'),
        ("list", [2, 16], 'A JSON array of texts is needed here, like ["2", "16"].'),
        ("list", ["2", " "], "The list has an empty item; remove it."),
    ],
)
def test_a_bad_json_value_is_refused_with_the_way_to_mend_it(kind: str, value: object, reason: str) -> None:
    with pytest.raises(BadValueError) as refused:
        KINDS[kind].json(value)
    assert str(refused.value) == reason


@pytest.mark.parametrize("read", [kind.text for kind in KINDS.values()], ids=KINDS)
@given(text=st.text(st.characters(), min_size=1))
def test_any_text_is_taken_or_refused_in_a_sentence(read: Callable[[str], object], text: str) -> None:
    try:
        taken = read(text)
    except BadValueError as refused:
        taken = str(refused)
        ends_well = taken.endswith(".")
    else:
        ends_well = True
    assert ends_well
    assert "\0" not in str(taken)
    str(taken).encode()  # nothing that UTF-8, and so Postgres, cannot hold
