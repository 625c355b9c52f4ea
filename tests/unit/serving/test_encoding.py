"""An answer as JSON is what a plain rendering of it would be, whatever the texts hold."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.board.model import Closes, Education, Posting
from app.feedback.exposure import build, quoted
from app.recommend.reasons import Reason
from app.serving import labels
from app.serving.answering import Answer
from app.serving.cards import Card
from app.serving.encoding import encode
from app.serving.labels import SENTENCES
from app.serving.request import RecommendationRequest, RequestOptions
from tests.unit.serving.fakes import NOW, TODAY, posting

RID = "abcdefghijklmnop"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
DAYS = st.dates(TODAY, date(2030, 1, 1))
POSTINGS = st.builds(
    Posting,
    id=TEXTS.filter(bool),
    title=TEXTS,
    company_id=st.just("c"),
    company=TEXTS,
    regions=st.lists(st.sampled_from(["101000/강남구", "102000", "Busan", '"']), max_size=3).map(tuple),
    career_min_years=st.none() | st.integers(0, 20).map(float),
    career_max_years=st.none() | st.integers(0, 20).map(float),
    education=st.none() | st.sampled_from(Education),
    employment_types=st.lists(st.sampled_from(["regular", "intern", "<new>"]), max_size=2).map(tuple),
    salary_min=st.none() | st.integers(0, 10**9),
    salary_max=st.none() | st.integers(0, 10**9),
    salary_unit=st.none() | st.sampled_from(["KRW/year", "USD/hour", "EUR", '"/"']),
    opened_at=st.just(NOW),
    deadline=st.none() | DAYS,
    closes=st.sampled_from(Closes),
    url=st.sampled_from(
        ["https://a.example/x", "https://a.example/x?y=1#z", 'https://a.example/채용 "공고"#가']
    ),
    updated_at=st.just(NOW),
)
OPTIONS = st.builds(
    RequestOptions,
    campaign=st.sampled_from(["weekly", "a_b-c"]),
    send=st.just("s"),
    variant=st.none() | st.just("b"),
    limit=st.just(5),
    lang=st.sampled_from(["ko", "en"]),
)


def answer(places: list[tuple[Card, int]], options: RequestOptions | None = None, **facts: Any) -> Answer:
    values: dict[str, Any] = {
        "request": RecommendationRequest("m", options or RequestOptions("weekly", "s", None, 10, "ko")),
        "recommendation_id": RID,
        "source": "personalized",
        "degraded": None,
        "cache": "miss",
        "generated_at": NOW,
        "today": TODAY,
        "places": places,
    }
    return Answer(**(values | facts))


def plainly(found: Answer) -> dict[str, Any]:
    """The same as an ordinary dictionary, but for the links."""
    options = found.request.options
    postings = []
    for card, reason in found.places:
        one = card.posting
        days, label = labels.days_left_label(one, options.lang, found.today)
        postings.append(
            {
                "id": one.id,
                "title": one.title,
                "company": labels.company(one, options.lang),
                "location": labels.location(one, options.lang),
                "career": labels.career(one, options.lang),
                "education": labels.education(one, options.lang),
                "employment_type": labels.employment(one, options.lang),
                "salary": labels.salary(one, options.lang),
                "deadline": one.deadline and one.deadline.isoformat(),
                "days_left": days,
                "deadline_label": label,
                "reason": SENTENCES[options.lang][Reason(reason)],
                "reason_code": Reason(reason).code,
            }
        )
    return {
        "recommendation_id": found.recommendation_id,
        "campaign": options.campaign,
        "variant": options.variant,
        "arm": found.arm,
        "source": found.source,
        "degraded": found.degraded,
        "count": len(postings),
        "generated_at": "2025-01-15T03:00:00Z",
        "postings": postings,
        "exposure": build(
            RID, options.campaign, found.source, found.arm, [quoted(card.id) for card, _ in found.places]
        ),
    }


@given(
    postings=st.lists(POSTINGS, max_size=5, unique_by=lambda one: one.id),
    options=OPTIONS,
    reason=st.sampled_from(Reason),
    degraded=st.none() | st.just("postgres"),
    arm=st.none() | st.just("new-list"),
)
def test_the_bytes_are_the_plain_renderings(
    postings: list[Posting], options: RequestOptions, reason: Reason, degraded: str | None, arm: str | None
) -> None:
    found = answer([(Card(one), int(reason)) for one in postings], options, degraded=degraded, arm=arm)
    read = json.loads(encode(found))
    links = [shown.pop("url") for shown in read["postings"]]
    assert read == plainly(found)
    for position, (link, one) in enumerate(zip(links, postings, strict=True), start=1):
        split, was = urlsplit(link), urlsplit(one.url)
        tracking = [
            ("rid", RID),
            ("campaign", options.campaign),
            ("variant", options.variant),
            ("arm", arm),
            ("position", str(position)),
        ]
        assert parse_qsl(split.query) == [
            *parse_qsl(was.query),
            *((name, value) for name, value in tracking if value),
        ]
        assert (split.netloc, bool(split.fragment)) == (was.netloc, bool(was.fragment))
        assert link.isascii()
        assert '"' not in link
        assert " " not in link


def test_an_answer_without_postings_is_an_object_all_the_same() -> None:
    assert json.loads(encode(answer([], source="popular"))) == {
        "recommendation_id": RID,
        "campaign": "weekly",
        "variant": None,
        "arm": None,
        "source": "popular",
        "degraded": None,
        "count": 0,
        "generated_at": "2025-01-15T03:00:00Z",
        "postings": [],
        "exposure": None,
    }


def test_a_reason_that_only_a_newer_release_knows_is_told_as_what_is_true_of_all() -> None:
    shown = json.loads(encode(answer([(Card(posting("a")), 255)])))["postings"][0]
    assert (shown["reason"], shown["reason_code"]) == (SENTENCES["ko"][Reason.OPEN_NOW], "open_now")


def test_days_left_follow_the_day_of_the_call() -> None:
    card = Card(posting("a", deadline=TODAY + timedelta(days=2)))
    days = [TODAY, TODAY + timedelta(days=2), TODAY]
    shown = [json.loads(encode(answer([(card, 1)], today=day)))["postings"][0] for day in days]
    assert [(one["days_left"], one["deadline_label"]) for one in shown] == [
        (2, "D-2"),
        (0, "오늘 마감"),
        (2, "D-2"),
    ]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9))])
def test_times_are_in_utc_and_whole_seconds_wherever_the_store_is(zone: timezone) -> None:
    made = datetime(2025, 1, 15, 3, 0, 0, 999_999, tzinfo=UTC).astimezone(zone)
    assert json.loads(encode(answer([], generated_at=made)))["generated_at"] == "2025-01-15T03:00:00Z"
