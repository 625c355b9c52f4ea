"""Windows of a real browser on the planner's pages, and what every page is held to in them.

Needs Debian's chromium-headless-shell, or its chromium, whose whole browser takes half as much time again. With
CONNECTED_JOBS_SCREENSHOTS=DIR pages are kept there as pictures to look at.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it ships no types
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, StorageState

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
SCREENSHOTS = os.environ.get("CONNECTED_JOBS_SCREENSHOTS")
WIDTHS_PX = {"phone": 390, "desktop": 1280}
LOOKED_THROUGH_AT = {
    "ko": "desktop",
    "en": "phone",
}  # the width at which axe-core looks through a page, by its language
SERIOUS = {"serious", "critical"}
# The right-most pixel any element paints, but for what scrolls by itself: wider than the window is sideways scrolling.
OVERFLOWING = """
() => [...document.querySelectorAll('body *')]
  .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1
    && !element.closest('.scroll, pre, nav, svg'))
  .map((element) => element.tagName + '.' + element.className)
"""

needs_a_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="needs chromium on PATH (apt-get install chromium-headless-shell)"
)


class Window:
    """A window, and all that the browser complained of in it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._mind)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "404" not in message.text:
            self.complaints.append(message.text)

    def _mind(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"asked elsewhere: {url}")

    def open(self, path: str) -> None:
        """Go to a page of ours."""
        self.page.goto(self.address + path)

    def sentence(self) -> str:
        """The verdict, as it stands there now."""
        return self.page.locator(".verdict .sentence").inner_text()

    def keep(self, name: str) -> None:
        """Keep a picture, where somebody wants one."""
        if SCREENSHOTS:
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)

    def hold_to(self, name: str, *, first: str | None = None) -> None:
        """The page is open to everybody, and in both widths nothing stands beside the window.

        axe-core looks through it at the width it has, or at `first`; the window ends as wide as it began.
        """
        shown = self.page.viewport_size
        if first is not None:
            self.resize(first)
        assert self.serious() == [], name
        for width in WIDTHS_PX:
            self.resize(width)
            self.keep(f"{name}-{width}")
            assert self.page.evaluate(OVERFLOWING) == [], (name, width)
        if shown is not None:
            self.page.set_viewport_size(shown)

    def resize(self, width: str) -> None:
        """Make the window as wide as a phone or a desktop."""
        self.page.set_viewport_size({"width": WIDTHS_PX[width], "height": 900})

    def serious(self) -> list[tuple[str, str]]:
        """What axe-core finds serious or critical: the rule, and the first element that breaks it.

        It does not look into frames: a mail's allows no script, axe-core's neither.
        """
        options = {"resultTypes": ["violations"], "iframes": False}
        found = Axe().run(self.page, options=options).response["violations"]
        return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS]


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser with an empty profile of its own, which asks nothing of anybody elsewhere."""
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser,
    address: str,
    cookies: StorageState | None,
    *,
    language: str,
    width: str = "desktop",
    script: bool = True,
) -> Iterator[Window]:
    """A window of somebody who reads a language; the browser complains of nothing in it."""
    context = browser.new_context(
        locale={"ko": "ko-KR", "en": "en-GB"}[language],
        viewport={"width": WIDTHS_PX[width], "height": 900},
        java_script_enabled=script,
        timezone_id="Asia/Seoul",
        storage_state=cookies,
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    window = Window(context.new_page(), address)
    yield window
    context.close()
    assert window.complaints == []


def signed_in(browser: Browser, address: str, name: str, secret: str) -> StorageState:
    """What a browser keeps of somebody who has signed in and picked no language."""
    with opened(browser, address, None, language="ko") as window:
        window.open("/sign-in")
        window.page.fill("[name=name]", name)
        window.page.fill("[name=secret]", secret)
        window.page.click("main button")
        assert not window.page.url.endswith("/sign-in")
        return window.page.context.storage_state()
