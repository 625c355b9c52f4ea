"""The load tests behind the verdicts, and the mails behind the calls."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from app.refresh.whole import refresh
from app.web.pages.access.security_headers import mail_policy
from tests.integration.small_board import fill, rows
from tests.unit.braze.answers import answer_body, realistic_postings
from tests.web.pages.site import DIGEST, evidence_document, previews, site_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.pages.site import Browserlike, Site


def test_each_load_test_shows_its_age_what_held_and_what_it_ran_on(operator: Browserlike) -> None:
    overview = operator.get("/evidence").text
    assert "Wed 18 Nov 10:30" in overview
    assert "9,000" in overview
    page = operator.get("/evidence/loadtest-20261118-0130").text
    assert (
        "It carried 9,000 calls a second, confirmed by a soak; at 9,900 it no longer did: answers became slow."
        in page
    )
    assert page.count("<circle") >= 10, "five rates in the wide chart and five in the narrow one"
    rows = re.findall(r'<th scope="row">([^<]+)</th><td>(held|broke)</td>', page)
    assert rows == [
        ("1,125", "held"),
        ("2,250", "held"),
        ("4,500", "held"),
        ("9,000", "held"),
        ("9,900", "broke"),
    ]
    assert '<th scope="row">Configuration id</th><td>ffffffffffffffff</td>' in page
    assert '<th scope="row">On the service&#39;s own machine</th><td>no</td>' in page


def test_a_load_test_is_wholly_in_korean_for_who_reads_korean(measured: Site) -> None:
    browser = measured.signed_in(language="ko")
    for path in ("/evidence", "/evidence/loadtest-20261118-0130"):
        page = re.sub(
            r"<(script|style|pre|code)\b.*?</\1>",
            "",
            browser.get(path).text.split('tabindex="-1">')[1],
            flags=re.DOTALL,
        )
        words = set(re.findall(r"[A-Za-z]{2,}", re.sub(r"<[^>]*>", " ", page)))
        assert words <= {
            "ms",
            "CPU",
            "Locust",
            "threads",
            "ffffffffffffffff",
            "HOST",
            "Braze",
            "credential",
            "command",
            "line",
        }, path


@pytest.mark.parametrize(
    ("kind", "said", "next_step"),
    [
        (
            "unconfirmed",
            "초당 9,000건을 짧은 시간 동안만 처리했고",
            "다른 작업이 돌지 않을 때 다시 실행하세요.",
        ),
        ("none", "기준을 지킨 처리량이 없습니다.", "서비스가 정상인지 확인한 뒤 다시 실행하세요."),
        ("at_least", "적어도 초당 9,000건은 처리하며", "별도 서버 한 대 또는 여러 대에서 다시 실행하세요."),
    ],
)
def test_a_load_test_that_found_no_ceiling_says_what_to_do_next(
    site: Site, kind: str, said: str, next_step: str
) -> None:
    document = evidence_document(low_rps=9_000.0, ended_at=site.now, tables={})
    document["verdict"] = {**document["verdict"], "kind": kind}
    site.evidence.add(json.dumps({**document, "id": "again"}))
    site.add(DIGEST)
    browser = site.signed_in(language="ko")
    page = browser.get("/evidence/again").text
    assert said in page
    assert next_step in page
    overview = browser.get("/evidence").text
    assert next_step in overview
    assert "python -m loadtest ceiling" in overview
    if kind != "at_least":
        assert next_step in browser.get("/").text


def test_evidence_without_steps_is_shown_without_a_chart(site: Site) -> None:
    site.measured()
    name = site.evidence.all()[0].id
    document = dict(site.evidence.document(name) or {})
    document |= {"id": "bare", "steps": [{"rps": 5}], "environment": {"service": {}}}
    site.evidence.add(json.dumps(document))
    page = site.signed_in().get("/evidence/bare").text
    assert "The file holds no steps to draw." in page
    assert "Nobody told the test." in page


def test_a_mail_is_shown_as_html_as_text_and_as_the_json_behind_it(operator: Browserlike) -> None:
    page = operator.get("/preview?campaign=1&member=m-1").text
    frame = re.search(r'<iframe class="mail light" sandbox loading="lazy" title="[^"]+" src="([^"]+)"', page)
    assert frame
    mail = operator.get(frame[1].replace("&amp;", "&"))
    assert mail.mimetype == "text/html"
    assert "회원님을 위한 추천 공고" in mail.text
    blocks = [json.loads(_unescaped(b)) for b in re.findall(r"<pre[^>]*>(\{.*?\})</pre>", page, re.DOTALL)]
    assert blocks == [answer_body(realistic_postings())]
    assert "cj: v1|aqBdGfU6K_NRfVp3|weekly-digest|personalized||10|p1,p2" in page
    assert 'role="alert"' not in page
    assert "모두 10건이에요." in page


def test_what_only_braze_fills_in_is_named_beside_the_mail(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "greeting.html.liquid").write_text(
        "Hi {{${first_name}}}{% message_extras :value 1 :key a %}", encoding="utf-8"
    )
    (tmp_path / "greeting.txt.liquid").write_text(
        "Hi {{${first_name}}}{% if ${age} > 3 && 1 %}{% endif %}", encoding="utf-8"
    )
    with site_on(database_url, previews=replace(previews(), folder=tmp_path)) as site:
        page = _unescaped(site.signed_in().get("/preview?member=m-1").text)
    assert "<code>${first_name}</code>, <code>${age}</code>" in page
    assert "does not read '&& 1' in this if" in page
    (alert,) = re.findall(r'role="alert">(.*?)</div>', page, re.DOTALL)
    assert "Line 1, column 21 of the template: the message extra is lost: Braze reads only" in alert


def test_the_mail_may_do_nothing_but_look_like_itself(operator: Browserlike) -> None:
    mail = operator.get("/preview/mail?member=m-1")
    policy = mail.headers["Content-Security-Policy"]
    assert policy == mail_policy(mail.text)
    rules = policy.split("; ")
    assert {"default-src 'none'", "sandbox", "form-action 'none'", "frame-ancestors 'self'"} <= set(rules)
    assert "'unsafe-inline'" not in policy
    assert "script-src" not in policy
    assert mail.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert mail.headers["Cache-Control"] == "no-store"


def test_the_liquid_to_copy_names_the_campaign_and_the_service(operator: Browserlike) -> None:
    page = _unescaped(operator.get("/preview?campaign=2").text)
    urls = re.findall(r"{% connected_content (.+?) :basic_auth", page)
    assert len(urls) == 2
    assert len(set(urls)) == 1
    assert urls[0].startswith("https://jobs.example.org/")
    assert "campaign=closing-soon&" in urls[0]
    assert "weekly-digest" not in urls[0]


def test_a_campaign_with_retry_is_offered_the_template_that_retries(site: Site) -> None:
    retrying = {"name": "재시도", "kind": "at_once", "audience": 5, "at": "2026-11-23T09:00", "retry": True}
    one = site.add(retrying, key="again")
    page = site.signed_in().get(f"/preview?campaign={one.id}").text
    assert '<option value="jobs-mail-retry" selected>' in page


def test_hostile_choices_fall_to_what_there_is(operator: Browserlike) -> None:
    for query in (
        "template=../../etc/passwd&member=m-1",
        "template=jobs-mail.html&member=%00",
        "campaign=999&member=" + "x" * 5_000,
        "campaign=abc&member=<script>alert(1)</script>",
    ):
        for path in ("/preview", "/preview/mail"):
            answer = operator.get(f"{path}?{query}")
            assert answer.status_code == 200, (path, query)
            assert "<script>alert" not in answer.text


def test_the_mail_of_any_member_is_looked_at_without_knowing_an_id(site: Site) -> None:
    browser = site.signed_in()
    nobody = browser.get("/preview/random?campaign=1")
    assert nobody.status_code == 303
    assert "No member has a list yet" in browser.get(nobody.headers["Location"]).text
    fill(site.engine, members=20, postings=10)
    refresh(site.engine, processes=1)
    drawn = browser.get("/preview/random?campaign=1&template=jobs-mail&member=typed%20before&other=1")
    where = urlsplit(drawn.headers["Location"])
    chosen = parse_qs(where.query)
    assert (drawn.status_code, where.path) == (303, "/preview")
    assert {name: values for name, values in chosen.items() if name != "member"} == {
        "campaign": ["1"],
        "template": ["jobs-mail"],
    }
    listed = rows(site.engine, "SELECT member_id FROM connected_jobs.recommendation_list")
    assert (chosen["member"][0],) in {tuple(row) for row in listed}


def test_without_a_service_to_preview_against_the_page_says_how_to_name_one(database_url: str) -> None:
    with site_on(database_url) as site:
        browser = site.signed_in()
        assert "CJ_PREVIEW_URL" in browser.get("/preview").text
        assert browser.get("/preview/mail").status_code == 404


def _unescaped(text: str) -> str:
    for entity, letter in (("&#34;", '"'), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, letter)
    return text
