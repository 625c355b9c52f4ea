"""What is wrong with the template that a campaign really has, read from its parts without rendering them.

`body` of `/campaigns/details` is one part as Braze keeps it:
https://www.braze.com/docs/api/endpoints/export/campaigns/get_campaign_details
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNREAD: Final = re.compile(r"\{%-?\s*(comment|raw)\s*-?%\}.*?\{%-?\s*end\1\s*-?%\}", re.DOTALL)
_CALL: Final = re.compile(
    r"\{%-?\s*connected_content\s+(?P<url>(?:\{\{.*?\}\}+|[^\s{%])+)(?P<options>.*?)-?%\}", re.DOTALL
)
_ABORT: Final = re.compile(r"\{%-?\s*abort_message\b")
_ON_SUCCESS: Final = re.compile(
    r"\{%-?\s*if\s+\w+\.__http_status_code__ == 200\b(?:(?! or )[^%])*%\}\s*\{%-?\s*abort_message\b"
)
_RETRY: Final = re.compile(r"(?<!\S):retry\b")
_EXTRAS: Final = re.compile(r"\{%-?\s*message_extras\b")
_MEMBER: Final = re.compile(r"\{\{[^}]*\$\{(?:user_id|external_id)\}")
_SEND: Final = re.compile(r"[?&]send=\{\{[^}]*\$\{dispatch_id\}")


def template_findings(parts: Mapping[str, str], *, host: str, html: str) -> tuple[str, ...]:
    """Say in sentences what a message's parts do wrong; empty where nothing is.

    Args:
        parts: Liquid text by the part's name.
        host: The address under which Braze reaches the service, with or without a scheme.
        html: The name of the HTML part among `parts`.
    """
    read = {name: _UNREAD.sub("", text) for name, text in parts.items()}
    ours = {
        name: [call for call in _CALL.finditer(text) if _calls(call["url"], host)]
        for name, text in read.items()
    }
    urls = {
        name: tuple(dict.fromkeys(call["url"] for call in calls)) for name, calls in ours.items() if calls
    }
    if not urls:
        return (f"No part calls {_host(host)}: the mail shows none of our postings.",)
    findings = [
        finding for name, found in urls.items() for url in found for finding in _url_findings(name, url)
    ]
    if len({url for found in urls.values() for url in found}) > 1:
        findings.append(
            "The calls have different URLs: give the same one in every part, or the parts may show different postings."
        )
    retries = any(_RETRY.search(call["options"]) for calls in ours.values() for call in calls)
    if retries and any(_ABORT.search(_ON_SUCCESS.sub("", text)) for text in read.values()):
        findings.append(
            "It asks for `:retry` and aborts: an abort after a failed call prevents the retries, so abort only under `if jobs.__http_status_code__ == 200 and ...`."
        )
    return (*findings, *_extras_findings(read, html))


def _url_findings(part: str, url: str) -> list[str]:
    findings = []
    if not _MEMBER.search(url.partition("?")[0]):
        findings.append(
            f"The call in {part} has no member's id in the path of its URL: write {{{{${{user_id}}}}}} there."
        )
    if not _SEND.search(url):
        findings.append(
            f"The call in {part} gives no send: add send={{{{campaign.${{dispatch_id}}}}}} to its URL."
        )
    return findings


def _extras_findings(parts: Mapping[str, str], html: str) -> list[str]:
    counts = {name: len(_EXTRAS.findall(text)) for name, text in parts.items()}
    findings = [
        f"`message_extras` stands in {name}: put it into {html} alone."
        for name, count in counts.items()
        if count and name != html
    ]
    if counts.get(html, 0) != 1:
        findings.append(
            f"`message_extras` stands {counts.get(html, 0)} times in {html}: it is needed once there."
        )
    return findings


def _calls(url: str, host: str) -> bool:
    return _host(url) == _host(host)


def _host(address: str) -> str:
    try:
        return (urlsplit(address if "//" in address else f"//{address}").hostname or "").lower()
    except ValueError:
        return ""
