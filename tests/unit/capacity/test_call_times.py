"""The instants of a second's calls."""

from collections.abc import Callable

import numpy as np
import pytest

from app.capacity.call_times import call_times
from app.capacity.campaign import Campaign, Range, Workspace
from app.capacity.send import Send
from app.capacity.service import Answer

Build = Callable[..., Campaign]


def test_parts_of_a_message_follow_each_other_by_milliseconds(campaign: Build, seoul: Workspace) -> None:
    one = campaign(6_000, limit_per_min=6_000, burst=Range.exactly(1), calls_per_recipient=Range.exactly(3))
    offer = next(Send([one], seoul).offers())
    calls = call_times(offer, np.random.default_rng(1), part_gap_ms=20)

    assert len(calls.at_s) == offer.calls == 300
    assert (np.diff(calls.at_s) >= 0).all()
    by_message = {
        message: calls.at_s[calls.message == message].tolist()
        for message in sorted(set(calls.message.tolist()))
    }
    assert list(by_message) == list(range(100))
    for first, second, third in by_message.values():
        assert 0 <= first < 1
        assert (second - first, third - first) == pytest.approx((0.02, 0.04))


def test_calls_of_several_campaigns_are_told_apart(campaign: Build, seoul: Workspace) -> None:
    campaigns = [
        campaign(
            600,
            name=name,
            limit_per_min=600,
            burst=Range.exactly(1),
            calls_per_recipient=Range.exactly(calls),
        )
        for name, calls in (("a", 1), ("b", 2))
    ]
    offer = next(Send(campaigns, seoul).offers())
    calls = call_times(offer, np.random.default_rng(1), part_gap_ms=5)
    assert np.bincount(calls.campaign).tolist() == [10, 20]
    assert np.bincount(calls.render_pass).tolist() == [20, 10]


def test_a_seed_reproduces_the_instants(campaign: Build, seoul: Workspace) -> None:
    offer = next(Send([campaign(1_000)], seoul).offers())
    first, again = (call_times(offer, np.random.default_rng(4), part_gap_ms=5).at_s for _ in range(2))
    assert first.tolist() == again.tolist()


def test_calls_that_braze_withholds_have_no_instant(campaign: Build, seoul: Workspace) -> None:
    send = Send([campaign(60_000, limit_per_min=60_000, burst=Range.exactly(1))], seoul)
    reached = []
    for offer in send.offers():
        calls = call_times(offer, np.random.default_rng(1), part_gap_ms=5)
        assert len(calls.at_s) == offer.calls
        reached.append(offer.calls)
        send.settle(offer, Answer(failed={503: offer.calls}))
    assert reached == [1_000] * 4 + [0] * 56
