"""Every route of the planner's API says which role it needs: tried by each, and a new one without a role fails here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from app.credentials import Role
from tests.web.planner_service import ROLES, Planner

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK, PLAN, ADMINISTER = Role
NEEDED = {
    ("GET", "/v1/capacity/campaigns"): LOOK,
    ("POST", "/v1/capacity/campaigns"): PLAN,
    ("GET", "/v1/capacity/campaigns/<int:number>"): LOOK,
    ("PUT", "/v1/capacity/campaigns/<int:number>"): PLAN,
    ("DELETE", "/v1/capacity/campaigns/<int:number>"): PLAN,
    ("POST", "/v1/capacity/campaigns/<int:number>/duplicate"): PLAN,
    ("GET", "/v1/capacity/campaigns/<int:number>/changes"): LOOK,
    ("GET", "/v1/capacity/campaigns/<int:number>/sends"): LOOK,
    ("PUT", "/v1/capacity/campaigns/<int:number>/sends/<send>/sent"): PLAN,
    ("GET", "/v1/capacity/calendar.csv"): LOOK,
    ("GET", "/v1/capacity/calendar.ics"): LOOK,
    ("GET", "/v1/capacity/workspace"): LOOK,
    ("PUT", "/v1/capacity/workspace"): ADMINISTER,
    ("GET", "/v1/capacity/evidence"): LOOK,
    ("POST", "/v1/capacity/evidence"): ADMINISTER,
    ("GET", "/v1/capacity/evidence/<path:evidence_id>"): LOOK,
    ("DELETE", "/v1/capacity/evidence/<path:evidence_id>"): ADMINISTER,
    ("GET", "/v1/capacity/audit"): LOOK,
    ("GET", "/v1/capacity/verdict"): LOOK,
    ("POST", "/v1/capacity/check"): LOOK,
    ("GET", "/v1/results"): LOOK,
    ("GET", "/v1/results/power"): LOOK,
    ("GET", "/v1/results/campaigns/<key>"): LOOK,
    ("GET", "/v1/results/experiments/<key>"): LOOK,
}
OPEN = {"/health/live", "/health/ready", "/openapi.json", "/metrics"}


@pytest.fixture
def planner(board_url: str) -> Iterator[Planner]:
    planner = Planner(board_url, now=datetime(2026, 11, 22, tzinfo=UTC))
    yield planner
    planner.engine.dispose()


def test_every_route_is_in_this_table_with_its_role(planner: Planner) -> None:
    routes = {
        (method, rule.rule)
        for rule in planner.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in OPEN
    }
    assert routes == set(NEEDED)


@pytest.mark.parametrize(("method", "path"), NEEDED)
def test_a_role_opens_what_it_may_and_is_told_what_it_needs(planner: Planner, method: str, path: str) -> None:
    at = path.replace("<int:number>", "1").replace("<send>", "day").replace("<key>", "none")
    at = at.replace("<path:evidence_id>", "none")
    deeds = planner.register.audit_log()
    for role in Role:
        got = planner.open(method, at, headers={"Authorization": ROLES[role]})
        may = list(Role).index(role) >= list(Role).index(NEEDED[method, path])
        assert (got.status_code != 403) == may, (role, got.data)
        if not may:
            needed = NEEDED[method, path]
            assert got.json["detail"] == (
                f"This credential has the role {role}; this needs {needed}: ask who administers the planner."
            )
    assert planner.register.audit_log() == deeds  # none of these bodies fits: nothing is written by anybody


def test_a_description_says_which_role_an_operation_needs(planner: Planner) -> None:
    paths: dict[str, Any] = planner.app.test_client().get("/openapi.json").json or {}
    described = {
        (method.upper(), path): one.get("description")
        for path, methods in paths["paths"].items()
        for method, one in methods.items()
    }
    for (method, path), role in NEEDED.items():
        named = path.replace("<int:number>", "{number}").replace("<send>", "{send}").replace("<key>", "{key}")
        named = named.replace("<path:evidence_id>", "{evidence_id}")
        assert described[method, named] == (None if role is LOOK else f"Needs the role {role}."), path
