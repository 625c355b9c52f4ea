"""What is scheduled, and details of campaigns and Canvases; all asked by GET.

Pages: braze.com/docs/api/endpoints/messaging/schedule_messages/get_messages_scheduled (end_time is required),
…/export/campaigns/get_campaign_details (campaign_id), …/export/canvas/get_canvas_details (canvas_id). That a list may have
further pages, named by a `Link` header as in …/custom_events/get_custom_events_data, is an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

MOST_DAYS: Final = 100


@dataclass
class Calendar:
    """Of one workspace.

    Args:
        scheduled: Entries of the list.
        campaigns: Details by id.
        canvases: Details by id.
        sent: E-mails by campaign's id and day, of each variation; a day without mails has none of it in the series.
        instead: An answer to all, unlike the documented; bytes go as they are.
        failing: The status that an id's details get, in place of an answer.
        page_size: Entries of one page; None is all in one.
        lists: Requests of the list that came.
    """

    scheduled: list[Any] = field(default_factory=list)
    campaigns: dict[str, Any] = field(default_factory=dict)
    canvases: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    instead: Any = None
    failing: dict[str, int] = field(default_factory=dict)
    page_size: int | None = None
    lists: int = 0

    def answer(self, path: str, url: str) -> tuple[int, Any, dict[str, str]]:
        """The status, body and headers."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if self.instead is not None:
            return 200, self.instead, {}
        if path.startswith("/messages"):
            return self._list(path, asked, url)
        if path.startswith("/campaigns/data_series"):
            return self._series(asked)
        kind, of = (
            ("campaign_id", self.campaigns) if path.startswith("/campaigns") else ("canvas_id", self.canvases)
        )
        braze_id = asked.get(kind, "")
        if braze_id in self.failing:
            return self.failing[braze_id], {"message": "Internal Server Error"}, {}
        one = of.get(braze_id)
        return (200, one, {}) if one is not None else (400, {"message": f"Invalid {kind}"}, {})

    def _series(self, asked: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        """…/export/campaigns/get_campaign_analytics: `length` of 1 to 100 days before `ending_at`, in time's order."""
        if asked.get("campaign_id", "") not in self.sent:
            return 400, {"message": "Invalid campaign_id"}, {}
        if not asked.get("length", "").isdigit() or not 1 <= int(asked["length"]) <= MOST_DAYS:
            return 400, {"message": "length must be between 1 and 100"}, {}
        end = datetime.fromisoformat(asked["ending_at"]).date()
        days = [(end - timedelta(days=ago)).isoformat() for ago in reversed(range(int(asked["length"])))]
        counts = self.sent[asked["campaign_id"]]
        data = [
            {
                "time": day,
                "messages": {
                    "email": [
                        {"variation_name": f"Variant {place}", "sent": sent, "delivered": sent}
                        for place, sent in enumerate(counts.get(day, ()), 1)
                    ]
                },
            }
            for day in days
        ]
        return 200, {"message": "success", "data": data}, {}

    def _list(self, path: str, asked: dict[str, str], url: str) -> tuple[int, Any, dict[str, str]]:
        self.lists += 1
        if "end_time" not in asked:
            return 400, {"message": "end_time"}, {}
        if self.page_size is None:
            return 200, {"scheduled_broadcasts": self.scheduled}, {}
        begin = int(asked.get("cursor", "0"))
        end = begin + self.page_size
        base = path.partition("&cursor=")[0]
        more = {"Link": f'<{url}{base}&cursor={end}>; rel="next"'} if end < len(self.scheduled) else {}
        return 200, {"scheduled_broadcasts": self.scheduled[begin:end]}, more
