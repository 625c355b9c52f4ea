"""A member of an experiment is answered by their arm: the same in every part, from the cache, and while Postgres is away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.credentials import CredentialBook
from app.feedback.experiments.definition import Arm, Experiment
from app.recommend.ranked import RankedPosting
from app.recommend.reasons import Reason
from app.serving.answering import Answering
from app.serving.cards import Cards
from app.serving.erasures import member_hash
from app.serving.experiments import Experiments
from app.serving.member_lists import MemberLists
from app.serving.publications import Publications
from app.serving.sends import Sends
from app.serving.shelves import Shelves
from app.serving.snapshot import SnapshotFile, SnapshotKeeper
from app.serving.store import Publication, Run, Shelf
from tests.unit.serving.fakes import NOW, RUN, FakeRegister, FakeStore, context, posting, request, row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.board.model import Member
    from app.serving.answering import Answer

OWN = Run(7, NOW, NOW - timedelta(hours=1))
OWN_LOG = Publication(2, OWN, NOW - timedelta(hours=1), recipe="own")
LONG_AGO = NOW - timedelta(days=3)


class _Ranker:
    """Ranks one posting first for every profile."""

    def rank(self, member: Member, *, now: object, keep: int = 50) -> Sequence[RankedPosting]:  # noqa: ARG002 - the port's
        return [RankedPosting("fits", int(Reason.FITS_FIELD))]


class _Clock:
    def follow(self, read: object) -> object:
        return read()  # type: ignore[operator] # the register's clock


class Desk:
    """A worker on a store with lists of the usual run and of the recipe `own`, and one experiment."""

    def __init__(self, recipe: str, *, started: timedelta = timedelta(days=-2), log: bool = True) -> None:
        self.store = FakeStore()
        self.store.log = [*([OWN_LOG] if log else []), *self.store.log]
        self.store.put(*(posting(name, name) for name in ("usual", "own", "shelf", "fits")))
        for run in (RUN, OWN):
            self.store.stood[run.id] = [Shelf("", "", ["shelf"], [Reason.POPULAR])]
        self.store.rows["m"] = row("usual")
        self.store.profiles["m"] = object()  # type: ignore[assignment] # the ranker looks at nothing
        arms = [Arm("b", 0.5, recipe), Arm("c", 0.5, recipe)]
        self.store.split = [Experiment("e", "weekly", "s", arms, NOW + started)]
        self.publications, self.experiments = Publications(self.store), Experiments(self.store)
        self.register = FakeRegister(self.store.log)
        self.sends = Sends(
            self.publications,
            self.register,
            _Clock(),  # type: ignore[arg-type] # what of it is used
            hold=timedelta(hours=1),
            experiments=self.experiments,
        )
        self.cards = Cards(self.store, size=100, ttl_s=600)
        self.shelves = Shelves(self.store, self.cards, lambda *_: _Ranker())
        self.lists = MemberLists(size=10, fresh_s=60, stale_s=1_000)
        self.book = CredentialBook(self.store)
        self.answering = Answering(
            store=self.store,
            sends=self.sends,
            cards=self.cards,
            shelves=self.shelves,
            member_lists=self.lists,
        )

    def open(self) -> Desk:
        read = self.store.member_row

        def member_row(member_id: str, run: Run | None, send: bytes, deadline: object) -> object:
            found = read(member_id, run, send, deadline)  # type: ignore[arg-type] # as given
            return row("own") if found and run == OWN else found

        self.store.member_row = member_row  # type: ignore[method-assign, assignment] # lists differ by run
        self.sends.update()
        self.shelves.update(self.publications.in_force(NOW), self.coming())
        return self

    def coming(self) -> list[Run]:
        return self.publications.runs_of_recipes(self.experiments.recipes(), LONG_AGO, NOW)

    def ask(self, member_id: str = "m", *, limit: int = 1) -> Answer:
        return self.answering.answer(request(member_id, limit=limit), context=context())


def told(answer: Answer) -> tuple[list[str], str, str | None]:
    return [card.id for card, _ in answer.places], answer.source, answer.degraded


@pytest.mark.parametrize(
    ("recipe", "ids", "source"),
    [
        ("recommended", ["usual"], "personalized"),
        ("popular", ["shelf"], "popular"),
        ("profile", ["fits"], "profile"),
        ("own", ["own"], "personalized"),
    ],
)
def test_each_arm_is_answered_by_its_recipe_and_says_so(recipe: str, ids: list[str], source: str) -> None:
    desk = Desk(recipe).open()
    first, again = desk.ask(), desk.ask()
    assert told(first) == told(again) == (ids, source, None)
    assert (first.arm in {"b", "c"}, again.arm) == (True, first.arm)
    assert (again.cache, again.recommendation_id) == ("hit", first.recommendation_id)
    assert first.generated_at == (OWN if recipe == "own" else RUN).generated_at


def test_another_campaign_has_no_arm_and_the_lists_of_both_are_kept_side_by_side() -> None:
    desk = Desk("own").open()
    assert desk.ask().arm is not None
    desk.experiments.restore([])
    usual = desk.ask()
    assert (usual.arm, told(usual)) == (None, (["usual"], "personalized", None))
    assert len(desk.lists) == 2
    desk.lists.forget({member_hash("m")})
    assert len(desk.lists) == 0


def test_a_send_that_began_before_the_experiment_is_not_split() -> None:
    desk = Desk("popular", started=timedelta(seconds=1)).open()
    assert desk.ask().arm is None
    later = context(NOW + timedelta(seconds=2))
    assert desk.answering.answer(request(), context=later).arm is None
    desk.register.now = later.now
    assert desk.answering.answer(request(send="t"), context=later).arm is not None


@pytest.mark.parametrize("recipe", ["recommended", "popular", "profile", "own"])
def test_while_postgres_is_away_a_member_keeps_their_arm(recipe: str, tmp_path: Path) -> None:
    desk = Desk(recipe).open()
    before = desk.ask()
    desk.book.update()
    _keeper(desk, tmp_path).keep()
    desk.store.failing = {"member_row", "profile", "postings"}
    assert (desk.ask().arm, desk.answering.from_shelf(request(), context=context(), degraded="x").arm) == (
        before.arm,
        before.arm,
    )
    late = Desk(recipe)
    late.store.failing = {"publications", "experiments", "shelves", "member_row", "profile", "postings"}
    _keeper(late, tmp_path).restore()
    answer = late.ask()
    assert (answer.arm, answer.recommendation_id) == (before.arm, before.recommendation_id)
    assert told(answer) == (["shelf"], "popular", "postgres")


def test_an_arm_whose_recipe_has_no_lists_any_more_gets_the_usual_ones_and_says_so() -> None:
    desk = Desk("own", log=False).open()
    assert (told(desk.ask()), desk.ask().arm in {"b", "c"}) == ((["usual"], "personalized", "recipe"), True)


def test_a_member_whom_the_recipe_has_no_list_for_is_ranked_by_their_profile() -> None:
    desk = Desk("own").open()
    desk.store.member_row = lambda *_: row()  # type: ignore[method-assign] # no list in any run
    assert told(desk.ask()) == (["fits"], "profile", None)


def test_who_wants_no_mail_is_told_nothing_of_their_own_in_any_arm() -> None:
    for recipe in ("recommended", "popular", "profile", "own"):
        desk = Desk(recipe).open()
        desk.store.member_row = lambda *_: row(mailable=False)  # type: ignore[method-assign] # withdrawn
        assert told(desk.ask()) == (["shelf"], "popular", None)


def _keeper(desk: Desk, folder: Path) -> SnapshotKeeper:
    return SnapshotKeeper(
        SnapshotFile(folder / "snapshot"),
        publications=desk.publications,
        experiments=desk.experiments,
        shelves=desk.shelves,
        book=desk.book,
    )
