"""Campaigns from Braze that nobody has finished: every page, file and answer goes on, and says what is missing."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.capacity.register.in_braze import ScheduledSend, TemplateFinding
from app.postgres.planning.in_braze import fill_register
from tests.web.pages.site import DIGEST, NOW, OPERATOR, Site

if TYPE_CHECKING:
    from app.capacity.register.campaigns import RegisteredCampaign

FAULT = TemplateFinding(code="template_extras_count", numbers={"message": "Variant 1", "times": 0})


def send(braze_id: str, **change: Any) -> ScheduledSend:
    values: dict[str, Any] = {
        "id": braze_id,
        "name": f"Braze {braze_id}",
        "kind": "campaign",
        "at": "2026-11-24T09:00:00+09:00",
        "schedule": "Asia/Seoul",
        "tags": ("jobs", "<b>"),
        "key": "weekly-digest",
        "findings": (FAULT,),
    }
    return ScheduledSend(**values | change)


SENDS = (
    send("one"),
    send("local", schedule="local_time_zones", at="2026-11-24T10:00:00"),
    send("best", schedule="intelligent_delivery", at="2026-11-25T10:00:00"),
    send("canvas", kind="canvas", key=None, findings=None),
    send("odd", name="x\n" * 90, at="2098-12-31T23:59:59+00:00"),
)


@pytest.fixture
def filled(site: Site) -> Site:
    """Two campaigns that can be judged, of one key with those that cannot."""
    site.measured(low_rps=9_000.0)
    site.add(DIGEST)
    pull(site, *SENDS)
    return site


def pull(site: Site, *sends: ScheduledSend) -> None:
    fill_register(
        site.engine,
        sends,
        listed={one.id for one in sends},
        until=NOW + timedelta(days=30),
        now=site.now,
        by="cron",
    )


def unfinished(site: Site) -> list[RegisteredCampaign]:
    return [one for one in site.register.campaigns() if one.in_braze is not None]


def test_every_page_goes_on_and_says_what_is_missing(filled: Site) -> None:
    for language, missing in (("en", "Recipients"), ("ko", "발송 대상")):
        browser = filled.signed_in(language=language)
        for path in ("/", "/?day=2026-11-24", "/month?month=2026-11", "/campaigns?when=all", "/ask"):
            assert browser.get(path).status_code == 200, path
        for one in unfinished(filled):
            page = browser.get(f"/campaigns/{one.id}")
            assert (page.status_code, missing in page.text) == (200, True), one.definition
            for path in ("edit", "changes", "remove", "shares"):
                assert browser.get(f"/campaigns/{one.id}/{path}").status_code == 200, path
        assert browser.get("/campaigns/1").status_code == 200
    assert "&lt;b&gt;" in browser.get(f"/campaigns/{unfinished(filled)[0].id}").text


def test_an_unfinished_send_stands_on_its_day_without_a_verdict(filled: Site) -> None:
    browser = filled.signed_in()
    for path in ("/?day=2026-11-24", "/month?month=2026-11"):
        text = browser.get(path).text
        assert "Braze one" in text
        assert "Not finished" in text


def test_what_is_not_a_campaigns_own_stays_away_from_it(filled: Site) -> None:
    """The one that can be judged has the same verdict, sends and files as if the others were not there."""
    auth = {"Authorization": "Basic " + b64encode(f"{OPERATOR}:{filled.secrets[OPERATOR]}".encode()).decode()}
    client = filled.app.test_client()

    def answer(path: str) -> Any:
        found = client.get(f"/v1/capacity/{path}", headers=auth)
        assert found.status_code == 200, (path, found.text)
        return found

    judged = answer("verdict").json
    assert judged["campaigns"] == [1]
    assert {one["why"] for one in judged["left_out"]} == {"unfinished"}
    assert judged["judgement"]["campaigns"][0]["verdict"] == "GO_IF"  # as when it stands alone
    assert answer("campaigns/1/sends").json == {"sends": []}
    listed = {one["id"]: one for one in answer("campaigns").json["campaigns"]}
    one = unfinished(filled)[0]
    assert listed[one.id]["missing"] == ["audience", "limit_per_min"]
    assert listed[one.id]["in_braze"]["findings"][0]["code"] == "template_extras_count"
    assert (listed[1]["missing"], listed[1]["in_braze"]) == ([], None)
    assert answer(f"campaigns/{one.id}/sends").json == {"sends": []}
    rows = list(csv.reader(io.StringIO(answer("calendar.csv?from=2026-11-01").text)))
    assert [row[0] for row in rows[1:]] == ["1"]
    assert answer("calendar.ics?from=2026-11-01").text.count("BEGIN:VEVENT") == 1


def test_the_time_in_braze_is_written_as_people_write_it(filled: Site) -> None:
    browser = filled.signed_in()
    shown = {
        one.in_braze.told["at"]: browser.get(f"/campaigns/{one.id}").text
        for one in filled.register.campaigns()
        if one.in_braze is not None
    }
    assert "<td>Tue 24 Nov 10:00 <small>at each member" in shown["2026-11-24T10:00:00"]
    assert not [at for at, page in shown.items() if f"<td>{at}" in page]


def test_a_link_shows_an_unfinished_campaign_to_nobody_but_as_unfinished(filled: Site) -> None:
    one = unfinished(filled)[0]
    browser = filled.signed_in()
    made = browser.post(f"/campaigns/{one.id}/shares", {"days": "3"})
    link = made.text.partition("/shared/")[2].partition('"')[0].partition("<")[0]
    seen = filled.client().get(f"/shared/{link}")
    assert (seen.status_code, "Not finished" in seen.text) == (200, True)
    assert "jobs, " not in seen.text


def test_once_finished_it_is_judged_and_its_faults_stand_on_its_page_and_in_its_verdict(filled: Site) -> None:
    one = unfinished(filled)[0]
    browser = filled.signed_in(language="ko")
    typed = {"audience": "10,000", "limit_per_min": "5,000", "kind": "rate_limited", "at": "2026-11-24T09:00"}
    form = {**typed, "name": one.name, "key": one.key, "owner": "kim", "version": str(one.version)}
    saved = browser.post(f"/campaigns/{one.id}/edit", {**form, "calls": "unsure", "on_failure": "blank"})
    assert saved.status_code == 303, saved.text
    page = browser.get(f"/campaigns/{one.id}")
    assert page.status_code == 200
    assert "‘Braze one’ 템플릿(Variant 1)의 HTML 본문에" in page.text
    pull(filled, *SENDS)  # what was typed stays
    kept = filled.register.campaign(one.id)
    assert kept is not None
    assert (kept.definition["audience"], kept.owner) == (10_000, "kim")
    removed = filled.register.remove(one.id, version=kept.version, by="kim")
    assert browser.get(f"/campaigns/{removed.id}").status_code == 200


def test_two_pulls_at_once_put_each_send_on_record_once(site: Site) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(pull, site, *SENDS) for _ in range(4)]:
            done.result()
    assert len(unfinished(site)) == len(SENDS)


def test_who_edits_what_a_pull_moved_meanwhile_is_shown_both(filled: Site) -> None:
    one = unfinished(filled)[0]
    pull(filled, replace(SENDS[0], at="2026-11-24T11:00:00+09:00"), *SENDS[1:])
    typed = {"audience": "10,000", "limit_per_min": "5,000", "kind": "rate_limited", "at": "2026-11-24T09:00"}
    form = {**typed, "name": one.name, "key": one.key, "owner": "kim", "version": str(one.version)}
    saved = filled.signed_in().post(
        f"/campaigns/{one.id}/edit", {**form, "calls": "unsure", "on_failure": "blank"}
    )
    assert (saved.status_code, "11:00" in saved.text, "cron" in saved.text) == (409, True, True)


def test_a_removed_unfinished_one_can_be_looked_at(filled: Site) -> None:
    one = unfinished(filled)[0]
    filled.register.remove(one.id, version=one.version, by="kim")
    assert "removed this campaign" in filled.signed_in().get(f"/campaigns/{one.id}").text
