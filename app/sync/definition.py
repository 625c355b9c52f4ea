"""A sync as a TOML file: one SQL query, where its rows go, and how fast."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from app.setting_values import url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Kind = Literal["attributes", "events", "catalog"]
Null = Literal["skip", "remove"]
Delivery = Literal["at_least_once", "at_most_once"]
DESTINATIONS: Final = ("braze", "amplitude", "airbridge")  # each with its door in `app/cli/loop/doors.py`
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_OWN_NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")
_Reader = tuple["Callable[[Any], Any]", Any]
REQUIRED: Final = object()
_PORTS: Final = {"http": 80, "https": 443}


class SyncError(Exception):
    """A sync that cannot run as it is defined; the sentence says what is wrong and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceLimits:
    """How much of a destination's budget a sync may use.

    Args:
        objects: Most objects of one request; None leaves it to the destination.
        requests: Requests that the destination takes in `window_s`, from everybody; None leaves it to the destination.
        window_s: Seconds of the destination's short window.
        requests_per_hour: Requests of a clock hour, from everybody; None is no such limit.
        share: The part of both that is ours, above 0, at most 1.
        connections: Requests under way at once.
    """

    objects: int | None = None
    requests: int | None = None
    window_s: float = 3.0
    requests_per_hour: int | None = None
    share: float = 0.3
    connections: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncDefinition:
    """What a sync file says.

    Args:
        name: The sync's own name; its refused rows and runs are kept under it.
        destination: Which door.
        kind: Attributes of members, events, or items of a catalog.
        query: One SELECT; its rows are sent.
        member: The column with the member's id, or the item's for a catalog.
        null: What a NULL means: say nothing of it, or remove the value.
        event: An event's name.
        key: The column by which one event is told from every other, for good.
        time: The column with an event's time.
        delivery: Whether an event whose outcome nobody knows is sent again.
        query_timeout_s: How long Postgres may work on the query at a stretch.
        within_hours: Another run must have come to its end by then, else somebody is told; 0 is no such time.
        limits: How fast.
        options: What the destination wants to know besides, its own table in the file.
        digest: SHA-256 of the file's text.
    """

    name: str
    destination: str
    kind: Kind
    query: str
    member: str
    null: Null
    event: str | None
    key: str
    time: str
    delivery: Delivery
    query_timeout_s: int
    within_hours: int
    limits: PaceLimits
    options: Mapping[str, Any]
    digest: bytes


def text(value: Any) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("a name of up to 100 letters, digits, dots, dashes and underscores")
    return value


def own_name(value: Any) -> str:
    """A name that is given here to a workspace or project, so that two on one host are told apart."""
    if not isinstance(value, str) or not _OWN_NAME.fullmatch(value):
        raise ValueError("a name of up to 60 letters, digits, dots, dashes and underscores")
    return value


def host_address(said: str) -> Callable[[Any], str]:
    """A reader of a destination's address, without a path; `said` is what a sentence asks for instead."""

    def read(value: Any) -> str:
        try:
            found = url(value if isinstance(value, str) else "")
        except ValueError:
            found = ""
        parts = urlsplit(found)
        if not found or parts.path:
            raise ValueError(said)
        # One host has one spelling, for by it what it acknowledged is kept.
        name = (parts.hostname or "").rstrip(".")
        port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
        return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}{port}"

    return read


def whole(least: int, most: int) -> Callable[[Any], int]:
    """A reader of whole numbers from `least` to `most`."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return value

    return read


def word(*words: str) -> Callable[[Any], str]:
    """A reader of one of a few words."""

    def read(value: Any) -> str:
        if value not in words or not isinstance(value, str):
            *others, last = [f'"{one}"' for one in words]
            raise ValueError(f"{', '.join(others)} or {last}" if others else last)
        return value

    return read


def _share(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= 1:
        raise ValueError("a number above 0 and at most 1, such as 0.3")
    return float(value)


def _seconds(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0.1 <= value <= 3600:  # noqa: PLR2004
        raise ValueError("a number from 0.1 to 3600")
    return float(value)


_FIELDS: Mapping[str, _Reader] = {
    "name": (_name, None),
    "destination": (word(*DESTINATIONS), REQUIRED),
    "kind": (word("attributes", "events", "catalog"), "attributes"),
    "query": (text, REQUIRED),
    "member": (text, "member_id"),
    "null": (word("skip", "remove"), "skip"),
    "event": (text, None),
    "key": (text, "event_key"),
    "time": (text, "time"),
    "delivery": (word("at_least_once", "at_most_once"), "at_least_once"),
    "query_timeout_s": (whole(1, 86_400), 600),
    "within_hours": (whole(0, 8_760), 26),
}
_LIMITS: Mapping[str, _Reader] = {
    "objects": (whole(1, 2_000), None),
    "requests": (whole(1, 1_000_000), None),
    "window_s": (_seconds, 3.0),
    "requests_per_hour": (whole(1, 100_000_000), None),
    "share": (_share, 0.3),
    "connections": (whole(1, 16), 4),
}


def read_fields(table: Any, readers: Mapping[str, _Reader], where: str) -> dict[str, Any]:
    """The values of a table: each read by its reader, or its default.

    Raises:
        SyncError: a name that is not known, a value that does not fit, or one that is missing.
    """
    if not isinstance(table, dict):
        raise SyncError(f"{where} must be a table.")
    for name in table:
        if name not in readers:
            raise SyncError(f"{where} has no field `{name}`: known are {', '.join(readers)}.")
    read: dict[str, Any] = {}
    for name, (reader, default) in readers.items():
        if name not in table:
            if default is REQUIRED:
                raise SyncError(f"{where} lacks `{name}`.")
            read[name] = default
            continue
        try:
            read[name] = reader(table[name])
        except ValueError as error:
            raise SyncError(f"{where}: `{name}` does not fit: give {error}.") from None
    return read


def read_sync_file(file: Path) -> SyncDefinition:
    """The sync that a file defines.

    Raises:
        SyncError: the file cannot be read, or something in it does not fit.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SyncError(f"The sync file {file} cannot be read: {error.strerror or error}.") from error
    return read_definition(content, stem=file.stem)


def read_definition(content: bytes, *, stem: str) -> SyncDefinition:
    """Read a sync file.

    Args:
        content: The file's bytes.
        stem: The name of a sync whose file gives none, as that of the file.

    Raises:
        SyncError: it cannot be read, or something in it does not fit.
    """
    where = "The sync file"
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SyncError(f"{where} is no text in UTF-8: save it as UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SyncError(f"{where} is no TOML: {error}.") from None
    options = {name: table.pop(name) for name in DESTINATIONS if name in table}
    for header, below in (*options.items(), ("limits", table.get("limits"))):
        if under := next((one for one in _FIELDS if isinstance(below, dict) and one in below), None):
            raise SyncError(
                f"{where}: `{under}` stands under [{header}]: put it above the first line in brackets."
            )
    limits = read_fields(table.pop("limits", {}), _LIMITS, f"{where}'s [limits]")
    values = read_fields(table, _FIELDS, where)
    destination = values["destination"]
    if others := set(options) - {destination}:
        raise SyncError(f"{where} sends to {destination}, but has a table [{min(others)}]: remove it.")
    if values["kind"] == "events" and values["event"] is None:
        raise SyncError(f"{where} sends events and lacks `event`, their name.")
    columns = [values[name] for name in ("member", "key", "time")]
    if values["kind"] == "events" and len(set(columns)) < len(columns):
        raise SyncError(
            f"{where}: `member`, `key` and `time` are three columns, and two of them are {max(columns, key=columns.count)!r}: name one "
            "again with AS."
        )
    values["name"] = _name(stem) if values["name"] is None and _NAME.fullmatch(stem) else values["name"]
    if values["name"] is None:
        raise SyncError(f"{where} lacks `name`, and its own name cannot stand for it.")
    return SyncDefinition(
        **values,
        limits=PaceLimits(**limits),
        options=options.get(destination, {}),
        digest=sha256(content).digest(),
    )
