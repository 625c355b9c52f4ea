"""Personalization attributes given by hand: `${first_name}`, `custom_attribute.${x}`, Content Blocks, catalogs.

Source: https://www.braze.com/docs/user_guide/personalization_and_dynamic_content/liquid/supported_personalization_tags
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.braze.liquid.expressions import MEMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAMESPACES: Final = frozenset(
    {
        "api_trigger_properties", "app", "campaign", "canvas", "canvas_entry_properties", "card", "catalogs",
        "catalog_selections", "content_blocks", "context", "custom_attribute", "event_properties", "most_recently_used_device",
        "sms", "subscribed_state", "targeted_device", "whats_app",
    }
)  # fmt: skip


_CATALOGS: Final = {"catalogs": "item", "catalog_selections": "selection"}
_EXPORTED: Final = {"custom_attributes": "custom_attribute", "canvas_context": "context"}
"""Names in Braze's exports, and the names that templates use for the same."""


def variables(user_id: str, attributes: Mapping[str, object]) -> dict[str, Any]:
    """Return the variables of a render, from attributes named as a template names them, with or without `${}`.

    `{"first_name": "민지", "custom_attribute": {"Desired Salary": 4000}, "campaign.dispatch_id": "d1"}` fills
    `{{${first_name}}}`, `{{custom_attribute.${Desired Salary}}}` and `{{campaign.${dispatch_id}}}`.
    """
    found: dict[str, Any] = {MEMBER: {}}
    for key, value in attributes.items():
        namespace, dot, name = key.replace("${", "").replace("}", "").partition(".")
        namespace = _EXPORTED.get(namespace, namespace)
        if dot:
            found.setdefault(namespace, {})[name] = value
            continue
        if isinstance(value, dict):
            found[namespace] = {**value, **found.get(namespace, {})}
        if namespace not in NAMESPACES:
            found[MEMBER][namespace] = value
    found[MEMBER]["user_id"] = user_id
    return found


def named(missing: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return missing attributes as a template writes them: `${first_name}`, `custom_attribute.${x}`."""
    return tuple(_named(*path) for path in missing)


def _named(namespace: str, *keys: str) -> str:
    if not keys:
        return namespace
    if namespace in _CATALOGS and len(keys) > 1:
        return f"{_CATALOGS[namespace]} {keys[1]} of the catalog {keys[0]}"
    first = f"${{{keys[0]}}}"
    rest = "".join(f".{key}" for key in keys[1:])
    return f"{first if namespace == MEMBER else f'{namespace}.{first}'}{rest}"
