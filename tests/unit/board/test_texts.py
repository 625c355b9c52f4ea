"""Texts and links as feeds hold them."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.board.texts import (
    OUR_PARAMETERS,
    ascii_host,
    is_link,
    says_something,
    shown_text,
    without_our_parameters,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("백엔드 개발자", "백엔드 개발자"),
        ("&amp;lt;b&amp;gt;급구&amp;lt;/b&amp;gt;", "급구"),  # escaped twice
        ("<p>하나</p><p class='x'>둘</p><!-- 셋 -->", "하나 둘"),
        ("&#44060;&#xBC1C;&hellip; &bogus; &copyright", "개발… &bogus; &copyright"),
        ("a\u00a0\u3000 b\u2028c", "a b c"),
        ("\u2066직원\u2069\u200f", "직원"),
    ],
)
def test_a_text_is_what_a_person_reads(text: str, shown: str) -> None:
    assert shown_text(text) == shown


@given(text=st.text())
def test_what_is_shown_stays_as_it_is(text: str) -> None:
    shown = shown_text(text)
    assert shown == shown.strip()
    assert shown_text(shown_text(shown)) == shown_text(shown)


@pytest.mark.parametrize(
    "text", ["", "\u200b", "\u3164", "\u115f\u1160", "\uffa0", "\u2800", "…", "🔥", "\u200d"]
)
def test_what_says_nothing(text: str) -> None:
    assert not says_something(text)


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:,x",
        "//a.kr",
        "a.kr",
        "https://",
        "https://u@a.kr/",
        "https://a b",
        "app://x",
    ],
)
def test_what_is_no_link(text: str) -> None:
    assert not is_link(text)


def test_a_host_is_written_as_name_servers_know_it() -> None:
    assert (
        ascii_host("http://채용.한빛.kr:81/공고?x=1#y") == "http://xn--oo5bn6h.xn--xx3br43b.kr:81/공고?x=1#y"
    )


_PAIRS = st.lists(
    st.tuples(
        st.sampled_from(["id", "rid", "%72id", "campaign", "Position", "position", ""]), st.text("ab=%2")
    )
)


@given(pairs=_PAIRS, ends=st.sampled_from(["", "?", "&", "#x?rid=1"]))
def test_our_parameters_stand_once_in_any_link_and_the_others_stay(
    pairs: list[tuple[str, str]], ends: str
) -> None:
    link = "https://a.kr/v?" + "&".join(f"{name}={value}" for name, value in pairs) + ends
    sent = urlsplit(without_our_parameters(link) + "rid=new&position=3")
    found = parse_qsl(sent.query, keep_blank_values=True)
    before = [
        pair
        for pair in parse_qsl(urlsplit(link).query, keep_blank_values=True)
        if pair[0] not in OUR_PARAMETERS
    ]
    assert found == [*before, ("rid", "new"), ("position", "3")], json.dumps(link)
