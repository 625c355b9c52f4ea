"""A template of a campaign is read without rendering, and each fault has its sentence."""

from pathlib import Path

import pytest

from app.braze.template_check import template_findings

URL = "https://jobs.example.com/v1/members/{{${user_id} | url_param_escape}}/recommendations?send={{campaign.${dispatch_id}}}"
CALL = f"{{% connected_content {URL} :save jobs %}}"
EXTRAS = "{% message_extras :key cj :value {{jobs.exposure}} %}"
GOOD = {"html": CALL + EXTRAS, "text": CALL}


def findings(**parts: str) -> str:
    return "\n".join(template_findings(GOOD | parts, host="https://jobs.example.com", html="html"))


@pytest.mark.parametrize("name", ["jobs-mail", "jobs-mail-retry"])
def test_our_own_templates_have_none(name: str) -> None:
    folder = Path("app/braze/mail_templates")
    parts = {kind: (folder / f"{name}.{kind}.liquid").read_text() for kind in ("html", "txt")}
    assert not template_findings(parts, host="jobs-api.example.com", html="html")


def test_a_good_template_has_none() -> None:
    assert not findings()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"html": "", "text": ""}, "No part calls jobs.example.com"),
        ({"html": f"{{% comment %}}{CALL}{{% endcomment %}}", "text": ""}, "No part calls"),
        ({"html": CALL.replace("jobs.example.com", "other.example.com"), "text": ""}, "No part calls"),
        (
            {"html": CALL.replace("{{${user_id} | url_param_escape}}", "m1") + EXTRAS},
            "html has no member's id",
        ),
        ({"text": CALL.replace("?send={{campaign.${dispatch_id}}}", "")}, "text gives no send"),
        ({"text": CALL.replace("?send", "?limit=3&send")}, "different URLs"),
        (
            {"text": CALL.replace(":save", ":retry :save") + "{% abort_message('x') %}"},
            "prevents the retries",
        ),
        ({"html": CALL}, "stands 0 times in html"),
        ({"html": CALL + EXTRAS * 2}, "stands 2 times in html"),
        ({"text": CALL + EXTRAS}, "stands in text"),
    ],
)
def test_each_fault_has_its_sentence(parts: dict[str, str], said: str) -> None:
    assert said in findings(**parts)
