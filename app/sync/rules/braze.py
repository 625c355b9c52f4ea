"""What Braze takes of a member's attributes, an event's properties and a catalog's items.

Sources: braze.com/docs/api/objects_filters/user_attributes_object and event_object,
braze.com/docs/user_guide/data/activation/custom_data/custom_attributes/nested_custom_attribute_support,
braze.com/docs/api/endpoints/catalogs (ids, values).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.sync.definition import SyncError
from app.sync.rules.column_names import refuse_addresses, refuse_ours
from app.sync.values import inner_values, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from app.sync.values import SourceColumn

MOST_CHARACTERS: Final = 255  # of a name, and of a text
MOST_NESTED_BYTES: Final = 100_000
MOST_CATALOG_TEXT: Final = 5_000
MOST_CATALOG_ID: Final = 250
MOST_MEMBER_ID: Final = 997  # bytes of an external_id
_IDENTIFIERS: Final = frozenset(
    {"external_id", "user_alias", "braze_id", "_update_existing_only", "_merge_objects", "push_token_import"}
)
_PERSONAL: Final = frozenset({"email", "phone", "push_tokens"})
_CONSENT: Final = frozenset(
    {"email_subscribe", "push_subscribe", "subscription_groups", "marked_email_as_spam_at"}
)
_PROFILE: Final = frozenset(
    {
        "bio", "country", "current_location", "date_of_first_session", "date_of_last_session", "dob", "facebook",
        "first_name", "gender", "home_city", "image_url", "language", "last_name", "time_zone", "twitter",
    }
)  # fmt: skip
_EVENT_RESERVED: Final = frozenset({"time", "event_name"})
_NESTED_KEY: Final = re.compile(r"[.$ ]")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_CATALOG_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,250}")
_CATALOG_FIELD: Final = re.compile(r"[A-Za-z0-9_-]{1,250}")


def check_attribute_names(columns: Sequence[SourceColumn]) -> None:
    """Refuse names that are none of a custom attribute.

    Raises:
        SyncError: one is reserved, too long, or of a form that Braze does not take.
    """
    for name in (column.name for column in columns):
        _check_name(name, "attribute")
        if name.lower() in _IDENTIFIERS:
            raise SyncError(f"The column {name!r} is a word of Braze's own: name it otherwise.")
        refuse_addresses(name, _PERSONAL)
        if name.lower() in _CONSENT:
            raise SyncError(
                f"The column {name!r} would change a member's consent, which no sync does: leave it out."
            )
        if name.lower() in _PROFILE:
            raise SyncError(
                f"The column {name!r} would overwrite Braze's own profile field: name it otherwise, such as {f'cj_{name}'!r}."
            )


def check_event_name(name: str) -> None:
    """Refuse what is no name of an event.

    Raises:
        SyncError: it is too long, or of a form that Braze does not take.
    """
    if len(name) > MOST_CHARACTERS or name.startswith("$") or not name.strip() or not name.isprintable():
        raise SyncError(
            f"`event` = {shortened(name)!r} is no name of an event in Braze: give up to {MOST_CHARACTERS} characters, the first no $."
        )


def check_property_names(columns: Sequence[SourceColumn]) -> None:
    """Refuse names that are none of an event's property.

    Raises:
        SyncError: one is reserved, too long, or of a form that Braze does not take.
    """
    for name in (column.name for column in columns):
        _check_name(name, "property")
        if name in _EVENT_RESERVED:
            raise SyncError(f"The column {name!r} is reserved in an event: name it otherwise.")
        refuse_ours(name)


def check_item_names(columns: Sequence[SourceColumn]) -> None:
    """Refuse names that are no field of a catalog.

    Raises:
        SyncError: one is `id` again, too long, or has other characters than letters, digits, `_` and `-`.
    """
    for name in (column.name for column in columns):
        if name == "id":
            raise SyncError("The column 'id' would hide the item's id: name it otherwise.")
        if not _CATALOG_FIELD.fullmatch(name):
            raise SyncError(
                f"The column {shortened(name)!r} is no field of a catalog: up to 250 letters, digits, _ and - are taken."
            )


def _check_name(name: str, what: str) -> None:
    if len(name) > MOST_CHARACTERS:
        raise SyncError(
            f"The column {shortened(name)!r} has {len(name)} characters: Braze takes {MOST_CHARACTERS}."
        )
    if name.startswith("$") or not name.strip() or not name.isprintable():
        raise SyncError(f"The column {name!r} is no name of {_an(what)} in Braze: begin it with a letter.")


def _an(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"


def member_problem(member: str) -> str | None:
    """What is wrong with a member's id as Braze's external_id."""
    if not member.strip():
        return "The member's id is empty."
    if member != member.strip() or not member.isprintable():
        return "The member's id has blanks around it, or a character that cannot be printed: Braze would know another member by it."
    if len(member.encode()) > MOST_MEMBER_ID:
        return f"The member's id has more than {MOST_MEMBER_ID} bytes."
    return None


def attributes_problem(values: Mapping[str, Any], *, array_items: int) -> str | None:
    """What is wrong with a member's attributes."""
    return next(_problems(values, array_items), None)


def properties_problem(values: Mapping[str, Any]) -> str | None:
    """What is wrong with an event's properties."""
    found = next(_problems(values, None), None)
    nested = any(isinstance(value, (dict, list)) for value in values.values())
    if found is None and nested and _size(values) > MOST_NESTED_BYTES:
        return f"The properties have {_size(values):,} bytes: with arrays or objects in them Braze takes {MOST_NESTED_BYTES:,}."
    return found


def _problems(values: Mapping[str, Any], array_items: int | None) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, str) and len(value) > MOST_CHARACTERS:
            yield f"{name}: a text of {len(value)} characters, and Braze takes {MOST_CHARACTERS}."
        elif isinstance(value, list):
            yield from (f"{name}: {problem}" for problem in _array_problems(value, array_items))
        elif isinstance(value, dict):
            yield from (f"{name}: {problem}" for problem in _nested_problems(value))
        if isinstance(value, (dict, list)) and _size(value) > MOST_NESTED_BYTES:
            yield f"{name}: {_size(value):,} bytes, and Braze takes {MOST_NESTED_BYTES:,} of a nested value."


def _array_problems(values: Sequence[Any], most: int | None) -> Iterator[str]:
    if most is not None and len(values) > most:
        yield f"an array of {len(values)} elements, of which Braze would keep {most}."
    if most is not None and len({json.dumps(one, sort_keys=True) for one in values}) < len(values):
        yield "an array with an element twice, of which Braze would keep one."
    for value in values:
        if isinstance(value, list):
            yield "an array in an array, which Braze does not take."
        elif isinstance(value, dict):
            yield from _nested_problems(value)
        else:
            yield from _inner_problems(value)
            if isinstance(value, str) and _INSTANT.match(value):
                yield f"the time {value} in an array, which Braze does not take."


def _nested_problems(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if not key or len(key) > MOST_CHARACTERS or _NESTED_KEY.search(key):
            yield f"the nested key {shortened(key)!r}: Braze takes up to {MOST_CHARACTERS} characters, without dot, $ and blank."
        if isinstance(value, dict):
            yield from _nested_problems(value)
        elif isinstance(value, list):
            yield from _array_problems(value, None)
        else:
            yield from _inner_problems(value)


def _inner_problems(value: Any) -> Iterator[str]:
    if value is None:
        yield "a null within it, for which Braze drops the whole attribute."
    elif isinstance(value, str) and len(value) > MOST_CHARACTERS:
        yield f"a text of {len(value)} characters within it, and Braze takes {MOST_CHARACTERS}."


def item_problem(item: str, values: Mapping[str, Any]) -> str | None:
    """What is wrong with a catalog's item."""
    if not _CATALOG_ID.fullmatch(item):
        return f"The id {shortened(item)!r} is none of a catalog: up to {MOST_CATALOG_ID} letters, digits, _ and - are taken."
    for name, value in values.items():
        if isinstance(value, str) and len(value) > MOST_CATALOG_TEXT:
            return f"{name}: a text of {len(value)} characters, and a catalog takes {MOST_CATALOG_TEXT:,}."
        if _holds_null(value):
            return f"{name}: a null within it."
    return None


def _holds_null(value: Any) -> bool:
    return any(one is None or _holds_null(one) for one in inner_values(value))


def _size(value: Any) -> int:
    return len(msgspec.json.encode(value))
