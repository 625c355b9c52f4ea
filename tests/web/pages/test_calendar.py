"""The calendar tells a newcomer where the sends are, and why nobody can judge them yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.pages.site import DIGEST, EVENING, MONDAY, site_on

if TYPE_CHECKING:
    from tests.web.pages.site import Site


def test_an_empty_week_leads_to_the_next_send(site: Site) -> None:
    site.add(EVENING, key="closing-soon")
    site.add(DIGEST)
    browser = site.signed_in()
    before = browser.get("/?day=2026-11-02").text
    assert f'<a href="/?day={MONDAY}">주간 추천 메일 · Mon 23 Nov 09:00</a>' in before
    assert "The next one:" not in browser.get(f"/?day={MONDAY}").text
    after = browser.get("/?day=2026-12-14").text
    assert "The next one:" not in after
    assert "Plan one, and it stands here" in after


def test_that_nothing_was_measured_is_said_beside_a_campaign_that_no_ceiling_could_mend(site: Site) -> None:
    site.add({**DIGEST, "audience": 3_000_000, "finish_by": f"{MONDAY}T09:05:00"})
    page = site.signed_in().get(f"/?day={MONDAY}").text
    assert "NO-GO" in page
    assert "Nothing has been measured yet." in page


def test_who_signs_in_lands_on_the_next_week_with_a_send(site: Site) -> None:
    browser = site.signed_in()

    def page_of(path: str) -> str:
        return browser.get(path).text.replace("\N{NO-BREAK SPACE}", " ")

    assert "No send is planned in this week." in page_of("/")
    site.add({**DIGEST, "at": "2026-11-17T09:00", "finish_by": "2026-11-17T12:00"})
    site.add({**EVENING, "name": "later", "at": "2026-12-09T19:00"}, key="later")
    page = page_of("/")  # the clock stands on Friday: Tuesday's send is over
    assert "Mon 7 Dec to Sun 13 Dec" in page
    assert "this is the next week with a send" in page
    assert "Mon 16 Nov to Sun 22 Nov" in page_of("/?day=2026-11-20")
    site.add(EVENING, key="closing-soon")
    assert "Mon 23 Nov to Sun 29 Nov" in page_of("/")


@pytest.mark.parametrize("told", [None, "make loadtest DEMO=21000"])
def test_what_to_run_for_a_load_test_is_what_works_here(database_url: str, told: str | None) -> None:
    with site_on(database_url, loadtest_command=told) as site:
        number = site.add(DIGEST).id
        browser = site.signed_in()
        for path in (
            "/",
            "/evidence",
            f"/campaigns/{number}",
            f"/ask?audience=1000&kind=at_once&at={MONDAY}T21:00",
        ):
            page = browser.get(path).text
            assert (told or "python -m loadtest ceiling --host https://HOST") in page, path
            assert ("loadtest ceiling" in page) == (told is None), path
            assert "about ten minutes" in page
