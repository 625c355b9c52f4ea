"""What Amplitude takes of a member's properties and of an event's.

Sources: amplitude.com/docs/apis/analytics/http-v2 (ids and those that are refused, `time` and `session_id` in milliseconds, 1,024
characters of a text, 40 layers of an object, names of events of its own) and …/apis/analytics/identify (operations begin with `$`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.sync.definition import SyncError
from app.sync.rules.column_names import refuse_addresses, refuse_ours
from app.sync.values import milliseconds, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from app.sync.values import SourceColumn

MOST_CHARACTERS: Final = 1_024  # of an id, a name and a text
MOST_LAYERS: Final = 40
NO_SESSION: Final = -1
_NOBODY: Final = frozenset(
    {"", "-1", "0", "anonymous", "lmy47d", "n/a", "na", "nil", "none", "null", "undefined", "unknown", "{}"}
)  # ids that it refuses, or in which it takes all members for one
_OWN_EVENTS: Final = frozenset({"session_start", "session_end", "revenue_amount"})
_PERSONAL: Final = frozenset({"email", "phone", "ip"})


def check_event_name(name: str) -> None:
    """Refuse what is no name of an event of ours.

    Raises:
        SyncError: it is too long, cannot be printed, or is Amplitude's own.
    """
    if len(name) > MOST_CHARACTERS or not name.strip() or not name.isprintable():
        raise SyncError(
            f"`event` = {shortened(name)!r} is no name of an event in Amplitude: give up to {MOST_CHARACTERS:,} characters that can be printed."
        )
    if name.startswith(("$", "[Amplitude]")) or name in _OWN_EVENTS:
        raise SyncError(
            f"`event` = {shortened(name)!r} is an event of Amplitude's own: name yours otherwise."
        )


def check_session_column(columns: Sequence[SourceColumn], name: str) -> None:
    """Refuse a session's column that the query does not give, or that holds no instants.

    Raises:
        SyncError: it is one of these.
    """
    found = next((one for one in columns if one.name == name), None)
    if found is None:
        raise SyncError(
            f"The query has no column {name!r}, which `session` under [amplitude] names: it gives "
            f"{', '.join(one.name for one in columns)}."
        )
    if found.kind != "instant":
        raise SyncError(
            f"The column {name!r} is of type {found.type_name}: a session begins at an instant, as timestamptz."
        )


def check_property_names(columns: Sequence[SourceColumn], *, event: bool) -> None:
    """Refuse names that are none of a property.

    Args:
        columns: Of the query, its ids and the session left out.
        event: Whether they are an event's, or a member's.

    Raises:
        SyncError: one is too long, of an address, or Amplitude's or the sync's own.
    """
    for name in (column.name for column in columns):
        if len(name) > MOST_CHARACTERS or not name.strip() or not name.isprintable():
            raise SyncError(
                f"The column {shortened(name)!r} is no name of a property: begin it with a letter."
            )
        if name.startswith(("$", "[Amplitude]")):
            raise SyncError(
                f"The column {shortened(name)!r} begins as Amplitude's own properties do: name it otherwise."
            )
        refuse_addresses(name, _PERSONAL)
        if event:
            refuse_ours(name)


def member_problem(member: str, *, least: int) -> str | None:
    """What is wrong with a member's id as Amplitude's user_id, of which `least` characters are taken."""
    if not member.strip():
        return "The member's id is empty."
    if member != member.strip() or not member.isprintable():
        return "The member's id has blanks around it, or a character that cannot be printed: Amplitude would know another member by it."
    if member.lower() in _NOBODY:
        return f"The member's id {member!r} is one that Amplitude takes for nobody's."
    if len(member) < least:
        return f"The member's id {member!r} has {len(member)} characters, and min_id_length is {least}."
    if len(member) > MOST_CHARACTERS:
        return f"The member's id has more than {MOST_CHARACTERS:,} characters."
    return None


def session_problem(begin: Any) -> str | None:
    """What is wrong with a session's beginning; None is no session."""
    if begin is None or (isinstance(begin, str) and milliseconds(begin) > 0):
        return None
    return f"The session's beginning {shortened(str(begin))} is no instant since 1970: give NULL where there is no session."


def session_of(begin: str | None) -> int:
    """A session's id, which is its beginning; an event outside any has -1."""
    return NO_SESSION if begin is None else milliseconds(begin)


def properties_problem(values: Mapping[str, Any]) -> str | None:
    """What is wrong with the properties of a member or an event."""
    return next((f"{name}: {why}" for name, value in values.items() for why in _problems(value, 1)), None)


def _problems(value: Any, layer: int) -> Iterator[str]:
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        yield f"a text of {len(value):,} characters, and Amplitude takes {MOST_CHARACTERS:,}."
    elif isinstance(value, (dict, list)) and layer >= MOST_LAYERS:
        yield f"an object of more than {MOST_LAYERS} layers, which Amplitude does not take."
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not key or len(key) > MOST_CHARACTERS or key.startswith("$"):
                yield f"the nested key {shortened(key)!r}: Amplitude takes up to {MOST_CHARACTERS:,} characters, the first no $."
            yield from _problems(inner, layer + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _problems(inner, layer + 1)
