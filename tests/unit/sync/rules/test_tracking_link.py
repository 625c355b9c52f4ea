"""A campaign has one pattern of tracking links; filled in by Liquid it carries the posting's own URL, its rid among it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from app.feedback.links import parse
from app.sync.rules.tracking_link import LinkError, liquid_link
from tests.unit.braze.rendering import rendered

RID = "aqBdGfU6K_NRfVp3"
POSTING = f"https://www.example.com/postings/p-1?rid={RID}&campaign=weekly-digest&position=2&q=한글 %26"


def filled(pattern: str, url: str = POSTING) -> str:
    return rendered(pattern, {"posting": {"url": url}})


def test_the_deep_link_is_the_postings_url_and_its_click_is_known_as_ours() -> None:
    link = filled(liquid_link("board", "braze_email", "weekly-digest"))
    parts = urlsplit(link)
    assert (parts.netloc, parts.path) == ("abr.ge", "/@board/braze_email")
    assert parse_qs(parts.query) == {"campaign": ["weekly-digest"], "deeplink_url": [POSTING]}
    clicked = parse(link)
    assert (clicked.rid, clicked.position, clicked.campaign) == (RID, 2, "weekly-digest")


def test_an_app_with_a_scheme_of_its_own_is_opened_by_it() -> None:
    pattern = liquid_link(
        "board", "mail", "c", board="https://www.example.com/", deep="exampleapp://", routing="jx4e"
    )
    query = parse_qs(urlsplit(filled(pattern)).query)
    assert query["deeplink_url"] == [POSTING.replace("https://www.example.com/", "exampleapp://")]
    assert query["routing_short_id"] == ["jx4e"]


def test_it_is_one_pattern_however_many_members_there_are() -> None:
    pattern = liquid_link("board", "mail", "c")
    assert pattern == liquid_link("board", "mail", "c")
    assert "user_id" not in pattern
    assert filled(pattern, "https://b.example/1") != filled(pattern, "https://b.example/2")


WRONG = [
    ({"app": "My App"}, "'My App' is no app's name in Airbridge"),
    ({"channel": "Braze Email"}, "'Braze Email' is no channel: up to 128 small letters, digits and . - _."),
    ({"channel": "이메일"}, "'이메일' is no channel"),
    ({"channel": "x" * 129}, "is no channel"),
    ({"campaign": ""}, "A campaign has 1 to 128 characters that can be printed."),
    ({"campaign": "x" * 129}, "A campaign has 1 to 128 characters that can be printed."),
    ({"routing": "a b"}, "'a b' is no routing_short_id: copy that of a link that the dashboard has made."),
    ({"deep": "exampleapp://"}, "The board's beginning and the app's are given together"),
    (
        {"board": "https://a.example/", "deep": "no scheme"},
        "The board's beginning and the app's are given together",
    ),
    (
        {"board": "https://a.example/'", "deep": "a://"},
        "The board's beginning and the app's are given together",
    ),
]


@pytest.mark.parametrize(("given", "sentence"), WRONG)
def test_what_cannot_stand_in_a_link_is_refused(given: dict[str, str], sentence: str) -> None:
    fine = {"app": "board", "channel": "mail", "campaign": "c"}
    with pytest.raises(LinkError) as told:
        liquid_link(**{**fine, **given})
    assert sentence in str(told.value)
