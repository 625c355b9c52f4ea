"""One workspace of Braze: its host, its key, and what its answers say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from app.sync.answers import fate_of, json_of
from app.sync.definition import REQUIRED, SyncError, host_address, own_name, read_fields, whole
from app.sync.host import DestinationHost
from app.sync.values import shortened

if TYPE_CHECKING:
    from app.runtime.outgoing import HttpAnswer
    from app.sync.answers import BatchFate
    from app.sync.definition import SyncDefinition

WHO: Final = "Braze"
KEY: Final = "CJ_BRAZE_KEY"
PRIVATE: Final = "CJ_BRAZE_PRIVATE"
MOST_BYTES: Final = 3_500_000  # of a request; Braze refuses 4 MB
_CATALOG = re.compile(r"[A-Za-z0-9_-]{1,250}")
host_url = host_address("the REST address that the dashboard shows, such as https://rest.kr-01.braze.com")


def _catalog(value: Any) -> str:
    if not isinstance(value, str) or not _CATALOG.fullmatch(value):
        raise ValueError("a catalog's name: letters, digits, dashes and underscores")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class BrazeOptions:
    """The [braze] table of a sync file.

    Args:
        host: The REST address.
        workspace: A name of ours for the workspace, so that two on one host are told apart.
        array_items: Elements that the workspace keeps of an array.
        catalog: The catalog's name, to the letter.
    """

    host: str
    workspace: str
    array_items: int
    catalog: str | None


def read_options(definition: SyncDefinition) -> BrazeOptions:
    """The options of a sync to Braze.

    Raises:
        SyncError: one is missing or does not fit.
    """
    readers = {
        "host": (host_url, REQUIRED),
        "workspace": (own_name, "main"),
        "array_items": (whole(1, 100), 25),
        "catalog": (_catalog, None),
    }
    options = BrazeOptions(**read_fields(definition.options, readers, "The sync file's [braze]"))
    if (definition.kind == "catalog") != (options.catalog is not None):
        raise SyncError(
            'The sync file\'s [braze]: `catalog` is given with kind = "catalog", and only with it.'
        )
    return options


@dataclass(frozen=True, slots=True)
class BrazeWorkspace:
    """Calls one workspace.

    Args:
        options: Where it is.
        key: Its REST key, a secret.
        private: Whether a private address, and plain http, are meant.
        connections: Kept open at most.
    """

    options: BrazeOptions
    key: str = field(repr=False)
    private: bool = False
    connections: int = 4
    _host: DestinationHost = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        host = DestinationHost(
            self.options.host,
            who=WHO,
            setting=PRIVATE,
            authorization=f"Bearer {self.key}",
            private=self.private,
            connections=self.connections,
        )
        object.__setattr__(self, "_host", host)

    @property
    def identity(self) -> str:
        """By which what it acknowledged is kept."""
        return f"braze:{urlsplit(self.options.host).netloc}:{self.options.workspace}"

    def exchange(self, method: str, path: str, body: bytes | None) -> HttpAnswer:
        """One request.

        Raises:
            SyncError: the host is inside a private network, and that is not meant.
        """
        return self._host.exchange(method, path, body)

    def fate(self, answer: HttpAnswer, array: str) -> BatchFate:
        """What an answer means for the objects of one array of the request."""
        return fate_of(answer, who=WHO, refused=lambda body: refused_in(body, array), said=said_in, key=KEY)


def refused_in(body: bytes, array: str) -> dict[int, str]:
    """The objects of a request that a 2xx answer says were not taken, by place: `errors` with `type`, `input_array`, `index`."""
    errors = json_of(body).get("errors")
    refused: dict[int, str] = {}
    for error in errors if isinstance(errors, list) else []:
        if not isinstance(error, dict) or error.get("input_array", array) != array:
            continue
        index = error.get("index")
        if isinstance(index, int) and not isinstance(index, bool):
            refused[index] = f"{WHO} refuses it: {_one_line(error.get('type') or error.get('message'))}."
    return refused


def said_in(body: bytes) -> str:
    """What an answer says to a person, in one line; of a catalog's errors the first."""
    found = json_of(body)
    errors = found.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    told = first.get("message") or first.get("type") if isinstance(first, dict) else first
    return _one_line(told or found.get("message"))


def _one_line(told: Any) -> str:
    text = " ".join(str(told).split()) if told else "it gives no reason"
    return shortened(text, 200).rstrip(".")
