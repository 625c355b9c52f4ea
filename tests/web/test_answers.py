"""What a template can rely on: every answer is an object with every key, and the same question has one answer."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from app.recommend.ranked import RankedPosting
from app.recommend.reasons import Reason
from tests.web import board
from tests.web.board import AWKWARD_ID, FINISHED, LISTS, LONG_TITLE, NOW
from tests.web.expected import answer
from tests.web.service import Service, serving
from tests.web.wire import basic, call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.board.model import Member
    from tests.web.gunicorn_server import Server

ANSWER_KEYS = [
    "recommendation_id",
    "campaign",
    "variant",
    "arm",
    "source",
    "degraded",
    "count",
    "generated_at",
    "postings",
    "exposure",
]
POSTING_KEYS = [
    "id",
    "title",
    "company",
    "location",
    "career",
    "education",
    "employment_type",
    "salary",
    "deadline",
    "days_left",
    "deadline_label",
    "url",
    "reason",
    "reason_code",
]
MEMBERS = [*LISTS, "m-profile", "m-bare", "nobody"]


class FieldRanker:
    """Ranks one posting for whoever looks for logistics."""

    def rank(self, member: Member, *, now: datetime, keep: int = 50) -> Sequence[RankedPosting]:
        assert (now, keep) == (FINISHED, 50)
        return [RankedPosting("p-04", Reason.FITS_FIELD)] if "18" in member.categories else []


@pytest.mark.parametrize("lang", ["ko", "en"])
@pytest.mark.parametrize("limit", [1, 10, 50])
@pytest.mark.parametrize("member_id", MEMBERS)
def test_every_answer_is_an_object_with_every_key_in_the_same_order(
    reader: Service, member_id: str, limit: int, lang: str
) -> None:
    found = reader.answer(member_id, limit=limit, lang=lang, variant="b")
    assert list(found) == ANSWER_KEYS
    assert [list(posting) for posting in found["postings"]] == [POSTING_KEYS] * found["count"]
    assert 1 <= found["count"] <= limit
    assert len({posting["id"] for posting in found["postings"]}) == found["count"]
    assert (found["campaign"], found["variant"], found["degraded"]) == ("weekly", "b", None)


@pytest.mark.parametrize("member_id", MEMBERS)
def test_the_html_part_the_text_part_and_a_retry_elsewhere_get_the_same_bytes(
    reader: Service, shared_url: str, member_id: str
) -> None:
    first = reader.body(member_id)
    reader.run_tasks()
    with serving(shared_url) as elsewhere:
        assert [reader.body(member_id), elsewhere.body(member_id), elsewhere.body(member_id)] == [first] * 3


def test_anything_else_that_is_asked_is_another_question(reader: Service) -> None:
    questions = [
        reader.answer("m-list"),
        reader.answer("m-bare"),
        reader.answer("m-list", campaign="daily"),
        reader.answer("m-list", send="t"),
        reader.answer("m-list", variant="s"),
        reader.answer("m-list", limit=9),
        reader.answer("m-list", lang="en"),
        # Values that would be the same if they were joined carelessly.
        reader.answer("m", send="-lists"),
        reader.answer("m-", send="lists"),
    ]
    assert len({question["recommendation_id"] for question in questions}) == len(questions)
    again = reader.answer("m-list", limit=10, lang="ko", variant="")
    assert again["recommendation_id"] == questions[0]["recommendation_id"]


def test_without_a_send_the_day_in_seoul_stands_in_for_it(service: Service) -> None:
    today = service.answer("m-list", send="")["recommendation_id"]
    assert service.answer("m-list", send="2025-01-15")["recommendation_id"] == today
    service.now = NOW.replace(hour=14, minute=59)
    assert service.answer("m-list", send="")["recommendation_id"] == today
    service.now = NOW.replace(hour=15)
    assert service.answer("m-list", send="")["recommendation_id"] != today


def test_an_unknown_member_gets_what_is_popular(reader: Service) -> None:
    found = reader.answer("nobody", limit=1)
    assert found == answer(found["recommendation_id"])


def test_an_id_of_awkward_characters_finds_its_member(reader: Service) -> None:
    found = reader.answer(AWKWARD_ID, limit=1)
    assert found == answer(
        found["recommendation_id"], posting_id="p-12", source="personalized", reason=Reason.SIMILAR_TO_VIEWED
    )


def test_a_member_without_a_list_is_ranked_by_their_profile(shared_url: str) -> None:
    with serving(shared_url, ranker=FieldRanker()) as service:
        found = service.answer("m-profile", limit=3)
        assert (found["source"], found["degraded"]) == ("profile", None)
        reasons = [(posting["id"], posting["reason_code"]) for posting in found["postings"]]
        # What is left is filled from the shelf of that posting's category and region, then from wider ones.
        assert reasons == [("p-04", "fits_field"), ("p-01", "popular_in_field"), ("p-before", "popular")]
        assert service.answer("m-bare")["source"] == "popular"


def test_the_running_service_has_a_ranker_of_profiles(server: Server) -> None:
    target = "/v1/members/m-profile/recommendations?campaign=weekly&limit=1"
    found = call(server.port, target, authorization=basic("braze")).json()
    assert (found["source"], found["postings"][0]["id"]) == ("profile", "p-04")


def test_a_list_of_which_nothing_may_be_shown_is_called_what_it_is(reader: Service) -> None:
    assert reader.answer("m-vetoed")["source"] == "popular"


def test_texts_come_through_as_they_are(reader: Service) -> None:
    postings = {posting["id"]: posting for posting in reader.answer("nobody", limit=50)["postings"]}
    stored = {row.id: (row.title, board.COMPANIES[row.company]) for row in board.POSTINGS}
    assert {id_: (found["title"], found["company"]) for id_, found in postings.items()} == {
        id_: stored[id_] for id_ in postings
    }
    assert postings["p-11"]["title"] == LONG_TITLE
    assert {"p-06", "p-07", "p-08", "p-09", "p-10"} < set(postings)


def test_facts_become_short_texts_in_two_languages(reader: Service) -> None:
    names = ["location", "career", "education", "employment_type", "salary", "deadline_label"]
    shown = {
        (lang, posting["id"]): [posting[name] for name in names]
        for lang in ("ko", "en")
        for posting in reader.answer("nobody", limit=50, lang=lang)["postings"]
    }
    assert shown["ko", "p-01"] == [
        "서울 강남구",
        "경력 3~5년",
        "대졸 이상",
        "정규직",
        "연봉 3,500만~4,500만원",
        "채용 시 마감",
    ]
    assert shown["en", "p-01"] == [
        "서울 강남구",
        "3-5 years",
        "Bachelor's degree or above",
        "Permanent",
        "KRW 35,000,000-45,000,000 a year",
        "Until filled",
    ]
    assert shown["ko", "p-02"][:4] == ["서울 서초구, 경기 성남시 외", "신입·경력", None, "정규직·계약직"]
    assert shown["ko", "p-11"] == [None, "경력무관", None, None, None, "채용 시 마감"]
    assert shown["ko", "p-10"][4:] == ["연봉 60,000~80,000달러", "상시 채용"]


def test_every_link_says_where_it_was_shown_and_still_leads_to_its_posting(reader: Service) -> None:
    found = reader.answer("nobody", limit=50, variant="b")
    for position, posting in enumerate(found["postings"], start=1):
        asked = parse_qs(urlsplit(posting["url"]).query)
        tracking = {"rid": [found["recommendation_id"]], "campaign": ["weekly"], "variant": ["b"]}
        own = {"id": ["p-08"], "lang": ["ko"]} if posting["id"] == "p-08" else {}
        assert asked == own | tracking | {"position": [str(position)]}
    links = {posting["id"]: posting["url"] for posting in found["postings"]}
    rid = found["recommendation_id"]
    at = list(links).index("p-08") + 1
    assert links["p-08"] == (
        f"https://jobs.example/apply?id=p-08&lang=ko&rid={rid}&campaign=weekly&variant=b&position={at}#form"
    )
    assert links["p-11"].startswith("https://jobs.example/%EC%B1%84%EC%9A%A9/p-11?rid=")


def test_before_the_first_refresh_the_newest_postings_are_served(board_url: str) -> None:
    with psycopg.connect(board_url) as connection:
        connection.execute("DELETE FROM connected_jobs.publication")
        connection.execute(
            "UPDATE board.posting SET opened_at = opened_at + interval '1 hour' WHERE id = 'p-05'"
        )
    with serving(board_url) as service:
        found = service.answer("m-list", limit=2)
        assert (found["source"], found["degraded"], found["generated_at"]) == (
            "popular",
            None,
            "2025-01-15T03:00:00Z",
        )
        assert [(p["id"], p["reason_code"]) for p in found["postings"]] == [("p-05", "new"), ("p-01", "new")]


def test_a_campaign_keeps_its_lists_until_the_new_ones_take_effect(service: Service, board_url: str) -> None:
    before = service.body("m-list")
    effective_at = NOW + timedelta(minutes=15)
    with psycopg.connect(board_url) as connection:
        second = board.add_run(
            connection, published_at=NOW, effective_at=effective_at, lists={"m-list": [("p-12", 6)]}
        )
    service.run_tasks()
    bodies = []
    for moment in (NOW, effective_at - timedelta(microseconds=1), effective_at):
        service.now = moment
        bodies.append(service.body("m-list"))
    assert bodies[:2] == [before] * 2
    after = service.answer("m-list", limit=1)
    assert (bodies[2] != before, after["postings"][0]["id"], after["generated_at"]) == (
        True,
        "p-12",
        "2025-01-15T03:00:00Z",
    )
    with psycopg.connect(board_url) as connection:  # and back, at once
        board.publish(connection, second - 1, published_at=effective_at, effective_at=effective_at)
    service.run_tasks()
    assert service.body("m-list") == before


def test_the_switch_needs_no_read_at_its_moment(service: Service, board_url: str) -> None:
    """Every worker knows a publication before its time, so all switch together."""
    with psycopg.connect(board_url) as connection:
        board.add_run(
            connection,
            published_at=NOW,
            effective_at=NOW + timedelta(minutes=15),
            lists={"m-list": [("p-12", 6)]},
        )
    with serving(board_url) as elsewhere:
        service.run_tasks()
        seen = []
        for moment in (NOW, NOW + timedelta(minutes=14), NOW + timedelta(minutes=16)):
            service.now = elsewhere.now = moment
            assert service.body("m-list") == elsewhere.body("m-list")
            seen.append(service.body("m-list"))
    assert [one == other for one, other in pairwise(seen)] == [True, False]
