"""Values as Ruby sees them: what they print, how they compare, which number a text is.

Values are None, bool, int, float, str, list, dict, range, a Time and the loops' Counters.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from decimal import Context, Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final

from app.braze.liquid.errors import LiquidError, check_chars, check_digits

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

SPACE: Final = " \t\n\v\f\r\0"
BITS_OF_AN_INTEGER: Final = 62
_DECIMAL = re.compile(r"-?\d+\.\d+", re.ASCII)
_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+(?:_\d+)*)", re.ASCII)
_WHOLE_INTEGER = re.compile(
    r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9]\d*(?:_\d+)*|0)\s*", re.ASCII
)
_INSPECTED: Final = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\f": "\\f", "\v": "\\v", "\b": "\\b",
    "\a": "\\a", "\x1b": "\\e",
}  # fmt: skip
_INTERPOLATION = re.compile(r"#(?=[{$@])")
_PRECISION: Final = 800
_EXACT: Final = Context(prec=_PRECISION, Emax=999_999, Emin=-999_999, traps=[])


class LoopVariables(ABC):
    """The values a loop offers to its body, such as `forloop.index`."""

    @abstractmethod
    def named(self, name: str) -> object:
        """Return the value of that name, or None if it has none."""


def to_text(value: object) -> str:  # noqa: PLR0911 - one line a kind of value
    """Return what Ruby's `to_s` gives; a list is shown as Ruby writes one."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        check_digits(value.bit_length() // 3)
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, range):
        return f"{value.start}..{value.stop - 1}"
    if isinstance(value, list | dict):
        return ruby_inspect(value)
    return str(value)


def to_bytes(value: object) -> bytes:
    """Return the text of a value in UTF-8; half a surrogate pair becomes a question mark."""
    return to_text(value).encode(errors="replace")


def to_output(value: object) -> str:
    """Return what an output prints: the items of a list one after the other, else `to_text`."""
    return join(value, "") if isinstance(value, list) else to_text(value)


def join(items: list[object], glue: str) -> str:
    """Return Ruby's `join`: lists inside are joined by the same glue."""
    chars = 0
    texts = []
    for item in items:
        text = join(item, glue) if isinstance(item, list) else to_text(item)
        chars += len(text) + len(glue)
        check_chars(chars)
        texts.append(text)
    return glue.join(texts)


def ruby_inspect(value: object) -> str:
    """Return what Ruby's `ruby_inspect` gives: quoted texts, `nil`, `{"a"=>1}`."""
    if value is None:
        return "nil"
    if isinstance(value, str):
        escaped = _INTERPOLATION.sub(r"\\#", "".join(map(_inspect_character, value)))
        return f'"{escaped}"'
    pieces: list[str]
    if isinstance(value, list):
        pieces = [ruby_inspect(item) for item in value]
        marks = "[]"
    elif isinstance(value, dict):
        pieces = [f"{ruby_inspect(key)}=>{ruby_inspect(item)}" for key, item in value.items()]
        marks = "{}"
    else:
        return to_text(value)
    check_chars(sum(map(len, pieces)))
    return marks[0] + ", ".join(pieces) + marks[1]


def _inspect_character(character: str) -> str:
    if character in _INSPECTED:
        return _INSPECTED[character]
    if character.isprintable() or (character.isspace() and character == "\u3000"):
        return character
    code = ord(character)
    if code < 0x80:  # noqa: PLR2004 - the end of ASCII
        return f"\\x{code:02X}" if code else "\\u0000"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\u{{{code:X}}}"  # noqa: PLR2004 - four digits


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    mantissa, exponent, power = text.partition("e")
    return text if not exponent or "." in mantissa else f"{mantissa}.0e{power}"


def is_truthy(value: object) -> bool:
    """Everything but nil and false is true, 0 and the empty text too."""
    return value is not None and value is not False


def is_blank(value: object) -> bool:
    """Return Rails' `blank?`: nil, false, white space and whatever is empty are blank; numbers never are."""
    if value is None or value is False:
        return True
    return not value.strip() if isinstance(value, str) else isinstance(value, list | dict) and not value


def is_empty(value: object) -> bool:
    """Return Ruby's `empty?`: only texts, lists and objects can be empty."""
    return isinstance(value, str | list | dict) and not value


def equal(left: object, right: object) -> bool:
    """Return Ruby's `==`: 1 is 1.0 and is not true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, range) and isinstance(right, range):
        return (left.start, left.stop) == (right.start, right.stop)
    return left == right


def is_number(value: object) -> bool:
    """True of whole and decimal numbers, not of true and false."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def compare(left: object, operator: str, right: object) -> bool:
    """Return `left < right` and its like; nil, true, lists and objects are never more nor less than anything.

    Raises LiquidError where Ruby does: a text and a number cannot be compared.
    """
    if not (is_number(left) or isinstance(left, str)) or not (is_number(right) or isinstance(right, str)):
        return False
    if isinstance(left, str) != isinstance(right, str):
        shown = to_text(right) if is_number(right) and not _is_big(right) else class_name(right)
        raise LiquidError(f"comparison of {class_name(left)} with {shown} failed")
    sign = compare_order(left, right)
    return (
        sign is not None
        and {
            "<": sign < 0,
            ">": sign > 0,
            "<=": sign <= 0,
            ">=": sign >= 0,
        }[operator]
    )


def _is_big(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > BITS_OF_AN_INTEGER


def compare_order(left: object, right: object) -> int | None:
    """Return Ruby's `<=>`: negative, 0 or positive; None where the two cannot be compared."""
    if isinstance(left, str) and isinstance(right, str):
        one, other = left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass")
        return (one > other) - (one < other)
    if is_number(left) and is_number(right):
        if left != left or right != right:  # noqa: PLR0124 - only NaN is not itself
            return None
        one_number: Any = left
        return int(one_number > right) - int(one_number < right)
    if isinstance(left, list) and isinstance(right, list):
        for one_item, other_item in zip(left, right, strict=False):
            if (sign := compare_order(one_item, other_item)) != 0:
                return sign
        return (len(left) > len(right)) - (len(left) < len(right))
    return 0 if equal(left, right) else None


def contains(left: object, right: object) -> bool:
    """Return Liquid's `contains`: a text in a text, an item in a list, a key in an object."""
    if not is_truthy(left) or not is_truthy(right):
        return False
    if isinstance(left, str):
        return to_text(right) in left
    if isinstance(left, list):
        return any(equal(item, right) for item in left)
    if isinstance(left, range):
        return is_number(right) and left.start <= right < left.stop  # type: ignore[operator]  # a number
    return isinstance(left, dict) and isinstance(right, str) and right in left


def class_name(value: object) -> str:
    """Return the name of a value's class in Ruby."""
    if isinstance(value, bool):
        return "TrueClass" if value else "FalseClass"
    names = {
        int: "Integer",
        float: "Float",
        str: "String",
        list: "Array",
        dict: "Hash",
        range: "Range",
    }
    return "NilClass" if value is None else names.get(type(value), type(value).__name__)


def look_up(value: object, key: object) -> object:
    """Return `value[key]`, or what `size`, `first` and `last` give; None where there is nothing."""
    if isinstance(value, dict) and isinstance(key, str) and key in value:
        return value[key]
    if isinstance(value, LoopVariables):
        return value.named(key) if isinstance(key, str) else None
    if isinstance(value, list) and isinstance(key, int) and not isinstance(key, bool):
        return value[key] if -len(value) <= key < len(value) else None
    if key == "size":
        return size_of(value)
    if key == "first":
        return first_of(value)
    return last_of(value) if key == "last" else None


def size_of(value: object) -> int | None:
    """Return Ruby's `size`, which whole numbers have too: the bytes they take."""
    if isinstance(value, str | list | dict | range):
        return len(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return max(8, (value.bit_length() + 7) // 8)
    return None


def first_of(value: object) -> object:
    """Return the first item of a list or range, or an object's first key and value."""
    if isinstance(value, list | range):
        return value[0] if value else (value.start if isinstance(value, range) else None)
    return next(([key, item] for key, item in value.items()), None) if isinstance(value, dict) else None


def last_of(value: object) -> object:
    """Return the last item of a list or range."""
    if isinstance(value, list | range):
        return value[-1] if value else (value.stop - 1 if isinstance(value, range) else None)
    return None


def leading_integer(text: str) -> int:
    """Return Ruby's `to_i`: the whole number a text begins with, else 0."""
    match = _LEADING_INTEGER.match(text)
    if match is None:
        return 0
    check_digits(len(match[1]))
    return int(match[1])


def to_number(value: object) -> int | Decimal:
    """Return the number a filter reckons with; what is no number is 0. Raises LimitError for endless digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    stripped = value.strip(SPACE)
    if _DECIMAL.fullmatch(stripped):
        check_digits(len(stripped))
        return Decimal(stripped)
    return leading_integer(value)


def to_integer(value: object) -> int:
    """Return the whole number an option or a filter's argument is; raises LiquidError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _WHOLE_INTEGER.fullmatch(to_text(value))
    if match is None:
        raise LiquidError("invalid integer")
    check_digits(len(match[2]))
    text = match[2].lower()
    octal = len(text) > 1 and text[0] == "0" and text[1] not in "xbo"
    return int(match[1] + text, 8 if octal else 0)


def to_result(number: int | Decimal) -> int | float:
    """Return a result as Liquid hands it on: a decimal number becomes a float."""
    return number if isinstance(number, int) else float(number)


def exact_arithmetic() -> AbstractContextManager[object]:
    """A context in which decimals are added, multiplied and divided without losing what a float can hold."""
    return localcontext(_EXACT)
