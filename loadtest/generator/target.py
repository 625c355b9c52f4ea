"""Whom to call and as whom: the allowed host, the credential, the members, the addresses and headers of a call."""

import base64
import random
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from app.capacity.evidence.hosts import is_loopback
from loadtest.errors import LoadtestError

ALLOWED_HOSTS_VARIABLE = "LOADTEST_ALLOW_HOSTS"
CAMPAIGN = "loadtest"  # calls of this campaign never enter the calibration of real sends
PORTS = {"http": 80, "https": 443}
PARTS = ("html", "text", "amp")
PREVIEWED_MEMBERS = 5  # a marketer previews as one of a few test members
PREVIEW_CALLS = 3  # a preview renders every body


@dataclass(frozen=True)
class Origin:
    """A checked `scheme://host:port`."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def allowed_origin(url: str | None, *, allowed: frozenset[str] = frozenset()) -> Origin:
    """Check a `--host`.

    Raises:
        LoadtestError: it is no http(s) address, or neither loopback nor in `allowed` (host names).
    """
    if not url:
        raise LoadtestError("No host was given: say which service to load with --host http://127.0.0.1:8000.")
    try:
        parts = urlsplit(url)
        port = (parts.port or PORTS.get(parts.scheme, 0)) if parts.scheme in PORTS else 0
        host = (parts.hostname or "").encode("idna").decode("ascii").removesuffix(".")
    except ValueError:
        raise LoadtestError(
            f"The host {url!r} is not an address: write it like http://127.0.0.1:8000."
        ) from None
    if not host or not port or parts.username or parts.path.strip("/") or parts.query:
        raise LoadtestError(
            f"The host {url!r} is not an address: write it like http://127.0.0.1:8000, without path or credential."
        )
    if not is_loopback(host) and host not in {name.lower().removesuffix(".") for name in allowed}:
        raise LoadtestError(
            f"The host {host} is neither this machine nor allowed, and a load test of the wrong host is an "
            f"outage: repeat its name in --allow-host {host} or in {ALLOWED_HOSTS_VARIABLE}."
        )
    return Origin(parts.scheme, host, port)


def read_lines(path: Path, *, what: str, mend: str) -> list[str]:
    """The lines of a text file, without blank ones.

    Raises:
        LoadtestError: the file cannot be read or holds nothing; `what` names it, `mend` says how to make one.
    """
    if path == Path():
        raise LoadtestError(f"No {what} was given: {mend}.")
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except OSError as error:
        raise LoadtestError(f"The {what} {path} cannot be read ({error.strerror}): {mend}.") from None
    except UnicodeDecodeError:
        raise LoadtestError(f"The {what} {path} is not UTF-8 text: {mend}.") from None
    if not lines:
        raise LoadtestError(f"The {what} {path} is empty: {mend}.")
    return lines


def read_members(path: Path, *, seed: int) -> tuple[str, ...]:
    """Member ids, one a line, in an order that the seed decides."""
    members = read_lines(
        path, what="member file", mend="write one with `connected-jobs members export`, one member id a line"
    )
    random.Random(seed).shuffle(members)
    return tuple(members)


def read_authorization(path: Path) -> str:
    """The Authorization header made from a file whose one line is `name:secret`."""
    mend = "write one line `name:secret` into it, as it is stored in Braze"
    line, *more = read_lines(path, what="credential file", mend=mend)
    if more or ":" not in line or line.startswith(":"):
        raise LoadtestError(f"The credential file {path} is not one line of `name:secret`: {mend}.")
    return "Basic " + base64.b64encode(line.encode()).decode("ascii")


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What the calls are like.

    Attributes:
        passes: how often one message's question is asked: 1 HTML, 2 and text, 3 and AMP.
        pass_gap_s: between the passes of one message.
        unknown_share: of the messages, how many go to member ids that nobody has.
        preview_share: of the messages, how many are previews: three calls as one of five members.
        limit: postings asked for.
        lang: language asked for.
        cut_off_s: after which Braze no longer waits.
    """

    passes: int = 1
    pass_gap_s: float = 0.02
    unknown_share: float = 0.0
    preview_share: float = 0.0
    limit: int = 10
    lang: str = "ko"
    cut_off_s: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.passes <= len(PARTS):
            raise LoadtestError(
                f"A message has 1 to 3 render passes, not {self.passes}: say --passes 1, 2 or 3."
            )
        for name in ("unknown_share", "preview_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise LoadtestError(f"{name} is a share between 0 and 1, not {getattr(self, name):g}.")

    @property
    def calls_per_message(self) -> float:
        """Mean calls of one message."""
        return self.passes * (1 - self.preview_share) + PREVIEW_CALLS * self.preview_share


@dataclass(frozen=True)
class Message:
    """Whose message, and how many calls it makes."""

    member: str
    calls: int


def message(number: int, *, members: tuple[str, ...], traffic: Traffic) -> Message:
    """Message `number` of a run: a distinct member each until the file is used up.

    Previews and unknown members are spread evenly by Weyl's sequence of the golden ratio, so that every process
    finds the same ones without drawing.
    """
    place = number * 0.6180339887498949 % 1
    if place < traffic.preview_share:
        return Message(members[number % min(PREVIEWED_MEMBERS, len(members))], PREVIEW_CALLS)
    if place < traffic.preview_share + traffic.unknown_share:
        return Message(f"nobody-{number}", traffic.passes)
    return Message(members[number % len(members)], traffic.passes)


def path(member: str, *, send: str, traffic: Traffic) -> str:
    """The address a published template asks."""
    query = urlencode({"campaign": CAMPAIGN, "limit": traffic.limit, "lang": traffic.lang, "send": send})
    return f"/v1/members/{quote(member, safe='')}/recommendations?{query}"


def headers(origin: Origin, *, authorization: str) -> dict[str, str]:
    """Request headers as Braze documents them for a Connected Content GET."""
    return {
        "Host": origin.authority,
        "User-Agent": "Braze Sender 6c6f6164",
        "X-Braze-Sender-Version": "6c6f6164",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        "Content-Type": "application/json",
        "Authorization": authorization,
    }
