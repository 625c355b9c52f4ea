"""The filters Braze has beside standard Liquid's, as far as templates that call us need them.

Source: https://www.braze.com/docs/user_guide/personalization_and_dynamic_content/liquid/advanced_filters
"""

import json
from urllib.parse import quote

from liquid.filter import string_filter

# Ruby's URI.escape leaves these alone; Braze's documented examples agree with it.
_UNRESERVED = "-_.!~*'()"
_RESERVED = ";/?:@&=+$,[]"


@string_filter
def url_escape(value: str) -> str:
    """Percent-encode what no URL may hold: `hey<>hi` becomes `hey%3C%3Ehi`; `/`, `?` and `&` stay."""
    return quote(value, safe=_UNRESERVED + _RESERVED)


@string_filter
def url_param_escape(value: str) -> str:
    """Percent-encode for one path segment or query value: `hey<&>hi` becomes `hey%3C%26%3Ehi`."""
    return quote(value, safe=_UNRESERVED)


@string_filter
def json_escape(value: str) -> str:
    r"""Escape for the inside of a JSON string: `123"456` becomes `123\"456`; the quotes around are the template's."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


FILTERS = {"url_escape": url_escape, "url_param_escape": url_param_escape, "json_escape": json_escape}
