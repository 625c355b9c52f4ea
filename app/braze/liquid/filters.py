"""Liquid's standard filters. Each takes whatever comes, as Ruby's do: nil is the empty text, no number is 0.

A filter raises LiquidError where Ruby's Liquid prints `Liquid error: ...`.
"""

from __future__ import annotations

import html
import inspect
import math
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cmp_to_key
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus, unquote_to_bytes

from app.braze.liquid.errors import LiquidError, check_chars, check_digits, check_items
from app.braze.liquid.times import Time, read_time, strftime
from app.braze.liquid.values import (
    SPACE,
    compare_order,
    equal,
    exact_arithmetic,
    first_of,
    is_truthy,
    join,
    last_of,
    ruby_inspect,
    size_of,
    to_bytes,
    to_integer,
    to_number,
    to_result,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ENTITY = re.compile(r"""["><']|&(?!(?:[a-zA-Z]+|#\d+);)""")
_LINE_END = re.compile(r"\r?\n")
_BACKREFERENCE = re.compile(r"\\([0-9&`'\\])")
_WORD = re.compile(rf"[^{SPACE}]+")
_MOST_PLACES: Final = 400


@dataclass(frozen=True, slots=True)
class Filter:
    """A function of the input and its arguments, and how many Ruby wants, the input counted."""

    function: Callable[..., object]
    fewest: int
    most: int

    def __call__(self, *values: object) -> object:
        """Apply it; raises LiquidError for too few or too many arguments."""
        if not self.fewest <= len(values) <= self.most:
            wanted = str(self.fewest) if self.fewest == self.most else f"{self.fewest}..{self.most}"
            raise LiquidError(f"wrong number of arguments (given {len(values)}, expected {wanted})")
        return self.function(*values)


def as_filter(function: Callable[..., object]) -> Filter:
    """Return the filter that a function is, counting its parameters."""
    parameters = inspect.signature(function).parameters.values()
    return Filter(function, sum(one.default is one.empty for one in parameters), len(parameters))


# ---- texts --------------------------------------------------------------------------------------------------------


def _append(value: object, text: object) -> str:
    return to_text(value) + to_text(text)


def _prepend(value: object, text: object) -> str:
    return to_text(text) + to_text(value)


def _capitalize(value: object) -> str:
    return to_text(value).capitalize()


def _downcase(value: object) -> str:
    return to_text(value).lower()


def _upcase(value: object) -> str:
    return to_text(value).upper()


def _escape(value: object) -> str | None:
    return None if value is None else html.escape(to_text(value)).replace("&#x27;", "&#39;")


def _escape_once(value: object) -> str:
    return _ENTITY.sub(lambda match: html.escape(match[0]).replace("&#x27;", "&#39;"), to_text(value))


def _url_encode(value: object) -> str | None:
    return None if value is None else quote_plus(to_text(value), safe="", errors="replace")


def _url_decode(value: object) -> str | None:
    if value is None:
        return None
    try:
        return unquote_to_bytes(to_text(value).replace("+", " ")).decode()
    except UnicodeDecodeError as error:
        raise LiquidError("invalid byte sequence in UTF-8") from error


def _base64_encode(value: object) -> str:
    return b64encode(to_bytes(value)).decode()


def _base64_decode(value: object) -> str:
    return _decode(to_bytes(value), "base64_decode")


def _base64_url_safe_encode(value: object) -> str:
    return urlsafe_b64encode(to_bytes(value)).decode()


def _base64_url_safe_decode(value: object) -> str:
    data = to_bytes(value)
    return _decode(
        (data + b"=" * (-len(data) % 4)).translate(bytes.maketrans(b"-_", b"+/")), "base64_url_safe_decode"
    )


def _decode(data: bytes, name: str) -> str:
    """Decode strictly: what would not be encoded so is refused."""
    try:
        decoded = b64decode(data, validate=True)
    except ValueError:
        decoded = b""
    if b64encode(decoded) != data:
        raise LiquidError(f"invalid base64 provided to {name}")
    return decoded.decode(errors="replace")


def _strip(value: object) -> str:
    return to_text(value).strip(SPACE)


def _lstrip(value: object) -> str:
    return to_text(value).lstrip(SPACE)


def _rstrip(value: object) -> str:
    return to_text(value).rstrip(SPACE)


def _strip_newlines(value: object) -> str:
    return _LINE_END.sub("", to_text(value))


def _newline_to_br(value: object) -> str:
    return _LINE_END.sub("<br />\n", to_text(value))


def _strip_html(value: object) -> str:
    text = to_text(value)
    for opening, closing in (("<script", "</script>"), ("<!--", "-->"), ("<style", "</style>"), ("<", ">")):
        text = _remove_between(text, opening, closing)
    return text


def _remove_between(text: str, opening: str, closing: str) -> str:
    """Leave out all from each opening to its closing; an opening that nothing closes stays."""
    kept, position = [], 0
    while (start := text.find(opening, position)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        kept.append(text[position:start])
        position = end + len(closing)
    return "".join([*kept, text[position:]])


def _replace(value: object, wanted: object, replacement: object = "") -> str:
    return _replace_matches(to_text(value), to_text(wanted), to_text(replacement), count=-1)


def _replace_first(value: object, wanted: object, replacement: object = "") -> str:
    return _replace_matches(to_text(value), to_text(wanted), to_text(replacement), count=1)


def _replace_last(value: object, wanted: object, replacement: object) -> str:
    before, found, after = (
        to_text(value).rpartition(to_text(wanted)) if to_text(wanted) else (to_text(value), "x", "")
    )
    return before + to_text(replacement) + after if found else to_text(value)


def _remove(value: object, wanted: object) -> str:
    return _replace(value, wanted)


def _remove_first(value: object, wanted: object) -> str:
    return _replace_first(value, wanted)


def _remove_last(value: object, wanted: object) -> str:
    return _replace_last(value, wanted, "")


def _replace_matches(text: str, wanted: str, replacement: str, *, count: int) -> str:
    r"""As Ruby's `gsub` with a text: `\0` and `\&` in the replacement stand for what was found."""
    if "\\" in replacement:
        means = {"0": wanted, "&": wanted, "\\": "\\"}
        replacement = _BACKREFERENCE.sub(lambda match: means.get(match[1], ""), replacement)
    found = len(text) + 1 if not wanted else text.count(wanted)
    check_chars(len(text) + (found if count < 0 else 1) * len(replacement))
    return text.replace(wanted, replacement, count)


def _slice(value: object, offset: object, length: object = None) -> object:
    whole = value if isinstance(value, list) else to_text(value)
    start, size = to_integer(offset), to_integer(length) if is_truthy(length) else 1
    if start < 0:
        start += len(whole)
    return whole[start : start + size] if 0 <= start <= len(whole) and size >= 0 else whole[:0]


def _truncate(value: object, length: object = 50, ellipsis: object = "...") -> str | None:
    if value is None:
        return None
    text, most, mark = to_text(value), to_integer(length), to_text(ellipsis)
    return text[: max(0, most - len(mark))] + mark if len(text) > most else text


def _truncatewords(value: object, words: object = 15, ellipsis: object = "...") -> str | None:
    if value is None:
        return None
    text, most = to_text(value), max(1, to_integer(words))
    if most >= (1 << 31) - 1:
        raise LiquidError(f"integer {most} too big for truncatewords")
    found = list(islice(_WORD.finditer(text), most))
    if len(found) < most or found[-1].end() == len(text):
        return text
    return " ".join(match[0] for match in found) + to_text(ellipsis)


def _split(value: object, separator: object) -> list[object]:
    text, at = to_text(value), to_text(separator)
    if at == " ":
        return list(_WORD.findall(text))
    pieces = list(text) if not at else text.split(at)
    while pieces and not pieces[-1]:
        pieces.pop()
    return list[object](pieces)


# ---- lists --------------------------------------------------------------------------------------------------------


def items_of(value: object) -> list[Any]:
    """Return what Ruby's Liquid iterates over: a flat list, one object, a range's numbers, or the value alone."""
    if isinstance(value, list):
        return list(_flat(value))
    if isinstance(value, range):
        check_items(len(value))
        return list(value)
    return [] if value is None else [value]


def _flat(items: list[Any]) -> Iterable[Any]:
    for item in items:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def _join(value: object, glue: object = " ") -> str:
    return join(items_of(value), to_text(glue))


def _reverse(value: object) -> list[Any]:
    return items_of(value)[::-1]


def _first(value: object) -> object:
    return first_of(value)


def _last(value: object) -> object:
    return last_of(value)


def _size(value: object) -> int:
    return size_of(value) or 0


def _concat(value: object, others: object) -> list[Any]:
    if not isinstance(others, list):
        raise LiquidError("concat filter requires an array argument")
    return items_of(value) + others


def _property(item: object, name: object) -> object:
    """Return `item[name]` as Ruby would; raises LiquidError for a name the item cannot have."""
    if isinstance(item, dict):
        return item.get(name) if isinstance(name, str) else None
    if isinstance(item, str) and isinstance(name, str):
        return name if name in item else None
    if isinstance(name, int | float) and not isinstance(name, bool):
        index = int(name)
        if isinstance(item, int):
            return item >> index & 1 if index >= 0 else 0
        return item[index] if isinstance(item, str | list) and -len(item) <= index < len(item) else None
    raise LiquidError(f"cannot select the property '{to_text(name)}'")


def _has_properties(item: object) -> bool:
    return isinstance(item, str | list | dict) or (isinstance(item, int) and not isinstance(item, bool))


def _map(value: object, name: object) -> list[Any]:
    return [_property(item, name) if _has_properties(item) else None for item in items_of(value)]


def _with_properties(items: list[Any], name: object) -> Iterable[tuple[Any, object]] | None:
    """Return each item with its property, or None if any item has no properties at all."""
    pairs = []
    for item in items:
        if not _has_properties(item):
            return None
        pairs.append((item, _property(item, name)))
    return pairs


def _where(value: object, name: object, wanted: object = None) -> list[Any] | None:
    pairs = _with_properties(items_of(value), name)
    if pairs is None:
        return None
    return [item for item, found in pairs if (is_truthy(found) if wanted is None else equal(found, wanted))]


def _compact(value: object, name: object = None) -> list[Any] | None:
    items = items_of(value)
    if name is None:
        return [item for item in items if item is not None]
    pairs = _with_properties(items, name)
    return None if pairs is None else [item for item, found in pairs if found is not None]


def _uniq(value: object, name: object = None) -> list[Any] | None:
    items = items_of(value)
    alone = name is None or len(items) <= 1  # one alone is not looked at
    pairs = zip(items, items, strict=True) if alone else _with_properties(items, name)
    if pairs is None:
        return None
    seen: dict[object, object] = {}
    for item, found in pairs:
        seen.setdefault((type(found), ruby_inspect(found)), item)
    return list(seen.values())


def _sum(value: object, name: object = None) -> int | float:
    total: int | Decimal = 0
    with exact_arithmetic():
        for item in items_of(value):
            total += to_number(
                item if name is None else _property(item, name) if _has_properties(item) else None
            )
    return to_result(total)


def _sort(value: object, name: object = None) -> list[Any] | None:
    return _sort_by(value, name, _nil_last)


def _sort_natural(value: object, name: object = None) -> list[Any] | None:
    return _sort_by(value, name, _nil_last_any_case)


def _sort_by(value: object, name: object, compare: Callable[[object, object], int]) -> list[Any] | None:
    items = items_of(value)
    if name is None:
        return sorted(items, key=cmp_to_key(compare))
    if not all(map(_has_properties, items)):
        return None
    if len(items) <= 1:  # one alone is not looked at
        return items
    return sorted(items, key=lambda item: cmp_to_key(compare)(_property(item, name)))


def _nil_last(left: object, right: object) -> int:
    if (sign := compare_order(left, right)) is not None:
        return sign
    if left is None or right is None:
        return 1 if left is None else -1
    raise LiquidError("cannot sort values of incompatible types")


def _nil_last_any_case(left: object, right: object) -> int:
    if left is None or right is None:
        return 1 if left is None else -1
    one, other = _ascii_lower(to_text(left)), _ascii_lower(to_text(right))
    return compare_order(one, other) or 0


def _ascii_lower(text: str) -> str:
    return text.lower() if text.isascii() else re.sub("[A-Z]+", lambda match: match[0].lower(), text)


# ---- numbers ------------------------------------------------------------------------------------------------------


def _abs(value: object) -> int | float:
    number = to_number(value)
    return to_result(-number if number < 0 else number)


def _plus(value: object, other: object) -> int | float:
    return _calculate(value, other, lambda one, two: one + two)


def _minus(value: object, other: object) -> int | float:
    return _calculate(value, other, lambda one, two: one - two)


def _times(value: object, other: object) -> int | float:
    one, two = to_number(value), to_number(other)
    if isinstance(one, int) and isinstance(two, int):
        check_digits((one.bit_length() + two.bit_length()) // 4)
    return _calculate(one, two, lambda one, two: one * two)


def _divided_by(value: object, other: object) -> int | float:
    return _calculate(value, other, _divide)


def _modulo(value: object, other: object) -> int | float:
    return _calculate(value, other, _modulo_of)


def _calculate(value: object, other: object, operation: Callable[[Any, Any], int | Decimal]) -> int | float:
    one = value if isinstance(value, Decimal) else to_number(value)
    two = other if isinstance(other, Decimal) else to_number(other)
    with exact_arithmetic():
        return to_result(operation(one, two))


def _divide(one: int | Decimal, two: int | Decimal) -> int | Decimal:
    if isinstance(one, int) and isinstance(two, int):
        if not two:
            raise LiquidError("divided by 0")
        return one // two
    return Decimal(one) / Decimal(two)


def _modulo_of(one: int | Decimal, two: int | Decimal) -> int | Decimal:
    if not two:
        raise LiquidError("divided by 0")
    if isinstance(one, int) and isinstance(two, int):
        return one % two
    rest = Decimal(one) % Decimal(two)
    return abs(rest) if not rest else rest + two if (rest < 0) != (two < 0) else rest


def _round(value: object, places: object = 0) -> int | float:
    number, kept = to_number(value), int(to_number(places))
    if isinstance(number, int):
        return _rounded_integer(number, kept)
    _check_finite(number)
    if abs(kept) > _MOST_PLACES:
        return float(number) if kept > 0 else 0
    with exact_arithmetic():
        rounded = number.quantize(Decimal(1).scaleb(-kept), ROUND_HALF_UP)
        return float(rounded) if kept > 0 else int(rounded)


def _rounded_integer(number: int, places: int) -> int:
    if places >= 0:
        return number
    if -places > _MOST_PLACES:
        return 0
    unit: int = 10**-places
    rounded = (abs(number) + unit // 2) // unit * unit
    return -rounded if number < 0 else rounded


def _ceil(value: object) -> int:
    number = to_number(value)
    _check_finite(number)
    return math.ceil(number)


def _floor(value: object) -> int:
    number = to_number(value)
    _check_finite(number)
    return math.floor(number)


def _check_finite(number: int | Decimal) -> None:
    if isinstance(number, Decimal) and not number.is_finite():
        kind = "NaN" if number.is_nan() else "Infinity" if number > 0 else "-Infinity"
        raise LiquidError(f"Computation results in '{kind}'" + (" (Not a Number)" if kind == "NaN" else ""))


def _at_least(value: object, fewest: object) -> int | float:
    return to_result(max(to_number(value), to_number(fewest)))


def _at_most(value: object, most: object) -> int | float:
    return to_result(min(to_number(value), to_number(most)))


# ---- any value ----------------------------------------------------------------------------------------------------


def _default(value: object, instead: object = "", options: object = None) -> object:
    allow_false = isinstance(options, dict) and is_truthy(options.get("allow_false"))
    missing = value is None if allow_false else not is_truthy(value)
    return instead if missing or (isinstance(value, str | list | dict) and not value) else value


def date_filter(now: Time) -> Filter:
    """Return the `date` filter of a render that happens at that moment."""

    def date(value: object, pattern: object) -> object:
        wanted = to_text(pattern)
        moment = read_time(value, now) if wanted else None
        return value if moment is None else strftime(moment, wanted)

    return as_filter(date)


_FUNCTIONS: Final[dict[str, Callable[..., object]]] = {
        "abs": _abs, "append": _append, "at_least": _at_least, "at_most": _at_most, "base64_decode": _base64_decode,
        "base64_encode": _base64_encode, "base64_url_safe_decode": _base64_url_safe_decode,
        "base64_url_safe_encode": _base64_url_safe_encode, "capitalize": _capitalize, "ceil": _ceil, "compact": _compact,
        "concat": _concat, "default": _default, "divided_by": _divided_by, "downcase": _downcase, "escape": _escape,
        "escape_once": _escape_once, "first": _first, "floor": _floor, "h": _escape, "join": _join, "last": _last,
        "lstrip": _lstrip, "map": _map, "minus": _minus, "modulo": _modulo, "newline_to_br": _newline_to_br,
        "plus": _plus, "prepend": _prepend, "remove": _remove, "remove_first": _remove_first,
        "remove_last": _remove_last, "replace": _replace, "replace_first": _replace_first,
        "replace_last": _replace_last, "reverse": _reverse, "round": _round, "rstrip": _rstrip, "size": _size,
        "slice": _slice, "sort": _sort, "sort_natural": _sort_natural, "split": _split, "strip": _strip,
        "strip_html": _strip_html, "strip_newlines": _strip_newlines, "sum": _sum, "times": _times,
        "truncate": _truncate, "truncatewords": _truncatewords, "uniq": _uniq, "upcase": _upcase,
        "url_decode": _url_decode, "url_encode": _url_encode, "where": _where,
}  # fmt: skip
STANDARD: Final = {name: as_filter(function) for name, function in _FUNCTIONS.items()}
