"""Fixtures: the pages on a database of the test's own, and pages that no test changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres_fixtures import _create, _drop, _url_of
from tests.web.pages.site import DIGEST, EVENING, Browserlike, Site, previews, site_on

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    """The pages, with nothing on record."""
    with site_on(database_url, previews=previews()) as site:
        yield site


@pytest.fixture(scope="session")
def measured(server_url: str, template: str) -> Iterator[Site]:
    """The pages with two campaigns on record and a load test; no test changes them."""
    name = _create(server_url, "cj_pages", template)
    with site_on(_url_of(server_url, name), previews=previews()) as site:
        site.measured(low_rps=9_000.0)
        site.add(DIGEST)
        site.add(EVENING, key="closing-soon")
        yield site
    _drop(server_url, name)


@pytest.fixture(scope="session")
def operator(measured: Site) -> Browserlike:
    """A signed-in browser on pages that no test changes."""
    return measured.signed_in()
