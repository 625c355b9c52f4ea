"""What a request to the planner's API says: its body, its parameters, the version an edit was made from."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import msgspec
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.capacity.register.search import SORTS, When, read_search
from app.web.problems import CallerError, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.capacity.register.search import CampaignSearch

MOST_FORM_BYTES = 64 * 1024  # a campaign or a workspace
MOST_PLAN_BYTES = 1024 * 1024
LONGEST_WINDOW = timedelta(days=31)
USUAL_WINDOW = timedelta(days=7)
LONGEST_PAGE = 5  # digits
MOST = 2**53  # what every JSON reader reads exactly
_VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})"', re.ASCII)


def version() -> int:
    """The version an edit was made from, as `If-Match` says."""
    given = request.headers.get("If-Match")
    if given is None:
        detail = (
            "Say which version the edit was made from: If-Match with the ETag of the answer it began with."
        )
        raise CallerError(428, "Precondition Required", detail, parameter="If-Match")
    found = _VERSION.fullmatch(given)
    if found is None:
        raise invalid(
            "If-Match", 'If-Match must be an ETag as this API gives it, such as "3" with its quotes.'
        )
    return int(found[1])


def flag(name: str) -> bool:
    """A parameter that is true or false, false where it is missing."""
    given = request.args.get(name, "false")
    if given not in {"true", "false"}:
        raise invalid(name, f"{name} must be true or false.")
    return given == "true"


def search(now: datetime) -> CampaignSearch | None:
    """Which campaigns are asked for by `q`, `when`, `sort` and `page`; None where all are."""
    asked = {name: request.args[name] for name in ("q", "when", "sort", "page") if request.args.get(name)}
    if not asked:
        return None
    for name, choices in (("when", get_args(When)), ("sort", SORTS)):
        if asked.get(name, choices[0]) not in choices:
            raise invalid(name, f"{name} must be one of {', '.join(choices)}.")
    page = asked.get("page", "1")
    if not (page.isascii() and page.isdigit() and int(page[:9]) >= 1 and len(page) <= LONGEST_PAGE):
        raise invalid("page", "page must be a whole number from 1 on.")
    return read_search({"when": "all", **asked}, now)


def window(now: datetime) -> tuple[datetime, datetime]:
    """The window asked about, `from` to `until`."""
    begin = _instant("from") or now
    until = _instant("until") or begin + USUAL_WINDOW
    if not begin < until <= begin + LONGEST_WINDOW:
        raise invalid("until", f"until must be after from, at most {LONGEST_WINDOW.days} days.")
    return begin, until


def _instant(name: str) -> datetime | None:
    given = request.args.get(name)
    if not given:
        return None
    mend = f"{name} must be an instant of the years 2000 to 2099 with its offset, such as 2026-11-23T00:00:00+09:00."
    try:
        found = datetime.fromisoformat(
            given.replace(" ", "+")
        )  # a plus that nobody encoded arrives as a space
    except ValueError:
        raise invalid(name, mend) from None
    if found.tzinfo is None or not 2000 <= found.year < 2100:  # noqa: PLR2004 - as the plan file has it
        raise invalid(name, mend)
    return found


def sent_count(values: Mapping[str, Any]) -> int | None:
    """How many messages Braze says it sent, None to take it back."""
    sent = values.get("sent")
    if set(values) != {"sent"} or (sent is not None and (type(sent) is not int or not 0 <= sent <= MOST)):
        raise invalid(
            "sent", 'Write {"sent": N}, the messages that Braze says it sent, or null to take it back.'
        )
    return sent


def json_body(most_bytes: int) -> dict[str, Any]:
    """The request's JSON object."""
    try:
        found = msgspec.json.decode(_bytes(most_bytes))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CallerError(400, "Invalid JSON", f"The body is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise CallerError(400, "Invalid JSON", "The body must be a JSON object.")
    return found


def text_body() -> str:
    """The request's text."""
    try:
        return _bytes(None).decode()
    except UnicodeDecodeError as error:
        raise CallerError(400, "Invalid JSON", "The body is not UTF-8.") from error


def _bytes(most_bytes: int | None) -> bytes:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    if most_bytes is not None and (request.content_length or 0) > most_bytes:
        raise RequestEntityTooLarge
    found = request.get_data(cache=False)
    if most_bytes is not None and len(found) > most_bytes:
        raise RequestEntityTooLarge
    return found
