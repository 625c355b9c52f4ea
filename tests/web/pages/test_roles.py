"""Who looks, who plans and who administers: every page and every form of the pages, tried by each role."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from app.credentials import Role
from app.web.pages.setup import OPEN
from tests.web.pages.site import DIGEST, MONDAY, token_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.web.pages.site import Browserlike, Site

LOOK, PLAN, ADMINISTER = Role
# Every page and form by its method and path: a new one must be put here, with its role.
NEEDED: Mapping[tuple[str, str], Role] = {
    ("POST", "/sign-out"): LOOK,
    ("GET", "/"): LOOK,
    ("GET", "/ask"): LOOK,
    ("GET", "/ask/answer"): LOOK,
    ("GET", "/campaigns/new"): PLAN,
    ("POST", "/campaigns/new"): PLAN,
    ("GET", "/month"): LOOK,
    ("GET", "/calendar.<kind>"): LOOK,
    ("GET", "/campaigns"): LOOK,
    ("GET", "/campaigns/<int:number>/duplicate"): PLAN,
    ("GET", "/campaigns/<int:number>"): LOOK,
    ("GET", "/campaigns/<int:number>/live"): LOOK,
    ("GET", "/campaigns/<int:number>/plan.toml"): LOOK,
    ("POST", "/campaigns/<int:number>/sent"): PLAN,
    ("GET", "/campaigns/<int:number>/edit"): PLAN,
    ("POST", "/campaigns/<int:number>/edit"): PLAN,
    ("POST", "/campaigns/<int:number>/advice"): PLAN,
    ("GET", "/campaigns/<int:number>/remove"): PLAN,
    ("POST", "/campaigns/<int:number>/remove"): PLAN,
    ("GET", "/campaigns/<int:number>/changes"): LOOK,
    ("GET", "/evidence"): LOOK,
    ("GET", "/evidence/<path:evidence_id>"): LOOK,
    ("POST", "/evidence/remove"): ADMINISTER,
    ("GET", "/preview"): LOOK,
    ("GET", "/preview/mail"): LOOK,
    ("GET", "/preview/random"): LOOK,
    ("GET", "/settings"): LOOK,
    ("GET", "/campaigns/<int:number>/shares"): PLAN,
    ("POST", "/campaigns/<int:number>/shares"): PLAN,
    ("POST", "/campaigns/<int:number>/shares/revoke"): PLAN,
    ("POST", "/settings"): ADMINISTER,
    ("GET", "/results"): LOOK,
    ("GET", "/results/campaigns/<key>"): LOOK,
    ("GET", "/results/experiments/<key>"): LOOK,
    ("GET", "/experiments"): LOOK,
    ("POST", "/experiments"): PLAN,
    ("POST", "/experiments/<key>/start"): PLAN,
    ("POST", "/experiments/<key>/stop"): PLAN,
    ("GET", "/syncs"): LOOK,
    ("GET", "/syncs/<name>"): LOOK,
    ("GET", "/syncs/<name>/rejects.csv"): LOOK,
    ("POST", "/syncs/<name>/pause"): PLAN,
    ("POST", "/syncs/<name>/resume"): PLAN,
}
RANKS = list(Role)


def routes(site: Site) -> set[tuple[str, str]]:
    """Every route of the pages that is not open."""
    return {
        (method, rule.rule)
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.startswith("pages.") and rule.endpoint not in OPEN
    }


@pytest.fixture
def team(site: Site) -> dict[Role, Browserlike]:
    """Somebody of each role, signed in, on pages with a load test and a campaign."""
    site.measured()
    site.add(DIGEST)
    for role in Role:
        site.add_operator(f"who may {role}", role)
    return {role: site.signed_in(f"who may {role}") for role in Role}


def test_every_page_is_in_this_table_with_its_role(site: Site) -> None:
    assert routes(site) == set(NEEDED)


def test_each_role_opens_what_it_may_and_is_refused_with_a_sentence(
    site: Site, team: dict[Role, Browserlike]
) -> None:
    before = (site.register.audit_log(), site.register.campaigns(), site.evidence.all())
    for (method, path), needed in NEEDED.items():
        if path == "/sign-out":
            continue
        at = path.replace("<int:number>", "1").replace("<path:evidence_id>", "none")
        for role, browser in team.items():
            if RANKS.index(role) >= RANKS.index(needed):
                if method == "GET":
                    assert browser.get(at).status_code != 403, (role, path)
                continue
            got = browser.get(at) if method == "GET" else browser.post(at, {"id": "x"}, page="/")
            assert got.status_code == 403, (role, method, path)
            assert "Your role does not allow this" in got.text
    assert (site.register.audit_log(), site.register.campaigns(), site.evidence.all()) == before


def test_a_plan_is_registered_by_who_plans_and_no_evidence_is_removed_by_them(
    site: Site, team: dict[Role, Browserlike]
) -> None:
    typed = {
        "name": "저녁 발송",
        "key": "evening",
        "owner": "CRM",
        "audience": "1000",
        "kind": "rate_limited",
    }
    typed |= {"at": f"{MONDAY}T19:00", "limit_per_min": "100"}
    assert team[LOOK].post("/campaigns/new", typed, page="/").status_code == 403
    assert team[PLAN].post("/campaigns/new", typed).status_code == 303
    kept = site.evidence.all()[0].id
    assert team[PLAN].post("/evidence/remove", {"id": kept}, page="/").status_code == 403
    assert team[ADMINISTER].post("/evidence/remove", {"id": kept}, page="/evidence").status_code == 303
    assert [(one.who, one.what) for one in site.register.audit_log()[:2]] == [
        ("who may administer", "evidence removed"),
        ("who may plan", "campaign added"),
    ]


@pytest.mark.parametrize("role", [LOOK, PLAN])
def test_no_page_offers_what_the_role_does_not_allow(
    site: Site, team: dict[Role, Browserlike], role: Role
) -> None:
    """Forms, buttons and links, on every page that one of the role may open."""
    patterns = {
        (method, re.compile(re.sub(r"<(?:int|path):\w+>", r"[^/?]+", path) + r"(?:\?.*)?"))
        for (method, path), needed in NEEDED.items()
        if RANKS.index(needed) > RANKS.index(role)
    }
    evidence = site.evidence.all()[0].id
    ask = f"/ask?audience=1000&kind=rate_limited&at={MONDAY}T09:00&limit_per_min=100"
    for path in (
        "/",
        f"/?day={MONDAY}",
        ask,
        "/campaigns/1",
        "/campaigns/1/changes",
        "/evidence",
        f"/evidence/{evidence}",
        "/preview",
        "/settings",
    ):
        text = team[role].get(path).text
        offered = {("GET", at) for at in re.findall(r'href="([^"]+)"', text)}
        offered |= {("POST", at) for at in re.findall(r'method="post" action="([^"]+)"', text)}
        offered |= {("POST", at) for at in re.findall(r'formaction="([^"]+)"', text)}
        forbidden = [
            (method, at)
            for method, at in offered
            for known, pattern in patterns
            if method == known and pattern.fullmatch(at.replace("&amp;", "&"))
        ]
        assert forbidden == [], path


def test_every_page_says_who_is_signed_in_and_as_what(team: dict[Role, Browserlike]) -> None:
    for role, told in ((LOOK, "may look"), (PLAN, "plans sends"), (ADMINISTER, "administers")):
        for path in ("/", "/ask", "/evidence", "/preview", "/campaigns/1", "/no-such-page"):
            text = team[role].get(path).text
            assert f"who may {role}<small> · {told}</small>" in text, path
            assert 'action="/sign-out"' in text


def test_a_role_does_not_get_around_the_token_of_a_form(site: Site, team: dict[Role, Browserlike]) -> None:
    for token in ("", "forged", token_in(team[LOOK].get("/").text)):
        got = team[ADMINISTER].client.post("/evidence/remove", data={"id": "x", "csrf_token": token})
        assert got.status_code == 400
    assert len(site.evidence.all()) == 1
