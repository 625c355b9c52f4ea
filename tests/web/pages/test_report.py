"""A campaign's report: before the send, while it goes on, and after it."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tests.web.pages.site import DIGEST, EVENING, OPERATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.web.pages.site import Browserlike, Site

BEGIN = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)  # 09:00 in Seoul
LIKELY_RPS = 3_334  # 50,000 a minute x 2 calls x burst 2


def _counted(site: Site, minutes: int, peak_rps: int, *, degraded: int = 0) -> None:
    """A send of the digest of which so many minutes were counted, each with this busiest second."""
    calls = [
        (BEGIN + timedelta(minutes=minute, seconds=second), peak_rps * (60 - second) // 60 + 1)
        for minute in range(minutes)
        for second in range(60)
    ]
    site.counted("weekly-digest", "2026-11-23", calls, degraded=degraded)


def _during(site: Site, minutes: int, peak_rps: int, definition: Mapping[str, object] = DIGEST) -> str:
    site.measured(low_rps=20_000.0)
    one = site.add(definition)
    _counted(site, minutes, peak_rps)
    site.now = BEGIN + timedelta(minutes=minutes, seconds=5)
    return site.signed_in().get(f"/campaigns/{one.id}").text


def _text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_before_the_send_it_says_what_it_goes_by_and_what_to_check(operator: Browserlike) -> None:
    page = _text(operator.get("/campaigns/1").text)
    for told in (
        "Recipients 1,200,000",
        "Calls per recipient 1 / 2 / 3 (low / likely / high) assumed: nobody knows better yet",
        "Limit as planned 50,000 a minute",
        "Finish by Mon 23 Nov 12:00",
        "Usable 6,300 70% of it",
        "Delivery-speed limit in Braze is 10,000 a minute",
        "the template aborts or tries again (:retry)",
        "The URL of the call carries the member's id",
        "HTML and text parts are both counted",
        "A seed test arrived",
        "If sent as planned",
    ):
        assert told.replace("'", "&#39;") in page or told in page, told


def test_the_plan_file_of_a_campaign_can_be_taken_along(operator: Browserlike) -> None:
    answer = operator.get("/campaigns/1/plan.toml")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="plan-1.toml"'
    plan = tomllib.loads(answer.text)
    assert plan["time_zone"] == "Asia/Seoul"
    assert [one["name"] for one in plan["campaigns"]] == [DIGEST["name"], EVENING["name"]]  # judged beside it


def test_the_line_is_not_lost_under_what_was_received_and_the_cut_is_said(site: Site) -> None:
    """A line of 700 calls a second, and 40,000 came: cut off above four times the line, in both drawings."""
    site.measured(low_rps=1_000.0)
    one = site.add(DIGEST)
    _counted(site, 5, 40_000)
    site.now = BEGIN + timedelta(minutes=5, seconds=5)
    page = site.signed_in().get(f"/campaigns/{one.id}").text
    live = page[page.index('id="now"') :]
    live = live[: live.index("</figure>")]
    assert 'class="plot-title">cut off: up to 40,001<' in live
    assert [svg.count('class="series cut"') > 0 for svg in re.findall(r"<svg.*?</svg>", live, re.DOTALL)][
        :2
    ] == [True] * 2
    marks = [int(mark.replace(",", "")) for mark in re.findall(r"<text[^>]*>([\d,]+)</text>", live)]
    assert max(marks) == 5_000


def test_a_send_that_goes_as_forecast_says_that_there_is_nothing_to_do(site: Site) -> None:
    page = _text(_during(site, 5, LIKELY_RPS))
    assert "The send, now" in page
    assert "As forecast." in page
    assert "Nothing to do." in page


def test_a_send_with_too_few_calls_is_no_danger_but_ends_later(site: Site) -> None:
    assert "Fewer calls than forecast." in _text(_during(site, 5, 100))


def test_of_a_running_campaign_only_stopping_and_duplicating_is_ever_advised(site: Site) -> None:
    page = _text(_during(site, 5, 16_000))
    assert "More calls than the service is guaranteed to answer." in page
    assert "Do not edit the running campaign: members could get the mail twice." in page
    steps = ["Stop the campaign in Braze.", "Duplicate it.", "leave out everybody who received the original"]
    places = [page.index(step) for step in [*steps, "Set its delivery-speed limit to 25,000 a minute"]]
    assert places == sorted(places)
    assert "Lower the delivery-speed limit of the Canvas" not in page


def test_of_a_canvas_the_new_limit_is_advised(site: Site) -> None:
    page = _text(_during(site, 5, 16_000, {**DIGEST, "kind": "canvas_step"}))
    assert "Lower the delivery-speed limit of the Canvas to 25,000 a minute." in page
    assert "half a minute" in page
    assert "Duplicate it." not in page


def test_a_new_limit_leaves_room_for_what_else_is_sent_meanwhile(site: Site) -> None:
    site.add({**DIGEST, "name": "beside", "finish_by": None}, key="beside")
    page = _text(_during(site, 5, 16_000, {**DIGEST, "kind": "canvas_step"}))
    assert "Lower the delivery-speed limit of the Canvas to 10,000 a minute." in page


def test_where_no_load_test_holds_no_new_limit_is_named(site: Site) -> None:
    with site.engine.begin() as connection:
        connection.execute(
            text("UPDATE connected_jobs.workspace SET definition = :new"),
            {"new": '{"time_zone": "Asia/Seoul", "judging": {"evidence_max_age_days": 1}}'},
        )
    page = _text(_during(site, 5, 16_000, {**DIGEST, "kind": "canvas_step"}))
    assert "as far as Braze lets you" in page


def test_the_running_send_is_fetched_again_by_itself(site: Site) -> None:
    page = _during(site, 5, LIKELY_RPS)
    part = re.search(r'data-renews="([^"]+)" data-every="10"', page)
    assert part
    answer = site.signed_in().get(part[1], headers={"X-Fragment": "1"})
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "As forecast." in answer.text


def test_after_the_send_forecast_and_what_came_stand_side_by_side(site: Site) -> None:
    site.measured(low_rps=20_000.0)
    one = site.add(DIGEST)
    _counted(site, 24, LIKELY_RPS, degraded=16)
    site.now = BEGIN + timedelta(hours=3)
    browser = site.signed_in()
    path = f"/campaigns/{one.id}"
    before = _text(browser.get(path).text)
    assert "The send: forecast and actual" in before
    assert "Answered from a poorer source 0.9%" in before
    assert browser.post(f"{path}/sent", {"send": "2026-11-23", "sent": "120만"}, page=path).status_code == 303
    after = browser.get(path).text
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th>((?:<td>[^<]*</td>){3})</tr>', after))
    cells = {name: re.findall(r"<td>([^<]*)</td>", row) for name, row in rows.items()}
    assert cells["Recipients"][:3] == ["1,200,000", "1,200,000", "0%"]
    assert cells["Calls per recipient"][:2] == ["2", "2.03"]
    assert f"Entered by {OPERATOR}." in _text(after)


@pytest.mark.parametrize("sent", ["", "0", "-3", "many", "1.5", "999999999999"])
def test_a_count_of_messages_that_is_none_is_said_beside_the_field(site: Site, sent: str) -> None:
    one = site.add(DIGEST)
    _counted(site, 2, 500)
    site.now = BEGIN + timedelta(hours=3)
    path = f"/campaigns/{one.id}"
    answer = site.signed_in().post(f"{path}/sent", {"send": "2026-11-23", "sent": sent}, page=path)
    assert answer.status_code == 400
    assert "Write a whole number" in answer.text
    assert site.register.sends("weekly-digest")[0].sent is None


def test_what_a_send_showed_is_what_the_next_one_goes_by_and_not_what_it_went_by_itself(site: Site) -> None:
    one = site.add(DIGEST)
    _counted(site, 24, LIKELY_RPS)
    site.register.enter_sent("weekly-digest", "2026-11-23", 1_200_000, by=OPERATOR)
    site.now = BEGIN + timedelta(hours=3)
    following = site.add(
        {**DIGEST, "name": "다음 주", "at": "2026-11-30T09:00:00", "finish_by": "2026-11-30T12:00:00"}
    )
    browser = site.signed_in()
    assert "assumed: nobody knows better yet" in browser.get(f"/campaigns/{one.id}").text
    page = _text(browser.get(f"/campaigns/{following.id}").text)
    assert "Calls per recipient 2.03 measured on Mon 23 Nov" in page


def test_a_running_send_tells_its_share_and_when_it_ends_and_no_error_against_the_whole(site: Site) -> None:
    page = _during(site, 6, LIKELY_RPS)
    told = _text(page)
    assert re.search(r"Sent so far 2\d% of 1,200,000 members", told), told
    assert re.search(r"Expected end 09:2\d at the pace of the last minutes", told), told
    assert "Recipients 1,200,000" in told
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th>((?:<td>[^<]*</td>){3})</tr>', page))
    assert rows["Recipients"].endswith("<td>–</td>")
    assert rows["Calls"].endswith("<td>–</td>")


def test_a_send_that_was_sent_is_refused_by_nobody_any_more(site: Site) -> None:
    page = _during(site, 24, LIKELY_RPS)
    assert "The start has passed." not in page.split("The send, now")[1].split("Recipients")[0]
    assert 'class="mark no_go"' not in page
    assert "As it was planned" in page
    assert "Before you press send" not in page


def test_the_advice_is_taken_over_in_one_click_and_stays_said_when_the_page_is_opened_again(
    site: Site,
) -> None:
    site.measured(low_rps=9_000.0)
    one = site.add(DIGEST)
    browser, path = site.signed_in(), f"/campaigns/{one.id}"
    page = browser.get(path).text
    assert 'class="mark go_if"' in page
    typed = {"version": str(one.version), "limit_per_min": "10000"}
    answer = browser.post(f"{path}/advice", typed, page=path)
    assert (answer.status_code, answer.location) == (303, f"{path}?done=advised")
    for _opened in range(2):
        after = browser.get(answer.location).text
        assert "The advice is taken over." in after
        assert 'class="mark go"' in after
        assert "/advice" not in after
    kept = site.register.campaign(one.id)
    assert kept is not None
    assert (kept.definition["limit_per_min"], kept.updated_by) == (10_000, OPERATOR)
    assert {**kept.definition, "limit_per_min": 0} == {**one.definition, "limit_per_min": 0}


def test_of_a_send_that_is_only_too_late_the_later_end_is_taken_over_too(site: Site) -> None:
    site.measured(low_rps=9_000.0)
    one = site.add({**DIGEST, "finish_by": "2026-11-23T09:20:00"})
    browser, path = site.signed_in(), f"/campaigns/{one.id}"
    assert "Save at the advised speed, with the later end" in browser.get(path).text
    browser.post(f"{path}/advice", {"version": "1", "limit_per_min": "25000"}, page=path)
    kept = site.register.campaign(one.id)
    assert kept is not None
    assert (kept.definition["limit_per_min"], kept.definition["finish_by"]) == (25_000, "2026-11-23T09:48:00")
    assert 'class="mark go"' in browser.get(path).text


@pytest.mark.parametrize(
    "shown", [{"limit_per_min": "25000"}, {"version": "7"}, {"limit_per_min": "x"}, {"version": ""}]
)
def test_an_advice_that_is_another_one_by_now_changes_nothing(site: Site, shown: Mapping[str, str]) -> None:
    site.measured(low_rps=9_000.0)
    one = site.add(DIGEST)
    browser, path = site.signed_in(), f"/campaigns/{one.id}"
    typed = {"version": "1", "limit_per_min": "10000", **shown}
    answer = browser.post(f"{path}/advice", typed, page=path)
    assert answer.location == f"{path}?done=advice_changed"
    assert "Look at it once more." in browser.get(answer.location).text
    kept = site.register.campaign(one.id)
    assert kept is not None
    assert kept.version == one.version


def test_nothing_is_shown_as_all_or_nothing_that_was_not_measured(site: Site) -> None:
    one = site.add(DIGEST)
    page = _text(site.signed_in().get(f"/campaigns/{one.id}").text)
    for label in (
        "Personalised",
        "Retries, aborted",
        "Worst minute's failures",
        "Delivery-speed limit",
        "Ends",
    ):
        assert f"{label} –" in page, label
    assert "100%" not in page
    assert "Delivery-speed limit in Braze is" not in page


def test_a_verdict_that_counts_on_others_being_sent_as_advised_says_so(site: Site) -> None:
    site.measured(low_rps=400.0)
    own = site.add({**DIGEST, "audience": 20_000, "limit_per_min": 500})
    browser = site.signed_in()
    assert "counts on the other sends" not in browser.get(f"/campaigns/{own.id}").text
    rash = {"name": "한꺼번에", "kind": "at_once", "audience": 60_000, "at": DIGEST["at"]}
    site.add(rash, key="rash")
    page = browser.get(f"/campaigns/{own.id}").text
    assert 'class="verdict go"' in page
    assert "This counts on the other sends going at their advised speeds." in page
    assert "As planned (500 a minute)" in page
    assert "If the others go as planned, too" in page
