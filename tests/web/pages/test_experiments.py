"""Experiments on the planner's pages: who plans makes, starts and stops them, everybody sees them."""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.board.veto import BOARD_ZONE
from app.credentials import Role
from app.feedback.experiments.definition import read_arms
from app.feedback.experiments.refusals import Refusal
from app.feedback.experiments.register import ExperimentState
from app.postgres.planning.experiments import PostgresExperiments

if TYPE_CHECKING:
    from tests.web.pages.site import Browserlike, Site

FORM = {"key": "test", "campaign": "weekly", "arms": "a=recommended:60\nb=popular:40", "until": ""}


def test_an_experiment_is_made_started_and_stopped_on_its_page(site: Site) -> None:
    browser, register = site.signed_in(), PostgresExperiments(site.engine)
    assert "There is no experiment yet." in browser.get("/experiments").text
    assert browser.post("/experiments", FORM, page="/experiments").status_code == 303
    page = browser.get("/experiments").text
    assert "a · recommended · 60%" in page
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
    assert "안 이름 &#39;&lt;b&gt;&#39;: 쓸 수 없는 글자가 있거나 너무 깁니다." in alert
    assert "a:60\n&lt;b&gt;:40</textarea>" in wrong.text
    assert browser.post("/experiments/nowhere/start", {}, page="/experiments").status_code == 400


def test_every_refusal_is_korean_on_the_korean_page(site: Site) -> None:
    browser, register = site.signed_in(language="ko"), PostgresExperiments(site.engine)
    made: dict[str, Any] = {"arms": read_arms(["a=recommended", "b=popular"]), "until": None, "by": "kim"}
    told = {told_of(browser, "/experiments/nowhere/start", {}): Refusal.NONE_AT_ALL}
    for key in ("off", "on"):
        register.create(key, "weekly", **made)
        register.start(key, by="kim")
        if key == "off":
            register.stop(key, by="kim")
    register.create("made", "weekly", **made)
    register.create("needs", "other", **{**made, "arms": read_arms(["a=recommended", "b=own"])})
    register.create("late", "third", **{**made, "until": datetime.now(BOARD_ZONE).date()})
    with site.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE connected_jobs.experiment SET planned_end = now() - interval '1 day' WHERE key = 'late'"
            )
        )
    for form, refusal in (
        ({"key": "A"}, Refusal.EXPERIMENT_NAME),
        ({"campaign": "주간"}, Refusal.CAMPAIGN_NAME),
        ({"campaign": "test"}, Refusal.NAMED_AS_CAMPAIGN),
        ({"campaign": "preview"}, Refusal.NOT_MAILED),
        ({"key": "made"}, Refusal.NAME_TAKEN),
        ({"arms": "a"}, Refusal.ARM_COUNT),
        ({"arms": "a a"}, Refusal.ARM_TWICE),
        ({"arms": "A b"}, Refusal.ARM_NAME),
        ({"arms": "a=B b"}, Refusal.RECIPE_OF_ARM),
        ({"arms": "a:50 b"}, Refusal.SOME_PERCENTAGES),
        ({"arms": "a:50 b:49"}, Refusal.PERCENTAGE_SUM),
        ({"arms": "a:0 b:100"}, Refusal.PERCENTAGE),
        ({"until": "soon"}, Refusal.NO_DAY),
        ({"until": "2020-01-01"}, Refusal.END_OUT_OF_REACH),
    ):
        told[told_of(browser, "/experiments", {**FORM, **form})] = refusal
    for path, refusal in (
        ("nowhere/stop", Refusal.UNKNOWN),
        ("made/start", Refusal.OTHER_RUNNING),
        ("needs/start", Refusal.NO_LISTS),
        ("late/start", Refusal.ENDED),
        ("on/start", Refusal.STARTED),
        ("off/start", Refusal.STOPPED_FOR_GOOD),
        ("off/stop", Refusal.STOPPED),
    ):
        told[told_of(browser, f"/experiments/{path}", {})] = refusal
    at_a_terminal = {Refusal.ARMS_ON_RECORD, Refusal.RECIPE_NAME, Refusal.RECIPE_BUILT_IN}
    assert set(told.values()) == set(Refusal) - at_a_terminal
    for alert, refusal in told.items():
        korean = (re.escape(part) for part in re.split(r"{[^}]*}", refusal.value[1]))
        assert re.search(".*".join(korean), unescape(alert)), (refusal, alert)


def told_of(browser: Browserlike, path: str, form: dict[str, str]) -> str:
    answer = browser.post(path, form, page="/experiments")
    assert answer.status_code == 400, form
    (alert,) = re.findall(r'role="alert">(.*?)</p>', answer.text, re.DOTALL)
    return str(alert)


def test_who_only_looks_sees_experiments_and_changes_none(site: Site) -> None:
    site.add_operator("looker", Role.LOOK)
    browser = site.signed_in(name="looker")
    page = browser.get("/experiments")
    assert (page.status_code, "<textarea" in page.text) == (200, False)
