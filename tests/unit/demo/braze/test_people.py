"""People click less further down and each time again, and more what suits them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.demo.braze.people import DeliveredMail, Link, People
from tests.unit.demo.braze.conftest import WEEKS_AGO, everybody

if TYPE_CHECKING:
    from app.demo.tastes import Tastes

SENT_S = int(WEEKS_AGO[0].timestamp())
MAILS = 12


def open_postings(tastes: Tastes, member_id: str, best: slice) -> list[str]:
    ids = [one.id for one in tastes.columns.postings if tastes.is_open(one.id, SENT_S)]
    order = tastes.suit(member_id, ids).argsort()[::-1]
    return [ids[place] for place in order.tolist()[best]]


def clicks_by_mail(tastes: Tastes, best: slice, *, at: int | None = None) -> list[int]:
    """Clicks of everybody on the same postings, mail after mail; with `at`, one posting alone, at that place."""
    people = People(tastes, until_s=SENT_S + 30 * 86_400)
    counts = [0] * MAILS
    for member_id in everybody():
        ids = open_postings(tastes, member_id, best)
        links = [Link(one, one, at or place) for place, one in enumerate(ids, 1)]
        for mail in range(MAILS):
            response = people.respond(
                DeliveredMail(member_id=member_id, dispatch_id=str(mail), sent_s=SENT_S, links=links)
            )
            counts[mail] += len(response.clicks)
    return counts


def test_each_repeat_is_clicked_less(tastes: Tastes) -> None:
    clicks = clicks_by_mail(tastes, slice(0, 5))
    assert clicks[0] > 1.3 * clicks[2] > 3 * clicks[-1]


def test_what_stands_lower_is_clicked_less(tastes: Tastes) -> None:
    first, tenth = (sum(clicks_by_mail(tastes, slice(0, 1), at=at)[:2]) for at in (1, 10))
    assert first > 1.5 * tenth > 0


def test_what_suits_is_clicked_more(tastes: Tastes) -> None:
    best, worst = (sum(clicks_by_mail(tastes, best)[:3]) for best in (slice(0, 3), slice(-3, None)))
    assert best > 10 * worst
