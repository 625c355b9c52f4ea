"""A marketer's path in a real browser, from a fresh planner to a printed report, in both languages and both widths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.pages_server import served
from tests.browser.windows import needs_a_browser, opened
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.pages.site import DIGEST, EVENING, OPERATOR, Site, previews, site_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

COMMAND = "make loadtest DEMO=21000"
LINE = {"ko": "120만, 월요일 9시", "en": "1.2m, Monday 9:00"}
SAYS = {
    "unmeasured": {"ko": "아직 부하 테스트 결과가 없습니다.", "en": "Nothing has been measured yet."},
    "ask": {"ko": "보내도 될까요?", "en": "May I send?"},
    "verdict": {
        "ko": "보내도 됩니다. 발송 속도를 분당 5,000건으로 설정하세요. 분당 500건에서 5,000건 사이가 안전합니다. 13:00에 끝납니다.",
        "en": "Yes, send it. Set the delivery speed at 5,000 messages a minute. 500 to 5,000 messages a minute are safe. It ends at 13:00.",
    },
    "collides": {"ko": "겹치는 발송", "en": "What it collides with"},
    "save": {"ko": "권장 속도로 등록", "en": "Save at the advised speed"},
    "saved": {"ko": "캠페인을 등록했습니다.", "en": "The campaign is on record."},
    "report": {
        "ko": "보내도 됩니다. 발송 속도는 계획한 분당 5,000건 그대로 두세요.",
        "en": "Yes, send it. Keep the delivery speed at 5,000",
    },
}

pytestmark = needs_a_browser


@pytest.fixture
def site(server_url: str, template: str) -> Iterator[Site]:
    """A demo that was just started: sends of next week, and no load test."""
    name = _create(server_url, "cj_path", template)
    with site_on(_url_of(server_url, name), previews=previews(), loadtest_command=COMMAND) as site:
        site.add({**DIGEST, "limit_per_min": 25_000})
        site.add(EVENING, key="closing-soon")
        yield site
    _drop(server_url, name)


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with served(site.app) as address:
        yield address


@pytest.mark.parametrize(("language", "width"), [("ko", "desktop"), ("en", "phone")])
def test_a_marketer_gets_from_a_fresh_planner_to_a_printed_report(
    browser: Browser, address: str, site: Site, language: str, width: str, tmp_path: Path
) -> None:
    def says(what: str) -> str:
        return SAYS[what][language]

    with opened(browser, address, None, language=language, width=width) as window:
        page = window.page
        window.open("/")
        page.fill("[name=name]", OPERATOR)
        page.fill("[name=secret]", site.secrets[OPERATOR])
        page.click("main button")

        # What to do first: next week's sends, and the load test to run here.
        assert page.locator(".week .send").count() == 2
        assert says("unmeasured") in page.locator(".measure").inner_text()
        assert page.locator("#measure").inner_text() == COMMAND
        window.hold_to(f"path-1-first-{language}")
        site.measured(low_rps=9_000.0)
        window.open("/evidence")
        window.hold_to(f"path-2-load-test-{language}")

        # The question as one says it; where the digest is sent already.
        page.get_by_role("navigation").get_by_role("link", name=says("ask")).click()
        page.fill("#say", LINE[language])
        page.keyboard.press("Enter")
        page.wait_for_selector(".verdict.go_if")
        assert window.sentence() == says("verdict")
        assert page.locator("[name=audience]").first.input_value() == "1,200,000"
        assert page.get_by_role("heading", name=says("collides")).is_visible()
        window.hold_to(f"path-3-answer-{language}")

        # The advice, on record in one click and a name.
        page.get_by_role("link", name=says("save"), exact=True).click()
        page.fill("[name=name]", "월요일 추천")
        page.fill("[name=key]", "monday")
        window.hold_to(f"path-4-form-{language}")
        page.click("form.columns button.main")
        page.wait_for_url(re.compile(r"/campaigns/3\?done=added$"))
        page.locator(".checklist input").first.check()
        page.reload()
        assert page.locator(".done").inner_text() == says("saved")
        assert page.locator(".checklist input").first.is_checked()
        assert says("report") in window.sentence()
        window.hold_to(f"path-5-report-{language}")
        window.open("/")
        assert page.locator(".week .mark.go").count() == 3
        window.hold_to(f"path-6-calendar-{language}")

        # On one sheet of paper, in the reader's language.
        page.go_back()
        sheet = tmp_path / "report.pdf"
        page.pdf(path=sheet, prefer_css_page_size=True, print_background=True)
        assert len(re.findall(rb"/Type\s*/Page\b", sheet.read_bytes())) == 1
