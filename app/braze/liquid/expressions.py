"""What stands in outputs and tags: values, filters and conditions, read as leniently as Ruby's Liquid does.

Ruby takes from a markup what it understands and leaves the rest unread without a word. So does this; what a
condition leaves unread is kept, so that a preview can say it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from app.braze.liquid.errors import LimitError, LiquidError, LiquidSyntaxError, check_digits
from app.braze.liquid.values import (
    compare,
    contains,
    equal,
    is_blank,
    is_empty,
    is_truthy,
    leading_integer,
    look_up,
    to_integer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.braze.liquid.context import Context

QUOTED: Final = r"\"[^\"]*\"|'[^']*'"
REFERENCE: Final = r"\$\{[^{}\n]*\}"
FRAGMENT: Final = rf"(?:{QUOTED}|(?:{REFERENCE}|[^\s,|'\"]|{QUOTED})+)"
MEMBER: Final = "${}"
"""The namespace of references without one: `${user_id}`."""
MAX_RANGE: Final = 10**12
MAX_BRACKETS: Final = 500

_PART = re.compile(rf"\[[^\]]+\]|{REFERENCE}|[\w\-]+\??", re.ASCII)
_REFERENCE = re.compile(REFERENCE)
_INTEGER = re.compile(r"-?\d+", re.ASCII)
_FLOAT = re.compile(r"-?\d[\d.]+", re.ASCII)
_FLOAT_START = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_RANGE = re.compile(r"\(\s*(?>(\S+)\s*\.\.)\s*(\S+)\s*\)", re.ASCII)
_NAMED = re.compile(rf"(?<!\w)(\w[\w-]*+)\s*+:\s*({FRAGMENT})", re.ASCII)
_FIRST = re.compile(rf"({FRAGMENT})(.*)", re.ASCII | re.DOTALL)
_FILTERS = re.compile(r"\|\s*(.*)", re.ASCII | re.DOTALL)
_FILTER = re.compile(rf"(?:\s+|{FRAGMENT}|,)+", re.ASCII)
_ARGUMENT = re.compile(rf"[:,]\s*((?:\w+\s*:\s*)?{FRAGMENT})", re.ASCII)
_SPACED = re.compile(rf"{QUOTED}|{REFERENCE}|(?<=[\w\]}}])\s*\[\s*|\s+\]|(?<=[\w\]}}])\s*\.\s*(?=[\w$])|\(\s*(?>(\S+)\s*\.\.)\s*(\S+)\s*\)", re.ASCII)  # fmt: skip
_COMPARISON = re.compile(rf"({FRAGMENT})\s*([=!<>a-z_]+)?\s*({FRAGMENT})?", re.ASCII)
_JOINED = re.compile(
    rf"\b(?:\s?and\s?|\s?or\s?)\b|(?:\s*(?!\b(?:\s?and\s?|\s?or\s?)\b)(?:{FRAGMENT}|\S+)\s*)+", re.ASCII
)
_LITERALS: Final = {
    "nil": None,
    "null": None,
    "": None,
    "true": True,
    "false": False,
    "blank": "",
    "empty": "",
}


class Expression(Protocol):
    """An expression that has a value in a render."""

    def evaluate(self, context: Context) -> object:
        """Return the value; raises LiquidError where Ruby does."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the template."""

    value: object

    def evaluate(self, context: Context) -> object:  # noqa: ARG002 - the same everywhere
        return self.value


@dataclass(frozen=True, slots=True)
class Lookup:
    """`name.part[0]`: a variable and what is looked up in it. `${name}` is a part of its own."""

    name: Expression
    parts: Sequence[Expression]
    is_reference: bool = False

    def evaluate(self, context: Context) -> object:
        name = self.name.evaluate(context)
        value, path = context.variable(name), [name]
        for part in self.parts:
            key = part.evaluate(context)
            path.append(key)
            value = look_up(value, key)
        if value is None and isinstance(name, str):
            context.record_missing(name, path, is_reference=self.is_reference)
        return value


@dataclass(frozen=True, slots=True)
class RangeLiteral:
    """`(1..n)`."""

    first: Expression
    last: Expression

    def evaluate(self, context: Context) -> object:
        first, last = _bound(self.first.evaluate(context)), _bound(self.last.evaluate(context))
        if last - first > MAX_RANGE:
            raise LimitError(
                f"the render needs a range of more than {MAX_RANGE:,} numbers, which the preview has not"
            )
        return range(first, last + 1)


def _bound(value: object) -> int:
    return leading_integer(value) if isinstance(value, str) else 0 if value is None else to_integer(value)


def read_value(markup: str) -> Expression:  # noqa: PLR0911 - one line a kind of value
    """Read a literal, a range or a lookup; nothing is refused but numbers without end."""
    text = markup.strip(" \t\n\v\f\r")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return Literal(text[1:-1])
    if _INTEGER.fullmatch(text):
        check_digits(len(text))
        return Literal(int(text))
    if match := _RANGE.fullmatch(text):
        return RangeLiteral(read_value(match[1]), read_value(match[2]))
    if _FLOAT.fullmatch(text) and (match := _FLOAT_START.match(text)):
        return Literal(float(match[0]))
    if text in _LITERALS:
        return Literal(_LITERALS[text])
    if text.count("${") > len(_REFERENCE.findall(text)):
        raise LiquidSyntaxError(f"'{text}' is not closed; write ${{name}}")
    if text.count("[") > MAX_BRACKETS:
        raise LiquidSyntaxError(
            f"a value has more than {MAX_BRACKETS} brackets, which the preview does not read"
        )
    name, *parts = (_read_part(part) for part in _PART.findall(text) or [""])
    if name == Literal("") or not text:
        return Literal(None)
    if _PART.findall(text)[0].startswith("${"):
        return Lookup(Literal(MEMBER), (name, *parts), is_reference=True)
    return Lookup(name, parts, is_reference="${" in text)


def _read_part(part: str) -> Expression:
    if part.startswith("["):
        return read_value(part[1:-1])
    if part.startswith("${"):
        name = part[2:-1].strip()
        if not name:
            raise LiquidSyntaxError("'${}' names no attribute; write ${name}")
        return Literal(name)
    return Literal(part)


@dataclass(frozen=True, slots=True)
class FilterCall:
    """One filter behind a value, its arguments in order and by name."""

    name: str
    arguments: Sequence[Expression]
    named: dict[str, Expression]


@dataclass(frozen=True, slots=True)
class Filtered:
    """A value and the filters it goes through."""

    value: Expression
    filters: Sequence[FilterCall]

    def evaluate(self, context: Context) -> object:
        value = self.value.evaluate(context)
        for call in self.filters:
            arguments = [argument.evaluate(context) for argument in call.arguments]
            if call.named:
                arguments.append({name: one.evaluate(context) for name, one in call.named.items()})
            context.budget.spend_on(value)
            value = context.filters[call.name](value, *arguments)
        context.budget.spend_on(value)
        return value


def read_filtered(markup: str, check: Callable[[str], None]) -> Filtered:
    """Read `value | filter: argument, name: argument`; `check` raises LiquidSyntaxError for a filter nobody has."""
    match = _FIRST.search(_close_up(markup))
    if match is None:
        return Filtered(Literal(None), ())
    behind = _FILTERS.search(match[2])
    calls = [_read_filter(text, check) for text in _FILTER.findall(behind[1])] if behind else []
    return Filtered(read_value(match[1]), [call for call in calls if call])


def _close_up(markup: str) -> str:
    """Take out the white space that Ruby allows inside `a [0]`, `a . b` and `(1 .. 3)` of an output."""

    def closed(match: re.Match[str]) -> str:
        text = match[0]
        if text[0] in "'\"$":
            return text
        return f"({match[1]}..{match[2]})" if text[0] == "(" else text.strip()

    return _SPACED.sub(closed, markup)


def _read_filter(text: str, check: Callable[[str], None]) -> FilterCall | None:
    name = re.search(r"\w+", text, re.ASCII)
    if name is None:
        return None
    check(name[0])
    arguments, named = [], {}
    for argument in _ARGUMENT.findall(text):
        if match := _NAMED.fullmatch(argument):
            named[match[1]] = read_value(match[2])
        else:
            arguments.append(read_value(argument))
    return FilterCall(name[0], arguments, named)


def read_options(markup: str) -> dict[str, str]:
    """Return the `name: value` pairs of a loop's markup, unread."""
    return dict(_NAMED.findall(markup))


# ---- conditions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Special:
    """`blank` or `empty`, which are asked of the other side of a comparison."""

    asks: Callable[[object], bool]

    def evaluate(self, context: Context) -> object:  # noqa: ARG002 - the same everywhere
        return self

    def __str__(self) -> str:
        return ""


_SPECIAL: Final = {"blank": Special(is_blank), "empty": Special(is_empty)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; without an operator, the truth of its left side."""

    left: Expression
    operator: str | None = None
    right: Expression = Literal(None)

    def evaluate(self, context: Context) -> object:
        if self.operator is None:
            return self.left.evaluate(context)
        if self.operator in {"==", "!=", "<>"}:
            return self._is_equal(context) is (self.operator == "==")
        left, right = self.left.evaluate(context), self.right.evaluate(context)
        context.budget.spend_on(left)
        if self.operator == "contains":
            return contains(left, right)
        if self.operator not in {"<", ">", "<=", ">="}:
            raise LiquidError(f"Unknown operator {self.operator}")
        return compare(left, self.operator, right)

    def _is_equal(self, context: Context) -> bool:
        for one, other in ((self.left, self.right), (self.right, self.left)):
            if isinstance(one, Special):
                return one.asks(other.evaluate(context))
        left = self.left.evaluate(context)
        context.budget.spend_on(left)
        return equal(left, self.right.evaluate(context))


@dataclass(frozen=True, slots=True)
class Condition:
    """Comparisons joined by `and` and `or`, judged from the right: `a and b or c` is `a and (b or c)`."""

    comparisons: Sequence[Comparison]
    joints: Sequence[str]

    def evaluate(self, context: Context) -> object:
        result: object = None
        for position, comparison in enumerate(self.comparisons):
            result = comparison.evaluate(context)
            if position < len(self.joints) and is_truthy(result) is (self.joints[position] == "or"):
                break
        return result


def read_condition(tag: str, markup: str) -> tuple[Condition, str]:
    """Return the condition and what of the markup was left unread; raises LiquidSyntaxError where there is none."""
    texts = _JOINED.findall(markup)
    comparisons, unread = [], []
    for text in texts[::2]:
        match = _COMPARISON.search(text)
        if match is None:
            raise LiquidSyntaxError(f"{tag} needs a condition: {{% {tag} a == b %}}")
        comparisons.append(Comparison(_read_side(match[1]), match[2], _read_side(match[3] or "")))
        unread.append(text[match.end() :].strip() or _missing_spaces(match[1]))
    joints = [text.strip() for text in texts[1::2]]
    if not comparisons or len(joints) >= len(comparisons) or not {"and", "or"}.issuperset(joints):
        raise LiquidSyntaxError(f"{tag} needs a condition: {{% {tag} a == b %}}")
    return Condition(comparisons, joints), " ".join(filter(None, unread))


def _missing_spaces(markup: str) -> str:
    """Return a left side that swallowed its operator, as in `a==b`: Liquid takes it for one name."""
    return markup if re.search(r"[=!<>]", re.sub(rf"{QUOTED}|{REFERENCE}", "", markup)) else ""


def _read_side(markup: str) -> Expression:
    return _SPECIAL.get(markup) or read_value(markup)


def read_choice(left: Expression, markup: str) -> Comparison:
    """Return `left == value`, as `when` means it."""
    return Comparison(left, "==", _read_side(markup))
