"""Templates made at random out of everything standard Liquid has, right and wrong, for comparing with Ruby's."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")

VARIABLES: dict[str, Any] = {
    "n": None, "t": True, "f": False, "i": 3, "z": 0, "neg": -2, "fl": 2.5, "s": "abc", "e": "", "sp": " ", "num": "12",
    "list": [1, 2, 3, 4, 5], "words": ["b", "a", "C"], "objs": [{"k": 1, "v": "x"}, {"k": 2, "v": None}, {"k": 3}],
    "empty_list": [], "h": {"k": "v", "size": 9, "first": "F", "l": [1, [2, 3]]}, "eh": {}, "nest": [[1, 2], [3]],
}  # fmt: skip
VALUES = [
    *VARIABLES, "h.k", "h['k']", "h.size", "h.first", "h.l[1]", "h.l.last", "objs[0].v", "objs.first.k", "objs.last.v",
    "list.size", "s.size", "list[-1]", "list[9]", "list['0']", "words[i]", "nil", "null", "true", "false", "blank",
    "empty", "'abc'", '"x y"', "'12'", "1", "-7", "2.5", "0", "(1..3)", "(i..5)", "(1..i)", "missing", "missing.x",
    "h[s]", "h[missing]", "x", "y", "i.size", "fl.size", "[s]", "a-b", "1.", "..", "''", "forloop.index",
    "forloop.last", "forloop.parentloop.index", "forloop",
]  # fmt: skip
OPERATORS = ["==", "!=", "<", ">", "<=", ">=", "contains", "<>", "=", "is", "&&"]
FILTERS = [
    "upcase", "size", "first", "last", "join", "join: '-'", "append: s", "prepend: i", "plus: 1", "minus: num",
    "times: fl", "divided_by: 2", "divided_by: fl", "modulo: 2", "round", "round: 1", "sort", "reverse", "uniq",
    "map: 'k'", "where: 'k', 2", "default: 'd'", "default: 'd', allow_false: true", "truncate: 5", "truncatewords: 2",
    "split: ','", "split: ''", "replace: 'a', 'b'", "remove: 'b'", "slice: 1", "slice: -2, 2", "strip", "escape",
    "compact", "concat: list", "capitalize", "abs", "ceil", "floor", "at_most: 2", "at_least: 4", "date: '%Y'",
    'date: "%H:%M"', "url_encode", "append", "append 'x'", "append: 'x' 'y'", "append: a:b", "sort: 'k'",
    "first | upcase", "strip_html", "newline_to_br", "join:''", "slice: 'q'", "divided_by: 0",
]  # fmt: skip
LOOP_OPTIONS = [
    "",
    " reversed",
    " limit:2",
    " offset:1",
    " limit: i",
    " offset:continue",
    " limit:s",
    " offset: n",
]


class Maker:
    """Makes templates, the same ones of the same seed."""

    def __init__(self, seed: int, *, spaced: bool = False) -> None:
        self._gaps = [" "] if spaced else [" ", "", " "]
        self._random = random.Random(seed)

    def template(self) -> str:
        """Return a template of one to three blocks."""
        return self.pair()[0]

    def pair(self) -> tuple[str, str]:
        """Return a template, and the same with double braces around the values in its tags, as Braze allows."""
        made = "".join(self._block(self._one([1, 2, 3])) for _ in range(self._one([1, 2, 3])))
        braced = re.sub(
            "\x01(.*?)\x02", lambda match: self._one(["%s", "{{%s}}", "{{ %s }}"]) % match[1], made
        )
        return re.sub("[\x01\x02]", "", made), braced

    def _value(self) -> str:
        return f"\x01{self._one(VALUES)}\x02"

    def _one(self, choices: Sequence[_T]) -> _T:
        return self._random.choice(choices)

    def _tag(self, text: str) -> str:
        return self._one(["{% ", "{%- ", "{%"]) + text + self._one([" %}", " -%}", "%}"])

    def _gap(self) -> str:
        return self._one(["", " ", "\n", "t", " . "])

    def _output(self) -> str:
        filters = "".join(f" | {self._one(FILTERS)}" for _ in range(self._one([0, 0, 1, 1, 2])))
        return (
            "{{" + self._one(["", "-", " "]) + f" {self._one(VALUES)}{filters} " + self._one(["", "-"]) + "}}"
        )

    def _condition(self) -> str:
        parts = [self._comparison() for _ in range(self._one([1, 1, 1, 2, 3]))]
        return parts[0] + "".join(f" {self._one(['and', 'or'])} {part}" for part in parts[1:])

    def _comparison(self) -> str:
        if self._random.random() < 0.3:
            return self._value()
        gap = self._one(self._gaps)
        return f"{self._value()}{gap}{self._one(OPERATORS)}{gap}{self._value()}"

    def _block(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.35:
            return self._gap() + self._output() + self._gap()
        makers: list[Callable[[int], str]] = [
            self._branches, self._branches, self._loop, self._loop, self._case, self._assign, self._capture, self._small,
            self._table, self._wrapped, self._liquid,
        ]  # fmt: skip
        return self._one(makers)(depth - 1)

    def _branches(self, depth: int) -> str:
        name = self._one(["if", "unless"])
        text = self._tag(f"{name} {self._condition()}") + self._block(depth)
        if self._random.random() < 0.3:
            text += self._tag(f"elsif {self._condition()}") + self._block(depth)
        if self._random.random() < 0.5:
            text += self._tag("else") + self._block(depth)
        return text + self._tag(f"end{name}")

    def _loop(self, depth: int) -> str:
        options = self._one(LOOP_OPTIONS) + self._one(LOOP_OPTIONS)
        otherwise = self._tag("else") + self._gap() if self._random.random() < 0.2 else ""
        head = self._tag(f"for {self._one(['x', 'y'])} in {self._value()}{options}")
        return head + self._block(depth) + otherwise + self._tag("endfor")

    def _case(self, depth: int) -> str:
        text = self._tag(f"case {self._value()}") + self._gap()
        for _ in range(2):
            more = self._one(["", f", {self._value()}", f" or {self._value()}"])
            text += self._tag(f"when {self._value()}{more}") + self._block(depth)
        if self._random.random() < 0.5:
            text += self._tag("else") + self._block(depth)
        return text + self._tag("endcase")

    def _assign(self, _: int) -> str:
        return (
            self._tag(f"assign {self._one(['x', 'y', 's'])} = {self._value()} | {self._one(FILTERS)}")
            + self._gap()
        )

    def _capture(self, depth: int) -> str:
        return (
            self._tag(f"capture {self._one(['x', 'y'])}")
            + self._block(depth)
            + self._tag("endcapture")
            + "{{x}}"
        )

    def _small(self, _: int) -> str:
        return self._tag(
            self._one(
                [
                    "cycle 'a','b','c'", "cycle x, y", "cycle 'g': 1,2", "cycle s: 'p','q'", "increment q", "decrement q",
                    "increment i", f"echo {self._value()} | {self._one(FILTERS)}", "# a remark",
                ]
            )
        )  # fmt: skip

    def _table(self, _: int) -> str:
        options = self._one(["", " cols:2", " cols:2 limit:3", " cols:i offset:1"])
        head = self._tag(f"tablerow x in {self._value()}{options}")
        return head + "{{tablerowloop.col}}{{x}}" + self._tag("endtablerow")

    def _wrapped(self, depth: int) -> str:
        return self._one(
            [
                "{% raw %}{{ x }}{% if %}" + self._gap() + "{% endraw %}",
                self._tag("comment") + self._block(depth) + "{% foo %}" + self._tag("endcomment"),
                "{% if " + self._condition() + " %}{% " + self._one(["break", "continue"]) + " %}{% endif %}",
                "{% ifchanged %}" + self._block(depth) + "{% endifchanged %}",
                self._one(["plain", "{ x }", "}} %}", " $ "]),
            ]
        )

    def _liquid(self, _: int) -> str:
        return self._tag(
            f"liquid\n assign x = {self._value()}\n if {self._condition()}\n  echo x | {self._one(FILTERS)}\n"
            " else\n echo 'no'\n endif\n"
        )
