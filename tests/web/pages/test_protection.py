"""Every form needs our token, every page keeps its own strict policy, every error is a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from app.web.pages.access.security_headers import PAGE_POLICY
from tests.web.pages.site import DIGEST, OPERATOR

if TYPE_CHECKING:
    from tests.web.pages.site import Site

ASKED = "/ask?audience=1200000&kind=rate_limited&at=2026-11-25T09:00&limit_per_min=50000"
PAGES = (
    "/",
    "/?day=2026-11-23",
    "/?day=2026-12-10",
    "/ask",
    ASKED,
    "/ask?audience=many",
    "/campaigns/1",
    "/campaigns/1/edit",
    "/campaigns/1/changes",
    "/campaigns/1/remove",
    "/campaigns/new",
    "/evidence",
    "/evidence/loadtest-20261118-0130",
    "/preview",
    "/preview?member=m-1&campaign=1",
    "/sign-in",
    "/nowhere",
)
POSTS = (
    "/sign-in",
    "/sign-out",
    "/campaigns/new",
    "/campaigns/1/edit",
    "/campaigns/1/remove",
    "/campaigns/1/sent",
)
LINKS = {"src", "href", "action", "formaction", "data"}


class Markup(HTMLParser):
    """What of a page a strict policy is about: what is inline, and where it leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.leads_to: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.inline += [f"{tag} {name}" for name in values if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in values):
            self.inline.append(tag)
        self.leads_to += [str(value) for name, value in attrs if name in LINKS]


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_anything_its_policy_forbids(measured: Site, path: str, language: str) -> None:
    page = measured.signed_in(language=language).get(path)
    markup = Markup(page.text)
    assert markup.inline == []
    assert [url for url in markup.leads_to if not url.startswith(("/", "#"))] == []
    assert len(markup.leads_to) > 4
    assert page.headers["Content-Security-Policy"] == PAGE_POLICY
    assert "unsafe" not in PAGE_POLICY
    assert page.mimetype == "text/html"


def test_pages_are_kept_nowhere_framed_nowhere_and_sniffed_by_nobody(measured: Site) -> None:
    headers = measured.signed_in().get("/").headers
    assert {
        name: headers[name]
        for name in sorted(headers.keys())
        if name.startswith(("X-", "Ref", "Cache", "Cross"))
    } == {
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def test_the_style_sheet_and_the_script_are_cached_by_what_they_hold(measured: Site) -> None:
    page = measured.client().get("/sign-in").text
    assets = re.findall(r'"(/static/[^"]+)"', page)
    assert [asset.partition("?")[0] for asset in assets] == [
        "/static/pages.css",
        "/static/icon.svg",
        "/static/pages.js",
    ]
    for asset in assets:
        answer = measured.client().get(asset, buffered=True)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("token", [None, "", "forged", "IjEyMyI.aaaa.bbbb"])
def test_a_form_without_our_token_changes_nothing(measured: Site, path: str, token: str | None) -> None:
    browser = measured.signed_in()
    before = measured.register.campaigns()
    typed = {"name": OPERATOR, "secret": measured.secrets[OPERATOR], "version": "1", "sent": "5"}
    answer = browser.client.post(path, data=typed if token is None else {**typed, "csrf_token": token})
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text
    assert measured.secrets[OPERATOR] not in answer.text
    assert measured.register.campaigns() == before
    assert browser.get("/").status_code == 200


def test_the_token_of_another_session_is_no_token_of_this_one(measured: Site) -> None:
    other, browser = measured.signed_in(), measured.signed_in()
    token = re.search(r'name="csrf_token" value="([^"]+)"', other.get("/campaigns/1/edit").text)
    assert token
    answer = browser.client.post("/campaigns/1/remove", data={"csrf_token": token[1], "version": "1"})
    assert answer.status_code == 400
    assert len(measured.register.campaigns()) == 2


def test_a_path_of_nothing_is_a_page_for_people_and_a_problem_for_programs(measured: Site) -> None:
    browser = measured.signed_in(language="ko")
    page = browser.get("/campaigns/x")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "찾는 페이지가 없습니다" in page.text
    problem = browser.get("/v1/capacity/nothing")
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")
    assert browser.get("/campaigns/99").status_code == 404
    assert browser.get("/evidence/none").status_code == 404
    assert browser.client.put("/ask").status_code == 405


def test_the_cookie_opens_no_path_of_the_api(measured: Site) -> None:
    assert measured.signed_in().get("/v1/capacity/campaigns").status_code == 401


def test_a_register_out_of_reach_is_a_page_that_says_so_and_comes_back(site: Site, server_url: str) -> None:
    site.add(DIGEST)
    browser = site.signed_in()
    with site.engine.connect() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
    doors = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(server_url, autocommit=True) as outside:
        outside.execute(doors.format(sql.Identifier(name), False))
        outside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        for path in ("/", "/campaigns/1", ASKED, "/preview"):
            answer = browser.get(path)
            assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), path
            assert "Sends are not affected" in answer.text
        outside.execute(doors.format(sql.Identifier(name), True))
    assert browser.get("/").status_code == 200
