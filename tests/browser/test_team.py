"""A team in a real browser: who is signed in and may do what, the settings, a shared report; both widths and languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.credentials import Role
from tests.browser.test_pages import site
from tests.browser.windows import needs_a_browser, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.windows import Window
    from tests.web.pages.site import Site

__all__ = ["site"]

pytestmark = needs_a_browser


def sign_in(window: Window, site: Site, name: str, role: Role) -> None:
    """Sign in as somebody new of a role."""
    site.add_operator(name, role)
    window.open("/sign-in")
    window.page.fill("[name=name]", name)
    window.page.fill("[name=secret]", site.secrets[name])
    window.page.click("main button")


def test_settings_are_changed_a_report_is_shared_and_read_by_somebody_without_an_account(
    browser: Browser, address: str, site: Site
) -> None:
    with opened(browser, address, None, language="ko") as window:
        page = window.page
        sign_in(window, site, "이관리", Role.ADMINISTER)
        assert "이관리 · 관리자" in page.locator(".signed-in").inner_text()
        page.get_by_role("link", name="설정").click()
        page.get_by_label("다른 트래픽(초당 호출)").fill(
            ", ".join(str(40 * (hour % 12)) for hour in range(24))
        )
        page.get_by_label("워크스페이스 발송 한도(분당 건수)").fill("300,000")
        page.get_by_role("button", name="저장").click()
        assert "이관리" in page.locator("section.card").first.inner_text()
        window.hold_to("settings-ko")
        page.get_by_label("다른 트래픽(초당 호출)").fill("1, 2, 3")
        page.get_by_role("button", name="저장").click()
        assert page.locator("#base_load_rps-wrong").count() == 1
        window.hold_to("settings-wrong-ko")
        window.complaints = [one for one in window.complaints if "400" not in one]

        window.open("/campaigns/1")
        window.hold_to("report-base-load-ko")
        page.get_by_role("link", name="공유").click()
        page.get_by_role("button", name="링크 만들기").click()
        window.hold_to("shares-ko")
        link = page.locator("#link").inner_text()
    with opened(browser, address, None, language="en") as window:
        window.page.goto(link)
        assert window.page.locator("h1").inner_text() == "주간 추천 메일"
        assert window.page.locator("nav, form, .signed-in").count() == 0
        window.hold_to("shared-en")
        window.page.goto(link[:-1])
        window.hold_to("shared-not-en")
        window.complaints = [one for one in window.complaints if "404" not in one]


def test_who_may_look_sees_everything_and_nothing_to_change(
    browser: Browser, address: str, site: Site
) -> None:
    with opened(browser, address, None, language="en") as window:
        page = window.page
        sign_in(window, site, "Lee Look", Role.LOOK)
        assert "Lee Look · may look" in page.locator(".signed-in").inner_text()
        for name, path in (
            ("settings", "/settings"),
            ("calendar", "/?day=2026-11-23"),
            ("report", "/campaigns/1"),
        ):
            window.open(path)
            assert page.locator("main form[method=post]").count() == 0
            window.hold_to(f"look-{name}-en")
        window.open("/campaigns/1/edit")
        assert page.locator("h1").inner_text() == "Your role does not allow this"
        window.hold_to("look-refused-en")
        window.complaints = [one for one in window.complaints if "403" not in one]
        page.get_by_role("button", name="Sign out").click()
        window.open("/")
        assert "/sign-in" in page.url
