"""Filters that Braze has and standard Liquid has not."""

import time

import pytest

from app.braze.errors import TemplateError
from app.braze.preview import Clocks, Rendered, preview
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


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ 'hey' | md5 }}", "6057f13c496ecf7fd777ceb9e79ae285"),
        ("{{ 'hey' | sha1 }}", "7f550a9f4c44173a37664d938f1355f0f92a47a7"),
        ("{{ 'hey' | sha2 }}", "fa690b82061edfd2852629aeba8a8977b57e40fcb77d1a7a28b26cba62591204"),
        ("{{ 'hey' | hmac_sha1_hex: 'secret_key' }}", "2a3969bed25bfeefb00aca4063eb9590b4df8f0e"),
        ("{{ 'hey' | hmac_sha1: 'secret_key' }}", "2a3969bed25bfeefb00aca4063eb9590b4df8f0e"),
        ("{{ 'hey' | hmac_sha1_base64: 'secret_key' }}", "KjlpvtJb/u+wCspAY+uVkLTfjw4="),
        (
            "{{ 'hey' | hmac_sha256_hex: 'secret_key' }}",
            "8df897f8da3d7992fe57c8dbc6f27578cfbf2dcc4d0fbb4000b8c924841d508e",
        ),
        ("{{ 'hey' | hmac_sha256_base64: 'secret_key' }}", "jfiX+No9eZL+V8jbxvJ1eM+/LcxND7tAALjJJIQdUI4="),
        ("{{ 'hey' | hmac_sha512: 'secret_key' | size }}", "128"),
        ("{{ 'blah' | base64_encode }}{{ 'blah' | base64 }}", "YmxhaA==YmxhaA=="),
        ("{{ 123456 | number_with_delimiter }}", "123,456"),
        ("{{ -1234.5678 | number_with_delimiter }}|{{ 'a' | number_with_delimiter }}", "-1,234.5678|a"),
        (
            "{{ 145 | money }}|{{ 17.8 | money }}|{{ 'a' | money }}|{{ 1234.565 | money }}",
            "145.00|17.80|a|1,234.57",
        ),
        ("{{ ${h} | property_accessor: 'a' }}|{{ nil | property_accessor: 'a' }}", "42|"),
        ("{{ ${h} | as_json_string }}", '{"a":42,"b":["가",null]}'),
        (
            "{{ '2026-12-01T00:00:00Z' | time_zone: 'Asia/Seoul' | date: '%F %H:%M %Z' }}",
            "2026-12-01 09:00 KST",
        ),
        ("{{ '2026-12-01T00:00:00Z' | time_zone: 'Asia/Seoul' }}", "2026-12-01 09:00:00 +0900"),
        ("{{ nil | time_zone: 'Asia/Seoul' }}{{ 'x' | time_zone: 'Asia/Seoul' }}", "x"),
        ("{{ 0 | time_zone: 'Nowhere/Else' }}", "Liquid error: Invalid Timezone: Nowhere/Else"),
        ("{{ '2026-12-01' | time_zone: ${nobody} | date: '%F %Z' }}", "2026-12-01 UTC"),
        ("{{ '2026-12-01' | time_zone: -5 | date: '%F %H %z' }}", "2026-11-30 19 -0500"),
        (
            "{{ '2026-12-01' | time_zone: 'Seoul' | date: '%H' }}{{ 0 | time_zone: 'New York' | date: '%H' }}",
            "0919",
        ),
        ("{{ 'a' | id: 'cb1' }}{{ x | lid: 'l1' }}{{ '7.9' | to_i }}", "al17"),
        ("{{ nil | md5 }}", "d41d8cd98f00b204e9800998ecf8427e"),
        ("{{ ${h} | map: 'a' | sum }}|{{ 'x' | sum }}", "42|0"),
    ],
)
def test_brazes_own_filters_give_what_it_documents(template: str, text: str) -> None:
    attributes = {"h": {"a": 42, "b": ["가", None]}}
    assert preview(template, user_id="m-1", attributes=attributes, fetch=failing()).outcome == Rendered(text)


@pytest.mark.parametrize(
    "name", ["camelize", "pluralize: 1", "handleize", "money_with_currency", "find_index: 'a'"]
)
def test_a_filter_braze_says_it_has_not_is_refused(name: str) -> None:
    with pytest.raises(TemplateError, match=r"Braze does not support the filter '\w+'\.$"):
        preview("{{ 'x' | " + name + " }}", user_id="m-1", fetch=failing())


@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul", "America/Los_Angeles"])
def test_dates_are_in_utc_whatever_the_machines_zone_and_an_offset_counts(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    template = "{{ '2026-12-01T00:00:00+09:00' | date: '%s' }} {{ '2026-12-01' | date: '%s' }} {{ 'now' | date: '%F %T %Z' }}"
    part = preview(template, user_id="m", fetch=failing(), clocks=Clocks(dates_s=lambda: 1_796_050_800))
    assert part.outcome == Rendered("1796050800 1796083200 2026-11-30 15:00:00 UTC")
    monkeypatch.undo()
    time.tzset()


def test_a_number_as_large_as_a_float_can_be_is_rounded() -> None:
    part = preview(
        "{{ ${n} | round }}|{{ ${n} | round: 2 }}", user_id="m", attributes={"n": 1.5e308}, fetch=failing()
    )
    assert part.outcome == Rendered("15" + "0" * 307 + "|1.5e+308")
