"""Which postings are shown: none under the veto, at most so many of a company before others, in the list's order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.board.model import Status
from app.recommend.options import PER_COMPANY
from app.recommend.ranked import ASKED_COMPANY
from app.recommend.reasons import Reason
from app.serving.cards import Card
from app.serving.selection import select
from tests.unit.serving.fakes import NOW, TODAY, posting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.serving.selection import Selected

SECOND = int(NOW.timestamp())
MARK = int(Reason.SIMILAR_TO_APPLIED)


def cards_of(companies: str) -> dict[str, Card | None]:
    """Open postings `0`, `1` ... of these companies, a letter each; `-` is a posting that does not exist."""
    return {
        str(n): None if letter == "-" else Card(posting(str(n), letter)) for n, letter in enumerate(companies)
    }


def chosen(companies: str, *, marks: Sequence[int] | None = None, limit: int = 10) -> tuple[str, str, str]:
    """Ids kept, held and missing, of a list that names every posting in order."""
    cards = cards_of(companies)
    return ids(select(cards, marks or [MARK] * len(cards), cards, (), SECOND, limit))


def ids(selected: Selected) -> tuple[str, str, str]:
    kept, held, missing = selected
    return "".join(c.id for c, _ in kept), "".join(c.id for c, _ in held), "".join(missing)


@pytest.mark.parametrize(
    "facts",
    [
        {"status": Status.CLOSED},
        {"status": Status.HIDDEN},
        {"deadline": TODAY - timedelta(days=1)},
        {"opened_at": NOW, "deadline": TODAY - timedelta(days=400)},
    ],
)
def test_the_veto_leaves_out_what_is_not_open(facts: dict[str, Any]) -> None:
    cards: dict[str, Card | None] = {"a": Card(posting("a", **facts)), "b": Card(posting("b"))}
    assert ids(select(cards, [MARK] * 2, cards, (), SECOND, 10)) == ("b", "", "")


def test_the_veto_leaves_out_what_the_member_applied_to_and_what_does_not_exist() -> None:
    cards = cards_of("ab-c")
    assert ids(select(cards, [MARK] * 4, cards, {"1"}, SECOND, 10)) == ("03", "", "")


def test_the_veto_takes_none_of_a_companys_places() -> None:
    cards = cards_of("aaaa")
    assert ids(select(cards, [MARK] * 4, cards, {"0", "1"}, SECOND, 10)) == ("23", "", "")


def test_what_is_not_in_memory_is_named_unless_the_member_applied_to_it_or_it_comes_after_the_last() -> None:
    cards = cards_of("ab")
    found = select(["x", "0", "y", "1", "z"], [MARK] * 5, cards, (), SECOND, 2)
    assert ids(found) == ("01", "", "xy")


def test_the_third_posting_of_a_company_is_held_behind_the_others() -> None:
    assert PER_COMPANY == 2
    assert chosen("aaabaab") == ("0136", "245", "")


def test_a_company_that_was_asked_for_is_not_held_back() -> None:
    assert chosen("aaaa", marks=[MARK, MARK, MARK | ASKED_COMPANY, MARK]) == ("012", "3", "")


def test_a_card_comes_with_the_mark_that_it_has_in_the_list() -> None:
    cards = cards_of("abaa")
    kept, held, _ = select(cards, [1, 2, 3, 4], cards, (), SECOND, 10)
    assert [(card.id, mark) for card, mark in (*kept, *held)] == [("0", 1), ("1", 2), ("2", 3), ("3", 4)]


def test_a_list_and_marks_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"zip"):
        select(["0", "1"], [MARK], cards_of("ab"), (), SECOND, 10)


@given(st.text("abc-", max_size=10), st.integers(1, 6))
def test_kept_and_held_are_the_list_in_its_order_and_no_company_has_more_than_its_places(
    companies: str, limit: int
) -> None:
    kept, held, missing = chosen(companies, limit=limit)
    of = {str(n): company for n, company in enumerate(companies)}
    most = [of[id_] for id_ in kept]
    assert missing == ""
    assert ("".join(sorted(kept)), "".join(sorted(held))) == (kept, held)
    assert all(most.count(company) <= PER_COMPANY for company in most)
    assert all(most.count(of[id_]) == PER_COMPANY for id_ in held)
    assert len(kept) == limit or len(kept) + len(held) == len(companies) - companies.count("-")
