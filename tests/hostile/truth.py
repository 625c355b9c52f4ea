"""What really became of postings and members, kept by Postgres's own triggers, and answers held against it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.hostile.world import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.hostile.sends import Heard

KNOWN_WITHIN_S = 30.0  # what could have been known so long ago is in no answer
TRIGGERS = """
CREATE SCHEMA truth;
CREATE TABLE truth.event (what text, member_id text, posting_id text);
CREATE FUNCTION truth.posting() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO truth.event VALUES ('closed', NULL, OLD.id);
        RETURN OLD;
    END IF;
    IF NEW.status <> 'open' AND (TG_OP = 'INSERT' OR OLD.status = 'open') THEN
        INSERT INTO truth.event VALUES ('closed', NULL, NEW.id);
    ELSIF NEW.status = 'open' AND (TG_OP = 'INSERT' OR OLD.status <> 'open') THEN
        INSERT INTO truth.event VALUES ('opened', NULL, NEW.id);
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION truth.activity() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$ BEGIN
    INSERT INTO truth.event VALUES ('applied', NEW.member_id, NEW.posting_id);
    RETURN NEW;
END $$;
CREATE FUNCTION truth.member() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$ BEGIN
    INSERT INTO truth.event VALUES (CASE TG_OP WHEN 'DELETE' THEN 'erased' ELSE 'edited' END, OLD.id, NULL);
    RETURN OLD;
END $$;
CREATE TRIGGER truth AFTER INSERT OR UPDATE OR DELETE ON board.posting FOR EACH ROW EXECUTE FUNCTION truth.posting();
CREATE TRIGGER truth AFTER INSERT ON board.activity FOR EACH ROW WHEN (NEW.kind = 'apply') EXECUTE FUNCTION truth.activity();
CREATE TRIGGER truth AFTER UPDATE OR DELETE ON board.member FOR EACH ROW EXECUTE FUNCTION truth.member();
"""
# When each became visible to others, which for a long transaction is not when it was written.
EVENTS = """
SELECT what, member_id, posting_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM truth.event
UNION ALL
SELECT CASE WHEN status = 'open' THEN 'opened' ELSE 'closed' END, NULL, id, 0 FROM board.posting p
WHERE NOT EXISTS (SELECT FROM truth.event e WHERE e.posting_id = p.id AND e.member_id IS NULL)
UNION ALL
SELECT 'closed', NULL, id, extract(epoch FROM (deadline + 1)::timestamp AT TIME ZONE 'Asia/Seoul')::float8 FROM board.posting
WHERE deadline IS NOT NULL
UNION ALL
SELECT 'applied', member_id, posting_id, 0 FROM board.activity WHERE kind = 'apply'
    AND NOT EXISTS (SELECT FROM truth.event e WHERE e.member_id = activity.member_id AND e.posting_id = activity.posting_id)
ORDER BY 4
"""


@dataclass
class Truth:
    """What was true when, by Postgres's commit times; `outages` are stretches in which nothing could be known."""

    outages: list[tuple[float, float]]
    closed: dict[str, list[tuple[float, bool]]] = field(default_factory=lambda: defaultdict(list))
    applied: dict[tuple[str, str], float] = field(default_factory=dict)
    erased: dict[str, float] = field(default_factory=dict)
    edited: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    moments: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, url: str, outages: list[tuple[float, float]]) -> Truth:
        """All that was written, and what had been so before."""
        truth = cls(outages)
        for what, member, posting, at in rows(url, EVENTS):
            if what in ("closed", "opened"):
                truth.closed[posting].append((at, what == "closed"))
                truth.moments[posting].append(at)
            elif what == "applied":
                truth.applied.setdefault((member, posting), at)
            elif what == "edited":
                truth.edited[member].append(at)
            else:
                truth.erased[member] = at
        return truth

    def could_be_known_s(self, since: float, until: float) -> float:
        """Seconds between two moments in which Postgres could be asked."""
        lost = sum(max(0.0, min(until, end) - max(since, begin)) for begin, end in self.outages)
        return until - since - lost

    def only_applied_to(self, heard: Heard) -> bool:
        """Whether all that should not be in an answer is what the member applied to."""
        return bool(self.dead(heard)) and not self._gone(heard)

    def dead(self, heard: Heard) -> list[str]:
        """Postings in an answer that should not be, with what was known of them."""
        found = self._gone(heard)
        for posting in heard.ids:
            applied = self.applied.get((heard.member, posting))
            if applied is not None and self.could_be_known_s(applied, heard.at) > KNOWN_WITHIN_S:
                found.append(f"{posting} was applied to {heard.at - applied:.0f} s before")
        return found

    def _gone(self, heard: Heard) -> list[str]:
        """Of those, what does not hang on what the member applied to."""
        found = []
        for posting in heard.ids:
            before = bisect_right(self.moments.get(posting, ()), heard.at)
            at, closed = self.closed[posting][before - 1] if before else (heard.at, False)
            if closed and self.could_be_known_s(at, heard.at) > KNOWN_WITHIN_S:
                found.append(f"{posting} was closed {heard.at - at:.0f} s before")
        erased = self.erased.get(heard.member)
        personal = erased is not None and heard.source != "popular"
        if personal and self.could_be_known_s(erased or 0.0, heard.at) > KNOWN_WITHIN_S:
            found.append(f"the member was erased {heard.at - (erased or 0.0):.0f} s before")
        return found

    def profile_edited(self, heard: Sequence[Heard]) -> bool:
        """Whether a member who has no list, only a profile, changed that about the time of these answers."""
        begin, end = self._about(heard)
        times = self.edited.get(heard[0].member, [])
        by_profile = any(one.source == "profile" for one in heard)
        return by_profile and bisect_right(times, end) > bisect_left(times, begin)

    def _about(self, heard: Sequence[Heard]) -> tuple[float, float]:
        """From when on what changed may show in these answers, and until when."""
        begin, end = min(one.at for one in heard) - 2 * KNOWN_WITHIN_S, max(one.at for one in heard)
        outage_s = sum(max(0.0, min(end, e) - max(begin - 120.0, b)) for b, e in self.outages)
        return begin - outage_s, end

    def moved(self, heard: Iterable[Heard]) -> set[str]:
        """Postings of some answers to one member whose state changed about the time of those answers."""
        answers = list(heard)
        begin, end = self._about(answers)
        found = set()
        for posting in {posting for one in answers for posting in one.ids}:
            times = self.moments.get(posting, [])
            applied = self.applied.get((answers[0].member, posting))
            if bisect_right(times, end) > bisect_left(times, begin) or (
                applied is not None and begin <= applied <= end
            ):
                found.add(posting)
        return found


def two_lists(truth: Truth, message: list[Heard]) -> str | None:
    """Why the answers to one message are not one list, if so; a posting that closed meanwhile may be missing."""
    whole = [one for one in message if one.status == 200 and one.degraded is None]
    if len(whole) < 2 or message[0].member in truth.erased:
        return None
    first = whole[0]
    for other in whole[1:]:
        if other.recommendation_id != first.recommendation_id:
            return f"two ids: {first} and {other}"
        if other.ids == first.ids or truth.profile_edited((first, other)):
            continue
        moved = truth.moved((first, other))
        gone, come = set(first.ids) - set(other.ids), set(other.ids) - set(first.ids)
        # What opened again takes a place, and the last on the list goes for it.
        if not moved or len(gone - moved) > len(come & moved):
            return f"{first} and {other}"
    return None
