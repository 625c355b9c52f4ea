"""The tags `connected_content` and `abort_message`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from app.braze.attributes import NAMESPACES
from app.braze.call_options import CallOptions, parse_options
from app.braze.calls import CallAnswer, JsonAnswer, TextAnswer, read_answer
from app.braze.errors import TemplateError
from app.braze.liquid.errors import LiquidSyntaxError
from app.braze.liquid.nodes import TextNode
from app.braze.liquid.tokenizer import TemplateSource
from app.braze.liquid.values import to_text
from app.braze.parsing import BrazeParser, render_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.braze.liquid.context import Context
    from app.braze.liquid.nodes import Body, Node, Output
    from app.braze.liquid.parser import Parser, Tag

CALLER: Final = "connected_content"
"""The key in a context's tags under which connected_content finds its caller."""
NOTES: Final = "notes"
"""The key under which tags store notes, each with an offset."""

_BARE = re.compile(r"'[^']*'|\"[^\"]*\"|[^()'\"]*")
_QUOTED = re.compile(r"'(.*)'|\"(.*)\"", re.DOTALL)
_BARE_REFERENCE = re.compile(rf"(?:(?:{'|'.join(sorted(NAMESPACES))})\.)?\$\{{[^{{}}\n]+\}}")
_FETCHING_TAGS: Final = ("connected_content", "catalog_items", "catalog_selection_items")


class MessageAborted(Exception):  # noqa: N818  # control flow, not a fault: the template asked for it
    """The message is not sent; `reason` is what the template gave, or None."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason


class TagError(Exception):
    """A tag that is wrong once its Liquid is rendered; the sentence says why."""

    def __init__(self, sentence: str, at: int) -> None:
        super().__init__(sentence)
        self.at = at


class Caller(Protocol):
    """Makes the call of a tag whose Liquid is rendered; returns None for an unusable answer."""

    def __call__(
        self, options: CallOptions, *, url: str, headers: dict[str, str], body: str | None
    ) -> CallAnswer | None:
        """Return a usable answer or None; may raise MessageAborted or TemplateError."""
        ...


@dataclass(frozen=True, slots=True)
class TagParts:
    """The parts of a tag, each a template of its own."""

    url: Body
    headers: Body | None
    body: Body | None
    names: dict[str, Body]


@dataclass(slots=True)
class ConnectedContent:
    """Makes a call when it is rendered, then assigns the answer or prints it."""

    at: int
    options: CallOptions
    pieces: TagParts
    parser: BrazeParser
    tag: Tag
    blank: bool = False  # text answers are printed where the tag stands

    def render(self, context: Context, output: Output) -> None:
        """Make the call and give the template what Braze gives it.

        JSON is assigned to the `:save` variable, or to `connected` without one. Other text replaces the tag, and nothing is
        assigned. With `:rerender` the answer's own Liquid is rendered first, one level deep.
        """
        caller: Caller = context.tags[CALLER]
        try:
            answer = caller(
                self._render_options(context),
                url=self._render(self.pieces.url, context),
                headers=_headers_of(self._render(self.pieces.headers, context)),
                body=self._render(self.pieces.body, context) if self.pieces.body else None,
            )
        except TemplateError as error:
            raise TagError(str(error), self.at) from error
        variable = self.options.save or "connected"
        context.assign(variable, None)
        if answer is None:
            return
        text = answer.body.decode("utf-8", errors="replace")
        match read_answer(self._rerender(text, context) if self.options.rerender else text, answer.status):
            case JsonAnswer(value):
                context.assign(variable, value)
            case TextAnswer(plain):
                if self.options.save:
                    context.tags[NOTES].append(
                        (
                            self.at,
                            f"the answer is no JSON, so it is printed here and '{variable}' stays empty",
                        )
                    )
                output.write(plain)

    def _render(self, piece: Body | None, context: Context) -> str:
        return render_part(piece, context, self.at) if piece else ""

    def _render_options(self, context: Context) -> CallOptions:
        filled: dict[str, Any] = {
            name: self._render(body, context) for name, body in self.pieces.names.items()
        }
        return replace(self.options, **filled)

    def _rerender(self, text: str, context: Context) -> str:
        """Render the answer's own Liquid except tags that fetch; an answer with broken Liquid stays as it is."""
        kept = dict.fromkeys(_FETCHING_TAGS, _read_as_text)
        try:
            body = BrazeParser(TemplateSource(text), {**self.parser.own_tags, **kept}).read_all()
        except LiquidSyntaxError as error:
            context.tags[NOTES].append((self.at, f"the answer's own Liquid cannot be read: {error}"))
            return text
        return render_part(body, context, self.at)


def _read_as_text(_: Parser, tag: Tag) -> Node:
    return TextNode(tag.at, f"{{% {tag.name} {tag.written}%}}")


def _headers_of(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        headers = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TemplateError(f"connected_content's :headers are no JSON once filled in: {error}.") from error
    if not isinstance(headers, dict) or any(isinstance(value, dict | list) for value in headers.values()):
        raise TemplateError('connected_content\'s :headers must be an object of texts: {"X-Name": "value"}.')
    return {name: to_text(value) for name, value in headers.items()}


def _read_connected_content(parser: Parser, tag: Tag) -> Node | None:
    if parser.commented or not isinstance(parser, BrazeParser):
        return None
    try:
        options = parse_options(tag.written.rstrip())
    except TemplateError as error:
        raise tag.wrong(str(error)) from error
    for note in options.notes:
        parser.note(tag.at, note)

    def part(text: str | None) -> Body | None:
        return parser.part(with_braces(text), tag) if text else None

    names = {
        name: parser.part(value, tag)
        for name in ("basic_auth", "auth_credentials", "content_type")
        if (value := getattr(options, name)) and "{{" in value
    }
    pieces = TagParts(
        parser.part(with_braces(options.url), tag), part(options.headers), part(options.body), names
    )
    return ConnectedContent(tag.at, options, pieces, parser, tag)


def with_braces(text: str) -> str:
    """Put double braces around bare references: `?lang=${language}` means the language."""
    if "${" not in text:
        return text
    pieces = TemplateSource(text).tokens()
    return "".join(
        _BARE_REFERENCE.sub(r"{{\g<0>}}", one.text) if one.kind == "text" else one.text for one in pieces
    )


@dataclass(slots=True)
class AbortMessage:
    """Ends the render of the whole message."""

    at: int
    reason: str | None
    blank: bool = False

    def render(self, context: Context, output: Output) -> None:  # noqa: ARG002 - as every node
        """Raise MessageAborted."""
        raise MessageAborted(self.reason)


def _read_abort_message(parser: Parser, tag: Tag) -> Node:
    """Read the reason, quoted or not, in parentheses or not, or none at all."""
    reason = tag.written.strip()
    if reason.startswith("(") and reason.endswith(")"):
        reason = reason[1:-1].strip()
    elif not _BARE.fullmatch(reason):
        raise tag.wrong(
            "abort_message takes one text in quotes and parentheses: {% abort_message('reason') %}"
        )
    if quoted := _QUOTED.fullmatch(reason):
        reason = quoted[1] or quoted[2] or ""
    elif reason:
        parser.note(tag.at, "Braze wants the reason in quotes and parentheses: {% abort_message('reason') %}")
    if "{{" in reason or "${" in reason:
        parser.note(tag.at, "Braze fills no Liquid into the reason of abort_message; it logs it as written")
    return AbortMessage(tag.at, reason.strip() or None)


TAGS: Final[dict[str, Callable[[Parser, Tag], Node | None]]] = {
    "abort_message": _read_abort_message,
    "connected_content": _read_connected_content,
}
