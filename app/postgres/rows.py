"""The rows of import files: which columns each noun has, and a line's values or everything wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from app.postgres.values import (
    BadValueError,
    Kind,
    career_years,
    choice,
    day,
    identifier,
    listed,
    moment,
    plain,
    region,
    salary_unit,
    truth,
    url,
    whole,
    words,
)
from app.recommend.board import Closes, Education, Status
from app.recommend.board import Kind as ActivityKind
from app.recommend.vocabulary import EMPLOYMENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHOWN = 200  # characters of a refused value that the rejects file repeats
MOST_EMPLOYEES = 2**31 - 1  # Postgres's integer
MOST_MONEY = 10**15


class Fault(NamedTuple):
    """One thing wrong with a row: the field (empty: the row as a whole), what stands there, and the reason."""

    field: str
    value: str
    reason: str


class BadRowError(ValueError):
    """A row that cannot be taken, with all its faults."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `absent` is stored where an optional one is not given."""

    name: str
    kind: Kind
    required: bool = False
    absent: object = None


@dataclass(frozen=True, slots=True)
class Noun:
    """What one import file holds.

    `settle` sees a row whose values are each good: it fills what follows from other fields, and returns the
    fields (with reasons) that do not fit together.
    """

    name: str
    columns: tuple[Column, ...]
    settle: Callable[[dict[str, Any]], list[tuple[str, str]]] | None = None

    def names(self) -> list[str]:
        """The columns' names, in the order in which rows carry their values."""
        return [column.name for column in self.columns]


Row = list[object]


def csv_rows(noun: Noun, header: Sequence[str]) -> Callable[[list[str]], Row]:
    """A reader of one CSV record under a header of known columns; it raises `BadRowError`."""
    width = len(header)
    # A column that the header lacks reads the empty field that is appended to each record.
    plan = [
        (
            header.index(column.name) if column.name in header else width,
            _given_or_not(column, column.kind.text),
        )
        for column in noun.columns
    ]

    def read(fields: list[str]) -> Row:
        if len(fields) != width:
            reason = (
                f"Fields in the row: {len(fields)}, in the header: {width}; quote fields that hold commas."
            )
            raise BadRowError(Fault("", ",".join(fields)[:SHOWN], reason))
        fields.append("")
        try:
            row = [reader(fields[at]) for at, reader in plan]
        except BadValueError:
            raise BadRowError(*_faults(noun, [(reader, fields[at]) for at, reader in plan])) from None
        return _settled(noun, row)

    return read


def json_rows(noun: Noun) -> Callable[[str], Row]:
    """A reader of one line of JSON; it raises `BadRowError`."""
    names = noun.names()
    readers = [_given_or_not(column, column.kind.json) for column in noun.columns]

    def read(line: str) -> Row:
        document = _json_object(line)
        if unknown := sorted(document.keys() - set(names)):
            reason = f"There is no such key; the keys are {', '.join(names)}."
            raise BadRowError(*(Fault(key[:SHOWN], _shown(document[key]), reason) for key in unknown))
        given = [document.get(name) for name in names]
        try:
            row = [reader(value) for reader, value in zip(readers, given, strict=True)]
        except BadValueError:
            raise BadRowError(*_faults(noun, list(zip(readers, given, strict=True)))) from None
        return _settled(noun, row)

    return read


def _json_object(line: str) -> dict[str, object]:
    try:
        document = msgspec.json.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadRowError(
            Fault("", line.strip()[:SHOWN], 'Not a JSON object; write one a line, like {"id": "1"}.')
        )
    return document


def _given_or_not(column: Column, read: Callable[[Any], object]) -> Callable[[Any], object]:
    required, absent = column.required, column.absent

    def reader(value: object) -> object:
        if value is not None and value != "":
            return read(value)
        if required:
            raise BadValueError("A value is required here; write one.")
        return absent

    return reader


def _faults(noun: Noun, pairs: Sequence[tuple[Callable[[Any], object], object]]) -> list[Fault]:
    faults = []
    for column, (reader, value) in zip(noun.columns, pairs, strict=True):
        try:
            reader(value)
        except BadValueError as bad:
            faults.append(Fault(column.name, _shown(value), str(bad)))
    return faults


def _shown(value: object) -> str:
    if value is None:
        return ""
    return (value if isinstance(value, str) else msgspec.json.encode(value).decode())[:SHOWN]


def _settled(noun: Noun, row: Row) -> Row:
    if noun.settle is None:
        return row
    fields = dict(zip(noun.names(), row, strict=True))
    if misfits := noun.settle(fields):
        raise BadRowError(
            *(
                Fault(name, "" if fields[name] is None else str(fields[name]), reason)
                for name, reason in misfits
            )
        )
    return list(fields.values())


def _settle_posting(row: dict[str, Any]) -> list[tuple[str, str]]:
    misfits = []
    if _falls(row["career_min_years"], row["career_max_years"]):
        misfits.append(("career_max_years", "Less than career_min_years; swap the two or correct one."))
    if _falls(row["salary_min"], row["salary_max"]):
        misfits.append(("salary_max", "Less than salary_min; swap the two or correct one."))
    paid = row["salary_min"] is not None or row["salary_max"] is not None
    if paid and row["salary_unit"] is None:
        misfits.append(("salary_unit", "A salary needs its unit; write one, like KRW/year."))
    if row["closes"] == Closes.ON_DATE and row["deadline"] is None:
        misfits.append(("closes", "on_date needs a deadline; give it, or write when_filled or always_open."))
    if row["closes"] is None:
        row["closes"] = (Closes.WHEN_FILLED if row["deadline"] is None else Closes.ON_DATE).value
    return misfits


def _falls(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low > high


def _settle_member(row: dict[str, Any]) -> list[tuple[str, str]]:
    if row["desired_salary"] is not None and row["salary_unit"] is None:
        return [("salary_unit", "A desired salary needs its unit; write one, like KRW/year.")]
    return []


_ID = words(identifier)
_MOMENT = words(moment)
_CODES = listed(identifier)
_REGIONS = listed(lambda item: identifier(region(item)))
_SKILLS = listed(plain(100))
_EDUCATION = words(choice({level.name.lower(): int(level) for level in Education}))

COMPANIES = Noun(
    "companies",
    (
        Column("id", _ID, required=True),
        Column("name", words(plain(200)), required=True),
        Column("industry", words(plain(200))),
        Column("employees", whole(MOST_EMPLOYEES)),
        Column("updated_at", _MOMENT),
    ),
)

POSTINGS = Noun(
    "postings",
    (
        Column("id", _ID, required=True),
        Column("title", words(plain(500)), required=True),
        Column("company_id", _ID, required=True),
        Column("url", words(url), required=True),
        Column("opened_at", _MOMENT, required=True),
        Column("categories", _CODES, absent=[]),
        Column("regions", _REGIONS, absent=[]),
        Column("career_min_years", career_years()),
        Column("career_max_years", career_years()),
        Column("education", _EDUCATION),
        Column(
            "employment_types", listed(choice({name: name for name in EMPLOYMENT_TYPES["en"]})), absent=[]
        ),
        Column("salary_min", whole(MOST_MONEY)),
        Column("salary_max", whole(MOST_MONEY)),
        Column("salary_unit", words(salary_unit)),
        Column("skills", _SKILLS, absent=[]),
        Column("deadline", words(day)),
        Column("closes", words(choice({how.value: how.value for how in Closes}))),
        Column("status", words(choice({status.value: status.value for status in Status})), absent="open"),
        Column("updated_at", _MOMENT),
    ),
    _settle_posting,
)

MEMBERS = Noun(
    "members",
    (
        Column("id", _ID, required=True),
        Column("mail_consent", truth(), required=True),
        Column("withdrawn_at", _MOMENT),
        Column("categories", _CODES, absent=[]),
        Column("regions", _REGIONS, absent=[]),
        Column("career_years", career_years()),
        Column("education", _EDUCATION),
        Column("skills", _SKILLS, absent=[]),
        Column("desired_salary", whole(MOST_MONEY)),
        Column("salary_unit", words(salary_unit)),
        Column("updated_at", _MOMENT),
    ),
    _settle_member,
)

ACTIVITY = Noun(
    "activity",
    (
        Column("member_id", _ID, required=True),
        Column("posting_id", _ID, required=True),
        Column(
            "kind",
            words(choice({kind.name.lower(): kind.name.lower() for kind in ActivityKind})),
            required=True,
        ),
        Column("occurred_at", _MOMENT, required=True),
    ),
)

NOUNS = (COMPANIES, POSTINGS, MEMBERS, ACTIVITY)
