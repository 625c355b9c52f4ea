"""The planner's pages in a real browser: signing in, asking with sliders, both languages, phone and desktop, print."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.capacity.register.campaigns import read_draft
from app.capacity.register.in_braze import ScheduledSend, TemplateFinding
from app.postgres.planning.in_braze import fill_register
from tests.browser.windows import LOOKED_THROUGH_AT, SCREENSHOTS, needs_a_browser, opened
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.pages.site import DIGEST, EVENING, OPERATOR, Site, previews, site_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, StorageState

ASKED = "/ask?audience=1200000&kind=rate_limited&at=2026-11-25T09:00&finish_by=2026-11-25T10:00&limit_per_min=50000"
PAGES = {
    "calendar": "/?day=2026-11-23",
    "empty-week": "/?day=2026-12-10",
    "ask-empty": "/ask",
    "ask": ASKED,
    "ask-wrong": "/ask?audience=many",
    "report": "/campaigns/1",
    "report-no-go": "/campaigns/4",
    "report-after": "/campaigns/5",
    "report-in-braze": "/campaigns/6",
    "unfinished": "/campaigns/7",
    "unfinished-edit": "/campaigns/7/edit",
    "unfinished-week": "/?day=2026-11-30",
    "unfinished-month": "/month?month=2026-12",
    "unfinished-list": "/campaigns?when=all",
    "edit": "/campaigns/1/edit",
    "history": "/campaigns/1/changes",
    "remove": "/campaigns/1/remove",
    "evidence": "/evidence",
    "load-test": "/evidence/loadtest-20261118-0130",
    "preview": "/preview?member=m-1&campaign=1",
    "not-found": "/nowhere",
}
pytestmark = needs_a_browser


@pytest.fixture(scope="module")
def site(server_url: str, template: str) -> Iterator[Site]:
    """The pages with a week of campaigns: two that collide, one GO, one NO-GO, and last week's, which was sent."""
    name = _create(server_url, "cj_browser", template)
    with site_on(_url_of(server_url, name), previews=previews()) as site:
        site.measured(low_rps=9_000.0)
        site.add(DIGEST)
        site.add(
            {
                **DIGEST,
                "name": "공채 알림",
                "audience": 900_000,
                "at": "2026-11-23T09:10",
                "limit_per_min": 25_000,
            },
            key="open",
        )
        site.add(EVENING, key="closing-soon")
        urgent = {
            "name": "긴급 전체 공지",
            "audience": 3_000_000,
            "at": "2026-11-26T09:00",
            "limit_per_min": 250_000,
            "finish_by": "2026-11-26T09:20",
        }
        site.add({**DIGEST, **urgent}, key="urgent")
        last = {
            "name": "지난주 추천 메일",
            "audience": 100_000,
            "at": "2026-11-13T09:00",
            "limit_per_min": 10_000,
            "finish_by": "2026-11-13T10:00",
        }
        site.add({**DIGEST, **last}, key="last-week")
        begin = datetime(2026, 11, 13, 0, 0, tzinfo=UTC)
        calls = [(begin + timedelta(seconds=second), 640 - 10 * (second % 60)) for second in range(600)]
        site.counted("last-week", "2026-11-13", calls, degraded=2)
        site.register.enter_sent("last-week", "2026-11-13", 100_400, by=OPERATOR)
        _fill_from_braze(site)
        yield site
    _drop(server_url, name)


def _fill_from_braze(site: Site) -> None:
    """Campaign 6 is Braze's and finished, with faults of its template; 7 waits for somebody."""
    digest = {**DIGEST, "name": "신입 공채 추천", "audience": 40_000, "at": "2026-11-30T09:00"}
    draft = {"key": "new-hires", "owner": "CRM", "braze_campaign_id": "b-6", "definition": digest}
    del digest["finish_by"]
    site.register.add(read_draft(draft), by=OPERATOR)
    at = "2026-12-01T09:00:00+09:00"
    faults = tuple(
        TemplateFinding(code=code, numbers={"message": "Variant 1", "part": "body", "times": 2})
        for code in ("template_no_member", "template_extras_count")
    )
    sends = [
        ScheduledSend(
            id=f"b-{number}",
            name=f"주간 추천 {number}",
            kind="campaign",
            at=at,
            schedule="Asia/Seoul",
            tags=("추천", "weekly"),
            key="new-hires",
            findings=faults,
        )
        for number in (6, 7)
    ]
    fill_register(
        site.engine,
        sends,
        listed={"b-6", "b-7"},
        until=datetime(2026, 12, 20, tzinfo=UTC),
        now=site.now,
        by="cron",
    )


@pytest.mark.parametrize(("language", "width"), LOOKED_THROUGH_AT.items())
def test_every_page_fits_its_window_keeps_its_policy_and_is_open_to_everybody(
    browser: Browser, address: str, cookies: StorageState, language: str, width: str
) -> None:
    for seen_by, pages in ((None, {"sign-in": "/sign-in"}), (cookies, PAGES)):
        with opened(browser, address, seen_by, language=language, width=width) as window:
            for name, path in pages.items():
                window.open(path)
                assert window.page.locator("html").get_attribute("lang") == language
                window.hold_to(f"{name}-{language}")


def test_dark_pages_are_dark_and_as_easy_to_read(
    browser: Browser, address: str, cookies: StorageState
) -> None:
    with opened(browser, address, cookies, language="ko") as window:
        window.page.emulate_media(color_scheme="dark")
        for name in ("calendar", "ask", "report-no-go"):
            window.open(PAGES[name])
            window.keep(f"{name}-ko-dark")
            background = window.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert background == "rgb(19, 21, 24)"
            assert window.serious() == [], name


def test_a_send_is_planned_with_the_sliders_and_put_on_record(
    browser: Browser, address: str, cookies: StorageState, site: Site
) -> None:
    with opened(browser, address, cookies, language="ko") as window:
        page = window.page
        window.open("/")
        page.get_by_role("link", name="보내도 될까요?").first.click()
        page.get_by_role("textbox", name="발송 대상").fill("120만")
        page.locator("[name=at]").fill("2026-11-25T09:00")
        page.locator("[name=limit_per_min]").fill("25000")
        page.wait_for_selector(".verdict.go")
        assert (
            window.sentence()
            == "보내도 됩니다. 발송 속도는 계획한 분당 25,000건 그대로 두세요. 09:48에 끝납니다."
        )
        assert page.locator("[data-spoken]").text_content() == window.sentence()

        curve = page.locator("svg.chart.wide").inner_html()
        end = page.locator("[name=slide_end]")
        end.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")  # half an hour
        page.wait_for_selector(".verdict.no_go")
        assert page.locator("[name=finish_by]").input_value() == "2026-11-25T09:30"
        assert end.get_attribute("aria-valuetext") == "09:30"
        assert "finish_by=2026-11-25T09%3A30" in page.url, "the address holds the question"
        calls = page.locator("[name=slide_calls]")
        calls.focus()
        page.keyboard.press("ArrowRight")  # one a mail: it may go faster
        page.wait_for_selector(".verdict.go_if")
        assert page.locator("[name=calls][value='1']").is_checked()
        assert (
            window.sentence()
            == "보내도 됩니다. 발송 속도를 분당 50,000건으로 설정하세요. 안전한 속도는 이것뿐입니다. 09:24에 끝납니다."
        )
        assert page.locator("div.plot").count() == 2, "as planned and as advised"
        assert page.locator("svg.chart.wide").first.inner_html() != curve

        page.get_by_role("button", name="Braze용으로 복사").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert "50,000" in copied

        page.locator("[name=audience]").first.fill("abc")
        page.wait_for_selector("#audience-wrong")
        page.locator("[name=audience]").first.fill("120만")
        page.wait_for_selector(".verdict.go_if")
        assert page.locator("#audience-wrong").count() == 0
        page.get_by_role("link", name="권장 속도로 등록").click()
        page.get_by_label("이름", exact=True).fill("브라우저에서 만든 발송")
        page.get_by_label("URL에 쓰는 이름").fill("from-browser")
        page.get_by_role("button", name="저장").click()
        page.wait_for_url(re.compile(r"/campaigns/\d+\?done=added$"))
        assert page.get_by_role("heading", level=1).inner_text() == "브라우저에서 만든 발송"
        added = site.register.campaigns()[-1]
        assert (added.key, added.owner) == ("from-browser", OPERATOR)
        assert added.definition["limit_per_min"] == 50_000
        site.register.remove(added.id, version=added.version, by=OPERATOR)


def test_an_answer_that_does_not_come_is_said_and_the_next_one_takes_its_place(
    browser: Browser, address: str, cookies: StorageState
) -> None:
    with opened(browser, address, cookies, language="en") as window:
        page = window.page
        window.open(ASKED)
        page.route("**/ask/answer?*", lambda route: route.fulfill(status=500, body="broken"))
        page.locator("[name=audience]").first.fill("5m")
        page.wait_for_selector("[data-failed]:visible")
        assert page.locator("[data-answer]").get_attribute("aria-busy") == "false"
        page.unroute("**/ask/answer?*")
        page.locator("[name=audience]").first.fill("4m")
        page.wait_for_selector(".verdict.no_go")
        assert page.locator("[data-failed]").is_hidden()
        window.complaints = [one for one in window.complaints if "500" not in one]


def test_without_a_script_one_button_asks_and_nothing_is_missing(
    browser: Browser, address: str, cookies: StorageState
) -> None:
    with opened(browser, address, cookies, language="en", script=False) as window:
        page = window.page
        window.open("/ask")
        page.locator("[name=audience]").first.fill("1.2m")
        page.locator("[name=at]").fill("2026-11-25T09:00")
        page.get_by_role("button", name="Ask").last.click()
        assert "go_if" in (page.locator(".verdict").get_attribute("class") or "")
        page.locator("[name=slide_calls]").focus()
        page.keyboard.press("ArrowRight")
        page.get_by_role("button", name="Answer again").click()
        assert page.locator("[name=calls][value='1']").is_checked()
        assert "50,000 messages a minute" in window.sentence()
        assert page.get_by_role("button", name="Copy for Braze").is_hidden()


def test_the_language_changes_on_the_spot_and_stays(
    browser: Browser, address: str, cookies: StorageState
) -> None:
    with opened(browser, address, cookies, language="ko") as window:
        window.open("/campaigns/1")
        window.page.get_by_role("link", name="English").click()
        assert window.page.url == f"{address}/campaigns/1"
        assert window.page.locator("html").get_attribute("lang") == "en"
        window.open("/evidence")
        assert window.page.get_by_role("heading", level=1).inner_text() == "Load tests"


@pytest.mark.parametrize("name", ["report", "report-no-go", "report-after"])
def test_a_report_prints_on_one_sheet_of_a4(
    browser: Browser, address: str, cookies: StorageState, tmp_path: Path, name: str
) -> None:
    with opened(browser, address, cookies, language="ko") as window:
        window.open(PAGES[name])
        sheet = tmp_path / "report.pdf"
        window.page.pdf(path=sheet, prefer_css_page_size=True, print_background=True)
        printed = sheet.read_bytes()
        if SCREENSHOTS:
            shutil.copy(sheet, Path(SCREENSHOTS) / f"{name}.pdf")
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
        assert re.search(rb"/MediaBox\s*\[0 0 59[45](\.\d+)? 84[12](\.\d+)?\]", printed)


def test_the_mail_of_a_preview_is_seen_in_its_frame_and_can_do_nothing(
    browser: Browser, address: str, cookies: StorageState
) -> None:
    with opened(browser, address, cookies, language="ko") as window:
        window.open(PAGES["preview"])
        mail = window.page.frame_locator("iframe.mail.light")
        assert mail.get_by_role("heading", level=1).inner_text() == "회원님을 위한 추천 공고"
        colour = mail.locator("body").evaluate("(body) => getComputedStyle(body).backgroundColor")
        assert colour == "rgb(242, 244, 247)", "its own styles hold under its own policy"
        assert mail.locator("body").evaluate("() => self.origin") == "null"


def test_everything_is_reached_from_the_keyboard(
    browser: Browser, address: str, cookies: StorageState
) -> None:
    with opened(browser, address, cookies, language="en") as window:
        window.open(ASKED)
        page = window.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        page.keyboard.press("Enter")
        reached = []
        for _ in range(50):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.name || document.activeElement.tagName"))
            outline = page.evaluate(
                "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement.nextElementSibling || document.body).outlineStyle"
            )
            assert "solid" in outline or "auto" in outline, reached[-1]
            if reached[-1] == "slide_servers":
                break
        assert {
            "audience",
            "kind",
            "at",
            "finish_by",
            "limit_per_min",
            "calls",
            "slide_end",
            "BUTTON",
            "SUMMARY",
        } <= set(reached)
