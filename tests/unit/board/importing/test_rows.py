"""Rows: columns in any order, defaults, fields that do not fit together, and all faults at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.board.importing.rows import (
    ACTIVITY,
    COMPANIES,
    MEMBERS,
    NOUNS,
    POSTINGS,
    BadRowError,
    Fault,
    Noun,
    csv_rows,
    json_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

POSTING = {
    "id": "p1",
    "title": "백엔드 개발자",
    "company_id": "c1",
    "url": "https://example.com/p1",
    "opened_at": "2026-11-01T00:00:00+09:00",
}
OPENED_AT = datetime(2026, 10, 31, 15, tzinfo=UTC)


def posting(**fields: str) -> dict[str, object]:
    """A posting as read from CSV."""
    given_fields = POSTING | fields
    row = csv_rows(POSTINGS, list(given_fields))(list(given_fields.values()))
    return dict(zip(POSTINGS.names(), row, strict=True))


def faults_of(read: Callable[[], object]) -> list[Fault]:
    with pytest.raises(BadRowError) as bad:
        read()
    return list(bad.value.faults)


def test_what_is_not_given_has_its_default() -> None:
    assert posting() == {
        "id": "p1",
        "title": "백엔드 개발자",
        "company_id": "c1",
        "url": "https://example.com/p1",
        "opened_at": OPENED_AT,
        "categories": [],
        "regions": [],
        "career_min_years": None,
        "career_max_years": None,
        "education": None,
        "employment_types": [],
        "salary_min": None,
        "salary_max": None,
        "salary_unit": None,
        "skills": [],
        "deadline": None,
        "deadline_time": None,
        "closes": "when_filled",
        "status": "open",
        "updated_at": None,
    }


def test_every_column_is_read() -> None:
    everything = {
        "categories": "2|16",
        "regions": "101000/강남구",
        "career_min_years": "0",
        "career_max_years": "2.5",
        "education": "bachelor",
        "employment_types": "regular|intern",
        "salary_min": "30000000",
        "salary_max": "40000000",
        "salary_unit": "KRW/year",
        "skills": "Java|C++",
        "deadline": "2026-12-01",
        "closes": "always_open",
        "status": "hidden",
        "updated_at": "2026-11-02T00:00:00Z",
    }
    read = posting(**everything)
    assert {name: read[name] for name in everything} == {
        "categories": ["2", "16"],
        "regions": ["101000/강남구"],
        "career_min_years": 0.0,
        "career_max_years": 2.5,
        "education": 3,
        "employment_types": ["regular", "intern"],
        "salary_min": 30_000_000,
        "salary_max": 40_000_000,
        "salary_unit": "KRW/year",
        "skills": ["Java", "C++"],
        "deadline": date(2026, 12, 1),
        "closes": "always_open",
        "status": "hidden",
        "updated_at": datetime(2026, 11, 2, tzinfo=UTC),
    }


def test_columns_may_stand_in_any_order() -> None:
    assert csv_rows(COMPANIES, ["employees", "name", "id"])(["5", "Acme", "c1"]) == [
        "c1",
        "Acme",
        None,
        5,
        None,
    ]


def test_a_posting_with_a_deadline_closes_on_it() -> None:
    assert posting(deadline="2026-12-01")["closes"] == "on_date"


@pytest.mark.parametrize("nothing", ["null", "None", "N/A", "-", "없음", " ", "\u00a0", "NaN", "\\N"])
def test_what_programs_write_for_nothing_is_not_given(nothing: str) -> None:
    assert posting(
        company_id=nothing,
        deadline=nothing,
        salary_min=nothing,
        career_min_years=nothing,
        skills=nothing,
        status=nothing,
    ) == posting(company_id="")
    assert faults_of(lambda: posting(title=nothing)) == [
        ("title", nothing, "A value is required here; write one.")
    ]


def test_a_json_array_of_one_is_its_item_and_of_nothing_nothing() -> None:
    line = '{"id":["c1"],"name":["Acme"],"industry":[null],"employees":[5]}'
    assert json_rows(COMPANIES)(line) == ["c1", "Acme", None, 5, None]


@pytest.mark.parametrize(
    ("low", "high", "kept"),
    [("0", "0", (None, None)), ("0", "30000000", (None, 30_000_000)), ("30000000", "0", (30_000_000, None))],
)
def test_an_amount_of_0_is_to_be_agreed(low: str, high: str, kept: tuple[int | None, int | None]) -> None:
    read = posting(salary_min=low, salary_max=high, salary_unit="KRW/year")
    assert (read["salary_min"], read["salary_max"]) == kept


@pytest.mark.parametrize(
    ("amount", "unit", "refused"),
    [
        ("3600", "KRW/year", ["salary_min"]),
        ("1", "KRW/hour", ["salary_min"]),
        ("10030", "KRW/hour", []),
        ("500", "KRW/case", []),
        ("1", "USD/hour", ["salary_min"]),
        ("7.25", "USD/hour", []),
    ],
)
def test_an_amount_too_small_to_be_pay_is_refused(amount: str, unit: str, refused: list[str]) -> None:
    faults: tuple[Fault, ...] = ()
    try:
        posting(salary_min=amount, salary_unit=unit)
    except BadRowError as bad:
        faults = bad.faults
    assert [fault.field for fault in faults] == refused


@pytest.mark.parametrize(
    ("given", "clock", "kept"),
    [
        ("2026-12-01", "18:00", (date(2026, 12, 1), time(18))),
        ("2026-12-01", "24:00", (date(2026, 12, 1), None)),
        ("2026-12-01", "0:00", (date(2026, 11, 30), None)),
        ("2026-12-01T18:00", "", (date(2026, 12, 1), time(18))),
    ],
)
def test_a_deadline_and_its_time_stand_in_one_field_or_two(given: str, clock: str, kept: object) -> None:
    read = posting(deadline=given, deadline_time=clock)
    assert (read["deadline"], read["deadline_time"], read["closes"]) == (*kept, "on_date")  # type: ignore[misc]


def test_a_day_that_stands_for_no_end_is_none() -> None:
    assert (posting(deadline="9999-12-31")["deadline"], posting(deadline="9999-12-31")["closes"]) == (
        None,
        "always_open",
    )


@pytest.mark.parametrize("closes", ["", "on_date"])
def test_who_writes_that_it_ends_on_a_day_that_stands_for_no_end_means_always_open(closes: str) -> None:
    row = posting(deadline="9999-12-31", deadline_time="23:59", closes=closes)
    assert (row["deadline"], row["deadline_time"], row["closes"]) == (None, None, "always_open")


def test_places_stand_before_working_from_home() -> None:
    assert posting(regions="재택|101000/강남구")["regions"] == ["101000/강남구", "remote"]


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        (
            {"career_min_years": "5", "career_max_years": "3"},
            [("career_max_years", "3.0", "Less than career_min_years; swap the two or correct one.")],
        ),
        (
            {"salary_min": "5", "salary_max": "3"},
            [
                ("salary_max", "3", "Less than salary_min; swap the two or correct one."),
                ("salary_unit", "", "A salary needs its unit; write one, like KRW/year."),
            ],
        ),
        (
            {"deadline_time": "18:00"},
            [("deadline_time", "", "A time needs its day; give the deadline, or leave the time out.")],
        ),
        (
            {"deadline": "2026-12-01T18:00", "deadline_time": "19:00"},
            [("deadline_time", "18:00:00", "The deadline has a time already; leave one of the two out.")],
        ),
        (
            {"closes": "on_date"},
            [
                (
                    "closes",
                    "on_date",
                    "on_date needs a deadline; give it, or write when_filled or always_open.",
                )
            ],
        ),
    ],
)
def test_fields_that_do_not_fit_together_are_refused(
    fields: dict[str, str], faults: list[tuple[str, str, str]]
) -> None:
    assert faults_of(lambda: posting(**fields)) == faults


def test_a_member_may_have_a_unit_without_a_desired_salary_but_not_the_other_way_round() -> None:
    read = csv_rows(MEMBERS, ["id", "mail_consent", "desired_salary", "salary_unit"])
    assert read(["m1", "true", "", "KRW/year"])[:2] == ["m1", True]
    assert faults_of(lambda: read(["m1", "true", "40000000", ""])) == [
        ("salary_unit", "", "A desired salary needs its unit; write one, like KRW/year.")
    ]


def test_all_faults_of_a_row_are_told_at_once() -> None:
    assert faults_of(lambda: posting(id="", title="\x07", url="x")) == [
        ("id", "", "A value is required here; write one."),
        ("title", "\x07", "The text holds the control character U+0007; remove it."),
        ("url", "x", "Not a web address; write it like https://example.com/postings/1, without blanks."),
    ]


def test_empty_fields_beyond_the_header_are_a_spreadsheets() -> None:
    assert csv_rows(COMPANIES, ["id", "name"])(["c1", "Acme", "", ""])[:2] == ["c1", "Acme"]


def test_a_row_of_another_width_than_the_header_is_refused_whole() -> None:
    read = csv_rows(COMPANIES, ["id", "name"])
    assert faults_of(lambda: read(["c1", "Acme", " Inc."])) == [
        ("", "c1,Acme, Inc.", "Fields in the row: 3, in the header: 2; quote fields that hold commas.")
    ]


def test_json_says_the_same_as_csv() -> None:
    from_json = json_rows(POSTINGS)(
        '{"id":"p1","title":"백엔드 개발자","company_id":"c1","url":"https://example.com/p1",'
        '"opened_at":"2026-11-01T00:00:00+09:00","categories":["2","16"],"salary_min":10030,"salary_unit":"KRW/hour",'
        '"career_max_years":null,"education":"none","skills":[],"deadline":""}'
    )
    from_csv = posting(categories="2|16", salary_min="10030", salary_unit="KRW/hour", education="none")
    assert from_json == list(from_csv.values())


@pytest.mark.parametrize("line", ["", "{", "[]", "7", "null", '{"id": "\\ud800"}', "[" * 100_000])
def test_a_line_that_is_no_json_object_is_refused(line: str) -> None:
    assert faults_of(lambda: json_rows(COMPANIES)(line)) == [
        ("", line[:200], 'Not a JSON object; write one a line, like {"id": "1"}.')
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            '{"id": "c1", "employees": NaN}',
            "NaN and Infinity are no JSON; write null where there is no value.",
        ),
        (
            '{"id": "c1", "name": "A", "id" :"c2"}',
            "The key stands twice in the object; keep the one that is meant.",
        ),
    ],
)
def test_what_json_writers_get_wrong_is_named(line: str, fault: str) -> None:
    assert [each.reason for each in faults_of(lambda: json_rows(COMPANIES)(line))] == [fault]


def test_a_text_that_looks_like_a_key_is_none() -> None:
    assert json_rows(COMPANIES)('{"id": "c1", "name": "say \\"id\\": and \\"name\\":"}')[0] == "c1"


def test_unknown_keys_are_refused_so_that_a_misspelt_one_is_noticed() -> None:
    assert faults_of(lambda: json_rows(COMPANIES)('{"id": "c1", "name": "Acme", "nmae": {"x": 1}}')) == [
        ("nmae", '{"x":1}', "There is no such key; the keys are id, name, industry, employees, updated_at.")
    ]


def test_nothing_about_age_sex_or_school_can_be_loaded() -> None:
    assert MEMBERS.names() == [
        "id",
        "mail_consent",
        "withdrawn_at",
        "categories",
        "regions",
        "career_years",
        "education",
        "skills",
        "desired_salary",
        "salary_unit",
        "updated_at",
    ]


def test_an_action_has_one_of_three_kinds() -> None:
    read = csv_rows(ACTIVITY, ["member_id", "posting_id", "kind", "occurred_at"])
    assert read(["m1", "p1", "apply", "2026-11-01T00:00:00Z"])[2] == "apply"
    assert faults_of(lambda: read(["m1", "p1", "buy", "2026-11-01T00:00:00Z"])) == [
        ("kind", "buy", "'buy' is not known here; write one of view, scrap, apply.")
    ]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
@given(line=st.text())
def test_any_line_of_json_is_a_row_or_refused(noun: Noun, line: str) -> None:
    assert all(fault.reason.endswith(".") for fault in faults_of(lambda: json_rows(noun)(line)))
