"""A team in a real browser: who is signed in and may do what, the settings, a shared report; both widths and languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.credentials import Role
from tests.browser.test_pages import (
    _OVERFLOWING,
    CHROMIUM,
    WIDTHS_PX,
    _serious,
    _window,
    address,
    browser,
    server_url,
    site,
    template,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.test_pages import Window
    from tests.web.pages.site import Site

__all__ = ["address", "browser", "server_url", "site", "template"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on PATH (apt-get install chromium)")


def look(window: Window, name: str) -> None:
    """The page in both widths: open to everybody, nothing beside the window; kept as a picture where wanted."""
    assert _serious(window.page) == [], name
    for width, pixels in WIDTHS_PX.items():
        window.page.set_viewport_size({"width": pixels, "height": 900})
        window.keep(f"{name}-{width}")
        assert window.page.evaluate(_OVERFLOWING) == [], (name, width)


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
    with _window(browser, address, None, language="ko") as window:
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
        look(window, "settings-ko")
        page.get_by_label("다른 트래픽(초당 호출)").fill("1, 2, 3")
        page.get_by_role("button", name="저장").click()
        assert page.locator("#base_load_rps-wrong").count() == 1
        look(window, "settings-wrong-ko")
        window.complaints = [one for one in window.complaints if "400" not in one]

        window.open("/campaigns/1")
        look(window, "report-base-load-ko")
        page.get_by_role("link", name="공유").click()
        page.get_by_role("button", name="링크 만들기").click()
        look(window, "shares-ko")
        link = page.locator("#link").inner_text()
    with _window(browser, address, None, language="en") as window:
        window.page.goto(link)
        assert window.page.locator("h1").inner_text() == "주간 추천 메일"
        assert window.page.locator("nav, form, .signed-in").count() == 0
        look(window, "shared-en")
        window.page.goto(link[:-1])
        look(window, "shared-not-en")
        window.complaints = [one for one in window.complaints if "404" not in one]


def test_who_may_look_sees_everything_and_nothing_to_change(
    browser: Browser, address: str, site: Site
) -> None:
    with _window(browser, address, None, language="en") as window:
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
            look(window, f"look-{name}-en")
        window.open("/campaigns/1/edit")
        assert page.locator("h1").inner_text() == "Your role does not allow this"
        look(window, "look-refused-en")
        window.complaints = [one for one in window.complaints if "403" not in one]
        page.get_by_role("button", name="Sign out").click()
        window.open("/")
        assert "/sign-in" in page.url
