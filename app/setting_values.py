"""What settings may be: each function reads a text, or raises a `ValueError` that says what would do."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 10**9
_MOST_PROCESSES = 1_000  # workers, threads, connections: a digit too many would take the machine down
_MOST_WAIT_MS = 60_000
_SESSION_KEY_CHARS = 32
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_INHERITED = re.compile(r"fd://[0-9]{1,6}")  # a socket that was opened before, as by systemd


def between(least: int, most: int = _MOST) -> Callable[[str], int]:
    """A reader of whole numbers from `least` to `most`."""

    def parse(text: str) -> int:
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not digits or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


whole, positive, count = between(0), between(1), between(1, _MOST_PROCESSES)
wait_ms = between(1, _MOST_WAIT_MS)


def on_or_off(text: str) -> bool:
    """A switch."""
    if text not in ("on", "off"):
        raise ValueError("on or off")
    return text == "on"


def address(text: str) -> str:
    """Host (none is every address) and port to listen at, or a socket that was opened before."""
    name, colon, port = text.rpartition(":")
    if _INHERITED.fullmatch(text) or (colon and (not name or _is_host(name)) and _is_port(port)):
        return text
    raise ValueError("host:port, such as 127.0.0.1:8080 or [::1]:8080")


def _is_port(text: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", text) is not None and 0 < int(text) < 2**16


def _is_host(text: str) -> bool:
    """Whether it is a name, an IPv4 address, or an IPv6 address in brackets."""
    address = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    try:
        return (ip_address(address).version == 6) == (address != text)  # noqa: PLR2004 - IPv6
    except ValueError:
        numeric = not text.strip("0123456789.")
        return not numeric and _HOST_NAME.fullmatch(text) is not None


def host(text: str) -> str:
    """A host's name."""
    name, colon, port = text.rpartition(":")
    if not _is_host(text) and not (colon and _is_host(name) and _is_port(port)):
        raise ValueError("a host name alone, such as jobs.example.com")
    return text


def url(text: str) -> str:
    """Where a service is called."""
    try:
        found = urlsplit(text)
        fits = found.scheme in ("http", "https") and _is_host(_bracketed(found.hostname or ""))
        plain = found.port != 0 and not (found.query or found.fragment or found.username)
    except ValueError:  # a port that is none
        fits = plain = False
    if not fits or not plain or not text.isprintable() or " " in text:
        raise ValueError("the address of a service, such as http://127.0.0.1:8080")
    return text.rstrip("/")


def webhook(text: str) -> str:
    """Where a message is posted: a secret."""
    try:
        found = urlsplit(text)
        fits = found.scheme in ("http", "https") and _is_host(_bracketed(found.hostname or ""))
        fits = fits and found.port != 0
    except ValueError:  # a port that is none
        fits = False
    if not fits or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the URL that Slack or Teams shows for the webhook, https://…")
    return text


def one_of(*words: str) -> Callable[[str], str]:
    """One of a few words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(" or ".join(words))
        return text

    return read


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def shared_storage(text: str) -> str:
    """Where instances count together."""
    try:
        found = urlsplit(text)
        fits = found.scheme.partition("+")[0] in ("valkey", "valkeys") and found.port != 0
    except ValueError:
        fits = False
    if not fits or not (found.netloc or found.path):
        raise ValueError(
            "valkey://host:port, or valkeys:// for TLS; % escapes what is no letter in a password"
        )
    return text


def session_key(text: str) -> str:
    """A key that cannot be guessed."""
    if len(text) < _SESSION_KEY_CHARS:
        raise ValueError(
            f"{_SESSION_KEY_CHARS} characters or more, such as "
            '`python -c "import secrets; print(secrets.token_urlsafe())"` prints'
        )
    return text


def credential(text: str) -> str:
    """A credential's name and secret."""
    name, _, secret = text.partition(":")
    if not name or not secret:
        raise ValueError("one line, name:secret")
    return text


def api_key(text: str) -> str:
    """A key that stands in a header of each request."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the key as the dashboard shows it, without blanks")
    return text


def name(text: str) -> str:
    """A name for people."""
    if not text.isprintable() or len(text) > 200:  # noqa: PLR2004
        raise ValueError("at most 200 characters that can be printed")
    return text


def folder(text: str) -> Path:
    """A directory, which need not be there yet."""
    path = Path(text)
    if "\0" in text or (path.exists() and not path.is_dir()):
        raise ValueError("a directory, or where one can be made")
    return path


def file(text: str) -> Path:
    """A file, which need not be there yet."""
    if "\0" in text or Path(text).is_dir():
        raise ValueError("a file's path")
    return Path(text)


def server(text: str) -> str:
    """The program that serves."""
    if text not in ("gunicorn", "granian"):
        raise ValueError("gunicorn or granian")
    return text


def overlap(one: str, other: str) -> bool:
    """Whether two addresses cannot be listened at both."""
    (name, _, port), (other_name, _, other_port) = one.rpartition(":"), other.rpartition(":")
    everywhere = {"", "0.0.0.0", "[::]"}  # noqa: S104 - compared, not bound
    return port == other_port and (name == other_name or not everywhere.isdisjoint({name, other_name}))
