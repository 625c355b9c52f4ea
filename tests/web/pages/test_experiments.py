"""Experiments on the planner's pages: who plans makes, starts and stops them, everybody sees them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.credentials import Role
from app.feedback.experiments.register import ExperimentState
from app.postgres.planning.experiments import PostgresExperiments

if TYPE_CHECKING:
    from tests.web.pages.site import Site

FORM = {"key": "test", "campaign": "weekly", "arms": "a=recommended:60\nb=popular:40", "until": ""}


def test_an_experiment_is_made_started_and_stopped_on_its_page(site: Site) -> None:
    browser, register = site.signed_in(), PostgresExperiments(site.engine)
    assert "There is no experiment yet." in browser.get("/experiments").text
    assert browser.post("/experiments", FORM, page="/experiments").status_code == 303
    page = browser.get("/experiments").text
    assert "a · recommended · 60 %" in page
    assert browser.post("/experiments/test/start", {}, page="/experiments").status_code == 303
    assert register.all()[0].state == ExperimentState.RUNNING
    assert browser.post("/experiments/test/stop", {}, page="/experiments").status_code == 303
    assert register.all()[0].state == ExperimentState.STOPPED


def test_what_does_not_fit_is_told_and_what_was_typed_stays(site: Site) -> None:
    browser = site.signed_in(language="ko")
    wrong = browser.post("/experiments", {**FORM, "arms": "a:60\n<b>:40"}, page="/experiments")
    assert wrong.status_code == 400
    (alert,) = re.findall(r'role="alert">(.*?)</p>', wrong.text, re.DOTALL)
    assert "바뀐 것이 없습니다:" in alert
    assert "The arm&#39;s name &#39;&lt;b&gt;&#39; must be 1 to 64" in alert
    assert "a:60\n&lt;b&gt;:40</textarea>" in wrong.text
    assert browser.post("/experiments/nowhere/start", {}, page="/experiments").status_code == 400


def test_who_only_looks_sees_experiments_and_changes_none(site: Site) -> None:
    site.add_operator("looker", Role.LOOK)
    browser = site.signed_in(name="looker")
    page = browser.get("/experiments")
    assert (page.status_code, "<textarea" in page.text) == (200, False)
