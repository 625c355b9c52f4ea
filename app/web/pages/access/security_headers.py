"""What browsers are told of each page: nothing from elsewhere, nothing inline, nobody frames us."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Response

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_MAIL_POLICY = (
    "default-src 'none'",
    "img-src https: data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
    "sandbox",
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_A_YEAR_S = 365 * 24 * 3600


def protect(response: Response, *, over_https: bool) -> Response:
    """Set the headers of a page that the view has not set itself."""
    headers = response.headers
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    headers.setdefault("X-Frame-Options", "DENY")
    if over_https:
        headers.setdefault("Strict-Transport-Security", f"max-age={_A_YEAR_S}")
    return response


def mail_policy(html: str) -> str:
    """The policy of a mail shown by itself: an origin of its own, no script, and only the styles it holds.

    Mails style themselves inline. Each style is allowed by its hash, so that nothing unforeseen is.
    """
    found = _Styles()
    found.feed(html)
    found.close()
    hashes = sorted({b64encode(sha256(style.encode()).digest()).decode() for style in found.styles})
    allowed = " ".join(("'unsafe-hashes'", *(f"'sha256-{digest}'" for digest in hashes)))
    return "; ".join((*_MAIL_POLICY, "style-src " + (allowed if hashes else "'none'")))


class _Styles(HTMLParser):
    """Collects the style attributes and style elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.styles: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element's own style."""
        self._inside = tag == "style"
        self.styles.extend(value for name, value in attrs if name == "style" and value)

    def handle_data(self, data: str) -> None:
        """Note a style element's text."""
        if self._inside:
            self.styles.append(data)
            self._inside = False
