"""Builds the parts that answers are made with from settings, for the service, the evaluation of lists and tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.credentials import CredentialBook
from app.postgres.board.left_out import LeftOutRows
from app.postgres.serving.lag import ReplicationLag
from app.postgres.serving.reads import PostgresStore
from app.postgres.serving.send_register import PostgresSendRegister
from app.recommend.reasons import NAMING
from app.runtime.circuit_breaker import CircuitBreaker
from app.runtime.clock import StoreClock
from app.serving.answering import Answering
from app.serving.cards import Cards
from app.serving.erasures import Erasures
from app.serving.experiments import Experiments
from app.serving.member_lists import MemberLists
from app.serving.publications import Publications
from app.serving.sends import Sends
from app.serving.shelves import Shelves

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.postgres.serving.pool import ServingPool
    from app.serving.shelves import MakeRanker
    from app.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Observers:
    """Callbacks for events while calls are answered; by default they do nothing.

    Attributes:
        on_row_left_out: Called with the relation and column for which a row of the board cannot be used.
        on_cards_read: Called with how many cards a call had to wait for.
        on_read_failed: Called with a short word for why a read for an answer failed.
    """

    on_row_left_out: Callable[[str, str], None] = lambda _relation, _column: None
    on_cards_read: Callable[[int], None] = lambda _count: None
    on_read_failed: Callable[[str], None] = lambda _kind: None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingParts:
    """The parts of a serving process, apart from HTTP; nothing is read when they are built."""

    pool: ServingPool
    write_pool: ServingPool
    store: PostgresStore
    lag: ReplicationLag
    clock: StoreClock
    register: PostgresSendRegister
    publications: Publications
    experiments: Experiments
    sends: Sends
    book: CredentialBook
    cards: Cards
    shelves: Shelves
    member_lists: MemberLists
    erasures: Erasures
    breaker: CircuitBreaker
    answering: Answering

    def update_shelves(self) -> None:
        """Read the shelves of all runs that sends use or will use; raises `UnavailableError`."""
        now = self.clock.now()
        recipes = self.publications.runs_of_recipes(self.experiments.recipes(), now - self.sends.hold, now)
        coming = [*self.publications.coming(now), *self.sends.held_runs(now), *recipes]
        self.shelves.update(self.publications.in_force(now), coming)

    def update_lag(self) -> None:
        """Read the store's replication lag; raises `UnavailableError`."""
        self.lag.update()
        self.store.behind = self.lag.sentence is not None


def build_serving(
    settings: Settings,
    pool: ServingPool,
    *,
    write_pool: ServingPool | None = None,
    observers: Observers | None = None,
    breaker: CircuitBreaker | None = None,
    make_ranker: MakeRanker | None = None,
) -> ServingParts:
    """Build the parts of a serving process; nothing connects yet.

    Args:
        settings: Sizes and times of what is kept in memory.
        pool: The connections to read through.
        write_pool: Those to write through, where `pool` reads standbys (default: `pool`).
        observers: Callbacks for events.
        breaker: Holds calls back from a store that fails (default: after three failures in a row).
        make_ranker: Makes the ranker of a run's shelves (default: from the run's pool and weights).
    """
    observers, breaker = observers or Observers(), breaker or CircuitBreaker()
    store = PostgresStore(pool, LeftOutRows(observers.on_row_left_out), primary=write_pool)
    clock, publications, experiments = StoreClock(), Publications(store), Experiments(store)
    register = PostgresSendRegister(write_pool or pool, pool)
    sends = _sends(settings, publications, register, clock, experiments)
    cards, member_lists = _cards(settings, store, observers), _member_lists(settings)
    shelves = Shelves(store, cards, make_ranker)
    answering = Answering(
        store=store, sends=sends, cards=cards, shelves=shelves, member_lists=member_lists, breaker=breaker,
        named=[NAMING[kind] for kind in settings.named_in_reasons.split(",") if kind in NAMING], on_failure=observers.on_read_failed,
    )  # fmt: skip
    return ServingParts(
        pool=pool,
        write_pool=write_pool or pool,
        store=store,
        lag=ReplicationLag(pool),
        clock=clock,
        register=register,
        publications=publications,
        experiments=experiments,
        sends=sends,
        book=CredentialBook(store),
        cards=cards,
        shelves=shelves,
        member_lists=member_lists,
        erasures=Erasures(store, member_lists, kept_s=settings.list_stale_s),
        breaker=breaker,
        answering=answering,
    )


def _sends(
    settings: Settings,
    publications: Publications,
    register: PostgresSendRegister,
    clock: StoreClock,
    experiments: Experiments,
) -> Sends:
    hold = timedelta(seconds=settings.send_hold_s)
    return Sends(publications, register, clock, hold=hold, writes=settings.counting, experiments=experiments)


def _member_lists(settings: Settings) -> MemberLists:
    return MemberLists(size=settings.lists, fresh_s=settings.list_fresh_s, stale_s=settings.list_stale_s)


def _cards(settings: Settings, store: PostgresStore, observers: Observers) -> Cards:
    return Cards(
        store,
        size=settings.cards,
        ttl_s=settings.card_ttl_s,
        every_s=settings.poll_s,
        overlap_s=settings.overlap_s,
        on_read=observers.on_cards_read,
    )
