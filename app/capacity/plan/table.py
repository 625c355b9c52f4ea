"""Typed reading of one TOML table, with an error sentence for whoever wrote the file."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

D = TypeVar("D")
V = TypeVar("V")
P = ParamSpec("P")
PLAN: Final = "plan"
ZONE_MEND: Final = 'write an IANA zone such as "Asia/Seoul"'
SHOWN: Final = 40  # characters of a wrong value that a sentence repeats
LONGEST_TEXT: Final = 100
LONGEST_LIST: Final = 100
MOST: Final = 1e9  # of a weight or a count
YEARS: Final = range(2000, 2100)
_CLOSE: Final = 0.75  # how alike two names are, from 0 to 1, of which one is a slip of the other


class PlanError(ValueError):
    """One sentence: which table and field of the plan file is wrong, and how to mend it."""


def shown(value: object) -> str:
    """Write a value as a sentence repeats it, shortened, and escaped where a terminal might act on it."""
    written = json.dumps(value, ensure_ascii=False, default=str)
    text = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in written)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def number(value: float) -> str:
    """Write a bound: 1000000.0 as 1,000,000."""
    return f"{value:,.10g}"


def is_zone(name: str) -> bool:
    """Say whether `name` is a zone of the IANA time zone database."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown; not a plain name; a folder of the database
        return False
    return True


@dataclass(slots=True)
class Table:
    """A table being read: `where` names it in errors; every field must be asked for before `done()`."""

    where: str
    values: Mapping[str, Any]
    asked: set[str] = field(default_factory=set)

    def error(self, name: str, wrong: str, mend: str) -> PlanError:
        """Return the sentence for field `name`."""
        return PlanError(f"{self.where}: {name} {wrong}; {mend}.")

    def has(self, name: str) -> bool:
        """Say whether the file gives the field."""
        self.asked.add(name)
        return name in self.values

    def done(self) -> None:
        """Refuse fields that nothing asked for."""
        for name in self.values:
            if name not in self.asked:
                close = get_close_matches(name, self.asked, n=1)
                mend = f"write {close[0]} instead" if close else "remove it"
                raise self.error(shown(name), "is not a field of this table", mend)

    def either(
        self, default: D, read: Callable[Concatenate[str, P], V], name: str, *args: P.args, **kwargs: P.kwargs
    ) -> D | V:
        """Read a field with one of the readers below, or return `default` where the file leaves it out."""
        return read(name, *args, **kwargs) if self.has(name) else default

    def raw(self, name: str, mend: str) -> Any:
        """Return the unread value of a field that must be there."""
        if not self.has(name):
            unasked = [given for given in self.values if given not in self.asked]
            if close := get_close_matches(name, [one.lower() for one in unasked], n=1, cutoff=_CLOSE):
                given = next(one for one in unasked if one.lower() == close[0])
                raise self.error(shown(given), "is not a field of this table", f"write {name} instead")
            raise self.error(name, "is missing", mend)
        return self.values[name]

    def _read(self, name: str, kinds: tuple[type, ...], mend: str) -> Any:
        value = self.raw(name, mend)
        # bool is an int to Python, and datetime a date; to a reader of the file neither is.
        if type(value) not in kinds:
            raise self.error(name, f"is {shown(value)}", mend)
        return value

    def text(self, name: str, what: str) -> str:
        """Read a printable text of 1 to 100 characters."""
        value = self._read(name, (str,), f"write {what} in quotes")
        if not value.strip() or len(value) > LONGEST_TEXT or not value.isprintable():
            mend = f"write {what} of 1 to {LONGEST_TEXT} printable characters"
            raise self.error(name, f"is {shown(value)}", mend)
        return str(value)

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """Read one of a few words."""
        mend = "write " + " or ".join([", ".join(f'"{word}"' for word in choices[:-1]), f'"{choices[-1]}"'])
        value = self._read(name, (str,), mend)
        if value not in choices:
            raise self.error(name, f"is {shown(value)}", mend)
        return str(value)

    def flag(self, name: str) -> bool:
        """Read true or false."""
        return bool(self._read(name, (bool,), "write true or false"))

    def whole(self, name: str, low: int, high: int) -> int:
        """Read a whole number within bounds."""
        mend = f"write a whole number from {number(low)} to {number(high)}"
        value = self._read(name, (int,), mend)
        if not low <= value <= high:
            raise self.error(name, f"is {shown(value)}", mend)
        return int(value)

    def wholes(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """Read a list of 1 to 100 whole numbers within bounds."""
        mend = f"write a list of 1 to {LONGEST_LIST} whole numbers from {number(low)} to {number(high)}"
        value = self._read(name, (list,), mend)
        fits = all(type(entry) is int and low <= entry <= high for entry in value)
        if not fits or not 0 < len(value) <= LONGEST_LIST:
            raise self.error(name, f"is {shown(value)}", mend)
        return tuple(value)

    def real(self, name: str, low: float, high: float) -> float:
        """Read a number within bounds."""
        mend = f"write a number from {number(low)} to {number(high)}"
        value = self._read(name, (int, float), mend)
        if not low <= value <= high:  # nan is in no bounds
            raise self.error(name, f"is {shown(value)}", mend)
        return float(value)

    def reals(self, name: str, length: int, low: float, high: float) -> tuple[float, ...]:
        """Read a list of so many numbers within bounds."""
        mend = f"write one number from {number(low)} to {number(high)}, or a list of {length}"
        value = self._read(name, (list,), mend)
        fits = all(type(entry) in {int, float} and low <= entry <= high for entry in value)
        if not fits or len(value) != length:
            raise self.error(name, f"is {shown(value)}", mend)
        return tuple(float(entry) for entry in value)

    def wall(self, name: str) -> datetime:
        """Read a local date and time on a whole minute."""
        mend = (
            "write a local date and time on a whole minute and without an offset, such as 2026-11-23T09:00:00"
        )
        value = self._read(name, (datetime,), mend)
        if value.tzinfo or value.second or value.microsecond:
            raise self.error(name, f"is {shown(value)}", mend)
        if value.year not in YEARS:
            raise self.error(name, f"is {shown(value)}", "write a date of the years 2000 to 2099")
        return datetime.combine(value.date(), value.time())

    def day(self, name: str) -> date:
        """Read a date."""
        mend = "write a date of the years 2000 to 2099, such as 2026-11-23"
        value = self._read(name, (date,), mend)
        if value.year not in YEARS:
            raise self.error(name, f"is {shown(value)}", mend)
        return date(value.year, value.month, value.day)

    def clock(self, name: str) -> time:
        """Read a time of day on a whole minute."""
        mend = "write a time of day on a whole minute, such as 21:00:00"
        value = self._read(name, (time,), mend)
        if value.second or value.microsecond:
            raise self.error(name, f"is {shown(value)}", mend)
        return time(value.hour, value.minute)

    def zone(self, name: str) -> str:
        """Read the name of a time zone."""
        value = self._read(name, (str,), ZONE_MEND)
        if not is_zone(value):
            raise self.error(name, f"is {shown(value)}", ZONE_MEND)
        return str(value)

    def weights(self, name: str, length: int | None = None) -> tuple[float, ...]:
        """Read a list of numbers that are not negative, at least one above 0."""
        many = f"{length} numbers" if length else "numbers"
        mend = f"write a list of {many} that are not negative, at least one above 0"
        value = self._read(name, (list,), mend)
        if not _are_weights(value) or (length and len(value) != length):
            raise self.error(name, f"is {shown(value)}", mend)
        return tuple(float(weight) for weight in value)

    def named_numbers(self, name: str, mend: str) -> dict[str, float]:
        """Read a table of names and numbers that are not negative, at least one above 0."""
        value = self._read(name, (dict,), mend)
        if not _are_weights(list(value.values())):
            raise self.error(name, f"is {shown(value)}", mend)
        return dict(value)

    def table(self, name: str) -> "Table":
        """Read a table inside this one."""
        inner = self._read(name, (dict,), "write it as a table")
        return Table(name if self.where == PLAN else f"{self.where} {name}", inner)

    def tables(self, name: str, most: int) -> list[Mapping[str, Any]]:
        """Read a list of tables, each written as [[name]]."""
        mend = f"write 1 to {most} tables, each under a line [[{name}]]"
        value = self._read(name, (list,), mend)
        if not 0 < len(value) <= most or not all(isinstance(entry, dict) for entry in value):
            raise self.error(name, f"is a list of {len(value)}", mend)
        return list(value)


def _are_weights(values: Sequence[Any]) -> bool:
    numbers = [value for value in values if type(value) in {int, float} and 0 <= value <= MOST]
    return len(numbers) == len(values) and any(value > 0 for value in numbers)
