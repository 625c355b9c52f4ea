"""Double braces inside tags and arguments, HTML comments, and what a preview says beside the mail."""

from typing import Any

import pytest

from app.braze.errors import TemplateError
from app.braze.preview import Aborted, Clocks, PartPreview, Rendered, preview
from tests.unit.braze.answers import failing

ATTRIBUTES: dict[str, Any] = {
    "first_name": "민지",
    "language": "ko",
    "custom_attribute": {"points": 40, "Brands Viewed": ["Converse", "Puma"], "name": "it's"},
    "event_properties": {"count": 3},
    "api_trigger_properties": {"code": "A-1"},
    "canvas_entry_properties": {"orders": "3"},
    "context": {"flight": "KE-1"},
    "subscribed_state": {"email_global": "opted_in"},
    "campaign.api_id": "c-1",
    "orders": {"last": {"items": [{"name": "pen"}]}},
    "content_blocks": {
        "hello": "{% assign who = ${first_name} %}Hi {{who}}",
        "again": "{{content_blocks.${again}}}",
    },
}


def _part(template: str) -> PartPreview:
    return preview(
        template,
        user_id="m-1",
        attributes=ATTRIBUTES,
        fetch=failing(),
        clocks=Clocks(dates_s=lambda: 1_796_050_800),
    )


def _text(template: str) -> str:
    outcome = _part(template).outcome
    assert isinstance(outcome, Rendered)
    return outcome.text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% if {{custom_attribute.${points}}} >= 40 %}yes{% endif %}", "yes"),
        ("{% if {{custom_attribute.${points}}} >0 %}yes{% endif %}", "yes"),
        ("{% if {{${language}}}=='ko' %}yes{% endif %}", "yes"),
        ("{% if {{custom_attribute.${points}}}>={{event_properties.${count}}} %}yes{% endif %}", "yes"),
        ("{% if {{${language}}}!=blank and true=={{ true }} %}yes{% endif %}", "yes"),
        ("{% if false %}{% elsif {{ ${language} }} == 'ko' %}yes{% endif %}", "yes"),
        ("{% unless {{${language}}} == 'en' %}yes{% endunless %}", "yes"),
        ("{% case {{${language}}} %}{% when {{${language}}} %}yes{% endcase %}", "yes"),
        ("{% for b in {{custom_attribute.${Brands Viewed}}} limit:1 %}{{b}}{% endfor %}", "Converse"),
        ("{% for i in (1..{{event_properties.${count}}}) %}{{i}}{% endfor %}", "123"),
        ("{% for i in (1..{{ event_properties.${count} }}) %}{{ {{i}} }}{% endfor %}", "123"),
        ("{% tablerow i in {{custom_attribute.${Brands Viewed}}} cols:{{event_properties.${count}}} %}{% endtablerow %}",
         '<tr class="row1">\n<td class="col1"></td><td class="col2"></td></tr>\n'),
        ("{% cycle {{${language}}}, 'en' %}", "ko"),
        ("{% assign p = {{custom_attribute.${points} | plus: 50}} %}{{p}}", "90"),
        ("{% assign p = {{custom_attribute.${points}}} | plus: {{event_properties.${count}}} %}{{p}}", "43"),
        ("{% capture x %}{{${first_name}}}{% endcapture %}{{x}}", "민지"),
        ("{{custom_attribute.${points} | plus: {{event_properties.${count}}}}}", "43"),
        ("{{ 1 | plus: {{event_properties.${count}}} | times: {{custom_attribute.${points}}} }}", "160"),
        ("{{ ${nobody} | default: {{${first_name}}} }}", "민지"),
        ("{% liquid\n assign n = {{event_properties.${count}}}\n echo n\n%}", "3"),
        ("{% echo {{${first_name}}} %}", "민지"),
        ("{{api_trigger_properties.${code}}}{{canvas_entry_properties.${orders}}}{{context.${flight}}}", "A-13KE-1"),
        ("{{subscribed_state.${email_global}}}{{campaign.${api_id}}}", "opted_inc-1"),
        ("{{orders.${last}.items[0].name}}", "pen"),
        ("{{custom_attribute.${name} | append: \"'\"}}", "it's'"),
        ("{{content_blocks.${hello}}}, {{who}}", "Hi 민지, 민지"),
        ("{% assign s = '{{${first_name}}}' %}{{s}}", "{{${first_name}}}"),
    ],
)  # fmt: skip
def test_double_braces_may_stand_around_any_reference(template: str, text: str) -> None:
    assert _text(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a<!-- {{ 1 | broken -->b", "ab"),
        ("a<!-- {% abort_message() %}\n -->b", "ab"),
        ("{% assign x = 1 <!-- one --> %}{{x}}", "1"),
        ("<!--[if mso]>{{ 1 }}<![endif]-->", "<!--[if mso]>1<![endif]-->"),
        ("<!--[if !mso]><!-->{{ 1 }}<!--<![endif]-->", "<!--[if !mso]><!-->1<!--<![endif]-->"),
        ("{% raw %}<!-- x -->{% endraw %}", ""),
        ("a <!-- not closed {{ 1 }}", "a <!-- not closed 1"),
    ],
)
def test_html_comments_are_gone_before_any_liquid_is_read_but_conditional_ones_stay(
    template: str, text: str
) -> None:
    assert _text(template) == text


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{% if 1 %}{% elseif 2 %}{% endif %}", "there is no tag 'elseif'; there is 'elsif'"),
        ("{{ 1 | pluss: 2 }}", "there is no filter 'pluss'; there is 'plus'"),
        ("{{ x | date: '%Y }}", "there is no filter 'Y', and a quote is not closed"),
        ("{% abort_mesage %}", "there is no tag 'abort_mesage'; there is 'abort_message'"),
    ],
)
def test_a_mistyped_name_is_told_the_nearest_there_is(template: str, sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        _part(template)


def test_lines_and_columns_are_those_of_the_template_as_written() -> None:
    with pytest.raises(
        TemplateError, match=r"^Line 3, column 6 of the template: there is no tag 'frobnicate'\.$"
    ):
        _part("<!--\n-->\n<i>a {% frobnicate %}")


@pytest.mark.parametrize(
    ("template", "missing"),
    [
        (
            "{{${nickname}}}{{${nickname}}}{{custom_attribute.${wish}}}",
            ("${nickname}", "custom_attribute.${wish}"),
        ),
        ("{% if ${nickname} == blank %}{% endif %}", ("${nickname}",)),
        ("{{content_blocks.${banner}}}", ("content_blocks.${banner}",)),
        ("{{orders.${first}.items[0].name}}", ("orders.${first}.items.0.name",)),
        ("{% catalog_items games 1234 %}{{ items[0].title }}", ("item 1234 of the catalog games",)),
        ("{{ jobs.count }}{% assign a = b.c %}", ()),
        ("{{${first_name}}}{{custom_attribute.${points}}}", ()),
    ],
)
def test_what_has_no_value_is_named_once_as_the_template_writes_it(
    template: str, missing: tuple[str, ...]
) -> None:
    assert _part(template).missing == missing


@pytest.mark.parametrize(
    ("template", "note"),
    [
        ("{% if ${language} == 'ko' && 1 == 2 %}{% endif %}", "does not read '&& 1 == 2' in this if"),
        ("{% if {{custom_attribute.${name} | size}} > 2 %}{% endif %}", "does not read '| size > 2' in this if"),
        ("{% assign a = 1 %}{% if a==1 %}{% endif %}", "does not read 'a==1' in this if"),
        ("{{ 1 | divided_by: 0 }}", "Liquid prints 'Liquid error: divided by 0' here"),
        ("{{ 'x' | lstrip }}", "Braze does not say that it has the filter 'lstrip'"),
        ("{% if ${language} == \u2018ko\u2019 %}{% endif %}", "curly quotes are no quotes in Liquid"),
        ("{% shopping_cart abandoned %}", "only Braze can fill in {% shopping_cart %}"),
        ("{% promotion('summer') %}", "Braze puts a code in for {% promotion %}"),
    ],
)  # fmt: skip
def test_what_braze_reads_otherwise_than_it_looks_is_said(template: str, note: str) -> None:
    assert any(note in one for one in _part(template).notes)


def test_an_unread_reason_is_logged_as_written() -> None:
    part = _part("{% abort_message('{{ ${first_name} }}') %}")
    assert part.outcome == Aborted("{{ ${first_name} }}")
    assert "it logs it as written" in part.notes[0]


def test_message_extras_are_collected_and_print_nothing() -> None:
    part = _part(
        "a{% message_extras :key rid :value {{${first_name}}} %}b{% message_extras :key n :value 1 2 %}"
    )
    assert (part.outcome, dict(part.extras)) == (Rendered("ab"), {"rid": "민지", "n": "1 2"})


@pytest.mark.parametrize(
    ("template", "kept", "lost"),
    [
        ("{% message_extras :value 1 :key a %}", {}, "in this order"),
        ("{% message_extras see :key a :value 1 %}", {}, "with no other text"),
        ("{% message_extras :key a %}", {}, "in this order"),
        ("{% message_extras :key a :value {% assign b = 1 %} %}", {}, "no tags inside"),
        ("{% message_extras :key a :value {{ none }} %}", {}, "the message extra 'a' is empty"),
        ("{% message_extras :key a :value 1 %}{% message_extras :key a :value 2 %}", {"a": "1"}, "Braze sends the first"),
        ("{% capture x %}{% for i in (1..333) %}가{% endfor %}{% endcapture %}{% message_extras :key ab :value {{x}} %}{% message_extras :key c :value d %}", {"ab": "가" * 332}, "'ab' is cut off: Braze takes 1,000 bytes"),
        ("{% capture x %}{% for i in (1..996) %}a{% endfor %}{% endcapture %}{% message_extras :key b :value {{x}} %}{% message_extras :key cj :value d %}", {"b": "a" * 996, "cj": "d"}, "The mail will not be known in any result: The exposure ends where Braze cuts"),
        ("{% message_extras :key cj :value v1|x %}", {"cj": "v1|x"}, "An exposure has 7 fields; this text has 2."),
    ],
)  # fmt: skip
def test_what_braze_silently_loses_of_message_extras_is_said(
    template: str, kept: dict[str, str], lost: str
) -> None:
    part = _part(template)
    assert dict(part.extras) == kept
    assert any(lost in one for one in part.lost_extras)


def test_extras_of_a_message_that_is_not_sent_are_not_lost() -> None:
    part = _part("{% message_extras :key a %}{% abort_message('no') %}")
    assert (part.outcome, part.lost_extras) == (Aborted("no"), ())


def test_catalogs_given_to_the_preview_are_used() -> None:
    attributes = {
        "catalogs": {"games": [{"id": "1", "title": "Go"}, {"id": 2, "title": "Chess"}]},
        "catalog_selections": {"games": {"cheap": [{"title": "Dice"}]}},
    }
    template = "{% catalog_items games {{ 2 }}, 1 %}{{items[0].title}}{{items[1].title}}{% catalog_selection_items games cheap %}{{items.first.title}}"
    assert preview(template, user_id="m", attributes=attributes, fetch=failing()).outcome == Rendered(
        "ChessGoDice"
    )


def test_a_content_block_that_holds_itself_is_not_rendered_for_ever() -> None:
    part = _part("{{content_blocks.${again}}}")
    assert "nested too deep" in part.notes[0]


def test_attributes_may_be_those_of_an_export() -> None:
    attributes = {"custom_attributes": {"wish": "a"}, "canvas_context": {"x": "b"}}
    template = "{{custom_attribute.${wish}}}{{context.${x}}}"
    assert preview(template, user_id="m", attributes=attributes, fetch=failing()).outcome == Rendered("ab")


@pytest.mark.parametrize("name", ["first_name", "${first_name}"])
def test_attributes_may_be_named_with_or_without_the_dollar(name: str) -> None:
    part = preview("{{${first_name}}}", user_id="m", attributes={name: "a"}, fetch=failing())
    assert part.outcome == Rendered("a")


def test_the_member_of_the_preview_is_the_one_asked_for() -> None:
    assert preview(
        "{{${user_id}}}", user_id="m", attributes={"user_id": "x"}, fetch=failing()
    ).outcome == Rendered("m")
