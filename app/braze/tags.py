"""The two tags Braze adds to Liquid: `connected_content` and `abort_message`."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Protocol, TextIO

from liquid import BoundTemplate, Environment, RenderContext, Token
from liquid.ast import Node
from liquid.exceptions import LiquidError, LiquidSyntaxError
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION

from app.braze.calls import Answer, usable_value
from app.braze.errors import TemplateError
from app.braze.options import CallOptions, parse_options

CALLER = "connected_content"
"""The key in a render context's tag namespace under which connected_content finds its caller."""

_REASON = re.compile(r"""\(\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)")?\s*\)""")


class MessageAborted(Exception):  # noqa: N818  # control flow, not a fault: the template asked for it
    """The message is not sent; `reason` is what the template gave, or None."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason


class Caller(Protocol):
    """Makes the call of one tag whose Liquid is filled in; None stands for every unusable answer."""

    def __call__(
        self, options: CallOptions, *, url: str, headers: dict[str, str], body: str | None
    ) -> Answer | None:
        """Return a usable answer or None; may raise MessageAborted or TemplateError."""
        ...


@dataclass(frozen=True, slots=True)
class Pieces:
    """The parts of a tag that are templates of their own."""

    url: BoundTemplate
    headers: BoundTemplate | None
    body: BoundTemplate | None


class ConnectedContentNode(Node):
    """Calls when rendered, then assigns the answer or prints it."""

    __slots__ = ("options", "pieces")

    def __init__(self, token: Token, options: CallOptions, pieces: Pieces) -> None:
        super().__init__(token)
        self.options = options
        self.pieces = pieces
        self.blank = False  # text answers are printed where the tag stands

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Call, and give the template what Braze would.

        JSON goes to the `:save` variable, or to `connected` without one. Other text replaces the tag; that it does
        so even with `:save` is what the open-source brazejs does, and not documented.
        """
        caller: Caller = context.tag_namespace[CALLER]
        try:
            answer = caller(
                self.options,
                url=_filled(self.pieces.url, context),
                headers=_headers_of(_filled(self.pieces.headers, context)),
                body=_filled(self.pieces.body, context) if self.pieces.body else None,
            )
        except TemplateError as error:
            raise LiquidError(str(error), token=self.token) from error
        except LiquidError as error:  # its position is within a piece: show the tag's
            raise LiquidError(str(error.message), token=self.token) from error
        value = None if answer is None else usable_value(answer)
        if isinstance(value, str):
            context.assign(self.options.save or "connected", None)
            return buffer.write(value)
        context.assign(self.options.save or "connected", value)
        return 0


def _filled(template: BoundTemplate | None, context: RenderContext) -> str:
    if template is None:
        return ""
    buffer = StringIO()
    template.render_with_context(context, buffer, partial=True)
    return buffer.getvalue()


def _headers_of(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        headers = json.loads(text)
    except ValueError as error:
        raise TemplateError(f"connected_content's :headers are no JSON once filled in: {error}.") from error
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise TemplateError(
            'connected_content\'s :headers must be an object of strings: {"X-Name": "value"}.'
        )
    return headers


def _tag_and_text(stream: TokenStream) -> tuple[Token, str]:
    """Return the tag's token and raw text, leaving the stream on the tag's last token as python-liquid's parser expects."""
    token = stream.current
    if stream.peek.kind != TOKEN_EXPRESSION:
        return token, ""
    next(stream)
    return token, stream.current.value


class ConnectedContentTag(Tag):
    """`{% connected_content URL :option value ... %}`."""

    name = "connected_content"
    block = False

    def parse(self, stream: TokenStream) -> Node:
        """Read the options and parse those that hold Liquid."""
        token, text = _tag_and_text(stream)
        try:
            options = parse_options(text)
            pieces = _parsed(options, self.env.from_string)
        except TemplateError as error:
            raise LiquidSyntaxError(str(error), token=token) from error
        except LiquidError as error:  # as when rendering
            raise LiquidSyntaxError(str(error.message), token=token) from error
        return ConnectedContentNode(token, options, pieces)


def _parsed(options: CallOptions, parse: Callable[[str], BoundTemplate]) -> Pieces:
    return Pieces(
        url=parse(options.url),
        headers=parse(options.headers) if options.headers else None,
        body=parse(options.body) if options.body else None,
    )


class AbortMessageNode(Node):
    """Ends the render of the whole message."""

    __slots__ = ("reason",)

    def __init__(self, token: Token, reason: str | None) -> None:
        super().__init__(token)
        self.reason = reason

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:  # noqa: ARG002  # python-liquid's signature
        """Raise MessageAborted."""
        raise MessageAborted(self.reason)


class AbortMessageTag(Tag):
    """`{% abort_message('reason') %}` or `{% abort_message() %}`."""

    name = "abort_message"
    block = False

    def parse(self, stream: TokenStream) -> Node:
        """Read the quoted reason, which Braze allows no Liquid in."""
        token, text = _tag_and_text(stream)
        match = _REASON.fullmatch(text)
        if match is None or "{{" in text:
            raise LiquidSyntaxError(
                "abort_message takes one quoted text without Liquid: {% abort_message('reason') %}.",
                token=token,
            )
        return AbortMessageNode(token, match["single"] or match["double"] or None)


def register_tags(env: Environment) -> None:
    """Add Braze's tags, and take away the two that load other templates: Braze has none to load."""
    env.add_tag(ConnectedContentTag)
    env.add_tag(AbortMessageTag)
    for name in ("include", "render"):
        del env.tags[name]
