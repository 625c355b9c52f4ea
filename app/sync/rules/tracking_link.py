"""Airbridge's tracking links in their static form: one pattern a campaign, which the template fills in for each posting.

Sources, of help.airbridge.io/en: guides/creating-tracking-links-on-the-editing-tools (links that are written, not made by the
API: `https://abr.ge/@APP/CHANNEL?deeplink_url=…`), guides/tracking-link-structure-and-parameters (`campaign`,
`routing_short_id`), guides/creating-tracking-links-faq (128 characters of a parameter of a custom channel; letters, digits and
`. - _` in a channel). A link made by the API for each member and posting would be 20,000,000 for a mail of ten postings to
2,000,000 members: more than four days at its 50 a second.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

BASE: Final = "https://abr.ge"
MOST_CHARACTERS: Final = 128
APP: Final = re.compile(r"[a-z0-9_-]{1,60}")
_CHANNEL: Final = re.compile(r"[a-z0-9._-]{1,128}")
_ROUTING: Final = re.compile(r"[A-Za-z0-9]{1,40}")


class LinkError(ValueError):
    """What cannot stand in a tracking link; the sentence says so."""


def liquid_link(
    app: str,
    channel: str,
    campaign: str,
    *,
    board: str | None = None,
    deep: str | None = None,
    routing: str | None = None,
) -> str:
    """The pattern of a campaign's links, as Liquid that stands where a template has `{{ posting.url }}`.

    The posting's own URL is the deep link, with its `rid`, campaign and place in it.

    Args:
        app: Its name in Airbridge.
        channel: As Airbridge's reports name it.
        campaign: The campaign's slug.
        board: What the postings' URLs begin with, where the app has a scheme of its own.
        deep: What stands in place of that, such as `exampleapp://`.
        routing: The id of a redirection made once in the dashboard, for those who have not the app.

    Raises:
        LinkError: one of them cannot stand in a link.
    """
    if not APP.fullmatch(app):
        raise LinkError(f"{app!r} is no app's name in Airbridge: small letters, digits, - and _.")
    if not _CHANNEL.fullmatch(channel):
        raise LinkError(f"{channel!r} is no channel: up to 128 small letters, digits and . - _.")
    if not campaign or len(campaign) > MOST_CHARACTERS or not campaign.isprintable():
        raise LinkError(f"A campaign has 1 to {MOST_CHARACTERS} characters that can be printed.")
    if routing is not None and not _ROUTING.fullmatch(routing):
        raise LinkError(
            f"{routing!r} is no routing_short_id: copy that of a link that the dashboard has made."
        )
    replaced = ""
    if board is not None or deep is not None:
        replaced = f" | replace: '{_beginning(board)}', '{_beginning(deep)}'"
    given = {"campaign": campaign} | ({} if routing is None else {"routing_short_id": routing})
    return f"{BASE}/@{app}/{channel}?{urlencode(given)}&deeplink_url={{{{ posting.url{replaced} | url_param_escape }}}}"


def _beginning(url: str | None) -> str:
    """What a URL begins with, and fits between quotes of Liquid."""
    if url is None or not urlsplit(url).scheme or "://" not in url or re.search(r"['\"\s{}]", url):
        raise LinkError(
            "The board's beginning and the app's are given together, such as https://www.example.com/ and exampleapp://."
        )
    return url
