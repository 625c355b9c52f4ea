"""The pages of results in a real browser: both languages, phone and desktop, dark, print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.windows import LOOKED_THROUGH_AT, SCREENSHOTS, needs_a_browser, opened
from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.pages.site import Site, site_on
from tests.web.worked_results import put_results

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, StorageState

PAGES = {
    "results": "/results?base=3&lift=10",
    "results-withheld": "/results/experiments/broken-split",
    "results-campaign": "/results/campaigns/weekly-digest",
    "results-experiment": "/results/experiments/learning-on",
}

pytestmark = needs_a_browser


@pytest.fixture(scope="module")
def site(server_url: str, template: str) -> Iterator[Site]:
    """The pages with results counted."""
    name = _create(server_url, "cj_results_pages", template)
    with site_on(_url_of(server_url, name)) as site:
        put_results(site.engine)
        yield site
    _drop(server_url, name)


@pytest.mark.parametrize(("language", "width"), LOOKED_THROUGH_AT.items())
def test_every_page_of_results_fits_its_window_and_is_open_to_everybody(
    browser: Browser, address: str, cookies: StorageState, language: str, width: str
) -> None:
    with opened(browser, address, cookies, language=language, width=width) as window:
        for name, path in PAGES.items():
            window.open(path)
            window.hold_to(f"{name}-{language}")
        assert window.page.locator("nav [aria-current]").inner_text() in {"결과", "Results"}
        shown = [chart.is_visible() for chart in window.page.locator("svg.chart").all()]
        assert shown == [width == "desktop", width == "phone"]


def test_an_experiment_is_as_easy_to_read_in_the_dark_and_prints_on_one_sheet(
    browser: Browser, address: str, cookies: StorageState
) -> None:
    with opened(browser, address, cookies, language="ko") as window:
        window.page.emulate_media(color_scheme="dark")
        window.open(PAGES["results-experiment"])
        window.keep("results-experiment-ko-dark")
        assert window.serious() == []
        path = f"{SCREENSHOTS}/results.pdf" if SCREENSHOTS else None
        printed = window.page.pdf(prefer_css_page_size=True, path=path)
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
