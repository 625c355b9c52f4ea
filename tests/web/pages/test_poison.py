"""One bad thing harms only itself: whatever stands in the planner's tables, its pages and its API go on, and name it."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from app.capacity.evidence.file import EvidenceError, read_evidence
from app.capacity.on_record import judge_window
from tests.web.pages.site import DIGEST, EVENING, MONDAY, NOW, OPERATOR, Site, evidence_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.pages.site import Browserlike

ODD: dict[str, Any] = {
    "null": None,
    "a text": "x",
    "negative": -5.0,
    "vast": 1e308,
    "a whole number beyond all": 10**30,
    "a list of lists": [[1]],
    "an object": {"x": {"y": [1, "z"]}},
    "far away": "9999-12-31T23:59:59Z",
    "long past": "0001-01-01T00:00:00Z",
    "no zone": "2026-11-19T01:00:00",
    "markup": "<script>alert(1)</script>",
}
FIELDS = (
    *(("began_at",), ("ended_at",), ("host",), ("steps",), ("verdict",), ("environment",)),
    *(("verdict", name) for name in ("sentence", "kind", "rps", "low_rps", "high_rps", "bound_by")),
    *(("environment", name) for name in ("service", "generator")),
    *(("environment", "service", name) for name in ("fingerprint", "instances", "tables", "settings")),
    *(("steps", 0, name) for name in ("rps", "latency", "outcome", "broken", "calls", "phase")),
    ("steps", 0, "latency", "percentiles_ms"),
)


def _poisoned() -> Iterator[tuple[str, dict[str, Any]]]:
    """Evidence with every kind of odd value in every field."""
    good = evidence_document(low_rps=900.0, ended_at=NOW - timedelta(days=1), tables={})
    for number, path in enumerate(FIELDS):
        for kind, value in ODD.items():
            bad = copy.deepcopy(good)
            place: Any = bad
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
            bad["id"] = f"bad-{number}-{kind.replace(' ', '-')}"
            yield f"{'.'.join(map(str, path))} {kind}", bad


def _insert(site: Site, evidence_id: str, document: str, **columns: Any) -> None:
    values = {"began": "2026-11-19", "ended": "2026-11-19", "rps": 5.0, "low": 5.0, **columns}
    with site.engine.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO connected_jobs.evidence (id, began_at, ended_at, kind, rps, low_rps, sentence, document)
                VALUES (:id, CAST(:began AS timestamptz), CAST(:ended AS timestamptz), 'ceiling', :rps, :low, 's',
                        CAST(:document AS jsonb))
            """),
            {"id": evidence_id, "document": document, **values},
        )


def _campaign(site: Site, definition: str, *, key: str = "odd", updated: str = "2026-11-19") -> int:
    with site.engine.begin() as connection:
        number: int = connection.execute(
            text("""
                INSERT INTO connected_jobs.campaign (key, owner, definition, created_by, updated_by, updated_at)
                VALUES (:key, 'kim', CAST(:definition AS json), 'kim', 'kim', CAST(:updated AS timestamptz))
                RETURNING id
            """),
            {"key": key, "definition": definition, "updated": updated},
        ).scalar_one()
    return number


PAGES = ("/", f"/?day={MONDAY}", "/ask", "/evidence", "/preview", "/campaigns/new")
ASK = f"/ask?audience=1000&kind=at_once&at={MONDAY}T08:00&calls=unsure&on_failure=blank"
API = (
    "campaigns",
    "campaigns?removed=true",
    "evidence",
    "workspace",
    "audit",
    "verdict?from=2026-11-22T00:00:00Z",
)


def _all_answer(site: Site, browser: Browserlike, *more: str) -> None:
    headers = {"Authorization": f"Bearer {site.secrets[OPERATOR]}"}
    paths = [*PAGES, ASK, *more, *(f"/v1/capacity/{path}" for path in API)]
    api = site.app.test_client()
    statuses = {
        path: (api.get(path, headers=headers) if path.startswith("/v1/") else browser.get(path)).status_code
        for path in paths
    }
    assert {path: status for path, status in statuses.items() if status >= 500} == {}
    assert {statuses[path] for path in (*PAGES, ASK)} == {200}


def _verdict(site: Site) -> Any:
    return judge_window(site.register, site.evidence, now=site.now).judgement


@pytest.fixture
def stocked(site: Site) -> Site:
    site.measured(low_rps=9_000.0)
    site.add(DIGEST)
    site.add(EVENING, key="closing-soon")
    return site


def test_bad_evidence_in_the_table_is_left_out_and_named_and_can_be_taken_back(stocked: Site) -> None:
    before = _verdict(stocked)
    bad = {}
    for _what, document in _poisoned():
        _insert(stocked, document["id"], json.dumps(document))
        bad[document["id"]] = document
    for number, shape in enumerate(("[]", "null", '"x"', "7", "{}", "[" * 3_000 + "]" * 3_000)):
        _insert(stocked, f"shape-{number}", shape)
    _insert(
        stocked,
        "deep",
        json.dumps(evidence_document(low_rps=1, ended_at=NOW, tables={}))[:-1]
        + ',"x":'
        + "[" * 3_000
        + "]" * 3_000
        + "}",
    )
    _insert(stocked, "../../x", "{}", ended="infinity", began="-infinity")
    _insert(stocked, "", "{}", rps=float("nan"), low=float("inf"))
    browser = stocked.signed_in()
    pages = [
        f"/evidence/{quote(evidence_id)}"
        for evidence_id in [*list(bad)[::9], "deep", "shape-0", "shape-2", "../../x"]
    ]
    _all_answer(stocked, browser, *pages)
    after = _verdict(stocked)
    assert (after.verdict, after.ceiling.evidence_id) == (before.verdict, before.ceiling.evidence_id)
    listed = {one.id: one.wrong for one in stocked.evidence.all()}
    assert {"shape-0", "../../x", ""} <= {name for name, wrong in listed.items() if wrong}
    korean = stocked.signed_in(language="ko").get("/evidence/shape-0").text
    assert "항목이 없거나 이 버전이 읽는 형식이 아닙니다." in korean or "다른 버전이 쓴 파일이거나" in korean
    for name in ("../../x", "", "shape-0"):
        assert browser.post("/evidence/remove", {"id": name}, page="/evidence").status_code == 303
    assert not {"../../x", "", "shape-0"} & {one.id for one in stocked.evidence.all()}
    entries = [(one.who, one.what, one.subject) for one in stocked.register.audit_log()]
    assert entries[:3] == [(OPERATOR, "evidence removed", name) for name in ("shape-0", "", "../../x")]


def _is_taken(document: dict[str, Any]) -> bool:
    try:
        read_evidence(json.dumps(document))
    except EvidenceError:
        return False
    return True


def test_what_is_no_evidence_is_refused_when_it_is_added_with_a_sentence(site: Site) -> None:
    refused = [what for what, document in _poisoned() if not _is_taken(document)]
    taken = [what for what, document in _poisoned() if _is_taken(document)]
    assert not [
        what
        for what in taken
        if what.startswith(("verdict.rps", "verdict.low_rps", "ended_at", "verdict.kind"))
    ]
    assert len(refused) > 5 * len(taken)
    for raw in (
        json.dumps(evidence_document(low_rps=5, ended_at=NOW, tables={}))[:-1] + ',"x":' + more + "}"
        for more in (
            "[" * 20_000 + "]" * 20_000,
            "9" * 4_000,
            "1e400",
            '"\\ud800"',
            '"\\u0000"',
            '{"a":' * 40 + "1" + "}" * 40,
        )
    ):
        with pytest.raises(EvidenceError):
            site.evidence.add(raw)
    ahead = evidence_document(low_rps=5, ended_at=NOW + timedelta(days=2), tables={})
    with pytest.raises(EvidenceError, match="still to come"):
        site.evidence.add(json.dumps(ahead), by="kim", now=NOW)


def test_evidence_dated_ahead_is_never_the_newest(stocked: Site) -> None:
    before = _verdict(stocked).ceiling
    ahead = evidence_document(low_rps=99_999.0, ended_at=NOW + timedelta(days=9_000), tables={})
    _insert(stocked, ahead["id"], json.dumps(ahead), ended=ahead["ended_at"])
    assert _verdict(stocked).ceiling == before
    assert stocked.evidence.all()[-1].id == ahead["id"]
    assert "dated ahead: not used" in stocked.signed_in().get("/evidence").text
    with stocked.engine.begin() as connection:
        connection.execute(text("DELETE FROM connected_jobs.evidence WHERE id <> :id"), {"id": ahead["id"]})
    judged = _verdict(stocked)
    assert (judged.verdict, judged.binding.code) == ("RETEST", "evidence_ahead")


def test_bad_campaigns_in_the_table_are_left_out_and_named_and_the_others_are_judged(stocked: Site) -> None:
    before = {one.name: one.verdict for one in _verdict(stocked).campaigns}
    good: dict[str, Any] = {"name": "odd", "kind": "at_once", "audience": 10, "at": f"{MONDAY}T09:00:00"}
    changes: tuple[dict[str, Any], ...] = (
        {"at": "9999-12-31T23:59:00"}, {"audience": 10**9}, {"audience": -1}, {"audience": "many"},
        {"kind": "local_time_zones", "zones": {"Mars/Olympus": 1}}, {"kind": "carrier pigeon"}, {"at": None},
        {"x": 1}, {"calls_per_recipient": 1e9}, {"burst": None, "limit_per_min": 10},
        {"quiet_hours": {"begin": "25:00"}}, {"finish_by": "2000-01-01T00:00:00"},
    )  # fmt: skip
    odd = [
        *(json.dumps(good | {"name": f"odd {number}"} | change) for number, change in enumerate(changes)),
        "{}", "[]", "null", "7", '"x"', "[" * 3_000 + "]" * 3_000,
    ]  # fmt: skip
    numbers = [_campaign(stocked, definition) for definition in odd]
    numbers.append(_campaign(stocked, json.dumps(good | {"name": "late"}), updated="infinity"))
    browser = stocked.signed_in()
    each = [
        f"/campaigns/{number}{page}"
        for number in numbers
        for page in ("", "/edit", "/remove", "/changes", "/live", "/plan.toml")
    ]
    _all_answer(
        stocked,
        browser,
        *each,
        *(
            f"/v1/capacity/campaigns/{number}{page}"
            for number in numbers
            for page in ("", "/sends", "/changes")
        ),
    )
    after = {one.name: one.verdict for one in _verdict(stocked).campaigns}
    assert {name: after[name] for name in before} == before
    page = browser.get(f"/?day={MONDAY}").text
    assert "Not judged, and taken for not sent:" in page
    for number in numbers:
        path = f"/campaigns/{number}/remove"
        assert browser.post(path, {"version": "1"}, page=path).status_code == 303, odd
    assert "Not judged" not in browser.get(f"/?day={MONDAY}").text


def test_a_workspace_of_a_zone_that_this_machine_does_not_know_says_so(stocked: Site) -> None:
    with stocked.engine.begin() as connection:
        connection.execute(
            text("""UPDATE connected_jobs.workspace SET definition = '{"time_zone": "Mars/Olympus"}'""")
        )
    page = stocked.signed_in().get("/")
    assert page.status_code == 422
    assert "Mars/Olympus" in page.text
    headers = {"Authorization": f"Bearer {stocked.secrets[OPERATOR]}", "If-Match": '"1"'}
    mended = stocked.app.test_client().put(
        "/v1/capacity/workspace", json={"time_zone": "Asia/Seoul"}, headers=headers
    )
    assert mended.status_code == 200
    assert stocked.signed_in().get("/").status_code == 200


def test_odd_sends_and_instances_harm_only_themselves(stocked: Site) -> None:
    with stocked.engine.begin() as connection:
        for number, measured in enumerate(("null", "[]", '"x"', '{"key": 1}', '{"calls": "many"}')):
            connection.execute(
                text("""
                    INSERT INTO connected_jobs.send (campaign, send, first_at, last_at, measured, closed_at)
                    VALUES ('weekly-digest', :send, '2026-11-01', '2026-11-01', CAST(:measured AS jsonb), '2026-11-02')
                """),
                {"send": f"odd-{number}", "measured": measured},
            )
        connection.execute(
            text("""
            INSERT INTO connected_jobs.send (campaign, send, first_at, last_at)
            VALUES ('weekly-digest', 'sketch', '2026-11-20', '2026-11-20'), ('weekly-digest', 'ever', '-infinity', 'infinity');
            INSERT INTO connected_jobs.send_second VALUES
                ('weekly-digest', 'sketch', '2026-11-20', 5, 0), ('weekly-digest', 'ever', 'infinity', 5, 0);
            INSERT INTO connected_jobs.send_sketch VALUES
                ('weekly-digest', 'sketch', 'w', 'not a sketch'), ('weekly-digest', 'sketch', 'v', '');
            INSERT INTO connected_jobs.instance (id, fingerprint, workers, settings, started_at, beat_at)
            VALUES ('odd', 'g', 1, '{"soft_rps": "x", "hard_rps": []}', 'infinity', now()), ('odder', 'g', 1, '[]', now(), now());
        """)
        )
    _all_answer(
        stocked, stocked.signed_in(), "/campaigns/1", "/campaigns/1/live", "/v1/capacity/campaigns/1/sends"
    )


def test_a_hundred_and_more_campaigns_in_a_week_are_judged_and_can_be_removed(stocked: Site) -> None:
    for number in range(101):
        stocked.add({**EVENING, "name": f"one of many {number}"}, key="many")
    browser = stocked.signed_in()
    _all_answer(stocked, browser, "/campaigns/1", "/campaigns/100", "/campaigns/100/edit")
    path = "/campaigns/100/remove"
    assert browser.post(path, {"version": "1"}, page=path).status_code == 303


def test_more_campaigns_than_can_be_judged_are_named_and_the_first_are_judged(
    stocked: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.capacity.on_record.MOST_PLANNED", 2)
    later = stocked.add({**EVENING, "name": "later", "at": "2026-11-28T19:00:00"}, key="later")
    browser = stocked.signed_in()
    _all_answer(stocked, browser, f"/campaigns/{later.id}")
    assert "too many campaigns are on record" in browser.get(f"/?day={MONDAY}").text
    assert len(_verdict(stocked).campaigns) >= 2


def test_one_campaign_that_is_too_much_work_is_left_out_and_the_others_are_judged(
    stocked: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Triggered for a week, with quiet hours in many zones, and so slow that most is given up."""
    monkeypatch.setattr(
        "app.capacity.planner.verdict.judge.MOST_STEPS", 200_000
    )  # a fifth of the work until it is too much
    before = {one.name: one.verdict for one in _verdict(stocked).campaigns}
    zones = (
        "Asia/Seoul",
        "America/New_York",
        "Europe/London",
        "Australia/Sydney",
        "America/Los_Angeles",
        "Asia/Kolkata",
    )
    heavy = stocked.add(
        {
            "name": "heavy",
            "kind": "triggered",
            "audience": 50_000_000,
            "at": f"{MONDAY}T00:00:00",
            "ends_at": "2026-11-29T23:00:00",
            "limit_per_min": 10,
            "zones": dict.fromkeys(zones, 1),
            "quiet_hours": {"begin": "22:00:00", "end": "08:00:00"},
        },
        key="heavy",
    )
    after = {one.name: one.verdict for one in _verdict(stocked).campaigns}
    assert {name: after[name] for name in before} == before
    browser = stocked.signed_in()
    _all_answer(stocked, browser, "/campaigns/1")
    assert browser.get(f"/campaigns/{heavy.id}").status_code in {200, 422}
    assert browser.get(f"/campaigns/{heavy.id}/remove").status_code == 200
