"""May I send? The question answers from its address alone, and stores nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.web.pages.site import DIGEST

if TYPE_CHECKING:
    from tests.web.pages.site import Browserlike, Site

ASKED = {
    "audience": "120만",
    "kind": "rate_limited",
    "at": "2026-11-25T09:00",
    "limit_per_min": "25,000",
    "finish_by": "2026-11-25T10:00",
    "calls": "unsure",
    "on_failure": "blank",
}


def _sentence(page: str) -> str:
    found = re.search(r"data-speak>([^<]*)<", page)
    assert found, page
    return found[1]


def _ask(site: Site, language: str = "en", **changes: str) -> str:
    answer = site.signed_in(language=language).get(f"/ask?{urlencode({**ASKED, **changes})}")
    assert answer.status_code == 200
    return answer.text


def test_a_send_that_fits_may_go_with_the_number_to_type_and_the_time_it_ends(measured: Site) -> None:
    assert _sentence(_ask(measured, "ko")) == (
        "보내도 됩니다. 발송 속도는 계획한 분당 25,000건 그대로 두세요. 09:48에 끝납니다."
    )
    page = _ask(measured)
    assert 'class="mark go"' in page
    numbers = re.findall(r"<dt>([^<]*)</dt><dd><strong>([^<]*)</strong>", page)
    assert numbers == [("Delivery-speed limit", "25,000"), ("Ends", "09:48"), ("Busiest second", "5,001")]
    assert "of 6,300 usable" in page


def test_a_send_that_is_too_fast_may_go_at_a_speed_that_is_named(measured: Site) -> None:
    page = _ask(measured, "ko", limit_per_min="50000")
    assert _sentence(page) == "보내도 됩니다. 발송 속도를 분당 25,000건으로 설정하세요. 09:48에 끝납니다."
    assert 'class="mark go_if"' in page
    assert "한도 초과" in page


def test_a_send_that_cannot_be_done_in_time_is_refused(measured: Site) -> None:
    page = _ask(measured, audience="5000000")
    assert 'class="mark no_go"' in page
    assert "25,000 a minute is safe, and ends too late" in page


def test_without_any_evidence_the_answer_is_to_measure(site: Site) -> None:
    page = _ask(site)
    assert 'class="mark retest"' in page
    assert "nothing measured yet" in page
    calendar = site.signed_in()
    site.add(DIGEST)
    week = calendar.get("/?day=2026-11-23").text
    assert "Nothing has been measured yet." in week
    assert "python -m loadtest ceiling" in week
    assert "python -m loadtest ceiling" in calendar.get("/evidence").text


def test_what_else_is_sent_at_the_time_counts_and_is_named(measured: Site) -> None:
    page = _ask(measured, at="2026-11-23T09:05", finish_by="")
    assert "with the other campaigns at that time" in page
    assert "주간 추천 메일" in page
    assert 'class="collisions"' in page


def test_a_question_is_stored_nowhere(measured: Site) -> None:
    before = measured.register.campaigns()
    _ask(measured, name="물어보기만", key="just-asking")
    assert measured.register.campaigns() == before


def test_the_script_gets_the_answer_alone_and_the_same_one(measured: Site) -> None:
    browser = measured.signed_in()
    fragment = browser.get(f"/ask/answer?{urlencode(ASKED)}", headers={"X-Fragment": "1"}).text
    assert "<html" not in fragment
    assert "<form" not in fragment
    assert "data-sliders" not in fragment
    page = _ask(measured)
    assert _sentence(fragment) == _sentence(page)
    assert re.findall(r'd="M[^"]*"', fragment) == re.findall(r'd="M[^"]*"', page)


def test_the_empty_form_waits_for_a_question_on_the_next_working_day_at_nine(measured: Site) -> None:
    page = measured.signed_in().get("/ask").text
    assert "The answer stands here at once." in page
    assert 'value="2026-11-23T09:00"' in page  # the clock stands on a Friday


def test_a_question_that_replaces_a_campaign_on_record_does_not_collide_with_it(measured: Site) -> None:
    same = {"name": str(DIGEST["name"]), "at": "2026-11-23T09:00", "finish_by": "2026-11-23T12:00"}
    assert "no other campaign has" in _ask(measured, **same)
    page = _ask(measured, **same, instead_of="1")
    assert 'class="mark go"' in page
    change = re.search(r'href="(/campaigns/1/edit\?[^"]+)"', page)
    assert change
    form = measured.signed_in().get(change[1].replace("&amp;", "&")).text
    assert 'value="25,000"' in form
    assert 'value="weekly-digest"' in form


def test_saving_a_question_opens_the_campaigns_form_with_all_of_it(measured: Site) -> None:
    browser = measured.signed_in()
    link = re.search(r'href="(/campaigns/new\?[^"]+)"', _ask(measured, on_failure="retry"))
    assert link
    page = browser.get(link[1].replace("&amp;", "&")).text
    assert 'value="120만"' in page
    assert 'value="retry" checked' in page


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "at_once", "limit_per_min": ""},
        {"kind": "local_time_zones", "zones": "Asia/Seoul=9\nEurope/London=1", "finish_by": ""},
        {
            "kind": "intelligent_timing",
            "on": "2026-11-25",
            "users_per_hour": ",".join(["1"] * 24),
            "fallback_share": "12.5%",
            "fallback_at": "10:00",
            "finish_by": "",
        },
        {"kind": "triggered", "ends_at": "2026-11-25T18:00", "finish_by": ""},
        {"kind": "canvas_step", "finish_by": ""},
        {
            "kind": "canvas_step",
            "ends_at": "2026-11-26T09:00",
            "hourly": " ".join(["2"] * 24),
            "finish_by": "",
        },
    ],
)
def test_every_kind_of_campaign_gets_a_verdict(measured: Site, changes: dict[str, str]) -> None:
    page = _ask(measured, **changes)
    assert re.search(r'class="mark (go|go_if|no_go)"', page), _sentence(page)


@pytest.mark.parametrize(
    "query",
    [
        "audience=1&audience=2&kind=rate_limited",
        "audience=" + "9" * 3_000,
        "audience=%00&kind=%ff%fe",
        "audience=1&kind=rate_limited&at=2026-02-30T09:00",
        "audience=0&kind=rate_limited&at=2026-11-25T09:00&limit_per_min=10",
        "audience=1&kind=at_once&at=1999-01-01T00:00",
        "audience=1&kind=at_once&at=2026-11-25T09:00&instead_of=x",
        "audience=1&kind=at_once&at=2026-11-25T09:00&_external=1&_scheme=javascript&number=3",
        "audience=1&kind=at_once&at=2026-11-25T09:00&name=%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)
def test_hostile_questions_get_a_page_and_run_no_script(measured: Site, query: str) -> None:
    for path in ("/ask", "/ask/answer", "/campaigns/new", "/campaigns/1/edit"):
        answer = measured.signed_in().get(f"{path}?{query}")
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "javascript:" not in answer.text.split("<main")[-1].replace("scheme=javascript", "")


_TEXT = st.text(max_size=40) | st.sampled_from(
    ["0", "1", "10", "1/2/3", "2026-11-25T09:00", "own", "2", "retry", "21:00"]
)


@settings(max_examples=40)
@given(
    typed=st.dictionaries(
        st.sampled_from(
            [*ASKED, "zones", "hourly", "burst", "priority", "quiet_begin", "quiet_end", "host", "name"]
        ),
        _TEXT,
    ),
    kind=st.sampled_from(["rate_limited", "at_once", "triggered", "intelligent_timing", "local_time_zones"]),
)
def test_whatever_is_typed_there_is_an_answer(
    operator: Browserlike, typed: dict[str, str], kind: str
) -> None:
    answer = operator.get(f"/ask?{urlencode({**ASKED, 'kind': kind, **typed})}")
    assert answer.status_code == 200
    assert "data-speak" in answer.text
