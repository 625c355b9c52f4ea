"""Cards: postings encoded once for answers. Those on shelves are pinned; the others are in a bounded cache."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from math import ceil
from sys import intern
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from cachetools import TTLCache

from app.board.model import Status
from app.board.texts import ascii_host, without_our_parameters
from app.board.veto import NEVER, shown_until
from app.feedback.exposure import quoted
from app.runtime.errors import UnavailableError
from app.serving import labels
from app.serving.store import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

    from app.board.model import Posting
    from app.runtime.deadline import Deadline
    from app.serving.store import Store

OVERLAP_S = 120.0
# If more postings changed, the standings of all cards in memory are read instead, which are fewer.
MOST_CHANGED = 20_000
PIECE = 1_000  # standings read at once
CHECK_S = 8.0  # longest time an update reads standings for; the next one continues
MOST_READ, READ_PIECE = 2_000, 250  # cards that an update reads again, and how many at once
_json = msgspec.json.encode
_text_lock = Lock()


class Card:
    """A posting and the part of its JSON that is the same in every answer: `text` ends inside the link, before its tracking.

    `until` is the second from which on it may not be shown, so the veto is one comparison. A call reads ten of 200,000
    cards, none of which is in a processor cache, so the fields a call reads lie in slots, and equal texts are one object.
    """

    __slots__ = (
        "_day",
        "_en",
        "_ko",
        "category",
        "company_id",
        "end",
        "exposed_id",
        "id",
        "posting",
        "region",
        "until",
    )

    def __init__(self, posting: Posting) -> None:
        self.posting = posting
        self.id = posting.id
        self.exposed_id = quoted(posting.id)
        self.company_id = intern(posting.company_id)
        self.category = intern(posting.categories[0]) if posting.categories else ""
        self.region = intern(posting.regions[0].split("/")[0]) if posting.regions else ""
        self.until = shown_until(posting)
        self.end = _json("".join(_as_uri(posting.url).partition("#")[1:]))[1:-1]
        self._day: date | None = None
        self._ko: bytes | None = None
        self._en: bytes | None = None

    def text(self, lang: str, today: date) -> bytes:
        """The JSON from its opening brace to the link's tracking; encoded again when the day has changed."""
        if self._day == today:
            cached = self._ko if lang == "ko" else self._en
            if cached is not None:
                return cached
        return self._encode(lang, today)

    def _encode(self, lang: str, today: date) -> bytes:
        text = _encode_posting(self.posting, lang, today)
        with _text_lock:  # a call from before midnight must not overwrite the new day's text
            if self._day is None or self._day < today:
                self._ko = self._en = None
                self._day = today
            if self._day == today:
                if lang == "ko":
                    self._ko = text
                else:
                    self._en = text
        return text


def _as_uri(url: str) -> str:
    """A link for plain-text mail: blanks, quotes and Korean are percent-encoded; encoded characters stay as they are."""
    with suppress(UnicodeError):  # a view may hold a link without a valid host
        url = ascii_host(url)
    return quote(url, safe="%!#$&'()*+,/:;=?@[]~")


def _unknown() -> Card:
    """The card that stands for a posting that is not in memory; it is never shown."""
    card = Card.__new__(Card)
    card.until = NEVER
    return card


UNKNOWN = _unknown()


def _encode_posting(posting: Posting, lang: str, today: date) -> bytes:
    days_left, label = labels.days_left_label(posting, lang, today)
    facts = {
        "id": posting.id,
        "title": posting.title,
        "company": labels.company(posting, lang),
        "location": labels.location(posting, lang),
        "career": labels.career(posting, lang),
        "education": labels.education(posting, lang),
        "employment_type": labels.employment(posting, lang),
        "salary": labels.salary(posting, lang),
        "deadline": posting.deadline,
        "days_left": days_left,
        "deadline_label": label,
        "url": without_our_parameters(_as_uri(posting.url)) + "rid=",
    }
    return _json(facts)[:-2]


class Cards:
    """Cards by posting id: those on shelves are pinned, the others are in a cache bounded in size and age.

    `view` is the plain dictionary that answers read; only this class writes it. A posting that does not exist is None in
    it. `hidden` holds ids of hidden postings, which reasons must not name.

    An `update` reads which postings changed and vetoes at once those that may no longer be shown. Then it reads the cards
    of the other changed postings again, some at a time. Where too much changed, or the changes cannot be read, it reads
    the standing of every card in memory; that costs by the number of cards, not of postings.

    No card gets older than `ttl_s` while the store answers: an update evicts those that would before the next update,
    `every_s` later, and reads a share of the pinned ones again.

    Args:
        store: The store.
        size: The most cards that are not pinned.
        ttl_s: The greatest age of a card.
        every_s: How often `update` is called.
        overlap_s: How far back an update looks, for changes committed so long after their `updated_at`.
        on_read: Called with how many cards a call had to wait for.
        timer: A monotonic clock.
    """

    def __init__(
        self,
        store: Store,
        *,
        size: int,
        ttl_s: float,
        every_s: float = 0.0,
        overlap_s: float = OVERLAP_S,
        on_read: Callable[[int], None] = lambda _count: None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.view: dict[str, Card | None] = {}
        self.hidden: set[str] = set()
        self._store = store
        self._on_read = on_read
        self._timer = timer
        self._pinned: dict[str, Card] = {}  # read longest ago first
        kept_s = max(ttl_s - every_s, every_s)
        self._share = every_s / kept_s if kept_s else 0.0
        self._bounds: TTLCache[str, None] = _BoundedIds(size, kept_s, timer, self._forget)
        self._lock = Lock()
        self._since: datetime | None = None
        self._overlap = timedelta(seconds=overlap_s)
        # `updated_at` may be in whole seconds, equal for two changes within one: the newest changes are read again.
        self._just_now = timedelta(seconds=2 * every_s)
        self._unchecked: dict[str, None] = {}  # cards that the last check of all cards did not reach
        self._outdated: dict[str, None] = {}  # cards to read again, changed longest ago first

    def fetch(self, ids: Sequence[str], deadline: Deadline) -> None:
        """Read cards into memory, in one read; raises `UnavailableError`."""
        found: dict[str, Card | None] = dict.fromkeys(ids)
        found.update((posting.id, Card(posting)) for posting in self._store.postings(ids, deadline))
        self._on_read(len(ids))
        with self._lock:
            for posting_id, card in found.items():
                if posting_id not in self._pinned:
                    self._bounds[posting_id] = None
                    self.view[posting_id] = card

    def pin(self, postings: Iterable[Posting]) -> None:
        """Keep exactly these cards outside the cache's bounds; their postings have just been read."""
        pinned = {posting.id: Card(posting) for posting in postings}
        with self._lock:
            for posting_id in self._pinned.keys() - pinned.keys():
                if posting_id not in self._bounds:
                    del self.view[posting_id]
            self._pinned = pinned
            self.view.update(pinned)

    def pinned_postings(self) -> list[Posting]:
        """The postings of the pinned cards, as last read."""
        return [card.posting for card in list(self._pinned.values())]

    def update(self) -> None:
        """Replace cards that changed since the last update or are too old; raises `UnavailableError`."""
        clock = self._store.clock()  # raises while the store is away; the cards then stay, however old
        with self._lock:
            self._bounds.expire()
        if self._since is None:
            self._since = clock
            return
        changed = self._changed_since(self._since - self._overlap)
        if changed is None:
            self._check_all()
        else:
            self._apply_standings(changed, since=clock - self._just_now)
            self._unchecked.clear()
        self._since = clock
        self._read_outdated()
        self._renew_pinned()

    def _changed_since(self, since: datetime) -> Sequence[Standing] | None:
        """What changed; None where it is too much or cannot be read in time."""
        try:
            return self._store.standings_changed_since(since, MOST_CHANGED)
        except UnavailableError:
            return None

    def _check_all(self) -> None:
        """Compare each card in memory with its posting's standing, from where the last check stopped."""
        until_s = self._timer() + CHECK_S
        self._unchecked |= dict.fromkeys(self.view.copy())
        while self._unchecked:
            if self._timer() > until_s:
                raise UnavailableError("timeout")
            piece = list(islice(self._unchecked, PIECE))
            found = self._store.standings(piece)
            self._apply_standings(found)
            self._veto_missing(set(piece).difference(standing.id for standing in found))
            for posting_id in piece:
                del self._unchecked[posting_id]

    def _apply_standings(self, standings: Iterable[Standing], *, since: datetime | None = None) -> None:
        """Veto postings that may no longer be shown, and note which cards to read again."""
        for new in standings:
            if new.status is Status.HIDDEN:
                self.hidden.add(new.id)
            else:
                self.hidden.discard(new.id)
            card = self.view.get(new.id, UNKNOWN)
            if card is UNKNOWN:
                continue
            if card is not None:
                posting = card.posting
                known = Standing(
                    new.id, posting.status, posting.deadline, posting.deadline_time, posting.updated_at
                )
                if known == new and not (since and new.updated_at >= since):
                    continue
                # A later end counts only once the card is read again.
                card.until = min(card.until, shown_until(new))
            self._outdated[new.id] = None

    def _veto_missing(self, ids: Iterable[str]) -> None:
        """Veto postings that no longer exist."""
        for posting_id in ids:
            card = self.view.get(posting_id)
            if card is not None:
                card.until = NEVER
                self._outdated[posting_id] = None

    def _read_outdated(self) -> None:
        """Read the cards again that changed longest ago."""
        for _ in range(MOST_READ // READ_PIECE):
            ids = list(islice(self._outdated, READ_PIECE))
            if not ids:
                return
            self._read_again([posting_id for posting_id in ids if posting_id in self.view])
            for posting_id in ids:
                del self._outdated[posting_id]

    def _read_again(self, ids: Sequence[str]) -> None:
        found = {posting.id: Card(posting) for posting in self._store.postings(ids)}
        with self._lock:
            for posting_id in ids:
                card = found.get(posting_id)
                pinned = self._pinned.pop(posting_id, None) is not None
                if pinned and card is not None:
                    self._pinned[posting_id] = card
                elif pinned:  # it no longer exists, which is cached as for any other id
                    self._bounds[posting_id] = None
                if posting_id in self.view:
                    self.view[posting_id] = card

    def _renew_pinned(self) -> None:
        """Read the share of the pinned cards again that was read longest ago."""
        if ids := list(islice(self._pinned, ceil(len(self._pinned) * self._share))):
            self._read_again(ids)

    def _forget(self, posting_id: str) -> None:
        if posting_id not in self._pinned:
            self.view.pop(posting_id, None)


class _BoundedIds(TTLCache[str, None]):
    """Ids of the cached cards; calls `on_evict` with each id that is evicted by size or age."""

    def __init__(
        self, size: int, ttl_s: float, timer: Callable[[], float], on_evict: Callable[[str], None]
    ) -> None:
        super().__init__(size, ttl_s, timer)
        self._on_evict = on_evict

    def popitem(self) -> tuple[str, None]:
        """Evict the oldest id."""
        evicted = super().popitem()
        self._on_evict(evicted[0])
        return evicted

    def expire(self, time: float | None = None) -> list[tuple[str, None]]:
        """Evict ids that are too old."""
        evicted = super().expire(time)
        for posting_id, _ in evicted:
            self._on_evict(posting_id)
        return evicted
