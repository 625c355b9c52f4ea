"""A destination's host, called: what is inside a private network is called only where that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.runtime.outgoing import OutgoingClient, PrivateAddressError
from app.sync.definition import SyncError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.runtime.outgoing import HttpAnswer


class DestinationHost:
    """The host of one destination; used by several threads.

    Args:
        url: Its address, without a path.
        authorization: What each request is allowed by, a secret; None where that goes in the body.
        who: What people call the destination.
        setting: The setting that says that a private address, and plain http, are meant.
        private: Whether it says so.
        connections: Kept open at most.
    """

    def __init__(
        self,
        url: str,
        *,
        who: str,
        setting: str,
        authorization: str | None = None,
        private: bool = False,
        connections: int = 4,
    ) -> None:
        headers = {"Accept": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        self._client = OutgoingClient(url, headers=headers, private=private, connections=connections)
        self._who, self._setting = who, setting

    def exchange(
        self, method: str, path: str, body: bytes | None, *, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """One request.

        Raises:
            SyncError: the host is inside a private network, and that is not meant.
        """
        try:
            return self._client.exchange(method, path, body, headers=headers)
        except PrivateAddressError as error:
            raise SyncError(
                f"{self._who}'s host {error} is inside a private network, or would be called without https: "
                f"set {self._setting}=on where that is meant."
            ) from None
