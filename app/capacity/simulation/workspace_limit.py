"""How campaigns share a workspace's limit in one minute.

Source: braze.com/docs/user_guide/administer/global/workspace_settings/messaging_rate_limits. First come, first served
across starts. Campaigns of one start have no particular order: each minute has some of all of them. Nothing in Braze
is called a priority.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from app.capacity.apportion import apportion

FOR_EVER: Final = 10**9  # minutes: until something else changes; and later than any minute


def share_minute(
    lines: Sequence[Iterable[tuple[int, int]]], caps: Sequence[int], limit: int
) -> tuple[list[int], int]:
    """Return how many messages each campaign starts in a minute, and for how many minutes that stays so at least.

    A campaign's line holds (minute of joining, messages), the first first, and `caps` what it may start. Messages that
    joined in one minute are taken in proportion to what their campaigns may start of them.
    """
    waiting: dict[int, dict[int, int]] = {}
    for campaign, line in enumerate(lines):
        for joined, count in line:
            of_minute = waiting.setdefault(joined, {})
            of_minute[campaign] = of_minute.get(campaign, 0) + count
    shares, left, alike = [0] * len(lines), limit, FOR_EVER
    for joined in sorted(waiting):
        counts = waiting[joined]
        rooms = {campaign: caps[campaign] - shares[campaign] for campaign in counts}
        wanted = [min(count, rooms[campaign]) for campaign, count in counts.items()]
        crowded = sum(wanted) > left
        granted = apportion(left, wanted).tolist() if crowded else wanted
        for (campaign, count), share in zip(counts.items(), granted, strict=True):
            if share:
                alike = min(alike, _alike_for(count, rooms[campaign], share, crowded=crowded))
                shares[campaign] += share
                left -= share
        if not left:
            break
    return shares, alike


def _alike_for(count: int, room: int, share: int, *, crowded: bool) -> int:
    """Return for how many minutes `count` messages give the same share, where `room` of them could start in each."""
    if not crowded:
        return count // share
    return (count - room) // share + 1 if count >= room else 1


def paces(counts: Sequence[int], caps: Sequence[int], limit: int | None) -> list[int]:
    """Return how many messages a minute each campaign starts like, in a minute in which it starts so many.

    By itself a campaign starts its messages as fast as its own limit lets it, or the workspace's. Several of them keep
    that pace only as far as all of them together are no faster than one campaign under the workspace's limit (assumed:
    Braze spreads the workspace's messages over a minute as it spreads a campaign's).
    """
    if limit is None:
        return list(caps)
    total = max(1, sum(counts))
    return [max(count, min(cap, -(-limit * count // total))) for count, cap in zip(counts, caps, strict=True)]
