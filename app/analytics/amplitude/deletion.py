"""Asks Amplitude to delete a member, by its User Privacy API; once its job has begun nothing undoes that.

Source: amplitude.com/docs/apis/analytics/user-privacy (`POST /api/2/deletions/users`, Basic by API key and secret key, one request
a second, up to 100 ids; `ignore_invalid_id`, a text in its examples, without which a stranger's id is a 400; jobs that run 10 to
13 days later; events that come after are taken again; the host of each region).
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from app.analytics.amplitude.upload import KEY, PRIVATE, WHO, read_options, told_in
from app.sync.answers import fate_of
from app.sync.definition import SyncError
from app.sync.host import DestinationHost

if TYPE_CHECKING:
    from app.sync.definition import SyncDefinition

PATH: Final = "/api/2/deletions/users"
SECRET: Final = "CJ_AMPLITUDE_SECRET_KEY"  # noqa: S105 - its name
REQUESTER: Final = "connected-jobs"
_HOSTS: Final = {
    "https://api2.amplitude.com": "https://amplitude.com",
    "https://api.eu.amplitude.com": "https://analytics.eu.amplitude.com",
}


@dataclass(frozen=True, slots=True)
class AmplitudeDeletion:
    """Where a project's members are deleted.

    Args:
        host: The address of the project's region.
        key: The project's API key.
        secret: Its secret key.
        private: Whether a private address, and plain http, are meant.
    """

    host: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    private: bool = False

    def ask(self, member_id: str) -> str | None:
        """Ask for a member's deletion; gives the day on which it is done, None where Amplitude does not know the member.

        Raises:
            SyncError: Amplitude did not say that it will.
        """
        basic = b64encode(f"{self.key}:{self.secret}".encode()).decode()
        host = DestinationHost(
            self.host,
            who=WHO,
            setting=PRIVATE,
            authorization=f"Basic {basic}",
            private=self.private,
            connections=1,
        )
        asked = {"user_ids": [member_id], "requester": REQUESTER, "ignore_invalid_id": "true"}
        answer = host.exchange("POST", PATH, json.dumps(asked).encode())
        fate = fate_of(answer, who=WHO, refused=lambda _body: {}, said=self._said_in, key=SECRET)
        if fate.meaning != "taken":
            raise SyncError(f"{fate.sentence} Nothing was erased here: run it again.")
        return _day_of(answer.body, member_id)

    def _said_in(self, body: bytes) -> str:
        return told_in(body, self.key).replace(self.secret, "…")


def _day_of(body: bytes, member_id: str) -> str | None:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    jobs = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]
    strangers = [one["invalid_ids"] for one in jobs if isinstance(one.get("invalid_ids"), list)]
    if any(member_id in map(str, some) for some in strangers):
        return None
    try:
        return max(date.fromisoformat(one["day"]) for one in jobs).isoformat()
    except (ValueError, KeyError, TypeError):
        raise SyncError(
            f"{WHO} does not say when it deletes the member. Nothing was erased here: run it again."
        ) from None


def open_deletion(
    definition: SyncDefinition, *, key: str | None, secret: str | None, private: bool
) -> AmplitudeDeletion:
    """Where the members of a sync file's project are deleted.

    Raises:
        SyncError: its options do not fit, or a key is missing.
    """
    options = read_options(definition)
    for name, value in ((KEY, key), (SECRET, secret)):
        if value is None:
            raise SyncError(f"{name} is not set: give it, there or in the file that {name}_FILE names.")
    host = options.deletion_host or _HOSTS.get(options.host)
    if host is None:
        raise SyncError(
            "The sync file's [amplitude]: give `deletion_host`, where the User Privacy API is, for `host` is none of Amplitude's."
        )
    return AmplitudeDeletion(host, key or "", secret or "", private)
