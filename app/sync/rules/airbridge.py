"""What Airbridge takes of an event: its category, action, label, value and attributes, and the address it came from.

Sources, all of help.airbridge.io/en: guides/airbridge-event-elements (a custom category has letters, digits and underscores, does
not begin with `airbridge.`, and 128 characters at most; an event of a wrong type is not collected, what is too long is cut),
guides/airbridge-event-types (standard categories), developers/event-property-faq (characters of action and label; a value has
under 10 decimal places), developers/event-taxonomy-limitations (2,048 of custom attributes, 1,024 of a semantic text) and
references/s2s-event/send-in-web-events (the member's address in X-Forwarded-For, else the server's is recorded).
What is too long is refused here, for Airbridge would cut it or put ERROR_MAX_LENGTH_EXCEEDED in its place without a word.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from app.sync.definition import SyncError
from app.sync.rules.column_names import refuse_addresses, refuse_ours
from app.sync.values import shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from app.sync.values import ColumnKind, SourceColumn

Letters = Literal["any", "latin"]
MOST_CHARACTERS: Final = 128  # of a category, an action, a label
MOST_SEMANTIC: Final = 1_024
MOST_CUSTOM: Final = (
    2_048  # of all custom attributes together, as JSON: the page does not say of one or of all
)
OF_THE_SYNC: Final = 256  # of these, for what the sync itself adds
MOST_DECIMALS: Final = 9
MOST_ID: Final = 1_024  # an assumption: no page tells how long a user's id may be
STANDARD: Final = frozenset(
    f"airbridge.{name}"
    for name in (
        "user.signup", "user.signin", "user.signout", "ecommerce.home.viewed", "ecommerce.productList.viewed",
        "ecommerce.searchResults.viewed", "ecommerce.product.viewed", "addPaymentInfo", "addToWishlist",
        "ecommerce.product.addedToCart", "initiateCheckout", "ecommerce.order.completed", "ecommerce.order.canceled",
        "startTrial", "subscribe", "unsubscribe", "adImpression", "adClick",
    )
)  # fmt: skip
SEMANTIC: Final[Mapping[str, ColumnKind]] = {
    "currency": "text", "productListID": "text", "cartID": "text", "transactionID": "text", "transactionType": "text",
    "query": "text", "totalValue": "number", "inAppPurchased": "boolean", "products": "json",
}  # fmt: skip
_PRODUCT: Final[Mapping[str, ColumnKind]] = {
    "productID": "text", "name": "text", "currency": "text", "price": "number", "quantity": "number", "position": "number",
}  # fmt: skip
_WHOLE: Final = frozenset({"quantity", "position"})
_TOLD: Final[Mapping[ColumnKind, str]] = {
    "text": "a text", "number": "a number", "boolean": "true or false", "json": "a list of objects",
}  # fmt: skip
_PARTS: Final[Mapping[str, ColumnKind]] = {"action": "text", "label": "text", "value": "number"}
_PERSONAL: Final = frozenset({"email", "phone", "ip", "externaluseremail", "externaluserphone"})
_CATEGORY: Final = re.compile(r"[A-Za-z0-9_]{1,128}")
_SIGNS: Final = r"?!,./&()\-_ "
_WORDS: Final[Mapping[Letters, re.Pattern[str]]] = {
    "any": re.compile(rf"[^\W_]*(?:[{_SIGNS}][^\W_]*)*"),
    "latin": re.compile(rf"[A-Za-z0-9{_SIGNS}]*"),
}


def check_category(name: str) -> None:
    """Refuse what is no category of an event: neither a standard one nor fit for a custom one.

    Raises:
        SyncError: it is none.
    """
    if name in STANDARD:
        return
    if name.lower().startswith("airbridge."):
        raise SyncError(
            f"`event` = {shortened(name)!r} begins with airbridge. and is no standard event: give one of Airbridge's, or a "
            "name of yours without that beginning, such as job_apply."
        )
    if not _CATEGORY.fullmatch(name):
        raise SyncError(
            f"`event` = {shortened(name)!r} is no category in Airbridge: give up to {MOST_CHARACTERS} letters from a to z, "
            "digits and underscores, such as job_apply."
        )


def check_columns(columns: Sequence[SourceColumn], *, address: str, fields: Collection[str]) -> None:
    """Refuse a query that gives no address, or whose columns are of other types than Airbridge has for them.

    Args:
        columns: Of the query, its key, member and time left out.
        address: The column with the member's address.
        fields: Columns with ids of the member's browser or device.

    Raises:
        SyncError: one is missing, of a wrong type, an address of another kind, or the sync's own.
    """
    there = {column.name: column for column in columns}
    for name in (address, *fields):
        if name not in there:
            raise SyncError(
                f"The query has no column {name!r}, which [airbridge] names: it gives {', '.join(there) or 'none'} besides. "
                + (
                    "Without the member's address Airbridge records this server's."
                    if name == address
                    else "Give it, or leave it out."
                )
            )
    wanted: dict[str, ColumnKind] = {**SEMANTIC, **_PARTS, address: "text", **dict.fromkeys(fields, "text")}
    for column in columns:
        if column.name not in (address, *fields):
            refuse_addresses(column.name, _PERSONAL)
        refuse_ours(column.name)
        if not column.name.strip() or not column.name.isprintable():
            raise SyncError(f"The column {column.name!r} is no name of an attribute: begin it with a letter.")
        kind = wanted.get(column.name)
        if kind is not None and column.kind != kind:
            raise SyncError(
                f"The column {column.name!r} is of type {column.type_name}, and Airbridge stores no event in which it is not "
                f"{_TOLD[kind]}: cast it."
            )


def address_problem(address: Any) -> str | None:
    """What is wrong with a member's address; the sentence does not repeat it."""
    if address is None:
        return "It has no address of the member: without one Airbridge would record this server's as the member's."
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return (
            "The member's address is none of IPv4 or IPv6, such as 123.123.123.123: of an inet give host(…)."
        )
    if getattr(found, "scope_id", None) or not (getattr(found, "ipv4_mapped", None) or found).is_global:
        return "The member's address is none of the open internet: it may be that of a proxy in front of the board."
    return None


def member_problem(member: str) -> str | None:
    """What is wrong with a member's id as Airbridge's externalUserID."""
    if not member.strip():
        return "The member's id is empty."
    if member != member.strip() or not member.isprintable():
        return "The member's id has blanks around it, or a character that cannot be printed: Airbridge would know another member by it."
    if len(member) > MOST_ID:
        return f"The member's id has more than {MOST_ID:,} characters."
    return None


def values_problem(values: Mapping[str, Any], *, letters: Letters, fields: Collection[str]) -> str | None:
    """What is wrong with an event's values, the address left out."""
    return next(_problems(values, letters, fields), None)


def _problems(values: Mapping[str, Any], letters: Letters, fields: Collection[str]) -> Iterator[str]:
    for name in ("action", "label"):
        yield from (f"{name}: {why}" for why in _word_problems(values.get(name), letters))
    if (value := values.get("value")) is not None and (why := _decimals_problem(value)):
        yield f"value: {why}"
    for name in fields:
        if (found := values.get(name)) is not None and (
            len(found) > MOST_SEMANTIC or not found.strip() or not found.isprintable()
        ):
            yield f"{name}: no id: give up to {MOST_SEMANTIC:,} characters that can be printed, or NULL."
    for name in SEMANTIC:
        if name in values:
            yield from (f"{name}: {why}" for why in _semantic_problems(name, values[name]))
    custom = custom_of(values, fields)
    for name, one in custom.items():
        if isinstance(one, (dict, list)):
            yield f"{name}: an array or object, for which Airbridge names no custom attribute: give texts, numbers or booleans."
    most = MOST_CUSTOM - OF_THE_SYNC
    if (size := len(msgspec.json.encode(custom).decode())) > most:
        yield (
            f"The custom attributes have {size:,} characters as JSON: above {most:,}, and {OF_THE_SYNC} of the sync's own, "
            "Airbridge keeps ERROR_MAX_LENGTH_EXCEEDED in their place."
        )


def _word_problems(word: str | None, letters: Letters) -> Iterator[str]:
    if word is None:
        return
    if len(word) > MOST_CHARACTERS:
        yield f"a text of {len(word)} characters, which Airbridge would cut to {MOST_CHARACTERS}."
    if not _WORDS[letters].fullmatch(word):
        which = "letters" if letters == "any" else "letters from a to z"
        yield f"{shortened(word)!r} has other characters than {which}, digits, blanks and ? ! , . / & ( ) - _."


def _decimals_problem(value: Any) -> str | None:
    text = f"{value:.17f}".rstrip("0") if "e" in repr(value) else repr(value)
    decimals = len(text.partition(".")[2])
    return (
        f"{shortened(text)} has {decimals} decimal places, and Airbridge takes {MOST_DECIMALS}: round it."
        if decimals > MOST_DECIMALS
        else None
    )


def _semantic_problems(name: str, value: Any) -> Iterator[str]:
    if name == "products":
        yield from _product_problems(value)
    elif isinstance(value, str) and len(value) > MOST_SEMANTIC:
        yield f"a text of {len(value):,} characters, which Airbridge would cut to {MOST_SEMANTIC:,}."
    elif name == "totalValue" and (why := _decimals_problem(value)):
        yield why


def _product_problems(products: Any) -> Iterator[str]:
    if not isinstance(products, list) or not all(isinstance(one, dict) for one in products):
        yield "no list of objects, without which Airbridge stores no event."
        return
    for key, value in ((key, value) for one in products for key, value in one.items()):
        kind = _PRODUCT.get(key)
        if kind is None:
            yield f"{shortened(key)!r} is no field of a product: known are {', '.join(_PRODUCT)}."
        elif kind == "text" and not (isinstance(value, str) and len(value) <= MOST_SEMANTIC):
            yield f"{key}: no text of up to {MOST_SEMANTIC:,} characters, and Airbridge drops such a field."
        elif kind == "number" and (isinstance(value, bool) or not isinstance(value, (int, float))):
            yield f"{key}: no number, and Airbridge drops such a field."
        elif key in _WHOLE and not float(value).is_integer():
            yield f"{key}: no whole number, and Airbridge drops such a field."


def custom_of(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The values that have no place of their own in an event: its custom attributes."""
    placed = {*_PARTS, *SEMANTIC, *fields}
    return {name: value for name, value in values.items() if name not in placed}


def goal_of(values: Mapping[str, Any], category: str, fields: Collection[str]) -> dict[str, Any]:
    """An event's goal, as the API names it, out of values without the address."""
    goal: dict[str, Any] = {"category": category}
    goal |= {name: values[name] for name in _PARTS if name in values}
    semantic = {name: values[name] for name in SEMANTIC if name in values}
    return goal | {
        name: found
        for name, found in (("semanticAttributes", semantic), ("customAttributes", custom_of(values, fields)))
        if found
    }
