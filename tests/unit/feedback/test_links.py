"""A clicked link tells its mail and its place, whatever became of it on the way."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from app.feedback.links import ClickedLink, parse

RID = "aqBdGfU6K_NRfVp3"
PLAIN = (
    f"https://board.example/postings/p-1?a=1&rid={RID}&campaign=weekly-digest&variant=B&arm=new&position=3"
)
OURS = ClickedLink("p3", RID, "weekly-digest", "B", "new", 3)


@pytest.mark.parametrize(
    "url",
    [
        PLAIN,
        PLAIN + "&lid=abc123&utm_source=braze&utm_campaign=other&utm_medium=email",
        PLAIN + "#top",
        PLAIN.replace("?", "#section?"),
        PLAIN.replace("&", "&amp;"),
        PLAIN + "&campaign=another&position=9",
        PLAIN.replace("?a=1&", "?utm_campaign=x&board_position=7&"),
        "https://nam02.safelinks.protection.outlook.com/?url=" + quote(PLAIN, safe="") + "&data=05%7C01%7Csecret&reserved=0",
        "https://urldefense.com/v3/__" + PLAIN + "__;!!x$",
        "https://a.example/r?to=" + quote("https://b.example/?to=" + quote(PLAIN, safe=""), safe=""),
        "https://www.google.com/url?q=" + quote(PLAIN, safe="") + "&source=gmail",
    ],
)  # fmt: skip
def test_a_link_of_ours_is_known_whatever_was_made_of_it(url: str) -> None:
    found = parse(url)
    if "urldefense" in url:  # its position runs into what is appended
        assert (found.rid, found.campaign, found.arm) == (OURS.rid, OURS.campaign, OURS.arm)
    else:
        assert found == OURS


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a url",
        "https://board.example/",
        "https://board.example/postings/p-1",
        "https://board.example/?rid=short&position=1",
        "https://board.example/?myrid=" + RID,
        "https://board.example/?rid=" + "x" * 5000,
        "mailto:a@example.com",
        "https://[half/?rid=" + RID[:-1],
        "%" * 3000,
        "https://board.example/?rid=%00%00" + RID[4:],
    ],
)
def test_a_link_that_is_not_ours_or_lost_its_query_has_only_its_hash(url: str) -> None:
    found = parse(url)
    assert found == ClickedLink(found.link)
    assert len(found.link) == 16


def test_of_values_that_cannot_be_ours_nothing_is_kept() -> None:
    found = parse(f"https://b.example/?rid={RID}&campaign=UPPER&variant=%00&arm=a%20b&position=0")
    assert (found.rid, found.campaign, found.variant, found.arm, found.position) == (
        RID,
        None,
        None,
        None,
        None,
    )


def test_links_are_told_apart_by_where_they_lead_and_not_by_what_the_query_says_of_a_person() -> None:
    assert parse("https://b.example/a?user=1&lid=x").link == parse("https://b.example/a?user=2#top").link
    assert parse("https://b.example/a").link != parse("https://b.example/b").link
