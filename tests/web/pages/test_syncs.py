"""Syncs on the planner's pages: how each stands, what was refused, paused and resumed by who plans."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.credentials import Role
from tests.web.pages.site import NOW
from tests.web.worked_syncs import held, put_syncs

if TYPE_CHECKING:
    from tests.web.pages.site import Site


def words_of(page: str) -> str:
    """A page's text, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("&#39;", "'")


def test_without_a_sync_the_page_says_what_to_do_first(site: Site) -> None:
    page = words_of(site.signed_in().get("/syncs").text)
    assert "No sync has run yet." in page
    assert "connected-jobs sync plan FILE" in page
    assert site.signed_in().get("/syncs/nowhere").status_code == 404
    assert site.signed_in().get("/syncs/nowhere/rejects.csv").status_code == 404


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            [
                "members Braze · Member attributes Ended",
                "members-nightly Braze · Member attributes Sending, 11%, 12 minutes left",
                "outcomes Amplitude · Events Paused until 11:00: its budget is used up 40 events wait",
                "postings Braze · Catalog items Paused by 김다은 since 10:30",
                "segments Braze · Member attributes Late by 1 day 10 hours",
            ],
        ),
        (
            "ko",
            [
                "보내는 중, 11%, 12분 남음",
                "11:00까지 대기: 요청 한도를 다 썼습니다 이벤트 40건 대기 중",
                "10:30부터 김다은 님이 일시 중지",
                "1일 10시간 지연 Braze가 키를 인식하지 못합니다. CJ_BRAZE_KEY 값과 그 키가 속한 호스트를 확인해 주세요.",
            ],
        ),
    ],
)
def test_the_list_says_in_words_how_each_sync_stands(site: Site, language: str, said: list[str]) -> None:
    put_syncs(site.engine, NOW)
    with held(site.engine):
        page = words_of(site.signed_in(language=language).get("/syncs").text)
    for one in said:
        assert one in page, page
    assert "Broke off" not in page


def test_a_run_whose_process_is_gone_broke_off(site: Site) -> None:
    put_syncs(site.engine, NOW)
    assert "Broke off: the next run goes on there" in words_of(
        site.signed_in().get("/syncs/members-nightly").text
    )


def test_a_syncs_page_says_what_changed_how_runs_went_and_who_was_refused_why(site: Site) -> None:
    put_syncs(site.engine, NOW)
    browser = site.signed_in()
    page = words_of(browser.get("/syncs/members").text)
    assert "Members compared 1,998,204" in page
    assert "Members updated 199,991 Values sent 214,950 Requests 2,701" in page
    assert "cj_new_7d 182,003 cj_last_apply 21,440 cj_tired 11,507" in page
    assert "101 found" in page
    assert "m-000102 cj_field: a text of 256 characters, and Braze takes 255." in page
    assert "page 1 of 3" in page
    assert "page 3 of 3" in words_of(browser.get("/syncs/members?page=3").text)
    one = words_of(browser.get("/syncs/members?member=m-000377").text)
    assert "1 found" in one
    assert "Braze refuses it: provided external_id is blacklisted and disallowed." in one
    assert "Nothing of this member is refused." in browser.get("/syncs/members?member=m-0").text
    assert "There is nothing on this page" in browser.get("/syncs/members?page=99999999999").text
    assert browser.get("/syncs/members?member=%00&page=x").status_code == 200
    assert "Braze does not know the key" in browser.get("/syncs/segments").text


def test_what_is_refused_is_downloaded_for_a_spreadsheet(site: Site) -> None:
    put_syncs(site.engine, NOW)
    answer = site.signed_in(language="ko").get("/syncs/members/rejects.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="rejects-members.csv"'
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0] == ["회원", "이벤트 또는 항목", "사유", "발생 시각", "마지막 시도", "실행"]
    assert len(rows) == 102
    assert ["m-000102", "", "cj_field: 글자 수가 256자로, 한도인 255자를 넘습니다.",
            "2026-11-20 10:30", "2026-11-20 10:30", "2"] in rows  # fmt: skip
    assert "'=HYPERLINK: a text that a spreadsheet takes for a formula." in [row[2] for row in rows]


def test_who_plans_pauses_and_resumes_and_the_audit_log_keeps_it(site: Site) -> None:
    put_syncs(site.engine, NOW)
    browser = site.signed_in()
    assert browser.post("/syncs/members/pause", {}, page="/syncs/members").status_code == 303
    assert "Resume" in browser.get("/syncs/members").text
    assert browser.post("/syncs/members/resume", {}, page="/syncs/members").status_code == 303
    with site.engine.connect() as connection:
        log = connection.execute(
            text("SELECT who, what, subject FROM connected_jobs.audit ORDER BY id")
        ).all()
    assert [tuple(one) for one in log] == [
        ("김다은", "sync pause", "members"),
        ("김다은", "sync resume", "members"),
    ]
    assert browser.post("/syncs/nowhere/pause", {}, page="/syncs/members").status_code == 404
    site.add_operator("looker", Role.LOOK)
    looks = site.signed_in(name="looker").get("/syncs/members")
    assert (looks.status_code, "<button>Pause" in looks.text) == (200, False)
