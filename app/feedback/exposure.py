"""The exposure: which postings a mail shows, as one short ASCII text that travels through Braze and comes back in Currents.

`v1|rid|campaign|source|arm|n|id1,id2,...`: the mail's recommendation id, the campaign's key, where its postings come from,
the arm of an experiment (empty without one), how many postings it shows, and their ids, best first. An id is
percent-encoded but for ASCII letters, digits and `-._~`, so that no id holds a `|` or a `,`.

Braze cuts a message's extras off at 1,000 bytes and says nothing, so a text has at most 900: where the ids are longer, the
last ones are left out whole, which `n` shows. A text that was cut on the way all the same, because the template has other
extras, is refused: it names fewer postings than it has room for, or the extras are as long as Braze lets them be.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

import msgspec

from app.board.campaign_key import CAMPAIGN_KEY
from app.feedback.recommendation_id import RID
from app.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

EXTRA_KEY: Final = "cj"
"""The key of the exposure among a message's extras."""
MOST_BYTES: Final = 900
MOST_EXTRAS_BYTES: Final = 1000
"""Of all keys and values of a message's extras; Braze cuts off what is more."""
VERSION: Final = "v1"
_CUT_CHARACTER = 3  # bytes of a character that is cut off with the bytes behind it
# An id that was left out is taken to be no longer than this, or than the longest of those before it.
_LONGEST_LEFT_OUT = 64
_FIELDS = 7
_PAIRS = json.JSONDecoder(object_pairs_hook=tuple)
_SOURCE = re.compile(r"[a-z_]{1,32}", re.ASCII)
_PLAIN_IDS = re.compile(r"[A-Za-z0-9_.~-]+(?:,[A-Za-z0-9_.~-]+)*", re.ASCII)
_SHOWN = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_SOUND = re.compile(
    rf"{VERSION}\|({RID.pattern})\|({CAMPAIGN_KEY.pattern})\|({_SOURCE.pattern})"
    rf"\|({CAMPAIGN_KEY.pattern}|)\|({_SHOWN.pattern})\|([^|]*)",
    re.ASCII,
)


class ExposureError(ValueError):
    """A text is no whole exposure; the sentence says why."""


class Exposure(msgspec.Struct, frozen=True):
    """What one mail showed.

    Attributes:
        rid: The mail's recommendation id.
        campaign: The campaign's key.
        source: Where its postings came from, as in the answer.
        arm: The experiment's arm; None without one.
        shown: How many postings it showed.
        posting_ids: Their ids, best first; fewer than `shown` where the text had no room for the last ones.
    """

    rid: str
    campaign: str
    source: str
    arm: str | None
    shown: int
    posting_ids: tuple[str, ...]


def quoted(posting_id: str) -> str:
    """An id as it stands in an exposure; the same object where nothing is to be encoded, to save memory."""
    encoded = quote(posting_id, safe="")
    return posting_id if encoded == posting_id else encoded


def build(rid: str, campaign: str, source: str, arm: str | None, quoted_ids: Sequence[str]) -> str | None:
    """The text of a mail's exposure; None where nothing is shown.

    Args:
        rid: 16 URL-safe characters.
        campaign: A campaign key.
        source: Small letters and underscores.
        arm: Written like a campaign key; None without an experiment.
        quoted_ids: The ids of all postings shown, best first, each as `quoted` gives it.
    """
    if not quoted_ids:
        return None
    text = f"{VERSION}|{rid}|{campaign}|{source}|{arm or ''}|{len(quoted_ids)}|{','.join(quoted_ids)}"
    if len(text) <= MOST_BYTES:
        return text
    comma = text.rfind(",", 0, MOST_BYTES + 1)
    return text[:comma] if comma > 0 else text[: text.rfind("|") + 1]


def of_extras(message_extras: str) -> Exposure | None:
    """The exposure of an event's `message_extras`, a JSON object of texts; None where the template gave none.

    Raises:
        ExposureError: it was cut on the way, or is no exposure.
    """
    if not message_extras.strip():
        return None
    try:
        pairs = _PAIRS.decode(message_extras)
    except (ValueError, RecursionError) as error:
        raise ExposureError("The message extras are no JSON.") from error
    if not isinstance(pairs, tuple) or not all(
        isinstance(one, tuple) and isinstance(one[1], str) for one in pairs
    ):
        raise ExposureError("The message extras are no JSON object of texts.")
    text = next((value for key, value in pairs if key == EXTRA_KEY), None)
    if text is None:
        return None
    length = sum(len((key + value).encode(errors="replace")) for key, value in pairs)
    if pairs[-1][0] == EXTRA_KEY and length > MOST_EXTRAS_BYTES - _CUT_CHARACTER:
        raise ExposureError(
            f"The exposure ends where Braze cuts message extras off, at {MOST_EXTRAS_BYTES} bytes."
        )
    return parse(text)


def parse(text: str) -> Exposure:
    """Read the text of an exposure back.

    Raises:
        ExposureError: it was cut, is of another version, or is no exposure at all. A text without other extras beside it is
            never cut; only `of_extras` knows whether one was cut within its last id.
    """
    if not text.isascii() or len(text) > MOST_BYTES:
        raise ExposureError(
            f"An exposure is at most {MOST_BYTES} ASCII characters; this text has {len(text)}."
            if text.isascii()
            else "An exposure is ASCII; this text has other characters."
        )
    found = _SOUND.fullmatch(text)
    if found is None:
        raise ExposureError(_fault(text))
    rid, campaign, source, arm, shown, ids = found.groups()
    posting_ids = _parse_ids(text, ids, int(shown))
    return Exposure(rid, campaign, source, arm or None, int(shown), posting_ids)


def _fault(text: str) -> str:
    """What is wrong with a text that is not written as an exposure is."""
    version, *fields = text.split("|")
    if version != VERSION:
        return f"An exposure begins with {VERSION}|; this text begins with '{version[:20]}'."
    if len(fields) != _FIELDS - 1:
        return f"An exposure has {_FIELDS} fields; this text has {len(fields) + 1}."
    rid, campaign, source, arm, shown, _ids = fields
    return next(
        f"The {name} of the exposure cannot be '{field[:64]}'."
        for name, field, pattern in (
            ("recommendation id", rid, RID),
            ("campaign", campaign, CAMPAIGN_KEY),
            ("source", source, _SOURCE),
            ("arm", arm or "a", CAMPAIGN_KEY),
            ("number of postings", shown, _SHOWN),
        )
        if not pattern.fullmatch(field)
    )


def _parse_ids(text: str, ids: str, shown: int) -> tuple[str, ...]:
    """The ids of an exposure whose other fields are sound."""
    written = ids.split(",") if ids else []
    posting_ids = tuple(written)
    if not _PLAIN_IDS.fullmatch(ids):  # nearly all are plain, and millions are read a day
        posting_ids = tuple(unquote(one) for one in written)
        for one, posting_id in zip(written, posting_ids, strict=True):
            if not one or quote(posting_id, safe="") != one:
                raise ExposureError(f"The exposure names a posting as '{one[:64]}', which is no whole id.")
    if len(set(posting_ids)) < len(posting_ids) or len(posting_ids) > shown:
        raise ExposureError(f"The exposure says {counted(shown, 'posting')} and names others than that many.")
    longest = max([_LONGEST_LEFT_OUT, *map(len, written)])
    if len(posting_ids) < shown and len(text) + 1 + longest <= MOST_BYTES:
        raise ExposureError(
            f"The exposure names {len(posting_ids)} of {counted(shown, 'posting')} and had room for more: it was cut on the way."
        )
    return posting_ids
