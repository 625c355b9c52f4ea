"""Splits a template into tokens: texts, outputs and tags, each with its offset.

HTML comments are taken out first, as Braze does before it reads any Liquid; conditional comments
(`<!--[if mso]>`), which mails for Outlook need, stay.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from app.braze.liquid.errors import LiquidSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

TokenKind = Literal["text", "output", "tag"]
_CONDITIONAL: Final = re.compile(r"<!--\s*(?:\[|<!\[)")
_MARKS: Final = re.compile(r"\{\{|\}\}|\}|\$\{[^{}\n]*\}|'[^']*'|\"[^\"]*\"")
_REFERENCE: Final = re.compile(r"\$\{[^{}\n]*\}")
_IN_MARKUP: Final = re.compile(
    r"""
    (?P<kept>'[^']*'|"[^"]*"|\$\{[^{}\n]*\})
    | (?P<operator>(?<![=!<>])[=!<>]++\s*+(?=\{\{))?\{\{-?\s*+
    | (?<!\s)\s*+-?\}\}(?P<compares>\s*+[=!<>]++\s*+)?
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One text, output or tag; `text` is all of it, braces too, `at` its offset in the template as written."""

    kind: TokenKind
    text: str
    at: int

    @property
    def markup(self) -> str:
        """The text between the braces, without the hyphens that remove white space."""
        inner = self.text[2:-2]
        return inner[self.trims_before : len(inner) - self.trims_after]

    @property
    def trims_before(self) -> bool:
        """True for `{{-` and `{%-`, which remove the white space before them."""
        return self.text[2:3] == "-"

    @property
    def trims_after(self) -> bool:
        """True for `-}}` and `-%}`, which remove the white space after them."""
        return self.text[-3:-2] == "-" and len(self.text) > len("{{-}}") - 1


class TemplateSource:
    """A template's text without its HTML comments. It still knows the offsets and lines of the template as written."""

    def __init__(self, written: str) -> None:
        self.written = written
        self._starts: list[int] = []
        self._cut: list[int] = []
        kept, position, cut = [], 0, 0
        for start, end in _comments(written):
            kept.append(written[position:start])
            cut += end - start
            self._starts.append(start - (cut - (end - start)))
            self._cut.append(cut)
            position = end
        self.text = "".join([*kept, written[position:]])

    def written_at(self, offset: int) -> int:
        """Return the offset in the template as written of an offset in the text."""
        found = bisect_right(self._starts, offset)
        return offset + (self._cut[found - 1] if found else 0)

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return the line and the column, both from 1, of an offset in the template as written."""
        before = self.written[:offset]
        return before.count("\n") + 1, offset - before.rfind("\n")

    def tokens(self) -> Iterator[Token]:
        """Yield the tokens in order; raises LiquidSyntaxError for an output or tag that does not end."""
        position, text = 0, self.text
        while (start := _next_mark(text, position)) >= 0:
            if start > position:
                yield Token("text", text[position:start], self.written_at(position))
            kind: TokenKind = "tag" if text[start + 1] == "%" else "output"
            end = text.find("%}", start + 2) + 2 if kind == "tag" else end_of_output(text, start)
            if end < len("{{}}") or (kind == "output" and text[end - 2 : end] != "}}"):
                shown = text[start : start + 30].split("\n")[0]
                closing = "%}" if kind == "tag" else "}}"
                raise LiquidSyntaxError(f"'{shown}' is not closed by {closing}", self.written_at(start))
            yield Token(kind, text[start:end], self.written_at(start))
            position = end
        if position < len(text):
            yield Token("text", text[position:], self.written_at(position))


def _next_mark(text: str, position: int) -> int:
    while (start := text.find("{", position)) >= 0:
        if text[start + 1 : start + 2] in {"{", "%"}:
            return start
        position = start + 1
    return -1


def _comments(text: str) -> Iterator[tuple[int, int]]:
    position = 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start + 4) + 3) > 3:  # noqa: PLR2004 - found
        if not _CONDITIONAL.match(text, start) and text[start : start + 7] != "<!--<!":
            yield start, end
        position = end


def end_of_output(text: str, start: int) -> int:
    """Return where an output ends, counting the double braces inside it; a single closing brace ends it wrongly.

    A closing brace counts even within quotes, as in Ruby; an opening pair only outside of them.
    """
    depth = 0
    for match in _MARKS.finditer(text, start):
        mark = match[0]
        if mark[0] in "'\"":
            if closing := _closing_brace(mark):
                return match.start() + closing
        elif mark == "{{":
            depth += 1
        elif mark == "}}":
            depth -= 1
            if depth == 0:
                return match.end()
        elif mark == "}":
            return match.end()
    return 0


def _closing_brace(quoted: str) -> int:
    """Return where an output ends although a quoted text is open, or 0 if it does not end there."""
    plain = _REFERENCE.sub(lambda match: " " * len(match[0]), quoted)
    closing = plain.find("}")
    return 0 if closing < 0 else closing + (2 if plain[closing : closing + 2] == "}}" else 1)


def without_braces(markup: str) -> str:
    """Return a tag's or output's markup with the double braces inside it taken out; quoted texts stay as they are."""
    if "{{" not in markup and "}}" not in markup:
        return markup

    def plain(match: re.Match[str]) -> str:
        """Put spaces around an operator that stood beside the removed braces."""
        operator = match["operator"] or match["compares"]
        return match["kept"] or (f" {operator.strip()} " if operator else "")

    return _IN_MARKUP.sub(plain, markup)
