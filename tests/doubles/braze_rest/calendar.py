"""What is scheduled, and campaigns' details [get_messages_scheduled, get_campaign_details]; both are asked by GET."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Calendar:
    """Of one workspace; `instead` is an answer unlike the documented."""

    scheduled: list[Any] = field(default_factory=list)
    campaigns: dict[str, Any] = field(default_factory=dict)
    instead: Any = None

    def answer(self, path: str) -> tuple[int, Any]:
        """The status and body; end_time and campaign_id are required."""
        asked = parse_qs(urlsplit(path).query)
        if self.instead is not None:
            return 200, self.instead
        if path.startswith("/messages"):
            fits = "end_time" in asked
            return (200, {"scheduled_broadcasts": self.scheduled}) if fits else (400, {"message": "end_time"})
        one = self.campaigns.get(asked.get("campaign_id", [""])[0])
        return (200, one) if one else (400, {"message": "Invalid campaign_id"})
