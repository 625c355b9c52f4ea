"""From a request to an answer, on a store in memory."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.board.model import Member, Status
from app.recommend.ranked import ASKED_COMPANY, RankedPosting
from app.recommend.reasons import Reason
from app.runtime.circuit_breaker import CircuitBreaker
from app.runtime.clock import StoreClock
from app.serving.answering import Answering
from app.serving.cards import Cards
from app.serving.encoding import encode
from app.serving.member_lists import MemberLists
from app.serving.publications import Publications
from app.serving.sends import HeldSend, Sends
from app.serving.shelves import Shelves
from app.serving.store import SEPARATOR, Publication, Shelf
from tests.unit.serving.fakes import (
    NOW,
    RUN,
    SECOND_RUN,
    FakeRegister,
    FakeStore,
    anew,
    context,
    posting,
    request,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.serving.answering import Answer
    from app.serving.store import MemberRow


class Ranker:
    """Ranks what it is told to, for members who look for something."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def rank(self, member: Member, *, now: datetime, keep: int = 50) -> Sequence[RankedPosting]:
        assert now == RUN.generated_at  # whenever the call comes
        return [RankedPosting(id_, Reason.FITS_FIELD) for id_ in self.ids[:keep] if member.categories]


class Desk:
    """An `Answering` over a store in memory, with six postings on the shelf, all of companies of their own."""

    def __init__(
        self,
        *,
        fresh_s: float = 0.0,
        ranker: Ranker | None = None,
        cards: int = 100,
        named: Sequence[Reason] = (Reason.SIMILAR_TO_APPLIED,),
    ) -> None:
        self.store = FakeStore()
        self.store.put(*(posting(f"shelf-{n}", f"shelf {n}") for n in range(6)))
        self.store.stood[RUN.id] = [Shelf("", "", [f"shelf-{n}" for n in range(6)], [Reason.POPULAR] * 6)]
        self.publications = Publications(self.store)
        self.cards = Cards(self.store, size=cards, ttl_s=600)
        self.shelves = Shelves(self.store, self.cards, lambda _shelves, _postings, _run_id: ranker)
        self.failures: list[str] = []
        self.breaker = CircuitBreaker(failures=3, probe_s=1_000)
        self.member_lists = MemberLists(size=10, fresh_s=fresh_s, stale_s=1_000)
        self.answering = Answering(
            store=self.store,
            sends=anew(self.publications),
            cards=self.cards,
            shelves=self.shelves,
            member_lists=self.member_lists,
            breaker=self.breaker,
            named=named,
            on_failure=self.failures.append,
        )

    def open(self) -> Desk:
        self.publications.update()
        self.shelves.update(self.publications.in_force(NOW), self.publications.coming(NOW))
        self.store.asked.clear()
        return self

    def ask(
        self, member_id: str = "m", *, limit: int = 3, left_s: float = 60.0, now: datetime = NOW
    ) -> Answer:
        return self.answering.answer(request(member_id, limit=limit), context=context(now, left_s=left_s))


def shown(answer: Answer) -> list[tuple[str, int]]:
    return [(card.id, reason) for card, reason in answer.places]


def ids(answer: Answer) -> list[str]:
    return [card.id for card, _ in answer.places]


def facts(answer: Answer) -> tuple[str, str | None, str]:
    return answer.source, answer.degraded, answer.cache


def test_a_members_list_is_answered_in_its_order_with_its_reasons() -> None:
    desk = Desk().open()
    desk.store.put(posting("a", "1"), posting("b", "2"), posting("c", "3"), posting("d", "4"))
    desk.store.rows["m"] = row("c", "a", "d", "b", reason=7)
    found = desk.ask()
    assert shown(found) == [("c", 7), ("a", 7), ("d", 7)]
    assert (facts(found), found.generated_at) == (("personalized", None, "miss"), RUN.generated_at)


def test_a_list_takes_one_read_and_its_cards_one_more_the_first_time() -> None:
    desk = Desk().open()
    desk.store.put(*(posting(f"p{n}", f"{n}") for n in range(4)))
    desk.store.rows["m"] = row("p0", "p1", "p2", "p3")
    desk.ask()
    desk.ask()
    assert desk.store.asked == ["member_row", "postings", "member_row"]


def test_the_next_part_of_a_message_asks_for_nothing() -> None:
    desk = Desk(fresh_s=60).open()
    desk.store.put(*(posting(f"p{n}", f"{n}") for n in range(4)))
    desk.store.rows["m"] = row("p0", "p1", "p2", "p3")
    first, second = desk.ask(), desk.ask()
    assert (ids(first), first.cache, second.cache) == (ids(second), "miss", "hit")
    assert desk.store.asked == ["member_row", "postings"]


@pytest.mark.parametrize("known", [None, row(mailable=False), row("p0", mailable=False)])
def test_who_is_unknown_or_wants_no_mail_gets_the_shelf_and_nothing_else_is_read(known: object) -> None:
    desk = Desk(ranker=Ranker("p0")).open()
    if known is not None:
        desk.store.rows["m"] = known  # type: ignore[assignment] # one of the rows above
    found = desk.ask()
    assert (facts(found), ids(found)) == (("popular", None, "miss"), ["shelf-0", "shelf-1", "shelf-2"])
    assert desk.store.asked == ["member_row"]


def test_an_answer_read_from_a_copy_that_lags_says_so_and_is_otherwise_the_same() -> None:
    desk = Desk().open()
    desk.store.rows["m"] = row("shelf-3", "shelf-1")
    before = desk.ask()
    desk.store.behind = True
    found = desk.ask()
    assert (ids(found), found.source) == (ids(before), before.source)
    assert (before.degraded, found.degraded) == (None, "behind")


def test_who_has_no_list_is_ranked_by_profile_and_what_they_applied_to_is_left_out() -> None:
    desk = Desk(ranker=Ranker("shelf-3", "shelf-4", "shelf-5")).open()
    desk.store.rows["m"] = row(applied=["shelf-4", "shelf-0"])
    desk.store.profiles["m"] = Member(id="m", categories=("2",))
    found = desk.ask(limit=4)
    assert shown(found) == [("shelf-3", 7), ("shelf-5", 7), ("shelf-1", 1), ("shelf-2", 1)]
    assert facts(found) == ("profile", None, "miss")


def test_who_has_neither_list_nor_profile_gets_the_shelf_without_what_they_applied_to() -> None:
    desk = Desk(ranker=Ranker("shelf-3")).open()
    desk.store.rows["m"] = row(applied=["shelf-0"])
    desk.store.profiles["m"] = Member(id="m")
    found = desk.ask(limit=2)
    assert (facts(found), ids(found)) == (("popular", None, "miss"), ["shelf-1", "shelf-2"])


def test_a_short_list_is_filled_from_the_shelf_without_what_was_ever_applied_to() -> None:
    desk = Desk().open()
    desk.store.put(posting("a", "1"), posting("b", "2"))
    desk.store.rows["m"] = row("a", "b", applied=["b", "shelf-0"])
    assert ids(desk.ask(limit=3)) == ["a", "shelf-1", "shelf-2"]


def test_who_applied_to_a_job_is_shown_none_of_its_postings_wherever_they_come_from() -> None:
    desk = Desk()
    desk.store.put(*(posting(name, name) for name in ("a", "again", "b")))
    desk.store.same[RUN.id] = [["first", "again"], ["closed long ago", "shelf-0", "shelf-1"], ["x", "y"]]
    applied = ["first", "closed long ago"]
    desk.store.rows["m"] = row("again", "a", "b", applied=applied)
    desk.open()
    assert ids(desk.ask(limit=2)) == ["a", "b"]
    assert ids(desk.ask(limit=4)) == ["a", "b", "shelf-2", "shelf-3"]
    desk.store.rows["m"] = row(applied=applied)
    assert ids(desk.ask(limit=2)) == ["shelf-2", "shelf-3"]


def test_before_any_run_the_newest_hold_one_posting_of_a_job() -> None:
    desk = Desk()
    desk.store.log = []
    desk.store.put(
        *(posting(f"same-{n}", "one", title="같은 공고", opened_at=NOW + timedelta(1)) for n in range(3))
    )
    assert sum(id_.startswith("same") for id_ in ids(desk.open().ask(limit=10))) == 1


def with_names(*ids: str, reason: int) -> MemberRow:
    """A list whose reasons name two postings in turn, but for the last place."""
    listed = row(*ids, reason=reason)
    anchored = bytes(1 + at % 2 for at in range(len(ids) - 1))
    return listed._replace(anchors=SEPARATOR.join(("x", "운전원 (인천)", "y", "정비원")), anchored=anchored)


def told(answer: Answer) -> list[str]:
    return [each["reason"] for each in json.loads(encode(answer))["postings"]]


def test_a_reason_names_what_the_member_applied_to() -> None:
    desk = Desk().open()
    desk.store.put(*(posting(name, name) for name in "abc"))
    desk.store.rows["m"] = with_names("a", "b", "c", reason=Reason.SIMILAR_TO_APPLIED)
    answer = desk.ask()
    assert told(answer) == [
        "지원한 '운전원 (인천)' 공고와 비슷해요",
        "지원한 '정비원' 공고와 비슷해요",
        "최근 지원한 공고와 비슷해요",
    ]
    codes = {each["reason_code"] for each in json.loads(encode(answer))["postings"]}
    assert codes == {"similar_to_applied"}
    english = desk.answering.answer(request("m", limit=1, lang="en"), context=context(NOW))
    assert told(english) == ["Similar to '운전원 (인천)', which you applied to"]


@pytest.mark.parametrize("reason", [Reason.SIMILAR_TO_VIEWED, Reason.SIMILAR_TO_SCRAPPED])
def test_what_was_only_viewed_or_scrapped_is_named_where_that_is_asked_for(reason: Reason) -> None:
    for named, names in (((Reason.SIMILAR_TO_APPLIED,), False), (tuple(Reason), True)):
        desk = Desk(named=named).open()
        desk.store.put(posting("a", "a"), posting("b", "b"))
        desk.store.rows["m"] = with_names("a", "b", reason=reason)
        assert ("운전원" in told(desk.ask(limit=1))[0]) is names


def test_what_was_hidden_since_is_named_no_more() -> None:
    desk = Desk()
    desk.store.put(*(posting(name, name) for name in "abcy"))
    desk.store.put(posting("x", status=Status.HIDDEN, updated_at=NOW))
    desk.store.rows["m"] = with_names("a", "b", "c", reason=Reason.SIMILAR_TO_APPLIED)
    desk.open()
    assert ["운전원" in each for each in told(desk.ask(limit=2))] == [False, False]
    assert "정비원" in told(desk.ask(limit=2))[1]
    desk.cards.update()
    desk.store.put(posting("y", status=Status.HIDDEN, updated_at=NOW))
    desk.cards.update()
    assert told(desk.ask(limit=2)) == ["최근 지원한 공고와 비슷해요"] * 2


def test_a_company_that_was_asked_for_is_told_so_beside_a_name() -> None:
    desk = Desk().open()
    desk.store.put(*(posting(name, "one") for name in "abcd"))
    desk.store.rows["m"] = with_names(*"abcd", reason=Reason.SIMILAR_TO_APPLIED | ASKED_COMPANY)
    answer = desk.ask(limit=4)
    assert ids(answer) == ["a", "b", "c", "d"]
    assert told(answer)[2] == "지원한 '운전원 (인천)' 공고와 비슷해요"


def test_what_is_filled_in_comes_from_the_shelf_nearest_to_the_first_posting() -> None:
    desk = Desk()
    desk.store.put(posting("a", "1", categories=("2",), regions=("101000/강남구",)))
    near = [("2", "101000", "shelf-5"), ("2", "", "shelf-4"), ("", "101000", "shelf-3")]
    desk.store.stood[RUN.id] += [Shelf(category, region, [id_], [2]) for category, region, id_ in near]
    desk.store.rows["m"] = row("a")
    assert ids(desk.open().ask(limit=5)) == ["a", "shelf-5", "shelf-4", "shelf-3", "shelf-0"]


def test_a_list_of_which_nothing_is_left_is_no_personal_one() -> None:
    desk = Desk().open()
    desk.store.put(posting("a", status=Status.CLOSED))
    desk.store.rows["m"] = row("a", "gone")
    found = desk.ask()
    assert (found.source, ids(found)) == ("popular", ["shelf-0", "shelf-1", "shelf-2"])


def test_a_store_that_fails_leaves_the_shelf_and_the_answer_says_so() -> None:
    desk = Desk().open()
    desk.store.failing = {"member_row"}
    found = desk.ask()
    assert (facts(found), ids(found)) == (("popular", "postgres", "none"), ["shelf-0", "shelf-1", "shelf-2"])
    assert desk.failures == ["broken"]


def test_who_was_answered_before_keeps_their_list_while_the_store_fails() -> None:
    desk = Desk().open()
    desk.store.put(posting("a", "1"), posting("b", "2"), posting("c", "3"))
    desk.store.rows["m"] = row("a", "b", "c")
    before = desk.ask()
    desk.store.failing = {"member_row"}
    found = desk.ask()
    assert (ids(found), facts(found)) == (ids(before), ("personalized", "postgres", "stale"))


def test_a_profile_that_cannot_be_read_leaves_the_shelf() -> None:
    desk = Desk(ranker=Ranker("shelf-3")).open()
    desk.store.rows["m"] = row()
    desk.store.failing = {"profile"}
    assert facts(desk.ask()) == ("popular", "postgres", "none")


def test_cards_that_cannot_be_read_leave_those_in_memory() -> None:
    desk = Desk().open()
    desk.store.put(posting("a", "1"))
    desk.store.rows["m"] = row("a", "shelf-5")
    desk.store.failing = {"postings"}
    found = desk.ask(limit=2)
    assert (ids(found), found.source, found.degraded) == (["shelf-5", "shelf-0"], "personalized", "postgres")


def test_nothing_is_read_when_the_deadline_has_passed() -> None:
    desk = Desk().open()
    found = desk.ask(left_s=-1.0)
    assert (found.degraded, desk.failures, len(found.places)) == ("postgres", ["deadline"], 3)


def test_after_some_failures_in_a_row_the_store_is_left_alone() -> None:
    desk = Desk().open()
    desk.store.failing = {"member_row"}
    for _ in range(5):
        assert desk.ask().degraded == "postgres"
    assert (desk.store.asked, desk.failures) == (["member_row"] * 3, ["broken"] * 3 + ["held back"] * 2)


def test_a_deadline_of_our_own_says_nothing_of_the_store() -> None:
    desk = Desk().open()
    for _ in range(5):
        desk.ask(left_s=-1.0)
    assert not desk.breaker.is_open
    assert desk.ask().degraded is None


def test_before_any_run_the_newest_postings_are_the_shelf() -> None:
    desk = Desk()
    desk.store.log.clear()
    desk.store.rows["m"] = row("a")
    found = desk.open().ask(limit=2)
    assert (found.source, shown(found)) == ("popular", [("shelf-0", 14), ("shelf-1", 14)])
    assert found.generated_at == NOW


def test_when_another_run_comes_into_force_its_shelves_do_in_the_same_instant() -> None:
    desk = Desk()
    desk.store.put(posting("new", "n"))
    desk.store.log.insert(0, Publication(2, SECOND_RUN, NOW + timedelta(minutes=15)))
    desk.store.stood[SECOND_RUN.id] = [Shelf("", "", ["new"], [Reason.POPULAR])]
    desk.open()
    found = [desk.ask("nobody", now=NOW + timedelta(minutes=minutes)) for minutes in (14, 15)]
    assert [ids(one) for one in found] == [["shelf-0", "shelf-1", "shelf-2"], ["new"]]
    assert desk.store.asked == ["member_row"] * 2


def sends_of(desk: Desk) -> FakeRegister:
    """Let the desk keep sends, as a worker that has read nothing yet: it must claim every send that it meets."""
    register = FakeRegister(desk.store.log)
    desk.answering._sends = Sends(desk.publications, register, StoreClock(), hold=timedelta(hours=24))
    return register


def test_a_send_that_others_may_have_met_is_claimed_once_and_answered_from_its_run() -> None:
    desk = Desk().open()
    register = sends_of(desk)
    register.rows["weekly\x1fs"] = HeldSend("weekly\x1fs", SECOND_RUN, NOW, NOW + timedelta(hours=1), NOW)
    found = [desk.ask(), desk.ask()]
    assert [one.generated_at for one in found] == [SECOND_RUN.generated_at] * 2
    assert register.asked == ["claim"]


def test_a_claim_that_fails_leaves_the_answer_and_the_stores_health_as_they_are() -> None:
    desk = Desk().open()
    register = sends_of(desk)
    register.failing = True
    desk.store.put(posting("a"))
    desk.store.rows["m"] = row("a")
    for number in range(5):
        found = desk.answering.answer(request(send=f"d-{number}", limit=1), context=context())
        assert facts(found)[:2] == ("personalized", None)
    assert (desk.breaker.is_open, desk.failures) == (False, ["broken"] * 5)


def test_an_answer_that_reads_nothing_claims_nothing_and_keeps_what_is_known() -> None:
    desk = Desk().open()
    register = sends_of(desk)
    shelved = desk.answering.from_shelf(request(), context=context(), degraded="over_limit")
    assert (shelved.generated_at, register.asked) == (RUN.generated_at, [])
    desk.ask()
    desk.store.log.insert(0, Publication(2, SECOND_RUN, NOW + timedelta(minutes=15)))
    desk.publications.update()
    later = context(NOW + timedelta(minutes=20))
    shelved = desk.answering.from_shelf(request(), context=later, degraded="over_limit")
    assert (shelved.generated_at, register.asked) == (RUN.generated_at, ["claim"])


def test_what_stands_on_another_runs_shelves_is_told_from_a_good_answer_and_not_kept() -> None:
    desk = Desk(fresh_s=60, ranker=Ranker("shelf-3")).open()
    register = sends_of(desk)
    register.rows["weekly\x1fs"] = HeldSend("weekly\x1fs", SECOND_RUN, NOW, NOW + timedelta(hours=1), NOW)
    desk.store.stood[SECOND_RUN.id] = [Shelf("", "", ["shelf-5", "shelf-4"], [Reason.POPULAR] * 2)]
    desk.store.rows["m"] = row()
    desk.store.profiles["m"] = Member(id="m", categories=("2",))
    for member in ("m", "nobody"):
        assert (desk.ask(member).source, desk.ask(member).degraded) == ("popular", "postgres")
    desk.shelves.update(RUN, [SECOND_RUN])
    assert ids(desk.ask("nobody", limit=2)) == ["shelf-5", "shelf-4"]
    assert desk.ask("nobody").degraded is None
    assert not desk.breaker.is_open


def test_an_empty_board_is_answered_with_nothing() -> None:
    desk = Desk()
    desk.store.board.clear()
    found = desk.open().ask()
    assert (found.places, found.source, found.degraded) == ([], "popular", None)


def test_the_cheap_answer_reads_nothing() -> None:
    desk = Desk().open()
    desk.store.rows["m"] = row("shelf-5")
    found = desk.answering.from_shelf(request("m", limit=2), context=context(), degraded="over_limit")
    assert (facts(found), ids(found)) == (("popular", "over_limit", "none"), ["shelf-0", "shelf-1"])
    assert desk.store.asked == []
    assert found.recommendation_id == desk.ask(limit=2).recommendation_id


@pytest.mark.parametrize("reads", ["a list", "a profile", "neither"])
def test_what_a_member_applied_to_is_not_shown_when_the_store_is_away_or_nothing_is_read(reads: str) -> None:
    """As far as it was known: over the soft line, late, and from a list that went stale."""
    desk = Desk(ranker=Ranker("shelf-3") if reads == "a profile" else None).open()
    desk.store.put(posting("a", "1"))
    desk.store.rows["m"] = row(*(["a"] if reads == "a list" else []), applied=["shelf-0", "shelf-2"])
    desk.store.profiles["m"] = Member(id="m", categories=("2",))
    desk.ask()
    desk.store.failing = {"member_row"}
    over = desk.answering.from_shelf(request("m", limit=3), context=context(), degraded="over_limit")
    assert ids(over) == ["shelf-1", "shelf-3", "shelf-4"]
    assert not {"shelf-0", "shelf-2"} & set(ids(desk.ask(limit=20)))


def test_of_thousands_of_applications_those_are_kept_that_an_answer_could_hold() -> None:
    desk = Desk(fresh_s=60).open()
    desk.store.put(posting("a", "1"), posting("b", "2"))
    many = [f"long-ago-{number}" for number in range(5_000)]
    desk.store.rows["m"] = row("a", "b", applied=[*many, "b", "shelf-0"])
    assert ids(desk.ask()) == ids(desk.ask()) == ["a", "shelf-1", "shelf-2"]
    kept = desk.member_lists.last_known("m")
    assert kept is not None
    assert kept.applied_ids() == {"b", "shelf-0"}


def lately(*rows: tuple[str, str]) -> str:
    """What a read says of mails: ids shown and clicked, a letter each."""
    return "\x1d".join(
        f"{number}\x1e" + SEPARATOR.join(shown) + "\x1e" + SEPARATOR.join(clicked)
        for number, (shown, clicked) in enumerate(rows)
    )


def test_a_new_send_shows_what_the_last_one_did_not_and_what_was_clicked_may_stay() -> None:
    desk = Desk(fresh_s=60).open()
    desk.store.put(*(posting(each, f"{at}") for at, each in enumerate("abcdefg")))
    desk.store.rows["m"] = row(*"abcdefg")._replace(
        reasons=bytes(range(1, 8)), anchors="x\x1fX", anchored=b"\1\0\1"
    )
    desk.store.lately[b"weekly\x1fnew"] = lately(("abc", ""), ("", "b"))
    old = request(limit=4, send="old")
    new = request(limit=7, send="new")
    assert ids(desk.answering.answer(old, context=context())) == list("abcd")
    found = desk.answering.answer(new, context=context())
    assert shown(found) == [(each, "abcdefg".index(each) + 1) for each in "bdefgac"]  # each with its reason
    assert ids(desk.answering.answer(old, context=context())) == list("abcd")  # a retry of a send under way
    assert ids(desk.answering.answer(new, context=context())) == list("bdefgac")


def test_who_gets_popular_postings_gets_others_next_time_and_so_do_several_postings_of_a_job() -> None:
    desk = Desk()
    desk.store.same[RUN.id] = [["shelf-1", "shelf-5"]]
    desk.open()
    desk.store.rows["m"] = row()
    desk.store.lately[b"weekly\x1fs"] = lately(([], []), (["shelf-0", "shelf-1"], []))  # type: ignore[arg-type]
    assert ids(desk.ask(limit=6)) == [f"shelf-{at}" for at in (2, 3, 4, 0, 1, 5)]


def test_reasons_that_name_a_posting_keep_naming_it_where_the_list_is_put_in_another_order() -> None:
    desk = Desk().open()
    desk.store.put(*(posting(each, f"{at}") for at, each in enumerate("abc")))
    desk.store.rows["m"] = row(*"abc", reason=Reason.SIMILAR_TO_APPLIED)._replace(
        anchors="x\x1fX\x1fy\x1fY", anchored=b"\2\1"
    )
    desk.store.lately[b"weekly\x1fs"] = lately(("a", ""))
    found = desk.ask()
    assert ids(found) == ["b", "c", "a"]
    assert [mark >> 8 for _, mark in found.places] == [1, 0, 2]
    assert list(found.names) == ["X", "Y"]
