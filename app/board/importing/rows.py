"""The rows of import files: which columns each noun has, and a line's values or everything wrong with it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from unicodedata import normalize

import msgspec

from app.board.importing.values import (
    MOST_MONEY,
    NOT_GIVEN,
    BadValueError,
    FieldType,
    ImportedDeadline,
    amount,
    boolean,
    career_years,
    choice,
    clock,
    deadline,
    end,
    identifier,
    instant,
    list_of,
    plain_text,
    region,
    row_id,
    salary_unit,
    scalar,
    url,
    whole,
)
from app.board.model import BOARD_KINDS, Closes, Education, Status
from app.board.veto import BOARD_ZONE, last_moment
from app.board.vocabulary import EMPLOYMENT_TYPES, WORKPLACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import timedelta

EXCERPT_LENGTH = 200  # characters of a refused value that the rejects file repeats
MOST_EMPLOYEES = 2**31 - 1  # Postgres's integer
_LEAST_WON = {"year": 1_000_000, "month": 100_000, "week": 30_000, "day": 10_000, "hour": 1_000, "case": 10}
_LEAST = 1.01  # of any other currency: 0.01 and 1 are stand-ins
_LONGEST_NOTHING = max(map(len, NOT_GIVEN))
_KEY = re.compile(r'"\s*:')


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
    type: FieldType
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
    width, names = len(header), noun.names()
    # A column that the header lacks reads the empty field that is appended to each record.
    plan = [
        (
            header.index(column.name) if column.name in header else width,
            _csv_reader(column),
        )
        for column in noun.columns
    ]

    def read(fields: list[str]) -> Row:
        if len(fields) > width and not any(fields[width:]):
            del fields[width:]
        if len(fields) != width:
            reason = (
                f"Fields in the row: {len(fields)}, in the header: {width}; quote fields that hold commas."
            )
            raise BadRowError(Fault("", ",".join(fields)[:EXCERPT_LENGTH], reason))
        fields.append("")
        try:
            row = [reader(fields[at]) for at, reader in plan]
        except BadValueError:
            raise BadRowError(*_faults(noun, [(reader, fields[at]) for at, reader in plan])) from None
        return _settle(noun, names, row)

    return read


def json_rows(noun: Noun) -> Callable[[str], Row]:
    """A reader of one line of JSON; it raises `BadRowError`."""
    names = noun.names()
    readers = [_json_reader(column) for column in noun.columns]

    def read(line: str) -> Row:
        document = _json_object(line)
        if unknown := sorted(document.keys() - set(names)):
            reason = f"There is no such key; the keys are {', '.join(names)}."
            raise BadRowError(
                *(Fault(key[:EXCERPT_LENGTH], _excerpt(document[key]), reason) for key in unknown)
            )
        given = [document.get(name) for name in names]
        try:
            row = [reader(value) for reader, value in zip(readers, given, strict=True)]
        except BadValueError:
            raise BadRowError(*_faults(noun, list(zip(readers, given, strict=True)))) from None
        return _settle(noun, names, row)

    return read


def _json_object(line: str) -> dict[str, object]:
    try:
        document = msgspec.json.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadRowError(Fault("", line.strip()[:EXCERPT_LENGTH], _no_object(line)))
    if len(document) < len(_KEY.findall(line)) and (twice := _key_given_twice(line)):
        raise BadRowError(
            Fault(
                twice[:EXCERPT_LENGTH], "", "The key stands twice in the object; keep the one that is meant."
            )
        )
    return document


def _no_object(line: str) -> str:
    if re.search(r":\s*-?(?:NaN|Infinity)\b", line):
        return "NaN and Infinity are no JSON; write null where there is no value."
    return 'Not a JSON object; write one a line, like {"id": "1"}.'


def _key_given_twice(line: str) -> str | None:
    found: list[str] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names = [name for name, _ in pairs]
        found.extend(name for at, name in enumerate(names) if name in names[:at])
        return {}

    json.loads(line, object_pairs_hook=note)
    return found[0] if found else None


def _csv_reader(column: Column) -> Callable[[str], object]:
    read, absent = column.type.text, _absent(column)

    def reader(value: str) -> object:
        if len(value) > _LONGEST_NOTHING:
            return read(value)
        return absent() if not value or value in NOT_GIVEN or value.isspace() else read(value)

    return reader


def _json_reader(column: Column) -> Callable[[Any], object]:
    read, absent, many = column.type.json, _absent(column), column.type.many

    def reader(value: Any) -> object:
        if type(value) is list and len(value) == 1 and not many:
            value = value[0]
        if value is None or (type(value) is str and (not value or value in NOT_GIVEN or value.isspace())):
            return absent()
        return read(value)

    return reader


def _absent(column: Column) -> Callable[[], object]:
    """What stands where nothing is given."""
    if not column.required:
        return lambda: column.absent

    def refuse() -> NoReturn:
        raise BadValueError("A value is required here; write one.")

    return refuse


def _faults(noun: Noun, pairs: Sequence[tuple[Callable[[Any], object], object]]) -> list[Fault]:
    faults = []
    for column, (reader, value) in zip(noun.columns, pairs, strict=True):
        try:
            reader(value)
        except BadValueError as bad:
            faults.append(Fault(column.name, _excerpt(value), str(bad)))
    return faults


def _excerpt(value: object) -> str:
    if value is None:
        return ""
    return (value if isinstance(value, str) else msgspec.json.encode(value).decode())[:EXCERPT_LENGTH]


def _settle(noun: Noun, names: Sequence[str], row: Row) -> Row:
    if noun.settle is None:
        return row
    fields = dict(zip(names, row, strict=True))
    if conflicts := noun.settle(fields):
        raise BadRowError(
            *(
                Fault(name, "" if fields[name] is None else str(fields[name]), reason)
                for name, reason in conflicts
            )
        )
    return list(fields.values())


def _settle_posting(row: dict[str, Any]) -> list[tuple[str, str]]:
    if row["deadline"] is not None and row["deadline"].day is None:  # it stands for no end
        row["deadline"] = row["deadline_time"] = None
        if row["closes"] in (None, Closes.ON_DATE):
            row["closes"] = Closes.ALWAYS_OPEN.value
    conflicts = [*_settle_deadline(row), *_too_little_pay(row, "salary_min", "salary_max")]
    row["regions"].sort(
        key=WORKPLACES["ko"].__contains__
    )  # places first: the first one is the posting's shelf
    if _out_of_order(row["career_min_years"], row["career_max_years"]):
        conflicts.append(("career_max_years", "Less than career_min_years; swap the two or correct one."))
    if _out_of_order(row["salary_min"], row["salary_max"]):
        conflicts.append(("salary_max", "Less than salary_min; swap the two or correct one."))
    paid = row["salary_min"] is not None or row["salary_max"] is not None
    if paid and row["salary_unit"] is None:
        conflicts.append(("salary_unit", "A salary needs its unit; write one, like KRW/year."))
    if row["closes"] == Closes.ON_DATE and row["deadline"] is None:
        conflicts.append(
            ("closes", "on_date needs a deadline; give it, or write when_filled or always_open.")
        )
    if row["closes"] is None:
        row["closes"] = (Closes.WHEN_FILLED if row["deadline"] is None else Closes.ON_DATE).value
    return conflicts


def _settle_deadline(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The deadline's day and time, from one field or from two."""
    since_midnight: timedelta | None = row["deadline_time"]
    day, at = row["deadline"] or ImportedDeadline(None, None)
    row["deadline"], row["deadline_time"] = day, at
    if since_midnight is None:
        return []
    if day is None:
        return [("deadline_time", "A time needs its day; give the deadline, or leave the time out.")]
    if at is not None:
        return [("deadline_time", "The deadline has a time already; leave one of the two out.")]
    end = datetime.combine(day, time(), BOARD_ZONE) + since_midnight
    row["deadline"], row["deadline_time"] = last_moment(end)
    return []


def _too_little_pay(row: dict[str, Any], *names: str) -> Iterator[tuple[str, str]]:
    """Amounts too small to be meant: a stand-in, or in units of ten thousand won."""
    currency, _, period = (row["salary_unit"] or "").partition("/")
    least = _LEAST_WON.get(period, 0) if currency == "KRW" else _LEAST
    for name in names:
        if row[name] is not None and row[name] < least:
            yield (
                name,
                (
                    f"Too little for {row['salary_unit']}; write the amount in full, like 36000000 for 3,600만원, or leave the"
                    " field empty where pay is agreed later."
                    if currency == "KRW"
                    else "Too little to be pay; correct it, or leave the field empty where pay is agreed later."
                ),
            )


def _out_of_order(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low > high


def _settle_member(row: dict[str, Any]) -> list[tuple[str, str]]:
    conflicts = list(_too_little_pay(row, "desired_salary"))
    if row["desired_salary"] is not None and row["salary_unit"] is None:
        conflicts.append(("salary_unit", "A desired salary needs its unit; write one, like KRW/year."))
    return conflicts


_ID = scalar(row_id)
_INSTANT = scalar(instant)
_CODES = list_of(lambda item: identifier(normalize("NFC", item)))
_REGIONS = list_of(lambda item: identifier(region(item)))
_SKILLS = list_of(plain_text(100))
_EDUCATION = scalar(choice({level.name.lower(): int(level) for level in Education}))

COMPANIES = Noun(
    "companies",
    (
        Column("id", _ID, required=True),
        Column("name", scalar(plain_text(200, headline=True)), required=True),
        Column("industry", scalar(plain_text(200))),
        Column("employees", whole(MOST_EMPLOYEES)),
        Column("updated_at", _INSTANT),
    ),
)

POSTINGS = Noun(
    "postings",
    (
        Column("id", _ID, required=True),
        Column("title", scalar(plain_text(500, headline=True)), required=True),
        Column("company_id", _ID),
        Column("url", scalar(url), required=True),
        Column("opened_at", _INSTANT, required=True),
        Column("categories", _CODES, absent=[]),
        Column("regions", _REGIONS, absent=[]),
        Column("career_min_years", career_years()),
        Column("career_max_years", career_years()),
        Column("education", _EDUCATION),
        Column(
            "employment_types", list_of(choice({name: name for name in EMPLOYMENT_TYPES["en"]})), absent=[]
        ),
        Column("salary_min", amount(MOST_MONEY)),
        Column("salary_max", amount(MOST_MONEY)),
        Column("salary_unit", scalar(salary_unit)),
        Column("skills", _SKILLS, absent=[]),
        Column("deadline", scalar(deadline)),
        Column("deadline_time", scalar(clock)),
        Column("closes", scalar(choice({how.value: how.value for how in Closes}))),
        Column("status", scalar(choice({status.value: status.value for status in Status})), absent="open"),
        Column("updated_at", _INSTANT),
    ),
    _settle_posting,
)

MEMBERS = Noun(
    "members",
    (
        Column("id", _ID, required=True),
        Column("mail_consent", boolean(), required=True),
        Column("withdrawn_at", scalar(end)),
        Column("categories", _CODES, absent=[]),
        Column("regions", _REGIONS, absent=[]),
        Column("career_years", career_years()),
        Column("education", _EDUCATION),
        Column("skills", _SKILLS, absent=[]),
        Column("desired_salary", amount(MOST_MONEY)),
        Column("salary_unit", scalar(salary_unit)),
        Column("updated_at", _INSTANT),
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
            scalar(choice({kind.name.lower(): kind.name.lower() for kind in BOARD_KINDS})),
            required=True,
        ),
        Column("occurred_at", _INSTANT, required=True),
    ),
)

NOUNS = (COMPANIES, POSTINGS, MEMBERS, ACTIVITY)
