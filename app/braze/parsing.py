"""Parses a template as Braze does: standard and Braze's own tags and filters, and Content Blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.braze.filters import FILTERS, TIME_FILTERS, UNDOCUMENTED, UNSUPPORTED
from app.braze.liquid.errors import LiquidError, LiquidSyntaxError, suggest
from app.braze.liquid.expressions import Filtered, Literal, Lookup
from app.braze.liquid.filters import STANDARD
from app.braze.liquid.nodes import Body, Node, Output
from app.braze.liquid.parser import Parser, Tag
from app.braze.liquid.standard_tags import STANDARD_TAGS
from app.braze.liquid.tokenizer import TemplateSource
from app.braze.liquid.values import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.braze.liquid.context import Context

DEEPEST_BLOCKS: Final = 10
_FILTERS: Final = (*STANDARD, *FILTERS, *TIME_FILTERS)
_DEPTH: Final = "content_blocks"


class BrazeParser(Parser):
    """A parser with Braze's tags and filters, which refuses those that Braze does not have."""

    def __init__(
        self, source: TemplateSource, tags: Mapping[str, Callable[[Parser, Tag], Node | None]]
    ) -> None:
        super().__init__(source, STANDARD_TAGS | dict(tags), _check_filter)
        self.own_tags = tags

    def filtered(self, markup: str, at: int) -> Filtered:
        """Read a value and its filters, and note undocumented ones."""
        value = super().filtered(markup, at)
        for call in value.filters:
            if call.name in UNDOCUMENTED:
                self.note(at, f"Braze does not say that it has the filter '{call.name}'")
        return value

    def output(self, value: Filtered, at: int) -> Node:
        """Return the node of an output; that of a Content Block renders the block."""
        lookup = value.value
        if isinstance(lookup, Lookup) and lookup.name == Literal("content_blocks"):
            return ContentBlock(at, value, self)
        return super().output(value, at)

    def part(self, text: str, tag: Tag) -> Body:
        """Read a text within a tag as a template of its own; its faults are the tag's."""
        try:
            return BrazeParser(TemplateSource(text), self.own_tags).read_all()
        except LiquidSyntaxError as error:
            raise tag.wrong(str(error)) from error


def _check_filter(name: str) -> None:
    """Refuse a filter that Braze does not have."""
    if name in UNSUPPORTED:
        raise LiquidSyntaxError(f"Braze does not support the filter '{name}'")
    if name not in _FILTERS:
        raise LiquidSyntaxError(f"there is no filter '{name}'{suggest(name, _FILTERS)}")


def render_part(body: Body, context: Context, at: int) -> str:
    """Render a body within a tag; its errors get the tag's position."""
    output, before = Output(), len(context.errors)
    body.render(context, output)
    context.errors[before:] = [(at, sentence) for _, sentence in context.errors[before:]]
    return output.text


@dataclass(slots=True)
class ContentBlock:
    """`{{content_blocks.${name}}}`: the block's own Liquid, rendered here, sharing all variables."""

    at: int
    value: Filtered
    parser: BrazeParser
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:
        """Render the block; one that is not given prints nothing."""
        depth = context.tags.get(_DEPTH, 0)
        if depth >= DEEPEST_BLOCKS:
            raise LiquidError("Content Blocks are nested too deep")
        text = to_text(self.value.evaluate(context))
        try:
            body = self.parser.part(text, Tag("content_blocks", "", "", self.at))
        except LiquidSyntaxError as error:
            raise LiquidError(f"in a Content Block: {error}") from error
        context.tags[_DEPTH] = depth + 1
        output.write(render_part(body, context, self.at))
        context.tags[_DEPTH] = depth
