"""Braze's own filters, and the Liquid filters that Braze does not support.

Source: https://www.braze.com/docs/user_guide/personalization_and_dynamic_content/liquid/advanced_filters
and .../liquid/filters
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, available_timezones

from app.braze.liquid.errors import LiquidError
from app.braze.liquid.filters import Filter, as_filter
from app.braze.liquid.times import Time, read_time
from app.braze.liquid.values import is_number, look_up, to_bytes, to_number, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

# Ruby's URI.escape leaves these unescaped, as Braze's documented examples show.
_UNRESERVED = "-_.!~*'()"
_MOST_HOURS = 13
_RESERVED = ";/?:@&=+$,[]"


def url_escape(value: object) -> str:
    """Percent-encode characters that no URL may contain: `hey<>hi` becomes `hey%3C%3Ehi`; `/`, `?` and `&` stay."""
    return quote(to_text(value), safe=_UNRESERVED + _RESERVED, errors="replace")


def url_param_escape(value: object) -> str:
    """Percent-encode for one path segment or query value: `hey<&>hi` becomes `hey%3C%26%3Ehi`."""
    return quote(to_text(value), safe=_UNRESERVED, errors="replace")


def json_escape(value: object) -> str:
    r"""Escape for the inside of a JSON string: `123"456` becomes `123\"456`; the quotes around are the template's."""
    return json.dumps(to_text(value), ensure_ascii=False)[1:-1]


def as_json_string(value: object) -> str:
    """Return the value as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def property_accessor(value: object, key: object) -> object:
    """Return what an object holds under a key."""
    return look_up(value, key)


def number_with_delimiter(value: object) -> object:
    """Put a comma between thousands: 123456 becomes `123,456`; other values stay as they are."""
    whole, dot, rest = to_text(value).partition(".")
    match = re.fullmatch(r"(-?)(\d{1,3})((?:\d{3})*)", whole, re.ASCII)
    return match[1] + ",".join([match[2], *re.findall("...", match[3])]) + dot + rest if match else value


def money(value: object) -> object:
    """Write a number with two decimals, 17.8 as `17.80`, and commas between thousands; other values stay."""
    if not is_number(value):
        return value
    try:
        return number_with_delimiter(str(Decimal(to_text(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)))
    except InvalidOperation:
        return value


def _hash_filter(algorithm: str) -> Callable[[object], str]:
    return lambda value: hashlib.new(algorithm, to_bytes(value), usedforsecurity=False).hexdigest()


def _hmac_filter(algorithm: str, written: Callable[[bytes], str]) -> Callable[[object, object], str]:
    return lambda value, key: written(hmac.digest(to_bytes(key), to_bytes(value), algorithm))


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def time_zone_filter(now: Time) -> Filter:
    """Return the `time_zone` filter of a render at `now`: the same time in another zone."""

    def time_zone(value: object, zone: object) -> object:
        moment = read_time(value, now)
        if moment is None:
            return value
        if zone is None:
            return moment
        if isinstance(zone, int) and not isinstance(zone, bool):
            return moment.at(zone * 3600 if abs(zone) <= _MOST_HOURS else zone)
        try:
            seen = datetime.fromtimestamp(moment.second, UTC).astimezone(_zone(to_text(zone)))
        except (ValueError, OSError, OverflowError, KeyError, StopIteration) as error:
            raise LiquidError(f"Invalid Timezone: {to_text(zone)}") from error
        offset = seen.utcoffset()
        return moment.at(int(offset.total_seconds()) if offset else 0, seen.tzname() or "")

    return as_filter(time_zone)


_FUNCTIONS: Final[dict[str, Callable[..., object]]] = {
    "as_json_string": as_json_string,
    "base64": lambda value: _base64(to_bytes(value)),
    "hmac_sha1": _hmac_filter("sha1", bytes.hex),
    "hmac_sha1_base64": _hmac_filter("sha1", _base64),
    "hmac_sha1_hex": _hmac_filter("sha1", bytes.hex),
    "hmac_sha256": _hmac_filter("sha256", bytes.hex),
    "hmac_sha256_base64": _hmac_filter("sha256", _base64),
    "hmac_sha256_hex": _hmac_filter("sha256", bytes.hex),
    "hmac_sha512": _hmac_filter("sha512", bytes.hex),
    "id": lambda value, _name: value,  # Braze adds it to Content Blocks
    "json_escape": json_escape,
    "lid": lambda _value, link: link,  # Braze adds it to links, to tell them apart
    "md5": _hash_filter("md5"),
    "money": money,
    "number_with_delimiter": number_with_delimiter,
    "property_accessor": property_accessor,
    "sha1": _hash_filter("sha1"),
    "sha2": _hash_filter("sha256"),
    "to_i": lambda value: int(to_number(value)),
    "url_escape": url_escape,
    "url_param_escape": url_param_escape,
}


def _zone(name: str) -> ZoneInfo:
    """The zone of a name such as `Asia/Seoul`, or of a city alone, as in Rails."""
    names = available_timezones()
    city = name.replace(" ", "_")
    return ZoneInfo(name if name in names else next(one for one in sorted(names) if one.endswith(f"/{city}")))


FILTERS: Final = {name: as_filter(function) for name, function in _FUNCTIONS.items()}
TIME_FILTERS: Final = ("date", "time_zone")
UNSUPPORTED: Final = frozenset(
    {
        "camelize", "find_index", "format_address", "handle", "handleize", "highlight", "money_with_currency",
        "money_without_currency", "pluralize",
    }
)  # fmt: skip
"""Filters of other Liquids that Braze says it does not support."""
UNDOCUMENTED: Final = frozenset({"lstrip", "rstrip", "sum", "to_i"})
"""Filters of newer or standard Liquid that Braze does not list, or lists as not supported."""
