"""The calendar's month and list in a real browser: a weekly series from its form to its end, both languages, phone and desktop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.windows import LOOKED_THROUGH_AT, OVERFLOWING, Window, needs_a_browser, opened
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.pages.site import DIGEST, EVENING, Site, previews, site_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, StorageState

PAGES = {
    "week": "/?day=2026-11-23",
    "month": "/month?month=2026-11",
    "month-next": "/month?month=2026-12",
    "month-empty": "/month?month=2027-08",
    "list": "/campaigns",
    "list-all": "/campaigns?when=all",
    "list-page-two": "/campaigns?when=all&page=2",
    "list-nothing": "/campaigns?q=%EC%97%86%EB%8A%94+%EA%B2%83",
    "series-report": "/campaigns/1",
    "series-edit": "/campaigns/2/edit",
    "series-remove": "/campaigns/2/remove",
    "duplicate": "/campaigns/1/duplicate",
    "night": "/campaigns/8",
}

pytestmark = needs_a_browser


@pytest.fixture(scope="module")
def site(server_url: str, template: str) -> Iterator[Site]:
    """Two months of sends: a weekly series, sends of many days, two that collide, one into the night, many that are over."""
    name = _create(server_url, "cj_browser_calendar", template)
    with site_on(_url_of(server_url, name), previews=previews()) as site:
        site.measured(low_rps=9_000.0)
        site.add({**DIGEST, "repeat_weekly_until": "2026-12-28"})
        late = {"name": "연말 결산 안내", "at": "2026-11-24T20:00", "audience": 900_000}
        site.add(
            {
                **EVENING,
                "name": "공채 알림",
                "at": "2026-11-23T09:10",
                "audience": 900_000,
                "limit_per_min": 25_000,
            },
            key="open",
        )
        site.add({**EVENING, **late}, key="year-end")
        for place in range(60):
            one = {
                "name": f"{['마감 임박 공고', '신입 공채 소식', '커리어 레터', '지역 추천'][place % 4]} {place + 1}",
                "at": f"2026-{9 + place // 20:02}-{1 + place % 20:02}T{9 + place % 9:02}:00",
                "audience": 20_000 + 1_000 * place,
            }
            site.add({**EVENING, **one}, key=f"letter-{place % 4}")
        site.add({**EVENING, "at": "2026-11-25T19:00"}, key="closing-soon")
        yield site
    _drop(server_url, name)


@pytest.fixture(params=["ko", "en"])
def window(
    request: pytest.FixtureRequest, browser: Browser, address: str, cookies: StorageState
) -> Iterator[Window]:
    with opened(browser, address, cookies, language=request.param) as window:
        yield window


def test_the_calendars_pages_fit_keep_their_policy_and_are_open_to_everybody(window: Window) -> None:
    language = ""
    for name, path in PAGES.items():
        window.open(path)
        language = language or window.page.locator("html").get_attribute("lang") or ""
        window.hold_to(f"desk-{name}-{language}", first=LOOKED_THROUGH_AT[language])


def test_arrow_keys_go_from_day_to_day_and_out_of_the_month(window: Window) -> None:
    window.open("/month?month=2026-11")
    page = window.page
    focused = "document.activeElement.getAttribute('href')"
    page.locator(".date[href='/?day=2026-11-23']").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "/?day=2026-11-24"
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == "/?day=2026-12-01"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(focused) == "/?day=2026-11-23"
    page.keyboard.press("Enter")
    page.wait_for_url("**/?day=2026-11-23")
    window.open("/month?month=2026-11")
    page.locator(".date[href='/?day=2026-12-05']").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == "/month?month=2026-12"


def test_a_phone_shows_days_that_are_over_where_they_are_asked_for(
    browser: Browser, address: str, cookies: StorageState
) -> None:
    with opened(browser, address, cookies, language="ko", width="phone") as window:
        window.open("/month?month=2026-11")
        over = window.page.locator(".month td.past .send").first
        assert not over.is_visible()
        window.page.get_by_label("지난 날짜도 보기").check()
        assert over.is_visible()


def test_a_weekly_send_is_found_duplicated_repeated_moved_and_taken_off(
    browser: Browser, address: str, cookies: StorageState, site: Site
) -> None:
    """A marketer's walk, by what stands on the pages."""
    with opened(browser, address, cookies, language="ko") as window:
        page = window.page
        window.open("/")
        page.get_by_role("link", name="목록", exact=True).click()
        page.get_by_role("searchbox", name="검색").fill("공채 알림")
        page.get_by_role("button", name="검색").click()
        page.get_by_role("link", name="공채 알림 복제").click()
        assert page.locator("[name=at]").input_value() == "2026-11-30T09:10"
        page.get_by_label("이름", exact=True).fill("공채 알림 매주")
        page.get_by_label("매주 반복 종료일").fill("2026-12-21")
        page.get_by_role("button", name="저장").click()
        page.wait_for_url(re.compile(r"/campaigns/\d+\?"))
        assert page.get_by_role("heading", name="매주 반복: 발송 4건").is_visible()

        page.locator(".series").get_by_role("link", name="12월 7일 (월)").click()
        page.get_by_role("link", name="수정").click()
        page.locator("[name=at]").fill("2026-12-08T10:00")
        page.get_by_label("이 발송과 이후 2건").check()
        page.get_by_role("button", name="저장").click()
        page.wait_for_url(re.compile(r"/campaigns/\d+\?"))
        days = page.locator(".series li").all_inner_texts()
        assert days == ["11월 30일 (월)", "12월 8일 (화)", "12월 15일 (화)", "12월 22일 (화)"]

        window.open("/month?month=2026-12")
        assert (
            page.locator("td", has=page.locator("[href='/?day=2026-12-15']"))
            .get_by_text("10:00")
            .is_visible()
        )
        with page.expect_download() as download:
            page.get_by_role("link", name="캘린더용(iCal)").click()
        assert download.value.suggested_filename == "calendar-2026-12-01.ics"

        first = next(one for one in site.register.campaigns() if one.name == "공채 알림 매주")
        window.open(f"/campaigns/{first.id}/remove")
        page.get_by_label("이후 매주 발송 3건도 함께 삭제").check()
        page.get_by_role("button", name="삭제").click()
        page.wait_for_url("**/?done=removed")
        assert not [one for one in site.register.campaigns() if one.name.startswith("공채 알림 매주")]


def test_a_mail_is_seen_as_wide_as_a_phone_and_as_a_desktop(window: Window) -> None:
    window.open("/preview?member=m-1&campaign=1")
    page, language = window.page, window.page.locator("html").get_attribute("lang")
    frame = page.locator("iframe.mail.light")
    wide = frame.evaluate("(frame) => frame.clientWidth")
    window.keep(f"desk-preview-{language}-desktop")
    page.locator("[name=device][value=phone]").check()
    assert frame.evaluate("(frame) => frame.offsetWidth") == 375
    assert wide > 900
    window.keep(f"desk-preview-{language}-as-phone")
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate(OVERFLOWING) == []
    assert window.serious() == []
    assert "monospace" in page.locator("#liquid-html").evaluate("(area) => getComputedStyle(area).fontFamily")


def test_a_mail_is_seen_as_readers_of_dark_pages_see_it(window: Window) -> None:
    window.open("/preview?member=m-1&campaign=1")
    page = window.page
    colours = []
    for scheme in ("light", "dark"):
        page.locator("[name=dark]").set_checked(scheme == "dark")
        assert page.locator("iframe.mail:visible").count() == 1
        body = page.frame_locator(f"iframe.mail.{scheme}").locator("body")
        colours.append(body.evaluate("(body) => getComputedStyle(body).backgroundColor"))
    assert colours[0] == "rgb(242, 244, 247)"
    assert colours[1] != colours[0]
