"""One campaign has one verdict: in the calendar, its report, the question, the API and the command, whatever is on record."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from app.cli.capacity import capacity
from tests.web.pages.site import OPERATOR, Site

if TYPE_CHECKING:
    from collections.abc import Mapping

SEOUL = ZoneInfo("Asia/Seoul")
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # wall time in Seoul
WEEKS = ("2026-11-16", "2026-11-23", "2026-11-30")


def _register(rng: Random, many: int) -> list[dict[str, Any]]:
    """Campaigns of two weeks that meet, or do so only at an advised speed; some past, some without hope."""
    made = []
    for number in range(many):
        at = AT + timedelta(minutes=rng.choice([-6_000, 0, 5, 60, 180, 300, 1_440, 1_500, 8_000]))
        one: dict[str, Any] = {
            "name": f"send {number}",
            "kind": rng.choice(["rate_limited", "rate_limited", "at_once"]),
            "audience": rng.choice([2_000, 60_000, 200_000, 1_200_000]),
            "at": f"{at:%Y-%m-%dT%H:%M:%S}",
        }
        if one["kind"] == "rate_limited":
            one["limit_per_min"] = rng.choice([1_000, 10_000, 50_000])
        if rng.random() < 0.4:
            one["finish_by"] = f"{at + timedelta(minutes=rng.choice([30, 90, 600, 1_200])):%Y-%m-%dT%H:%M:%S}"
        if rng.random() < 0.2:
            one["priority"] = 1
        made.append(one)
    return made


def _asked(definition: Mapping[str, Any], number: int) -> str:
    typed = {"audience": definition["audience"], "kind": definition["kind"], "at": definition["at"][:16]}
    typed |= {name: definition[name] for name in ("limit_per_min", "priority") if name in definition}
    if "finish_by" in definition:
        typed["finish_by"] = definition["finish_by"][:16]
    return urlencode(
        {**typed, "calls": "unsure", "on_failure": "blank", "name": definition["name"], "instead_of": number}
    )


def _spoken(page: str) -> tuple[str, str]:
    """The verdict and the sentence of a page's panel."""
    mark = re.search(r'class="verdict (\w+)"', page)
    sentence = re.search(r"data-speak>([^<]*)<", page)
    assert mark
    assert sentence
    return mark[1].upper(), html.unescape(sentence[1])


@pytest.mark.parametrize("seed", range(2))
def test_every_surface_says_the_same_of_a_campaign(
    site: Site, database_url: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(seed)
    if seed:
        site.measured(low_rps=rng.choice([300.0, 900.0, 6_000.0]))
    definitions = _register(rng, 7)
    numbers = [site.add(one, key=f"send-{place}").id for place, one in enumerate(definitions)]
    browser = site.signed_in()
    monkeypatch.setenv("DATABASE_URL", database_url)
    said = CliRunner().invoke(capacity, ["check", "--json", "--now", site.now.isoformat()])
    by_command = {one["name"]: one for one in json.loads(said.output)["campaigns"]}
    credentials = {"Authorization": f"Bearer {site.secrets[OPERATOR]}"}
    query = urlencode({"from": "2026-11-16T00:00:00+09:00", "until": "2026-12-10T00:00:00+09:00"})
    answer = site.app.test_client().get(f"/v1/capacity/verdict?{query}", headers=credentials)
    by_api = {one["name"]: one for one in json.loads(answer.data)["judgement"]["campaigns"]}
    calendar = {
        html.unescape(name): mark.upper()
        for day in WEEKS
        for mark, name in re.findall(
            r'class="mark (\w+)">[^<]*</span>(?: <span class="clash">[^<]*</span>)?<strong>([^<]*)<',
            browser.get(f"/?day={day}").text,
        )
    }
    listed = {
        int(number): mark and mark.upper()
        for number, mark in re.findall(
            r'<th scope="row"><a href="/campaigns/(\d+)".*?<td class="judged">(?:<span class="mark (\w+)")?',
            browser.get("/campaigns?when=all").text,
            re.DOTALL,
        )
    }
    for number, definition in zip(numbers, definitions, strict=True):
        name = definition["name"]
        report = _spoken(browser.get(f"/campaigns/{number}").text)
        assert _spoken(browser.get(f"/ask?{_asked(definition, number)}").text) == report
        assert (by_api[name]["verdict"], by_api[name]["sentence"]["en"]) == report
        if name in by_command:  # the command tells of what is not over, and of what is the calendar says so
            assert (by_command[name]["verdict"], by_command[name]["sentence"]["en"]) == report
            begun = definition["at"] <= site.now.astimezone(SEOUL).isoformat()
            assert calendar[name] == ("DONE" if begun else report[0])
            assert listed[number] == ("" if begun else report[0])
        else:
            assert (report[0], calendar[name]) == ("NO_GO", "DONE")


def test_an_advised_speed_is_judged_beside_what_only_it_meets(site: Site) -> None:
    """Planned it ends within the hour; as advised it goes on past noon, and meets what is sent then."""
    site.measured(low_rps=500.0)
    noon = {
        "name": "noon",
        "kind": "rate_limited",
        "audience": 60_000,
        "at": "2026-11-23T12:00:00",
        "limit_per_min": 1_000,
    }
    long = {
        "name": "long",
        "kind": "rate_limited",
        "audience": 600_000,
        "at": "2026-11-23T10:30:00",
        "limit_per_min": 50_000,
    }
    first = site.add(noon, key="noon")
    second = site.add(long, key="long")
    browser = site.signed_in()
    assert _spoken(browser.get(f"/campaigns/{first.id}").text)[0] == "GO"
    page = browser.get(f"/campaigns/{second.id}").text
    assert _spoken(page)[0] == "GO_IF"
    assert "noon" in page.split("What it collides with")[1]


def test_what_is_only_asked_about_pushes_nobody_aside(site: Site) -> None:
    """It begins earlier and has a priority, and still who is on record goes first, or is said to give way."""
    site.measured(low_rps=384.0)
    noon = {
        "name": "noon",
        "kind": "rate_limited",
        "audience": 60_000,
        "at": "2026-11-23T12:00:00",
        "limit_per_min": 1_000,
    }
    kept = site.add(noon, key="noon")
    browser = site.signed_in()
    before = {**noon, "name": "before", "at": "2026-11-23T11:55:00"}
    assert _spoken(browser.get(f"/ask?{_asked(before, 0)}").text)[0] != "GO"
    verdict, sentence = _spoken(browser.get(f"/ask?{_asked(before | {'priority': 1}, 0)}").text)
    assert verdict == "GO_IF"
    assert '"noon"' in sentence
    assert _spoken(browser.get(f"/campaigns/{kept.id}").text)[0] == "GO"


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("at", ["2026-10-20T09:00", "2026-11-20T10:29", "2001-01-01T00:00"])
def test_a_start_in_the_past_is_refused_and_nothing_is_advised(
    measured: Site, at: str, language: str
) -> None:
    past = {"audience": 1_000, "kind": "rate_limited", "at": at, "limit_per_min": 1_000, "name": "past"}
    page = measured.signed_in(language=language).get(f"/ask?{_asked(past, 0)}").text
    verdict, sentence = _spoken(page)
    assert verdict == "NO_GO"
    assert {"en": "The start has passed.", "ko": "시작 시각이 지났습니다."}[language] in sentence
    assert 'id="for-braze"' not in page


@pytest.mark.parametrize("seed", range(2))
def test_a_recommended_speed_put_on_record_is_a_plain_yes_and_changes_nobody_elses_verdict(
    site: Site, seed: int
) -> None:
    rng = Random(100 + seed)
    site.measured(low_rps=rng.choice([900.0, 6_000.0]))
    kept = [site.add(one, key=f"send-{place}").id for place, one in enumerate(_register(rng, 4))]
    browser = site.signed_in()

    def decided() -> list[tuple[str, list[str], list[str]]]:
        """Of each on record the verdict and, where it may go, its speed and its end."""
        spoken = [_spoken(browser.get(f"/campaigns/{one}").text) for one in kept]
        return [
            (verdict, re.findall(r"delivery speed at ([\d,]+)", said), re.findall(r"ends at .*$", said))
            if verdict in {"GO", "GO_IF"}
            else (verdict, [], [])
            for verdict, said in spoken
        ]

    before = decided()
    for at in ("2026-11-23T09:00", "2026-11-23T12:00", "2026-11-25T09:00"):
        audience = rng.choice([60_000, 200_000])
        asked = {"name": f"asked {at}", "kind": "rate_limited", "audience": audience, "at": at}
        page = browser.get(f"/ask?{_asked(asked, 0)}").text
        verdict, sentence = _spoken(page)
        saved = re.search(r'class="button" href="(/campaigns/new\?[^"]+)"', page)
        if verdict != "GO_IF":
            continue
        assert saved
        taken = parse_qs(urlsplit(html.unescape(saved[1])).query)
        definition = {**asked, "limit_per_min": int(taken["limit_per_min"][0].replace(",", ""))}
        number = site.add(definition, key="asked").id
        told, again = _spoken(browser.get(f"/campaigns/{number}").text)
        assert told == "GO"
        assert re.findall(r"ends at .*$", sentence) == re.findall(r"ends at .*$", again)
        assert decided() == before
        one = site.register.campaign(number)
        assert one is not None
        site.register.remove(number, version=one.version, by=OPERATOR)
