"""Fixtures: one browser for all, and the pages of a file's `site` in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.pages_server import served
from tests.browser.windows import launched, signed_in
from tests.web.pages.site import OPERATOR, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, StorageState


@pytest.fixture(scope="package")  # a session's would keep its event loop running beside other folders' tests
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    """Where the pages are served."""
    with served(site.app) as address:
        yield address


@pytest.fixture(scope="module")
def cookies(browser: Browser, address: str, site: Site) -> StorageState:
    """What a browser keeps of somebody who has signed in and picked no language."""
    return signed_in(browser, address, OPERATOR, site.secrets[OPERATOR])
