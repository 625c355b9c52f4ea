"""Only an operator's credential opens the pages, for ten hours, and never longer than it lives."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.postgres.credentials import revoke_credential, select_credentials
from app.web.pages.access.session import own_path
from app.web.pages.setup import OPEN
from tests.web.pages.site import CALLER, OPERATOR, OTHER_OPERATOR, site_on

if TYPE_CHECKING:
    from tests.web.pages.site import Browserlike, Site

FORM = {"audience": "1,200,000", "kind": "rate_limited", "at": "2026-11-25T09:00", "limit_per_min": "50000"}


def _guarded(site: Site) -> list[tuple[str, str]]:
    """Every route of the pages that is not open: method and path."""
    with site.app.test_request_context():
        return [
            (method, rule.rule.replace("<int:number>", "1").replace("<path:evidence_id>", "x"))
            for rule in site.app.url_map.iter_rules()
            if rule.endpoint.startswith("pages.") and rule.endpoint not in OPEN
            for method in sorted(set(rule.methods or ()) & {"GET", "POST"})
        ]


def test_no_page_but_the_sign_in_opens_without_a_session(measured: Site) -> None:
    routes = _guarded(measured)
    assert len(routes) > 18
    for method, path in routes:
        answer = measured.client().client.open(path, method=method)
        assert (answer.status_code, answer.location.split("?")[0]) == (303, "/sign-in"), (method, path)


def test_after_signing_in_one_is_where_one_wanted_to_go(measured: Site) -> None:
    browser = measured.client()
    wanted = browser.get("/campaigns/1?x=%EA%B0%80")
    page = browser.get(wanted.location)
    assert 'value="/campaigns/1?x=%EA%B0%80"' in page.text
    answer = browser.sign_in(OPERATOR, next="/campaigns/1?x=%EA%B0%80")
    assert (answer.status_code, answer.location) == (303, "/campaigns/1?x=%EA%B0%80")
    assert browser.get("/campaigns/1").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "evil",
        "/a//b",
    ],
)
def test_signing_in_leads_to_no_other_host(measured: Site, target: str) -> None:
    assert own_path(target) == "/"
    assert measured.client().sign_in(OPERATOR, next=target).location == "/"


def test_a_wrong_secret_and_another_persons_secret_open_nothing(measured: Site) -> None:
    for name, secret in [
        (OPERATOR, "wrong"),
        (CALLER, measured.secrets[OPERATOR]),
        ("nobody", "x"),
        (OPERATOR, "\x00"),
        ("가" * 100, "나" * 200),
    ]:
        browser = measured.client()
        answer = browser.sign_in(name, secret)
        assert answer.status_code == 401
        assert "do not belong together" in answer.text
        assert secret not in answer.text or secret in {"x", "\x00"}
        assert browser.get("/").status_code == 303


def test_a_credential_of_the_scope_content_opens_nothing(measured: Site) -> None:
    browser = measured.client()
    answer = browser.sign_in(CALLER)
    assert answer.status_code == 403
    assert "scope operator" in answer.text
    assert browser.get("/").status_code == 303


def test_too_many_wrong_attempts_are_slowed_down_and_the_right_one_still_gets_in(database_url: str) -> None:
    with site_on(database_url, unknown_rps=1) as site:
        browser = site.client()
        statuses = [browser.sign_in(OPERATOR, "wrong").status_code for _ in range(6)]
        assert statuses[0] == 401
        assert 429 in statuses
        assert browser.sign_in(OPERATOR).status_code == 303


def test_a_session_ends_after_ten_hours_whatever_one_does_meanwhile(site: Site) -> None:
    browser = site.signed_in()
    begin = site.now
    for hours in (3, 6, 9.99):
        site.now = begin + timedelta(hours=hours)
        assert browser.get("/").status_code == 200
    site.now = begin + timedelta(hours=10)
    answer = browser.get("/evidence")
    assert answer.location == "/sign-in?next=/evidence&ended=1"
    assert "Your session has ended" in browser.get(answer.location).text
    assert browser.get("/ask/answer", headers={"X-Fragment": "1"}).status_code == 401


def test_what_was_typed_when_the_session_ended_is_there_again_after_signing_in(site: Site) -> None:
    site.measured()
    browser = site.signed_in()
    token = browser.get("/campaigns/new").text
    site.now += timedelta(hours=11)
    typed = {**FORM, "name": "새해 인사", "key": "new-year", "owner": "CRM", "csrf_token": token[:20]}
    answer = browser.client.post("/campaigns/new", data=typed)
    assert answer.status_code == 303
    assert "csrf_token" not in answer.location
    back = browser.get(answer.location).text
    target = back.split('name="next" type="hidden" value="')[1].split('"')[0].replace("&amp;", "&")
    signed_in = browser.sign_in(OPERATOR, next=target)
    page = browser.get(signed_in.location).text
    assert 'value="새해 인사"' in page
    assert 'value="new-year"' in page
    assert 'value="1,200,000"' in page
    assert site.register.campaigns() == []


def test_a_session_dies_with_its_credential_even_if_another_gets_the_name(site: Site) -> None:
    browser = site.signed_in()
    assert browser.get("/").status_code == 200
    site.revoke(OPERATOR)
    assert browser.get("/").status_code == 303


def test_until_the_credentials_are_read_nobody_is_let_in(site: Site) -> None:
    browser = site.signed_in()
    site.book.loaded = False
    answer = browser.get("/")
    assert answer.status_code == 503
    assert "could not read the accounts" in answer.text
    assert browser.sign_in(OPERATOR).status_code == 503


def test_signing_out_ends_the_session_and_keeps_the_language(measured: Site) -> None:
    browser = measured.signed_in()
    browser.get("/language/ko")
    answer = browser.post("/sign-out", {}, page="/")
    assert answer.location == "/sign-in"
    page = browser.get("/").location
    assert page.startswith("/sign-in")
    assert "로그인" in browser.get(page).text


def test_the_cookie_is_for_our_server_alone_and_holds_no_secret(measured: Site) -> None:
    browser = measured.client()
    cookie = browser.sign_in(OPERATOR).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert measured.secrets[OPERATOR] not in cookie
    forged = cookie.split(";")[0].rpartition(".")[0] + ".AAAAAAAAAAAAAAAAAAAAAAAAAAA"
    other = measured.client()
    other.client.set_cookie("planner", forged.partition("=")[2])
    assert other.get("/").status_code == 303


@pytest.mark.parametrize(
    ("browser_says", "title"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "로그인"),
        ("en-US,en;q=0.9,ko;q=0.8", "Sign in"),
        ("fr", "Sign in"),
        ("fr,ko;q=0.5", "로그인"),
        ("", "Sign in"),
    ],
)
def test_the_browser_says_which_language_comes_first(measured: Site, browser_says: str, title: str) -> None:
    page = measured.client(language=browser_says).get("/sign-in").text
    assert f"<h1>{title}</h1>" in page
    assert f'<html lang="{"ko" if title == "로그인" else "en"}">' in page


def test_a_language_once_picked_stays_and_leads_back_to_the_same_page(measured: Site) -> None:
    browser = measured.signed_in()
    answer = browser.get("/language/ko?back=/evidence")
    assert answer.location == "/evidence"
    assert "<h1>부하 테스트</h1>" in browser.get("/evidence").text
    assert browser.get("/language/xx?back=https://evil.example/").location == "/"
    assert "<h1>부하 테스트</h1>" in browser.get("/evidence").text


# The session is the server's: a copy of its cookie is worth no more than the session.
def _copy_of(browser: Browserlike, site: Site) -> Browserlike:
    """Another browser with the same cookie, as somebody has who copied it."""
    copied = site.client()
    cookie = browser.client.get_cookie("planner")
    assert cookie is not None
    copied.client.set_cookie("planner", cookie.value)
    return copied


def test_a_cookie_copied_before_signing_out_opens_nothing_after_it(site: Site) -> None:
    browser = site.signed_in()
    copied, other = _copy_of(browser, site), site.signed_in()
    assert copied.get("/").status_code == 200
    browser.post("/sign-out", {}, page="/ask")
    assert [one.get("/").status_code for one in (browser, copied, other)] == [303, 303, 200]
    assert copied.post("/campaigns/new", {}, page="/sign-in").status_code in {303, 400}


def test_signing_in_again_ends_the_session_that_was_open_here_and_begins_another(site: Site) -> None:
    browser = site.signed_in()
    copied = _copy_of(browser, site)
    browser.sign_in(OTHER_OPERATOR)
    assert browser.get("/").status_code == 200
    assert copied.get("/").status_code == 303


def test_a_session_that_was_there_before_signing_in_is_not_the_one_after_it(site: Site) -> None:
    browser = site.client()
    browser.get("/sign-in")
    planted = _copy_of(browser, site)
    browser.sign_in(OPERATOR)
    assert planted.get("/").status_code == 303


def test_revoking_a_credential_ends_its_sessions_at_once(site: Site) -> None:
    """Before the planner has read the credentials again, and for copies too."""
    browser, other = site.signed_in(), site.signed_in(OTHER_OPERATOR)
    with site.engine.begin() as connection:
        for row in select_credentials(connection):
            if row.name == OPERATOR:
                revoke_credential(connection, row.id)
    assert [one.get("/").status_code for one in (browser, other)] == [303, 200]


def test_a_session_ends_by_postgress_clock_too(site: Site) -> None:
    """A planner whose clock stands still, or was set back, keeps nobody in."""
    browser = site.signed_in()
    with site.engine.begin() as connection:
        connection.execute(text("UPDATE connected_jobs.operator_session SET ends_at = now()"))
    assert browser.get("/").status_code == 303
    site.register.tidy()
    with site.engine.begin() as connection:
        assert (
            connection.execute(text("SELECT count(*) FROM connected_jobs.operator_session")).scalar_one() == 0
        )


def test_no_session_id_can_be_read_from_the_table(site: Site) -> None:
    browser = site.signed_in()
    cookie = browser.client.get_cookie("planner")
    assert cookie is not None
    with site.engine.begin() as connection:
        (kept,) = connection.execute(text("SELECT id_hash FROM connected_jobs.operator_session")).scalars()
    assert len(kept) == 32
    assert bytes(kept).hex() not in cookie.value
