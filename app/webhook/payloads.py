"""A message as a Slack incoming webhook and a Teams workflow take it; nothing in a text is read as markup.

Sources: docs.slack.dev/reference/block-kit/blocks (a header has up to 150 characters, a section's text up to 3,000, a
message up to 50 blocks); learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors (an Adaptive Card as the
one attachment, at most 28 KB).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["slack", "teams"]
MOST_HEADER: Final = 150
MOST_LINE: Final = 3_000
MOST_LINES: Final = 45
MOST_BYTES: Final = 24_000  # under Teams' 28 KB, with room for what a workflow puts around


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """A title and lines of plain text; `more` says how many lines were left out, with its place for the number."""

    title: str
    lines: Sequence[str]
    more: str = "+{count}"


def kind_of(host: str) -> Kind:
    """Whose webhook a host is; all that are not Slack's speak Teams'."""
    return "slack" if host == "slack.com" or host.endswith(".slack.com") else "teams"


def payload(message: ChannelMessage, kind: Kind) -> bytes:
    """The JSON body of a message; lines that do not fit are counted in its last."""
    build = _slack if kind == "slack" else _teams
    title = _short(message.title, MOST_HEADER)
    lines = [_short(line, MOST_LINE) for line in message.lines]
    for kept in range(min(len(lines), MOST_LINES), -1, -1):
        left = len(lines) - kept
        shown = lines[:kept] + ([message.more.format(count=left)] if left else [])
        body = json.dumps(build(title, shown), ensure_ascii=False).encode()
        if len(body) <= MOST_BYTES:
            break
    return body


def _slack(title: str, lines: Sequence[str]) -> dict[str, Any]:
    sections = [{"type": "section", "text": _plain(line)} for line in lines]
    return {"text": _escaped(title), "blocks": [{"type": "header", "text": _plain(title)}, *sections]}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """What Slack takes for control characters, as it wants them written."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(title: str, lines: Sequence[str]) -> dict[str, Any]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_rich(title, weight="Bolder", size="Medium"), *(_rich(line) for line in lines)],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _rich(text: str, **style: str) -> dict[str, Any]:
    """A text that, unlike a TextBlock's, is not read as Markdown."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
