"""A link shows one report to whoever has it, until it ends or is taken back, and opens nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.credentials import hash_secret
from tests.web.pages.site import DIGEST, EVENING, OPERATOR, site_on

if TYPE_CHECKING:
    from tests.web.pages.site import Site


def make(site: Site, *, days: str = "7", number: int = 1) -> str:
    """Make a link as who plans does; its path."""
    path = f"/campaigns/{number}/shares"
    made = site.signed_in().post(path, {"days": days}, page=path)
    assert made.status_code == 200, made.text
    found = re.search(r"http://localhost(/shared/[\w-]{43})<", made.text)
    assert found, made.text
    return found[1]


@pytest.fixture
def shared(site: Site) -> Site:
    site.measured(low_rps=9_000.0)
    site.add(DIGEST)
    site.add(EVENING, key="closing-soon")
    return site


def test_a_link_shows_the_report_in_the_readers_language_and_no_way_anywhere(shared: Site) -> None:
    path = make(shared)
    for language, heading in (("en", "What the plan goes by"), ("ko", "계획")):
        page = shared.client(language=language).get(path)
        assert page.status_code == 200
        assert DIGEST["name"] in page.text
        assert heading in page.text
        assert page.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert '<meta name="robots" content="noindex, nofollow">' in page.text
        links = set(re.findall(r'(?:href|action|data-renews)="([^"#][^"]*)"', page.text))
        other = {link for link in links if not link.startswith(("/static/", "/language/"))}
        assert other == set()
    signed_in = shared.signed_in().get(path).text
    assert "action=" not in signed_in  # it is the same page for everybody
    assert OPERATOR not in re.sub(r"Owner: .*", "", signed_in)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_link_names_no_other_campaign_though_it_says_what_it_meets(site: Site, language: str) -> None:
    site.measured(low_rps=384.0)
    site.add({**EVENING, "name": "secret launch", "at": "2026-11-24T09:00:00"}, key="secret")
    one = site.add(
        {**EVENING, "name": "mine", "at": "2026-11-24T09:00:00", "audience": 600_000, "limit_per_min": 2_500}
    )
    assert "secret launch" in site.signed_in(language=language).get(f"/campaigns/{one.id}").text
    page = site.client(language=language).get(make(site, number=one.id)).text
    assert "secret" not in page
    assert {"en": "another campaign (1)", "ko": "다른 캠페인 (1)"}[language] in page


def test_a_link_opens_nothing_else(shared: Site) -> None:
    browser = shared.client()
    browser.get(make(shared))
    for path in ("/", "/campaigns/1", "/campaigns/2", "/settings", "/campaigns/1/plan.toml"):
        assert browser.get(path).status_code == 303
    assert browser.client.get("/v1/capacity/campaigns").status_code == 401
    assert browser.client.post(make(shared)).status_code == 405


def test_only_a_hash_is_kept_and_the_link_is_told_once(shared: Site) -> None:
    token = make(shared).rpartition("/")[2]
    with shared.engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM connected_jobs.share")).all()
    assert token not in str(rows)
    assert bytes(rows[0][1]) == hash_secret(token)
    assert token not in shared.signed_in().get("/campaigns/1/shares").text
    assert token not in str(shared.register.audit_log())


@pytest.mark.parametrize("how", ["expired", "revoked", "campaign removed"])
def test_a_link_that_ended_opens_nothing(shared: Site, how: str) -> None:
    path = make(shared, days="1")
    if how == "expired":
        with shared.engine.begin() as connection:
            connection.execute(
                text("UPDATE connected_jobs.share SET expires_at = now() - interval '1 second'")
            )
    elif how == "revoked":
        browser = shared.signed_in()
        answer = browser.post("/campaigns/1/shares/revoke", {"share": "1"}, page="/campaigns/1/shares")
        assert answer.status_code == 303
        assert "Revoke" not in browser.get("/campaigns/1/shares").text
    else:
        shared.register.remove(1, version=1, by=OPERATOR)
    page = shared.client().get(path)
    assert (page.status_code, "This link shows nothing" in page.text) == (404, True)
    assert DIGEST["name"] not in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_who_made_and_took_back_a_link_is_on_record(shared: Site) -> None:
    make(shared)
    shared.signed_in().post("/campaigns/1/shares/revoke", {"share": "1"}, page="/campaigns/1/shares")
    entries = [(one.who, one.what, one.subject) for one in shared.register.audit_log()[:2]]
    assert entries == [
        (OPERATOR, "share revoked", "1 of campaign 1"),
        (OPERATOR, "share created", "1 of campaign 1"),
    ]


@pytest.mark.parametrize("days", ["0", "31", "-1", "x", "", "9" * 30])
def test_a_link_lives_for_one_to_thirty_days(shared: Site, days: str) -> None:
    browser = shared.signed_in()
    answer = browser.post("/campaigns/1/shares", {"days": days}, page="/campaigns/1/shares")
    assert (answer.status_code, "Choose 1 to 30 days." in answer.text) == (400, True)
    assert "/shared/" not in answer.text


def test_another_campaigns_link_is_not_taken_back_by_its_number(shared: Site) -> None:
    path = make(shared, number=2)
    shared.signed_in().post("/campaigns/1/shares/revoke", {"share": "1"}, page="/campaigns/1/shares")
    assert shared.client().get(path).status_code == 200


def test_guesses_are_slowed_down_as_at_the_sign_in_and_a_right_link_still_opens(database_url: str) -> None:
    with site_on(database_url, unknown_rps=1) as site:
        site.measured()
        site.add(DIGEST)
        path = make(site)
        guesses = [
            path[:-1],
            path + "x",
            "/shared/" + "A" * 43,
            "/shared/%00",
            "/shared/%F0%9F%98%80",
            "/shared/x",
        ]
        statuses = [site.client().get(guess).status_code for guess in guesses]
        assert statuses[0] == 404
        assert 429 in statuses
        assert set(statuses) <= {404, 429}
        assert site.client().get(path).status_code == 200
