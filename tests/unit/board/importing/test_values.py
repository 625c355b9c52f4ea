"""One value: what is taken, as what, and the sentence for what is not."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.board.importing import values
from app.board.importing.values import BadValueError

if TYPE_CHECKING:
    from collections.abc import Callable

NO_DEADLINE = (
    "Not a date; write it like 2026-12-01 or 2026-12-01T18:00, or leave the field empty where no day is set (closes says"
    " always_open or when_filled)."
)
EPOCH = "1970-01-01 stands for no time in many systems; leave the field empty, or correct it."
NO_AMOUNT = "Not an amount; write digits only, like 36000000 or 17.50, or leave the field empty where pay is agreed later."
NO_YEARS = (
    "Not a number of years; write digits, like 3 or 2.5 (0 for a newcomer), or leave the field empty for any."
)


def year_out(year: int) -> str:
    return f"The year {year} is not between 1970 and 2100; correct it, or leave the field empty where no time is meant."


def nines(text: str) -> str:
    return (
        f"{text} stands for no limit in many systems; leave the field empty where there is none, or write the amount"
        " round."
    )


def any_years(text: str) -> str:
    return (
        "Years of career lie between 0 and 70; correct the number, or leave the field empty where"
        f" {text} stands for any."
    )


KINDS = {
    "id": values.scalar(values.row_id),
    "end": values.scalar(values.end),
    "name": values.scalar(values.plain_text(10)),
    "title": values.scalar(values.plain_text(500, headline=True)),
    "url": values.scalar(values.url),
    "regions": values.list_of(values.region),
    "unit": values.scalar(values.salary_unit),
    "moment": values.scalar(values.instant),
    "deadline": values.scalar(values.deadline),
    "amount": values.amount(10**15),
    "choice": values.scalar(values.choice({"none": 0, "doctor": 5})),
    "whole": values.whole(1000),
    "years": values.career_years(),
    "truth": values.boolean(),
    "list": values.list_of(values.identifier),
}


@pytest.mark.parametrize(
    ("kind", "text", "taken"),
    [
        ("id", "회원 1️⃣/ü%2F", "회원 1️⃣/ü%2F"),
        ("id", "x" * 200, "x" * 200),
        ("id", "12345.0", "12345"),
        ("id", "007.0", "007.0"),
        ("id", "1.5", "1.5"),
        ("list", "2.0|2.1", ["2.0", "2.1"]),
        ("end", "infinity", None),
        ("end", "9999-12-31", None),
        ("end", "2099-12-31T23:59:59+09:00", None),
        ("end", "2026-11-21T09:00:00+09:00", datetime(2026, 11, 21, tzinfo=UTC)),
        ("name", " a\tb\r\n c ", "a b c"),
        ("name", "<b>{{7}}</b>", "{{7}}"),
        ("title", "A &amp; B &lt;b&gt;급구&lt;/b&gt;", "A & B 급구"),
        ("title", "한 줄<br/>두 줄", "한 줄 두 줄"),
        ("title", "<script>alert(1)</script>개발자", "개발자"),
        ("title", "1 < 2 & C++ <초급> AT&T", "1 < 2 & C++ <초급> AT&T"),
        ("title", "\u1100\u1161\u11a8 \u202e직\u200b원", "각 직원"),
        ("title", "👨\u200d👩\u200d👧 돌봄 ❤️", "👨\u200d👩\u200d👧 돌봄 ❤️"),
        ("url", "HTTPS://예시.kr/공고?a=1#x", "HTTPS://예시.kr/공고?a=1#x"),
        ("url", " https://a.kr:8080/?a=1&amp;b=2 ", "https://a.kr:8080/?a=1&b=2"),
        ("url", "https://[::1]/x", "https://[::1]/x"),
        ("regions", "101000/강남구|102000 / 성남시 / 분당구", ["101000/강남구", "102000/성남시/분당구"]),
        ("regions", "재택근무|Hybrid|REMOTE", ["remote", "hybrid"]),
        ("unit", "USD/hour", "USD/hour"),
        ("unit", " krw / Case ", "KRW/case"),
        ("moment", "2026-11-21T09:00:00+09:00", datetime(2026, 11, 21, tzinfo=UTC)),
        ("moment", "2026-11-21 00:00:00.5Z", datetime(2026, 11, 21, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("moment", "2026-11-21T23:59:00+23:59", datetime(2026, 11, 21, tzinfo=UTC)),
        ("deadline", "2028-02-29", (date(2028, 2, 29), None)),
        ("deadline", "20261201", (date(2026, 12, 1), None)),
        ("deadline", "2026. 12. 1.", (date(2026, 12, 1), None)),
        ("deadline", "2026/12/1", (date(2026, 12, 1), None)),
        ("deadline", "２０２６-12-01", (date(2026, 12, 1), None)),
        ("deadline", "2026년 12월 1일 18시 30분", (date(2026, 12, 1), time(18, 30))),
        ("deadline", "2026. 12. 1. 오후 6:00", (date(2026, 12, 1), time(18))),
        ("deadline", "2026-12-01 12:30 AM", (date(2026, 12, 1), time(0, 30))),
        ("deadline", "2026-12-01 18:00", (date(2026, 12, 1), time(18))),
        ("deadline", "2026-12-01T18:00:30.9", (date(2026, 12, 1), time(18, 0, 30))),
        ("deadline", "2026-12-01T09:00Z", (date(2026, 12, 1), time(18))),
        ("deadline", "20261201T180000Z", (date(2026, 12, 2), time(3))),
        ("deadline", "2026-12-01T18:00:00-0500", (date(2026, 12, 2), time(8))),
        ("deadline", "2026-12-01T18:00:00 KST", (date(2026, 12, 1), time(18))),
        ("deadline", "2026-12-01 24:00", (date(2026, 12, 1), None)),
        ("deadline", "2026-12-01T15:00:00Z", (date(2026, 12, 1), None)),
        ("deadline", "2026-12-01T00:00:00+09:00", (date(2026, 11, 30), None)),
        ("deadline", "2099-12-31", (None, None)),
        ("deadline", "9999-12-31T23:59:59+09:00", (None, None)),
        ("deadline", "infinity", (None, None)),
        ("choice", "doctor", 5),
        ("whole", "0", 0),
        ("whole", "0001000", 1000),
        ("whole", " 1,000 ", 1000),
        ("whole", "1E+03", 1000),
        ("whole", "7.0", 7),
        ("amount", "17.50", Decimal("17.50")),
        ("amount", "17.505", Decimal("17.51")),
        ("amount", "36,000,000.0", 36_000_000),
        ("amount", "3.6E+07", 36_000_000),
        ("amount", "３６００００００", 36_000_000),
        ("amount", "0", None),
        ("amount", "0.00", None),
        ("amount", "99999.5", Decimal("99999.50")),
        ("years", "2.5", 2.5),
        ("years", "70", 70.0),
        ("truth", "false", False),
        ("truth", "TRUE", True),
        ("truth", "True", True),
        ("truth", " Y ", True),
        ("truth", "1", True),
        ("truth", "예", True),
        ("truth", "no", False),
        ("truth", "0.0", False),
        ("truth", "아니오", False),
        ("choice", "DOCTOR", 5),
        ("choice", " Doctor", 5),
        ("list", "2|16| 2 ", ["2", "16"]),
        ("list", "[]", []),
        ("list", " {} ", []),
        ("list", "[신입]|영업", ["[신입]", "영업"]),
        ("list", "2,16", ["2,16"]),
        ("id", "1e5", "1e5"),
        ("id", "a+b", "a+b"),
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
        (
            "id",
            "9007199254740994.0",
            "A number so large has lost its last digits; export this column as text.",
        ),
        (
            "end",
            "2026-11-21",
            "Only a day stands here; add a time with its zone, like 2026-11-21T09:00:00+09:00.",
        ),
        ("id", "a ", "The id begins or ends with a blank; remove it."),
        ("name", "  ", "Nothing visible stands here; write a value or leave the field empty."),
        ("title", "\u200b", "Nothing visible stands here; write a value or leave the field empty."),
        ("title", "\u3164&nbsp;", "Nothing visible stands here; write a value or leave the field empty."),
        ("title", "…!!🔥", "No letter and no digit stands here; write what it is called."),
        ("title", "깨\ufffd짐", "The text was broken by a wrong encoding; export it again as UTF-8."),
        ("title", "#NAME?", "A spreadsheet's error stands here; mend the formula and export it again."),
        ("id", "#REF!", "A spreadsheet's error stands here; mend the formula and export it again."),
        (
            "id",
            "1.23E+15",
            "A spreadsheet has rounded this id; format its column as text and export it again.",
        ),
        *(
            ("id", text, "A spreadsheet has rounded this id; format its column as text and export it again.")
            for text in ("1.23e+15", "1e+16", "1.2345678901234568e+17")
        ),
        ("id", "'00123", "A spreadsheet's mark of text stands before this id; remove it."),
        ("id", '="00123"', "A spreadsheet's mark of text stands before this id; remove it."),
        *(
            ("list", text, "A list stands here as a program prints it; join its items by |, like 2|16.")
            for text in ("{2,16}", "{2}", '["2","16"]', "['2', '16']", "[2, 16]", "[2]")
        ),
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
        ("url", "https://u:p@a.kr/", "The address holds a name or a password before an @; remove it."),
        ("url", "https://a.kr:99999/", "The address has a host or a port that cannot be; correct it."),
        ("url", "https://.../", "The address has a host or a port that cannot be; correct it."),
        ("url", "https://한..빛.kr/", "The address has a host or a port that cannot be; correct it."),
        ("url", "https://a.kr/\u200b", "The address holds an invisible character; remove it."),
        (
            "url",
            "https://a.kr/" + "x" * 2000,
            "At most 2000 characters fit and these are 2013; shorten the address.",
        ),
        (
            "regions",
            "101000//x",
            "The region '101000//x' has an empty part; write it from large to small, like 101000/강남구.",
        ),
        (
            "unit",
            "원/년",
            "Not a salary unit; write a currency and year, month, week, day, hour or case: KRW/year.",
        ),
        ("moment", "yesterday", "Not a time; write it like 2026-11-21T09:00:00+09:00."),
        ("moment", "2026-02-30T00:00:00Z", "Not a time; write it like 2026-11-21T09:00:00+09:00."),
        ("moment", "2026-11-21T09:00:00", "The time has no zone; add one at its end, like +09:00 or Z."),
        (
            "moment",
            "2026-11-21",
            "Only a day stands here; add a time with its zone, like 2026-11-21T09:00:00+09:00.",
        ),
        ("moment", "1970-01-01T00:00:00Z", EPOCH),
        ("moment", "1970-01-01T00:00:00+09:00", EPOCH),
        ("moment", "0001-01-01T00:00:00+09:00", year_out(1)),
        ("moment", "9999-12-31T23:59:59-09:00", year_out(9999)),
        ("deadline", "2026-W01-1", NO_DEADLINE),
        ("deadline", "2026-02-29", NO_DEADLINE),
        ("deadline", "2026-12-01T25:00", NO_DEADLINE),
        ("deadline", "2026-12-01 13:00 PM", NO_DEADLINE),
        ("deadline", "2026-12-01T18:00+25:00", NO_DEADLINE),
        ("deadline", "상시채용", NO_DEADLINE),
        ("deadline", "1796050800", NO_DEADLINE),
        (
            "deadline",
            "12/1/2026",
            "Day, month and year cannot be told apart; write the year first, like 2026-12-01.",
        ),
        (
            "deadline",
            "26-12-01",
            "Day, month and year cannot be told apart; write the year first, like 2026-12-01.",
        ),
        ("deadline", "1970-01-01", EPOCH),
        ("deadline", "1900-01-01", year_out(1900)),
        ("deadline", "0000-00-00", "A day of zeros stands for none; leave the field empty."),
        (
            "deadline",
            "2026-12-01 0:00",
            "Midnight at which end of the day? Write 2026-12-01 alone for its end, or 24:00 of the day before.",
        ),
        ("choice", "phd", "'phd' is not known here; write one of none, doctor."),
        ("whole", "9" * 40, "The number is not between 0 and 1000; correct it."),
        ("whole", "0." + "0" * 40 + "1", "Not a whole number; write digits only, like 1200."),
        ("amount", "9" * 40 + ".5", f"The amount is not between 0 and {10**15}; correct it."),
        ("whole", "1,00", "Not a whole number; write digits only, like 1200."),
        ("whole", "7.5", "Not a whole number; write digits only, like 1200."),
        ("whole", "many", "Not a whole number; write digits only, like 1200."),
        ("whole", "-1", "-1 is below 0; leave the field empty where the number is not known."),
        ("whole", "1001", "The number is not between 0 and 1000; correct it."),
        ("amount", "3600만원", NO_AMOUNT),
        ("amount", "36.000.000", NO_AMOUNT),
        ("amount", "17,50", NO_AMOUNT),
        ("amount", "협의", NO_AMOUNT),
        ("amount", "-1", "-1 is below 0; leave the field empty where pay is agreed later."),
        ("amount", "1E+30", "The amount is not between 0 and 1000000000000000; correct it."),
        ("amount", "9999", nines("9999")),
        ("amount", "99,999,999.0", nines("99,999,999.0")),
        ("years", "3년", NO_YEARS),
        ("years", "신입", NO_YEARS),
        ("years", "2,5", NO_YEARS),
        ("years", "71", any_years("71")),
        ("years", "-1", any_years("-1")),
        ("truth", "maybe", "'maybe' is neither true nor false; write one of them."),
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
        ("whole", 7.0, 7),
        ("whole", "7", 7),
        ("amount", 36000000.0, 36_000_000),
        ("amount", 17.5, Decimal("17.50")),
        ("years", 3, 3),
        ("years", 0.5, 0.5),
        ("years", "3", 3),
        ("truth", True, True),
        ("truth", "true", True),
        ("truth", 1, True),
        ("truth", 0.0, False),
        ("list", ["a", "b", "a"], ["a", "b"]),
        ("list", [2, 16.0], ["2", "16"]),
        ("list", "2|16", ["2", "16"]),
        ("list", 2, ["2"]),
        ("list", [], []),
        ("id", "a", "a"),
        ("id", 7, "7"),
        ("id", 7.0, "7"),
        ("id", 2**70, str(2**70)),
        ("deadline", 20261201, (date(2026, 12, 1), None)),
    ],
)
def test_a_good_json_value_is_taken(kind: str, value: object, taken: object) -> None:
    assert KINDS[kind].json(value) == taken


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("id", True, "true and false are no value here; write the text or the number that is meant."),
        ("id", 2.0**60, "A number so large has lost its last digits; write it in quotes."),
        ("id", {"v": 7}, "One value is needed here, not an object; write the part of it that is meant."),
        ("name", ["a", "b"], "One value is needed here, not a list of 2; keep the one that is meant."),
        ("whole", 7.5, "Not a whole number; write digits only, like 1200."),
        ("whole", -1, "-1 is below 0; leave the field empty where the number is not known."),
        ("years", False, "true and false are no value here; write the text or the number that is meant."),
        ("truth", 2, "'2' is neither true nor false; write one of them."),
        ("list", {"a": 1}, 'A JSON array of texts is needed here, like ["2", "16"].'),
        ("list", ["2", " "], "The list has an empty item; remove it."),
        ("list", ["2", None], "The list has an empty item; remove it."),
    ],
)
def test_a_bad_json_value_is_refused_with_the_way_to_mend_it(kind: str, value: object, reason: str) -> None:
    with pytest.raises(BadValueError) as refused:
        KINDS[kind].json(value)
    assert str(refused.value) == reason


@pytest.mark.parametrize("read", [kind.text for kind in KINDS.values()], ids=KINDS)
@given(text=st.text(st.characters(), min_size=1) | st.text("0123456789.,-+eE만억 ", min_size=20, max_size=60))
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
