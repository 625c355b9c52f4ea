"""The settings that all campaigns share: judged as the API judges them, saved once, with who changed what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.web.pages.site import OPERATOR, OTHER_OPERATOR

if TYPE_CHECKING:
    from tests.web.pages.site import Site

TYPED = {
    "workspace_limit_per_min": "100,000",
    "usable_share": "50",
    "evidence_max_age_days": "14",
    "night_begin": "22:00",
    "night_end": "07:00",
    "base_load_rps": ", ".join(str(hour) for hour in range(24)),
    "version": "1",
}


def test_settings_are_saved_and_who_changed_them_is_shown(site: Site) -> None:
    browser = site.signed_in()
    shown = browser.get("/settings").text
    assert 'value="70"' in shown  # what holds where nobody wrote it
    assert "Nobody has changed them yet" in shown
    answer = browser.post("/settings", TYPED)
    assert (answer.status_code, answer.location) == (303, "/settings?done=edited")
    kept = site.register.workspace()
    assert kept.definition == {
        "time_zone": "Asia/Seoul",
        "workspace_limit_per_min": 100_000,
        "judging": {
            "usable_share": 0.5,
            "evidence_max_age_days": 14,
            "night": {"begin": "22:00:00", "end": "07:00:00"},
            "base_load_rps": list(range(24)),
        },
    }
    assert kept.updated_by == OPERATOR
    text = browser.get(answer.location).text
    assert "The changes are saved." in text
    history = " ".join(re.sub(r"<[^>]+>", " ", text[text.index("Who changed what") :]).split())
    assert f"{OPERATOR} · Fri 20 Nov" in history or OPERATOR in history
    assert "Usable share of the guaranteed rate, % 70 50" in history
    assert browser.post("/settings", {**TYPED, "version": "2", "base_load_rps": "40"}).status_code == 303
    assert site.register.workspace().definition["judging"]["base_load_rps"] == 40


def test_what_the_form_does_not_show_stays_as_it_is(site: Site) -> None:
    now = site.register.workspace()
    definition = {
        "time_zone": "Asia/Seoul",
        "judging": {"offered_limits_per_min": [10, 500]},
        "assumptions": {"minute_shape": "block"},
    }
    site.register.edit_workspace(definition, version=now.version, by="api")
    version = str(site.register.workspace().version)
    assert site.signed_in().post("/settings", {**TYPED, "version": version}).status_code == 303
    kept = site.register.workspace().definition
    assert kept["judging"]["offered_limits_per_min"] == [10, 500]
    assert kept["assumptions"] == {"minute_shape": "block"}


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("usable_share", "0", "Write a percentage from 1 to 100."),
        ("usable_share", "half", "Write a percentage from 0 to 100."),
        ("base_load_rps", "1, 2, 3", "or 24 with commas between, from midnight on."),
        ("base_load_rps", "-1", "Write numbers with commas between."),
        ("evidence_max_age_days", "9999", "Write a number of days from 0 to 3,650."),
        ("workspace_limit_per_min", "3", "Write a whole number from 10 to 100,000,000"),
        ("night_begin", "", "Write both times"),
    ],
)
def test_what_does_not_fit_is_named_at_its_field_and_nothing_is_saved(
    site: Site, field: str, typed: str, sentence: str
) -> None:
    before = site.register.workspace()
    answer = site.signed_in().post("/settings", {**TYPED, field: typed})
    assert answer.status_code == 400
    assert sentence in answer.text
    wrong = re.search(
        rf'name="{field}"[^>]*aria-invalid="true"|aria-invalid="true"[^>]*name="{field}"', answer.text
    )
    assert wrong, answer.text
    assert site.register.workspace() == before


def test_who_saves_second_sees_what_the_first_saved_and_loses_nothing(site: Site) -> None:
    first, second = site.signed_in(), site.signed_in(OTHER_OPERATOR)
    assert first.post("/settings", TYPED).status_code == 303
    answer = second.post("/settings", {**TYPED, "usable_share": "60"})
    assert answer.status_code == 409
    assert f"{OPERATOR} saved the settings while you were editing." in answer.text
    assert 'value="60"' in answer.text
    assert "<td>50</td><td>60</td>" in answer.text
    assert second.post("/settings", {**TYPED, "usable_share": "60", "version": "2"}).status_code == 303
    assert site.register.workspace().definition["judging"]["usable_share"] == 0.6
