"""From a request's path and query to a question; every misfit is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.recommend.reasons import LANGUAGES
from app.serving.question import Question
from app.web.problems import invalid

if TYPE_CHECKING:
    from datetime import date

    from werkzeug.datastructures import MultiDict

MEMBER_ID_CHARS = 200
MOST = 50
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?", re.ASCII)
SEND = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,3}", re.ASCII)
_SLUG_WORDS = "1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit"


def read_question(external_id: str, query: MultiDict[str, str], *, path: str, today: date) -> Question:
    """Read a call's question.

    Args:
        external_id: The member's id as the router decoded it.
        query: The query's parameters; an empty one counts as not given, since Liquid prints nil as nothing.
        path: The request's path as WSGI carries it, bytes as Latin-1.
        today: The board's day, which stands in for a send's name.

    Raises:
        CallerError: 400, naming the parameter.
    """
    variant = _one(query, "variant")
    if variant and not SLUG.fullmatch(variant):
        raise invalid("variant", f"variant must be {_SLUG_WORDS}.")
    send = _one(query, "send")
    if send and not SEND.fullmatch(send):
        raise invalid(
            "send", "send must be 1 to 100 of letters, digits and . _ : - (Braze's dispatch id fits)."
        )
    return Question(
        member_id=_member_id(external_id, path),
        campaign=_campaign(query),
        send=send or today.isoformat(),
        variant=variant,
        limit=_limit(query),
        lang=_language(query),
    )


def _member_id(external_id: str, path: str) -> str:
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
        raise invalid(
            "external_id", "external_id must be printable characters: this one has a control character."
        )
    return external_id


def _is_utf8(path: str) -> bool:
    try:
        path.encode("latin-1").decode()
    except UnicodeDecodeError:
        return False
    return True


def _campaign(query: MultiDict[str, str]) -> str:
    campaign = _one(query, "campaign")
    if campaign is None:
        raise invalid("campaign", "campaign is missing: add ?campaign=NAME, the name that reports will show.")
    if not SLUG.fullmatch(campaign):
        raise invalid("campaign", f"campaign must be {_SLUG_WORDS}.")
    return campaign


def _limit(query: MultiDict[str, str]) -> int:
    text = _one(query, "limit")
    if text is None:
        return 10
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= MOST:
        raise invalid("limit", f"limit must be a whole number from 1 to {MOST}.")
    return int(text)


def _language(query: MultiDict[str, str]) -> str:
    lang = _one(query, "lang") or LANGUAGES[0]
    if lang not in LANGUAGES:
        raise invalid("lang", f"lang must be one of {', '.join(LANGUAGES)}.")
    return lang


def _one(query: MultiDict[str, str], name: str) -> str | None:
    values = query.getlist(name)
    if len(values) > 1:
        raise invalid(name, f"{name} is given {len(values)} times: give it once.")
    return values[0] if values and values[0] else None
