"""Braze's tags for its own data: message extras, catalogs, translations, and tags a preview cannot render."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app.braze.liquid.nodes import OutputTag, nothing
from app.braze.liquid.values import to_text
from app.braze.parsing import BrazeParser, render_part
from app.braze.tags import NOTES
from app.feedback.exposure import MOST_EXTRAS_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.braze.liquid.context import Context
    from app.braze.liquid.nodes import Body, Node, Output
    from app.braze.liquid.parser import Parser, Tag

EXTRAS: Final = "message_extras"
"""The key in a context's tags under which message extras are collected, each with an offset."""
LOST: Final = "lost_extras"
"""The key under which sentences are collected, each with an offset: what of the message extras Braze would lose."""
MOST_ITEMS: Final = 50
_NOT_READ = (
    "the message extra is lost: Braze reads only {% message_extras :key name :value text %}, in this order, "
    "with no other text and no tags inside"
)
_CUT_OFF = (
    f"is cut off: Braze takes {MOST_EXTRAS_BYTES:,} bytes of all keys and values, and the first come first"
)
_PAIR = re.compile(r":key\s+(?P<key>\S.*?)\s+:value\s+(?P<value>\S.*)", re.DOTALL)


@dataclass(slots=True)
class MessageExtras:
    """`message_extras :key x :value y`: prints nothing; Braze adds the pair to the send event.

    Braze says that all keys and values together have 1,000 bytes and that the first of doubled keys counts. That it keeps the
    pairs in their order, and the first bytes of the one that has no room, is an assumption.
    """

    at: int
    key: Body
    value: Body
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:  # noqa: ARG002 - as every node
        """Store the pair, unless Braze would not send it."""
        extras: dict[str, tuple[int, str]] = context.tags[EXTRAS]
        key = render_part(self.key, context, self.at).strip()
        value = render_part(self.value, context, self.at).strip()
        if key in extras:
            self._lose(context, f"the message extra '{key}' is given twice; Braze sends the first")
        elif not key or not value:
            self._lose(
                context, f"the message extra '{key}' is empty" if key else "a message extra has no key"
            )
        else:
            extras[key] = self.at, value

    def _lose(self, context: Context, sentence: str) -> None:
        context.tags[LOST].append((self.at, sentence))


@dataclass(slots=True)
class LostExtras:
    """A `message_extras` that is not written as Braze reads it, which loses it and says nothing."""

    at: int
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:  # noqa: ARG002 - as every node
        """Say what is lost."""
        context.tags[LOST].append((self.at, _NOT_READ))


def cut_off(context: Context) -> dict[str, str]:
    """The message extras that a render collected, as Braze sends them; what has no room is said to be lost."""
    room, kept = MOST_EXTRAS_BYTES, {}
    for key, (at, value) in context.tags[EXTRAS].items():
        pair = (key + value).encode(errors="replace")
        if len(pair) > room:
            context.tags[LOST].append((at, f"the message extra '{key}' {_CUT_OFF}"))
        sent = pair[:room].decode(errors="ignore")
        if len(sent) > len(key):
            kept[key] = sent.removeprefix(key)
        room = max(room - len(pair), 0)
    return kept


def _read_message_extras(parser: Parser, tag: Tag) -> Node | None:
    match = _PAIR.fullmatch(tag.written.strip())
    if match is None or "{%" in tag.written or not isinstance(parser, BrazeParser):
        return LostExtras(tag.at)
    return MessageExtras(tag.at, parser.part(match["key"], tag), parser.part(match["value"], tag))


@dataclass(slots=True)
class Catalog:
    """`catalog_items` or `catalog_selection_items`: assigns `items`, from the catalogs given to the preview."""

    at: int
    source: str
    words: Body
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:  # noqa: ARG002 - as every node
        """Look the items up; missing ones are recorded."""
        catalog, *keys = re.split(r"[\s,]+", render_part(self.words, context, self.at).strip())
        keys = [key for key in keys if key and not key.startswith(":")]
        given = context.environment.get(self.source)
        rows = given.get(catalog) if isinstance(given, dict) else None
        items: list[Any] = []
        for key in keys[:MOST_ITEMS]:
            found = _row(rows, key)
            if found is None:
                context.record_missing(self.source, (self.source, catalog, key), is_reference=True)
            items += found if isinstance(found, list) else [] if found is None else [found]
        context.assign("items", items)


def _row(rows: object, key: str) -> object:
    if isinstance(rows, dict):
        return rows.get(key)
    if isinstance(rows, list):
        return next((row for row in rows if isinstance(row, dict) and to_text(row.get("id")) == key), None)
    return None


def _catalog(source: str) -> Callable[[Parser, Tag], Node | None]:
    def read(parser: Parser, tag: Tag) -> Node:
        if not tag.written.strip():
            raise tag.wrong(
                f"{tag.name} needs a catalog and what to take from it: {{% {tag.name} games 1234 %}}"
            )
        if not isinstance(parser, BrazeParser):
            return nothing(tag.at)
        if ":rerender" in tag.written:
            parser.note(tag.at, "the preview does not fill in the Liquid inside catalog items")
        return Catalog(tag.at, source, parser.part(tag.written, tag))

    return read


@dataclass(slots=True)
class UnsupportedTag:
    """A tag that only Braze can render; it prints nothing and leaves a note."""

    at: int
    name: str
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:  # noqa: ARG002 - as every node
        """Leave a note."""
        context.tags[NOTES].append(
            (self.at, f"only Braze can fill in {{% {self.name} %}}; the preview leaves it empty")
        )


@dataclass(slots=True)
class Translation:
    """`translation id` ... `endtranslation`: the text as written, as in the default language."""

    at: int
    body: Body
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:
        """Render the text as written."""
        self.body.render(context, output)


def _read_translation(parser: Parser, tag: Tag) -> Node:
    parser.note(tag.at, "the preview shows the text of a translation as written, in no other language")
    return Translation(tag.at, parser.block(tag, "endtranslation")[0])


def _read_code(parser: Parser, tag: Tag) -> Node:
    parser.note(tag.at, f"Braze puts a code in for {{% {tag.name} %}}; the preview shows CODE")
    return OutputTag(tag.at, parser.filtered("'CODE'", tag.at))


TAGS: Final[dict[str, Callable[[Parser, Tag], Node | None]]] = {
    "catalog_items": _catalog("catalogs"),
    "catalog_selection_items": _catalog("catalog_selections"),
    "message_extras": _read_message_extras,
    "promotion": _read_code,
    "translation": _read_translation,
} | {
    name: lambda _, tag: UnsupportedTag(tag.at, tag.name)
    for name in ("product_recommendation", "promotion_code", "shopping_cart", "subscription_group")
}
