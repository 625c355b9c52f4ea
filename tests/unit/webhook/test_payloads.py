"""A message fits what Slack and Teams take, whatever stands in it, and nothing of it is read as markup."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhook.payloads import ChannelMessage, Kind, kind_of, payload
from tests.unit.webhook.double import Channel


@pytest.mark.parametrize("kind", ["slack", "teams"])
@given(st.text(min_size=1, max_size=300), st.lists(st.text(min_size=1, max_size=5_000), max_size=80))
def test_any_message_is_taken_and_what_is_left_out_is_counted(
    kind: Kind, title: str, lines: list[str]
) -> None:
    channel = Channel()
    body = payload(ChannelMessage(title, lines, "and {count} more"), kind)
    assert channel.answer("application/json", body)[0] in {200, 202}, body[:300]
    shown = channel.texts()[1:]
    left = len(lines) - (len(shown) - 1) if shown and shown[-1].startswith("and ") else 0
    assert left or len(shown) == len(lines)


def test_markup_in_a_campaigns_name_stays_text() -> None:
    hostile = "<!channel> <https://evil.example|click> *bold* [x](https://evil.example)"
    slack = json.loads(payload(ChannelMessage(hostile, [hostile]), "slack"))
    assert slack["text"].startswith("&lt;!channel&gt;")
    assert {block["text"]["type"] for block in slack["blocks"]} == {"plain_text"}
    card = json.loads(payload(ChannelMessage(hostile, [hostile]), "teams"))["attachments"][0]["content"]
    assert [block["inlines"][0]["type"] for block in card["body"]] == ["TextRun", "TextRun"]


def test_the_host_tells_whose_webhook_it_is() -> None:
    assert [kind_of(host) for host in ("hooks.slack.com", "slack.com", "slack.com.evil.example")] == [
        "slack",
        "slack",
        "teams",
    ]
