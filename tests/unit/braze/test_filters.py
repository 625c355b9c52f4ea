"""Filters that Braze has and standard Liquid has not."""

import pytest

from app.braze.errors import TemplateError
from app.braze.preview import Rendered, preview
from tests.unit.braze.answers import failing


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ 'hey<>hi' | url_escape }}", "hey%3C%3Ehi"),
        ("{{ 'a/b?c=1&d=가' | url_escape }}", "a/b?c=1&d=%EA%B0%80"),
        ("{{ 'hey<&>hi' | url_param_escape }}", "hey%3C%26%3Ehi"),
        ("{{ 'a/b?c #1+2%' | url_param_escape }}", "a%2Fb%3Fc%20%231%2B2%25"),
        ("{{ nothing | url_param_escape }}", ""),
        ("{{ 42 | url_param_escape }}", "42"),
        ("{{ '123\"456' | json_escape }}", '123\\"456'),
        ("{{ '<a href=\"x\">&' | escape }}", "&lt;a href=&quot;x&quot;&gt;&amp;"),
        ('{{ "it\'s" | escape }}', "it&#39;s"),
        ("{{ '<b>' }}", "<b>"),
    ],
)
def test_a_filter_gives_what_braze_documents(template: str, text: str) -> None:
    assert preview(template, user_id="m-1", fetch=failing()).outcome == Rendered(text)


def test_an_unknown_filter_is_refused_with_its_line() -> None:
    with pytest.raises(
        TemplateError, match=r"^Line 2, column 1 of the template: there is no filter 'shout'\.$"
    ):
        preview("\n{{ 'x' | shout }}", user_id="m-1", fetch=failing())


@pytest.mark.parametrize("tag", ["include 'x'", "render 'x'", "frobnicate"])
def test_a_tag_braze_has_not_is_refused(tag: str) -> None:
    with pytest.raises(TemplateError, match=r"^Line 1, column 1 of the template: .+\.$"):
        preview("{% " + tag + " %}", user_id="m-1", fetch=failing())
