"""Reads a request's path and query; every refusal names the parameter."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from app.board.campaign_key import CAMPAIGN_KEY
from app.serving.labels import LANGUAGES
from app.serving.request import RequestOptions
from app.web.problems import CallerError, invalid

if TYPE_CHECKING:
    from datetime import date

MEMBER_ID_CHARS = 200
MOST = 50
MOST_PARAMETERS = 100
SEND = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,3}", re.ASCII)
_KEY_WORDS = "1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit"


@lru_cache(maxsize=1024)
def read_options(query: str, today: date) -> RequestOptions:
    """Read a query string, which is the same for all calls of a send.

    Args:
        query: The query as received; an empty parameter counts as not given, because Liquid prints nil as nothing.
        today: The board's day; it names the send where the query does not.

    Raises:
        CallerError: 400; it names the parameter, or says that there are too many.
    """
    try:
        values = parse_qs(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError as error:
        detail = f"The query has over {MOST_PARAMETERS} parameters: this path takes those in /openapi.json."
        raise CallerError(400, "Invalid query", detail) from error
    variant = _one(values, "variant")
    if variant and not CAMPAIGN_KEY.fullmatch(variant):
        raise invalid("variant", f"variant must be {_KEY_WORDS}.")
    send = _one(values, "send")
    if send and not SEND.fullmatch(send):
        raise invalid(
            "send", "send must be 1 to 100 of letters, digits and . _ : - (Braze's dispatch id fits)."
        )
    return RequestOptions(
        campaign=_campaign(values),
        send=send or today.isoformat(),
        variant=variant,
        limit=_limit(values),
        lang=_language(values),
    )


def read_member_id(external_id: str, path: str) -> str:
    """Check a member's id.

    Args:
        external_id: The id as the router decoded it.
        path: The request's path as WSGI carries it, bytes as Latin-1.

    Raises:
        CallerError: 400; it names the parameter.
    """
    if "\ufffd" in external_id and not _is_utf8(path):
        raise invalid("external_id", "external_id must be UTF-8, percent-encoded: this one has other bytes.")
    if not external_id:
        raise invalid(
            "external_id", "external_id is empty: the path is /v1/members/{external_id}/recommendations."
        )
    if len(external_id) > MEMBER_ID_CHARS:
        raise invalid(
            "external_id", f"external_id has {len(external_id)} characters: {MEMBER_ID_CHARS} are allowed."
        )
    if not external_id.isprintable():
        hidden = next(ord(char) for char in external_id if not char.isprintable())
        raise invalid(
            "external_id", f"external_id must be printable characters: this one has U+{hidden:04X}."
        )
    return external_id


def _is_utf8(path: str) -> bool:
    try:
        path.encode("latin-1").decode()
    except UnicodeDecodeError:
        return False
    return True


def _campaign(values: dict[str, list[str]]) -> str:
    campaign = _one(values, "campaign")
    if campaign is None:
        raise invalid("campaign", "campaign is missing: add ?campaign=NAME, the name that reports will show.")
    if not CAMPAIGN_KEY.fullmatch(campaign):
        raise invalid("campaign", f"campaign must be {_KEY_WORDS}.")
    return campaign


def _limit(values: dict[str, list[str]]) -> int:
    text = _one(values, "limit")
    if text is None:
        return 10
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= MOST:
        raise invalid("limit", f"limit must be a whole number from 1 to {MOST}.")
    return int(text)


def _language(values: dict[str, list[str]]) -> str:
    lang = _one(values, "lang") or LANGUAGES[0]
    if lang not in LANGUAGES:
        raise invalid("lang", f"lang must be one of {', '.join(LANGUAGES)}.")
    return lang


def _one(values: dict[str, list[str]], name: str) -> str | None:
    given = values.get(name, [""])
    if len(given) > 1:
        raise invalid(name, f"{name} is given {len(given)} times: give it once.")
    return given[0] or None
