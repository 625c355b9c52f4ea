"""Which files of Currents are to be looked at: those of the last hours, however many lie there.

Source of the layout: docs/user_guide/data/distribution/braze_currents/setting_up_currents/event_delivery_semantics.
Names may change, so nothing is looked for by a path of ours: the prefix is walked down to `event_type=` or `date=`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from app.feedback.mail_events import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.lake.objects import Lake, LakeObject

OVERLAP: Final = timedelta(hours=48)
"""How far behind the last file that was read a later run begins: files of an hour come in no order."""
_MOST_DEEP: Final = 6
_TYPE = "event_type="
_HOUR = "date="
_HOUR_FORMAT = "%Y-%m-%d-%H"
_KEY = re.compile(r"(?:^|/)date=(?P<hour>\d{4}-\d\d-\d\d-\d\d)/(?:(?P<schema>\d+)/)?")


@dataclass(frozen=True, slots=True)
class Branch:
    """Files below one prefix: of one event type where `event_type` says so, else of any.

    `alone` are files that stand beside folders: then only they are meant, and the folders are branches of their own.
    """

    prefix: str
    event_type: str | None
    by_hour: bool
    alone: tuple[LakeObject, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyParts:
    """What a key says of its file, as far as it says anything: the hour in which it was queued, and the schema's number."""

    hour: datetime | None
    schema_id: str | None


def key_parts(key: str) -> KeyParts:
    """Read a key."""
    found = _KEY.search(key)
    if found is None:
        return KeyParts(None, None)
    return KeyParts(_hour(found["hour"]), found["schema"])


def _hour(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.strptime(text, _HOUR_FORMAT).replace(tzinfo=UTC)
    return None


def branches(lake: Lake, skipped: set[str]) -> Iterator[Branch]:
    """Where files lie below a lake's prefix; types that are not read are named in `skipped` and not listed.

    Raises:
        LakeError: the lake does not answer.
    """
    yield from _walk(lake, lake.prefix, None, 0, skipped)


def _walk(lake: Lake, prefix: str, event_type: str | None, depth: int, skipped: set[str]) -> Iterator[Branch]:
    for name in prefix.split("/"):
        if name.startswith(_TYPE):
            event_type = name.removeprefix(_TYPE)
    if event_type is not None and event_type not in KINDS:
        skipped.add(event_type)
        return
    if event_type is not None and _HOUR not in prefix:
        yield Branch(prefix, event_type, by_hour=True)
        return
    folders, objects = lake.folders(prefix)
    if any(_last(one).startswith(_HOUR) for one in folders):
        yield Branch(prefix, event_type, by_hour=True)
    elif depth >= _MOST_DEEP or (objects and not folders):
        yield Branch(prefix, event_type, by_hour=False)
        return
    if objects:
        yield Branch(prefix, event_type, by_hour=False, alone=tuple(objects))
    for folder in folders:
        if _last(folder).startswith(_HOUR):
            continue
        yield from _walk(lake, folder, event_type, depth + 1, skipped)


def _last(prefix: str) -> str:
    return prefix.rstrip("/").rpartition("/")[2]


def first_key_ahead(branch: Branch, now: datetime) -> str | None:
    """The key from which on a branch's files are dated ahead: those say nothing of how far it was read; None without dates."""
    if not branch.by_hour:
        return None
    return f"{branch.prefix.rstrip('/')}/{_HOUR}{(now + timedelta(hours=1)).strftime(_HOUR_FORMAT)}"


def new_objects(lake: Lake, branch: Branch, last_key: str | None, oldest: datetime) -> list[LakeObject]:
    """Files of a branch from `OVERLAP` before the last that was read, in the order of their keys.

    Args:
        lake: Where they lie.
        branch: Which.
        last_key: The last key that was read of the branch.
        oldest: The hour before which nothing is read.

    Raises:
        LakeError: the lake does not answer.
    """
    if branch.alone:
        return sorted(branch.alone, key=lambda one: one.key)
    after = ""
    if branch.by_hour:
        hour = key_parts(last_key).hour if last_key else None
        since = max(oldest, hour - OVERLAP) if hour else oldest
        after = f"{branch.prefix.rstrip('/')}/{_HOUR}{since.strftime(_HOUR_FORMAT)}"
    return sorted(lake.newer(branch.prefix, after), key=lambda one: one.key)
