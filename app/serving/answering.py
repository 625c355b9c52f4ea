"""From a request to an answer: the member's list, the veto, the company spread, the fill, and every fallback."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from app.feedback.experiments.definition import POPULAR as POPULAR_ARM
from app.feedback.experiments.definition import PROFILE as PROFILE_ARM
from app.feedback.lately_shown import behind, ignored_lately
from app.recommend.ranked import ASKED_COMPANY
from app.recommend.reasons import Reason
from app.runtime.circuit_breaker import CircuitBreaker
from app.runtime.errors import UnavailableError
from app.serving.member_lists import MemberList, recipe_key
from app.serving.request import recommendation_id
from app.serving.selection import select
from app.serving.store import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from app.feedback.experiments.definition import Arm
    from app.serving.cards import Cards
    from app.serving.member_lists import MemberLists
    from app.serving.request import CallContext, RecommendationRequest, RequestOptions
    from app.serving.selection import Place, Selected
    from app.serving.sends import Sends
    from app.serving.shelves import Shelves
    from app.serving.store import MemberRow, Run, Store

PERSONALIZED, PROFILE, POPULAR = "personalized", "profile", "popular"
# Values of `degraded`: why the best source was not used.
POSTGRES, OVER_LIMIT, LATE, FAULT, BEHIND = "postgres", "over_limit", "deadline", "fault", "behind"
RECIPE = "recipe"  # the recipe of the member's arm has no lists any more, so that the usual ones are used
T = TypeVar("T")
# Characters of a member's applications that are kept with their list, about a hundred ids. Of more applications only those
# to postings that an answer could contain are kept.
_MOST_KEPT = 4_000
_FETCH = 16  # cards read at once for one answer: ten to show, and some that may be vetoed
SHARED, HELD_BACK = "shared", "held back"
# Failures that do not count for the circuit breaker: our own limits ended the wait.
_NOT_THE_STORE = frozenset({"deadline", "pool", SHARED, HELD_BACK})


@dataclass(slots=True)
class Answer:
    """An answer before it is encoded.

    Attributes:
        request: What it answers.
        recommendation_id: The `rid` of its links.
        source: `PERSONALIZED`, `PROFILE` or `POPULAR`.
        degraded: Why the best source was not used; None where it was.
        cache: Whether the member's list was in memory: "hit", "miss", "stale", or "none" where there was no list.
        generated_at: When its refresh run was made.
        today: The board's day, for labels.
        places: Cards with their marks, best first.
        names: Names of the postings that reasons may name; a mark holds the number of one, from 1, above its lowest byte.
        arm: The arm of the campaign's experiment that the member is in; None without one.
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
    arm: str | None = None


class _Way(NamedTuple):
    """How a call's list is made: from which run, what it is kept under, and for which arm of an experiment."""

    run: Run | None
    key: str
    arm: Arm | None = None
    degraded: str | None = None


class Answering:
    """Answers requests from the worker's memory and one or two reads.

    Postgres may fail at any time: the answer is then made from the member's last list or from the shelves, with the vetoes
    last known, and says `degraded: "postgres"`. After a few failures in a row calls do not wait for Postgres.
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
        """The postings for a member; always an answer, never the `UnavailableError` of the store."""
        run = self._sends.run_of(request.options, context.now) or self._begin_send(request.options, context)
        way = self._way(request, run, context)
        run_id, degraded = way.run.id if way.run else 0, None
        try:
            member_list, cache = self._member_lists.get(
                way.key,
                run_id,
                request.options.send_key,
                context.deadline,
                lambda: self._member_list(request, way, context),
            )
            if cache == "stale":
                degraded = POSTGRES
        except UnavailableError as error:
            member_list, cache, degraded = MemberList(POPULAR, run_id, 0.0), "none", POSTGRES
            if error.kind == SHARED:
                self._on_failure(error.kind)
        if way.arm is not None and way.arm.recipe == POPULAR_ARM:
            member_list = member_list._replace(
                source=POPULAR, posting_ids="", reasons=b"", anchors="", anchored=b""
            )
        return self._assemble(member_list, request, way, context, cache, degraded)

    def _way(self, request: RecommendationRequest, run: Run | None, context: CallContext) -> _Way:
        """How the list of a call's member is made, given the run that the send keeps."""
        arm = self._sends.arm_of(request, context.now)
        if arm is None:
            return _Way(run, request.member_id)
        if arm.recipe == PROFILE_ARM:
            return _Way(run, recipe_key(request.member_id, arm.recipe), arm)
        if arm.needs_run is None:
            return _Way(run, request.member_id, arm)
        own = self._sends.run_of_recipe(arm.needs_run, request.options, context.now)
        if own is None:
            return _Way(run, request.member_id, arm, RECIPE)
        return _Way(own, recipe_key(request.member_id, arm.recipe), arm)

    def from_shelf(self, request: RecommendationRequest, *, context: CallContext, degraded: str) -> Answer:
        """The cheapest answer: popular postings from memory, without any read.

        It leaves out postings that the member applied to, as far as this worker knows.
        """
        run = self._sends.run_of(request.options, context.now)
        if run is None and self._sends.must_claim(request.options, context.now):
            run = self._sends.in_force(context.now)
        elif run is None:
            run = self._sends.begin(request.options, context.now)
        way = self._way(request, run, context)
        known = self._member_lists.last_known(way.key)
        member_list = MemberList(
            POPULAR,
            way.run.id if way.run else 0,
            0.0,
            applied=known.applied if known else "",
            ignored=known.ignored if known else "",
        )
        return self._assemble(member_list, request, way, context, "none", degraded)

    def _begin_send(self, options: RequestOptions, context: CallContext) -> Run | None:
        """The run of a send that is new to this worker: the same as on every other worker."""
        if self._sends.must_claim(options, context.now) and not self._breaker.is_open:
            try:
                return self._sends.claim(options, context.deadline)
            except UnavailableError as error:
                # A role that may not write says nothing about the store's health; the next read does.
                self._on_failure(error.kind)
        return self._sends.begin(options, context.now)

    def _member_list(self, request: RecommendationRequest, way: _Way, context: CallContext) -> MemberList:
        """Read a member's list for a send from the store."""
        return self._ask_store(lambda: self._read(request, way, context))._replace(
            send_key=request.options.send_key
        )

    def _ask_store(self, read: Callable[[], T]) -> T:
        """Read from the store unless the circuit breaker is open; a failure is counted even where a kept list hides it."""
        if not self._breaker.allows_call():
            self._on_failure(HELD_BACK)
            raise UnavailableError(HELD_BACK)
        try:
            value = read()
        except UnavailableError as error:
            self._on_failure(error.kind)
            if error.kind not in _NOT_THE_STORE:
                self._breaker.record_failure()
            raise
        self._breaker.record_success()
        return value

    def _read(self, request: RecommendationRequest, way: _Way, context: CallContext) -> MemberList:
        member_id, run, made_s = request.member_id, way.run, time.monotonic()
        run_id = run.id if run else 0
        row = self._store.member_row(member_id, run, request.options.send_name, context.deadline)
        if row is None or not row.mailable:
            return MemberList(POPULAR, run_id, made_s)
        member_list = (
            MemberList(
                PERSONALIZED,
                run_id,
                made_s,
                row.posting_ids,
                row.reasons,
                row.applied,
                *self._anchors_of(row),
            )
            if row.posting_ids and not (way.arm and way.arm.recipe == PROFILE_ARM)
            else self._from_profile(member_id, row, run, context)
        )
        if row.lately:
            member_list = self._put_behind(member_list, ignored_lately(row.lately))
        return (
            member_list
            if len(member_list.applied) <= _MOST_KEPT
            else member_list._replace(applied=self._keep_relevant(member_list))
        )

    def _put_behind(self, member_list: MemberList, ignored: Mapping[str, int]) -> MemberList:
        """The list with what mails showed since it was made, and nobody clicked, behind the rest."""
        same_job = self._shelves.with_same_jobs(member_list.run_id, frozenset(ignored))
        ids = member_list.ids()
        order = behind(ids, ignored, same_job)
        anchored = member_list.anchored.ljust(len(ids), b"\0")
        return member_list._replace(
            posting_ids=SEPARATOR.join(ids[at] for at in order),
            reasons=bytes(member_list.reasons[at] for at in order),
            anchored=bytes(anchored[at] for at in order) if member_list.anchors else b"",
            ignored=SEPARATOR.join(same_job),
        )

    def _keep_relevant(self, member_list: MemberList) -> str:
        """Of many applications, those to postings in the list or in memory, or to one of several postings of a job."""
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
        """Rank for a member who joined after the refresh, as of the run's time, so that every worker makes the same list."""
        run_id, ranked_at = (run.id, run.generated_at) if run else (0, context.now)
        if not self._shelves.has_run(run_id):
            # A worker that started in an outage has other shelves, which would give another list.
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

    def _assemble(
        self,
        member_list: MemberList,
        request: RecommendationRequest,
        way: _Way,
        context: CallContext,
        cache: str,
        degraded: str | None,
    ) -> Answer:
        """Select the best of the list that may be shown; where they are too few, fill up from the nearest shelf."""
        run, arm = way.run, way.arm.name if way.arm else None
        run_id = run.id if run else 0
        limit, source = request.options.limit, member_list.source
        applied = self._shelves.with_same_jobs(run_id, member_list.applied_ids())
        ids = member_list.ids()
        reasons, names = (
            self._name_reasons(member_list) if member_list.anchored else (member_list.reasons, ())
        )
        selected = select(ids, reasons, self._cards.view, applied, context.second, limit)
        try:
            # A call waits for a failing Postgres once only.
            while selected.missing and degraded is None:
                missing = selected.missing[:_FETCH]
                self._ask_store(lambda: self._cards.fetch(missing, context.deadline))  # noqa: B023 - called at once
                selected = select(ids, reasons, self._cards.view, applied, context.second, limit)
        except UnavailableError:
            degraded = POSTGRES
        if len(selected.kept) < limit:
            source = source if selected.kept else POPULAR
            if not self._shelves.has_run(run_id):  # another run's shelves are used until these can be read
                degraded = degraded or POSTGRES
            selected = self._fill(selected, applied, run_id, context.second, limit, member_list.ignored)
        return Answer(
            request=request,
            recommendation_id=recommendation_id(request, run_id, arm),
            source=source,
            degraded=degraded or way.degraded or (BEHIND if self._store.behind else None),
            cache=cache,
            generated_at=run.generated_at if run else context.now,
            today=context.today,
            places=(selected.kept + selected.held_back)[:limit],
            names=names,
            arm=arm,
        )

    def _anchors_of(self, row: MemberRow) -> tuple[str, bytes]:
        """The anchors of a list and which places have one; nothing if no reason of it may name a posting."""
        some = row.anchored and not self._named.isdisjoint(row.reasons)
        return (row.anchors, row.anchored) if some else ("", b"")

    def _name_reasons(self, member_list: MemberList) -> tuple[Sequence[int], Sequence[str]]:
        """A list's marks with the numbers of names above their bytes, and the names, "" for a posting hidden since."""
        anchors = member_list.anchors.split(SEPARATOR)
        hidden, names = self._cards.hidden, anchors[1::2]
        if not hidden.isdisjoint(anchors):
            names = [
                "" if posting_id in hidden else name
                for posting_id, name in zip(anchors[::2], names, strict=True)
            ]
        marks = list(member_list.reasons)
        for place, number in enumerate(member_list.anchored[: len(marks)]):
            if number and marks[place] in self._named and names[number - 1]:
                marks[place] |= number << 8
        return marks, names

    def _fill(
        self,
        selected: Selected,
        applied: Collection[str],
        run_id: int,
        second: int,
        limit: int,
        ignored: str,
    ) -> Selected:
        """Add the postings of the run's shelf nearest to the first selected one, behind those selected."""
        first = selected.kept[0][0] if selected.kept else None
        ranked = {card.id: reason for card, reason in selected.kept + selected.held_back}
        place = (first.category, first.region) if first else ()
        nearest: Iterable[tuple[str, int]] = self._shelves.nearest(run_id, *place)
        if ignored:
            last = frozenset(ignored.split(SEPARATOR))
            nearest = sorted(nearest, key=lambda ranked: ranked[0] in last)
        for posting_id, reason in nearest:
            ranked.setdefault(posting_id, reason)
        return select(ranked.keys(), ranked.values(), self._cards.view, applied, second, limit)
