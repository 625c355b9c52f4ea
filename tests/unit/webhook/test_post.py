"""A message is tried again where waiting helps, refused where it does not, and never sent into a private network."""

from __future__ import annotations

import traceback

import pytest

from app.webhook.payloads import ChannelMessage, payload
from app.webhook.post import TRIES, Webhook, WebhookError
from tests.unit.webhook.double import channel

BODY = payload(ChannelMessage("title", ["line"]), "slack")


@pytest.mark.parametrize("faults", [[], [500], ["cut", 503], [429, "cut", 502]])
def test_it_is_delivered_in_spite_of_faults_that_pass(faults: list[int | str]) -> None:
    waited: list[float] = []
    with channel(faults, retry_after="7") as told:
        Webhook(url=told.url, private=True).post(BODY, sleep=waited.append)
        assert told.calls == len(faults) + 1
        assert told.texts() == ["title", "line"]
    expected = [7.0 if fault == 429 else 2.0**place for place, fault in enumerate(faults)]
    assert waited == expected


def test_a_channel_that_stays_away_is_given_up() -> None:
    with channel([503] * 9) as told, pytest.raises(WebhookError, match="answers 503 later, 4 times"):
        Webhook(url=told.url, private=True).post(BODY, sleep=lambda _s: None)
    assert told.calls == TRIES


@pytest.mark.parametrize("status", [302, 400, 403, 404, 410])
def test_what_waiting_does_not_mend_is_tried_once_and_no_redirect_is_followed(status: int) -> None:
    with channel([status] * 3) as told, pytest.raises(WebhookError, match=f"answers {status}"):
        Webhook(url=told.url, private=True).post(BODY, sleep=lambda _s: None)
    assert told.calls == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://10.0.0.5/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.5]/x",
        "https://192.168.1.1:8443/x",
    ],
)
def test_an_address_inside_the_network_is_refused_unless_it_is_meant(url: str) -> None:
    with pytest.raises(WebhookError, match="inside a private network"):
        Webhook(url=url).post(BODY, sleep=lambda _s: None)


def test_plain_http_is_refused_unless_it_is_meant() -> None:
    with channel() as told, pytest.raises(WebhookError, match="is not https"):
        Webhook(url=told.url).post(BODY, sleep=lambda _s: None)
    assert told.calls == 0


def test_the_secret_of_the_url_is_in_no_sentence_and_no_traceback() -> None:
    with channel([400]) as told:
        webhook = Webhook(url=told.url, private=True)
        with pytest.raises(WebhookError) as refused:
            webhook.post(BODY)
    told_of_it = repr(webhook) + "".join(traceback.format_exception(refused.value))
    assert "secret-of-the-channel" not in told_of_it
