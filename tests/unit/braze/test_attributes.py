"""Braze's `${name}` references."""

import pytest

from app.braze.calls import StoredCredential
from app.braze.errors import TemplateError
from app.braze.preview import PartPreview, Rendered, preview
from tests.unit.braze.answers import failing

ATTRIBUTES = {
    "first_name": "민지",
    "campaign.dispatch_id": "d-1",
    "custom_attribute.Desired Salary": 4000,
    "custom_attribute.it's": "quoted",
    "custom_attribute.skills": ["Go", "SQL"],
}


def _text(template: str) -> str:
    part = preview(template, user_id="m-1", attributes=ATTRIBUTES, fetch=failing())
    assert isinstance(part.outcome, Rendered)
    return part.outcome.text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{${user_id}}}", "m-1"),
        ("{{ ${user_id} }}", "m-1"),
        ("{{- ${user_id} -}}", "m-1"),
        ("{{${user_id} | append: '!' }}", "m-1!"),
        ("{{campaign.${dispatch_id}}}", "d-1"),
        ("{{custom_attribute.${Desired Salary}}}", "4000"),
        ("{{custom_attribute.${it's}}}", "quoted"),
        ("{{custom_attribute.${skills}[1]}}", "SQL"),
        ("{{ ${nickname} | default: ${first_name} }}", "민지"),
        ("{{${nickname}}}", ""),
        ("{{event_properties.${x}}}", ""),
        ("{% if ${first_name} == '민지' %}yes{% endif %}", "yes"),
        ("{% assign who = ${first_name} %}{{ who }}", "민지"),
        ("{{${first_name}}}{{${user_id}}}", "민지m-1"),
        ("{{ '${user_id}' }}", "${user_id}"),
        ("{% raw %}{{${user_id}}}{% endraw %}", "{{${user_id}}}"),
        ("price: ${5} and }}", "price: ${5} and }}"),
    ],
)
def test_a_reference_prints_what_braze_prints(template: str, text: str) -> None:
    assert _text(template) == text


def test_a_member_id_holding_liquid_is_printed_not_run() -> None:
    part = preview("{{${user_id}}}", user_id="{{ 7 }}{% assign x = 1 %}", fetch=failing())
    assert part == PartPreview(Rendered("{{ 7 }}{% assign x = 1 %}"), ())


@pytest.mark.parametrize("template", ["{{${user_id}", "{{${}}}", "{{${a\nb}}}", "{% if ${x} %}"])
def test_a_broken_reference_is_a_template_error_of_one_sentence(template: str) -> None:
    with pytest.raises(TemplateError, match=r"^Line \d+, column \d+ of the template: .+\.$"):
        preview(template, user_id="m-1", credential=StoredCredential("a", "b"), fetch=failing())
