"""Items of a catalog: put whole where something of them changed, deleted where the query no longer gives them.

Source: braze.com/docs/api/endpoints/catalogs/catalog_items/asynchronous (50 items a request, 16,000 requests a minute, 202).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from app.braze.rest.workspace import MOST_BYTES, WHO
from app.sync.door import DoorLimits
from app.sync.rules import braze as rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.braze.rest.workspace import BrazeWorkspace
    from app.runtime.outgoing import HttpAnswer
    from app.sync.answers import BatchFate
    from app.sync.delta import ChangedRow
    from app.sync.values import SourceColumn

OBJECTS: Final = 50
REQUESTS: Final = 800  # in 3 s: 16,000 a minute


def catalog_limits(objects: int | None) -> DoorLimits:
    """What the endpoint takes; a sync file may say fewer items."""
    return DoorLimits(objects=min(objects or OBJECTS, OBJECTS), most_bytes=MOST_BYTES, requests=REQUESTS)


@dataclass(frozen=True, slots=True)
class BrazeCatalog:
    """The door for a catalog's items.

    Args:
        workspace: Where to; its options name the catalog.
        limits: What it takes.
    """

    workspace: BrazeWorkspace
    limits: DoorLimits
    who: str = WHO

    @property
    def identity(self) -> str:
        """By which what it acknowledged is kept."""
        return f"{self.workspace.identity}:catalog:{self.workspace.options.catalog}"

    def check_columns(self, columns: Sequence[SourceColumn]) -> None:
        """Raises `SyncError` where a name is no field of a catalog."""
        rules.check_item_names(columns)

    def problem(self, key: str, values: Mapping[str, Any]) -> str | None:
        """What is wrong with an item."""
        return rules.item_problem(key, values)

    def size(self, one: ChangedRow) -> int:
        """Bytes of an item."""
        return len(_item(one))

    def lane(self, one: ChangedRow) -> str:
        """What is put and what is deleted go in requests of their own."""
        return "delete" if one.gone else "put"

    def send(self, batch: Sequence[ChangedRow]) -> HttpAnswer:
        """Send one request."""
        body = b'{"items":[%b]}' % b",".join(_item(one) for one in batch)
        method = "DELETE" if batch[0].gone else "PUT"
        return self.workspace.exchange(method, f"/catalogs/{self.workspace.options.catalog}/items", body)

    def fate(self, answer: HttpAnswer) -> BatchFate:
        """What an answer means; an item that is not there to be deleted is gone as it should be."""
        return self.workspace.fate(answer, "items")


def _item(one: ChangedRow) -> bytes:
    return msgspec.json.encode({"id": one.key, **one.values})
