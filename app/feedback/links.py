"""What a clicked link says of itself: our own parameters, found whatever a mail client or a link template made of the rest.

Braze appends `lid` and templates append `utm_` parameters (docs/user_guide/message_building_by_channel/email/templates/
link_aliasing), security software rewrites a link into a parameter of its own, and some take the query away.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final
from urllib.parse import unquote, unquote_plus

import msgspec

from app.board.campaign_key import CAMPAIGN_KEY
from app.feedback.recommendation_id import RID

_OURS = re.compile(r"[?&;#](rid|campaign|variant|arm|position)=([^&;#\s]*)", re.ASCII)
_POSITION = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_MOST_WRAPPINGS: Final = 3
_MOST_CHARACTERS: Final = 255


class ClickedLink(msgspec.Struct, frozen=True):
    """A clicked link.

    Attributes:
        link: What tells it from the other links of the message: its place among the postings, or a hash of where it leads.
        rid: The mail's recommendation id; None in a link that is not ours, or lost its query.
        campaign: The campaign's key.
        variant: The template's variant.
        arm: The experiment's arm.
        position: The posting's place in the list, from 1.
    """

    link: str
    rid: str | None = None
    campaign: str | None = None
    variant: str | None = None
    arm: str | None = None
    position: int | None = None


def parse(url: str) -> ClickedLink:
    """Read a clicked URL; of a value that cannot be ours nothing is kept."""
    found = _parameters(url)
    rid = found.get("rid", "")
    if not RID.fullmatch(rid):
        return ClickedLink(_hash(url))
    position = found.get("position", "")
    place = int(position) if _POSITION.fullmatch(position) else None
    return ClickedLink(
        link=_hash(url) if place is None else f"p{place}",
        rid=rid,
        campaign=_key(found.get("campaign")),
        variant=_text(found.get("variant")),
        arm=_key(found.get("arm")),
        position=place,
    )


def _parameters(url: str) -> dict[str, str]:
    """Our parameters, each as it stands first, of the URL or of one that is wrapped in it."""
    for _ in range(_MOST_WRAPPINGS):
        found: dict[str, str] = {}
        for name, value in _OURS.findall(url):
            found.setdefault(name, unquote_plus(value))
        if "rid" in found:
            return found
        url, wrapped = unquote(url), url
        if url == wrapped:
            break
    return {}


def _key(value: str | None) -> str | None:
    return value if value and CAMPAIGN_KEY.fullmatch(value) else None


def _text(value: str | None) -> str | None:
    return value[:_MOST_CHARACTERS] if value and value.isprintable() else None


def _hash(url: str) -> str:
    """Of where a link leads, without its query, which may say who clicked."""
    return blake2b(re.split(r"[?#]", url, maxsplit=1)[0].encode(errors="replace"), digest_size=8).hexdigest()
