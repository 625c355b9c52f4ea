"""Catalogs: items put and deleted, 50 a request, asynchronously.

Pages: braze.com/docs/api/endpoints/catalogs/catalog_items/asynchronous/put_update_catalog_items and delete_catalog_items.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

ID = re.compile(r"[A-Za-z0-9_-]+$")


@dataclass
class Catalogs:
    """The workspace's catalogs: the fields that each has, and its items."""

    fields: dict[str, set[str]] = field(default_factory=dict)
    items: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def problem(self, catalog: str, given: Any, *, deleting: bool) -> tuple[str, str] | None:
        """The error's id and message for a whole request; one wrong item voids it."""
        if catalog not in self.fields:
            return "catalog-not-found", "Could not find catalog"
        items = given.get("items") if isinstance(given, dict) else None
        if not isinstance(items, list) or not items or not all(isinstance(one, dict) for one in items):
            return "invalid-items", "items are not valid"
        if len(items) > 50:
            return "request-includes-too-many-items", "Request includes too many items"
        unknown = {name for one in items for name in one if name != "id"} - self.fields[catalog]
        if unknown and not deleting:
            return "invalid-fields", f"Some of the fields given do not exist in the catalog: {min(unknown)}"
        if any(isinstance(value, str) and len(value) > 5_000 for one in items for value in one.values()):
            return "value-too-large", "Item value is too large"
        return _wrong_ids([one.get("id") for one in items])

    def put(self, catalog: str, items: list[dict[str, Any]]) -> None:
        """Replace items whole."""
        for one in items:
            self.items.setdefault(catalog, {})[one["id"]] = {k: v for k, v in one.items() if k != "id"}

    def delete(self, catalog: str, items: list[dict[str, Any]]) -> None:
        """Delete items; those that are not there are no fault."""
        for one in items:
            self.items.setdefault(catalog, {}).pop(one["id"], None)


def _wrong_ids(ids: list[Any]) -> tuple[str, str] | None:
    rules = {
        "items-missing-ids": all(one is not None for one in ids),
        "ids-not-strings": all(isinstance(one, str) for one in ids),
        "ids-too-large": all(len(str(one)) <= 250 for one in ids),
        "ids-not-unique": len({str(one) for one in ids}) == len(ids),
        "invalid-ids": all(ID.match(str(one)) for one in ids),
    }
    return next(((rule, rule.replace("-", " ")) for rule, kept in rules.items() if not kept), None)
