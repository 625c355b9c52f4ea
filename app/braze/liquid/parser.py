"""Parses a template: tokens become tags, and tags become nodes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.braze.liquid.errors import MAX_DEPTH, LiquidSyntaxError, suggest
from app.braze.liquid.expressions import QUOTED, Expression, Filtered, read_filtered, read_value
from app.braze.liquid.nodes import Body, Node, OutputTag, TextNode
from app.braze.liquid.tokenizer import TemplateSource, Token, without_braces
from app.braze.liquid.values import SPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TAG = re.compile(r"\s*(#|\w+)\s*(.*)", re.ASCII | re.DOTALL)
_QUOTED = re.compile(QUOTED)
_CURLY = re.compile("[\u2018\u2019\u201c\u201d]")
_RAW_END = re.compile(r"\{%-?\s*endraw\s*(.*?)%\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: its name, its markup without inner braces, the same as written, and its offset."""

    name: str
    markup: str
    written: str
    at: int

    def wrong(self, sentence: str) -> LiquidSyntaxError:
        """Return a syntax error that names this tag's offset."""
        return LiquidSyntaxError(sentence, self.at)


class Parser:
    """Parses tokens into nodes."""

    def __init__(
        self,
        source: TemplateSource,
        tags: Mapping[str, Callable[[Parser, Tag], Node | None]],
        check_filter: Callable[[str], None],
    ) -> None:
        self.source = source
        self.check_filter = check_filter
        self.notes: list[tuple[int, str]] = []
        self.commented = 0
        self._tags = tags
        self._tokens = source.tokens()
        self._lines: Iterator[Tag] = iter(())
        self._trims = False
        self._depth = 0

    def read_all(self) -> Body:
        """Read the whole template; raises LiquidSyntaxError with its place."""
        body, end = self._read_body()
        if end is not None:
            raise end.wrong(
                f"'{end.name}' has nothing to end or divide here"
                if end.name.startswith("end") or end.name in {"else", "elsif", "when"}
                else self._unknown(end)
            )
        return body

    def block(self, tag: Tag, *ends: str) -> tuple[Body, Tag]:
        """Read a block's body up to the tag that ends or divides it."""
        if self._depth >= MAX_DEPTH:
            raise tag.wrong("blocks are nested too deep: more than 100")
        self._depth += 1
        body, end = self._read_body()
        self._depth -= 1
        if end is None:
            raise tag.wrong(f"'{tag.name}' is never closed by {{% end{tag.name} %}}")
        if end.name not in ends:
            if end.name in {"else", "elsif", "when"} or end.name.startswith("end"):
                raise end.wrong(
                    f"'{end.name}' does not belong into '{tag.name}', which ends with {{% end{tag.name} %}}"
                )
            raise end.wrong(self._unknown(end))
        return body, end

    def filtered(self, markup: str, at: int) -> Filtered:
        """Read a value and its filters."""
        try:
            return read_filtered(markup, self.check_filter)
        except LiquidSyntaxError as error:
            is_open = {"'", '"'} & set(_QUOTED.sub("", markup))
            raise LiquidSyntaxError(
                f"{error}{', and a quote is not closed' if is_open else ''}", at
            ) from error

    def output(self, value: Filtered, at: int) -> Node:
        """Return the node of an output."""
        return OutputTag(at, value)

    def value(self, markup: str, tag: Tag) -> Expression:
        """Read a value."""
        try:
            return read_value(markup)
        except LiquidSyntaxError as error:
            raise tag.wrong(str(error)) from error

    def note(self, at: int, sentence: str) -> None:
        """Record a note on a template that renders nevertheless."""
        self.notes.append((at, sentence))

    def raw(self, tag: Tag) -> str:
        """Return the text up to `endraw`, unread."""
        kept = []
        for token in self._tokens:
            match = _RAW_END.search(token.text)
            if match and token.kind != "text":
                kept.append(token.text[: match.start()])
                self._trims = token.trims_after
                return "".join(kept)
            kept.append(token.text)
        raise tag.wrong("'raw' is never closed by {% endraw %}")

    def lines(self, tag: Tag) -> None:
        """Read the lines of a `liquid` tag as tags, before anything else."""
        lines = []
        for line in tag.markup.split("\n"):
            if line.strip(SPACE):
                match = _TAG.match(line)
                if match is None:
                    raise tag.wrong(f"'{line.strip()}' is no tag")
                lines.append(Tag(match[1], match[2], match[2], tag.at))
        self._lines = iter([*lines, *self._lines])

    def _unknown(self, tag: Tag) -> str:
        return f"there is no tag '{tag.name}'" + suggest(tag.name, [*self._tags, "elsif", "else", "when"])

    def _read_body(self) -> tuple[Body, Tag | None]:
        body = Body()
        while (one := self._next(body)) is not None:
            if isinstance(one, Tag):
                if one.name == "liquid":
                    self.lines(one)
                elif one.name not in self._tags:
                    if not self.commented or one.name == "endcomment" or one.name.startswith("end"):
                        return body, one
                elif node := self._tags[one.name](self, one):
                    body.add(node)
            else:
                body.add(one)
        return body, None

    def _next(self, body: Body) -> Tag | Node | None:
        for line in self._lines:
            return line
        for token in self._tokens:
            if token.kind == "text":
                text = token.text.lstrip(SPACE) if self._trims else token.text
                self._trims = False
                return TextNode(token.at, text)
            if token.trims_before and body.nodes and isinstance(last := body.nodes[-1], TextNode):
                last.text = last.text.rstrip(SPACE)
            self._trims = token.trims_after
            if _CURLY.search(_QUOTED.sub("", token.text)):
                self.note(token.at, "curly quotes are no quotes in Liquid: write ' or \"")
            if token.kind == "output":
                return self.output(self.filtered(without_braces(token.markup), token.at), token.at)
            return self._tag(token)
        return None

    def _tag(self, token: Token) -> Tag:
        match = _TAG.fullmatch(token.markup)
        if match is None:
            raise LiquidSyntaxError(f"'{token.text[:30]}' holds no tag", token.at)
        return Tag(match[1], without_braces(match[2]), match[2], token.at)
