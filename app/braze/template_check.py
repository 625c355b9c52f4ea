"""What is wrong with the template that a campaign really has, read from its parts without rendering them.

`body` of `/campaigns/details` is the HTML part as Braze keeps it; the plain text part is not told:
https://www.braze.com/docs/api/endpoints/export/campaigns/get_campaign_details
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from app.board.campaign_key import CAMPAIGN_KEY
from app.capacity.planner import Reason, ReasonCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Bounds keep each pattern from running over a whole text again and again, whatever stands in it.
_UNREAD: Final = re.compile(r"\{%-?\s*(end)?(comment|raw)\s*-?%\}")
_NOTE: Final = re.compile(r"\{%-?\s*#[^%]{0,2000}%\}")
_CALL: Final = re.compile(
    r"\{%-?\s*connected_content\s+(?P<url>(?:\{\{[^{}]*+(?:\{[^{}]*+\}[^{}]*+)*+\}\}|[^\s{%])++)(?P<options>.{0,2000}?)-?%\}",
    re.DOTALL,
)
_ABORT: Final = re.compile(r"\{%-?\s*abort_message\b")
_ON_SUCCESS: Final = re.compile(
    r"\{%-?\s*if\s+\w+\.__http_status_code__\s*==\s*200\b(?:(?!\sor\s)[^%])*%\}\s*\{%-?\s*abort_message\b"
)
_RETRY: Final = re.compile(r"(?<!\S):retry\b")
_EXTRAS: Final = re.compile(r"\{%-?\s*message_extras\b")
_MEMBER: Final = re.compile(r"\{\{[^}]*\$\{(?:user_id|external_id)\}")
_SEND: Final = re.compile(r"[?&]send=\{\{[^}]*\$\{dispatch_id\}")
_BLOCK: Final = re.compile(r"\{\{\s*content_blocks\.")
_ASSIGNED: Final = re.compile(r"\{%-?\s*assign\s+(\w+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\")\s*-?%\}")
_CAPTURED: Final = re.compile(
    r"\{%-?\s*capture\s+['\"]?(\w+)['\"]?\s*-?%\}(.{0,2000}?)\{%-?\s*endcapture\s*-?%\}", re.DOTALL
)
_PRINTED: Final = re.compile(r"\{\{-?\s*(\w+)\s*-?\}\}")
_MOST_READ: Final = 1_000_000  # characters of a part; Braze's own limit of a message is far below


@dataclass(frozen=True, slots=True)
class _TemplatePart:
    """A part as it is looked at: its text, and the URL and options of each call in it."""

    text: str
    calls: Sequence[tuple[str, str]]


def template_findings(
    parts: Mapping[str, str], *, host: str, html: str, message: str = ""
) -> tuple[Reason, ...]:
    """Name what a message's parts do wrong; empty where nothing is.

    Args:
        parts: Liquid text by the part's name.
        host: The address under which Braze reaches the service, with or without a scheme.
        html: The name of the HTML part among `parts`.
        message: What people call the message, for the sentences.
    """
    read = {name: _read(text) for name, text in parts.items()}
    ours = {
        name: [call for call in part.calls if _host(call[0]) == _host(host)] for name, part in read.items()
    }
    return tuple(
        Reason(code, {"message": message or html, **numbers})
        for code, numbers in _found(read, ours, host=_host(host), html=html)
    )


def calls_in(parts: Mapping[str, str], host: str) -> bool:
    """Whether any part calls our host."""
    return any(_host(url) == _host(host) for text in parts.values() for url, _ in _read(text).calls)


def key_in(parts: Mapping[str, str], host: str) -> str | None:
    """The `campaign` parameter of the calls of our host; None where there is none, or several say different ones."""
    keys = {
        key
        for text in parts.values()
        for url, _ in _read(text).calls
        if _host(url) == _host(host)
        for key in parse_qs(url.partition("?")[2]).get("campaign", [])
        if CAMPAIGN_KEY.fullmatch(key)
    }
    return keys.pop() if len(keys) == 1 else None


def _found(
    read: Mapping[str, _TemplatePart], ours: Mapping[str, Sequence[tuple[str, str]]], *, host: str, html: str
) -> Iterator[tuple[ReasonCode, Mapping[str, Any]]]:
    urls = {name: tuple(dict.fromkeys(url for url, _ in calls)) for name, calls in ours.items() if calls}
    if not urls:
        hidden = any(_BLOCK.search(part.text) or _unknown(part) for part in read.values())
        yield (ReasonCode.TEMPLATE_UNSEEN if hidden else ReasonCode.TEMPLATE_NO_CALL), {"host": host}
        return
    for name, found in urls.items():
        for url in found:
            if not _MEMBER.search(url.partition("?")[0]):
                yield ReasonCode.TEMPLATE_NO_MEMBER, {"part": name}
            if not _SEND.search(url):
                yield ReasonCode.TEMPLATE_NO_SEND, {"part": name}
    if len({url for found in urls.values() for url in found}) > 1:
        yield ReasonCode.TEMPLATE_URLS_DIFFER, {}
    retries = any(_RETRY.search(options) for calls in ours.values() for _, options in calls)
    if retries and any(_ABORT.search(_ON_SUCCESS.sub("", part.text)) for part in read.values()):
        yield ReasonCode.TEMPLATE_RETRY_ABORTS, {}
    yield from _extras_found(read, html)


def _extras_found(
    read: Mapping[str, _TemplatePart], html: str
) -> Iterator[tuple[ReasonCode, Mapping[str, Any]]]:
    counts = {name: len(_EXTRAS.findall(part.text)) for name, part in read.items()}
    for name, times in counts.items():
        if times and name != html:
            yield ReasonCode.TEMPLATE_EXTRAS_ELSEWHERE, {"part": name}
    times = counts.get(html, 0)
    may_be_hidden = not times and html in read and _BLOCK.search(read[html].text)
    if times != 1 and not may_be_hidden:
        yield ReasonCode.TEMPLATE_EXTRAS_COUNT, {"times": times}


def _read(text: str) -> _TemplatePart:
    """A part without what is not read, and its calls; a URL that was put into a variable first is put back."""
    looked_at = _NOTE.sub("", _without_unread(text[:_MOST_READ]))
    known = {name: single or double for name, single, double in _ASSIGNED.findall(looked_at)}
    known |= {name: " ".join(body.split()) for name, body in _CAPTURED.findall(looked_at)}
    calls = [(_put_back(call["url"], known), call["options"]) for call in _CALL.finditer(looked_at)]
    return _TemplatePart(looked_at, calls)


def _without_unread(text: str) -> str:
    """A text without its comments and what is raw; one that is not closed is none."""
    kept, begins, opened = [], 0, None
    for tag in _UNREAD.finditer(text):
        if opened is None and not tag[1]:
            opened = tag
        elif opened is not None and tag[1] and tag[2] == opened[2]:
            kept.append(text[begins : opened.start()])
            begins, opened = tag.end(), None
    return "".join([*kept, text[begins:]])


def _put_back(url: str, known: Mapping[str, str]) -> str:
    for _ in range(3):  # a variable of a variable; more is nobody's template
        url = _PRINTED.sub(lambda found: known.get(found[1], found[0]), url)
        if len(url) > 2_000:  # noqa: PLR2004 - longer than any URL that is called
            break
    return url


def _unknown(part: _TemplatePart) -> bool:
    """Whether a call's host cannot be read, as it is put together elsewhere."""
    return any(
        "{" in url.partition("://")[2].partition("/")[0] or url.startswith("{") for url, _ in part.calls
    )


def _host(address: str) -> str:
    try:
        return (urlsplit(address if "//" in address else f"//{address}").hostname or "").lower()
    except ValueError:
        return ""
