"""Blank means in previews what it means in Braze."""

import pytest

from app.braze.preview import Rendered, preview
from tests.unit.braze.answers import failing

ATTRIBUTES = {
    "empty": "",
    "spaces": " \n",
    "name": "민지",
    "none": None,
    "no": False,
    "zero": 0,
    "list": [],
    "full": [1],
}


@pytest.mark.parametrize("name", ["empty", "spaces", "none", "no", "list", "never_set"])
def test_nothing_in_it_is_blank(name: str) -> None:
    assert _answers(name) == "is is is is is is"


@pytest.mark.parametrize("name", ["name", "zero", "full"])
def test_anything_in_it_is_not_blank(name: str) -> None:
    assert _answers(name) == "not not not not not not"


def _answers(name: str) -> str:
    template = (
        "{% if ${x} == blank %}is{% else %}not{% endif %} {% if ${x} != blank %}not{% else %}is{% endif %} "
        "{% if blank == ${x} %}is{% else %}not{% endif %} {% if false %}{% elsif ${x} == blank %}is{% else %}not{% endif %} "
        "{% unless ${x} == blank %}not{% else %}is{% endunless %} "
        "{% if true and ${x} == blank and 1 == 1 %}is{% else %}not{% endif %}"
    ).replace("${x}", "${" + name + "}")
    outcome = preview(template, user_id="m", attributes=ATTRIBUTES, fetch=failing()).outcome
    assert isinstance(outcome, Rendered)
    return outcome.text


def test_other_comparisons_stay_as_they_were() -> None:
    template = "{% if ${name} == '민지' %}a{% endif %}{% if ${zero} != 0 %}b{% endif %}{% if ${empty} == empty %}c{% endif %}"
    assert preview(template, user_id="m", attributes=ATTRIBUTES, fetch=failing()).outcome == Rendered("ac")
