"""Postings as answers need them, encoded once: cards, pinned for the shelves or kept in a bounded cache."""

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
# More changes than these are not read: where each card stands is asked instead, which is as many as there are cards.
MOST_CHANGED = 20_000
PIECE = 1_000  # cards whose standing is asked for at once
CHECK_S = 8.0  # longest time that an update asks where cards stand; the next one goes on
MOST_READ, READ_PIECE = 2_000, 250  # cards that an update reads anew, and how many of them at once
_json = msgspec.json.encode
_keeping = Lock()


class Card:
    """A posting and its JSON up to what depends on the answer: `text` ends within the link, at its tracking.

    `until` is the second from which on it may not be shown: the veto is one comparison. Of 200,000 cards a
    call meets ten that no cache of the processor holds, so what a call looks at lies close together and what many have
    alike is one object.
    """

    __slots__ = ("_day", "_en", "_ko", "category", "company_id", "end", "id", "posting", "region", "until")

    def __init__(self, posting: Posting) -> None:
        self.posting = posting
        self.id = posting.id
        self.company_id = intern(posting.company_id)
        self.category = intern(posting.categories[0]) if posting.categories else ""
        self.region = intern(posting.regions[0].split("/")[0]) if posting.regions else ""
        self.until = shown_until(posting)
        self.end = _json("".join(_as_uri(posting.url).partition("#")[1:]))[1:-1]
        self._day: date | None = None
        self._ko: bytes | None = None
        self._en: bytes | None = None

    def text(self, lang: str, today: date) -> bytes:
        """From the opening brace to where the link's tracking goes, encoded anew when the day has changed."""
        if self._day == today:
            made = self._ko if lang == "ko" else self._en
            if made is not None:
                return made
        return self._encode(lang, today)

    def _encode(self, lang: str, today: date) -> bytes:
        text = _encoded(self.posting, lang, today)
        with _keeping:  # a call that began before midnight must not leave its text to those after
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
    """A link that survives plain-text mail: blanks, quotes and Korean percent-encoded, what is encoded left as it is."""
    with suppress(UnicodeError):  # a view's that has no host; where it leads nobody knows
        url = ascii_host(url)
    return quote(url, safe="%!#$&'()*+,/:;=?@[]~")


def _unknown() -> Card:
    """Stands for a posting that is not in memory: a card that may never be shown."""
    card = Card.__new__(Card)
    card.until = NEVER
    return card


UNKNOWN = _unknown()


def _encoded(posting: Posting, lang: str, today: date) -> bytes:
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
    """Cards by posting id: those on shelves are pinned, the others kept in a cache bounded in size and time.

    `view` is what answers read, a plain dictionary; only this class writes it. A posting that does not exist
    is None there. `hidden` are postings that are known to be hidden: reasons must not name them. An `update` asks what changed, and takes what may not be shown any more out of answers at once; then it
    reads anew the cards of what else changed, so many at a time. Where more changed than it pays to read, or nobody can
    say what did, it asks where each card in memory stands: as much as there are cards, however many postings there are.

    No card grows older than `ttl_s` while the store answers, whether its posting is known to have changed or not: an
    update lets go of those that would before the next one, `every_s` later, and reads anew those that are pinned, a
    share of them each time.

    Args:
        store: The store.
        size: Most cards that are not pinned.
        ttl_s: See above.
        every_s: How often `update` is called.
        overlap_s: How far back an update looks: a change that arrives so much later than its `updated_at` is seen.
        on_read: Told how many cards a call had to wait for.
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
        self._bounds: TTLCache[str, None] = _Bounds(size, kept_s, timer, self._forget)
        self._lock = Lock()
        self._since: datetime | None = None
        self._overlap = timedelta(seconds=overlap_s)
        # A column of whole seconds says the same of two changes within one: what changed just now is read again.
        self._just_now = timedelta(seconds=2 * every_s)
        self._unchecked: dict[str, None] = {}  # where the last check of all cards did not come to
        self._outdated: dict[str, None] = {}  # cards to be read anew, changed longest ago first

    def fetch(self, ids: Sequence[str], deadline: Deadline) -> None:
        """Read cards into memory, all in one read; raises `UnavailableError`."""
        found: dict[str, Card | None] = dict.fromkeys(ids)
        found.update((posting.id, Card(posting)) for posting in self._store.postings(ids, deadline))
        self._on_read(len(ids))
        with self._lock:
            for posting_id, card in found.items():
                if posting_id not in self._pinned:
                    self._bounds[posting_id] = None
                    self.view[posting_id] = card

    def pin(self, postings: Iterable[Posting]) -> None:
        """Keep these cards, and no others, outside the cache's bounds; they have just been read."""
        pinned = {posting.id: Card(posting) for posting in postings}
        with self._lock:
            for posting_id in self._pinned.keys() - pinned.keys():
                if posting_id not in self._bounds:
                    del self.view[posting_id]
            self._pinned = pinned
            self.view.update(pinned)

    def pinned(self) -> list[Posting]:
        """The pinned cards' postings, as they are known now."""
        return [card.posting for card in list(self._pinned.values())]

    def update(self) -> None:
        """Replace cards that changed since the last update, and those grown old; raises `UnavailableError`."""
        clock = (
            self._store.clock()
        )  # while the store is away, what is known is the best there is, however old
        with self._lock:
            self._bounds.expire()
        if self._since is None:
            self._since = clock
            return
        changed = self._changed_since(self._since - self._overlap)
        if changed is None:
            self._check_all()
        else:
            self._take(changed, since=clock - self._just_now)
            self._unchecked.clear()
        self._since = clock
        self._read_outdated()
        self._renew_pinned()

    def _changed_since(self, since: datetime) -> Sequence[Standing] | None:
        """What changed; None where that is too much, or takes too long, to say."""
        try:
            return self._store.standings_changed_since(since, MOST_CHANGED)
        except UnavailableError:
            return None

    def _check_all(self) -> None:
        """Compare each card in memory with where its posting stands, beginning where the last check stopped."""
        until_s = self._timer() + CHECK_S
        self._unchecked |= dict.fromkeys(self.view.copy())
        while self._unchecked:
            if self._timer() > until_s:
                raise UnavailableError("timeout")
            piece = list(islice(self._unchecked, PIECE))
            found = self._store.standings(piece)
            self._take(found)
            self._take_out(set(piece).difference(standing.id for standing in found))
            for posting_id in piece:
                del self._unchecked[posting_id]

    def _take(self, standings: Iterable[Standing], *, since: datetime | None = None) -> None:
        """Veto what may not be shown any more, and note which cards are to be read anew."""
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
                # Shown longer only when it has been read anew.
                card.until = min(card.until, shown_until(new))
            self._outdated[new.id] = None

    def _take_out(self, ids: Iterable[str]) -> None:
        """Show no more what is not there any more."""
        for posting_id in ids:
            card = self.view.get(posting_id)
            if card is not None:
                card.until = NEVER
                self._outdated[posting_id] = None

    def _read_outdated(self) -> None:
        """Read anew the cards that changed longest ago."""
        for _ in range(MOST_READ // READ_PIECE):
            ids = list(islice(self._outdated, READ_PIECE))
            if not ids:
                return
            self._read_anew([posting_id for posting_id in ids if posting_id in self.view])
            for posting_id in ids:
                del self._outdated[posting_id]

    def _read_anew(self, ids: Sequence[str]) -> None:
        found = {posting.id: Card(posting) for posting in self._store.postings(ids)}
        with self._lock:
            for posting_id in ids:
                card = found.get(posting_id)
                pinned = self._pinned.pop(posting_id, None) is not None
                if pinned and card is not None:
                    self._pinned[posting_id] = card
                elif pinned:  # it is no more, and that is kept as any other card
                    self._bounds[posting_id] = None
                if posting_id in self.view:
                    self.view[posting_id] = card

    def _renew_pinned(self) -> None:
        """Read the share of the pinned cards anew that was read longest ago."""
        if ids := list(islice(self._pinned, ceil(len(self._pinned) * self._share))):
            self._read_anew(ids)

    def _forget(self, posting_id: str) -> None:
        if posting_id not in self._pinned:
            self.view.pop(posting_id, None)


class _Bounds(TTLCache[str, None]):
    """Which cards may stay: says which one goes, for want of room or of age."""

    def __init__(
        self, size: int, ttl_s: float, timer: Callable[[], float], on_gone: Callable[[str], None]
    ) -> None:
        super().__init__(size, ttl_s, timer)
        self._on_gone = on_gone

    def popitem(self) -> tuple[str, None]:
        """Make room."""
        gone = super().popitem()
        self._on_gone(gone[0])
        return gone

    def expire(self, time: float | None = None) -> list[tuple[str, None]]:
        """Let go of what is too old."""
        gone = super().expire(time)
        for posting_id, _ in gone:
            self._on_gone(posting_id)
        return gone
