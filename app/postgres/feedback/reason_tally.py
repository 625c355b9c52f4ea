"""Clicks by the reason that a posting was shown for.

Neither the mail nor the click carries the reason: it stands in the stored list of the run that the mail was answered from.
That is looked up for one member in `ONE_IN`, and only while the run's lists are kept; a posting that is not in the list
of that run (filled up, or of a recipe) is left out, as its reason is not known.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from app.feedback.results.counts import PlaceCounts
from app.recommend.reasons import Reason

if TYPE_CHECKING:
    import psycopg

ONE_IN: Final = 20
_SOURCE: Final = "personalized"
_REASON_BITS: Final = 0x7F
# The run in force when the mail was answered; a send under way may keep the one before, whose lists mostly agree. What
# the arm of an experiment showed of another recipe is counted where the usual list has the posting too.
_SAMPLE = """
SELECT m.campaign, m.arm, m.rid, e.posting_ids, l.posting_ids, l.reasons,
    ARRAY(SELECT DISTINCT c.posting_id FROM pg_temp.mail_click c WHERE c.rid = m.rid AND c.person AND c.posting_id IS NOT NULL)
FROM pg_temp.mail m
JOIN LATERAL (
    SELECT p.run_id
    FROM connected_jobs.publication p
    JOIN connected_jobs.refresh_run r ON r.id = p.run_id AND r.state = 'ready'
    WHERE p.effective_at <= m.sent_at AND r.recipe IS NULL
    ORDER BY p.id DESC
    LIMIT 1
) f ON true
JOIN connected_jobs.exposure e ON e.rid = m.rid AND e.sent_at = m.sent_at
JOIN connected_jobs.recommendation_list l ON l.run_id = f.run_id AND l.member_id = m.member_id
WHERE m.source = %s AND m.member_id IS NOT NULL AND mod(hashtext(m.member_id)::bigint & 2147483647, %s) = 0
"""


def select_reasons(driver: psycopg.Connection) -> dict[str, list[PlaceCounts]]:
    """By campaign, how often each reason was shown and clicked in the sample; `mail` and `mail_click` are this transaction's."""
    shown: dict[str, Counter[int]] = defaultdict(Counter)
    mails: dict[str, Counter[int]] = defaultdict(Counter)
    clicked: dict[str, Counter[int]] = defaultdict(Counter)
    with driver.cursor(name="sampled") as cursor:
        cursor.itersize = 5_000
        cursor.execute(_SAMPLE, [_SOURCE, ONE_IN])
        for campaign, _arm, _rid, mailed, listed, reasons, by_person in cursor:
            reason_of = {
                posting: reason & _REASON_BITS
                for posting, reason in zip(listed, bytes(reasons), strict=False)
            }
            found = [reason_of[posting] for posting in mailed if posting in reason_of]
            shown[campaign].update(found)
            mails[campaign].update(set(found))
            clicked[campaign].update(reason_of[posting] for posting in by_person if posting in reason_of)
    return {
        campaign: [
            PlaceCounts(
                source=_SOURCE,
                position=0,
                reason=_code(number),
                shown=count,
                clicked=clicked[campaign][number],
                mails=mails[campaign][number],
            )
            for number, count in sorted(counts.items())
        ]
        for campaign, counts in shown.items()
    }


def _code(number: int) -> str:
    """The name of a reason; its number where a newer version made the list."""
    try:
        return Reason(number).code
    except ValueError:
        return str(number)
