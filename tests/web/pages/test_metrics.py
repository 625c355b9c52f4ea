"""The planner's metrics: its requests, the verdicts of the week ahead, the evidence's age; for the scope metrics alone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.credentials import Scope
from app.postgres.credentials import insert_credential
from app.postgres.syncs.questions import forget_sync
from app.postgres.syncs.register import PostgresSyncs
from app.web.planner.metrics import PlannerInstruments
from tests.web.pages.site import DIGEST, EVENING, OPERATOR
from tests.web.worked_syncs import held, put_syncs

if TYPE_CHECKING:
    from tests.web.pages.site import Site


def _values(exposition: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(cj_\S+) (\S+)$", exposition, re.MULTILINE)}


def test_only_a_credential_of_the_scope_metrics_reads_them(site: Site) -> None:
    with site.engine.begin() as connection:
        secret = insert_credential(connection, "prometheus", Scope.METRICS)[1]
    site.book.update()
    browser = site.signed_in()
    browser.get("/")
    browser.get("/campaigns/99")
    api = site.app.test_client()
    for given, status in ((secret, 200), (site.secrets[OPERATOR], 403), ("x", 401)):
        answer = api.get("/metrics", headers={"Authorization": f"Bearer {given}"})
        assert answer.status_code == status
    assert browser.get("/metrics").status_code == 401  # a session opens pages alone
    values = _values(api.get("/metrics", headers={"Authorization": f"Bearer {secret}"}).text)
    assert values['cj_planner_requests_total{part="pages",status="2xx"}'] >= 2
    assert values['cj_planner_requests_total{part="pages",status="4xx"}'] == 1
    assert values['cj_planner_requests_total{part="pages",status="5xx"}'] == 0
    assert values['cj_planner_request_seconds_count{part="pages"}'] >= 3


def test_they_tell_what_the_week_ahead_looks_like(site: Site) -> None:
    instruments = PlannerInstruments()
    instruments.update(site.register, site.evidence, site.now)
    assert _values(instruments.exposition().decode())["cj_planner_forecast_peak_rps"] == 0
    site.add(DIGEST)
    site.add(EVENING, key="closing-soon")
    instruments.update(site.register, site.evidence, site.now)
    values = _values(instruments.exposition().decode())
    assert values['cj_planner_campaigns{verdict="RETEST"}'] == 2
    assert values["cj_planner_evidence_age_seconds"] == float("inf")
    assert values["cj_planner_usable_rps"] == 0
    site.measured(low_rps=9_000.0)
    with site.engine.begin() as connection:
        connection.execute(
            text("""
            INSERT INTO connected_jobs.campaign (key, owner, definition, created_by, updated_by)
            VALUES ('odd', 'kim', '{}', 'kim', 'kim')
        """)
        )
    instruments.update(site.register, site.evidence, site.now)
    values = _values(instruments.exposition().decode())
    assert values['cj_planner_campaigns{verdict="RETEST"}'] == 0
    assert values['cj_planner_left_out{why="unreadable"}'] == 1
    assert values["cj_planner_evidence_age_seconds"] == 2 * 86_400
    assert values["cj_planner_usable_rps"] == pytest.approx(6_300)
    assert values["cj_planner_forecast_peak_rps"] == 10_002
    assert values["cj_planner_judged_at_seconds"] == site.now.timestamp()


def test_they_tell_how_each_sync_stands(site: Site) -> None:
    put_syncs(site.engine, site.now)
    instruments = PlannerInstruments()
    syncs = PostgresSyncs(site.engine)
    later = site.now + timedelta(hours=2)
    with held(site.engine):
        instruments.update_syncs(syncs.syncs(), later)
    values = _values(instruments.exposition().decode())
    assert values['cj_sync_overdue_seconds{sync="segments"}'] == 36 * 3600
    assert values['cj_sync_overdue_seconds{sync="members"}'] == 0
    assert values['cj_sync_overdue_seconds{sync="postings"}'] == 0  # a person paused it
    assert values['cj_sync_paused_seconds{sync="postings"}'] == 7200
    assert values['cj_sync_paused_seconds{sync="members"}'] == 0
    assert values['cj_sync_running_seconds{sync="members-nightly"}'] == 7200 + 720
    assert values['cj_sync_running_seconds{sync="members"}'] == 0
    assert values['cj_sync_oldest_event_seconds{sync="outcomes"}'] == 7200
    assert values['cj_sync_refused_share{sync="members"}'] == pytest.approx((3 + 118 + 20) / 1_998_204)
    forget_sync(site.engine, sync="members")
    instruments.update_syncs(syncs.syncs(), later)
    assert 'sync="members"' not in instruments.exposition().decode()
