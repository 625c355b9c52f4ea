"""From a request to an answer: the member's list, veto, company spread, fill, and what to do on a bad day."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from app.recommend.ranked import ASKED_COMPANY
from app.recommend.reasons import Reason
from app.runtime.circuit_breaker import CircuitBreaker
from app.runtime.errors import UnavailableError
from app.serving.member_lists import MemberList
from app.serving.request import recommendation_id
from app.serving.selection import select
from app.serving.store import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import date, datetime

    from app.serving.cards import Cards
    from app.serving.member_lists import MemberLists
    from app.serving.request import CallContext, RecommendationRequest, RequestOptions
    from app.serving.selection import Place, Selected
    from app.serving.sends import Sends
    from app.serving.shelves import Shelves
    from app.serving.store import MemberRow, Run, Store

PERSONALIZED, PROFILE, POPULAR = "personalized", "profile", "popular"
# Why an answer was made without what Postgres would have said.
POSTGRES, OVER_LIMIT, LATE, FAULT, BEHIND = "postgres", "over_limit", "deadline", "fault", "behind"
T = TypeVar("T")
# Characters of a member's applications that are kept with their list: some hundred of them. Of more than these only those
# are kept that an answer could hold.
_MOST_KEPT = 4_000
_FETCH = 16  # cards read at once for one answer: the usual ten and some to be vetoed
SHARED, HELD_BACK = "shared", "held back"
# What says nothing of the store's health: it was our own patience that ended.
_OUR_OWN = frozenset({"deadline", "pool", SHARED, HELD_BACK})


@dataclass(slots=True)
class Answer:
    """What a call is answered with; `degraded` says why the best source was not used, if it was not.

    `names` are what reasons may name: a place's mark has which of them it is, from 1, above its byte.
    """

    request: RecommendationRequest
    recommendation_id: str
    source: str
    degraded: str | None
    cache: str
    generated_at: datetime
    today: date
    places: list[Place]
    names: Sequence[str] = ()


class Answering:
    """Answers requests from what the worker's memory and one or two reads say.

    Postgres failing is expected: the answer then comes from the member's last list or from the shelves, under
    the vetoes last known, and says `degraded: "postgres"`. After a few failures in a row calls do not wait for it.
    """

    def __init__(
        self,
        *,
        store: Store,
        sends: Sends,
        cards: Cards,
        shelves: Shelves,
        member_lists: MemberLists,
        breaker: CircuitBreaker | None = None,
        named: Collection[Reason] = (Reason.SIMILAR_TO_APPLIED,),
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._sends = sends
        self._cards = cards
        self._shelves = shelves
        self._member_lists = member_lists
        self._breaker = breaker or CircuitBreaker()
        self._named = frozenset(int(mark) for reason in named for mark in (reason, reason | ASKED_COMPANY))
        self._on_failure = on_failure

    def answer(self, request: RecommendationRequest, *, context: CallContext) -> Answer:
        """The postings for a member, always an answer; never raises what `Store` may raise."""
        run = self._sends.kept(request.options, context.now) or self._begin(request.options, context)
        run_id = run.id if run else 0
        degraded = None
        try:
            member_list, cache = self._member_lists.get(
                request.member_id,
                run_id,
                context.deadline,
                lambda: self._member_list(request.member_id, run, context),
            )
            if cache == "stale":
                degraded = POSTGRES
        except UnavailableError as error:
            member_list, cache, degraded = MemberList(POPULAR, run_id, 0.0), "none", POSTGRES
            if error.kind == SHARED:
                self._on_failure(error.kind)
        return self._from(member_list, request, run, context, cache, degraded)

    def from_shelf(self, request: RecommendationRequest, *, context: CallContext, degraded: str) -> Answer:
        """The cheapest answer there is: popular postings from memory, nothing read.

        Without those that the member is known here to have applied to.
        """
        run = self._sends.kept(request.options, context.now)
        if run is None and self._sends.must_claim(request.options, context.now):
            run = self._sends.in_force(context.now)
        elif run is None:
            run = self._sends.begin(request.options, context.now)
        known = self._member_lists.known(request.member_id)
        member_list = MemberList(POPULAR, run.id if run else 0, 0.0, applied=known.applied if known else "")
        return self._from(member_list, request, run, context, "none", degraded)

    def _begin(self, options: RequestOptions, context: CallContext) -> Run | None:
        """The run of a send that is not known here: the one that it has on every other worker."""
        if self._sends.must_claim(options, context.now) and not self._breaker.open:
            try:
                return self._sends.claim(options, context.deadline)
            except UnavailableError as error:
                # Whether the store is well the next read tells: a role that may not write is no sign of it.
                self._on_failure(error.kind)
        return self._sends.begin(options, context.now)

    def _member_list(self, member_id: str, run: Run | None, context: CallContext) -> MemberList:
        """What Postgres says of a member."""
        return self._asked(lambda: self._read(member_id, run, context))

    def _asked(self, read: Callable[[], T]) -> T:
        """What Postgres says; counts towards its health, and counts a failure even if a kept list hides it."""
        if not self._breaker.lets_through():
            self._on_failure(HELD_BACK)
            raise UnavailableError(HELD_BACK)
        try:
            said = read()
        except UnavailableError as error:
            self._on_failure(error.kind)
            if error.kind not in _OUR_OWN:
                self._breaker.failed()
            raise
        self._breaker.succeeded()
        return said

    def _read(self, member_id: str, run: Run | None, context: CallContext) -> MemberList:
        run_id, made_s = run.id if run else 0, time.monotonic()
        row = self._store.member_row(member_id, run, context.deadline)
        if row is None or not row.mailable:
            return MemberList(POPULAR, run_id, made_s)
        member_list = (
            MemberList(
                PERSONALIZED, run_id, made_s, row.posting_ids, row.reasons, row.applied, *self._may_name(row)
            )
            if row.posting_ids
            else self._from_profile(member_id, row, run, context)
        )
        return (
            member_list
            if len(member_list.applied) <= _MOST_KEPT
            else member_list._replace(applied=self._relevant(member_list))
        )

    def _relevant(self, member_list: MemberList) -> str:
        """Of many applications those to postings that the list, a shelf or the cards in memory hold, or to their jobs."""
        listed = frozenset(member_list.ids())
        view, shared = self._cards.view, self._shelves.shared_jobs(member_list.run_id)
        return SEPARATOR.join(
            id_
            for id_ in member_list.applied.split(SEPARATOR)
            if id_ in listed or id_ in view or id_ in shared
        )

    def _from_profile(
        self, member_id: str, row: MemberRow, run: Run | None, context: CallContext
    ) -> MemberList:
        """A member who came after the refresh: ranked on the spot, as of the run, so alike everywhere and at any hour."""
        run_id, ranked_at = (run.id, run.generated_at) if run else (0, context.now)
        if not self._shelves.has(run_id):
            # As on a worker that began in an outage: another run's shelves would rank another list.
            raise UnavailableError(HELD_BACK)
        ranker = self._shelves.ranker(run_id)
        member = self._store.profile(member_id, context.deadline) if ranker else None
        ranked = ranker.rank(member, now=ranked_at) if ranker and member else ()
        return MemberList(
            PROFILE if ranked else POPULAR,
            run_id,
            time.monotonic(),
            SEPARATOR.join(r.posting_id for r in ranked),
            bytes(r.reason for r in ranked),
            row.applied,
        )

    def _from(
        self,
        member_list: MemberList,
        request: RecommendationRequest,
        run: Run | None,
        context: CallContext,
        cache: str,
        degraded: str | None,
    ) -> Answer:
        """Take the list's best that may be shown; where they are too few, fill from the shelf nearest to them."""
        run_id = run.id if run else 0
        limit, source = request.options.limit, member_list.source
        applied = self._shelves.with_same_jobs(run_id, member_list.applied_ids())
        ids = member_list.ids()
        reasons, names = self._naming(member_list) if member_list.anchored else (member_list.reasons, ())
        selected = select(ids, reasons, self._cards.view, applied, context.second, limit)
        try:
            # Once Postgres failed a call, the call does not wait for it again.
            while selected.missing and degraded is None:
                missing = selected.missing[:_FETCH]
                self._asked(lambda: self._cards.fetch(missing, context.deadline))  # noqa: B023 - called at once
                selected = select(ids, reasons, self._cards.view, applied, context.second, limit)
        except UnavailableError:
            degraded = POSTGRES
        if len(selected.kept) < limit:
            source = source if selected.kept else POPULAR
            if not self._shelves.has(run_id):  # another run's stand in, until they can be read
                degraded = degraded or POSTGRES
            selected = self._filled(selected, applied, run_id, context.second, limit)
        return Answer(
            request=request,
            recommendation_id=recommendation_id(request, run_id),
            source=source,
            degraded=degraded or (BEHIND if self._store.behind else None),
            cache=cache,
            generated_at=run.generated_at if run else context.now,
            today=context.today,
            places=(selected.kept + selected.held)[:limit],
            names=names,
        )

    def _may_name(self, row: MemberRow) -> tuple[str, bytes]:
        """What reasons of a list name, if they are of a kind that may name anything here."""
        some = row.anchored and not self._named.isdisjoint(row.reasons)
        return (row.anchors, row.anchored) if some else ("", b"")

    def _naming(self, member_list: MemberList) -> tuple[Sequence[int], Sequence[str]]:
        """The marks of a list with what they name, and the names; none of a posting that was hidden meanwhile."""
        told = member_list.anchors.split(SEPARATOR)
        hidden, names = self._cards.hidden, told[1::2]
        if not hidden.isdisjoint(told):
            names = [
                "" if posting_id in hidden else name
                for posting_id, name in zip(told[::2], names, strict=True)
            ]
        marks = list(member_list.reasons)
        for place, number in enumerate(member_list.anchored[: len(marks)]):
            if number and marks[place] in self._named and names[number - 1]:
                marks[place] |= number << 8
        return marks, names

    def _filled(
        self, selected: Selected, applied: Collection[str], run_id: int, second: int, limit: int
    ) -> Selected:
        """The choice, and behind it what stands on the run's shelf nearest to its first posting."""
        first = selected.kept[0][0] if selected.kept else None
        ranked = {card.id: reason for card, reason in selected.kept + selected.held}
        place = (first.category, first.region) if first else ()
        nearest = self._shelves.near(run_id, *place)
        for posting_id, reason in nearest:
            ranked.setdefault(posting_id, reason)
        return select(ranked.keys(), ranked.values(), self._cards.view, applied, second, limit)
