"""Cleans texts and links of feeds: removes markup, invisible characters and our own link parameters."""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from urllib.parse import unquote_plus

# Markup, invisible characters and surplus white space. Nearly every text has none of these and is returned unchanged.
_ODD = re.compile(
    "[<&\x00-\x1f\x7f-\xa0\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000"
    "\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]|  |^ | $"
)
_HIDDEN_ELEMENT = re.compile(r"<(script|style)\b[^>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_BLOCK = "address|article|blockquote|br|dd|div|dl|dt|h[1-6]|hr|img|li|ol|p|pre|script|section|style|table|tbody|td|th|tr|ul"
_INLINE = (
    "a|abbr|b|big|center|code|del|em|font|i|ins|label|mark|nobr|q|s|small|span|strike|strong|sub|sup|tt|u|wbr"
)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Characters that are invisible or change the text's direction. Joiners and the emoji selector shape their neighbours and stay.
_UNSEEN = re.compile(
    "[\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff"
    "\uffa0\ufff9-\ufffb\ufffe\uffff\U000e0001-\U000e001f\U000e0080-\U000e0fff]"
)
_BLANKS = re.compile("[\\s\u2800]+")
_MARKUP_DEPTH = 3  # markup that was escaped, and escaped again
_LINK = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#]\S*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"([a-z]+://)([^/?#]+)", re.IGNORECASE)
OUR_PARAMETERS = frozenset({"rid", "campaign", "variant", "arm", "position"})


def shown_text(text: str) -> str:
    """A text in NFC without markup, entities and invisible characters; each run of white space is one blank."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        if _ODD.search(text) is None:
            return text
    else:
        text = unicodedata.normalize("NFC", text)
    for _ in range(_MARKUP_DEPTH):
        plain = _without_markup(text)
        if plain == text:
            break
        text = plain
    return _BLANKS.sub(" ", _UNSEEN.sub("", text)).strip()


def _without_markup(text: str) -> str:
    if "<" in text:
        text = _INLINE_TAG.sub("", _BLOCK_TAG.sub(" ", _HIDDEN_ELEMENT.sub(" ", text)))
    return _ENTITY.sub(lambda entity: unescape(entity[0]), text) if "&" in text else text


def says_something(text: str) -> bool:
    """Whether a text has a visible letter or digit."""
    return any(map(str.isalnum, _UNSEEN.sub("", text)))


def is_link(text: str) -> bool:
    """Whether a text is an address that a mail may lead to: http or https, with a host and without a password."""
    return _LINK.fullmatch(text) is not None


def ascii_host(url: str) -> str:
    """A link whose host is written as name servers know it: `한빛.kr` is `xn--2q1bq6u.kr`.

    Raises:
        UnicodeError: it is no host's name.
    """
    if url.isascii():
        return url
    scheme, authority = _AUTHORITY.match(url).groups()  # type: ignore[union-attr] # links have both
    host, colon, port = authority.partition(":")
    return scheme + host.encode("idna").decode() + colon + port + url[len(scheme) + len(authority) :]


def without_our_parameters(url: str) -> str:
    """A link without its fragment and without parameters of our names, ready for ours: it ends in `?` or `&`."""
    path, _, query = url.partition("#")[0].partition("?")
    if not query:
        return path + "?"
    kept = [
        pair
        for pair in query.split("&")
        if pair and unquote_plus(pair.partition("=")[0]) not in OUR_PARAMETERS
    ]
    return path + "?" + "".join(f"{pair}&" for pair in kept)
