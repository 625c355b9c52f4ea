"""From a question to an answer: the member's list, veto, spread, fill, and what to do on a bad day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from app.recommend.reasons import Reason
from app.recommend.spread import split
from app.recommend.veto import allowed, board_day
from app.serving.cards import GONE
from app.serving.question import recommendation_id
from app.serving.reads import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import date, datetime

    from app.recommend.board import Member, RankedPosting
    from app.serving.cards import Card, Cards
    from app.serving.deadline import Deadline
    from app.serving.question import Question
    from app.serving.reads import MemberList, Reads, Run
    from app.serving.runs import Runs
    from app.serving.shelves import Shelves

PERSONALIZED, PROFILE, POPULAR = "personalized", "profile", "popular"
POSTGRES = "postgres"  # the `degraded` of an answer made without what Postgres would have said
PER_COMPANY = 2
_SLACK = 6  # cards fetched beyond the limit, so that a veto or two needs no second read

Ranked = tuple[str, int]


class RanksProfiles(Protocol):
    """Ranks open postings for a member by their profile alone."""

    def rank(self, member: Member, *, now: datetime, keep: int = 50) -> Sequence[RankedPosting]:
        """The best postings first, none for a profile that says nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """One posting in an answer."""

    card: Card
    reason: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered with; `degraded` says why the best source was not used, if it was not."""

    question: Question
    recommendation_id: str
    source: str
    degraded: str | None
    generated_at: datetime
    today: date
    places: Sequence[Place]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which postings to try, best first, and how they came about."""

    source: str
    ranked: Sequence[Ranked] = ()
    applied: Collection[str] = ()
    degraded: str | None = None


class Answering:
    """Answers questions from what the worker's memory and one or two reads say.

    Postgres failing is expected: the answer then comes from the shelves and says `degraded: "postgres"`.
    """

    def __init__(
        self,
        *,
        reads: Reads,
        runs: Runs,
        cards: Cards,
        shelves: Shelves,
        profiles: Callable[[], RanksProfiles | None],
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._reads = reads
        self._runs = runs
        self._cards = cards
        self._shelves = shelves
        self._profiles = profiles
        self._on_failure = on_failure

    def answer(self, question: Question, *, now: datetime, deadline: Deadline) -> Answer:
        """The postings for a member, always an answer; never raises what `Reads` may raise."""
        run = self._runs.in_force(now)
        today = board_day(now)
        plan = self._plan(question.member_id, run, now, deadline)
        places, plan = self._choose(plan, question, today, deadline)
        return Answer(
            question=question,
            recommendation_id=recommendation_id(question, run.id if run else 0),
            source=plan.source if places else POPULAR,
            degraded=plan.degraded,
            generated_at=run.generated_at if run else now.replace(microsecond=0),
            today=today,
            places=places,
        )

    def _plan(self, member_id: str, run: Run | None, now: datetime, deadline: Deadline) -> _Plan:
        try:
            found = self._reads.member_list(member_id, run, deadline)
            if found is None or not found.mailable:
                return _Plan(POPULAR)
            if found.posting_ids:
                return _personalized(found)
            return self._from_profile(member_id, now, deadline)
        except UnavailableError as error:
            self._on_failure(error.kind)
            return _Plan(POPULAR, degraded=POSTGRES)

    def _from_profile(self, member_id: str, now: datetime, deadline: Deadline) -> _Plan:
        """A member who came after the refresh: ranked on the spot."""
        applied = self._reads.applied(member_id, deadline)
        member, ranker = self._reads.profile(member_id, deadline), self._profiles()
        ranked = ranker.rank(member, now=now) if member and ranker else ()
        source = PROFILE if ranked else POPULAR
        return _Plan(source, [(r.posting_id, r.reason) for r in ranked], applied)

    def _choose(
        self, plan: _Plan, question: Question, today: date, deadline: Deadline
    ) -> tuple[list[Place], _Plan]:
        """Take the plan's best that may be shown; where they are too few, fill from the shelf nearest to them."""
        limit = question.limit
        ids = [posting_id for posting_id, _ in plan.ranked]
        try:
            cards = self._cards.get(ids[: limit + _SLACK], deadline)
            kept, held = _allowed(plan.ranked[: limit + _SLACK], cards, plan.applied, today)
            if len(kept) < limit < len(ids):
                kept, held = _allowed(plan.ranked, self._cards.get(ids, deadline), plan.applied, today)
            if len(kept) < limit and plan.source == PERSONALIZED:
                plan = replace(plan, applied=self._reads.applied(question.member_id, deadline))
        except UnavailableError as error:
            self._on_failure(error.kind)
            plan = replace(plan, degraded=POSTGRES)
            kept, held = _allowed(plan.ranked, self._cards.known(ids), plan.applied, today)
        if len(kept) < limit:
            kept, held = self._filled(kept + held, plan, today)
        return (kept + held)[:limit], plan

    def _filled(self, places: list[Place], plan: _Plan, today: date) -> tuple[list[Place], list[Place]]:
        first = places[0].card if places else GONE
        ranked = [(place.card.id, place.reason) for place in places]
        taken = {posting_id for posting_id, _ in ranked}
        ranked += [
            entry for entry in self._shelves.near(first.category, first.region) if entry[0] not in taken
        ]
        cards = self._cards.known(posting_id for posting_id, _ in ranked)
        return _allowed(ranked, cards, plan.applied, today)


def _personalized(found: MemberList) -> _Plan:
    ranked = list(zip(found.posting_ids or (), found.reasons or (), strict=True))
    return _Plan(PERSONALIZED, ranked, frozenset(found.applied))


def _allowed(
    ranked: Iterable[Ranked], cards: dict[str, Card], applied: Collection[str], today: date
) -> tuple[list[Place], list[Place]]:
    """What may be shown, split into the first `PER_COMPANY` of each company and the rest, each best first.

    A company the member applied to is one they asked for, so it is not held back.
    """
    places = [
        Place(card, reason)
        for posting_id, reason in ranked
        if (card := cards.get(posting_id, GONE)) is not GONE
        and allowed(posting_id, card.status, card.deadline, today=today, applied=applied)
    ]
    asked_for = {place.card.company_id for place in places if place.reason == Reason.COMPANY_APPLIED}
    return split(
        places, company_of=lambda place: place.card.company_id, per_company=PER_COMPANY, exempt=asked_for
    )
