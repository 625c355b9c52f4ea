"""Values that a table or a view may hold and a program does not expect: SQL expressions by relation and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMES = (
    "NULL",
    "'infinity'::timestamptz",
    "'-infinity'::timestamptz",
    "'20000-01-01'::timestamptz",
    "'9999-12-31 23:59:59-12'::timestamptz",
    "'0044-03-15 BC'::timestamptz",
    "'0001-01-01 00:00+14'::timestamptz",
    "now() + interval '40 years'",
)
_DATES = (
    "NULL",
    "'infinity'::date",
    "'-infinity'::date",
    "'5874897-12-31'::date",
    "'9999-12-31'::date",
    "'0001-01-01'::date",
    "'0044-03-15 BC'::date",
)
_LISTS = (
    "NULL",
    "'{}'::text[]",
    "ARRAY[NULL]::text[]",
    "ARRAY[NULL, 'x', '', ' ', chr(31), chr(10)]::text[]",
    "ARRAY[ARRAY['a', 'b'], ARRAY['c', NULL]]",
    "ARRAY[repeat('x', 100000)]",
    "ARRAY(SELECT 's' || n FROM generate_series(1, 20000) n)",
    "'[5:6]={a,b}'::text[]",
    "ARRAY['/', '//', '/강남구', '101000/']",
)
_NUMBERS = ("NULL", "'NaN'::real", "'Infinity'::real", "'-Infinity'::real", "-1", "99999")
_WHOLE = ("NULL", "-1", "0", "9223372036854775807", "-9223372036854775808")
_TEXTS = (
    "NULL",
    "''",
    "'   '",
    "chr(8203) || chr(12644)",
    "'a' || chr(31) || 'b'",
    "chr(1) || chr(127) || chr(133)",
    "repeat('가 ', 300000)",
    "U&'\\+01F4BC'",
    "'<b>' || chr(34) || chr(92)",
    "'{{ 7 | times: 7 }}'",
)
_LINKS = (
    "'javascript:alert(1)'",
    "'https://'",
    "'/relative'",
    "'https://a b'",
    "'https://x.example/' || chr(10) || 'y'",
)
# Ids last: a row whose id is spoilt is another row from then on.
POSTING = {
    "title": _TEXTS,
    "company_id": ("'none'", "'a' || chr(31)"),
    "categories": _LISTS,
    "regions": _LISTS,
    "career_min_years": _NUMBERS,
    "career_max_years": _NUMBERS,
    "education": _WHOLE,
    "employment_types": _LISTS,
    "salary_min": _WHOLE,
    "salary_max": _WHOLE,
    "salary_unit": (*_TEXTS, "'/'", "'KRW'", "'KRW/century'"),
    "skills": _LISTS,
    "opened_at": _TIMES,
    "deadline": _DATES,
    "deadline_time": ("NULL", "'24:00'::time", "'00:00'::time", "'23:59:59.999999'::time"),
    "closes": _TEXTS,
    "status": _TEXTS,
    "url": (*_TEXTS, *_LINKS),
    "updated_at": _TIMES,
    "id": ("NULL", "''", "'p' || chr(31) || 'x'", "repeat('p', 5000)", "chr(10)", "'p-02'"),
}
MEMBER = {
    "categories": _LISTS,
    "regions": _LISTS,
    "career_years": _NUMBERS,
    "education": _WHOLE,
    "skills": _LISTS,
    "desired_salary": _WHOLE,
    "salary_unit": _TEXTS,
    "mail_consent": ("NULL",),
    "withdrawn_at": _TIMES,
    "updated_at": _TIMES,
    "id": ("NULL", "''", "'m' || chr(31) || 'x'", "repeat('m', 5000)", "chr(10)", "'m-000001'"),
}
ACTIVITY = {
    "kind": _TEXTS,
    "occurred_at": _TIMES,
    "posting_id": ("NULL", "''", "'p' || chr(31) || 'x'", "'none'"),
    "member_id": ("NULL", "''", "'none'"),
}
COMPANY = {"name": _TEXTS, "industry": _TEXTS, "employees": ("NULL", "-1"), "updated_at": _TIMES}

# Tables that hold whatever a view could.
ANYTHING_GOES = """
ALTER TABLE board.posting DROP CONSTRAINT posting_company_id_fkey;
ALTER TABLE board.company DROP CONSTRAINT company_pkey;
ALTER TABLE board.posting DROP CONSTRAINT posting_pkey, DROP CONSTRAINT posting_closes_check,
                          DROP CONSTRAINT posting_status_check, DROP CONSTRAINT posting_education_check;
ALTER TABLE board.member DROP CONSTRAINT member_pkey, DROP CONSTRAINT member_education_check;
ALTER TABLE board.activity DROP CONSTRAINT activity_pkey, DROP CONSTRAINT activity_kind_check;
ALTER TABLE board.posting ALTER education TYPE bigint;
ALTER TABLE board.member ALTER education TYPE bigint;
DO $$
DECLARE name text; tab text;
BEGIN
    FOR tab, name IN SELECT attrelid::regclass, attname FROM pg_attribute
                     WHERE attrelid IN ('board.posting'::regclass, 'board.member'::regclass, 'board.company'::regclass,
                                        'board.activity'::regclass) AND attnotnull AND attnum > 0 LOOP
        EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', tab, name);
    END LOOP;
END $$;
"""


def each(relation: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Column and value, for each there is."""
    for column, values in relation.items():
        for value in values:
            yield column, value
