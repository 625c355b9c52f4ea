"""Rows: columns in any order, defaults, fields that do not fit together, and all faults at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.postgres.rows import (
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
    assert faults_of(lambda: read(["m1", "true", "1", ""])) == [
        ("salary_unit", "", "A desired salary needs its unit; write one, like KRW/year.")
    ]


def test_all_faults_of_a_row_are_told_at_once() -> None:
    assert faults_of(lambda: posting(id="", title="\x07", url="x")) == [
        ("id", "", "A value is required here; write one."),
        ("title", "\x07", "The text holds the control character U+0007; remove it."),
        ("url", "x", "Not a web address; write it like https://example.com/postings/1, without blanks."),
    ]


def test_a_row_of_another_width_than_the_header_is_refused_whole() -> None:
    read = csv_rows(COMPANIES, ["id", "name"])
    assert faults_of(lambda: read(["c1", "Acme", " Inc."])) == [
        ("", "c1,Acme, Inc.", "Fields in the row: 3, in the header: 2; quote fields that hold commas.")
    ]


def test_json_says_the_same_as_csv() -> None:
    from_json = json_rows(POSTINGS)(
        '{"id":"p1","title":"백엔드 개발자","company_id":"c1","url":"https://example.com/p1",'
        '"opened_at":"2026-11-01T00:00:00+09:00","categories":["2","16"],"salary_min":1,"salary_unit":"KRW/hour",'
        '"career_max_years":null,"education":"none","skills":[],"deadline":""}'
    )
    from_csv = posting(categories="2|16", salary_min="1", salary_unit="KRW/hour", education="none")
    assert from_json == list(from_csv.values())


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "7", "null", '{"id": "\\ud800"}', '{"id": NaN}', "[" * 100_000]
)
def test_a_line_that_is_no_json_object_is_refused(line: str) -> None:
    assert faults_of(lambda: json_rows(COMPANIES)(line)) == [
        ("", line[:200], 'Not a JSON object; write one a line, like {"id": "1"}.')
    ]


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
