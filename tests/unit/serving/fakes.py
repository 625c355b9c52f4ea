"""A store in memory, in place of Postgres, and small values for tests of the serving path."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from app.board.model import Member, Posting, Status
from app.runtime.clock import StoreClock
from app.runtime.deadline import Deadline
from app.runtime.errors import UnavailableError
from app.serving.request import CallContext, RecommendationRequest, RequestOptions
from app.serving.sends import HeldSend, Sends
from app.serving.store import SEPARATOR, MemberRow, Publication, Run, Shelf, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.credentials import Credential
    from app.feedback.experiments.definition import Experiment
    from app.serving.publications import Publications

NOW = datetime(2025, 1, 15, 3, 0, tzinfo=UTC)
TODAY = date(2025, 1, 15)
RUN = Run(1, NOW - timedelta(hours=3), NOW - timedelta(hours=2))


SECOND_RUN = Run(2, NOW, NOW)


class Timer:
    """A clock that goes when it is told to."""

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def posting(id_: str, company: str = "c", **facts: object) -> Posting:
    """An open posting that says nothing but what is given."""
    values = {
        "id": id_,
        "title": f"title of {id_}",
        "company_id": company,
        "company": f"company {company}",
        "opened_at": NOW,
        "url": f"https://jobs.example/{id_}",
        "updated_at": NOW,
    }
    return Posting(**(values | facts))  # type: ignore[arg-type] # the facts are the caller's


def row(*ids: str, reason: int = 7, applied: Sequence[str] = (), mailable: bool = True) -> MemberRow:
    """What a read says of a member with this list."""
    return MemberRow(mailable, SEPARATOR.join(ids), bytes([reason]) * len(ids), SEPARATOR.join(applied))


def context(now: datetime = NOW, *, left_s: float = 60.0) -> CallContext:
    """A call's context, with time enough."""
    return CallContext(now, Deadline(time.monotonic() + left_s))


def request(
    member_id: str = "m", *, send: str = "s", limit: int = 10, lang: str = "ko", variant: str | None = None
) -> RecommendationRequest:
    """A call's request."""
    return RecommendationRequest(member_id, RequestOptions("weekly", send, variant, limit, lang))


class FakeRegister:
    """`SendRegister` in memory, shared by workers; `runs` is the log as the store has it."""

    def __init__(self, log: Sequence[Publication], now: datetime = NOW) -> None:
        self.log = log
        self.now = now
        self.split: list[Experiment] = []
        self.rows: dict[str, HeldSend] = {}
        self.asked: list[str] = []
        self.failing = False

    def clock(self) -> datetime:
        self._ask("clock")
        return self.now

    def claim(self, key: str, hold: timedelta, deadline: Deadline) -> HeldSend | None:  # noqa: ARG002 - it is there at once
        self._ask("claim")
        in_force = self._in_force()
        return None if in_force is None else self._registered(key, in_force, hold)

    def register(self, sends: Sequence[HeldSend], hold: timedelta) -> Sequence[HeldSend]:
        self._ask("register")
        return [self._registered(one.key, one.run, hold) for one in sends]

    def registered_sends(self, most: int, campaigns: Sequence[str], before: datetime) -> Sequence[HeldSend]:
        self._ask("registered")
        found = [
            one
            for one in self.rows.values()
            if one.until > self.now
            and (
                one.run != self._in_force()
                or (one.key.partition(SEPARATOR)[0] in campaigns and one.first_at < before)
            )
        ]
        found.sort(key=lambda one: one.used_at, reverse=True)
        return [_copy(one) for one in found[:most]]

    def _registered(self, key: str, run: Run, hold: timedelta) -> HeldSend:
        there = self.rows.get(key)
        if there is None or there.until <= self.now:
            moves = [one.effective_at for one in self.log if one.moves(run) and one.effective_at > self.now]
            there = self.rows[key] = HeldSend(key, run, self.now, min([self.now + hold, *moves]), self.now)
        there.used_at = self.now
        return _copy(there)

    def _in_force(self) -> Run | None:
        return next(
            (one.run for one in self.log if one.recipe is None and one.effective_at <= self.now), None
        )

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.failing:
            raise UnavailableError("broken")


def _copy(held: HeldSend) -> HeldSend:
    return HeldSend(held.key, held.run, held.first_at, held.until, held.used_at)


def anew(publications: Publications) -> Sends:
    """Sends that keep nothing: every call is answered from the run in force."""
    return Sends(publications, FakeRegister(()), StoreClock(), hold=timedelta(0))


@dataclass
class FakeStore:
    """`Store` and `CredentialStore` from dictionaries; `failing` names the reads that fail, `asked` all that came."""

    board: dict[str, Posting] = field(default_factory=dict)
    rows: dict[str, MemberRow] = field(default_factory=dict)
    profiles: dict[str, Member] = field(default_factory=dict)
    log: list[Publication] = field(default_factory=lambda: [Publication(1, RUN, RUN.generated_at)])
    stood: dict[int, list[Shelf]] = field(default_factory=dict)
    pools: dict[int, list[Posting]] = field(default_factory=dict)
    same: dict[int, list[list[str]]] = field(default_factory=dict)
    learnt: dict[int, dict[str, Any]] = field(default_factory=dict)
    split: list[Experiment] = field(default_factory=list)
    known: list[Credential] = field(default_factory=list)
    now: datetime = NOW
    failing: set[str] = field(default_factory=set)
    behind: bool = False
    lately: dict[bytes, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, *postings: Posting) -> None:
        """Add or replace postings."""
        self.board |= {one.id: one for one in postings}

    def publications(self) -> Sequence[Publication]:
        self._ask("publications")
        return list(self.log)

    def experiments(self) -> Sequence[Experiment]:
        self._ask("experiments")
        return list(self.split)

    def shelves(self, run_id: int) -> Sequence[Shelf]:
        self._ask("shelves")
        return self.stood.get(run_id, [])

    def shelf_pool(self, run_id: int) -> Sequence[Posting]:
        self._ask("shelf_pool")
        return self.pools.get(run_id, [])

    def same_jobs(self, run_id: int) -> Sequence[Sequence[str]]:
        self._ask("same_jobs")
        return self.same.get(run_id, [])

    def hidden_since(self, since: datetime) -> Sequence[str]:
        self._ask("hidden_since")
        return [
            one.id for one in self.board.values() if one.status is Status.HIDDEN and one.updated_at >= since
        ]

    def weights(self, run_id: int) -> Mapping[str, Any] | None:
        self._ask("weights")
        return self.learnt.get(run_id)

    def newest_postings(self, count: int) -> Sequence[Posting]:
        self._ask("newest_postings")
        return sorted(self.board.values(), key=lambda one: one.opened_at, reverse=True)[:count]

    def member_row(
        self, member_id: str, run: Run | None, send: bytes, deadline: Deadline
    ) -> MemberRow | None:
        self._ask("member_row", deadline)
        found = self.rows.get(member_id)
        row = MemberRow(found.mailable, applied=found.applied) if found and run is None else found
        return row and row._replace(lately=self.lately.get(send, row.lately))

    def profile(self, member_id: str, deadline: Deadline) -> Member | None:
        self._ask("profile", deadline)
        return self.profiles.get(member_id)

    def postings(self, ids: Sequence[str], deadline: Deadline | None = None) -> Sequence[Posting]:
        self._ask("postings", deadline)
        return [self.board[id_] for id_ in ids if id_ in self.board]

    def clock(self) -> datetime:
        self._ask("clock")
        return self.now

    def standings(self, ids: Sequence[str]) -> Sequence[Standing]:
        self._ask("standings")
        return [_standing(self.board[id_]) for id_ in ids if id_ in self.board]

    def standings_changed_since(self, since: datetime, most: int) -> Sequence[Standing] | None:
        self._ask("standings_changed_since")
        changed = [_standing(one) for one in self.board.values() if one.updated_at >= since]
        return None if len(changed) > most else changed

    def credentials(self) -> Sequence[Credential]:
        self._ask("credentials")
        return list(self.known)

    def _ask(self, read: str, deadline: Deadline | None = None) -> None:
        self.asked.append(read)
        if deadline is not None and deadline.remaining_s() <= 0:
            raise UnavailableError("deadline")
        if read in self.failing:
            raise UnavailableError("broken")


def _standing(one: Posting) -> Standing:
    return Standing(one.id, one.status, one.deadline, one.deadline_time, one.updated_at)
