"""Airbridge as a sync's destination: one event a request, by its server-to-server API.

Sources, of help.airbridge.io/en: references/s2s-event/send-in-web-events and send-in-app-events (the address, 1,000 requests a
minute, `X-Forwarded-For`, `eventUUID` by which a second copy is known, `eventTimestamp` in milliseconds and at most 24 hours old).
Assumptions, for no page says: a 200 is an event that was taken; a 429 tells no wait; two copies of one `eventUUID` count once
however far apart within those 24 hours; a Bearer token, as public clients send it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from app.sync.answers import fate_of
from app.sync.definition import REQUIRED, SyncError, host_address, read_fields, text, whole, word
from app.sync.door import DoorLimits
from app.sync.host import DestinationHost
from app.sync.rules import airbridge as rules
from app.sync.rules.tracking_link import APP
from app.sync.values import milliseconds, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.runtime.outgoing import HttpAnswer
    from app.sync.answers import BatchFate
    from app.sync.definition import SyncDefinition
    from app.sync.door import OutboxEvent
    from app.sync.values import SourceColumn

WHO: Final = "Airbridge"
TOKEN: Final = "CJ_AIRBRIDGE_TOKEN"  # noqa: S105 - its name
PRIVATE: Final = "CJ_AIRBRIDGE_PRIVATE"
HOST: Final = "https://api.airbridge.io"
REQUESTS: Final = 50  # in 3 s, which is 1,000 a minute
MOST_BYTES: Final = 1_000_000  # no page tells one; an event that keeps to the rules has a few thousand
OLDEST_S: Final = 24 * 3600.0
_KEY_SHOWN: Final = 100  # characters of an event's key in its attributes
_PATHS: Final = {"web": "web/9320", "app": "mobile-app/9360"}
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "web": frozenset(
        {"browser.clientID", "browser.userAgent", "eventData.shortID", "eventData.trackingData.channel"}
    ),
    "app": frozenset(
        {
            "device.deviceUUID", "device.gaid", "device.ifa", "device.ifv", "device.deviceModel", "device.osName",
            "device.osVersion", "app.packageName", "app.version",
        }
    ),
}  # fmt: skip
_WITH_DEVICE: Final = ("device.deviceModel", "device.osName", "device.osVersion")


@dataclass(frozen=True, slots=True, kw_only=True)
class AirbridgeOptions:
    """The [airbridge] table of a sync file.

    Args:
        host: Where events are taken.
        app: The app's name in Airbridge.
        platform: Whether the events are a website's or an app's.
        address: The column with the address from which the member acted.
        fields: The event's fields that know the member's browser or device, each with its column.
        letters: Of an action or label: of any script, or from a to z as the page has it.
        margin_s: An event is too late so long before Airbridge says so, for it may wait on the way.
    """

    host: str
    app: str
    platform: Literal["web", "app"]
    address: str
    fields: Mapping[str, str]
    letters: rules.Letters
    margin_s: int


def _app(value: Any) -> str:
    if not isinstance(value, str) or not APP.fullmatch(value):
        raise ValueError("the app's name as Airbridge's settings show it: small letters, digits, - and _")
    return value


def _named_columns(value: Any) -> dict[str, str]:
    known = frozenset().union(*_FIELDS.values())
    if not isinstance(value, dict) or not all(isinstance(one, str) and one.strip() for one in value.values()):
        raise ValueError('a table of columns, such as { "browser.clientID" = "client_id" }')
    if unknown := set(value) - known:
        raise ValueError(f"fields that an event has, not {min(unknown)}: {', '.join(sorted(known))}")
    return value


def read_options(definition: SyncDefinition) -> AirbridgeOptions:
    """The options of a sync to Airbridge.

    Raises:
        SyncError: one is missing or does not fit, or the sync is of a kind that Airbridge does not have.
    """
    where = "The sync file's [airbridge]"
    readers = {
        "host": (host_address("https://api.airbridge.io"), HOST),
        "app": (_app, REQUIRED),
        "platform": (word("web", "app"), "web"),
        "address": (text, "address"),
        "fields": (_named_columns, {}),
        "letters": (word("any", "latin"), "any"),
        "margin_s": (whole(0, 3_600), 600),
    }
    options = AirbridgeOptions(**read_fields(definition.options, readers, where))
    if definition.kind != "events":
        raise SyncError('Airbridge takes events only: give kind = "events".')
    if (definition.limits.objects or 1) != 1:
        raise SyncError("The sync file's [limits]: Airbridge takes one event a request; leave `objects` out.")
    if others := set(options.fields) - _FIELDS[options.platform]:
        raise SyncError(
            f'{where}: {min(others)} is no field of an event with platform = "{options.platform}".'
        )
    if "device.deviceUUID" in options.fields and (lacking := set(_WITH_DEVICE) - set(options.fields)):
        raise SyncError(f"{where}: with device.deviceUUID Airbridge wants {', '.join(sorted(lacking))} too.")
    if options.platform == "app" and "app.packageName" not in options.fields:
        raise SyncError(
            f"{where}: an app's event wants app.packageName, its package or bundle, among `fields`."
        )
    return options


@dataclass(frozen=True, slots=True)
class AirbridgeEvents:
    """The door for members' events.

    Args:
        options: Where to, and what a column is.
        token: The app's API token, a secret.
        limits: What it takes.
        event: The events' category.
        private: Whether a private address, and plain http, are meant.
        connections: Kept open at most.
    """

    options: AirbridgeOptions
    token: str = field(repr=False)
    limits: DoorLimits
    event: str
    private: bool = False
    connections: int = 4
    who: str = WHO
    _host: DestinationHost = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        host = DestinationHost(
            self.options.host,
            who=WHO,
            setting=PRIVATE,
            authorization=f"Bearer {self.token}",
            private=self.private,
            connections=self.connections,
        )
        object.__setattr__(self, "_host", host)

    @property
    def identity(self) -> str:
        """By which what it acknowledged is kept."""
        return f"airbridge:{urlsplit(self.options.host).netloc}:{self.options.app}:{self.options.platform}"

    def check_columns(self, columns: Sequence[SourceColumn]) -> None:
        """Raises `SyncError` where the event's category is none, or a column is none of its parts."""
        rules.check_category(self.event)
        rules.check_columns(columns, address=self.options.address, fields=self._columns())

    def problem(self, key: str, values: Mapping[str, Any]) -> str | None:
        """What is wrong with an event of the member `key`."""
        address = self.options.address
        rest = {name: value for name, value in values.items() if name != address}
        return (
            rules.member_problem(key)
            or rules.address_problem(values.get(address))
            or rules.values_problem(rest, letters=self.options.letters, fields=self._columns())
            or self._device_problem(values)
        )

    def size(self, one: OutboxEvent) -> int:
        """Bytes of an event's request."""
        return len(self._body(one))

    def lane(self, one: OutboxEvent) -> str:  # noqa: ARG002 - all go one way
        """All objects of this door are alike."""
        return "events"

    def send(self, batch: Sequence[OutboxEvent]) -> HttpAnswer:
        """Send one event, from the member's address.

        Raises:
            SyncError: the host is inside a private network, and that is not meant.
        """
        (one,) = batch
        path = f"/events/v2/apps/{self.options.app}/{_PATHS[self.options.platform]}"
        headers = {"X-Forwarded-For": str(one.properties[self.options.address])}
        return self._host.exchange("POST", path, self._body(one), headers=headers)

    def fate(self, answer: HttpAnswer) -> BatchFate:
        """What an answer means."""
        return fate_of(
            answer,
            who=WHO,
            refused=lambda _body: {},
            said=lambda body: _told(body, self.token),
            key=TOKEN,
        )

    def _columns(self) -> frozenset[str]:
        return frozenset(self.options.fields.values())

    def _device_problem(self, values: Mapping[str, Any]) -> str | None:
        fields = self.options.fields
        if "device.deviceUUID" in fields and fields["device.deviceUUID"] in values:
            for name in _WITH_DEVICE:
                if fields[name] not in values:
                    return f"{fields[name]}: with device.deviceUUID Airbridge wants {name} too."
        if self.options.platform == "app" and fields["app.packageName"] not in values:
            return f"{fields['app.packageName']}: Airbridge wants app.packageName of an app's event."
        return None

    def _body(self, one: OutboxEvent) -> bytes:
        values = {name: value for name, value in one.properties.items() if name != self.options.address}
        values |= {"cj_key": one.key[:_KEY_SHOWN], "cj_attempt": one.attempt}
        body: dict[str, Any] = {
            "eventUUID": str(event_uuid(self.event, one.key)),
            "eventTimestamp": milliseconds(one.time),
            "user": {"externalUserID": one.member},
            "eventData": {"goal": rules.goal_of(values, self.event, self._columns())},
        }
        for path, column in self.options.fields.items():
            if column in one.properties:
                *tables, name = path.split(".")
                table = body
                for part in tables:
                    table = table.setdefault(part, {})
                table[name] = one.properties[column]
        return msgspec.json.encode(body)


def event_uuid(event: str, key: str) -> UUID:
    """By which Airbridge knows a second copy of an event; two syncs may give one key to events of two categories."""
    return UUID(bytes=blake2b(f"{event}\0{key}".encode(), digest_size=16).digest(), version=4)


def _told(body: bytes, token: str) -> str:
    """What an answer says to a person, in one line and without the token."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    said = found if isinstance(found, dict) else {}
    told = next((said[name] for name in ("detail", "message", "error", "title") if said.get(name)), "")
    return shortened(" ".join(str(told or "it gives no reason").split()).replace(token, "…"), 200).rstrip(".")


def open_airbridge(definition: SyncDefinition, *, token: str | None, private: bool) -> AirbridgeEvents:
    """The door that a sync file to Airbridge asks for.

    Raises:
        SyncError: its options do not fit, or there is no token.
    """
    options = read_options(definition)
    if token is None:
        raise SyncError(
            f"{TOKEN} is not set: give the app's API token, there or in the file that {TOKEN}_FILE names."
        )
    limits = DoorLimits(
        objects=1,
        most_bytes=MOST_BYTES,
        requests=REQUESTS,
        oldest_s=OLDEST_S,
        margin_s=options.margin_s,
        passing=frozenset({options.address, *options.fields.values()}),
    )
    return AirbridgeEvents(
        options, token, limits, definition.event or "", private, definition.limits.connections
    )
