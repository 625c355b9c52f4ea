"""The pages of syncs in a real browser: both languages, phone and desktop, dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.windows import LOOKED_THROUGH_AT, needs_a_browser, opened
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.pages.site import NOW, Site, site_on
from tests.web.worked_syncs import held, put_syncs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, StorageState

PAGES = {
    "syncs": "/syncs",
    "sync-members": "/syncs/members?member=m-000102",
    "sync-running": "/syncs/members-nightly",
    "sync-paused": "/syncs/postings",
    "sync-events": "/syncs/outcomes",
}

pytestmark = needs_a_browser


@pytest.fixture(scope="module")
def site(server_url: str, template: str) -> Iterator[Site]:
    """The pages with syncs in every state."""
    name = _create(server_url, "cj_sync_pages", template)
    with site_on(_url_of(server_url, name)) as site:
        put_syncs(site.engine, NOW)
        with held(site.engine):
            yield site
    _drop(server_url, name)


@pytest.mark.parametrize(("language", "width"), LOOKED_THROUGH_AT.items())
def test_every_page_of_syncs_fits_its_window_and_is_open_to_everybody(
    browser: Browser, address: str, cookies: StorageState, language: str, width: str
) -> None:
    with opened(browser, address, cookies, language=language, width=width) as window:
        for name, path in PAGES.items():
            window.open(path)
            window.hold_to(f"{name}-{language}")
        assert window.page.locator("nav [aria-current]").inner_text() in {"동기화", "Syncs"}


def test_syncs_are_as_easy_to_read_in_the_dark_and_paused_by_a_press(
    browser: Browser, address: str, cookies: StorageState
) -> None:
    with opened(browser, address, cookies, language="ko") as window:
        window.page.emulate_media(color_scheme="dark")
        window.open(PAGES["sync-members"])
        window.keep("sync-members-ko-dark")
        assert window.serious() == []
        window.page.get_by_role("button", name="일시 중지").click()
        assert window.page.locator("p.stands").inner_text().endswith("님이 일시 중지")
        window.page.get_by_role("button", name="다시 시작").click()
        window.page.get_by_role("button", name="일시 중지").wait_for()
