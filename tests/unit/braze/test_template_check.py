"""A template of a campaign is read without rendering, and each fault has its code and sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.braze.template_check import calls_in, key_in, template_findings
from app.capacity.planner import sentence

URL = "https://jobs.example.com/v1/members/{{${user_id} | url_param_escape}}/recommendations?campaign=weekly&send={{campaign.${dispatch_id}}}"
CALL = f"{{% connected_content {URL} :save jobs %}}"
EXTRAS = "{% message_extras :key cj :value {{jobs.exposure}} %}"
GOOD = {"html": CALL + EXTRAS, "text": CALL}
HOST = "https://jobs.example.com"
RETRIED = CALL.replace(":save", ":retry :save")


def codes(**parts: str) -> list[str]:
    return [found.code.value for found in template_findings(GOOD | parts, host=HOST, html="html")]


@pytest.mark.parametrize("name", ["jobs-mail", "jobs-mail-retry"])
def test_our_own_templates_have_none(name: str) -> None:
    folder = Path("app/braze/mail_templates")
    parts = {kind: (folder / f"{name}.{kind}.liquid").read_text() for kind in ("html", "txt")}
    assert not template_findings(parts, host="jobs-api.example.com", html="html")
    assert key_in(parts, "jobs-api.example.com") == "weekly-digest"


def test_a_good_template_has_none() -> None:
    assert not codes()


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"html": "", "text": ""}, "template_no_call"),
        ({"html": f"{{% comment %}}{CALL}{{% endcomment %}}", "text": ""}, "template_no_call"),
        ({"html": f"{{%- raw -%}}{CALL}{{%- endraw -%}}", "text": ""}, "template_no_call"),
        ({"html": CALL.replace("jobs.example.com", "other.example.com"), "text": ""}, "template_no_call"),
        ({"html": "{{content_blocks.${jobs_call}}}", "text": ""}, "template_unseen"),
        ({"html": "{% connected_content {{jobs_url}} :save jobs %}", "text": ""}, "template_unseen"),
        (
            {"html": "{% connected_content https://{{api_host}}/v1/x :save jobs %}", "text": ""},
            "template_unseen",
        ),
        ({"html": CALL.replace("{{${user_id} | url_param_escape}}", "m1") + EXTRAS}, "template_no_member"),
        ({"text": CALL.replace("&send={{campaign.${dispatch_id}}}", "")}, "template_no_send"),
        ({"text": CALL.replace("&send", "&limit=3&send")}, "template_urls_differ"),
        ({"text": RETRIED + "{% abort_message('x') %}"}, "template_retry_aborts"),
        (
            {"text": RETRIED + "{% if jobs.__http_status_code__ != 200 %}{% abort_message() %}{% endif %}"},
            "template_retry_aborts",
        ),
        ({"html": CALL}, "template_extras_count"),
        ({"html": CALL + EXTRAS * 2}, "template_extras_count"),
        ({"text": CALL + EXTRAS}, "template_extras_elsewhere"),
    ],
)
def test_each_fault_has_its_code(parts: dict[str, str], code: str) -> None:
    assert code in codes(**parts)


# The shapes in which people write such templates: an address in a variable, tags over several lines, a header with
# credentials, a second call to somebody else, a retry that aborts on a good answer alone, and a call in a condition.
@pytest.mark.parametrize(
    "html",
    [
        '{% assign id = "x" %}{% assign jobs_url = "'
        + URL
        + '" %}{% connected_content {{jobs_url}} :save jobs %}',
        "{% capture jobs_url %}\n  "
        + URL
        + "\n{% endcapture %}\n{% connected_content {{ jobs_url }} :save jobs %}",
        "{% assign host = 'https://jobs.example.com' %}"
        + CALL.replace("https://jobs.example.com", "{{host}}"),
        "{%-connected_content\n  "
        + URL
        + '\n  :method get\n  :headers {"X-A": "b"}\n  :basic_auth jobs\n  :save jobs\n-%}',
        "{% connected_content https://weather.example.net/{{${city}}} :save w :cache_max_age 900 %}" + CALL,
        RETRIED.replace(" :save jobs", " :save jobs :content_type application/json")
        + "{% if jobs.__http_status_code__ == 200 and jobs.count < 3 %}{% abort_message('few') %}{% endif %}",
        "{% if ${language} == 'ko' %}" + CALL + "{% endif %}",
        "{% # a note %}" + CALL,
        CALL.replace("https://jobs.example.com", "HTTPS://Jobs.Example.com:443"),
        CALL.replace("${user_id}", "${external_id}"),
    ],
)
def test_shapes_in_which_people_write_a_good_template_have_no_fault(html: str) -> None:
    assert [
        found.code.value for found in template_findings({"html": html + EXTRAS}, host=HOST, html="html")
    ] == []
    assert calls_in({"html": html}, HOST)
    assert key_in({"html": html}, HOST) == "weekly"


def test_two_keys_are_none() -> None:
    assert key_in({"a": CALL, "b": CALL.replace("=weekly", "=daily")}, HOST) is None
    assert key_in({"a": CALL.replace("=weekly", "=Week%20ly")}, HOST) is None


def test_a_sentence_names_the_message_in_both_languages() -> None:
    (found,) = template_findings(GOOD | {"html": CALL}, host=HOST, html="html", message="Variant 1")
    filled = type(found)(found.code, {**found.numbers, "name": "주간"})
    assert sentence(filled, "ko").startswith("‘주간’ 템플릿(Variant 1)의 HTML 본문에")
    assert '"주간" (Variant 1)' in sentence(filled, "en")


@given(
    st.text(alphabet="{}%$|: \n-'\"abc/.=&?#")
    | st.lists(st.sampled_from([CALL, EXTRAS, "{%", "%}", "{{", "}}", "{% comment %}", "{% endraw %}"])).map(
        "".join
    )
)
def test_any_text_is_read(text: str) -> None:
    template_findings({"html": text}, host=HOST, html="html")


@pytest.mark.parametrize(
    "piece",
    [
        "{% comment %}",
        "{% connected_content https://jobs.example.com/{{a}}{{b}}{{c}}",
        "{% connected_content " + "{{a}}" * 40 + " ",
        "{% capture a %}",
        "{% if a.__http_status_code__ == 200 ",
        "{% assign a = '",
    ],
)
def test_a_text_of_half_tags_is_read_without_going_over_it_again_and_again(piece: str) -> None:
    template_findings({"html": piece * (100_000 // len(piece))}, host=HOST, html="html")
