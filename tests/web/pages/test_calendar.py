"""The calendar tells a newcomer where the sends are, and why nobody can judge them yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.pages.site import DIGEST, EVENING, MONDAY

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
