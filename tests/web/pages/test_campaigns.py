"""Campaigns are put on record, edited and removed by hand, each change with a name to it, and nothing is lost."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.web.pages.site import DIGEST, OPERATOR, OTHER_OPERATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.web.pages.site import Site

FORM: Mapping[str, str] = {
    "name": "주간 추천 메일",
    "key": "weekly-digest",
    "owner": "CRM",
    "braze_campaign_id": "",
    "audience": "120만",
    "kind": "rate_limited",
    "at": "2026-11-23T09:00",
    "limit_per_min": "50,000",
    "finish_by": "2026-11-23T12:00",
    "calls": "unsure",
    "on_failure": "blank",
}
EVERYTHING: Mapping[str, str] = {
    **FORM,
    "name": '밤 <b>공고</b> & "추천"',
    "braze_campaign_id": "b5f1-77",
    "audience": "1,000,000 / 1.2m / 1300000",
    "kind": "local_time_zones",
    "launched_at": "2026-11-22T08:00",
    "calls": "own",
    "calls_per_recipient": "1.8 / 2 / 2.2",
    "on_failure": "retry",
    "zones": "Asia/Seoul = 95\r\nAmerica/New_York=5",
    "quiet_begin": "21:00",
    "quiet_end": "08:00",
    "burst": "1.5",
    "priority": "2",
    "host": "jobs.example.org",
    # what belongs to other kinds, and is left alone
    "on": "2026-11-23",
    "users_per_hour": "1, 2",
    "ends_at": "2026-11-23T10:00",
}


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"(?: type="hidden")? value="([^"]*)"', page)
    assert found, name
    return html.unescape(found[1])


def test_a_form_becomes_the_plan_files_table(site: Site) -> None:
    answer = site.signed_in().post("/campaigns/new", FORM)
    (added,) = site.register.campaigns()
    assert (answer.status_code, answer.location) == (303, f"/campaigns/{added.id}?done=added")
    assert (added.key, added.owner, added.braze_campaign_id, added.version) == (
        "weekly-digest",
        "CRM",
        None,
        1,
    )
    assert added.created_by == OPERATOR
    assert dict(added.definition) == dict(DIGEST)


def test_every_field_reaches_the_register_and_comes_back_into_the_form(site: Site) -> None:
    browser = site.signed_in()
    answer = browser.post("/campaigns/new", EVERYTHING)
    assert answer.status_code == 303, answer.text
    (added,) = site.register.campaigns()
    assert dict(added.definition) == {
        "name": EVERYTHING["name"],
        "kind": "local_time_zones",
        "audience": {"low": 1_000_000, "likely": 1_200_000, "high": 1_300_000},
        "at": "2026-11-23T09:00:00",
        "launched_at": "2026-11-22T08:00:00",
        "limit_per_min": 50_000,
        "finish_by": "2026-11-23T12:00:00",
        "calls_per_recipient": {"low": 1.8, "likely": 2, "high": 2.2},
        "retry": True,
        "zones": {"Asia/Seoul": 95, "America/New_York": 5},
        "quiet_hours": {"begin": "21:00:00", "end": "08:00:00"},
        "burst": 1.5,
        "priority": 2,
        "host": "jobs.example.org",
    }
    saved = _save_as_it_stands(browser, added.id)
    assert saved.status_code == 303, saved.text
    assert site.register.campaigns() == [added], "what the form shows is what is on record"


def _save_as_it_stands(browser: Any, number: int) -> Any:
    """Press save on the edit page, all fields as they are shown."""
    page = browser.get(f"/campaigns/{number}/edit").text
    typed = dict(re.findall(r'<input[^>]*name="([^"]+)"(?: type="[^"]+")?[^>]*? value="([^"]*)"', page))
    typed |= {
        name: value
        for tag in re.findall(r"<input[^>]*>", page)
        for name, value in [(_attribute(tag, "name"), _attribute(tag, "value"))]
        if 'type="radio"' not in tag
    }
    typed |= {
        _attribute(tag, "name"): _attribute(tag, "value")
        for tag in re.findall(r"<input[^>]*>", page)
        if 'type="radio"' in tag and " checked" in tag
    }
    typed |= {
        name: text.lstrip("\r\n")
        for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)<', page)
    }
    typed |= {"kind": re.findall(r'<option value="([^"]+)" selected', page)[0]}
    return browser.post(
        f"/campaigns/{number}/edit", {name: html.unescape(value) for name, value in typed.items() if name}
    )


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return found[1] if found else ""


def test_names_are_shown_as_text_and_never_as_markup(site: Site) -> None:
    browser = site.signed_in()
    browser.post("/campaigns/new", {**EVERYTHING, "owner": '"><script>alert(1)</script>'})
    for path in ("/?day=2026-11-23", "/campaigns/1", "/campaigns/1/edit", "/campaigns/1/changes", "/preview"):
        page = browser.get(path).text
        assert "<b>공고</b>" not in page, path
        assert "<script>alert" not in page, path
    assert "밤 &lt;b&gt;공고&lt;/b&gt;" in browser.get("/campaigns/1").text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("audience", "many", "Write one number, or three"),
        ("audience", "-5", "Write one number, or three"),
        ("audience", "1 / 2", "Write one number, or three"),
        ("audience", "3 / 2 / 1", "the smallest first"),
        ("audience", "999999999999", "0 to 100,000,000"),
        ("audience", "1e400", "Write one number, or three"),
        ("audience", "9" * 400, "Write one number, or three"),
        ("audience", "9" * 5_000, "too long"),
        ("audience", "", "how many members"),
        ("audience", "٣٤٥", "Write one number, or three"),
        ("limit_per_min", "5", "10 to 500,000"),
        ("limit_per_min", "1.5", "whole number"),
        ("limit_per_min", "", "10 to 500,000"),
        ("at", "tomorrow", "Write a date and a time"),
        ("at", "2026-11-23T09:00+09:00", "Write a date and a time"),
        ("at", "2026-11-23T09:00:30", "on a whole minute"),
        ("at", "", "the day and the time it starts"),
        ("finish_by", "2026-11-23T08:00", "Write a time after the start"),
        ("kind", "by_pigeon", "Choose one of those"),
        ("calls", "4", "Choose one of those"),
        ("burst", "0.5", "Write 1 to 60"),
        ("priority", "10", "Write 1 to 9"),
        ("zones", "Mars/Olympus = 1", "time zone"),
        ("zones", "Asia/Seoul", "time zone"),
        ("quiet_begin", "25:00", "Write a time of day"),
        ("quiet_begin", "21:00", "a beginning and an end"),
        ("key", "Weekly Digest", "campaign= value"),
        ("key", "../etc", "campaign= value"),
        ("owner", "", "who answers for it"),
        ("owner", "a\x00b", "who answers for it"),
        ("name", "", "a name of 1 to 100"),
        ("name", "x" * 101, "a name of 1 to 100"),
        ("name", "two\nlines", "a name of 1 to 100"),
        ("braze_campaign_id", "a b", "Copy the id"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field_and_stays_in_it(
    measured: Site, field: str, value: str, says: str
) -> None:
    before = measured.register.campaigns()
    answer = measured.signed_in().post("/campaigns/new", {**FORM, field: value})
    assert answer.status_code == 400
    assert "Nothing is saved yet" in answer.text
    wrong = " ".join(re.findall(r'<p class="wrong"[^>]*>([^<]*)', answer.text))
    assert says in html.unescape(wrong)
    assert measured.register.campaigns() == before
    if value.isprintable() and len(value) < 50 and field not in {"kind", "calls"}:
        assert value in html.unescape(answer.text)


def test_a_name_that_another_campaign_has_is_refused(site: Site) -> None:
    site.add(DIGEST)
    answer = site.signed_in().post("/campaigns/new", FORM)
    assert answer.status_code == 409
    assert "another campaign of this name" in answer.text
    assert len(site.register.campaigns()) == 1


def test_of_two_who_edit_one_campaign_the_second_is_told_and_nothing_is_lost(site: Site) -> None:
    one = site.add(DIGEST)
    first, second = site.signed_in(OPERATOR), site.signed_in(OTHER_OPERATOR)
    edit = f"/campaigns/{one.id}/edit"
    version = _hidden(second.get(edit).text, "version")
    assert first.post(edit, {**FORM, "limit_per_min": "25000", "version": version}).status_code == 303

    told = second.post(edit, {**FORM, "audience": "900000", "owner": "채용팀", "version": version})
    assert told.status_code == 409
    assert f"{OPERATOR} saved this campaign while you were editing" in told.text
    rows = re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td><td>([^<]*)</td>', told.text)
    assert sorted(rows) == [
        ("Delivery-speed limit, messages a minute", "25,000", "50,000"),
        ("Owner", "CRM", "채용팀"),
        ("Recipients", "1,200,000", "900,000"),
    ]
    assert 'value="채용팀"' in told.text
    assert 'value="900000"' in told.text
    assert site.register.campaigns()[0].definition["audience"] == 1_200_000

    newer = _hidden(told.text, "version")
    kept = {**FORM, "audience": "900000", "owner": "채용팀", "limit_per_min": "25000", "version": newer}
    assert second.post(edit, kept).status_code == 303
    (now,) = site.register.campaigns()
    assert (now.version, now.owner, now.updated_by) == (3, "채용팀", OTHER_OPERATOR)
    assert now.definition == {**DIGEST, "audience": 900_000, "limit_per_min": 25_000}


def test_removing_what_somebody_just_changed_asks_once_more(site: Site) -> None:
    one = site.add(DIGEST)
    browser = site.signed_in(OTHER_OPERATOR)
    stale = {"version": str(one.version)}
    site.register.edit(
        one.id, one.draft(), version=one.version, by=OPERATOR
    )  # nothing changed: no new version
    changed = {**DIGEST, "audience": 5}
    site.signed_in().post(
        f"/campaigns/{one.id}/edit", {**FORM, "audience": str(changed["audience"]), "version": "1"}
    )
    asked = browser.post(f"/campaigns/{one.id}/remove", stale)
    assert asked.status_code == 409
    assert f"{OPERATOR} saved this campaign meanwhile" in asked.text
    assert len(site.register.campaigns()) == 1
    again = {"version": _hidden(asked.text, "version")}
    assert browser.post(f"/campaigns/{one.id}/remove", again).location == "/?done=removed"
    assert site.register.campaigns() == []


def test_a_removed_campaign_keeps_its_page_and_its_history(site: Site) -> None:
    one = site.add(DIGEST)
    browser = site.signed_in()
    browser.post(f"/campaigns/{one.id}/edit", {**FORM, "limit_per_min": "25000", "version": "1"})
    browser.post(f"/campaigns/{one.id}/remove", {"version": "2"})
    page = browser.get(f"/campaigns/{one.id}")
    assert page.status_code == 200
    assert f"{OPERATOR} removed this campaign" in page.text
    assert browser.get(f"/campaigns/{one.id}/edit").status_code == 404
    assert browser.post(f"/campaigns/{one.id}/edit", FORM, page="/").status_code == 404
    history = browser.get(f"/campaigns/{one.id}/changes").text
    told = [" ".join(line.split()) for line in re.findall(r"<p><strong>(.*?)</p>", history, re.DOTALL)]
    assert [line.split(" · ")[1] for line in told] == ["removed it", "edited it", "added it"]
    assert "Delivery-speed limit, messages a minute</th><td>50,000</td><td>25,000</td>" in history


def test_a_number_of_no_campaign_is_not_found(measured: Site) -> None:
    browser = measured.signed_in()
    for path in (
        "/campaigns/77",
        "/campaigns/77/edit",
        "/campaigns/77/changes",
        "/campaigns/77/remove",
        "/campaigns/77/live",
    ):
        answer = browser.get(path)
        assert answer.status_code == 404
        assert "There is no such campaign" in answer.text
    assert browser.get("/campaigns/99999999999999999999").status_code in {404, 503}


def test_a_version_that_is_no_number_counts_as_old(site: Site) -> None:
    one = site.add(DIGEST)
    for version in ("", "x", "-1", "9" * 30):
        answer = site.signed_in().post(f"/campaigns/{one.id}/edit", {**FORM, "version": version})
        assert answer.status_code == 409


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Tell whoever runs it:"), ("ko", "서비스 담당자에게 아래 내용을 전해 주세요.")],
)
def test_tables_of_an_earlier_version_are_said_to_be_so_and_nobody_is_told_to_wait(
    site: Site, language: str, told: str
) -> None:
    with site.engine.begin() as connection:
        connection.execute(text("ALTER TABLE connected_jobs.campaign_in_braze RENAME TO not_migrated"))
    answer = site.signed_in(language=language).get("/")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, None)
    assert told in answer.text
    assert "campaign_in_braze&#34; does not exist): run `connected-jobs migrate`" in answer.text
    assert not re.search("Try again in|잠시 뒤", answer.text)
