"""The board's rows as values: which columns are read of a posting (p, c) and a member (m), and in which order.

A view of somebody's own tables may let anything through. Where its meaning is clear it is read as that (a deadline of
`infinity` is none, a NULL in a list is nothing, a salary of 0 says nothing); a row that cannot be used is left out.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from app.board.importing.values import ID_LENGTH, LIST_LENGTH, MOST_MONEY, MOST_YEARS_OF_CAREER
from app.board.model import Closes, Education, Member, Posting, Status
from app.board.texts import is_link
from app.board.veto import NO_END_YEAR, last_moment, shown_until
from app.postgres.board.instants import LATEST
from app.postgres.board.left_out import UnreadableRowError
from app.serving.store import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date
    from decimal import Decimal

    from app.postgres.board.left_out import LeftOutRows

POSTING_COLUMNS = (
    "p.id, p.title, p.company_id, c.name, p.categories, p.regions, p.career_min_years, p.career_max_years, p.education, "
    "p.employment_types, p.salary_min, p.salary_max, p.salary_unit, p.skills, p.opened_at, p.deadline, p.closes, "
    "p.status, p.url, p.updated_at, (SELECT deadline_time FROM (SELECT p.*) AS own)"
)
STANDING_COLUMNS = "p.id, p.status, p.deadline, (SELECT deadline_time FROM (SELECT p.*) AS own), p.updated_at"
# Views need not have `deadline_time`: a name that is unknown within is looked for without.
STANDINGS_FROM = "(SELECT NULL::time AS deadline_time) AS absent CROSS JOIN board.posting p"
POSTINGS_FROM = f"{STANDINGS_FROM} LEFT JOIN board.company c ON c.id = p.company_id"
SHOWABLE = "(coalesce(p.company_id, '') = '' OR c.id IS NOT NULL)"  # without a company, or with one that the board has
# A member (m) who takes mail. A time of leaving that never comes is none, as a deadline's (`NO_END_YEAR`).
TAKES_MAIL = "m.mail_consent AND coalesce(m.withdrawn_at, 'infinity') >= '2099-01-01 00:00:00+00'"
MEMBER_COLUMNS = (
    "m.id, m.categories, m.regions, m.career_years, m.education, m.skills, m.desired_salary, m.salary_unit, "
    "m.updated_at"
)
LONGEST_TEXT = 4_000  # characters of a title, a company's name or a link; more is no text for a mail
LONGEST_ITEM = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_STATUSES = {status.value: status for status in Status}
_CLOSES = {closes.value: closes for closes in Closes}
_EDUCATIONS = {int(education): education for education in Education}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNSHOWN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")  # but white space
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters by name that show nothing


def postings_from(rows: Iterable[Sequence[Any]], left_out: LeftOutRows) -> list[Posting]:
    """Postings from rows of `POSTING_COLUMNS`, in their order; of two with one id the one that ends first."""
    found: dict[str, Posting] = {}
    for row in rows:
        try:
            posting = posting_from(row)
        except UnreadableRowError as error:
            left_out.add("posting", row[0], error)
            continue
        other = found.setdefault(posting.id, posting)
        if other is not posting:
            left_out.add("posting", posting.id, UnreadableRowError("id", "stands there twice."))
            found[posting.id] = min(other, posting, key=shown_until)
    return list(found.values())


def posting_from(row: Sequence[Any]) -> Posting:
    """A posting from a row of `POSTING_COLUMNS`; one with a status of no known name is hidden.

    Raises:
        UnreadableRowError: it cannot be used.
    """
    try:
        deadline, deadline_time = deadline_from(row[15], row[20])
        return Posting(
            id=_identifier(row[0]),
            title=_title(row[1]),
            company_id=row[2] or f" {row[0]}",  # no company's id begins with a blank
            company=_text("company", row[3]),
            categories=_items(row[4]),
            regions=_items(row[5]),
            career_min_years=_years(row[6]),
            career_max_years=_years(row[7]),
            education=_EDUCATIONS.get(row[8]),
            employment_types=_items(row[9]),
            salary_min=_money(row[10]),
            salary_max=_money(row[11]),
            salary_unit=_unit(row[12]),
            skills=_items(row[13]),
            opened_at=max(row[14] or EPOCH, EPOCH),
            deadline=deadline,
            deadline_time=deadline_time,
            closes=_closes(row[16], row[15]),
            status=status_from(row[17]),
            url=_link(row[18]),
            updated_at=instant_from(row[19]),
        )
    except (TypeError, AttributeError, ArithmeticError) as error:
        raise UnreadableRowError("row", f"has a value of another type ({error}).") from error


def member_from(row: Sequence[Any]) -> Member:
    """A member from a row of `MEMBER_COLUMNS`.

    Raises:
        UnreadableRowError: it cannot be used.
    """
    try:
        return Member(
            id=row[0],
            categories=_items(row[1]),
            regions=_items(row[2]),
            career_years=_years(row[3]),
            education=_EDUCATIONS.get(row[4]),
            skills=_items(row[5]),
            desired_salary=_money(row[6]),
            salary_unit=_unit(row[7]),
            updated_at=row[8],
        )
    except (TypeError, AttributeError, ArithmeticError) as error:
        raise UnreadableRowError("row", f"has a value of another type ({error}).") from error


def deadline_from(value: date | None, at: time | None) -> tuple[date | None, time | None]:
    """The last day to apply and the time on it; a view may give both as one instant. A date that never comes means no deadline.

    Raises:
        TypeError: the time is none, as of a view that gives a text or an interval.
    """
    if at is not None and not isinstance(at, time):
        raise TypeError("a time of day that is none")
    if value is None or value.year >= NO_END_YEAR:
        return None, None
    if isinstance(value, datetime):
        return last_moment(value)
    return value, None if at == time.max else at  # 24:00 is the day's end


def instant_from(value: datetime | None) -> datetime:
    """When a row changed: always, where nobody says.

    Raises:
        TypeError: it is no instant, for want of a zone.
    """
    if value is not None and value.tzinfo is None:
        raise TypeError("a time without a zone")
    return value or LATEST


def standing_from(row: Sequence[Any]) -> Standing:
    """Where a posting stands, from a row of `STANDING_COLUMNS`; one that cannot be read is hidden."""
    posting_id, status, deadline, at, updated_at = row
    try:
        return Standing(
            posting_id, status_from(status), *deadline_from(deadline, at), instant_from(updated_at)
        )
    except (TypeError, AttributeError, ArithmeticError):
        return Standing(posting_id, Status.HIDDEN, None, None, LATEST)


def status_from(value: object) -> Status:
    """Where a posting stands; hidden where that has no known name."""
    return _STATUSES.get(value, Status.HIDDEN)  # type: ignore[call-overload, no-any-return] # any value may be asked for


def _closes(value: object, deadline: date | None) -> Closes:
    closes = _CLOSES.get(value, Closes.WHEN_FILLED)  # type: ignore[call-overload] # same
    endless = closes is Closes.ON_DATE and deadline is not None and deadline.year >= NO_END_YEAR
    return Closes.ALWAYS_OPEN if endless else closes


def _identifier(value: str | None) -> str:
    if not value:
        raise UnreadableRowError("id", "is empty.")
    if len(value) > ID_LENGTH:
        raise UnreadableRowError("id", f"has more than {ID_LENGTH} characters.")
    if _CONTROL.search(value):
        raise UnreadableRowError("id", "holds a control character.")
    return value


def _text(column: str, value: str | None) -> str:
    """Text as a mail can carry it, without control characters; "" where nothing of it is seen."""
    text = value or ""
    if len(text) > LONGEST_TEXT:
        raise UnreadableRowError(column, f"has more than {LONGEST_TEXT:,} characters.")
    if not text.isprintable():
        text = _UNSHOWN.sub("", text)
    return text if any(_is_visible(letter) for letter in text) else ""


def _title(value: str | None) -> str:
    title = _text("title", value)
    if not title:
        raise UnreadableRowError("title", "is empty.")
    return title


def _is_visible(letter: str) -> bool:
    return letter.isprintable() and letter != " " and letter not in _BLANK_LETTERS


def _link(value: str | None) -> str:
    url = (value or "").strip()
    if len(url) > LONGEST_TEXT:
        raise UnreadableRowError("url", f"has more than {LONGEST_TEXT:,} characters.")
    if not is_link(url) or _CONTROL.search(url):
        raise UnreadableRowError("url", "is no web address.")
    return url


def _unit(value: str | None) -> str | None:
    return None if value is None or not _is_item(value.strip()) else value.strip()


def _items(value: Sequence[Any] | None) -> tuple[str, ...]:
    """A list's items: no NULLs, no blanks, lists within it as part of it, as many as a posting can have."""
    if not value:
        return ()
    if len(value) <= LIST_LENGTH and all(type(item) is str and _is_item(item) for item in value):
        return tuple(value)
    folded = (" ".join(item.split()) for item in _flat(value))
    return tuple(item for item in folded if item and _is_item(item))[:LIST_LENGTH]


def _is_item(item: str) -> bool:
    return 0 < len(item) <= LONGEST_ITEM and item.isprintable()


def _flat(value: Sequence[Any]) -> Iterator[str]:
    for item in value:
        if isinstance(item, str):
            yield item
        elif item is not None:
            yield from _flat(item)


def _years(value: float | None) -> float | None:
    """Years of a career; None if the number cannot be years."""
    return None if value is None or not 0 <= value <= MOST_YEARS_OF_CAREER else value


def _money(value: float | Decimal | None) -> float | None:
    """An amount; 0 and less say that it is to be agreed."""
    return None if value is None or math.isnan(value) or not 0 < value <= MOST_MONEY else float(value)
