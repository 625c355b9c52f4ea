"""Postings as answers need them, encoded once: cards, and the two shelves of memory they stand in."""

from __future__ import annotations

import time
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from cachetools import TTLCache

from app.recommend.board import Closes, Status
from app.recommend.reasons import LANGUAGES
from app.serving import labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from app.recommend.board import Posting
    from app.serving.deadline import Deadline
    from app.serving.reads import Reads

# A transaction that takes longer than this between setting `updated_at` and committing is seen only when the
# card's time to live ends.
OVERLAP = timedelta(seconds=60)


class Card(NamedTuple):
    """A posting as JSON but for what depends on the call: days left, the link's tracking, the reason."""

    id: str
    company_id: str
    status: Status
    deadline: date | None
    closes: Closes
    category: str
    region: str
    head: Mapping[str, bytes]
    link: bytes
    fragment: bytes


GONE = Card("", "", Status.CLOSED, None, Closes.WHEN_FILLED, "", "", {}, b"", b"")


def make_card(posting: Posting) -> Card:
    """Encode a posting once, in every language."""
    url, hash_sign, fragment = posting.url.partition("#")
    link = url + ("&" if "?" in url else "?")
    return Card(
        posting.id,
        posting.company_id,
        posting.status,
        posting.deadline,
        posting.closes,
        posting.categories[0] if posting.categories else "",
        posting.regions[0].split("/")[0] if posting.regions else "",
        {lang: _head(posting, lang) for lang in LANGUAGES},
        msgspec.json.encode(link)[1:-1],
        msgspec.json.encode(hash_sign + fragment)[1:-1],
    )


def _head(posting: Posting, lang: str) -> bytes:
    """The object's first keys, without its closing brace."""
    facts = {
        "id": posting.id,
        "title": posting.title,
        "company": posting.company,
        "location": labels.location(posting, lang),
        "career": labels.career(posting, lang),
        "education": labels.education(posting, lang),
        "employment_type": labels.employment(posting, lang),
        "salary": labels.salary(posting, lang),
        "deadline": posting.deadline,
    }
    return msgspec.json.encode(facts)[:-1]


class Cards:
    """Cards by posting id: those on shelves are pinned, the others kept in a bounded TTL cache.

    A card lives `ttl_s`, and `update` replaces those whose posting changed, so a closing or an edit is known
    within the time between two updates although cards live long.
    """

    def __init__(
        self, reads: Reads, *, size: int, ttl_s: float, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._reads = reads
        self._cache: TTLCache[str, Card] = TTLCache(maxsize=size, ttl=ttl_s, timer=timer)
        self._pinned: dict[str, Card] = {}
        self._lock = Lock()
        self._since: datetime | None = None

    def known(self, ids: Iterable[str]) -> dict[str, Card]:
        """The cards in memory among `ids`."""
        pinned, found = self._pinned, {}
        with self._lock:
            for posting_id in ids:
                card = pinned.get(posting_id) or self._cache.get(posting_id)
                if card is not None:
                    found[posting_id] = card
        return found

    def get(self, ids: Sequence[str], deadline: Deadline) -> dict[str, Card]:
        """Cards of all `ids`, the missing ones in one read; a posting that no longer exists is `GONE`.

        Raises:
            UnavailableError: cards were missing and the store did not answer.
        """
        found = self.known(ids)
        if len(found) < len(ids) and (missing := [i for i in ids if i not in found]):
            found.update(dict.fromkeys(missing, GONE))
            found.update((p.id, make_card(p)) for p in self._reads.postings(missing, deadline))
            with self._lock:
                self._cache.update((i, found[i]) for i in missing)
        return found

    def pin(self, postings: Iterable[Posting]) -> None:
        """Keep these cards, and no others, outside the cache's bounds."""
        self._pinned = {posting.id: make_card(posting) for posting in postings}

    def update(self) -> None:
        """Replace cards whose posting changed since the last update; raises `UnavailableError`."""
        if self._since is None:
            self._since, _ = self._reads.postings_changed_since(None)
            return
        clock, changed = self._reads.postings_changed_since(self._since - OVERLAP)
        with self._lock:
            for posting in changed:
                if posting.id in self._pinned:
                    self._pinned[posting.id] = make_card(posting)
                elif posting.id in self._cache:
                    self._cache[posting.id] = make_card(posting)
        self._since = clock

    def __len__(self) -> int:
        """How many cards are in memory."""
        return len(self._pinned) + len(self._cache)
