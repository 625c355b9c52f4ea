"""Amplitude as a sync's destination: events, and user properties by `$identify`, both by `POST /batch`.

Sources: amplitude.com/docs/apis/analytics/batch-event-upload (20 MB, 2,000 events, 1,000 a second for one user; 400, 413, 429),
…/http-v2 (insert_id, time, session_id, min_id_length; a Starter plan takes 1,000 events a second; 5xx) and …/identify (operations).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from app.sync.answers import TOO_FAST, BatchFate, fate_of, json_of
from app.sync.definition import SyncError, host_address, own_name, read_fields, text, whole
from app.sync.door import DoorLimits
from app.sync.host import DestinationHost
from app.sync.rules import amplitude as rules
from app.sync.values import milliseconds, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.runtime.outgoing import HttpAnswer
    from app.sync.definition import SyncDefinition
    from app.sync.delta import ChangedRow
    from app.sync.door import OutboxEvent
    from app.sync.values import SourceColumn

WHO: Final = "Amplitude"
KEY: Final = "CJ_AMPLITUDE_KEY"
PRIVATE: Final = "CJ_AMPLITUDE_PRIVATE"
PATH: Final = "/batch"
HOST: Final = "https://api2.amplitude.com"
MOST_OBJECTS: Final = 2_000
OBJECTS: Final = 1_000
REQUESTS: Final = 3  # in 3 s: with 1,000 events each what a Starter plan takes
MOST_BYTES: Final = 18_000_000  # of a request; Amplitude refuses 20 MB
THROTTLED_WAIT_S: Final = 30  # its pages: until a throttled user is tried again
_QUOTA: Final = f"{WHO} has had 500,000 events of this member today and takes no more: see what sends them, and run with --again tomorrow."
_WRONG: Final = 400
_UNAVAILABLE: Final = 503
_FIELDS: Final = {
    "events_with_missing_fields": "misses",
    "events_with_invalid_fields": "does not take",
    "events_with_invalid_id_lengths": "does not take the length of",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AmplitudeOptions:
    """The [amplitude] table of a sync file.

    Args:
        host: Where events are taken; a project in the EU has a host of its own.
        project: A name of ours, so that two projects on one host are told apart.
        min_id_length: Characters that a member's id must have; without it Amplitude drops ids under five.
        session: The column with the beginning of the session that an event belongs to.
        deletion_host: Where members are deleted, unless `host` tells the region.
    """

    host: str
    project: str
    min_id_length: int
    session: str | None
    deletion_host: str | None


def read_options(definition: SyncDefinition) -> AmplitudeOptions:
    """The options of a sync to Amplitude.

    Raises:
        SyncError: one does not fit, or the sync is of a kind that Amplitude does not have.
    """
    readers = {
        "host": (
            host_address("https://api2.amplitude.com, or https://api.eu.amplitude.com for the EU"),
            HOST,
        ),
        "project": (own_name, "main"),
        "min_id_length": (whole(1, 1_024), 1),
        "session": (text, None),
        "deletion_host": (
            host_address("https://amplitude.com, or https://analytics.eu.amplitude.com for the EU"),
            None,
        ),
    }
    options = AmplitudeOptions(**read_fields(definition.options, readers, "The sync file's [amplitude]"))
    if definition.kind == "catalog":
        raise SyncError('Amplitude has no catalogs: give kind = "events" or "attributes".')
    if definition.kind == "attributes" and options.session is not None:
        raise SyncError('The sync file\'s [amplitude]: `session` is given with kind = "events" only.')
    if (definition.limits.objects or 0) > MOST_OBJECTS:
        raise SyncError(f"The sync file's [limits]: Amplitude takes {MOST_OBJECTS:,} objects of a request.")
    return options


@dataclass(frozen=True, slots=True)
class AmplitudeProject:
    """Calls one project.

    Args:
        options: Where it is.
        key: Its API key, a secret, which goes in each body.
        private: Whether a private address, and plain http, are meant.
        connections: Kept open at most.
    """

    options: AmplitudeOptions
    key: str = field(repr=False)
    private: bool = False
    connections: int = 4
    _host: DestinationHost = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        host = DestinationHost(
            self.options.host,
            who=WHO,
            setting=PRIVATE,
            private=self.private,
            connections=self.connections,
        )
        object.__setattr__(self, "_host", host)

    @property
    def identity(self) -> str:
        """By which what it acknowledged is kept."""
        return f"amplitude:{urlsplit(self.options.host).netloc}:{self.options.project}"

    def upload(self, objects: Sequence[bytes]) -> HttpAnswer:
        """One request; where a user is throttled the answer says in a header how long to wait, which Amplitude's pages say.

        Raises:
            SyncError: the host is inside a private network, and that is not meant.
        """
        told = {"api_key": self.key, "options": {"min_id_length": self.options.min_id_length}}
        body = msgspec.json.encode(told)[:-1] + b',"events":[%b]}' % b",".join(objects)
        answer = self._host.exchange("POST", PATH, body)
        if answer.status == TOO_FAST and "retry-after" not in answer.headers:
            return replace(answer, headers={**answer.headers, "retry-after": str(THROTTLED_WAIT_S)})
        return answer

    def fate(self, answer: HttpAnswer) -> BatchFate:
        """What an answer means; of a 400 or 429 nothing was taken."""
        said = json_of(answer.body)
        if answer.status == _UNAVAILABLE:
            return BatchFate("not_sent", sentence=f"{WHO} answers 503.")
        if answer.status == TOO_FAST and _any_of(
            said, "exceeded_daily_quota_users", "exceeded_daily_quota_devices"
        ):
            throttled = _any_of(said, "throttled_users", "throttled_devices")
            named = [] if throttled else _places(said.get("throttled_events"))
            return BatchFate("divide", dict.fromkeys(named, _QUOTA), _QUOTA)
        if answer.status == _WRONG and _told(said, self.key).lower().startswith("invalid api key"):
            return BatchFate(
                "stop",
                sentence=f"{WHO} does not know the key: see {KEY}, and whether the host is that of your project.",
            )
        if answer.status == _WRONG and (refused := refused_in(said)):
            return BatchFate("divide", refused, f"{WHO} refuses it: {_told(said, self.key)}.")
        return fate_of(
            answer,
            who=WHO,
            refused=lambda _body: {},
            said=lambda body: told_in(body, self.key),
            key=KEY,
        )


def _any_of(said: Mapping[str, Any], *names: str) -> bool:
    return any(said.get(name) for name in names)


def refused_in(said: Mapping[str, Any]) -> dict[int, str]:
    """The events of a request that a 400 names, by place: fields with `[indexes]`, and `silenced_events`."""
    refused: dict[int, str] = {}
    for table, verb in _FIELDS.items():
        fields = said.get(table)
        for name, places in fields.items() if isinstance(fields, dict) else ():
            for place in _places(places):
                refused.setdefault(place, f"{WHO} {verb} its field {shortened(str(name))}.")
    for place in _places(said.get("silenced_events")):
        refused.setdefault(
            place, f"{WHO} has silenced this member's device: its project blocks or filters it."
        )
    return refused


def _places(found: Any) -> list[int]:
    return (
        [one for one in found if isinstance(one, int) and not isinstance(one, bool)]
        if isinstance(found, list)
        else []
    )


def told_in(body: bytes, key: str) -> str:
    """What an answer's body says to a person, in one line and without the key."""
    return _told(json_of(body), key)


def _told(said: Mapping[str, Any], key: str) -> str:
    """What an answer says to a person, in one line and without the key, which Amplitude repeats."""
    lacks = f"{said['missing_field']} is missing" if said.get("missing_field") else ""
    told = " ".join(str(said.get("error") or lacks or "it gives no reason").split()).replace(key, "…")
    return shortened(told, 200).rstrip(".")


@dataclass(frozen=True, slots=True)
class AmplitudeEvents:
    """The door for members' events.

    Args:
        project: Where to.
        limits: What it takes.
        event: The events' name.
    """

    project: AmplitudeProject
    limits: DoorLimits
    event: str
    who: str = WHO

    @property
    def identity(self) -> str:
        """By which what it acknowledged is kept."""
        return self.project.identity

    def check_columns(self, columns: Sequence[SourceColumn]) -> None:
        """Raises `SyncError` where a name is none of a property, the session's column is none, or the event's name."""
        rules.check_event_name(self.event)
        session = self.project.options.session
        if session is not None:
            rules.check_session_column(columns, session)
        rules.check_property_names([one for one in columns if one.name != session], event=True)

    def problem(self, key: str, values: Mapping[str, Any]) -> str | None:
        """What is wrong with an event of the member `key`."""
        options = self.project.options
        session = values.get(options.session) if options.session else None
        return (
            rules.member_problem(key, least=options.min_id_length)
            or rules.session_problem(session)
            or rules.properties_problem(values)
        )

    def size(self, one: OutboxEvent) -> int:
        """Bytes of an event's object."""
        return len(self._object(one))

    def lane(self, one: OutboxEvent) -> str:  # noqa: ARG002 - all go one way
        """All objects of this door may stand in one request."""
        return "events"

    def send(self, batch: Sequence[OutboxEvent]) -> HttpAnswer:
        """Send one request."""
        return self.project.upload([self._object(one) for one in batch])

    def fate(self, answer: HttpAnswer) -> BatchFate:
        """What an answer means."""
        return self.project.fate(answer)

    def _object(self, one: OutboxEvent) -> bytes:
        """An event; by its insert_id Amplitude keeps one of those that come within seven days."""
        properties = dict(one.properties)
        session = self.project.options.session
        return msgspec.json.encode(
            {
                "user_id": one.member,
                "event_type": self.event,
                "time": milliseconds(one.time),
                "insert_id": insert_id(self.event, one.key),
                "session_id": rules.session_of(properties.pop(session, None) if session else None),
                "event_properties": {**properties, "cj_key": one.key, "cj_attempt": one.attempt},
            }
        )


def insert_id(event: str, key: str) -> str:
    """By which Amplitude tells one event from another; two syncs may give one key to events of two names."""
    return blake2b(f"{event}\0{key}".encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class AmplitudeProperties:
    """The door for members' user properties, which show up with a member's next event and count as none.

    Args:
        project: Where to.
        limits: What it takes.
    """

    project: AmplitudeProject
    limits: DoorLimits
    who: str = WHO

    @property
    def identity(self) -> str:
        """By which what it acknowledged is kept."""
        return self.project.identity

    def check_columns(self, columns: Sequence[SourceColumn]) -> None:
        """Raises `SyncError` where a name is none of a property."""
        rules.check_property_names(columns, event=False)

    def problem(self, key: str, values: Mapping[str, Any]) -> str | None:
        """What is wrong with a member's row."""
        least = self.project.options.min_id_length
        return rules.member_problem(key, least=least) or rules.properties_problem(values)

    def size(self, one: ChangedRow) -> int:
        """Bytes of a member's object."""
        return len(_identify(one))

    def lane(self, one: ChangedRow) -> str:  # noqa: ARG002 - all go one way
        """All objects of this door may stand in one request."""
        return "properties"

    def send(self, batch: Sequence[ChangedRow]) -> HttpAnswer:
        """Send one request."""
        return self.project.upload([_identify(one) for one in batch])

    def fate(self, answer: HttpAnswer) -> BatchFate:
        """What an answer means."""
        return self.project.fate(answer)


def _identify(one: ChangedRow) -> bytes:
    """A member's properties by operations, which may not stand beside plain values."""
    kept = {name: value for name, value in one.values.items() if value is not None}
    removed = {name: "-" for name, value in one.values.items() if value is None}
    operations = {name: values for name, values in (("$set", kept), ("$unset", removed)) if values}
    return msgspec.json.encode({"user_id": one.key, "event_type": "$identify", "user_properties": operations})


def open_amplitude(
    definition: SyncDefinition, *, key: str | None, private: bool
) -> AmplitudeEvents | AmplitudeProperties:
    """The door that a sync file to Amplitude asks for.

    Raises:
        SyncError: its options do not fit, or there is no key.
    """
    options = read_options(definition)
    if key is None:
        raise SyncError(
            f"{KEY} is not set: give the project's API key, there or in the file that {KEY}_FILE names."
        )
    project = AmplitudeProject(options, key, private, definition.limits.connections)
    events = definition.kind == "events"
    limits = DoorLimits(
        objects=definition.limits.objects or OBJECTS,
        most_bytes=MOST_BYTES,
        requests=REQUESTS,
        billed="events" if events else "",
    )
    if events:
        return AmplitudeEvents(project, limits, definition.event or "")
    return AmplitudeProperties(project, limits)
