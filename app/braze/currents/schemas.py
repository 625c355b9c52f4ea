"""What a file's own schema says: the type of its events, fields that are not known, and those that are worth decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from app.braze.currents.container import ContainerError
from app.feedback.mail_events import KINDS, REQUIRED, WANTED

_SIMPLE: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_MOST_DEEP: Final = 8
_MOST_FIELDS: Final = 500
_INNER: Final = ("type", "items", "values")  # where a type has others
_TOO_DEEP: Final = "The schema in its header is nested beyond all reason."
# Fields that we know and leave unread: most are personal, the others are not needed.
_UNREAD: Final = frozenset(
    [
        "email_address",
        "user_agent",
        "device_class",
        "device_os",
        "device_model",
        "browser",
        "mailbox_provider",
        "is_amp",
        "device_id",
        "gender",
        "country",
        "language",
        "timezone",
        "ip_pool",
        "app_group_id",
        "from_domain",
        "esp",
        "sending_ip",
        "recipient_domain",
        "deferral_reason",
        "attempt_count",
        "retry_log",
        "link_id",
        "link_alias",
        "has_url_parameters",
        "link_aliasing_enabled",
        "send_id",
        "campaign_name",
        "message_variation_name",
        "canvas_name",
        "canvas_variation_name",
        "canvas_step_id",
        "canvas_step_name",
        "app_id",
        "state_change_source",
        "channel_identifier",
        "experiment_split_name",
        "experiment_step_name",
        "canvas_step_variation_id",
        "state_change_source_id",
    ]
)


@dataclass(frozen=True, slots=True)
class FileSchema:
    """A file's schema.

    Attributes:
        event_type: Such as `users.messages.email.Send`; what the record is called where we know no such event.
        reader: The same record with the fields alone that are wanted, or None where the type is not read at all.
        unknown: Names of fields that no version known to us has, in order.
    """

    event_type: str
    reader: dict[str, Any] | None
    unknown: tuple[str, ...]


def file_schema(schema: Any) -> FileSchema:
    """Understand a file's schema.

    Raises:
        ContainerError: it is none of Currents', or could cost any amount of memory or time to read.
    """
    if (
        not isinstance(schema, dict)
        or schema.get("type") != "record"
        or not isinstance(schema.get("name"), str)
    ):
        raise ContainerError("It is Avro, but holds no records, so it is none of Currents'.")
    fields = schema.get("fields")
    if not isinstance(fields, list) or not 0 < len(fields) <= _MOST_FIELDS:
        raise ContainerError("It is Avro, but its records have no fields, or too many.")
    full = ".".join(filter(None, (str(schema.get("namespace") or ""), schema["name"])))
    event_type = full.partition(".inner.")[2] or full
    if event_type not in KINDS:
        return FileSchema(event_type[:100], None, ())
    types = _Types(str(schema.get("namespace") or ""))
    names: dict[str, Any] = {}
    for field in fields:
        if not isinstance(field, dict) or not isinstance(field.get("name"), str) or field["name"] in names:
            raise ContainerError(
                "The schema in its header is damaged: a field has no name, or one is there twice."
            )
        types.check(field.get("type"), 0)
        names[field["name"]] = field
    if missing := sorted(REQUIRED - set(names)):
        raise ContainerError(f"Its records have no {' and no '.join(missing)}, so it is none of Currents'.")
    unknown = tuple(sorted(name[:100] for name in names if name not in WANTED and name not in _UNREAD))
    reader = {key: schema[key] for key in ("type", "name", "namespace") if key in schema} | {
        "fields": [
            {"name": name, "type": field["type"]}
            for name, field in names.items()
            if name in WANTED or types.defined_in(field["type"])
        ]
    }
    return FileSchema(event_type, reader, unknown)


class _Type(NamedTuple):
    """What a value of a type may cost: whether it takes a byte at least, and how many types may lie in one another."""

    takes_bytes: bool
    height: int


class _Types:
    """The types of a file's fields: all that is asked of them is that no value costs any amount of memory or time.

    A type that has a name may be named again behind its definition, by any later field. So the fields that define one
    are read with those that are wanted.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._named: dict[str, _Type] = {}

    def defined_in(self, found: Any) -> bool:
        """Whether a field's type gives a name to one."""
        if isinstance(found, list):
            return any(map(self.defined_in, found))
        inner = [found[place] for place in _INNER if place in found] if isinstance(found, dict) else []
        return bool(inner) and ("name" in found or any(map(self.defined_in, inner)))

    def check(self, found: Any, depth: int) -> _Type:
        """What a value of a type may cost.

        A type that refers to itself may nest for ever, and an array of nothing may be endlessly long. Types that name
        one another nest as those that are written into one another do.

        Raises:
            ContainerError: the type is one of these, or none.
        """
        if depth > _MOST_DEEP:
            raise ContainerError(_TOO_DEEP)
        if isinstance(found, str):
            return self._known(found, depth)
        if isinstance(found, list):
            members = [self.check(one, depth + 1) for one in found]
            return _Type(takes_bytes=True, height=_above(members))
        if not isinstance(found, dict):
            raise ContainerError("The schema in its header is damaged: a field has no type.")
        made = self._complex(found, depth)
        if found.get("type") in ("record", "enum", "fixed"):
            self._named[self._full(str(found.get("name")), found.get("namespace"))] = made
        return made

    def _known(self, name: str, depth: int) -> _Type:
        if name in _SIMPLE:
            return _Type(takes_bytes=name != "null", height=0)
        known = self._named.get(self._full(name, None))
        # What takes no byte, named often enough by what is named often, would take any amount of time.
        if known is None or not known.takes_bytes:
            raise ContainerError("The schema in its header names a type that is not read.")
        if depth + known.height > _MOST_DEEP:
            raise ContainerError(_TOO_DEEP)
        return known

    def _full(self, name: str, namespace: Any) -> str:
        return name if "." in name else f"{namespace or self._namespace}.{name}"

    def _complex(self, found: dict[str, Any], depth: int) -> _Type:
        kind = found.get("type")
        if kind == "array":
            items = self.check(found.get("items"), depth + 1)
            if not items.takes_bytes:
                raise ContainerError("The schema in its header has an array of nothing.")
            return items._replace(height=_above([items]))
        if kind == "map":
            return _Type(takes_bytes=True, height=_above([self.check(found.get("values"), depth + 1)]))
        if kind == "record":
            fields = found.get("fields")
            if not isinstance(fields, list):
                raise ContainerError("The schema in its header is damaged: a record has no fields.")
            parts = [
                self.check(one.get("type") if isinstance(one, dict) else None, depth + 1) for one in fields
            ]
            return _Type(any(part.takes_bytes for part in parts), _above(parts))
        if kind == "fixed":
            return _Type(takes_bytes=isinstance(found.get("size"), int) and found["size"] > 0, height=0)
        if kind == "enum":
            return _Type(takes_bytes=True, height=0)
        return self.check(kind, depth + 1)


def _above(inner: list[_Type]) -> int:
    """How high a type is that holds others."""
    return 1 + max((one.height for one in inner), default=0)
