"""A template that would never end, or fill all memory, ends with one sentence."""

import pytest

from app.braze.errors import TemplateError
from app.braze.preview import MAX_CALLS, Rendered, preview
from tests.unit.braze.answers import answering, failing

DOUBLING = "{% assign x = 'aaaaaaaaaa' %}{% for i in (1..60) %}{% assign x = x | append: x %}{% endfor %}"
LISTS = "{% assign a = 'a' | split: ',' %}{% for i in (1..60) %}{% assign a = a | concat: a %}{% endfor %}"
DIGITS = "{% assign n = 9 %}{% for i in (1..60) %}{% assign n = n | times: n %}{% endfor %}"
LONG = "{% capture x %}{% for i in (1..9000) %}0123456789{% endfor %}{% endcapture %}"


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in (1..1000000000) %}{% endfor %}",
        "{% for i in (1..2000) %}{% for j in (1..2000) %}{{ i }}{% endfor %}{% endfor %}",
        "{% for i in (1..1000000000) reversed %}{{ i }}{% endfor %}",
        "{{ (1..1000000000) | join }}",
        "{{ (1..1000000000) | reverse | first }}",
        "{% tablerow i in (1..1000000000) %}{% endtablerow %}",
        "{% for i in (1..99999999999999999999999) %}{% endfor %}",
        DOUBLING,
        LISTS,
        DIGITS,
        DOUBLING.replace("append: x", "replace: 'a', x"),
        DOUBLING.replace("assign x = x | append: x", "capture x").replace("{% endfor %}", "{{x}}{{x}}{% endcapture %}{% endfor %}"),
        "{% assign n = '" + "9" * 5000 + "' | plus: 1 %}",
        "{% assign n = " + "9" * 5000 + " %}",
        LONG + "{% for i in (1..2000) %}{% assign y = x | upcase %}{{ y }}{% endfor %}",
        LONG + "{% assign a = x | split: '' %}{% for i in (1..1000) %}{% assign b = a | join: x %}{% endfor %}",
        "{% if 1 %}" * 150 + "{% endif %}" * 150,
        "{{" * 20_000,
        "{{ a" + "[" * 20_000 + " }}",
        "{% connected_content https://h/" + "{{" * 20_000 + " %}",
    ],
)  # fmt: skip
def test_what_never_ends_ends_with_one_sentence(template: str) -> None:
    with pytest.raises(TemplateError, match=r"^[^\n]{10,400}\.$"):
        preview(template, user_id="m", fetch=failing())


@pytest.mark.parametrize(
    ("template", "length"),
    [
        ("{% for i in (1..1000000000) limit:3 %}{{ i }}{% endfor %}", 3),
        ("{{ (1..1000000000) | size }}{{ (1..1000000000) | last }}", 20),
        ("a" * 200_000 + "{ " * 100_000, 400_000),
        ("<!--" * 50_000, 200_000),
        ("{{ '" + "<script" * 20_000 + "' | strip_html | size }}", 6),
        ("{{ '" + "<" * 100_000 + "' | strip_html | size }}", 6),
        ("{{ '" + "-1" * 50_000 + "' | date: '%Y' | size }}", 6),
        ("{% if " + "a and " * 3000 + "a %}{% endif %}", 0),
        ("{% if " + "'" * 20_001 + " %}{% endif %}", 0),
        ("{{ a" + " | upcase" * 1000 + " }}", 0),
        ("{{ (" + "." * 50_000 + " }}", 0),
        ("{{ a" + "[a" * 400 + "]" * 400 + " }}", 0),
    ],
)  # fmt: skip
def test_what_only_looks_endless_is_rendered(template: str, length: int) -> None:
    outcome = preview(template, user_id="m", fetch=failing()).outcome
    assert isinstance(outcome, Rendered)
    assert len(outcome.text) == length


def test_calls_in_a_loop_end_too() -> None:
    fetch = answering({})
    with pytest.raises(TemplateError, match="calls"):
        preview(
            "{% for i in (1..500) %}{% connected_content https://h/{{i}} %}{% endfor %}",
            user_id="m",
            fetch=fetch,
        )
    assert len(fetch.requests) == MAX_CALLS
