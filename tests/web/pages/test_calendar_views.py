"""The month, the list and the files of the calendar: what they show, to whom, and whatever is asked of them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from icalendar import Calendar

from app.capacity.watch import Seen
from app.credentials import Role
from app.feedback.results.counts import MailCounts, SendCounts
from app.postgres.planning.watch import update_seen
from tests.web.pages.site import DIGEST, EVENING, MONDAY
from tests.web.worked_results import put_send

if TYPE_CHECKING:
    from tests.web.pages.site import Browserlike, Site

MARKUP = '<img src=x onerror=alert(1)>"&'


def words(page: str) -> str:
    """A page's text."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_month_shows_each_send_on_its_day_with_its_verdict_and_who_collides(site: Site) -> None:
    site.measured(low_rps=9_000.0)
    site.add({**DIGEST, "repeat_weekly_until": "2026-12-07"})
    site.add(
        {**EVENING, "at": f"{MONDAY}T09:10:00", "audience": 900_000, "limit_per_min": 25_000}, key="open"
    )
    page = site.signed_in().get("/month?month=2026-11").text
    assert "<h1>Nov 2026</h1>" in page
    assert page.count('class="send ') == 3  # two on Monday, and the next week's
    day = page[page.index('day=2026-11-23"') : page.index('day=2026-11-24"')]
    assert day.count("collides") == 2
    assert "GO IF" in day
    assert "주간 추천 메일 2026-11-30" not in page, "its day stands above it"
    assert "Collisions this month" in page
    assert "/calendar.csv?first=2026-11-01&amp;until=2026-11-30" in page
    december = site.signed_in().get("/month?month=2026-12").text
    assert december.count('class="send ') == 2


def test_what_was_sent_is_sent_and_refused_for_nothing(site: Site) -> None:
    site.add({**EVENING, "at": "2026-11-18T19:00:00"}, key="closing-soon")
    page = site.signed_in().get("/month?month=2026-11").text
    assert "Sent" in page
    assert "NO-GO" not in page
    assert "NO-GO" not in site.signed_in().get("/?day=2026-11-18").text


def test_a_crowded_day_leads_to_its_week(site: Site) -> None:
    for place in range(8):
        site.add({**EVENING, "name": f"send {place}"}, key="closing-soon")
    page = site.signed_in().get("/month?month=2026-11").text
    assert page.count('class="send ') == 5
    assert "3 more" in words(page)


def test_the_list_is_searched_sorted_and_paged(site: Site) -> None:
    for place in range(120):
        site.add(
            {**EVENING, "name": f"letter {place:03}", "at": f"2026-12-{1 + place % 28:02}T09:00"},
            key="letter",
        )
    site.add({**EVENING, "name": "over and done", "at": "2026-11-02T09:00"}, key="over")
    browser = site.signed_in()
    first = browser.get("/campaigns").text
    assert "120 campaigns" in words(first)
    assert "page 1 of 3" in words(first)
    assert "over and done" not in first
    assert "over and done" in browser.get("/campaigns?when=past").text
    found = browser.get("/campaigns?q=letter+11&sort=-name").text
    assert re.findall(r"letter \d{3}(?=</a>)", found) == [
        *(f"letter {n}" for n in range(119, 109, -1)),
        "letter 011",
    ]
    assert 'aria-sort="descending"' in found
    assert "letter 119" in browser.get("/campaigns?page=3&sort=name").text
    assert "No campaign fits." in browser.get("/campaigns?q=nothing+like+it").text


def test_the_list_says_of_a_past_campaign_what_was_counted_and_what_was_said_of_it(site: Site) -> None:
    one = site.add({**EVENING, "name": "over and done", "at": "2026-11-02T09:00"}, key="over")
    site.add({**EVENING, "name": "tried only", "at": "2026-11-03T09:00"}, key="tried")
    began = datetime(2026, 11, 2, 0, 0, 5, tzinfo=UTC)
    site.counted("over", "d1", [(began, 40), (began + timedelta(seconds=1), 2_160)])
    site.counted("tried", "d2", [(began + timedelta(days=1), 3)])
    site.register.enter_sent("over", "d1", 1_100, by="kim")
    with site.engine.begin() as connection:
        update_seen(connection, Seen(last={str(one.id): "GO_IF"}).as_json())
    mails = MailCounts(arm="", mailed=1_100, members=1_100, clicked=120, applied=14)
    put_send(site.engine, SendCounts(campaign="over", day=began.date(), arms=[mails]))
    put_send(site.engine, SendCounts(campaign="tried", day=began.date(), arms=[mails]))
    browser = site.signed_in()
    past = words(browser.get("/campaigns?when=past").text)
    assert "Result of the send" in past
    assert past.count("120 clicked, 14 applied") == 1
    assert "GO IF 2,200 calls at most 2,160 calls/s · 1,100 sent, says Braze" in past
    assert "3 calls" not in past
    assert "Result of the send" not in words(browser.get("/campaigns").text)


def test_the_list_says_of_a_campaign_to_come_what_every_page_says(site: Site) -> None:
    site.add({**EVENING, "name": "to come", "at": "2026-11-24T20:00"}, key="to-come")
    site.add(
        {**EVENING, "name": "not like this", "at": "2026-11-25T20:00", "limit_per_min": 500_000}, key="b"
    )
    gone = site.add({**EVENING, "name": "taken off", "at": "2026-11-26T20:00"}, key="gone")
    site.register.remove(gone.id, version=gone.version, by="kim")
    browser = site.signed_in()
    listed = re.findall(r'class="mark (\w+)"', browser.get("/campaigns").text)
    assert listed == re.findall(r'class="mark (\w+)"', browser.get("/month?month=2026-11").text)
    assert len(listed) == 2
    assert 'class="mark' not in browser.get("/campaigns?when=removed").text


def test_a_duplicate_is_a_form_filled_in_for_the_next_week(site: Site) -> None:
    one = site.add({**DIGEST, "priority": 2})
    browser = site.signed_in()
    page = browser.get(f"/campaigns/{one.id}/duplicate").text
    assert 'action="/campaigns/new"' in page
    assert 'value="2026-11-30T09:00"' in page
    assert 'value="주간 추천 메일 2026-11-30"' in page
    assert len(site.register.campaigns()) == 1, "nothing is saved yet"
    assert f"/campaigns/{one.id}/duplicate" in browser.get(f"/campaigns/{one.id}").text
    assert f"/campaigns/{one.id}/duplicate" in browser.get("/campaigns").text
    assert browser.get("/campaigns/99/duplicate").status_code == 404


def _form(**changes: str) -> dict[str, str]:
    form = {"name": "digest", "key": "digest", "owner": "CRM", "kind": "rate_limited", "audience": "1.2m"}
    return {**form, "at": f"{MONDAY}T09:00", "limit_per_min": "50,000", "calls": "unsure", **changes}


def test_a_series_is_registered_edited_from_one_on_and_removed(site: Site) -> None:
    browser = site.signed_in()
    refused = browser.post("/campaigns/new", _form(repeat_weekly_until=MONDAY))
    assert (refused.status_code, "one to 52 weeks after" in refused.text) == (400, True)
    made = browser.post("/campaigns/new", _form(repeat_weekly_until="2026-12-07"))
    assert made.status_code == 303
    assert [one.name for one in site.register.campaigns()] == [
        "digest",
        "digest 2026-11-30",
        "digest 2026-12-07",
    ]
    report = browser.get(made.headers["Location"]).text
    assert "Sent every week: 3 sends" in report
    edit = browser.get("/campaigns/1/edit").text
    assert "this and the 2 that follow" in edit
    browser.post("/campaigns/1/edit", _form(limit_per_min="25,000", version="1", following="1"))
    assert {one.definition["limit_per_min"] for one in site.register.campaigns()} == {25_000}
    browser.post("/campaigns/2/edit", _form(name="digest 2026-11-30", at="2026-11-30T10:00", version="2"))
    assert [one.definition["at"][11:16] for one in site.register.campaigns()] == ["09:00", "10:00", "09:00"]
    assert "The weekly send that follows, too" in browser.get("/campaigns/2/remove").text
    browser.post("/campaigns/2/remove", {"version": "3", "following": "1"})
    assert [one.name for one in site.register.campaigns()] == ["digest"]


def test_whoever_may_only_look_is_offered_no_duplicate(site: Site) -> None:
    one = site.add(DIGEST)
    site.add_operator("looker", Role.LOOK)
    browser = site.signed_in("looker")
    assert "/duplicate" not in browser.get("/campaigns").text
    assert "/duplicate" not in browser.get(f"/campaigns/{one.id}").text
    assert browser.get("/calendar.csv").status_code == 200


# Files.
def test_excel_opens_the_file_as_utf8_and_takes_nothing_for_a_formula(site: Site) -> None:
    site.measured(low_rps=9_000.0)
    site.add(DIGEST)
    site.add({**EVENING, "name": '=HYPERLINK("http://x","y")', "at": f"{MONDAY}T19:00"}, key="closing-soon")
    site.add({**EVENING, "name": '＋1, "quoted"', "at": f"{MONDAY}T20:00"}, key="closing-soon")
    answer = site.signed_in(language="ko").get(f"/calendar.csv?first={MONDAY}&until={MONDAY}")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="calendar-{MONDAY}.csv"'
    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert [row["이름"] for row in rows] == [
        "주간 추천 메일",
        '\'=HYPERLINK("http://x","y")',
        '\'＋1, "quoted"',
    ]
    assert (rows[0]["시작"], rows[0]["판정"], rows[0]["시간대"]) == (
        f"{MONDAY} 09:00",
        "조건부 가능",
        "Asia/Seoul",
    )
    assert (rows[0]["발송 대상"], rows[0]["권장 분당 발송 속도"]) == ("1200000", "10000")
    assert b"\r\n" in answer.data


def test_a_calendar_takes_each_campaign_as_an_event_that_stays_itself(site: Site) -> None:
    site.measured(low_rps=9_000.0)
    one = site.add({**DIGEST, "name": "comma, semicolon; back\\slash " + "긴 이름 " * 10 + "끝"})
    timed = {
        "name": "best hours",
        "kind": "intelligent_timing",
        "audience": 100,
        "on": "2026-11-25",
        "users_per_hour": [1] * 24,
        "fallback_share": 0.1,
        "fallback_at": "09:00:00",
    }
    site.add(timed, key="best")
    browser = site.signed_in()
    answer = browser.get(f"/calendar.ics?first={MONDAY}")
    assert answer.mimetype == "text/calendar"
    text = answer.data.decode()
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    calendar: Any = Calendar.from_ical(text)
    event, all_day = calendar.walk("VEVENT")
    assert event["SUMMARY"] == f"{one.name} [GO IF]"
    assert event["DTSTART"].dt == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert event["DTSTART"].params["TZID"] == "Asia/Seoul"
    assert event["DTEND"].dt - event["DTSTART"].dt == timedelta(minutes=120), "1.2 million at 10,000 a minute"
    assert event["URL"] == f"http://localhost/campaigns/{one.id}"
    assert "Set the delivery speed at 10,000" in event["DESCRIPTION"]
    assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["Asia/Seoul"]
    assert str(all_day["DTSTART"].dt) == "2026-11-25"
    assert browser.get(f"/calendar.ics?first={MONDAY}").data == answer.data, "nothing changed"
    moved = {**one.definition, "at": f"{MONDAY}T10:00:00"}
    site.register.edit(one.id, replace(one.draft(), definition=moved), version=1, by="x")
    later: Any = Calendar.from_ical(browser.get(f"/calendar.ics?first={MONDAY}").data)
    again = later.walk("VEVENT")[0]
    assert again["UID"] == event["UID"]
    assert (event["SEQUENCE"], again["SEQUENCE"]) == (0, 1)
    assert len({event["UID"], all_day["UID"]}) == 2


def test_an_empty_calendar_is_a_file_all_the_same(site: Site) -> None:
    browser = site.signed_in()
    assert len(browser.get("/calendar.csv").text.splitlines()) == 1
    empty: Any = Calendar.from_ical(browser.get("/calendar.ics").data)
    assert empty.walk("VEVENT") == []
    assert browser.get("/calendar.txt").status_code == 404


# Hostile input.
ODD = [
    *("", " ", "0", "-1", "1e9", "NaN", "None", "null", "true", "[]", "{}", "٣", "9" * 5_000),
    *("2026-13", "2026-00", "2026-02-31", "0001-01", "9999-12", "2026-1", "2026-11-23T09:00", "-2026-11"),
    *("2100-01", "1999-12", "2099-12-31", "2000-01-01", "2026-W47", "20261123", "now", "today"),
    *("'; DROP TABLE x; --", MARKUP, "<script>alert(1)</script>", "{{7*7}}", "%00", "%s%n", "\\", "%", "_"),
    *("\u202e", "🎉", "../../etc/passwd", "a" * 10_000, "coming", "-starts", "csv", "ﬁ"),
]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", ["day"]),
        ("/month", ["month"]),
        ("/campaigns", ["q"]),
        ("/campaigns", ["when"]),
        ("/campaigns", ["sort"]),
        ("/campaigns", ["page"]),
        ("/calendar.csv", ["first", "until"]),
        ("/calendar.ics", ["until", "first"]),
        ("/campaigns/1/edit", ["following"]),
        ("/campaigns/new", ["repeat_weekly_until"]),
    ],
)
def test_no_odd_value_breaks_a_page_or_stands_in_it_as_markup(
    operator: Browserlike, path: str, names: list[str]
) -> None:
    """Where a page takes two values, they are odd in turn and both at once."""
    for place, value in enumerate(ODD):
        odd = names if place % 3 == 0 else [names[place % len(names)]]
        answer = operator.get(path, query_string=dict.fromkeys(odd, value))
        assert answer.status_code == 200, value[:80]
        assert "<img src=x" not in answer.text
        assert "<script>alert" not in answer.text


@pytest.mark.parametrize("number", ["0", "99999999999999999999999", "-1", "x", "1.5", "%31%00"])
def test_no_odd_number_breaks_a_duplicate(operator: Browserlike, number: str) -> None:
    assert operator.get(f"/campaigns/{number}/duplicate").status_code in {404, 503}


def test_what_people_typed_is_text_everywhere(site: Site) -> None:
    named = MARKUP[:60]
    site.add({**EVENING, "name": named})
    browser = site.signed_in()
    for path in ("/month?month=2026-11", "/campaigns?when=all", "/campaigns/1/duplicate", f"/?day={MONDAY}"):
        page = browser.get(path).text
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page
