"""The planner's JSON API: who may, what is kept, what an edit made too late is told, and hostile input."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.capacity.plan.json_values import read_plan_values
from app.capacity.planner import as_json, judge
from app.postgres.planning.evidence import PostgresEvidence
from app.postgres.serving.heartbeat import PostgresSendCounts
from app.postgres.serving.pool import ServingPool
from app.serving.send_counts import CountBatch, SecondCount
from app.web.limits import CallLimits
from app.web.planner.app import create_planner_app
from app.web.planner.parts import PlannerParts, SessionCookie
from tests.web.planner_service import OPERATOR, Planner
from tests.web.wire import basic, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.planner_service import Reply

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DEFINITION: dict[str, Any] = {
    "name": "주간 추천",
    "kind": "rate_limited",
    "audience": 100_000,
    "at": "2026-11-23T09:00:00",
    "limit_per_min": 5_000,
}
DRAFT: dict[str, Any] = {"key": "weekly-digest", "owner": "kim", "definition": DEFINITION}
EVIDENCE: dict[str, Any] = {
    "schema": "connected-jobs/load-evidence",
    "version": 1,
    "id": "loadtest-20261121-0900",
    "began_at": "2026-11-21T00:00:00Z",
    "ended_at": "2026-11-21T00:08:00Z",
    "host": "http://127.0.0.1:8080",
    "verdict": {
        "sentence": "1,200 calls/s hold.",
        "kind": "ceiling",
        "rps": 1200.0,
        "low_rps": 1190.5,
        "high_rps": 1260.0,
        "bound_by": ["latency"],
    },
    "environment": {"service": {}},
    "steps": [{"rps": 1200.0}],
}
# Every route with its methods; all but the last three need an operator.
ROUTES = {
    "/v1/capacity/campaigns": "GET, HEAD, OPTIONS, POST",
    "/v1/capacity/campaigns/<int:number>": "DELETE, GET, HEAD, OPTIONS, PUT",
    "/v1/capacity/campaigns/<int:number>/duplicate": "OPTIONS, POST",
    "/v1/capacity/campaigns/<int:number>/changes": "GET, HEAD, OPTIONS",
    "/v1/capacity/campaigns/<int:number>/sends": "GET, HEAD, OPTIONS",
    "/v1/capacity/campaigns/<int:number>/sends/<send>/sent": "OPTIONS, PUT",
    "/v1/capacity/calendar.csv": "GET, HEAD, OPTIONS",
    "/v1/capacity/calendar.ics": "GET, HEAD, OPTIONS",
    "/v1/capacity/workspace": "GET, HEAD, OPTIONS, PUT",
    "/v1/capacity/evidence": "GET, HEAD, OPTIONS, POST",
    "/v1/capacity/evidence/<path:evidence_id>": "DELETE, GET, HEAD, OPTIONS",
    "/v1/capacity/audit": "GET, HEAD, OPTIONS",
    "/v1/capacity/verdict": "GET, HEAD, OPTIONS",
    "/v1/capacity/check": "OPTIONS, POST",
    "/v1/results": "GET, HEAD, OPTIONS",
    "/v1/results/experiments/<key>": "GET, HEAD, OPTIONS",
    "/v1/results/campaigns/<key>": "GET, HEAD, OPTIONS",
    "/v1/results/power": "GET, HEAD, OPTIONS",
    "/health/live": "GET, HEAD, OPTIONS",
    "/health/ready": "GET, HEAD, OPTIONS",
    "/openapi.json": "GET, HEAD, OPTIONS",
    "/metrics": "GET, HEAD, OPTIONS",
}
OPEN = ("/health/live", "/health/ready", "/openapi.json")


@pytest.fixture
def planner(board_url: str) -> Iterator[Planner]:
    planner = Planner(board_url, now=NOW)
    yield planner
    planner.engine.dispose()


@pytest.fixture
def added(planner: Planner) -> Any:
    return planner.ask("POST", "/campaigns", DRAFT).json


def refusal(response: Reply) -> tuple[int, str, str | None]:
    """An error's status, sentence and field; its form is always a problem's."""
    found = json.loads(response.data)
    assert response.mimetype == "application/problem+json"
    assert found["status"] == response.status_code
    assert found["type"] == "about:blank"
    return response.status_code, found["detail"], found.get("parameter")


# Who may.
def test_these_are_all_the_routes(planner: Planner) -> None:
    routes: dict[str, set[str]] = {}
    for rule in planner.app.url_map.iter_rules():
        routes.setdefault(rule.rule, set()).update(rule.methods or ())
    assert {path: ", ".join(sorted(methods)) for path, methods in routes.items()} == ROUTES


@pytest.mark.parametrize("path", [path for path in ROUTES if path not in (*OPEN, "/metrics")])
def test_every_method_of_every_path_opens_to_operators_and_to_nobody_else(
    planner: Planner, path: str
) -> None:
    target = path.replace("<int:number>", "1").replace("<send>", "s").replace("<evidence_id>", "e")
    client = planner.app.test_client()
    for method in set(ROUTES[path].split(", ")) - {"OPTIONS"}:
        for authorization, status in (
            (None, 401),
            ("Basic eDp5", 401),
            (basic("left"), 401),
            (basic("braze"), 403),
            (bearer("prometheus"), 403),
        ):
            headers = {"Authorization": authorization} if authorization else {}
            assert client.open(target, method=method, headers=headers).status_code == status
        for authorization in (OPERATOR, bearer("operator kim")):
            opened = client.open(target, method=method, headers={"Authorization": authorization})
            assert opened.status_code not in (401, 403)


def test_a_cookie_opens_nothing(planner: Planner) -> None:
    client = planner.app.test_client()
    with client.session_transaction() as session:
        session["operator"] = "operator kim"
    assert client.get("/v1/capacity/campaigns").status_code == 401


def test_wrong_credentials_are_slowed_down(planner: Planner) -> None:
    app = create_planner_app(
        PlannerParts(
            register=planner.register,
            evidence=PostgresEvidence(planner.engine),
            book=planner.book,
            limits=CallLimits(hard_rps=0, soft_rps=0, unknown_rps=1, workers=1),
            cookie=SessionCookie(key=b"k" * 32),
        )
    )
    wrong = {"Authorization": "Bearer wrong"}
    statuses = [app.test_client().get("/v1/capacity/campaigns", headers=wrong).status_code for _ in range(6)]
    assert 429 in statuses
    right = {"Authorization": OPERATOR}
    assert app.test_client().get("/v1/capacity/campaigns", headers=right).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/capacity/campaigns", "/v1/capacity/nothing", "/health/live", "/openapi.json"]
)
def test_every_answer_has_the_headers_that_keep_browsers_careful(planner: Planner, path: str) -> None:
    headers = planner.app.test_client().get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; frame-ancestors 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in headers


# Campaigns.
def test_a_campaign_is_added_shown_listed_and_its_adding_written_down(planner: Planner) -> None:
    made = planner.ask("POST", "/campaigns", DRAFT)
    one = made.json
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert made.headers["Location"] == f"/v1/capacity/campaigns/{one['id']}"
    times = {one["created_at"], one["updated_at"]}
    assert one == {
        **DRAFT,
        "id": one["id"],
        "name": "주간 추천",
        "braze_campaign_id": None,
        "version": 1,
        "created_at": one["created_at"],
        "created_by": "operator kim",
        "updated_at": one["updated_at"],
        "updated_by": "operator kim",
        "removed_at": None,
        "series": None,
        "in_braze": None,
        "missing": [],
    }
    assert all(datetime.fromisoformat(time).tzinfo for time in times)
    shown = planner.ask("GET", f"/campaigns/{one['id']}")
    assert (shown.json, shown.headers["ETag"]) == (one, '"1"')
    assert planner.ask("GET", "/campaigns").json["campaigns"] == [one]
    (change,) = planner.ask("GET", f"/campaigns/{one['id']}/changes").json["changes"]
    assert (change["who"], change["what"], change["before"]) == ("operator kim", "added", None)
    assert change["after"] == {**DRAFT, "braze_campaign_id": None}


def test_an_edit_made_from_an_older_version_is_told_sees_the_newer_and_can_be_made_again(
    planner: Planner, added: Any
) -> None:
    path = f"/campaigns/{added['id']}"
    theirs = planner.ask("PUT", path, {**DRAFT, "owner": "park"}, version=1)
    assert (theirs.status_code, theirs.json["owner"], theirs.headers["ETag"]) == (200, "park", '"2"')
    mine = {**DRAFT, "owner": "lee"}
    late = planner.ask("PUT", path, mine, version=1)
    assert refusal(late)[:2] == (
        412,
        "operator kim saved version 2 meanwhile: compare it with yours and save again.",
    )
    assert (json.loads(late.data)["newer"], late.headers["ETag"]) == (theirs.json, '"2"')
    assert planner.ask("GET", path).json == theirs.json
    again = planner.ask("PUT", path, mine, version=json.loads(late.data)["newer"]["version"])
    assert (again.status_code, again.json["owner"], again.json["version"]) == (200, "lee", 3)


def test_a_campaign_is_removed_once_and_its_record_stays(planner: Planner, added: Any) -> None:
    path = f"/campaigns/{added['id']}"
    assert planner.ask("DELETE", path, version=7).status_code == 412
    removed = planner.ask("DELETE", path, version=1)
    assert (removed.status_code, removed.json["version"]) == (200, 2)
    assert removed.json["removed_at"] is not None
    assert planner.ask("GET", "/campaigns").json["campaigns"] == []
    assert planner.ask("GET", "/campaigns?removed=true").json["campaigns"] == [removed.json]
    assert planner.ask("DELETE", path, version=2).status_code == 404
    assert planner.ask("PUT", path, DRAFT, version=2).status_code == 404
    assert [change["what"] for change in planner.ask("GET", f"{path}/changes").json["changes"]] == [
        "removed",
        "added",
    ]


def test_an_edit_without_its_version_is_refused(planner: Planner, added: Any) -> None:
    path = f"/campaigns/{added['id']}"
    status, said, parameter = refusal(planner.ask("PUT", path, DRAFT))
    assert (status, parameter) == (428, "If-Match")
    assert said.startswith("Say which version the edit was made from")
    for tag in ("1", "*", '"x"', '"1", "2"', '"-1"', '"9999999999"'):
        assert refusal(planner.ask("PUT", path, DRAFT, headers={"If-Match": tag}))[0] == 400
    assert planner.ask("PUT", path, DRAFT, headers={"If-Match": 'W/"1"'}).status_code == 200


def test_a_name_that_another_has_is_a_conflict(planner: Planner) -> None:
    planner.ask("POST", "/campaigns", DRAFT)
    assert refusal(planner.ask("POST", "/campaigns", DRAFT))[::2] == (409, "name")
    other = {**DRAFT, "definition": {**DEFINITION, "name": "다른 이름"}}
    second = planner.ask("POST", "/campaigns", other).json
    assert refusal(planner.ask("PUT", f"/campaigns/{second['id']}", DRAFT, version=1))[::2] == (409, "name")


@pytest.mark.parametrize("number", ["0", "999999", "9" * 30, "x", "-1", "1.5"])
def test_what_is_not_there_is_not_found(planner: Planner, number: str) -> None:
    for path in (f"/campaigns/{number}", f"/campaigns/{number}/changes", f"/campaigns/{number}/sends"):
        assert refusal(planner.ask("GET", path))[0] == 404
    assert refusal(planner.ask("PUT", f"/campaigns/{number}", DRAFT, version=1))[0] == 404
    assert refusal(planner.ask("DELETE", f"/campaigns/{number}", version=1))[0] == 404


# Hostile input.
@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "The body is not JSON"),
        (b"{", 400, "The body is not JSON"),
        (b"[]", 400, "The body must be a JSON object."),
        (b"null", 400, "The body must be a JSON object."),
        (b'"x"', 400, "The body must be a JSON object."),
        (b"[" * 60_000, 400, "The body is not JSON"),
        (b'{"key":' * 5_000, 400, "The body is not JSON"),
        (b"\xff\xfe", 400, "The body is not JSON"),
        (b'{"key": "\\ud800"}', 400, "The body is not JSON"),
        (b'{"key": NaN}', 400, "The body is not JSON"),
        (b"{" + b" " * 70_000 + b"}", 413, "larger than this service reads"),
        (b"{}", 400, "Key is null"),
        (b'{"key": "a", "owner": "\\u0000"}', 400, "Owner is"),
        (b'{"key": "a", "owner": "o", "definition": {"name": "\\u0000"}}', 400, "Name is"),
        (b'{"key": "a", "owner": "o", "definition": {"\\u0000": 1}}', 400, "Name is missing"),
        (b'{"key": "a", "owner": "o", "x": 1}', 400, '"x" is not a field of a campaign'),
        (b'{"__proto__": {}, "key": "a"}', 400, '"__proto__" is not a field'),
    ],
)
def test_a_body_that_does_not_fit_is_one_sentence(
    planner: Planner, body: bytes, status: int, said: str
) -> None:
    response = planner.ask("POST", "/campaigns", data=body, content_type="application/json")
    found, detail, _ = refusal(response)
    assert (found, said in detail) == (status, True), detail
    assert planner.register.campaigns() == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_that_is_not_json_is_refused_so_that_no_form_can_post_here(
    planner: Planner, kind: str
) -> None:
    response = planner.ask("POST", "/campaigns", data=json.dumps(DRAFT), content_type=kind)
    assert refusal(response)[0] == 415


def test_a_number_of_thousands_of_digits_is_refused(planner: Planner) -> None:
    body = json.dumps(DRAFT).replace("100000", "1" * 5_000)
    response = planner.ask("POST", "/campaigns", data=body, content_type="application/json")
    assert refusal(response)[0] == 400


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
FIELDS = st.sampled_from(
    ["name", "audience", "at", "zones", "host", "limit_per_min", "burst", "quiet_hours", "retry"]
)


@given(changes=st.dictionaries(FIELDS | st.text(), JSON, max_size=3))
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_json_is_kept_and_shown_as_it_was_or_refused_with_a_reason(
    planner: Planner, changes: dict[str, Any]
) -> None:
    body = msgspec_json({**DRAFT, "definition": {**DEFINITION, **changes}})
    made = planner.ask("POST", "/campaigns", data=body, content_type="application/json")
    if made.status_code == 201:
        one = made.json
        assert planner.ask("GET", f"/campaigns/{one['id']}").json == one
        planner.ask("DELETE", f"/campaigns/{one['id']}", version=1)
    else:
        assert refusal(made)[0] == 400


def msgspec_json(value: Any) -> bytes:
    """JSON, lone surrogates included, as no decent client writes them."""
    return json.dumps(value).encode()


# The workspace.
def test_the_workspace_is_read_and_edited_like_a_campaign(planner: Planner) -> None:
    first = planner.ask("GET", "/workspace")
    assert (first.json["definition"], first.headers["ETag"]) == ({"time_zone": "Asia/Seoul"}, '"1"')
    wanted = {"time_zone": "Asia/Seoul", "judging": {"usable_share": 0.6}}
    saved = planner.ask("PUT", "/workspace", wanted, version=1)
    assert (saved.status_code, saved.json["definition"], saved.json["version"]) == (200, wanted, 2)
    late = planner.ask("PUT", "/workspace", {"time_zone": "UTC"}, version=1)
    assert late.status_code == 412
    assert json.loads(late.data)["newer"] == saved.json
    assert refusal(planner.ask("PUT", "/workspace", {"time_zone": "Mars"}, version=2))[::2] == (
        400,
        "time_zone",
    )


# Evidence.
def test_evidence_is_kept_once_listed_and_shown_whole(planner: Planner) -> None:
    summary = {
        "id": "loadtest-20261121-0900",
        "ended_at": "2026-11-21T00:08:00Z",
        "kind": "ceiling",
        "rps": 1200.0,
        "low_rps": 1190.5,
        "sentence": "1,200 calls/s hold.",
        "added_by": "operator kim",
        "wrong": None,
    }
    first = planner.ask("POST", "/evidence", EVIDENCE)
    given = first.json
    assert datetime.fromisoformat(given.pop("added_at")).tzinfo is not None
    assert datetime.fromisoformat(given.pop("ended_at")) == datetime(2026, 11, 21, 0, 8, tzinfo=UTC)
    assert (first.status_code, given) == (201, {name: summary[name] for name in given})
    assert planner.ask("POST", "/evidence", EVIDENCE).status_code == 200
    (listed,) = planner.ask("GET", "/evidence").json["evidence"]
    assert datetime.fromisoformat(listed.pop("ended_at")) == datetime(2026, 11, 21, 0, 8, tzinfo=UTC)
    assert listed.pop("added_at") is not None
    assert listed == {name: value for name, value in summary.items() if name != "ended_at"}
    assert planner.ask("GET", "/evidence/loadtest-20261121-0900").json == EVIDENCE
    removed = planner.ask("DELETE", f"/evidence/{summary['id']}")
    assert (removed.status_code, removed.json["id"]) == (200, summary["id"])
    assert planner.ask("GET", "/evidence").json == {"evidence": []}
    assert planner.ask("DELETE", f"/evidence/{summary['id']}").status_code == 404
    deeds = [one for one in planner.ask("GET", "/audit").json["deeds"] if one["what"].startswith("evidence")]
    assert [(one["who"], one["what"], one["subject"]) for one in deeds] == [
        ("operator kim", "evidence removed", summary["id"]),
        ("operator kim", "evidence added", summary["id"]),
    ]
    for wrong in ("/evidence/nothing", "/evidence/%00", "/evidence/%ff"):
        assert refusal(planner.ask("GET", wrong))[0] == 404


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"\xff", b"[" * 10_000, b'{"schema": 1}', json.dumps({**EVIDENCE, "version": 2}).encode()],
)
def test_what_is_no_evidence_is_refused(planner: Planner, body: bytes) -> None:
    assert refusal(planner.ask("POST", "/evidence", data=body, content_type="application/json"))[0] == 400


# Verdicts.
def test_without_campaigns_there_is_nothing_to_judge(planner: Planner) -> None:
    assert planner.ask("GET", "/verdict").json == {
        "campaigns": [],
        "calibrated": [],
        "judgement": None,
        "left_out": [],
    }


def test_the_verdict_is_the_planners_on_the_campaigns_of_the_window(planner: Planner, added: Any) -> None:
    planner.ask("POST", "/evidence", EVIDENCE)
    found = planner.ask("GET", "/verdict").json
    plan = read_plan_values({"time_zone": "Asia/Seoul", "campaigns": [DEFINITION]})
    judged = judge(
        plan, PostgresEvidence(planner.engine).measured(), running=planner.register.running(), now=NOW
    )
    assert found == {
        "campaigns": [added["id"]],
        "calibrated": [],
        "judgement": json.loads(json.dumps(as_json(judged))),
        "left_out": [],
    }
    assert found["judgement"]["verdict"] in ("GO", "GO_IF", "NO_GO", "RETEST")
    later = planner.ask("GET", "/verdict?from=2026-11-24T00:00:00%2B09:00").json
    assert later["judgement"] is None
    assert (
        planner.ask("GET", "/verdict?from=2026-11-22T00:00:00Z&until=2026-11-24T00:00:00+09:00").json == found
    )


@pytest.mark.parametrize(
    "query",
    [
        "from=today",
        "from=2026-11-22T00:00:00",
        "from=9999-12-31T00:00:00Z",
        "from=0001-01-01T00:00:00Z",
        "until=2026-11-21T00:00:00Z",
        "until=2027-11-21T00:00:00Z",
        "from=%00",
    ],
)
def test_a_window_that_does_not_fit_is_named(planner: Planner, query: str) -> None:
    assert refusal(planner.ask("GET", f"/verdict?{query}"))[::2] == (400, query.partition("=")[0])


def test_a_plan_is_checked_and_nothing_is_kept(planner: Planner) -> None:
    found = planner.ask("POST", "/check", {"time_zone": "Asia/Seoul", "campaigns": [DEFINITION]})
    assert found.status_code == 200
    assert found.json["judgement"]["verdict"] == "RETEST"  # nothing was ever measured
    assert planner.register.campaigns() == []


def test_a_plan_whose_speed_is_asked_for_is_judged(planner: Planner) -> None:
    asked = {**DEFINITION, "kind": "rate_limited"}
    asked.pop("limit_per_min", None)
    found = planner.ask("POST", "/check", {"time_zone": "Asia/Seoul", "campaigns": [asked]})
    assert found.status_code == 200
    assert found.json["judgement"]["campaigns"][0]["planned_limit_per_min"] is None
    assert (
        planner.ask("POST", "/campaigns", {"key": "k", "owner": "o", "definition": asked}).status_code == 400
    )


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({}, "campaigns is no list of tables"),
        ({"time_zone": "UTC", "campaigns": []}, "write 1 to 100 tables"),
        ({"time_zone": "UTC", "campaigns": [DEFINITION, DEFINITION]}, "give each campaign its own name"),
        ({"time_zone": "UTC", "campaigns": [{**DEFINITION, "audience": 1.5}]}, "audience is 1.5"),
        ({"time_zone": "UTC", "campaigns": [DEFINITION], "x": [None]}, '"x" is not a field of this table'),
        (
            {"time_zone": "UTC", "campaigns": [DEFINITION], "judging": {"usable_share": None}},
            "usable_share is null",
        ),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_in_the_plan_files_words(
    planner: Planner, plan: dict[str, Any], said: str
) -> None:
    status, detail, _ = refusal(planner.ask("POST", "/check", plan))
    assert (status, said in detail) == (400, True), detail


# Sends.
def test_what_was_counted_of_a_campaign_is_shown_and_brazes_count_entered(
    planner: Planner, added: Any
) -> None:
    count(planner, "d-1", datetime(2026, 11, 23, tzinfo=UTC), calls=300)
    path = f"/campaigns/{added['id']}/sends"
    (send,) = planner.ask("GET", path).json["sends"]
    assert (send["send"], send["calls"], send["peak_rps"], send["sent"]) == ("d-1", 300, 300, None)
    entered = planner.ask("PUT", f"{path}/d-1/sent", {"sent": 150})
    assert (entered.json["sent"], entered.json["sent_by"]) == (150, "operator kim")
    assert entered.json["calls_per_recipient"] == {"low": 2.0, "likely": 2.0, "high": 2.0}
    assert planner.ask("GET", path).json["sends"] == [entered.json]
    assert planner.ask("PUT", f"{path}/d-1/sent", {"sent": None}).json["sent"] is None
    for wrong in ({}, {"sent": -1}, {"sent": 1.5}, {"sent": True}, {"sent": 2**60}, {"sent": 1, "x": 1}):
        assert refusal(planner.ask("PUT", f"{path}/d-1/sent", wrong))[::2] == (400, "sent")
    for unknown in ("d-2", "%00", "a b", "x" * 200):
        assert refusal(planner.ask("PUT", f"{path}/{unknown}/sent", {"sent": 1}))[0] == 404


def test_a_measured_send_is_the_next_plans_default_and_the_verdict_says_so(
    planner: Planner, added: Any
) -> None:
    count(planner, "d-0", datetime(2026, 11, 16, tzinfo=UTC), calls=450)
    planner.ask("PUT", f"/campaigns/{added['id']}/sends/d-0/sent", {"sent": 300})
    found = planner.ask("GET", "/verdict").json["calibrated"]
    assert [(one["campaign"], one["field"], one["send"], one["value"]["likely"]) for one in found] == [
        ("주간 추천", "calls_per_recipient", "d-0", 1.5)
    ]
    assert found[0]["error"] == pytest.approx(1.5 / 2 - 1)


def count(planner: Planner, send: str, at: datetime, *, calls: int) -> None:
    """Have a send counted, as a worker does."""
    pool = ServingPool(planner.url, (), size=1, wait_s=2, statement_timeout_ms=5_000)
    pool.open()
    PostgresSendCounts(pool).add(
        CountBatch(send, 1, [SecondCount("weekly-digest", send, int(at.timestamp()), calls, 0)], [])
    )
    pool.close()


# Postgres away.
def test_postgres_away_is_503_and_says_when_to_try_again() -> None:
    gone = Planner("postgresql://nobody@127.0.0.1:1/none", now=NOW)
    for method, path, body in (
        ("GET", "/campaigns", None),
        ("POST", "/campaigns", DRAFT),
        ("GET", "/workspace", None),
        ("GET", "/verdict", None),
        ("POST", "/evidence", EVIDENCE),
    ):
        response = gone.ask(method, path, body)
        assert refusal(response)[0] == 503
        assert response.headers["Retry-After"] == "5"
