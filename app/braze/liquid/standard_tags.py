"""The tags of standard Liquid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app.braze.liquid.errors import LiquidSyntaxError
from app.braze.liquid.expressions import (
    FRAGMENT,
    Comparison,
    Condition,
    Expression,
    Filtered,
    Literal,
    read_choice,
    read_condition,
    read_options,
)
from app.braze.liquid.nodes import Body, Node, Output, OutputTag, nothing
from app.braze.liquid.values import (
    LoopVariables,
    is_truthy,
    leading_integer,
    ruby_inspect,
    to_integer,
    to_output,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from app.braze.liquid.context import Context
    from app.braze.liquid.parser import Parser, Tag

_ASSIGN = re.compile(r"(?<![\w\-.\[\]()])((?:\(?[\w\-.\[\]]\)?)++)\s*+=\s*(.*)\s*", re.ASCII | re.DOTALL)
_CAPTURE = re.compile(r"(?:\(?[\w\-.\[\]]\)?)+", re.ASCII)
_CASE = re.compile(FRAGMENT, re.ASCII)
_WHEN = re.compile(rf"({FRAGMENT})(?:(?:\s+or\s+|\s*,\s*)({FRAGMENT}.*))?", re.ASCII | re.DOTALL)
_FOR = re.compile(rf"([\w\-]+)\s+in\s+((?:{FRAGMENT})+)\s*(reversed)?", re.ASCII)
_TABLEROW = re.compile(rf"(\w+)\s+in\s+((?:{FRAGMENT})+)", re.ASCII)
_CYCLE = re.compile(rf"({FRAGMENT})\s*:\s*(.*)", re.ASCII | re.DOTALL)
_COMMENT_LINE = re.compile(r"\n\s*[^#\s]")


# ---- variables ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Assign:
    """`assign name = value | filter`."""

    at: int
    name: str
    value: Filtered
    blank: bool = True

    def render(self, context: Context, output: Output) -> None:  # noqa: ARG002 - as every node
        context.assign(self.name, self.value.evaluate(context))


def _read_assign(parser: Parser, tag: Tag) -> Node:
    match = _ASSIGN.search(tag.markup)
    if match is None:
        raise tag.wrong(
            "assign needs a name in ASCII letters, digits and _, and a value: {% assign name = value %}"
        )
    return Assign(tag.at, match[1], parser.filtered(match[2], tag.at))


@dataclass(slots=True)
class Capture:
    """`capture name` ... `endcapture`."""

    at: int
    name: str
    body: Body
    blank: bool = True

    def render(self, context: Context, output: Output) -> None:  # noqa: ARG002 - as every node
        captured = Output()
        self.body.render(context, captured)
        context.budget.spend_on(captured.text)
        context.assign(self.name, captured.text)


def _read_capture(parser: Parser, tag: Tag) -> Node:
    match = _CAPTURE.search(tag.markup)
    if match is None:
        raise tag.wrong("capture needs a name in ASCII letters, digits and _: {% capture name %}")
    return Capture(tag.at, match[0], parser.block(tag, "endcapture")[0])


@dataclass(slots=True)
class CounterTag:
    """`increment name` or `decrement name`, in counters of their own."""

    at: int
    name: str
    step: int
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:
        value = context.environment.get(self.name)
        value = value if isinstance(value, int) and not isinstance(value, bool) else 0
        context.environment[self.name] = value + self.step
        output.write(to_text(value if self.step > 0 else value + self.step))


# ---- conditions ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Branches:
    """`if` and `unless`: the first body whose condition holds; of `unless`, the first condition is turned round."""

    at: int
    branches: list[tuple[Condition | None, Body]]
    turned: bool
    blank: bool

    def render(self, context: Context, output: Output) -> None:
        for position, (condition, body) in enumerate(self.branches):
            holds = condition is None or is_truthy(condition.evaluate(context))
            if holds is not (self.turned and position == 0):
                body.render(context, output)
                return


def _read_branches(parser: Parser, tag: Tag) -> Node:
    end = f"end{tag.name}"
    branches: list[tuple[Condition | None, Body]] = []
    divider = tag
    while True:
        condition = None if divider.name == "else" else _condition(parser, divider)
        body, next_divider = parser.block(tag, "elsif", "else", end)
        branches.append((condition, body))
        if next_divider.name == end:
            break
        divider = next_divider
    blank = all(body.blank for _, body in branches)
    if blank:
        for _, body in branches:
            body.drop_texts()
    return Branches(tag.at, branches, turned=tag.name == "unless", blank=blank)


def _condition(parser: Parser, tag: Tag) -> Condition:
    try:
        condition, unread = read_condition(tag.name, tag.markup)
    except LiquidSyntaxError as error:
        raise tag.wrong(str(error)) from error
    if unread:
        parser.note(
            tag.at,
            f"Liquid does not read '{unread}' in this {tag.name} as it looks: "
            "it takes no filters, && or parentheses, and needs a space before an operator",
        )
    return condition


@dataclass(slots=True)
class Choice:
    """`case` with its `when` and `else`."""

    at: int
    choices: list[tuple[Comparison | None, Body]]
    blank: bool

    def render(self, context: Context, output: Output) -> None:
        chosen = False
        for comparison, body in self.choices:
            if not chosen if comparison is None else is_truthy(comparison.evaluate(context)):
                chosen = chosen or comparison is not None
                body.render(context, output)


def _read_case(parser: Parser, tag: Tag) -> Node:
    match = _CASE.search(tag.markup)
    if match is None:
        raise tag.wrong("case needs a value: {% case value %}")
    left = parser.value(match[0], tag)
    choices: list[tuple[Comparison | None, Body]] = []
    body, divider = parser.block(tag, "when", "else", "endcase")
    blank = body.blank
    while divider.name != "endcase":
        if divider.name == "else":
            comparisons: list[Comparison | None] = [None]
        else:
            comparisons = [read_choice(left, one) for one in _choices(divider)]
        body, divider = parser.block(tag, "when", "else", "endcase")
        choices += [(comparison, body) for comparison in comparisons]
        blank = blank and body.blank
    if blank:
        for _, body in choices:
            body.drop_texts()
    return Choice(tag.at, choices, blank)


def _choices(tag: Tag) -> Iterator[str]:
    markup: str | None = tag.markup
    while markup:
        match = _WHEN.search(markup)
        if match is None:
            raise tag.wrong("when needs a value: {% when 'a', 'b' %}")
        yield match[1]
        markup = match[2]


# ---- loops --------------------------------------------------------------------------------------------------------


class Counter(LoopVariables):
    """What a loop offers to its body: `forloop` and `tablerowloop`."""

    def __init__(
        self, *, length: int, name: str = "", parent: Counter | None = None, columns: int | None = None
    ) -> None:
        self._length = length
        self._name = name
        self._parent = parent
        self._columns = columns
        self.index = 0
        self.row = self.column = 1

    def advance(self) -> None:
        """Go on to the next item."""
        self.index += 1
        if self.column == self._columns:
            self.column, self.row = 1, self.row + 1
        else:
            self.column += 1

    def named(self, name: str) -> object:
        """Return `index`, `first`, `parentloop` or another of its values, None for an unknown name."""
        values: dict[str, object] = {
            "length": self._length,
            "index": self.index + 1,
            "index0": self.index,
            "rindex": self._length - self.index,
            "rindex0": self._length - self.index - 1,
            "first": self.index == 0,
            "last": self.index == self._length - 1,
        }
        if self._columns is None:
            return (values | {"parentloop": self._parent, "name": self._name}).get(name)
        row = {
            "row": self.row,
            "col": self.column,
            "col0": self.column - 1,
            "col_first": self.column == 1,
            "col_last": self.column == self._columns,
        }
        return (values | row).get(name)

    def __str__(self) -> str:
        return "Liquid::ForloopDrop" if self._columns is None else "Liquid::TablerowloopDrop"


def _slice_items(collection: object, start: int, end: int | None) -> Sequence[Any]:
    """Return the items from `start` to before `end`; a text is one item, whatever the slice."""
    if isinstance(collection, str):
        return [collection] if collection else []
    if isinstance(collection, dict):
        collection = [[key, value] for key, value in collection.items()]
    if not isinstance(collection, list | range):
        return []
    return collection[max(start, 0) : None if end is None else max(end, 0)]


@dataclass(slots=True)
class For:
    """`for item in list`, with `reversed`, `limit`, `offset` and `else`."""

    at: int
    variable: str
    name: str
    collection: Expression
    options: dict[str, Expression]
    is_reversed: bool
    continues: bool
    body: Body
    otherwise: Body | None
    blank: bool

    def render(self, context: Context, output: Output) -> None:
        items = self._items(context)
        if not items:
            if self.otherwise:
                self.otherwise.render(context, output)
            return
        counter = Counter(
            length=len(items), name=self.name, parent=context.loops[-1] if context.loops else None
        )
        scope: dict[str, Any] = {"forloop": counter}
        context.push_scope(scope)
        context.loops.append(counter)
        try:
            for item in items:
                scope[self.variable] = item
                self.body.render(context, output)
                counter.advance()
                interrupt, context.interrupt = context.interrupt, None
                if interrupt == "break":
                    break
        finally:
            context.loops.pop()
            context.scopes.pop()

    def _items(self, context: Context) -> Sequence[Any]:
        start = (
            context.offsets.get(self.name, 0)
            if self.continues
            else _optional(self.options.get("offset"), context) or 0
        )
        collection = self.collection.evaluate(context)
        limit = _optional(self.options.get("limit"), context)
        items = _slice_items(collection, start, None if limit is None else limit + start)
        context.offsets[self.name] = start + len(items)
        return items[::-1] if self.is_reversed else items


def _optional(expression: Expression | None, context: Context) -> int | None:
    value = expression.evaluate(context) if expression else None
    return None if value is None else to_integer(value)


def _read_for(parser: Parser, tag: Tag) -> Node:
    match = _FOR.match(tag.markup)
    if match is None:
        raise tag.wrong("for needs a name and a list: {% for item in items %}")
    options = read_options(tag.markup)
    body, divider = parser.block(tag, "else", "endfor")
    otherwise = None
    while divider.name == "else":
        otherwise, divider = parser.block(tag, "else", "endfor")
    blank = body.blank and (otherwise is None or otherwise.blank)
    if blank:
        for one in (body, otherwise):
            if one:
                one.drop_texts()
    return For(
        at=tag.at,
        variable=match[1],
        name=f"{match[1]}-{match[2]}",
        collection=parser.value(match[2], tag),
        options={
            name: parser.value(text, tag) for name, text in options.items() if name in {"limit", "offset"}
        },
        is_reversed=bool(match[3]),
        continues=options.get("offset") == "continue",
        body=body,
        otherwise=otherwise,
        blank=blank,
    )


@dataclass(slots=True)
class TableRow:
    """`tablerow item in list cols:n`: the rows and cells of an HTML table."""

    at: int
    variable: str
    collection: Expression
    options: dict[str, Expression]
    body: Body
    blank: bool

    def render(self, context: Context, output: Output) -> None:
        collection = self.collection.evaluate(context)
        if not is_truthy(collection):
            return
        start, limit = self._number("offset", context), self._number("limit", context)
        items = _slice_items(collection, start or 0, None if limit is None else (start or 0) + limit)
        counter = Counter(length=len(items), columns=self._number("cols", context) or 0)
        output.write('<tr class="row1">\n')
        scope: dict[str, Any] = {"tablerowloop": counter}
        context.push_scope(scope)
        try:
            for item in items:
                scope[self.variable] = item
                self._render_cell(counter, context, output)
        finally:
            context.scopes.pop()
        output.write("</tr>\n")

    def _render_cell(self, counter: Counter, context: Context, output: Output) -> None:
        output.write(f'<td class="col{counter.column}">')
        self.body.render(context, output)
        output.write("</td>")
        if counter.named("col_last") and not counter.named("last"):
            output.write(f'</tr>\n<tr class="row{counter.row + 1}">')
        counter.advance()

    def _number(self, name: str, context: Context) -> int | None:
        if name not in self.options:
            return None
        value = self.options[name].evaluate(context)
        return value if isinstance(value, int) else leading_integer(to_text(value))


def _read_tablerow(parser: Parser, tag: Tag) -> Node:
    match = _TABLEROW.search(tag.markup)
    if match is None:
        raise tag.wrong("tablerow needs a name and a list: {% tablerow item in items cols:3 %}")
    options = {name: parser.value(text, tag) for name, text in read_options(tag.markup).items()}
    body, _ = parser.block(tag, "endtablerow")
    return TableRow(tag.at, match[1], parser.value(match[2], tag), options, body, body.blank)


@dataclass(slots=True)
class Interrupt:
    """`break` or `continue`."""

    at: int
    kind: Any
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:  # noqa: ARG002 - as every node
        context.interrupt = self.kind


@dataclass(slots=True)
class Cycle:
    """`cycle 'a', 'b'`: one after the other, counted by a name or by the values."""

    at: int
    name: Expression
    values: Sequence[Expression]
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:
        key = self.name.evaluate(context)
        key = ruby_inspect(key) if isinstance(key, list | dict) else key
        position = context.cycles.get(key, 0)
        context.cycles[key] = (position + 1) % len(self.values) if position < len(self.values) else 0
        if position < len(self.values):
            output.write(to_output(self.values[position].evaluate(context)))


def _read_cycle(parser: Parser, tag: Tag) -> Node:
    match = _CYCLE.match(tag.markup)
    listed = match[2] if match else tag.markup
    found = [_CASE.search(text) for text in listed.split(",")]
    values = [parser.value(one[0], tag) for one in found if one]
    if not values:
        raise tag.wrong("cycle needs values: {% cycle 'odd', 'even' %}")
    if match:
        return Cycle(tag.at, parser.value(match[1], tag), values)
    alike = all(isinstance(value, Literal) for value in values)
    return Cycle(tag.at, Literal(repr(values) if alike else (tag.at, tag.markup)), values)


@dataclass(slots=True)
class IfChanged:
    """`ifchanged`: the body, unless it is what it was the last time."""

    at: int
    body: Body
    blank: bool

    def render(self, context: Context, output: Output) -> None:
        changed = Output()
        self.body.render(context, changed)
        if changed.text != context.unchanged:
            context.unchanged = changed.text
            output.write(changed.text)


# ---- the rest -----------------------------------------------------------------------------------------------------


def _read_comment(parser: Parser, tag: Tag) -> Node:
    parser.commented += 1
    parser.block(tag, "endcomment")
    parser.commented -= 1
    return nothing(tag.at)


def _read_inline_comment(parser: Parser, tag: Tag) -> Node:  # noqa: ARG001 - as every tag
    if _COMMENT_LINE.search(tag.markup):
        raise tag.wrong("each line of a {% # comment %} begins with #")
    return nothing(tag.at)


def _read_raw(parser: Parser, tag: Tag) -> Node:
    if tag.markup.strip():
        raise tag.wrong("raw takes nothing behind it: {% raw %}")
    text = parser.raw(tag)
    return OutputTag(tag.at, Filtered(Literal(text), ()), blank=not text)


def _read_ifchanged(parser: Parser, tag: Tag) -> Node:
    body, _ = parser.block(tag, "endifchanged")
    return IfChanged(tag.at, body, body.blank)


STANDARD_TAGS: Final[dict[str, Callable[[Parser, Tag], Node | None]]] = {
    "#": _read_inline_comment,
    "assign": _read_assign,
    "break": lambda _, tag: Interrupt(tag.at, "break"),
    "capture": _read_capture,
    "case": _read_case,
    "comment": _read_comment,
    "continue": lambda _, tag: Interrupt(tag.at, "continue"),
    "cycle": _read_cycle,
    "decrement": lambda _, tag: CounterTag(tag.at, tag.markup.strip(), -1),
    "echo": lambda parser, tag: OutputTag(tag.at, parser.filtered(tag.markup, tag.at)),
    "for": _read_for,
    "if": _read_branches,
    "ifchanged": _read_ifchanged,
    "increment": lambda _, tag: CounterTag(tag.at, tag.markup.strip(), 1),
    "raw": _read_raw,
    "tablerow": _read_tablerow,
    "unless": _read_branches,
}
