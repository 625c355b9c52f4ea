"""Form fields whose data is a plan file's JSON value, or None where the field was left empty."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from wtforms import Field
from wtforms.widgets import DateInput, DateTimeLocalInput, TextArea, TextInput, TimeInput

from app.capacity.formats import number
from app.web.pages.language import day, moment
from app.web.pages.language import gettext as _

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "천": 1_000, "만": 10_000, "억": 100_000_000}
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*([km천만억]?)", re.IGNORECASE | re.ASCII)
_BETWEEN = re.compile(r"\s*[/~;]\s*|\s+")
_IN_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_LONGEST = 2_000
_MOST_DIGITS = 9  # of a number that a form carries
Number = int | float


def read_number(text: str) -> Number:
    """A number as people type it: 1200000, 1,200,000, 120만, 1.2m; raises ValueError."""
    joined = text.replace(",", "") if _IN_THOUSANDS.match(text) else text
    match = _NUMBER.fullmatch(joined.strip().lower())
    if match is None:
        raise ValueError(text)
    value = float(match[1]) * _UNITS[match[2]]
    return int(value) if value == int(value) else value


class _TextField(Field):
    """A text that is read into a value; what cannot be read is shown again as it was typed."""

    widget: Any = TextInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed; an empty field is None."""
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data = None
        if not text:
            return
        if len(text) > _LONGEST:
            raise ValueError(_("This is too long."))
        try:
            self.data = self.read(text)
        except (ValueError, OverflowError, KeyError):
            raise ValueError(self.wrong()) from None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.shown(self.data)

    def shown(self, value: Any) -> str:
        """The value as one would type it; unchanged if a table holds a value that this field does not take."""
        try:
            return self.show(value)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            return str(value)[:_LONGEST]

    def told(self, value: Any) -> str:
        """The value as one reads it; where nobody wrote it so that it can be, as it is."""
        try:
            return self.tell(value)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            return self.shown(value)

    def tell(self, value: Any) -> str:
        """The value as one reads it: as one types it, where that is the same."""
        return self.show(value)

    def read(self, text: str) -> Any:
        """The value of a text that is not empty; raises ValueError."""
        raise NotImplementedError

    def show(self, value: Any) -> str:
        """The value as one would type it."""
        return str(value)

    def wrong(self) -> str:
        """What to say of a text that cannot be read."""
        raise NotImplementedError


class NumbersField(_TextField):
    """One number, or three where nobody knows: low / likely / high."""

    def read(self, text: str) -> Number | dict[str, Number]:
        """A number, or a table of three; raises ValueError."""
        numbers = [read_number(part) for part in _BETWEEN.split(text) if part]
        if len(numbers) == 1:
            return numbers[0]
        low, likely, high = numbers  # any other count is a ValueError
        return {"low": low, "likely": likely, "high": high}

    def show(self, value: Any) -> str:
        """1,200,000, or 1 / 2 / 3."""
        if not isinstance(value, dict):
            return number(value, 10)
        return " / ".join(number(value[case], 10) for case in ("low", "likely", "high"))

    def wrong(self) -> str:
        """How to write it."""
        return str(_("Write one number, or three with slashes between: low / likely / high."))


class CountField(_TextField):
    """One whole number."""

    def read(self, text: str) -> int:
        """Raises ValueError."""
        value = read_number(text)
        if not isinstance(value, int):
            raise ValueError(text)  # noqa: TRY004 - to the caller it is a text that does not fit
        return value

    def show(self, value: Any) -> str:
        """1,200."""
        return number(value, 10)

    def wrong(self) -> str:
        """How to write it."""
        return str(_("Write a whole number, such as 50,000."))


class ShareField(_TextField):
    """A percentage, kept as a share of 1."""

    def read(self, text: str) -> float:
        """Raises ValueError."""
        return read_number(text.rstrip("% ")) / 100

    def show(self, value: Any) -> str:
        """12.5."""
        return f"{value * 100:.10g}"

    def wrong(self) -> str:
        """How to write it."""
        return str(_("Write a percentage from 0 to 100."))


class WallClockField(_TextField):
    """A date and time on a wall clock, kept as ISO 8601 without an offset."""

    widget = DateTimeLocalInput()

    def read(self, text: str) -> str:
        """Raises ValueError."""
        value = datetime.fromisoformat(text)
        if value.tzinfo is not None:
            raise ValueError(text)
        return value.isoformat(timespec="seconds")

    def show(self, value: Any) -> str:
        """2026-11-23T09:00, as browsers want it."""
        return str(value)[:16]

    def tell(self, value: Any) -> str:
        """Mon 23 Nov 09:00."""
        return moment(datetime.fromisoformat(value))

    def wrong(self) -> str:
        """How to write it."""
        return str(_("Write a date and a time, such as 2026-11-23T09:00."))


class DayField(_TextField):
    """A date."""

    widget = DateInput()

    def read(self, text: str) -> str:
        """Raises ValueError."""
        return date.fromisoformat(text).isoformat()

    def tell(self, value: Any) -> str:
        """Mon 23 Nov."""
        return day(date.fromisoformat(value))

    def wrong(self) -> str:
        """How to write it."""
        return str(_("Write a date, such as 2026-11-23."))


class ClockField(_TextField):
    """A time of day."""

    widget = TimeInput()

    def read(self, text: str) -> str:
        """Raises ValueError."""
        return time.fromisoformat(text).isoformat(timespec="seconds")

    def show(self, value: Any) -> str:
        """21:00."""
        return str(value)[:5]

    def wrong(self) -> str:
        """How to write it."""
        return str(_("Write a time of day, such as 21:00."))


class AmountField(CountField):
    """One number, whole or not."""

    def read(self, text: str) -> Number:  # type: ignore[override] # it takes more
        """Raises ValueError."""
        return read_number(text)

    def wrong(self) -> str:
        """How to write it."""
        return str(_("Write a number, such as 30."))


class WeightsField(_TextField):
    """NumbersField in a row, one an hour."""

    widget = TextArea()

    def read(self, text: str) -> list[Number]:
        """Raises ValueError."""
        return [read_number(part) for part in re.split(r"[\s,;]+", text) if part]

    def show(self, value: Any) -> str:
        """1, 2, 3."""
        return ", ".join(f"{weight:.10g}" for weight in value)

    def wrong(self) -> str:
        """How to write it."""
        return str(_("Write numbers with commas between."))


class HoursField(WeightsField):
    """One number for all hours, or one for each hour of the day."""

    def read(self, text: str) -> Any:
        """Raises ValueError."""
        numbers = super().read(text)
        return numbers[0] if len(numbers) == 1 else numbers

    def show(self, value: Any) -> str:
        """40, or 1, 2, 3."""
        return super().show(value if isinstance(value, list) else [value])


class ZonesField(_TextField):
    """A time zone and its weight on each line."""

    widget = TextArea()

    def read(self, text: str) -> dict[str, Number]:
        """Raises ValueError."""
        pairs = (line.rsplit("=", 1) for line in text.splitlines() if line.strip())
        return {zone.strip(): read_number(weight) for zone, weight in pairs}

    def show(self, value: Any) -> str:
        """Asia/Seoul = 95."""
        return "\n".join(f"{zone} = {weight:.10g}" for zone, weight in value.items())

    def wrong(self) -> str:
        """How to write it."""
        return str(_("Write a time zone and a number on each line, such as Asia/Seoul = 95."))


class WordsField(_TextField):
    """A line of text."""

    def read(self, text: str) -> str:
        """What was typed, without spaces around it."""
        return text

    def wrong(self) -> str:
        """Nothing that is typed is wrong here."""
        return ""


class ChoiceField(Field):
    """One of a few values, as a drop-down list or a row of buttons; each choice is (value, lazily made label)."""

    def __init__(self, label: Any = None, *, choices: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.choices: Sequence[tuple[str, Any]] = choices

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take one of the choices; anything else is an error."""
        if not valuelist:
            return
        if valuelist[0] not in {value for value, _label in self.choices}:
            raise ValueError(_("Choose one of those offered."))
        self.data = valuelist[0]


def posted_number(text: str | None) -> int:
    """The number of a version, day or link that a form carries; 0, which nothing has, if the text is not a number."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
