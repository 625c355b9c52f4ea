"""May I send? The question answers from its address alone, and stores nothing."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

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


def _saves(page: str) -> dict[str, dict[str, list[str]]]:
    """What each button that saves would put into the campaign's form, by its label."""
    links = re.findall(r'<a class="button[^"]*" href="(/campaigns/[^"]+)">([^<]+)</a>', page)
    return {label: parse_qs(urlsplit(html.unescape(link)).query) for link, label in links}


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
    assert numbers == [
        ("Delivery-speed limit", "25,000"),
        ("Ends", "09:48"),
        ("Busiest second", "5,001"),
        ("Servers", "1"),
    ]
    assert "of 6,300 usable" in page


def test_a_send_that_is_too_fast_may_go_at_a_speed_that_is_named(measured: Site) -> None:
    page = _ask(measured, "ko", limit_per_min="50000")
    assert _sentence(page) == (
        "보내도 됩니다. 발송 속도를 분당 25,000건으로 설정하세요. 안전한 속도는 이것뿐입니다. 09:48에 끝납니다."
    )
    assert 'class="mark go_if"' in page
    assert "한도 초과" in page


def test_a_send_that_cannot_be_done_in_time_is_refused(measured: Site) -> None:
    page = _ask(measured, audience="5000000")
    assert 'class="mark no_go"' in page
    assert "25,000 a minute is safe, and ends too late" in page
    assert _saves(page)["Save at the advised speed, with the later end"]["finish_by"] == ["2026-11-25T12:20"]


def test_a_speed_left_empty_is_recommended_with_its_end_and_the_reason(measured: Site) -> None:
    page = _ask(measured, "ko", limit_per_min="", finish_by="")
    assert _sentence(page) == (
        "보내도 됩니다. 발송 속도를 분당 25,000건으로 설정하세요. 분당 500건에서 25,000건 사이가 안전합니다. "
        "09:48에 끝납니다."
    )
    assert "속도 제한 없이 보내면 11월 25일 09:00에 1초 동안 최대" in page
    assert "권장대로 (분당 25,000건)" in page
    assert "계획대로" not in page.split('class="plots')[1].split("legend")[0], "nothing was planned"


def test_the_recommended_speed_is_taken_over_and_judged_as_it_was_recommended(measured: Site) -> None:
    saves = _saves(_ask(measured, limit_per_min="", finish_by=""))
    assert list(saves) == ["Save at the advised speed"]
    taken = saves["Save at the advised speed"]
    assert (taken["kind"], taken["limit_per_min"]) == (["rate_limited"], ["25,000"])
    again = _ask(measured, limit_per_min="25,000", finish_by="")
    assert 'class="mark go"' in again
    assert "It ends at 09:48." in _sentence(again)


def test_what_is_typed_too_fast_may_be_saved_as_advised_or_as_typed(measured: Site) -> None:
    saves = _saves(_ask(measured, limit_per_min="50,000"))
    assert {label: one["limit_per_min"] for label, one in saves.items()} == {
        "Save at the advised speed": ["25,000"],
        "Save as typed": ["50,000"],
    }


def test_an_audience_left_empty_is_the_largest_that_may_get_it_by_then(measured: Site) -> None:
    page = _ask(measured, audience="", limit_per_min="")
    assert _sentence(page) == "Up to 1,500,000 members get it by Wed 25 Nov 10:00."
    assert _saves(page)["Save at the advised speed"]["audience"] == ["1,500,000"]
    told = {"audience": "1,500,000", "limit_per_min": ""}
    assert 'class="mark go_if"' in _ask(measured, **told)
    assert 'class="mark no_go"' in _ask(measured, **told | {"audience": "1,510,000"})


def test_an_audience_left_empty_heeds_what_is_on_record(measured: Site) -> None:
    alone = _ask(measured, audience="", limit_per_min="")
    beside = _ask(
        measured, audience="", limit_per_min="", at="2026-11-23T09:05", finish_by="2026-11-23T10:05"
    )
    most = [int(re.sub(r"\D", "", _sentence(page).split(" members")[0])) for page in (alone, beside)]
    assert most[1] < most[0]
    assert "with the other campaigns at that time" in beside


def test_neither_an_audience_nor_an_end_asks_for_one_of_them(measured: Site) -> None:
    page = _ask(measured, audience="", finish_by="", at="")
    assert re.findall(r'<li data-field="(\w+)"', page) == ["audience", "at"]


def test_how_many_servers_it_takes_stands_beside_every_answer(measured: Site) -> None:
    def servers(page: str) -> tuple[str, str]:
        found = re.search(r"<dt>Servers</dt><dd><strong>([^<]*)</strong><small>([^<]*)</small>", page)
        assert found
        return found[1], found[2]

    assert servers(_ask(measured)) == ("1", "those of now are enough")
    assert servers(_ask(measured, limit_per_min="", audience="5000000")) == ("at least 3", "to end in time")


def test_how_many_servers_it_takes_hangs_on_the_send_alone(site: Site) -> None:
    """Others count as advised, however they were planned; without an end it is to be sent within Braze's 72 hours."""

    def servers(**asked: str) -> list[str]:
        page = _ask(site, limit_per_min="", finish_by="", **asked)
        (found,) = re.findall(r"<dt>Servers</dt><dd><strong>([^<]*)</strong><small>([^<]*)</small>", page)
        return list(found)

    site.measured(low_rps=400.0)
    site.add(
        {"name": "한꺼번에", "kind": "at_once", "audience": 300_000, "at": "2026-11-25T09:02:00"}, key="rash"
    )
    assert servers(audience="300000") == ["1", "those of now are enough"]
    assert servers(audience="5000000") == ["at least 3", "to send all of it"]
    asked = _ask(site, limit_per_min="", finish_by="", audience="5000000")
    assert _sentence(asked) == "No speed is safe for this send as it is asked.", (
        "nobody typed the slowest one"
    )


def test_all_that_does_not_fit_is_said_at_once_each_at_its_field(measured: Site) -> None:
    page = _ask(
        measured, audience="abc", limit_per_min="5", finish_by="2026-11-25T08:00", burst="99", quiet_begin="7"
    )
    assert re.findall(r'<li data-field="(\w+)"', page) == [
        "audience",
        "quiet_begin",
        "limit_per_min",
        "burst",
        "finish_by",
    ]
    for field in ("audience", "limit_per_min", "finish_by", "burst", "quiet_begin"):
        assert f'id="{field}-wrong"' in page
    assert '<details class="more" open>' in page


def test_a_kind_that_wants_more_opens_the_part_that_asks_for_it(measured: Site) -> None:
    page = _ask(measured, kind="local_time_zones", limit_per_min="", finish_by="")
    assert 'id="zones-wrong"' in page
    assert '<details class="more" open>' in page


def test_sliders_stand_where_the_form_does_and_work_without_a_script(measured: Site) -> None:
    page = _ask(measured)
    assert re.findall(r'name="(slide_\w+)"[^>]*aria-valuetext="([^"]*)"', page) == [
        ("slide_end", "10:00"),
        ("slide_calls", "not sure"),
        ("slide_servers", "as now"),
    ]
    form = page.split("data-sliders")[1].split("</form>")[0]
    kept = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    slid = {"slide_end": "2", "slide_calls": "1", "slide_servers": "0"}
    moved = measured.signed_in().get(f"/ask?{urlencode({**kept, **slid})}").text
    assert 'name="finish_by" step="60" type="datetime-local" value="2026-11-25T09:30"' in moved
    assert re.search(r'name="calls" value="1" checked', moved)
    assert 'class="mark go_if"' in moved, "one call a mail, and twice as fast will do"


def test_a_slider_of_servers_asks_for_a_load_test_of_so_many(measured: Site) -> None:
    page = _ask(measured, slide_servers="2")
    assert 'class="mark retest"' in page
    assert "counts on 2 servers" in _sentence(page)


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


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("120만, 월요일 9시", {"audience": "1,200,000", "at": "2026-11-23T09:00", "kind": "rate_limited"}),
        (
            "월요일 9시 10시까지",
            {"at": "2026-11-23T09:00", "finish_by": "2026-11-23T10:00", "kind": "rate_limited"},
        ),
    ],
)
def test_a_line_as_people_say_it_becomes_the_question(
    measured: Site, line: str, asked: dict[str, str]
) -> None:
    browser = measured.signed_in(language="ko")
    answer = browser.get(f"/ask?{urlencode({'say': line})}")
    assert answer.status_code == 303
    assert {name: one[0] for name, one in parse_qs(urlsplit(answer.location).query).items()} == asked
    page = browser.get(answer.location).text
    assert re.search(r'class="mark (go|go_if|no_go)"', page)


def test_a_line_that_says_nothing_is_answered_with_an_example(measured: Site) -> None:
    page = measured.signed_in(language="ko").get(f"/ask?{urlencode({'say': '언제 보내요?'})}").text
    assert "120만, 월요일 9시, 11시까지" in page
    assert 'value="언제 보내요?"' in page


def test_a_question_is_stored_nowhere(measured: Site) -> None:
    before = measured.register.campaigns()
    _ask(measured, name="물어보기만", key="just-asking")
    assert measured.register.campaigns() == before


def test_the_script_gets_the_answer_alone_and_the_same_one(measured: Site) -> None:
    browser = measured.signed_in()
    fragment = browser.get(f"/ask/answer?{urlencode(ASKED)}", headers={"X-Fragment": "1"}).text
    assert "<html" not in fragment
    assert "data-answers" not in fragment
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
